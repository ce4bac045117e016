"""How far a long call is: heard while it runs, silent where nobody asked, and no way around a deadline."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.protocol import Watch

CALLS = "tests.worker.calls"
PHASE = Phase("load", 30.0)
WORK = 'Backend "trt" with model.onnx'
TEXTS = ["Building (1 of 3 steps)", "Building (2 of 3 steps)"]

both = pytest.mark.parametrize("start", [WorkerProcess, InProcess])
Start = Callable[[Limits, Watch | None], WorkerProcess | InProcess]


@both
def test_what_a_call_tells_is_heard_in_order_and_so_is_its_end(start: Start) -> None:
    heard: list[tuple[str, str]] = []
    with contextlib.closing(start(Limits(), lambda work, text: heard.append((work, text)))) as worker:
        answer = worker.call(f"{CALLS}:tells", {"texts": TEXTS}, {}, WORK, PHASE)
        assert heard == [(WORK, TEXTS[0]), (WORK, TEXTS[1]), (WORK, "")]
        worker.call(f"{CALLS}:echo", {}, {}, WORK, PHASE)

    assert answer.value == "done"
    assert len(heard) == 3


@both
def test_where_nobody_watches_the_call_is_the_same(start: Start) -> None:
    with contextlib.closing(start(Limits(), None)) as worker:
        assert worker.call(f"{CALLS}:tells", {"texts": TEXTS}, {}, WORK, PHASE).value == "done"


@both
def test_what_is_told_from_many_threads_is_whole(start: Start) -> None:
    heard: list[str] = []
    with contextlib.closing(start(Limits(), lambda _, text: heard.append(text))) as worker:
        assert worker.call(f"{CALLS}:tells_from_threads", {}, {}, WORK, PHASE).value == "done"

    assert heard == ["x" * 150] * 400 + [""]


@both
def test_a_text_without_end_is_cut(start: Start) -> None:
    heard: list[str] = []
    with contextlib.closing(start(Limits(), lambda _, text: heard.append(text))) as worker:
        worker.call(f"{CALLS}:tells", {"texts": ["x" * 10**5]}, {}, WORK, PHASE)

    assert heard == ["x" * 200, ""]


def test_control_characters_of_an_engine_do_not_reach_the_terminal() -> None:
    heard: list[str] = []
    with contextlib.closing(WorkerProcess(Limits(), lambda _, text: heard.append(text))) as worker:
        worker.call(f"{CALLS}:tells", {"texts": ["a\x1b[2Jb\nc"]}, {}, WORK, PHASE)

    assert heard[0] == "a[2Jbc"


def test_telling_moves_no_deadline() -> None:
    heard: list[str] = []
    with (
        contextlib.closing(WorkerProcess(Limits(), lambda _, text: heard.append(text))) as worker,
        pytest.raises(CannotJudge) as caught,
    ):
        worker.call(f"{CALLS}:tells_without_end", {}, {}, WORK, Phase("load", 0.3))

    assert caught.value.failure.code is Code.WORKER_DEADLINE
    assert heard[-1] == ""
