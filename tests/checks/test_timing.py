"""Timing in turn: a fake clock in, samples out; simulated samples in, intervals out."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pytest_qparity.backends import sides, timed_calls, timing
from pytest_qparity.backends.conditions import Observer
from pytest_qparity.backends.sequential import FEWEST_PAIRS, LOOKS, MOST_PAIRS, interval_of_ratios
from pytest_qparity.backends.sides import MOST_SETTLING_CALLS, Here, settling_calls, warmed_up
from pytest_qparity.backends.timed_calls import MOST_COUNTED, Block, Call, calls_in_a_block
from pytest_qparity.backends.timing import (
    FEWEST_CALLS,
    MOST_CALLS,
    PATIENCE,
    PairedTimes,
    Question,
    Times,
    alone,
)
from pytest_qparity.checks.call_times import samples_per_s
from pytest_qparity.checks.latency import LatencyMeasurement, judge_latency
from pytest_qparity.checks.speed_up import speed_up
from pytest_qparity.verdict import Code


def in_turn(variant, counterpart, question, seed=0):
    return timing.in_turn(Here(variant), Here(counterpart), question, seed)


class Costing:
    """What is timed: each run moves a clock by `cost` and gives its own number; `looked_at` holds those seen."""

    def __init__(self, cost, computes_elsewhere=False):
        self.cost = cost
        self.computes_elsewhere = computes_elsewhere
        self.device_ms = None
        self.runs = 0
        self.looked_at = []

    def run(self):
        self.cost()
        self.runs += 1
        return self.runs

    def look(self, given):
        self.looked_at.append(given)


class Clock:
    """A clock that only calls move; `calls` is who was called, in order."""

    def __init__(self):
        self.ns = 1_000_000_000
        self.stolen_ns = 0
        self.calls = []

    def perf_counter_ns(self):
        return self.ns

    def process_time_ns(self):
        return self.ns - self.stolen_ns

    def perf_counter(self):
        return self.ns / 1e9

    def process_time(self):
        return self.process_time_ns() / 1e9

    def costing(self, name, *milliseconds):
        """Runs that take each of `milliseconds` in turn, and the last of them from then on."""
        remaining = list(milliseconds)

        def call():
            self.calls.append(name)
            self.ns += round(1e6 * (remaining.pop(0) if len(remaining) > 1 else remaining[0]))

        return Costing(call)

    def interrupted(self, name, milliseconds, stolen_ms, *, every=1):
        """Runs that take `milliseconds`, and `stolen_ms` more every so many calls, in which others compute."""
        count = iter(range(1_000_000))

        def call():
            self.calls.append(name)
            self.ns += round(1e6 * milliseconds)
            if next(count) % every == 0:
                self.ns += round(1e6 * stolen_ms)
                self.stolen_ns += round(1e6 * stolen_ms)

        return Costing(call)


@pytest.fixture
def clock(monkeypatch):
    fake = Clock()
    for module in (timing, timed_calls, sides):
        monkeypatch.setattr(module, "time", fake)
    return fake


LONG = 100.0  # milliseconds of a call whose blocks are that call alone
WARM = 6  # calls of each, where they are steady from the first on
ENDLESS = Question(1e9, bounds=(1.0,), narrow=0.0)  # which nothing answers


def test_each_pair_holds_one_time_of_each(clock):
    times = in_turn(clock.costing("variant", 2.0), clock.costing("counterpart", 5.0), Question(0.5))

    assert set(times.variant_ms) == {2.0}
    assert set(times.counterpart_ms) == {5.0}
    assert len(times.variant_ms) == len(times.counterpart_ms)


def test_warm_up_calls_are_not_measured(clock):
    warm_up = [300.0, 250.0, 200.0, 150.0, 130.0, 120.0]

    times = in_turn(clock.costing("v", *warm_up, 100.0), clock.costing("c", *warm_up, 110.0), Question(20.0))
    single = alone(clock.costing("alone", *warm_up, 100.0), Question(20.0))

    assert set(times.variant_ms) == {100.0}
    assert set(times.counterpart_ms) == {110.0}
    assert set(single.ms) == {100.0}
    assert times.of_variant.conditions["warm_up_stable"] is single.conditions["warm_up_stable"] is True


@pytest.mark.parametrize("milliseconds", [pytest.param(1.0, id="blocks of several"), pytest.param(150.0, id="of one")])
def test_all_runs_are_told_counted_or_not(clock, milliseconds):
    variant, counterpart = clock.costing("v", milliseconds), clock.interrupted("c", milliseconds, 50.0, every=3)
    single = clock.costing("alone", milliseconds)

    times = in_turn(variant, counterpart, Question(2.0))
    of_single = alone(single, Question(2.0))

    assert times.of_variant.conditions["runs"] == variant.runs == counterpart.runs
    assert of_single.conditions["runs"] == single.runs


@pytest.mark.parametrize(
    ("milliseconds", "seconds", "calls", "is_stable"),
    [
        pytest.param([5.0], 1.0, 6, True, id="steady from the first"),
        pytest.param([9.0, 8.0, 7.0, 6.0, 5.0], 1.0, 9, True, id="until two windows are alike"),
        pytest.param([5.0, 5.0, 5.0, 8.0], 1.0, 6, True, id="becoming slower is drift"),
        pytest.param([5.0], 0.001, 3, False, id="three, though the time is over"),
        pytest.param([5.0], math.nan, 3, False, id="a time that is no number"),
        pytest.param([float(n) for n in range(100, 1, -9)], 0.5, 7, False, id="until the time is over"),
    ],
)
def test_sessions_are_warmed_up_until_they_gain_less_than_5_percent(clock, milliseconds, seconds, calls, is_stable):
    warm_up, _ = warmed_up([Here(clock.costing("v", *milliseconds))], seconds)

    assert (warm_up.calls, warm_up.is_stable) == (calls, is_stable)


def test_blocks_of_both_lie_back_to_back_and_their_first_call_is_not_counted(clock):
    """It finds the caches as the other session left them."""
    times = in_turn(clock.costing("variant", 2.0), clock.costing("counterpart", 1.0), Question(0.1))

    skipped, counted = calls_in_a_block(2.0)
    size = skipped + counted
    measured = clock.calls[2 * WARM :]
    blocks = [measured[start : start + size] for start in range(0, len(measured), size)]
    assert (skipped, counted) == (1, 2)
    assert all(len(set(block)) == 1 for block in blocks)
    assert all(
        {one[0], other[0]} == {"variant", "counterpart"} for one, other in zip(blocks[::2], blocks[1::2], strict=True)
    )
    assert len(times.of_variant.ms) == counted * len(blocks) // 2


@pytest.mark.parametrize(
    ("call_ms", "expected"),
    [(0.0, 0), (0.001, MOST_SETTLING_CALLS), (0.1, 30), (1.0, 3), (50.0, 1), (LONG, 0), (math.nan, 0)],
)
def test_a_process_that_has_waited_settles_for_a_few_milliseconds(call_ms, expected):
    assert settling_calls(call_ms) == expected


def test_each_side_that_has_waited_settles_by_its_own_calls(clock):
    """A call of another's length says nothing of how many calls it takes."""

    class Waiting(Here):
        settles = True

    timing.in_turn(Waiting(clock.costing("v", 1.0)), Waiting(clock.costing("c", 20.0)), Question(0.5))

    counted = calls_in_a_block(20.0)[1]
    measured = clock.calls[2 * WARM :]
    assert measured.count("v") / measured.count("c") == (3 + counted) / (1 + counted)


@pytest.mark.parametrize(
    ("call_ms", "expected"),
    [(0.0, (0, 1)), (0.01, (1, MOST_COUNTED)), (1.0, (1, 4)), (99.0, (1, 1)), (100.0, (0, 1)), (math.nan, (0, 1))],
)
def test_a_block_takes_a_few_milliseconds(call_ms, expected):
    assert calls_in_a_block(call_ms) == expected


def test_a_block_takes_as_long_as_its_calls_that_were_not_interrupted():
    def block(*calls):
        return Block(tuple(Call(ms, None, is_sound) for ms, is_sound in calls))

    assert block((1.0, True), (9.0, False), (3.0, True), (9.0, False)).ms(timed_calls.Clock.HOST) == 2.0
    assert block((1.0, True), (9.0, False), (3.0, True), (9.0, False)).is_sound
    assert not block((1.0, True), (9.0, False), (8.0, False)).is_sound
    assert block((7.0, False), (9.0, False)).ms(timed_calls.Clock.HOST) == 8.0


def test_blocks_of_both_hold_as_many_calls_however_warming_up_went(clock):
    """A median of more calls is less often a slow one, so that equal things would differ."""
    variant, counterpart = clock.costing("variant", 1.0), clock.costing("counterpart", *[4.0] * WARM, 1.0)

    in_turn(variant, counterpart, Question(0.1))

    assert variant.runs == counterpart.runs


def test_which_of_a_pair_goes_first_is_drawn_and_neither_is_favoured(clock):
    in_turn(clock.costing("variant", LONG), clock.costing("counterpart", LONG), ENDLESS)

    first = clock.calls[2 * WARM :: 2]
    assert len(first) == MOST_PAIRS
    assert 0.45 < first.count("variant") / MOST_PAIRS < 0.55
    assert first[: MOST_PAIRS // 2] != first[MOST_PAIRS // 2 :]


def test_the_same_seed_draws_the_same_order(clock):
    def order(seed):
        clock.calls.clear()
        in_turn(clock.costing("variant", LONG), clock.costing("counterpart", LONG), Question(20.0), seed=seed)
        return list(clock.calls)

    assert order(seed=3) == order(seed=3)
    assert order(seed=3) != order(seed=4)


@pytest.mark.parametrize(
    ("call_ms", "question", "pairs"),
    [
        pytest.param(LONG, Question(0.3), FEWEST_PAIRS, id="the fewest, though the time is over"),
        pytest.param(LONG, Question(10.0, bounds=(1.0,), narrow=0.0), 50, id="until the time is over"),
        pytest.param(LONG, ENDLESS, MOST_PAIRS, id="the most, though time is left"),
        pytest.param(0.0, Question(1.0), MOST_PAIRS, id="a clock that stands still"),
        pytest.param(1000.0, Question(1.0), PATIENCE // 2, id="slow calls use up the patience"),
        pytest.param(1e6, Question(0.1), 1, id="one pair of very slow calls"),
        pytest.param(LONG, Question(math.nan), 1, id="a time that is no number"),
        pytest.param(LONG, Question(1e9, bounds=(0.5, 2.0)), FEWEST_CALLS, id="answered, when a p90 can be told"),
        pytest.param(LONG, Question(5.0, bounds=(0.5, 2.0)), 25, id="answered, when the time is over"),
        pytest.param(LONG, Question(1.0, bounds=(0.5, 2.0), must_decide=True), FEWEST_PAIRS, id="a budget holds"),
        pytest.param(LONG, Question(1e9, bounds=(0.5, 2.0), calls=100), 100, id="calls that a percentile demands"),
        pytest.param(LONG, Question(1.0, calls=662), 100, id="beyond the time, within the patience"),
    ],
)
def test_pairs_are_measured_until_the_question_is_answered_within_bounds(clock, call_ms, question, pairs):
    times = in_turn(clock.costing("variant", call_ms), clock.costing("counterpart", call_ms), question)

    assert len(times.variant_ms) == pairs


def test_a_budget_that_is_open_is_waited_for_and_a_record_is_not(clock):
    """At 20 and 40 pairs one is in doubt whose ratio is 1.2 half of the time, and 0.9 the other half."""

    def measured(must_decide):
        variant = clock.costing("variant", *[120.0, 90.0] * 40, 90.0)
        question = Question(5.0, (1.0,), must_decide=must_decide)
        return len(in_turn(variant, clock.costing("counterpart", LONG), question).variant_ms)

    assert measured(must_decide=False) < 30
    assert measured(must_decide=True) in LOOKS[2:]


def test_whether_it_is_answered_is_asked_at_looks_alone(clock, monkeypatch):
    """Asked after each pair, the interval errs more often than it says."""
    asked = []

    def seen(variant_ms, counterpart_ms):
        asked.append(len(variant_ms))
        return interval_of_ratios(variant_ms, counterpart_ms)

    monkeypatch.setattr(timing, "interval_of_ratios", seen)
    in_turn(clock.costing("variant", LONG), clock.costing("counterpart", LONG), ENDLESS)

    assert tuple(asked) == LOOKS


@pytest.mark.parametrize(
    ("call_ms", "question", "calls"),
    [
        pytest.param(1.0, Question(0.01), FEWEST_PAIRS, id="the fewest"),
        pytest.param(1.0, Question(0.1), 100, id="until the time is over"),
        pytest.param(1.0, Question(1e9), MOST_CALLS, id="the most"),
        pytest.param(1.0, Question(0.1, calls=662), 662, id="those that a percentile demands"),
        pytest.param(1e6, Question(0.1), 1, id="one very slow call"),
    ],
)
def test_calls_alone_are_measured_until_the_time_is_over_within_bounds(clock, call_ms, question, calls):
    measured = alone(clock.costing("alone", call_ms), question).ms

    assert measured.dtype == np.float64
    assert measured.tolist() == [call_ms] * calls


def test_a_question_is_the_same_after_its_way_to_a_worker():
    for question in (Question(1.0), Question(2.0, (0.9, 1.1), 1.2, must_decide=True, calls=64)):
        assert Question.from_json(json.loads(json.dumps(question.as_json()))) == question


def paired(variant_ms, counterpart_ms):
    variant_ms = np.asarray(variant_ms, float)
    return PairedTimes(variant_ms, np.asarray(counterpart_ms, float), Times(variant_ms, np.ones(len(variant_ms), bool)))


@pytest.mark.parametrize(("pairs", "bounded"), [(1, False), (FEWEST_PAIRS - 1, False), (FEWEST_PAIRS, True)])
def test_fewer_than_the_fewest_pairs_bound_nothing(pairs, bounded):
    found = speed_up(paired(np.full(pairs, 1.0), np.full(pairs, 5.0)))

    assert found.estimate == 5.0
    assert (found.low, found.high) == ((5.0, 5.0) if bounded else (0.0, math.inf))


@pytest.mark.parametrize(
    ("variant_ms", "counterpart_ms"),
    [
        pytest.param([], [], id="no pair"),
        pytest.param([0.0] * 30, [0.0] * 30, id="a clock that stands still"),
        pytest.param([0.0] * 30, [1.0] * 30, id="a variant that took no time"),
        pytest.param([math.nan] * 30, [1.0] * 30, id="NaN"),
        pytest.param([1.0] * 30, [math.nan] * 30, id="NaN of the counterpart"),
        pytest.param([1.0] * 5, [9.0] * 5, id="few pairs"),
    ],
)
def test_times_that_say_nothing_are_never_a_speed_up(variant_ms, counterpart_ms):
    interval = speed_up(paired(variant_ms, counterpart_ms))

    verdict = judge_latency(LatencyMeasurement(1.0, len(variant_ms) or 1, 1, {"fp32": interval}), {"fp32": 1e-9})

    assert verdict.failures[0].code in {Code.LATENCY_COUNTERPART, Code.LATENCY_UNDECIDED}


def test_calls_that_were_interrupted_are_left_out(clock):
    variant = clock.costing("variant", 1.0)
    counterpart = clock.interrupted("counterpart", 3.0, 4.0, every=3)

    times = in_turn(variant, counterpart, Question(0.5))

    assert set(times.counterpart_ms) == {3.0}
    assert times.sound


def test_a_machine_so_busy_that_every_call_is_interrupted_bounds_nothing(clock):
    variant = clock.costing("variant", 1.0)
    counterpart = clock.interrupted("counterpart", 3.0, 4.0)

    interval = speed_up(in_turn(variant, counterpart, Question(0.05)))

    assert (interval.low, interval.high) == (0.0, math.inf)


@pytest.mark.parametrize("every", [1, 3], ids=["in every call", "in every third call"])
@pytest.mark.parametrize("sleeper", ["variant", "counterpart"])
def test_a_session_that_waits_by_itself_has_no_speed_up(clock, sleeper, every):
    asleep, awake = clock.interrupted("asleep", 0.5, 30.0, every=every), clock.costing("awake", 0.6)
    sides = (asleep, awake) if sleeper == "variant" else (awake, asleep)

    times = in_turn(*sides, Question(2.0))
    found = speed_up(times)

    assert times.waits == sleeper
    assert not times.sound
    assert (found.low, found.high) == (0.0, math.inf)
    assert "wait by themselves" in found.why
    conditions = times.of_variant.conditions
    shares = [conditions["interrupted_percent"], conditions["counterpart_interrupted_percent"]]
    assert min(shares) == 0.0
    assert max(shares) > 30.0
    assert every == 1 or len(times.variant_ms) >= FEWEST_PAIRS  # which would bound it otherwise


def test_waits_of_a_variant_are_part_of_its_calls(clock):
    """Else its throughput would be that of the calls that do not wait."""
    times = in_turn(clock.interrupted("v", 0.5, 30.0, every=2), clock.costing("c", 0.6), Question(2.0)).of_variant

    assert times.is_sound.all()
    assert samples_per_s(times, 1) == pytest.approx(1e3 / times.ms.mean())
    assert times.ms.mean() > 15.0


def test_both_shares_of_interruptions_are_told_where_neighbours_hit_both(clock):
    sides = [clock.interrupted(name, 2.0, 4.0, every=4) for name in ("variant", "counterpart")]

    times = in_turn(*sides, Question(2.0))

    assert times.waits is None
    assert times.of_variant.conditions["interrupted_percent"] == pytest.approx(25.0, abs=10.0)
    assert times.of_variant.conditions["counterpart_interrupted_percent"] == pytest.approx(25.0, abs=10.0)
    assert set(times.variant_ms) == {2.0}


def test_a_session_alone_that_waits_for_more_than_others_took_is_told(clock, monkeypatch):
    monkeypatch.setattr(Observer, "seen", lambda _: {"others_percent": 0.5, "stolen_percent": 0.0})

    asleep = alone(clock.interrupted("asleep", 1.0, 3.0), Question(2.0))
    awake = alone(clock.costing("awake", 1.0), Question(2.0))

    assert asleep.conditions["waits_unexplained"]
    assert asleep.conditions["waited_percent"] == 75.0
    assert "waits_unexplained" not in awake.conditions


def test_waiting_for_a_device_is_no_interruption(clock):
    variant = clock.costing("variant", 2.0)
    counterpart = clock.interrupted("counterpart", 3.0, 4.0)
    counterpart.computes_elsewhere = True

    times = in_turn(variant, counterpart, Question(0.5))

    assert times.sound
    assert times.interrupted == 0
    assert set(times.counterpart_ms) == {7.0}


def test_an_engine_that_computes_in_threads_of_its_own_was_not_interrupted(clock):
    """Its threads use more processor time than the call takes."""

    def call():
        clock.ns += 1_000_000
        clock.stolen_ns -= 1_000_000

    assert in_turn(Costing(call), Costing(call), Question(0.05)).interrupted == 0


def test_outputs_of_the_first_the_last_and_some_of_the_timed_runs_are_looked_at(clock):
    variant, counterpart, single = (clock.costing(name, LONG) for name in ("variant", "counterpart", "alone"))

    in_turn(variant, counterpart, ENDLESS)
    alone(single, Question(1e9))

    assert single.looked_at[0] == WARM + 1
    for timed in (variant, counterpart, single):
        assert timed.looked_at[-1] == timed.runs
        assert len(timed.looked_at) == len(set(timed.looked_at))
        assert 0.05 < (len(timed.looked_at) - 2) / timed.runs < 0.25


def test_the_only_run_is_looked_at_once(clock):
    single = clock.costing("alone", 1e6)

    alone(single, Question(0.1))

    assert single.looked_at == [4]
