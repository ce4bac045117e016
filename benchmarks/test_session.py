"""What the plugin adds to pytest: start-up, collection, and each item; whole processes, beside pytest without it.

CPU seconds of a child are in `extra_info["cpu_s"]`, its peak memory in `extra_info["peak_mib"]`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CASES = 400
PRECISIONS = 5
CHECKS = 5
ITEMS = CASES * PRECISIONS * CHECKS

CASE = """
model = "model.onnx"
task = "image-classification"

[data]
test = "test.npz"
calibration = "test.npz"

[precisions.fp32]
[precisions.fp16]
[precisions.int8]
[precisions.int8-a]
[precisions.int8-b]

[parity.int8]
sqnr_db = 20.0

[accuracy]
margin = 0.5

[budgets.ort.int8]
memory_mb = 64

[[waivers]]
run = "trt-*"
reason = "no GPU here"
expires = 2030-01-01
"""

# A child's ru_maxrss starts at what its parent had: the peak is read inside, from its own address space.
PEAK = """
import atexit, pathlib

def write_peak():
    status = pathlib.Path("/proc/self/status").read_text()
    pathlib.Path("peak_kib.txt").write_text(status.split("VmHWM:")[1].split()[0])

atexit.register(write_peak)
"""

# Every check passes at once: what is left is what the plugin itself takes. Its work for each item is timed: leaving the
# verdict (settle), taking it into the ledger (logreport), and its share of the summary.
INSTANT_CHECKS = """
import functools, pathlib, time  # CPU time of this thread: the machine may be busy
from pytest_qparity import books, collection
from pytest_qparity.verdict import passed

collection.judge = lambda run, check: passed("1.0 dB", {"sqnr_db": 1.0})
spent = []

def timed(owner, name):
    original = getattr(owner, name)

    @functools.wraps(original)
    def call(*arguments, **named):
        start = time.thread_time()
        try:
            return original(*arguments, **named)
        finally:
            spent.append(time.thread_time() - start)

    setattr(owner, name, call)

timed(collection, "settle")
timed(books.Books, "pytest_runtest_logreport")
timed(books.Books, "pytest_terminal_summary")

def pytest_unconfigure():
    pathlib.Path("plugin_seconds.txt").write_text(str(sum(spent)))
"""

GRID = f"""
import pytest

@pytest.mark.parametrize("check", range({CHECKS}))
@pytest.mark.parametrize("run", range({CASES * PRECISIONS}))
def test_check(run, check):
    pass
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "conftest.py").write_text(PEAK + INSTANT_CHECKS)
    (root / "cases").mkdir()
    for file in ("model.onnx", "test.npz"):
        (root / "cases" / file).touch()
    for index in range(CASES):
        (root / "cases" / f"case_{index:03}.toml").write_text(CASE)
    return root


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("grid")
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "conftest.py").write_text(PEAK)
    (root / "test_grid.py").write_text(GRID)
    return root


@pytest.fixture
def run(benchmark: Callable[..., object]) -> Callable[..., None]:
    """Time `pytest ARGUMENTS` in a folder as a whole process."""

    def timed(folder: Path, *arguments: str, rounds: int = 5) -> None:
        def once() -> None:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
                cwd=folder,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTEST_ADDOPTS": ""},
            )
            assert process.wait() == 0
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

        spent: list[float] = []
        benchmark.pedantic(once, rounds=rounds, warmup_rounds=1)
        benchmark.extra_info["cpu_s"] = sorted(spent[1:])[len(spent[1:]) // 2]
        peak = folder / "peak_kib.txt"
        if peak.exists():  # --version loads no conftest.py
            benchmark.extra_info["peak_mib"] = int(peak.read_text()) / 1024
            peak.unlink()

    return timed


WITHOUT = ("-p", "no:qparity")


@pytest.mark.benchmark(group="start-up")
def test_start_with_the_plugin(run: Callable[..., None], grid: Path) -> None:
    run(grid, "--version", rounds=20)


@pytest.mark.benchmark(group="start-up")
def test_start_without_the_plugin(run: Callable[..., None], grid: Path) -> None:
    run(grid, "--version", *WITHOUT, rounds=20)


@pytest.mark.benchmark(group="start-up of a project without cases")
def test_empty_session_with_the_plugin(run: Callable[..., None], grid: Path) -> None:
    run(grid, "-q", "test_grid.py::test_check[0-0]", rounds=10)


@pytest.mark.benchmark(group="start-up of a project without cases")
def test_empty_session_without_the_plugin(run: Callable[..., None], grid: Path) -> None:
    run(grid, "-q", "test_grid.py::test_check[0-0]", *WITHOUT, rounds=10)


@pytest.mark.benchmark(group="collect-10k")
def test_collect_checks(run: Callable[..., None], project: Path) -> None:
    run(project, "--collect-only", "-qq")


@pytest.mark.benchmark(group="collect-10k")
def test_collect_a_bare_parametrized_grid(run: Callable[..., None], grid: Path) -> None:
    run(grid, "--collect-only", "-qq", *WITHOUT)


@pytest.mark.benchmark(group="run-10k")
def test_run_instant_checks(run: Callable[..., None], project: Path, benchmark: Any) -> None:
    run(project, "-qq", "--benchmark-disable", rounds=3)
    seconds = float((project / "plugin_seconds.txt").read_text())
    benchmark.extra_info["plugin_us_per_item"] = 1e6 * seconds / ITEMS


@pytest.mark.benchmark(group="run-10k")
def test_run_a_bare_parametrized_grid(run: Callable[..., None], grid: Path) -> None:
    run(grid, "-qq", *WITHOUT, rounds=3)
