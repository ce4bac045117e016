"""What a worker costs: a call, its start, how soon a crash and a hang are named; beside a process pool and none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest

from benchmarks import worker_calls
from pytest_qparity.verdict import CannotJudge
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.protocol import Worker

PHASE = Phase("run", 60.0)
HANG = Phase("run", 0.5)
SIZES = {"1MB": 250_000, "64MB": 16_000_000}
RUNS = ("double", "largest")
CALL = pytest.mark.parametrize(("run", "size"), [(run, size) for run in RUNS for size in SIZES], ids=str)


def call(worker: Worker, name: str, arrays: Mapping[str, np.ndarray], phase: Phase = PHASE) -> Any:
    return worker.call(f"benchmarks.worker_calls:{name}", {}, arrays, "The worker", phase)


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    worker = WorkerProcess(Limits())
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(max_workers=1) as pool:
        yield pool


@pytest.fixture
def timed(benchmark: Any) -> Callable[..., None]:
    """Time `once` in a group of its own; 64 MB take fewer rounds."""

    def run(group: str, once: Callable[[], object]) -> None:
        benchmark.group = group
        benchmark.pedantic(once, rounds=300 if "1MB" in group else 40, warmup_rounds=5)

    return run


@CALL
def test_call_a_worker(timed: Callable[..., None], worker: WorkerProcess, run: str, size: str) -> None:
    x = {"x": np.random.default_rng(1).standard_normal(SIZES[size], dtype=np.float32)}
    timed(f"worker-{run}-{size}", lambda: call(worker, run, x))


@CALL
def test_call_in_process(timed: Callable[..., None], run: str, size: str) -> None:
    x = {"x": np.random.default_rng(1).standard_normal(SIZES[size], dtype=np.float32)}
    here = InProcess(Limits())
    timed(f"worker-{run}-{size}", lambda: call(here, run, x))


@CALL
def test_call_the_function_itself(timed: Callable[..., None], run: str, size: str) -> None:
    """Without the copy of its input that keeps an engine from the caller's array, and aligns it."""
    x = {"x": np.random.default_rng(1).standard_normal(SIZES[size], dtype=np.float32)}
    work = getattr(worker_calls, run)
    timed(f"worker-{run}-{size}", lambda: work({}, {}, x))


@CALL
def test_call_a_process_pool(timed: Callable[..., None], pool: ProcessPoolExecutor, run: str, size: str) -> None:
    x = {"x": np.random.default_rng(1).standard_normal(SIZES[size], dtype=np.float32)}
    work = getattr(worker_calls, run)
    timed(f"worker-{run}-{size}", lambda: pool.submit(work, {}, {}, x).result())


def _ended(worker: WorkerProcess, name: str, phase: Phase) -> None:
    with pytest.raises(CannotJudge):
        call(worker, name, {}, phase)


def _started() -> tuple[tuple[WorkerProcess], dict[str, Any]]:
    worker = WorkerProcess(Limits())
    call(worker, "nothing", {})
    return (worker,), {}


@pytest.mark.benchmark(group="worker-start")
def test_start_a_worker(benchmark: Any) -> None:
    """Until its first answer, with NumPy imported and no engine; its end is in it."""

    def once() -> None:
        worker = WorkerProcess(Limits())
        call(worker, "nothing", {})
        worker.close()

    benchmark.pedantic(once, rounds=30, warmup_rounds=2)


@pytest.mark.benchmark(group="worker-start")
def test_start_a_process_pool(benchmark: Any) -> None:
    def once() -> None:
        with ProcessPoolExecutor(max_workers=1) as pool:
            pool.submit(worker_calls.nothing, {}, {}, {}).result()

    benchmark.pedantic(once, rounds=30, warmup_rounds=2)


@pytest.mark.benchmark(group="worker-crash-named")
def test_name_a_crash(benchmark: Any) -> None:
    """From the call to the failure; a pool says BrokenProcessPool, and no signal."""
    benchmark.pedantic(lambda worker: _ended(worker, "segfault", PHASE), setup=_started, rounds=30)


@pytest.mark.benchmark(group="worker-crash-named")
def test_name_a_crash_of_a_process_pool(benchmark: Any) -> None:
    def setup() -> tuple[tuple[ProcessPoolExecutor], dict[str, Any]]:
        pool = ProcessPoolExecutor(max_workers=1)
        pool.submit(worker_calls.nothing, {}, {}, {}).result()
        return (pool,), {}

    def once(pool: ProcessPoolExecutor) -> None:
        assert pool.submit(worker_calls.segfault, {}, {}, {}).exception() is not None
        pool.shutdown()

    benchmark.pedantic(once, setup=setup, rounds=30)


@pytest.mark.parametrize("name", ["hold_the_gil", "sleep"])
def test_name_a_hang(benchmark: Any, name: str) -> None:
    """From the call to the failure, a deadline of 0.5 s in it; nothing else that is compared here can kill a hang."""
    benchmark.group = "worker-hang-named"
    benchmark.pedantic(lambda worker: _ended(worker, name, HANG), setup=_started, rounds=10)
    benchmark.extra_info["over_deadline_ms"] = 1e3 * (benchmark.stats.stats.max - HANG.deadline_s)
