"""What the gate adds to inference: whole commands beside a bare script that makes the same calls of the engine.

    python -m benchmarks.gate_overhead [--samples 64 256] [--rounds 3] [--polygraphy venv/bin/polygraphy]

One run of ResNet-50 (the full architecture, seeded weights, batch 1, one thread), fp32 and int8; and two small cases
of this repository. The gate is `pytest --backend=ort --precision=…` with the variant in the cache, whole process, all
of its checks, canaries too. The bare script loads the same file, runs the same samples, computes SQNR and agreement
with the stored reference, then runs the session as often as the gate did for its times, by the ledger of the gate's run
just before it (`runs`), and the counterpart too; and, as the gate does for the peak of memory, loads the file and runs
it twice in a process of its own. `polygraphy run --onnxrt` runs the samples (no reference, no timed calls): its bare
script does that alone.

Rounds are pairs of the two. Printed are medians in wall-clock and CPU seconds, and the least of the wall-clock ratios:
neighbours only add. Nothing is asserted. Python may keep its byte code, as it does where people install packages; the
first call of each command is not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx

from benchmarks.models import images, resnet50
from pytest_qparity import gate, load_case, read_ledger
from pytest_qparity.precision.cache import VariantCache

ROOT = Path(__file__).parent.parent
BARE = """
import json, subprocess, sys
import numpy as np
import onnxruntime as ort

order = json.loads(sys.argv[1])
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1

def opened(path):
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

session = opened(order["model"])
with np.load(order["data"]) as stored:
    data = {each.name: stored[each.name] for each in session.get_inputs()}
batch, samples = order["batch"], len(next(iter(data.values())))
feeds = [{name: array[i : i + batch] for name, array in data.items()} for i in range(0, samples, batch)]
for feed in feeds[:1] * order["probe"]:
    session.run(None, feed)
if order["probe"]:
    sys.exit()
outputs = np.concatenate([session.run(None, feed)[0] for feed in feeds])
if order["golden"]:
    golden = np.load(order["golden"])
    noise = np.square(golden.astype(np.float64) - outputs).sum()
    print("dB", 10 * np.log10(np.square(golden.astype(np.float64)).sum() / noise) if noise else np.inf)
    print("agree", (golden.argmax(1) == outputs.argmax(1)).mean())
    other = opened(order["counterpart"]) if order["counterpart"] else None
    for call in range(order["calls"]):
        session.run(None, feeds[0])
        if other is not None:
            other.run(None, feeds[0])
    subprocess.run([sys.executable, "-c", order["script"], json.dumps(order | {"probe": 2})], check=True)
"""
LOADER = """
import numpy as np

def load_data():
    with np.load({data!r}) as stored:
        arrays = {{name: stored[name] for name in {names!r}}}
    for start in range(0, len(next(iter(arrays.values()))), {batch}):
        yield {{name: array[start : start + {batch}] for name, array in arrays.items()}}
"""
CASE = """
model = "models/resnet50.onnx"
task = "image-classification"
[data]
test = "data/test.npz"
calibration = "data/calibration.npz"
population = false
[accuracy]
metric = "agreement"
margin = 5.0
[precisions.fp32]
[precisions.int8]
target = "backend"
"""


@dataclass(frozen=True)
class Load:
    """A case in a project, its float model and its test data; `golden`: the reference of its first output."""

    title: str
    root: Path
    case: str
    model: Path
    data: Path
    golden: Path
    batch: int


@dataclass(frozen=True)
class Cost:
    """Of one command, in seconds."""

    wall_s: float
    cpu_s: float


def resnet(root: Path, samples: int) -> Load:
    folder = root / f"resnet50_{samples}"
    for name in ("models", "data"):
        (folder / "cases" / name).mkdir(parents=True)
    onnx.save(resnet50(), folder / "cases" / "models" / "resnet50.onnx")
    np.savez(folder / "cases" / "data" / "test.npz", image=images(samples, seed=2))
    np.savez(folder / "cases" / "data" / "calibration.npz", image=images(16))
    (folder / "cases" / "resnet50.toml").write_text(CASE)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return _prepared(f"ResNet-50, {samples} samples", folder / "cases" / "resnet50.toml")


def small(root: Path, name: str) -> Load:
    """A case of this repository, alone in a project of its own."""
    folder = root / name
    (folder / "cases").mkdir(parents=True)
    shutil.copytree(ROOT / "cases" / "models", folder / "cases" / "models")
    shutil.copytree(ROOT / "cases" / "data", folder / "cases" / "data")
    shutil.copy(ROOT / "cases" / f"{name}.toml", folder / "cases")
    (folder / "pytest.ini").write_text("[pytest]\n")
    return _prepared(name, folder / "cases" / f"{name}.toml")


def _prepared(title: str, path: Path) -> Load:
    case, folder = load_case(path), path.parent.parent
    material = gate.CaseMaterial(case, gate.default_settings(folder), str(path))
    try:
        material.accept_golden()
        golden = next(material.golden_folder.glob("000_*.npy"))
    finally:
        material.close()
    spec = case.spec
    model, data = path.parent / str(spec.model), path.parent / spec.data.test
    return Load(title, folder, path.name, model, data, golden, spec.data.batch)


def judged(load: Load, precision: str) -> Callable[[], None]:
    command = [sys.executable, "-m", "pytest", f"cases/{load.case}", "--backend=ort", f"--precision={precision}", "-q"]

    def run() -> None:
        done = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=load.root, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout[-2000:])

    return run


def bare(load: Load, precision: str) -> Callable[[], None]:
    """With as many runs as the last gate made of this run."""
    return _script(_order(load, precision))


def _order(load: Load, precision: str) -> dict[str, object]:
    ledger = read_ledger(load.root / ".qparity" / "ledger.json")
    events = {event["check"]: event for event in ledger.verdicts if event["run"] == f"ort-{precision}"}
    digest = events["parity"]["provenance"]["variant"]["sha256"]
    cached = VariantCache(load.root / ".qparity" / "cache" / "variants").holding(digest)
    model = load.model if cached is None else cached.path
    return {
        "model": str(model),
        "counterpart": None if precision == "fp32" else str(load.model),
        "data": str(load.data),
        "golden": str(load.golden),
        "batch": load.batch,
        "calls": events["latency"]["evidence"]["conditions"]["runs"],
        "probe": 0,
        "script": BARE,
    }


def bare_inference(load: Load) -> Callable[[], None]:
    order = {"model": str(load.model), "data": str(load.data), "golden": None, "batch": load.batch, "probe": 0}
    return _script(order)


def polygraphy(load: Load, command: str) -> Callable[[], None]:
    names = [each.name for each in onnx.load(load.model, load_external_data=False).graph.input]
    loader = load.root / "loader.py"
    loader.write_text(LOADER.format(data=str(load.data), names=names, batch=load.batch))
    whole = [command, "run", str(load.model), "--onnxrt", "--data-loader-script", str(loader), "--silent"]
    return lambda: _done(whole)


def _script(order: dict[str, object]) -> Callable[[], None]:
    return lambda: _done([sys.executable, "-c", BARE, json.dumps(order)])


def _done(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError((done.stdout + done.stderr)[-2000:])


def costs(base: Callable[[], Callable[[], None]], other: Callable[[], None], rounds: int) -> list[tuple[Cost, Cost]]:
    """Both in each round, `other` first: how often it ran its session decides what `base` is, which is made untimed."""
    other()
    base()()
    found = []
    for _ in range(rounds):
        of_other = _cost(other)
        found.append((_cost(base()), of_other))
    return found


def _cost(run: Callable[[], None]) -> Cost:
    begin, before = time.perf_counter(), _cpu_s()
    run()
    return Cost(time.perf_counter() - begin, _cpu_s() - before)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rows(options: argparse.Namespace, root: Path) -> Iterator[str]:
    yield "| what | bare, wall s | CPU s | gate, wall s | CPU s | wall | least | CPU | adds, CPU s |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    loads = [resnet(root, samples) for samples in options.samples]
    if not options.resnet_only:
        loads += [small(root, name) for name in ("digits_resnet", "textbert")]
    for load in loads:
        for precision in options.precisions:
            judged(load, precision)()  # makes the variant
            found = costs(partial(bare, load, precision), judged(load, precision), options.rounds)
            yield _row(f"{load.title}, {precision}", found)
        if options.polygraphy:
            found = costs(partial(bare_inference, load), polygraphy(load, options.polygraphy), options.rounds)
            yield _row(f"{load.title}, `polygraphy run --onnxrt`", found)


def _row(title: str, rounds: Sequence[tuple[Cost, Cost]]) -> str:
    figures = [
        statistics.median(seconds)
        for which in (0, 1)
        for seconds in ([pair[which].wall_s for pair in rounds], [pair[which].cpu_s for pair in rounds])
    ]
    told = " | ".join(f"{figure:.1f}" for figure in figures)
    wall = [other.wall_s / base.wall_s for base, other in rounds]
    cpu = statistics.median(other.cpu_s / base.cpu_s for base, other in rounds)
    added = statistics.median(other.cpu_s - base.cpu_s for base, other in rounds)
    return f"| {title} | {told} | {statistics.median(wall):.2f} | {min(wall):.2f} | {cpu:.2f} | {added:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, nargs="*", default=[64, 256], help="of ResNet-50's test data")
    parser.add_argument("--precisions", nargs="*", default=["fp32", "int8"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--polygraphy", help="the command of an environment that has it")
    parser.add_argument("--resnet-only", action="store_true")
    options = parser.parse_args()
    os.environ.pop("CI", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        for row in rows(options, Path(folder)):
            print(row, flush=True)


if __name__ == "__main__":
    main()
