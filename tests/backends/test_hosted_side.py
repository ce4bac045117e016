"""Sessions of two workers, timed block by block in turn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pytest_qparity.backends.hosted import HostedSession
from pytest_qparity.backends.serving import SIDE, Opened
from pytest_qparity.backends.timed_calls import Block, Call, Clock
from pytest_qparity.backends.timing import PairedTimes, Question, Times
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.backends.test_watched import FEED, NOTHING, RIGHT, Changing, from_run
from tests.checks.test_device_time import Binding

SHORT = Question(0.01)


def hosted(session: Changing | Binding) -> tuple[InProcess, HostedSession]:
    worker = InProcess(Limits())
    worker.held["1"] = Opened(session)
    return worker, HostedSession(worker, "1", "A stand-in")


def test_calls_are_the_same_after_their_way_from_a_worker() -> None:
    block = Block((Call(2.5, None, True), Call(3.0, 1.25, False, 0.5)))

    assert Block.of_array(block.as_array()) == block


def test_both_sides_make_as_many_counted_calls_and_settle_first() -> None:
    sessions = Changing(lambda _: RIGHT), Changing(lambda _: RIGHT)
    (_, variant), (_, counterpart) = (hosted(session) for session in sessions)

    times = variant.time_in_turn(counterpart, FEED, SHORT)

    blocks = len(times.variant_ms) + times.interrupted
    assert times.variant_ms.shape == times.counterpart_ms.shape
    assert len(times.of_variant.ms) % blocks == 0
    assert all(session.runs > 10 * len(times.of_variant.ms) for session in sessions)  # calls of microseconds


@pytest.mark.parametrize("stops", ["variant", "counterpart"])
@pytest.mark.parametrize("at_run", [9, 40])
def test_an_engine_that_stops_computing_while_it_is_timed_is_seen_on_either_side(stops: str, at_run: int) -> None:
    sessions = {name: Changing(lambda _: RIGHT) for name in ("variant", "counterpart")}
    sessions[stops] = from_run(at_run, NOTHING)
    (_, variant), (_, counterpart) = (hosted(sessions[name]) for name in ("variant", "counterpart"))

    with pytest.raises(CannotJudge) as caught:
        variant.time_in_turn(counterpart, FEED, SHORT)

    assert caught.value.failure.code is Code.LATENCY_OUTPUTS


def test_both_are_run_once_more_when_all_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Changing(lambda _: RIGHT)
    (_, variant), (worker, counterpart) = hosted(Changing(lambda _: RIGHT)), hosted(counting)
    from pytest_qparity.backends import hosted as module

    def timed(*_: object) -> Any:
        counting.answer = lambda _: NOTHING
        return PairedTimes(np.ones(3), np.ones(3), Times(np.ones(3), np.ones(3, bool)))

    monkeypatch.setattr(module, "in_turn", timed)

    with pytest.raises(CannotJudge, match="in the run after the timing"):
        variant.time_in_turn(counterpart, FEED, SHORT)
    assert SIDE not in worker.held


def test_copies_to_a_device_count_beside_a_session_that_needs_none() -> None:
    device, host = Binding(None), Changing(lambda _: RIGHT)
    (_, on_device), (_, on_host) = hosted(device), hosted(host)

    mixed = on_device.time_in_turn(on_host, FEED, SHORT)
    assert mixed.with_copies
    assert device.bound_runs == 0

    reversed_ = on_host.time_in_turn(on_device, FEED, SHORT)
    assert reversed_.with_copies
    assert device.bound_runs == 0


def test_two_sessions_on_devices_are_timed_there() -> None:
    one, other = Binding(None), Binding(None)
    (_, variant), (_, counterpart) = hosted(one), hosted(other)

    times = variant.time_in_turn(counterpart, FEED, SHORT)

    assert not times.with_copies
    assert times.of_variant.clock is Clock.HOST
    assert min(one.bound_runs, other.bound_runs) > len(times.variant_ms)


def test_a_device_that_tells_no_time_is_not_nan() -> None:
    (call,) = Block.of_array(np.array([[1.0, math.nan, 1.0, math.nan]])).calls

    assert call == Call(1.0, None, True)
