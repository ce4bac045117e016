"""Turns: who waits for whom, with processes that hold locks."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.gate.turns import InTurn, Turns

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no flock")

HOLDER = """
import sys
from pathlib import Path
from pytest_qparity.gate.turns import Turns
with getattr(Turns(Path(sys.argv[1])), sys.argv[2])():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def others(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start another process that works, or times, until its input is closed."""
    with ExitStack() as started:

        def start(kind: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(tmp_path), kind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            started.callback(process.wait)
            started.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            return process

        yield start


def waiting(turn: Callable[[], AbstractContextManager[Any]]) -> tuple[threading.Thread, list[Any]]:
    """A thread that waits for a turn; what it was told once it had it."""
    told: list[Any] = []

    def wait() -> None:
        with turn() as is_alone:
            told.append(is_alone)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(0.2)
    return thread, told


def is_free(lock: Path) -> bool:
    import fcntl

    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_who_times_is_alone_where_nobody_works(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "not" / "there")

    with turns.timed() as is_alone:
        assert is_alone is True
    with turns.working(), turns.working():
        pass
    with turns.timed() as is_alone:
        assert is_alone is True


def test_others_work_side_by_side(tmp_path: Path, others: Callable[[str], subprocess.Popen[str]]) -> None:
    others("working")

    thread, _ = waiting(Turns(tmp_path).working)
    thread.join(20)

    assert not thread.is_alive()


@pytest.mark.parametrize("turn", ["working", "timed"])
def test_all_wait_for_who_times_and_a_killed_one_is_not_waited_for(
    turn: str, tmp_path: Path, others: Callable[[str], subprocess.Popen[str]]
) -> None:
    holder = others("timed")

    thread, told = waiting(getattr(Turns(tmp_path), turn))
    assert thread.is_alive()
    holder.kill()
    thread.join(20)

    assert not thread.is_alive()
    assert told == [True if turn == "timed" else None]


def test_who_times_waits_for_work_that_is_at_hand_and_new_work_for_who_times(
    tmp_path: Path, others: Callable[[str], subprocess.Popen[str]]
) -> None:
    worker = others("working")

    timing, told = waiting(Turns(tmp_path).timed)
    while is_free(tmp_path / "turns" / "queue"):
        pass
    new_work, _ = waiting(Turns(tmp_path).working)
    assert timing.is_alive()
    assert new_work.is_alive()
    worker.kill()
    timing.join(20)
    new_work.join(20)

    assert told == [True]
    assert not new_work.is_alive()


def test_work_that_takes_too_long_is_timed_beside_and_that_is_told(
    tmp_path: Path, others: Callable[[str], subprocess.Popen[str]]
) -> None:
    others("working")

    with Turns(tmp_path, waited_s=0.02).timed() as is_alone:
        assert is_alone is False


def test_its_own_calls_do_not_wait_for_who_times(tmp_path: Path) -> None:
    class Answering:
        def call(self, *arguments: Any) -> Any:
            return arguments

    turns = Turns(tmp_path)
    with turns.timed():
        assert InTurn(Answering(), turns).call("a", {}, {}, "b", None)[0] == "a"  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_written_to_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    turns = Turns(tmp_path / "file")

    with turns.working(), turns.timed() as is_alone:
        assert is_alone is None
