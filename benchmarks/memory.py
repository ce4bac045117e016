"""Peak memory of a session as the gate's worker tells it, beside a bare script around the same session.

    python -m benchmarks.memory [--repeats 5] [--backends ort openvino]

For ResNet-50 (seeded, fp32 and static int8 QDQ) and digits_resnet, in processes of their own, in turn:

- worker: `backends.memory_probe.measure_memory`, the figure that budgets are for;
- script: imports NumPy and the engine, reads VmRSS, loads the file, runs it twice, reads VmHWM; the difference is its
  figure. Its own few lines, nothing of this package, no reset of the peak, no trimming;
  With MALLOC_MMAP_THRESHOLD_ as the worker has it, and in the last column with glibc's default;
- watched: the same script's resident memory as another process sees it (psutil, every 2 ms): most less what it held
  before it loaded.

Nothing is asserted; the ratio of the medians is printed. Linux alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import psutil

from benchmarks.models import images, resnet50
from pytest_qparity.backends.memory_probe import measure_memory
from pytest_qparity.backends.probing import Probing
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.worker.limits import Limits

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "cases" / "models" / "digits_resnet.onnx"
EVERY_S = 0.002
MAPPED = {"MALLOC_MMAP_THRESHOLD_": "131072"}  # as the worker has it

SCRIPTS = {
    "ort": """
import onnxruntime
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = settings.inter_op_num_threads = 1
settings.log_severity_level = 4
settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
def load():
    return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
def run(session):
    return session.run(None, feed)
""",
    "openvino": """
import openvino
core = openvino.Core()
core.available_devices  # loads the plugin, which is the engine
def load():
    asked = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    return core.compile_model(core.read_model(model), "CPU", asked)
def run(compiled):
    return compiled(list(feed.values()))
""",
}
BARE = """
import json, sys
import numpy as np
model, data = sys.argv[1:]
feed = dict(np.load(data))
{engine}
def told(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)) * 1024 / 1e6
before = told("VmRSS")
print("ready", flush=True)
sys.stdin.readline()
session = load()
kept = [run(session), run(session)]
print(json.dumps({{"peak_mb": told("VmHWM") - before}}))
"""


@dataclass(frozen=True)
class Feed:
    arrays: dict[str, np.ndarray]
    count: int


@dataclass(frozen=True)
class Subject:
    name: str
    model: Path
    feed: Feed


def subjects(folder: Path) -> Iterator[Subject]:
    feed = Feed({"image": images(1)}, 1)
    plain = folder / "resnet50.onnx"
    onnx.save(resnet50(), plain)
    yield Subject("resnet50 fp32, batch 1", plain, feed)
    yield Subject("resnet50 fp32, batch 8", plain, Feed({"image": images(8)}, 8))
    yield Subject("resnet50 int8, batch 1", quantized(plain, folder / "resnet50_int8.onnx"), feed)
    shape = [size.dim_value or 32 for size in onnx.load(DIGITS).graph.input[0].type.tensor_type.shape.dim]
    name = onnx.load(DIGITS).graph.input[0].name
    digits = np.random.default_rng(0).random(shape, dtype=np.float32)
    yield Subject("digits_resnet fp32, batch 32", DIGITS, Feed({name: digits}, 32))


def quantized(plain: Path, target: Path) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.feeds = iter([{"image": images(1, seed=2)}, {"image": images(1, seed=3)}])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.feeds, None)

    quantize_static(plain, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=False)
    return target


def bare(backend: str, subject: Subject, folder: Path, allocator: dict[str, str]) -> tuple[dict[str, float], float]:
    """What the script tells of itself, and the peak in MB that was seen from outside."""
    data = folder / "feed.npz"
    np.savez(data, **subject.feed.arrays)
    script = BARE.format(engine=SCRIPTS[backend])
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", script, str(subject.model), str(data)]
    done = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=os.environ | allocator)
    assert done.stdin is not None
    assert done.stdout is not None
    assert done.stdout.readline() == b"ready\n"
    seen = psutil.Process(done.pid)
    before = most = seen.memory_info().rss
    done.stdin.write(b"go\n")
    done.stdin.flush()
    while done.poll() is None:
        try:
            most = max(most, seen.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(EVERY_S)
    told: dict[str, float] = json.loads(done.stdout.read())
    return told, (most - before) / 1e6


def row(backend: str, subject: Subject, repeats: int, folder: Path) -> list[str]:
    figures: dict[str, list[float]] = {key: [] for key in ("worker", "script", "watched", "default")}
    for _ in range(repeats):
        ours = measure_memory(
            Probing(backend_table()[backend], subject.model, subject.feed, SessionOptions(), Limits())
        )
        theirs, watched_mb = bare(backend, subject, folder, MAPPED)
        default, _ = bare(backend, subject, folder, {})
        figures["worker"].append(ours.peak_mb)
        figures["script"].append(theirs["peak_mb"])
        figures["watched"].append(watched_mb)
        figures["default"].append(default["peak_mb"])
    middle = {key: statistics.median(values) for key, values in figures.items()}
    shown = [f"{middle[key]:.1f} ({min(values):.1f} to {max(values):.1f})" for key, values in figures.items()]
    off = [f"{100 * (middle['worker'] / middle[key] - 1):+.1f} %" for key in ("script", "watched")]
    return [backend, subject.name, *shown[:3], *off, *shown[3:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--backends", nargs="+", default=["ort", "openvino"], choices=list(SCRIPTS))
    options = parser.parse_args()
    titles = ["backend", "model", "worker, MB", "script, MB", "watched, MB", "over script", "over watched"]
    titles += ["script with glibc's default, MB"]
    print("| " + " | ".join(titles) + " |\n|" + " --- |" * len(titles))
    with tempfile.TemporaryDirectory() as name:
        for subject in subjects(Path(name)):
            for backend in options.backends:
                print("| " + " | ".join(row(backend, subject, options.repeats, Path(name))) + " |", flush=True)


if __name__ == "__main__":
    main()
