"""What streaming adds to an engine's own time: a class tree of JPEGs, decoded while the engine runs.

python -m benchmarks.streaming           # some minutes

The same feeds are run by ONNX Runtime on one thread from memory, from memory once more, and streamed, in an order drawn
by lot each time, so that what else the machine does meets all of them alike. Told are the engine's thread's CPU time,
the time that went by, and the time that went by less what the thread waited for a core (Linux's schedstat): the last
holds what the engine waits for the decoder, and not that other processes had its core. Each as the median of paired
ratios with the 98 % interval that the gate's own comparison of latencies uses; memory against memory beside it, which
is nothing but the noise of the machine. The first pass over the records (ids, labels, hashes) is told apart: it is made
once a source.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.backends.sequential import interval_of_ratios
from pytest_qparity.case.data_loading import feeds_of, open_samples
from pytest_qparity.case.data_spec import DataSpec, ImageSpec
from pytest_qparity.case.feeding import Feed, FeedSource
from pytest_qparity.case.model import TensorInfo
from pytest_qparity.case.reach import Reach

IMAGES, CLASSES, SIDE, BATCH, ROUNDS = 128, 4, 96, 8, 24
KINDS = ("CPU of the engine's thread", "time less waiting for a core", "time")
SCHEDSTAT = Path("/proc/thread-self/schedstat")
INPUT = TensorInfo("input", "float32", ("N", 3, 64, 64))


def write_tree(folder: Path) -> None:
    from PIL import Image

    random = np.random.default_rng(0)
    for index in range(IMAGES):
        place = folder / f"class {index % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (12, 12, 3), np.uint8))
        coarse.resize((SIDE, SIDE)).save(place / f"{index}.jpg", quality=90)


def convolutions(width: int, depth: int) -> bytes:
    random = np.random.default_rng(0)
    nodes, weights, name, channels = [], [], "input", 3
    for layer in range(depth):
        weight = random.normal(0, 0.05, (width, channels, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(helper.make_node("Conv", [name, f"w{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        name, channels = f"r{layer}", width
    nodes.append(helper.make_node("GlobalAveragePool", [name], ["output"]))
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 64, 64])]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", width, 1, 1])]
    graph = helper.make_graph(nodes, "convolutions", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def main() -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_tree(folder / "tree")
        spec = DataSpec(test="tree", batch=BATCH, image=ImageSpec(resize=72, crop=64, mean=(0.5,) * 3, std=(0.25,) * 3))
        start = time.perf_counter()
        samples = open_samples("tree", spec, Reach.of(folder, [folder]), lambda: (INPUT,), 1000.0)
        first_ms = 1000 * (time.perf_counter() - start)
        feeds = feeds_of(samples, (INPUT,), BATCH)
        held = list(feeds)
        decode_ms = _decoding_cpu_ms(feeds)
        each = f"first pass {first_ms / IMAGES:.2f} ms, decoding {decode_ms:.2f} ms of CPU time"
        print(f"{IMAGES} JPEGs of {SIDE} x {SIDE}, each: {each}; {ROUNDS} rounds, batches of {BATCH}:")
        print("| model | what | from memory, ms a batch | streamed adds | memory against memory |")
        print("| --- | --- | --- | --- | --- |")
        for width, depth in ((48, 3), (64, 3)):
            session = onnxruntime.InferenceSession(convolutions(width, depth), options, ["CPUExecutionProvider"])
            rounds = np.array([_round_ms(session, held, feeds, lot) for lot in _lots(ROUNDS + 1)][1:])
            for index, kind in enumerate(KINDS):
                own, again, streamed = (rounds[:, side, index] for side in range(3))
                told = f"{np.median(own):.1f} | {_added(own, streamed)} | {_added(own, again)}"
                print(f"| {depth} convolutions of {width} | {kind} | {told} |", flush=True)
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _lots(count: int) -> list[list[int]]:
    random = np.random.default_rng(0)
    return [[int(each) for each in random.permutation(3)] for _ in range(count)]


def _round_ms(
    session: onnxruntime.InferenceSession, held: Sequence[Feed], feeds: FeedSource, lot: Sequence[int]
) -> list[tuple[float, float, float]]:
    """From memory, from memory again, streamed, run in the order of `lot`."""
    sources = (held, held, feeds)
    found = {side: _run_ms(session, sources[side]) for side in lot}
    return [found[side] for side in range(3)]


def _added(own: np.ndarray, other: np.ndarray) -> str:
    """In percent, with the interval."""
    found = interval_of_ratios(own, other)
    low, middle, high = (100.0 * (value - 1.0) for value in (found.low, found.estimate, found.high))
    return f"{middle:+.1f} % ({low:+.1f} to {high:+.1f})"


def _run_ms(session: onnxruntime.InferenceSession, feeds: Sequence[Feed] | FeedSource) -> tuple[float, float, float]:
    """Of one batch, on average, in the order of KINDS."""
    start, cpu, waited = time.perf_counter(), time.thread_time(), _waited_s()
    for feed in feeds:
        session.run(None, dict(feed.arrays))
    ended = time.perf_counter() - start
    own, waited = time.thread_time() - cpu, _waited_s() - waited
    return 1000 * own / len(feeds), 1000 * (ended - waited) / len(feeds), 1000 * ended / len(feeds)


def _waited_s() -> float:
    """What this thread has waited for a core since it began: the second figure of schedstat, in nanoseconds."""
    return int(SCHEDSTAT.read_text().split()[1]) / 1e9


def _decoding_cpu_ms(feeds: FeedSource) -> float:
    start = time.process_time()
    for _ in feeds:
        pass
    return 1000 * (time.process_time() - start) / IMAGES


if __name__ == "__main__":
    main()
