"""What each engine does with each hostile file: `python -m tests.faults.hostile.tally` prints the tally as Markdown.

Files are loaded and run in workers, as the gate does it; `--json FILE` keeps what came of each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.case.model import read_model_file
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.renewed import RenewedWorker
from tests.faults.hostile.catalogue import CATALOGUE

LIMITS = Limits(load_s=6, first_run_s=4, run_s=4, memory_mb=1500)
FEED = {"x": np.array([[1.0, -2.0, 0.5, 3.0]], np.float32)}
ENGINES = ("ort", "openvino", "reference")
OUTCOMES = {
    Code.WORKER_CRASH: "crashed",
    Code.WORKER_DEADLINE: "hung",
    Code.WORKER_MEMORY: "too much memory",
    Code.WORKER_PROTOCOL: "no answer",
    Code.WORKER_ERROR: "refused",
}


def read(path: Path, worker: RenewedWorker) -> str:
    """What the gate's own reader makes of it."""
    try:
        read_model_file(path, worker)
    except CannotJudge as reason:
        return OUTCOMES.get(reason.failure.code, "refused")
    return "ran"


def ran(path: Path, engine: str, worker: RenewedWorker) -> tuple[str, str]:
    """Loaded and run once: the outcome, and the sentence where it is none."""
    try:
        session = EngineHost(worker, backend_table()[engine]).load(path, SessionOptions())
        session.run(FEED)
        session.close()
    except CannotJudge as reason:
        return OUTCOMES.get(reason.failure.code, "refused"), reason.failure.sentence
    return "ran", ""


def main() -> None:
    parser = argparse.ArgumentParser(description="What each engine does with each hostile file.")
    parser.add_argument("--json", type=Path, help="keep what came of each file here")
    options = parser.parse_args()
    found: dict[str, dict[str, tuple[str, str]]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as workers:
        for engine in ("reader", *ENGINES):
            worker = RenewedWorker(lambda: WorkerProcess(LIMITS), LIMITS)
            workers.callback(worker.close)
            for entry in CATALOGUE:
                path = entry.make(Path(folder) / engine / entry.id)
                outcome = (read(path, worker), "") if engine == "reader" else ran(path, engine, worker)
                found.setdefault(entry.id, {})[engine] = outcome
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1))
    print("| | ran | refused | crashed | hung | too much memory |\n| --- | --- | --- | --- | --- | --- |")
    for engine in ("reader", *ENGINES):
        counts = Counter(outcomes[engine][0] for outcomes in found.values())
        said = " | ".join(str(counts[each]) for each in ("ran", "refused", "crashed", "hung", "too much memory"))
        print(f"| {engine} | {said} |")
    for engine in ENGINES:
        for outcome in ("crashed", "hung", "too much memory", "no answer"):
            ids = [name for name, outcomes in found.items() if outcomes[engine][0] == outcome]
            if ids:
                print(f"\n{engine} {outcome} ({len(ids)}): {', '.join(ids)}")


if __name__ == "__main__":
    main()
