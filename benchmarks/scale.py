"""How well the work of one plan is spread: over processes of this machine, over shards, over a Ray cluster.

    python -m benchmarks.scale [--cases 8] [--samples 4000] [--ray]

A project of cases with three precisions each; the cost of a case is drawn (seeded), so that the work is uneven. What is
not timed (`-m "not latency and not memory"`) is judged by one process, by `-n 2` as this plugin hands runs out with and
without an earlier ledger, and by `--dist load` of pytest-xdist itself, which splits runs. Then the split into shards,
by count and by recorded seconds, is compared with the best that there could be.

`busy`: the share of the time between the first and the last check in which workers were at a check, of
pytest-reportlog's times; it says nothing of what else the machine does. `cores`: CPU seconds of the session, its
workers and engines, over its wall-clock seconds; other work on the machine takes from it, and not from `two cores`:
CPU seconds between the first check and the last, over themselves plus the core-seconds of two cores that no thread of
the session ran on or waited for. That is the share that an otherwise idle machine would see, as far as other work
makes computing longer and waiting for disks, pipes and clocks not. `--ray`: a head and three
nodes of one core each on this machine; one is killed in the middle. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from pytest_qparity import read_ledger
from pytest_qparity.scale.costs import read_durations, seconds_by_run
from pytest_qparity.scale.sharding import shard_of_runs
from tests.e2e.projects import CASE, accept_golden, write_project
from tests.models import inputs_for_mlp

UNTIMED = ("-m", "not latency and not memory", "-q", "--tb=short", "-p", "no:cacheprovider")
LOAD = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScheduling
    yield
    return LoadScheduling(config, log)
"""


@dataclass(frozen=True)
class Spread:
    wall_s: float
    loop_s: float
    busy: float
    cores: float
    two_cores: float
    run_splits: int  # runs of which more than one worker judged something

    def row(self, name: str) -> str:
        return (
            f"| {name} | {self.wall_s:.1f} | {self.loop_s:.1f} | {100 * self.busy:.0f} % | {self.cores:.2f} | "
            f"{100 * self.two_cores:.0f} % | {self.run_splits} |"
        )


@dataclass(frozen=True)
class Sample:
    """`runnable`: threads of the session on a core, or waiting for one; `cpu_s`: of all its processes so far."""

    at: float
    runnable: int
    cpu_s: float


def write_cases(root: Path, cases: int, samples: int) -> None:
    rng = np.random.default_rng(7)
    for index in range(cases):
        share = float(np.clip(rng.lognormal(-1, 0.8), 0.05, 1))
        text = CASE.replace("data/test.npz", f"data/test{index}.npz").replace("batch = 40", "batch = 10")
        case_file = write_project(root, text, name=f"case{index:02}")
        inputs = inputs_for_mlp(max(40, int(samples * share)) // 10 * 10, seed=index + 10)
        np.savez(root / "cases" / "data" / f"test{index}.npz", input=inputs, labels=np.arange(len(inputs)) % 3)
        text = text.replace("[accuracy]\nmargin = 5.0\n", "")
        case_file.write_text(text, encoding="utf-8")
        accept_golden(case_file)


def session(root: Path, *arguments: str) -> Spread:
    log = root / "log.json"
    log.unlink(missing_ok=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "--backend=ort", f"--report-log={log}", *UNTIMED, *arguments]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        samples: list[Sample] = []
        sampler = threading.Thread(target=sample, args=(process, samples))
        sampler.start()
        said, _ = process.communicate()
    wall_s = time.perf_counter() - begin
    sampler.join()
    if process.returncode:
        raise SystemExit(f"got status {process.returncode}, should be 0:\n{said[-4000:]}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    phases = [
        each for each in map(json.loads, log.read_text().splitlines()) if each.get("$report_type") == "TestReport"
    ]
    workers: dict[str, set[str]] = {}
    for each in phases:
        workers.setdefault(each["nodeid"].rpartition("::")[0], set()).add(each.get("worker_id", "one"))
    first, last = min(each["start"] for each in phases), max(each["stop"] for each in phases)
    loop_s = last - first
    samples = [each for each in samples if first <= each.at <= last]
    idle_s = sum((other.at - one.at) * max(0, 2 - one.runnable) for one, other in pairwise(samples))
    used_s = samples[-1].cpu_s - samples[0].cpu_s
    at_work_s = sum(each["stop"] - each["start"] for each in phases)
    count = len(set().union(*workers.values()))
    splits = sum(len(used_by) > 1 for used_by in workers.values())
    return Spread(wall_s, loop_s, at_work_s / (count * loop_s), cpu_s / wall_s, used_s / (used_s + idle_s), splits)


def sample(process: subprocess.Popen[str], samples: list[Sample]) -> None:
    """Look at a process and all it started, 20 times a second, until it ends."""
    root = psutil.Process(process.pid)
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            processes = (root, *root.children(recursive=True))
            tasks = [task for each in processes for task in Path(f"/proc/{each.pid}/task").glob("*")]
            # Times of a process and of what it has waited for: who has ended is counted once.
            cpu_s = sum(sum(each.cpu_times()[:4]) for each in processes)
            samples.append(Sample(time.time(), sum(map(is_runnable, tasks)), cpu_s))
        time.sleep(0.05)


def is_runnable(task: Path) -> bool:
    """State R of proc(5), behind the name in brackets: on a core, or waiting for one."""
    try:
        return (task / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "R"
    except OSError:  # it has ended
        return False


def shard_table(ledger: Path, shards: int) -> str:
    """The fullest shard over the mean of all: 1 is the best that there could be."""
    durations = read_durations(ledger)
    recorded = seconds_by_run(durations.seconds, durations)
    count = seconds_by_run(durations.seconds, None)
    lines = []
    for name, costs in (("by number of checks", count), ("by recorded seconds", recorded)):
        split = shard_of_runs(costs, shards)
        loads = [sum(recorded[run] for run in recorded if split[run] == shard) for shard in range(1, shards + 1)]
        lines.append(f"| {shards} shards {name} | {max(loads) / (sum(loads) / shards):.2f} |")
    return "\n".join(lines)


def on_ray(root: Path) -> str:
    """Two sessions on a cluster of three nodes; in the second one of them is killed while a run is on it."""
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(3)]
    arguments = (f"--qparity-ray={cluster.address}", f"--qparity-ray-storage=file://{root}/storage")
    lines, half_s = [], 0.0
    try:
        for name in ("first, files are sent", "again", "a node killed in the middle"):
            is_killing = name.startswith("a node")
            killer = threading.Timer(half_s, cluster.remove_node, (nodes[0], False))
            if is_killing:
                killer.start()
            spread = session(root, *arguments)
            half_s = spread.wall_s / 2
            if is_killing:
                killer.join()
            verdicts = read_ledger(root / ".qparity" / "ledger.json").verdicts
            again = {event["run"] + event["case"] for event in verdicts if "judged at attempt" in str(event["notes"])}
            lines.append(f"| {name} | {spread.wall_s:.1f} | {len(verdicts)} | {len(again)} |")
    finally:
        cluster.shutdown()
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=8)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--ray", action="store_true")
    asked = parser.parse_args()
    os.environ.pop("CI", None)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_cases(root, asked.cases, asked.samples)
        print(
            "| how | wall s | checks s | busy | cores | two cores | runs that were split |\n"
            "| --- | --- | --- | --- | --- | --- | --- |"
        )
        print(session(root).row("first, variants are made"), flush=True)
        print(session(root).row("one process"), flush=True)
        ledger = root / "earlier.json"
        ledger.write_bytes((root / ".qparity" / "ledger.json").read_bytes())
        print(session(root, "-n", "2").row("`-n 2`"), flush=True)
        print(session(root, "-n", "2", f"--qparity-durations={ledger}").row("`-n 2`, an earlier ledger"), flush=True)
        (root / "conftest.py").write_text(LOAD, encoding="utf-8")
        print(session(root, "-n", "2").row("`-n 2` as xdist's load"), flush=True)
        (root / "conftest.py").unlink()
        print("\n| split | fullest over mean |\n| --- | --- |")
        print(shard_table(ledger, 3), flush=True)
        if asked.ray:
            print("\n| on three nodes | wall s | verdicts | runs judged again |\n| --- | --- | --- | --- |")
            print(on_ray(root), flush=True)


if __name__ == "__main__":
    main()
