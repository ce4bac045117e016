"""A worker process does calls, and whatever ends it is named."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np
import psutil
import pytest

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker import process as process_module
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from tests.worker import leftovers

CALLS = "tests.worker.calls"
PHASE = Phase("first run", 30.0)
PROMPT_S = 1.0  # far below what any wait for a supervisor would take; 0.2 is what benchmarks/ measure
WORK = 'Backend "mine" with model.onnx'


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test does to its workers: no process, no shared memory, no temporary file stays."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    arenas, before = leftovers.open_arenas(), leftovers.children()
    yield
    assert leftovers.children() - before == set()
    assert leftovers.started_by_workers(temporary) == set()
    assert leftovers.open_arenas() == arenas
    assert leftovers.temporary_files() == []


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    worker = WorkerProcess(Limits(memory_mb=2000))
    yield worker
    worker.close()


def called(worker: WorkerProcess, name: str, phase: Phase = PHASE, **arguments: object) -> object:
    return worker.call(f"{CALLS}:{name}", arguments, {}, WORK, phase).value


def refused(worker: WorkerProcess, name: str, phase: Phase = PHASE, **arguments: object) -> Failure:
    with pytest.raises(CannotJudge) as caught:
        called(worker, name, phase, **arguments)
    return caught.value.failure


def test_values_and_arrays_come_back_as_they_went(worker: WorkerProcess) -> None:
    arrays = {
        "": np.arange(6, dtype=np.float32).reshape(2, 3),
        "a/b:0": np.array([1.5, -2], ml_dtypes.bfloat16),
        "none": np.empty((0, 4), np.int64),
        "scalar": np.array(7, np.uint8),
        "not contiguous": np.arange(12).reshape(3, 4)[:, ::2],
        "text": np.array(["ü", "long"]),
        "int4": np.array([-8, 7], ml_dtypes.int4),
        "bool": np.array([True, False]),
    }

    answer = worker.call(f"{CALLS}:echo", {"a": [1, None, "é"]}, arrays, WORK, PHASE)

    assert answer.value == {"a": [1, None, "é"]}
    assert list(answer.arrays) == list(arrays)
    for name, array in arrays.items():
        assert answer.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(answer.arrays[name], array)


def test_a_worker_keeps_what_it_holds_and_grows_its_memory(worker: WorkerProcess) -> None:
    for size in (10, 1_000_000, 100):
        array = np.random.default_rng(size).standard_normal(size)
        answer = worker.call(f"{CALLS}:echo", {}, {"x": array}, WORK, PHASE)
        np.testing.assert_array_equal(answer.arrays["x"], array)

    assert [called(worker, "count"), called(worker, "count")] == [1, 2]


def test_an_engine_runs_in_a_session_of_its_own_with_a_temporary_folder_of_its_own(worker: WorkerProcess) -> None:
    told = called(worker, "identity")

    assert told["pid"] != os.getpid()
    assert told["session"] == told["pid"]  # Ctrl-C at the terminal reaches pytest alone
    assert "qparity-worker-" in told["tmp"]


def test_what_a_call_refuses_is_its_failure_and_the_worker_goes_on(worker: WorkerProcess) -> None:
    failure = refused(worker, "refuse")

    assert failure == Failure(Code.BACKEND_LOAD, "Got no weights, should be there.", "fetch them", "a bad export")
    assert called(worker, "count") == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("raise_it", 'ValueError: "too hot"'), ("leave_python", "SystemExit"), ("answer_what_is_no_json", "TypeError")],
)
def test_what_has_no_name_is_a_failure_of_the_call_and_the_worker_goes_on(
    worker: WorkerProcess, name: str, said: str
) -> None:
    failure = refused(worker, name)

    assert failure.code is Code.WORKER_ERROR
    assert said in failure.sentence
    assert called(worker, "count") == 1


def test_a_crash_is_named_with_its_signal_phase_and_last_words(worker: WorkerProcess) -> None:
    failure = refused(worker, "segfault")

    assert failure.code is Code.WORKER_CRASH
    assert failure.sentence.startswith(f"{WORK} was ended by SIGSEGV during its first run, should have answered")
    assert "the last thing I said" in failure.sentence
    assert "--qparity-isolation=none" in failure.remedy


@pytest.mark.parametrize("name", ["SIGABRT", "SIGFPE", "SIGBUS", "SIGKILL", "SIGILL", "SIGTERM"])
def test_every_signal_has_its_name(worker: WorkerProcess, name: str) -> None:
    assert f"ended by {name}" in refused(worker, "kill_itself", signal=name).sentence


@pytest.mark.parametrize("status", [0, 3])
def test_an_exit_is_no_answer_whatever_its_status(worker: WorkerProcess, status: int) -> None:
    failure = refused(worker, "leave_at_once", status=status)

    assert failure.code is Code.WORKER_CRASH
    assert f"ended by itself with status {status}" in failure.sentence


def test_the_first_failure_stays(worker: WorkerProcess) -> None:
    first = refused(worker, "segfault")

    assert refused(worker, "count") is first


@pytest.mark.parametrize("name", ["hold_the_gil", "stop_itself", "ignore_signals_and_hang"])
def test_a_hang_is_killed_at_its_deadline(worker: WorkerProcess, name: str) -> None:
    failure = refused(worker, name, Phase("run", 0.5))

    assert failure.code is Code.WORKER_DEADLINE
    assert "did not end its run within 0.5 s and was killed" in failure.sentence
    assert "run_s" in failure.remedy


@pytest.mark.parametrize("name", ["allocate_without_end", "allocate_in_children"])
def test_memory_without_end_is_stopped(name: str) -> None:
    worker = WorkerProcess(Limits(memory_mb=200))

    failure = refused(worker, name)

    assert failure.code is Code.WORKER_MEMORY
    assert "should hold at most 200 MB" in failure.sentence
    worker.close()


def test_forked_children_that_share_their_memory_count_once() -> None:
    worker = WorkerProcess(Limits(memory_mb=300))
    children = "import os, time; x = b'x' * (150 * 10**6); [os.fork() for _ in range(2)]; time.sleep(1)"

    assert called(worker, "run_python", program=children) is None
    worker.close()


def test_a_worker_that_died_with_a_child_holding_its_channel_is_named_at_once(worker: WorkerProcess) -> None:
    assert "SIGSEGV" in refused(worker, "fork_and_keep_the_channel").sentence


def test_a_detached_grandchild_ends_with_its_worker(worker: WorkerProcess) -> None:
    pid = called(worker, "detach_a_child")
    assert leftovers.exists(pid)

    worker.close()

    assert not leftovers.exists(pid)


def test_a_detached_grandchild_ends_with_a_worker_that_crashed(worker: WorkerProcess) -> None:
    pid = called(worker, "detach_a_child")

    refused(worker, "segfault")

    assert not leftovers.exists(pid)


def test_what_looks_like_a_frame_on_stdout_is_none(worker: WorkerProcess) -> None:
    assert called(worker, "print_a_frame") == "honest"
    assert called(worker, "count") == 1


@pytest.mark.parametrize(
    "sent",
    ["\xff\xff\xff\xff", "\x00\x00\x00\x02[]", "\x00\x00\x00\x04nope", '\x00\x00\x00\x0c{"number":9}'],
    ids=["a giant length", "no table", "no JSON", "another call"],
)
def test_what_is_written_into_the_channel_is_no_answer(worker: WorkerProcess, sent: str) -> None:
    called(worker, "count")

    failure = refused(worker, "write_everywhere", Phase("run", 5), bytes=sent)

    assert failure.code in (Code.WORKER_PROTOCOL, Code.WORKER_CRASH)


def test_memory_that_the_worker_shrinks_ends_nobody_here(worker: WorkerProcess) -> None:
    worker.call(f"{CALLS}:echo", {}, {"x": np.ones(10**6)}, WORK, PHASE)

    called(worker, "shrink_the_memory")
    answer = worker.call(f"{CALLS}:echo", {}, {"x": np.ones(10)}, WORK, PHASE)

    np.testing.assert_array_equal(answer.arrays["x"], np.ones(10))


def test_an_answer_beyond_the_largest_frame_is_a_failure_of_the_call(worker: WorkerProcess) -> None:
    failure = refused(worker, "answer_too_much")

    assert failure.code is Code.WORKER_ERROR
    assert called(worker, "count") == 1


def test_arrays_are_copies_that_no_later_call_changes(worker: WorkerProcess) -> None:
    first = worker.call(f"{CALLS}:give_a_view_that_changes", {"value": 1}, {}, WORK, PHASE).arrays["y"]
    worker.call(f"{CALLS}:give_a_view_that_changes", {"value": 2}, {}, WORK, PHASE)

    np.testing.assert_array_equal(first, np.ones(4))


def test_an_engine_that_writes_over_its_input_changes_no_array_here(worker: WorkerProcess) -> None:
    x = np.ones(4)

    worker.call(f"{CALLS}:write_over_the_input", {}, {"x": x}, WORK, PHASE)

    np.testing.assert_array_equal(x, np.ones(4))


def test_an_answer_whose_copy_would_not_fit_beside_the_worker_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_qparity.worker.memory._free_bytes", lambda: 800 * 10**6)
    worker = WorkerProcess(Limits())

    with pytest.raises(CannotJudge, match="should be within 200,000,000") as caught:
        worker.call(f"{CALLS}:echo", {}, {"x": np.ones(26 * 10**6)}, WORK, PHASE)
    worker.close()

    assert caught.value.failure.code is Code.WORKER_PROTOCOL


def test_a_worker_that_writes_much_blocks_nobody(worker: WorkerProcess) -> None:
    called(worker, "write_much")

    assert "the end" in refused(worker, "segfault").sentence


def test_files_that_a_worker_leaves_are_removed(worker: WorkerProcess) -> None:
    name = called(worker, "leave_a_file")
    assert Path(name).exists()

    worker.close()

    assert not Path(name).exists()


def test_a_closed_worker_does_no_calls(worker: WorkerProcess) -> None:
    worker.close()
    worker.close()

    assert refused(worker, "count").code is Code.WORKER_START


def test_an_interrupt_in_the_middle_of_a_call_ends_the_worker(worker: WorkerProcess) -> None:
    """Ctrl-C: the answer that comes later must not be taken for that of another call."""
    called(worker, "count")
    before = leftovers.children()
    restored = signal.signal(signal.SIGALRM, _interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            _sleep_until_interrupted(worker)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, restored)

    assert leftovers.children() < before


def _sleep_until_interrupted(worker: WorkerProcess) -> None:
    """Whatever a slow machine is at when the timer fires, it is in here."""
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    called(worker, "sleep", seconds=30)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_worker_of_another_version_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "__version__", "0.0.9")
    worker = WorkerProcess(Limits())

    failure = refused(worker, "count")

    assert failure.code is Code.WORKER_START
    assert "should be 0.0.9" in failure.sentence


def test_a_python_that_does_not_start_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(CannotJudge) as caught:
        WorkerProcess(Limits())

    assert caught.value.failure.code is Code.WORKER_START


def test_a_package_that_is_gone_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "executable", sys._base_executable)  # type: ignore[attr-defined]
    worker = WorkerProcess(Limits())

    assert refused(worker, "count").code in (Code.WORKER_CRASH, Code.WORKER_START)


def test_a_supervisor_that_is_killed_takes_its_engine_along(worker: WorkerProcess) -> None:
    engine = called(worker, "identity")

    os.kill(engine["parent"], signal.SIGKILL)

    failure = refused(worker, "sleep", seconds=30)
    assert failure.code is Code.WORKER_CRASH
    assert not _outlives(engine["pid"])


def test_a_detached_grandchild_ends_though_the_supervisor_was_killed(worker: WorkerProcess) -> None:
    engine, detached = called(worker, "identity"), called(worker, "detach_a_child")

    os.kill(engine["parent"], signal.SIGKILL)
    refused(worker, "sleep", seconds=30)

    assert not leftovers.exists(detached)


def test_a_supervisor_that_was_killed_unnoticed_leaves_nothing_at_the_close(worker: WorkerProcess) -> None:
    engine, detached = called(worker, "identity"), called(worker, "detach_a_child")

    os.kill(engine["parent"], signal.SIGKILL)
    worker.close()

    assert not leftovers.exists(detached)


def test_a_supervisor_that_was_stopped_keeps_the_deadline(worker: WorkerProcess) -> None:
    detached = called(worker, "stop_the_supervisor")

    start = time.monotonic()
    failure = refused(worker, "hold_the_gil", Phase("run", 0.5))
    took_s = time.monotonic() - start

    assert failure.code is Code.WORKER_DEADLINE
    assert took_s < 0.5 + PROMPT_S
    assert not leftovers.exists(detached)


def test_a_supervisor_that_is_stopped_again_and_again_is_awaited_once(worker: WorkerProcess) -> None:
    called(worker, "count")

    start = time.monotonic()
    failure = refused(worker, "stop_the_supervisor_again_and_again", Phase("run", 0.5))
    took_s = time.monotonic() - start

    assert failure.code is Code.WORKER_DEADLINE
    assert took_s < 0.5 + process_module._GRACE_S + PROMPT_S


def test_a_supervisor_that_was_stopped_names_a_crash(worker: WorkerProcess) -> None:
    called(worker, "count")

    assert "SIGSEGV" in refused(worker, "stop_the_supervisor_and_segfault").sentence


def test_a_supervisor_that_was_stopped_delays_no_close(worker: WorkerProcess) -> None:
    detached = called(worker, "stop_the_supervisor")

    start = time.monotonic()
    worker.close()

    assert time.monotonic() - start < PROMPT_S
    assert not leftovers.exists(detached)


def test_processes_that_fork_without_end_are_ended(worker: WorkerProcess) -> None:
    for _ in range(24):
        called(worker, "keep_forking")

    start = time.monotonic()
    worker.close()

    assert time.monotonic() - start < 2 * PROMPT_S


def test_what_an_engine_starts_holds_nothing_of_the_workers_open(worker: WorkerProcess) -> None:
    """Its helpers may outlive its crash: they must not keep its channel and its memory open with them."""
    opened = called(worker, "what_a_program_inherits")["open"]

    assert [each for each in opened if "memfd:qparity" in each or each.startswith("socket:")] == []


def test_an_engine_and_what_it_starts_are_the_first_that_a_system_short_of_memory_ends(worker: WorkerProcess) -> None:
    assert called(worker, "what_a_program_inherits")["oom_score_adj"] == 1000


def test_an_engine_and_what_it_starts_leave_no_core_dump() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("this system allows no core dump at all")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        allowed = WorkerProcess(Limits())
        assert called(allowed, "what_a_program_inherits")["core"] == 0
        allowed.close()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def _outlives(pid: int) -> bool:
    """Whether a process is there still after it had five seconds to go."""
    end = time.monotonic() + 5
    while leftovers.exists(pid) and time.monotonic() < end:
        os.sched_yield()
    return leftovers.exists(pid)


OWNER = """
import os, sys
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess

worker = WorkerProcess(Limits())
call = lambda name, **arguments: worker.call(f"tests.worker.calls:{name}", arguments, {}, "W", Phase("run", 60)).value
print(call("identity")["pid"], call("identity")["parent"], call("detach_a_child"), flush=True)
{then}
"""


def owner(then: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A process with a worker; its engine, its supervisor and the engine's detached grandchild."""
    program = OWNER.replace("{then}", textwrap.dedent(then))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    assert started.stdout is not None
    return started, [int(pid) for pid in started.stdout.readline().split()]


@pytest.mark.parametrize(
    "then",
    [
        "call('hold_the_gil')",
        "call('stop_itself')",
        "import time; time.sleep(60)",
    ],
)
def test_nothing_outlives_an_owner_that_is_killed(then: str) -> None:
    killed, pids = owner(then)

    killed.kill()
    killed.wait()

    assert [pid for pid in pids if _outlives(pid)] == []


def test_nothing_outlives_an_owner_that_is_killed_while_the_supervisor_is_stopped() -> None:
    killed, pids = owner("call('stop_the_supervisor'); call('hold_the_gil')")
    supervisor = psutil.Process(pids[1])
    while supervisor.status() != psutil.STATUS_STOPPED:
        os.sched_yield()

    killed.kill()
    killed.wait()

    assert [pid for pid in pids if _outlives(pid)] == []


@pytest.mark.parametrize(
    "then", ["", "raise SystemExit(3)", "os._exit(1)", "import signal; os.kill(os.getpid(), signal.SIGTERM)"]
)
def test_nothing_outlives_an_owner_that_ends_without_closing(then: str) -> None:
    ended, pids = owner(then)

    ended.wait(30)

    assert [pid for pid in pids if _outlives(pid)] == []


def test_a_fork_of_the_owner_ends_nothing(worker: WorkerProcess) -> None:
    called(worker, "count")

    child = os.fork()
    if child == 0:
        worker.close()
        os._exit(0)
    os.waitpid(child, 0)

    assert called(worker, "count") == 2
