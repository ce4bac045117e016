"""Time by a device's own clock: when it is judged, when it is not believed, and what whole runs take beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pytest_qparity.backends import sides, timed_calls, timing
from pytest_qparity.backends.hosted import HostedSession
from pytest_qparity.backends.protocol import SessionFacts
from pytest_qparity.backends.sequential import FEWEST_PAIRS
from pytest_qparity.backends.serving import Opened
from pytest_qparity.backends.sides import Here
from pytest_qparity.backends.timed_calls import Clock
from pytest_qparity.backends.timing import Question, alone, end_to_end, in_turn
from pytest_qparity.checks.latency import LatencyMeasurement, judge_latency
from pytest_qparity.verdict import CannotJudge, Code, Outcome
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits

FEED = {"x": np.ones(4, np.float32)}
HOST_MS = 5.0


class OnDevice:
    """A call of HOST_MS on a clock that only calls move, of which the device says what `told` holds, the last for
    good."""

    computes_elsewhere = True

    def __init__(self, clock: Any, *told: float | None) -> None:
        self.clock, self.told = clock, list(told)
        self.device_ms: float | None = None

    def run(self) -> None:
        self.clock.ns += round(1e6 * HOST_MS)
        self.device_ms = self.told.pop(0) if len(self.told) > 1 else self.told[0]

    def look(self, given: object) -> None: ...


class FakeClock:
    def __init__(self) -> None:
        self.ns = 0

    def perf_counter_ns(self) -> int:
        return self.ns

    def process_time_ns(self) -> int:
        return 0

    def process_time(self) -> float:
        return self.perf_counter()

    def perf_counter(self) -> float:
        return self.ns / 1e9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()
    for module in (timing, timed_calls, sides):
        monkeypatch.setattr(module, "time", fake)
    return fake


def test_a_device_that_tells_its_time_is_judged_by_it(clock: FakeClock) -> None:
    times = in_turn(Here(OnDevice(clock, 1.0)), Here(OnDevice(clock, 3.0)), Question(0.1))
    single = alone(OnDevice(clock, 2.0), Question(0.1))

    assert (set(times.variant_ms), set(times.counterpart_ms), times.of_variant.clock) == ({1.0}, {3.0}, Clock.DEVICE)
    assert (set(single.ms), single.clock) == ({2.0}, Clock.DEVICE)


@pytest.mark.parametrize("told", [(None,), (1.0, None)])
def test_one_that_does_not_always_tell_it_is_judged_by_the_host(
    clock: FakeClock, told: tuple[float | None, ...]
) -> None:
    """A ratio of two clocks would be none."""
    times = in_turn(Here(OnDevice(clock, *told)), Here(OnDevice(clock, 3.0)), Question(0.1))

    assert (set(times.variant_ms), set(times.counterpart_ms), times.of_variant.clock) == (
        {HOST_MS},
        {HOST_MS},
        Clock.HOST,
    )


@pytest.mark.parametrize("told", [0.0, -1.0, float("nan"), float("inf"), HOST_MS * 1.02])
def test_a_time_that_cannot_be_is_not_believed(clock: FakeClock, told: float) -> None:
    with pytest.raises(CannotJudge) as caught:
        alone(OnDevice(clock, told), Question(0.1))

    assert caught.value.failure.code is Code.LATENCY_UNMEASURED
    assert "should be above 0 and within the 5 ms" in caught.value.failure.sentence


def test_a_time_that_two_clocks_can_differ_by_is_believed(clock: FakeClock) -> None:
    assert alone(OnDevice(clock, HOST_MS * 1.005), Question(0.1)).clock is Clock.DEVICE


def test_whole_runs_are_timed_by_the_host(clock: FakeClock) -> None:
    def run() -> None:
        clock.ns += 7_000_000

    assert end_to_end(run).tolist() == [7.0] * FEWEST_PAIRS


class Binding:
    """A session on a device that tells no time, or one (`device_ms`)."""

    def __init__(self, device_ms: float | None) -> None:
        self.runs = self.bound_runs = 0
        self._device_ms = device_ms

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.runs += 1
        return {"y": 2 * feed["x"]}

    def bound(self, feed: Mapping[str, np.ndarray]) -> Any:
        session = self

        class Bound:
            def run(self) -> None:
                session.bound_runs += 1

            def outputs(self) -> dict[str, np.ndarray]:
                return {"y": 2 * feed["x"]}

        class Timed(Bound):
            device_ms = session._device_ms

        return Bound() if session._device_ms is None else Timed()

    def facts(self) -> SessionFacts:
        return SessionFacts("binding", "1", "GPU", {}, {"there": 1}, "there")

    def close(self) -> None: ...


@pytest.mark.parametrize(("device_ms", "expected"), [(None, Clock.HOST), (1e-6, Clock.DEVICE)])
def test_a_session_on_a_device_is_timed_there_and_end_to_end(device_ms: float | None, expected: Clock) -> None:
    worker = InProcess(Limits())
    worker.held |= {"1": Opened(Binding(device_ms)), "2": Opened(Binding(device_ms))}
    session, counterpart = (HostedSession(worker, number, "A stand-in") for number in "12")

    times, pairs = session.time_alone(FEED, Question(0.001)), session.time_in_turn(counterpart, FEED, Question(0.001))

    for measured in (times, pairs.of_variant):
        assert measured.clock is expected
        assert measured.end_to_end_ms is not None
        assert len(measured.end_to_end_ms) == FEWEST_PAIRS
    assert worker.held["1"].session.runs > 2 * FEWEST_PAIRS


def test_the_evidence_holds_both(clock: FakeClock) -> None:
    verdict = judge_latency(LatencyMeasurement(1.5, 60, 8, {}, Clock.DEVICE, 4.25), {})

    assert verdict.outcome is Outcome.PASS
    assert {key: verdict.evidence[key] for key in ("median_ms", "clock", "device_ms", "end_to_end_ms")} == {
        "median_ms": 1.5,
        "clock": "device",
        "device_ms": 1.5,
        "end_to_end_ms": 4.25,
    }
    assert verdict.notes == ("recorded, no budget", "1.5 ms by the device's clock; 4.25 ms with all copies")


def test_of_a_device_without_a_clock_it_says_whose_time_it_is() -> None:
    verdict = judge_latency(LatencyMeasurement(1.5, 60, 8, {}, Clock.HOST, 4.25), {})

    assert "device_ms" not in verdict.evidence
    assert verdict.notes[1] == "1.5 ms by the host's clock, on the device; 4.25 ms with all copies"
