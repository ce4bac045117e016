"""Whether calls wait by themselves or for neighbours, from calls timed in turn."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.backends.timed_calls import LEAST_CPU_SHARE, Call
from pytest_qparity.backends.waiting import is_unexplained, waited_percent, waits_by_itself
from tests.backends.noise import NEIGHBOURS, waits_beside

Calls = list[Call]


def calls_of(processor_ms: float, waits_ms: np.ndarray) -> Calls:
    return [
        Call(processor_ms + wait, None, processor_ms >= LEAST_CPU_SHARE * (processor_ms + wait), processor_ms)
        for wait in waits_ms.tolist()
    ]


def in_turn(neighbours: str, own_ms: float, other_ms: float, pairs: int, seed: int) -> tuple[Calls, Calls]:
    waits = waits_beside(neighbours, np.tile([own_ms, other_ms], pairs), np.random.default_rng(seed))
    return calls_of(own_ms, waits[::2]), calls_of(other_ms, waits[1::2])


def sleeping(calls: Calls, share: float, sleep_ms: float) -> Calls:
    sleeps = np.where(np.random.default_rng(7).random(len(calls)) < share, sleep_ms, 0.0)
    waits = np.array([call.host_ms - (call.processor_ms or 0.0) for call in calls])
    return calls_of(calls[0].processor_ms or 0.0, waits + sleeps)


@pytest.mark.parametrize("neighbours", NEIGHBOURS)
@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("own_ms", [0.1, 1.0, 20.0])
def test_neighbours_are_never_taken_for_waits(neighbours: str, ratio: float, own_ms: float) -> None:
    alarms = 0
    for seed in range(40):
        one, other = in_turn(neighbours, own_ms, ratio * own_ms, 100, seed)
        alarms += waits_by_itself(one, other) + waits_by_itself(other, one)

    assert alarms == 0


def test_neighbours_do_interrupt_in_these_simulations() -> None:
    for neighbours in NEIGHBOURS:
        one, _ = in_turn(neighbours, 20.0, 20.0, 200, 1)
        assert np.mean([not call.is_sound for call in one]) > 0.1, neighbours


@pytest.mark.parametrize(
    ("share", "sleep_ms"),
    [pytest.param(0.4, 30.0, id="two calls in five"), pytest.param(1.0, 3.0, id="every call")],
)
@pytest.mark.parametrize("ratio", [0.2, 1.0, 2.2, 5.0])
@pytest.mark.parametrize("neighbours", ["at random", "by the clock"])
def test_a_session_that_sleeps_is_seen_and_the_other_is_not_blamed(
    neighbours: str, ratio: float, share: float, sleep_ms: float
) -> None:
    one, other = in_turn(neighbours, 0.2, ratio * 0.2, 300, 2)
    asleep = sleeping(one, share, sleep_ms)

    assert waits_by_itself(asleep, other)
    assert not waits_by_itself(other, asleep)


@pytest.mark.parametrize("neighbours", NEIGHBOURS)
def test_one_that_sleeps_in_every_call_is_seen_whatever_neighbours_do(neighbours: str) -> None:
    one, other = in_turn(neighbours, 0.2, 0.3, 100, 2)

    assert waits_by_itself(sleeping(one, 1.0, 3.0), other)


def test_what_sleeps_as_often_on_both_sides_is_not_told_by_comparing_them() -> None:
    one, other = (sleeping(side, 0.4, 30.0) for side in in_turn("at random", 0.2, 0.2, 100, 2))

    assert not waits_by_itself(one, other)


def test_a_few_waits_more_than_the_other_has_may_be_chance() -> None:
    waits = np.zeros(20)
    waits[:4] = 5.0

    assert not waits_by_itself(calls_of(1.0, waits), calls_of(1.0, np.zeros(20)))
    assert waits_by_itself(calls_of(1.0, np.tile(waits, 5)), calls_of(1.0, np.zeros(100)))


@pytest.mark.parametrize(
    "untold",
    [
        pytest.param([Call(2.0, 1.0, True)] * 100, id="computed on a device"),
        pytest.param([Call(2.0, None, True, 3.5)] * 100, id="computed in several threads"),
        pytest.param([Call(0.0, None, True, 0.0)] * 100, id="a clock that stands still"),
        pytest.param([], id="no call"),
    ],
)
def test_beside_calls_whose_waits_cannot_be_seen_nothing_is_told(untold: Calls) -> None:
    asleep = calls_of(1.0, np.full(100, 3.0))

    assert not waits_by_itself(asleep, untold)
    assert not waits_by_itself(untold, asleep)
    assert waited_percent(untold) is None
    assert waited_percent(asleep) == 75.0


@pytest.mark.parametrize(
    ("waited", "others", "stolen", "expected"),
    [(50.0, 0.0, 0.0, True), (9.0, 0.0, 0.0, False), (50.0, 25.0, 0.0, False), (50.0, 0.0, 25.0, False)],
)
def test_waits_are_explained_by_what_others_had_of_two_processors(
    waited: float, others: float, stolen: float, expected: bool
) -> None:
    assert is_unexplained(waited, {"others_percent": others, "stolen_percent": stolen}, 2) is expected
