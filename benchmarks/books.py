"""What the gate's books cost: 10,000 checks that measure nothing worth measuring.

    python -m benchmarks.books [--checks 10000] [--profile FILE]

3,330 runs (333 cases of one tiny model, 10 names for its FP32 precision each) on a backend that computes one `maximum`
in NumPy, in pytest's own process (`--qparity-isolation=none`), each with the checks preflight, parity and accuracy.
latency and memory are left out by `-m`: a measurement of memory starts two processes, and its cost is that
of starting processes. All the rest is the product as it is: collecting, materials, judging, ledger, summary.

Measured: wall-clock and CPU seconds and the peak of resident memory of the whole session, in one process, with `-n 2`,
again where every verdict is carried over (`--qparity-since`), and of `qparity report` on the ledger that came of it;
and memory of a tenth of the cases, to see whether it grows with them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pytest_qparity import gate, load_case, read_ledger
from pytest_qparity.golden.store import Golden, write_golden
from pytest_qparity.worker.protocol import Isolation

RUNS_A_CASE, CHECKS_A_RUN = 10, 3
ROOT = Path(__file__).parent.parent
CASE = """
model = "models/relu.onnx"

[data]
test = "data/test.npz"
batch = 8

[accuracy]
metric = "top1"
margin = 50.0

"""
CONFTEST = """
from pytest_qparity.backends.registry import BackendSpec


def pytest_qparity_backends(config):
    return [BackendSpec("trivial", "trivial_engine:Trivial")]
"""
ENGINE = """
import numpy as np

from pytest_qparity.backends.cpu import cpu_device
from pytest_qparity.backends.protocol import SessionFacts


class Trivial:
    def unavailable(self):
        return None

    def load(self, model, options):
        return Session()


class Session:
    def run(self, feed):
        return {"y": np.maximum(feed["x"], np.float32(0))}

    def facts(self):
        return SessionFacts("trivial", "1", cpu_device(), {"threads": 1}, {"numpy": 1}, "numpy")

    def close(self):
        pass
"""
INI = "[pytest]\naddopts = -p no:cacheprovider\npythonpath = .\nqparity_canaries =\n"


def write_project(root: Path, cases: int) -> None:
    """Cases of one model, each with its golden, which is made once."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((16, 4)).astype(np.float32)
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    infos = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 4]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "relu", infos[:1], infos[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    for name in ("models", "data"):
        (root / "cases" / name).mkdir(parents=True)
    onnx.save(model, root / "cases/models/relu.onnx")
    outputs = np.maximum(inputs, np.float32(0))
    np.savez(root / "cases/data/test.npz", x=inputs, labels=outputs.argmax(axis=1))
    precisions = "".join(f"[precisions.fp32{f'-{index}' if index else ''}]\n" for index in range(RUNS_A_CASE))
    for index in range(cases):
        (root / f"cases/case_{index:04}.toml").write_text(CASE + precisions, encoding="utf-8")
    for name, text in (("conftest.py", CONFTEST), ("trivial_engine.py", ENGINE), ("pytest.ini", INI)):
        (root / name).write_text(text, encoding="utf-8")
    first = root / "cases/case_0000.toml"
    settings = gate.default_settings(root)
    material = gate.CaseMaterial(load_case(first), settings, first.name)
    write_golden(material.golden_folder, Golden(material.golden_key, {"y": outputs}, len(inputs), {"engine": "numpy"}))
    material.close()
    for index in range(1, cases):
        shutil.copytree(material.golden_folder, root / f"golden/case_{index:04}")


def measured(root: Path, *command: str) -> dict[str, Any]:
    """Wall-clock and CPU seconds, peak memory of the largest process, exit status and what was printed last."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "dumb"}
    log = root / "log.txt"
    begin = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - begin
    return {
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss * 1024 / 1e6,
        "status": os.waitstatus_to_exitcode(status),
        "last": log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:],
    }


def pytest_command(*options: str, profile: Path | None = None) -> list[str]:
    profiler = [] if profile is None else ["-m", "cProfile", "-o", str(profile)]
    isolation = f"--qparity-isolation={Isolation.NONE.value}"
    chosen = ["-m", "not latency and not memory"]
    return [sys.executable, *profiler, "-m", "pytest", "--backend=trivial", isolation, "-q", *chosen, *options]


def show(what: str, told: Mapping[str, Any]) -> None:
    figures = f"{told['wall_s']:6.1f} s, {told['cpu_s']:6.1f} s of CPU, {told['peak_mb']:5.0f} MB"
    print(f"{what:44} {figures}, status {told['status']}: {' '.join(told['last'])[:90]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=10_000)
    parser.add_argument("--profile", type=Path, help="one session in one process alone, its cProfile written here")
    asked = parser.parse_args()
    cases = round(asked.checks / CHECKS_A_RUN / RUNS_A_CASE)
    for number in (max(1, cases // 10), cases):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write_project(root, number)
            what = f"{number * RUNS_A_CASE * CHECKS_A_RUN:,} checks of {number} cases"
            if asked.profile is not None:
                if number == cases:
                    show(what, measured(root, *pytest_command(profile=asked.profile.absolute())))
                continue
            show(f"{what}, one process", measured(root, *pytest_command()))
            if number < cases:
                continue
            shutil.copy(root / ".qparity/ledger.json", root / "earlier.json")
            ledger = read_ledger(root / "earlier.json")
            size_mb = (root / "earlier.json").stat().st_size / 1e6
            print(f"{'ledger':44} {size_mb:6.1f} MB, {len(ledger.verdicts):,} verdicts", flush=True)
            show(f"{what}, -n 2", measured(root, *pytest_command("-n2", "--dist=loadscope")))
            show(f"{what}, carried over", measured(root, *pytest_command("--qparity-since=earlier.json")))
            report = [sys.executable, "-m", "pytest_qparity.cli", "report", "earlier.json"]
            for ending in (".html", ".md", ".csv"):
                show(f"qparity report {ending}", measured(root, *report, "-o", f"report{ending}"))


if __name__ == "__main__":
    main()
