"""What a second run of an unchanged project costs, by check: cold, with warm caches, and with `--qparity-since`.

    python -m benchmarks.rerun [--root .] [--latency-seconds 1.0] [--backend ort]

Three sessions of the main job in this order, with a cache folder and ledgers of their own: the first makes all
variants; the second finds them, and judges and times everything again; the third carries over what nothing touches.
CPU seconds are of the whole session with its workers; seconds by check are wall-clock, of setting up and of judging.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

CHECKS = ("preflight", "parity", "accuracy", "invariance", "latency", "memory", "regression")
KERNELS = "conformance"


@dataclass(frozen=True, slots=True)
class Session:
    """One session; `by_check`: wall-clock seconds of each kind of check."""

    wall_s: float
    cpu_s: float
    status: int
    by_check: Counter[str]


def run(root: Path, folder: Path, name: str, *options: str) -> Session:
    junit = folder / f"{name}.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={junit}", f"--qparity-cache={folder / 'cache'}"]
    command += [f"--qparity-ledger={folder / name}.json", *options]
    begin = time.perf_counter()
    with (folder / f"{name}.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=root, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - begin
    by_check: Counter[str] = Counter()
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        check = str(case.get("name"))
        by_check[check if check in CHECKS else KERNELS] += float(case.get("time", "0"))
    return Session(wall_s, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status), by_check)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--backend", default="ort")
    parser.add_argument("--latency-seconds", type=float, default=1.0)
    asked = parser.parse_args()
    options = (f"--backend={asked.backend}", f"--qparity-latency-seconds={asked.latency_seconds}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sessions = {
            "first": run(asked.root, folder, "first", *options),
            "again": run(asked.root, folder, "again", *options),
            "since": run(asked.root, folder, "since", *options, f"--qparity-since={folder / 'first.json'}"),
        }
    columns = ("wall_s", "cpu_s", *CHECKS, KERNELS)
    print(f"{'':8}" + "".join(f"{column:>12}" for column in columns))
    for session_name, session in sessions.items():
        told = (session.wall_s, session.cpu_s, *(session.by_check[check] for check in (*CHECKS, KERNELS)))
        print(f"{session_name:8}" + "".join(f"{value:12.1f}" for value in told) + f"   status {session.status}")
    first, since = sessions["first"], sessions["since"]
    print(
        f"since / first: {since.wall_s / first.wall_s:.1%} of wall-clock, {since.cpu_s / first.cpu_s:.1%} of CPU time"
    )


if __name__ == "__main__":
    main()
