"""A worker process does calls, and whatever ends it is named."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker import process as process_module
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from tests.worker import leftovers
from tests.worker.calling import CALLS, PHASE, WORK, called, refused

pytestmark = pytest.mark.usefixtures("nothing_is_left")


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
