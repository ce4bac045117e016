"""How often a comparison of latencies is wrong, and how long it takes: on simulated machines, and on this one.

    python benchmarks/latency.py simulated [PAIRS]   # of each noise, equal things and a tenth slower
    python benchmarks/latency.py real [PAIRS] [NEIGHBOURS]   # two sessions in a worker beside busy processes
    python benchmarks/latency.py across [PAIRS] [NEIGHBOURS] # two sessions in two workers, as of two backends
    python benchmarks/latency.py both [ROUNDS]       # speed-ups of int8 files of this repository, measured both ways
    python benchmarks/latency.py worker [ROUNDS]     # a call through the worker against a bare script

Each prints a table in Markdown.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.backends.hosted import EngineHost, HostedSession
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.backends.sequential import LOOKS, Interval, interval_of_ratios
from pytest_qparity.backends.timing import Question
from pytest_qparity.checks.speed_up import DIFFERENCE_BOUNDS, Decision, decision, speed_up
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.backends.noise import NOISES, pairs_of

CASES = Path(__file__).parent.parent / "cases"
SECONDS = 20.0
LAYERS, MORE_LAYERS, WIDTH, ROWS = 20, 22, 256, 64  # a tenth more of the same work
NEIGHBOUR = """
import random, time
chance = random.Random({seed})
while True:
    end = time.perf_counter() + chance.expovariate(1 / 0.05)
    while time.perf_counter() < end:
        sum(i * i for i in range(2000))
    time.sleep(chance.expovariate(1 / 0.05))
"""
BARE = """
import sys, time
import numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
feed = {{"x": numpy.ones(({rows}, {width}), numpy.float32)}}
names = [output.name for output in session.get_outputs()]
for _ in sys.stdin:
    for _ in range(6):
        session.run(names, feed)
    times = []
    while len(times) < 100:
        used, start = time.process_time_ns(), time.perf_counter_ns()
        session.run(names, feed)
        took = time.perf_counter_ns() - start
        if time.process_time_ns() - used >= 0.9 * took:
            times.append(took / 1e6)
    print(sorted(times)[50], flush=True)
"""


def chain(layers: int) -> onnx.ModelProto:
    """`layers` products of 256 × 256 with a Relu behind each."""
    generator = np.random.default_rng(0)
    nodes, weights, last = [], [], "x"
    for layer in range(layers):
        weight = (generator.normal(size=(WIDTH, WIDTH)) / WIDTH**0.5).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"h{layer}"]))
        nodes.append(helper.make_node("Relu", [f"h{layer}"], [f"y{layer}"]))
        last = f"y{layer}"
    shape = [None, WIDTH]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info(last, TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "chain", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def simulated(count: int) -> None:
    print(f"{count} pairs of sessions each; at most {LOOKS[-1]:,} pairs of blocks\n")
    print("| noise | truth | same | faster | slower | cannot tell | pairs, median | budget 1.0: pass / fail / open |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for noise in NOISES:
        for truth, ratio in (("equal", 1.0), ("a tenth slower", 1 / 1.1)):
            generator = np.random.default_rng(sum(map(ord, noise)))
            decided: Counter[Decision] = Counter()
            budget: Counter[str] = Counter()
            taken = []
            for _ in range(count):
                times = pairs_of(noise, LOOKS[-1], ratio, generator)
                pairs, found = _until(lambda each: each.decides(DIFFERENCE_BOUNDS), *times)
                decided[decision(found)] += 1
                taken.append(pairs)
                _, found = _until(lambda each: each.decides((1.0,)), *times)
                budget["pass" if found.low >= 1.0 else "fail" if found.high < 1.0 else "open"] += 1
            shown = " | ".join(str(decided[each]) for each in Decision)
            told = " / ".join(str(budget[each]) for each in ("pass", "fail", "open"))
            print(f"| {noise} | {truth} | {shown} | {np.median(taken):.0f} | {told} |")


def _until(
    is_known: Callable[[Interval], bool], variant_ms: np.ndarray, counterpart_ms: np.ndarray
) -> tuple[int, Interval]:
    for pairs in LOOKS:
        found = interval_of_ratios(variant_ms[:pairs], counterpart_ms[:pairs])
        if is_known(found):
            break
    return pairs, found


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Processes that compute for 50 ms and sleep for 50 ms on average."""
    with ExitStack() as started:
        for seed in range(count):
            process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR.format(seed=seed)])
            started.callback(process.wait)
            started.callback(process.kill)
        yield


def real(count: int, busy: int, *, across: bool = False) -> None:
    """In one worker, or each in one of its own, new for each pair: what a process is given by chance counts too."""
    rows: dict[str, list[tuple[Decision, float, int, float]]] = {"equal": [], "a tenth slower": []}
    with files() as (few, more), neighbours(busy):
        for index in range(count):
            truth = list(rows)[index % 2]
            with host() as engines, host() if across else nullcontext(engines) as others:
                variant = engines.load(few if truth == "equal" else more, SessionOptions())
                counterpart = others.load(few, SessionOptions())
                start = time.perf_counter()
                times = variant.time_in_turn(counterpart, feed(), Question(SECONDS, DIFFERENCE_BOUNDS))
                took_s = time.perf_counter() - start
            found = speed_up(times)
            rows[truth].append((decision(found), took_s, len(times.variant_ms), found.estimate))
            shown = f"{found.low:.3f} {found.estimate:.3f} {found.high:.3f}"
            print(truth, decision(found).value, shown, f"{took_s:.1f} s", times.of_variant.conditions, file=sys.stderr)
    print(f"{count} pairs of sessions, {busy} busy neighbours, {os.cpu_count()} CPUs, load {os.getloadavg()[1]:.1f}\n")
    print("| truth | same | faster | slower | cannot tell | seconds, median / 95 % | estimates, 5 to 95 % |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for truth, seen in rows.items():
        decided = Counter(each[0] for each in seen)
        seconds = np.quantile([each[1] for each in seen], [0.5, 0.95])
        low, high = np.quantile([each[3] for each in seen], [0.05, 0.95])
        shown = " | ".join(str(decided[each]) for each in Decision)
        print(f"| {truth} | {shown} | {seconds[0]:.1f} / {seconds[1]:.1f} | {low:.3f} to {high:.3f} |")


def both(rounds: int) -> None:
    """What one worker says of two files is the truth that two workers are held against."""
    print("| file over fp32 | one worker, median | two workers, median | two / one, quartiles |")
    print("| --- | --- | --- | --- |")
    for float_file, int8_file in (("digits_resnet", "digits_resnet_qat"), ("textbert", "textbert_stock_int8")):
        ratios: dict[bool, list[float]] = {False: [], True: []}
        fp32, int8 = (CASES / "models" / f"{name}.onnx" for name in (float_file, int8_file))
        with np.load(CASES / "data" / f"{float_file.partition('_')[0]}_test.npz") as stored:
            names = [each.name for each in onnx.load(fp32).graph.input]
            fed = {name: stored[name][:1] for name in names}
        for _ in range(rounds):
            for across, seen in ratios.items():
                with host() as engines, host() if across else nullcontext(engines) as others:
                    variant = engines.load(int8, SessionOptions())
                    counterpart = others.load(fp32, SessionOptions())
                    found = speed_up(variant.time_in_turn(counterpart, fed, Question(SECONDS, narrow=1.05)))
                seen.append(found.estimate)
        quotients = np.divide(ratios[True], ratios[False])
        low, high = np.quantile(quotients, [0.25, 0.75])
        one, two = np.median(ratios[False]), np.median(ratios[True])
        print(f"| {int8_file} | {one:.3f} | {two:.3f} | {low:.3f} to {high:.3f} |", flush=True)


def worker(rounds: int) -> None:
    """A bare script and the worker in turn, 100 calls each, of those that were not interrupted."""
    ratios = []
    with files() as (few, _), host() as engines, bare(few) as script:
        session = engines.load(few, SessionOptions())
        for _ in range(rounds):
            before, between, after = script(), through(session), script()
            ratios.append(2 * between / (before + after))
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    print(f"Through the worker over bare, {rounds} rounds: {middle:.3f} (quartiles {low:.3f} to {high:.3f})")


def through(session: HostedSession) -> float:
    return float(np.median(session.time_alone(feed(), Question(0.15)).quiet_ms))


@contextmanager
def bare(path: Path) -> Iterator[Callable[[], float]]:
    """A process with a session of the file that times it when it is asked to: median milliseconds."""
    command = [sys.executable, "-c", BARE.format(rows=ROWS, width=WIDTH), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, told = process.stdin, process.stdout

        def timed() -> float:
            asked.write("\n")
            return float(told.readline())

        timed()
        yield timed
        asked.close()


def feed() -> dict[str, np.ndarray]:
    return {"x": np.ones((ROWS, WIDTH), np.float32)}


@contextmanager
def files() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "few.onnx", Path(folder) / "more.onnx"
        for path, layers in zip(paths, (LAYERS, MORE_LAYERS), strict=True):
            onnx.save(chain(layers), path)
        yield paths


@contextmanager
def host() -> Iterator[EngineHost]:
    engines = EngineHost(WorkerProcess(Limits()), backend_table()["ort"])
    try:
        yield engines
    finally:
        engines.close()


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or ["simulated"]
    given = [int(number) for number in numbers]
    if what == "simulated":
        simulated(*(given or [200]))
    elif what in ("real", "across"):
        real(*(given + [40, 2][len(given) :]), across=what == "across")
    elif what == "both":
        both(*(given or [8]))
    elif what == "worker":
        worker(*(given or [40]))
    else:
        sys.exit(f"got {what!r}, should be simulated, real, across, both or worker")
