"""Timing in turn: a fake clock in, samples out; simulated samples in, intervals out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_qparity.backends import timing
from pytest_qparity.backends.timing import (
    FEWEST_PAIRS,
    MOST_PAIRS,
    PATIENCE,
    WARM_UP_CALLS,
    PairedTimes,
    alone,
    in_turn,
)
from pytest_qparity.checks.latency import LatencyMeasurement, judge_latency
from pytest_qparity.checks.speed_up import speed_up
from pytest_qparity.verdict import Code


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
    monkeypatch.setattr(timing, "time", fake)
    return fake


def test_each_pair_holds_one_time_of_each(clock):
    times = in_turn(clock.costing("variant", 2.0), clock.costing("counterpart", 5.0), seconds=0.5)

    assert set(times.variant_ms) == {2.0}
    assert set(times.counterpart_ms) == {5.0}
    assert len(times.variant_ms) == len(times.counterpart_ms)


def test_warm_up_calls_are_not_measured(clock):
    warm_up = [100.0] * WARM_UP_CALLS

    times = in_turn(clock.costing("variant", *warm_up, 1.0), clock.costing("counterpart", *warm_up, 2.0), seconds=0.01)

    assert times.variant_ms.max() == 1.0
    assert times.counterpart_ms.max() == 2.0
    assert alone(clock.costing("alone", *warm_up, 3.0), seconds=0.01).ms.max() == 3.0


def test_both_of_a_pair_are_called_back_to_back(clock):
    times = in_turn(clock.costing("variant", 1.0), clock.costing("counterpart", 1.0), seconds=0.1)

    measured = clock.calls[2 * WARM_UP_CALLS :]
    pairs = list(zip(measured[::2], measured[1::2], strict=True))
    assert len(pairs) == len(times.variant_ms)
    assert all(set(pair) == {"variant", "counterpart"} for pair in pairs)


def test_which_of_a_pair_goes_first_is_drawn_and_neither_is_favoured(clock):
    in_turn(clock.costing("variant", 1.0), clock.costing("counterpart", 1.0), seconds=10.0)

    first = clock.calls[2 * WARM_UP_CALLS :: 2]
    assert len(first) == MOST_PAIRS
    assert 0.4 < first.count("variant") / MOST_PAIRS < 0.6
    assert first[: MOST_PAIRS // 2] != first[MOST_PAIRS // 2 :]


def test_the_same_seed_draws_the_same_order(clock):
    def order(seed):
        clock.calls.clear()
        in_turn(clock.costing("variant", 1.0), clock.costing("counterpart", 1.0), seconds=1e9, seed=seed)
        return list(clock.calls)

    assert order(seed=3) == order(seed=3)
    assert order(seed=3) != order(seed=4)


@pytest.mark.parametrize(
    ("call_ms", "seconds", "pairs"),
    [
        pytest.param(1.0, 0.01, FEWEST_PAIRS, id="the fewest, though the time is over"),
        pytest.param(1.0, 0.1, 50, id="until the time is over"),
        pytest.param(1.0, 1e9, MOST_PAIRS, id="the most, though time is left"),
        pytest.param(0.0, 1.0, MOST_PAIRS, id="a clock that stands still"),
        pytest.param(100.0, 0.1, PATIENCE // 2, id="slow calls use up the patience"),
        pytest.param(1e6, 0.1, 1, id="one pair of very slow calls"),
        pytest.param(1.0, math.nan, 1, id="a time that is no number"),
    ],
)
def test_pairs_are_measured_until_the_time_is_over_within_bounds(clock, call_ms, seconds, pairs):
    times = in_turn(clock.costing("variant", call_ms), clock.costing("counterpart", call_ms), seconds)

    assert len(times.variant_ms) == pairs


@pytest.mark.parametrize(
    ("call_ms", "seconds", "calls"),
    [
        pytest.param(1.0, 0.01, FEWEST_PAIRS, id="the fewest"),
        pytest.param(1.0, 0.1, 100, id="until the time is over"),
        pytest.param(1.0, 1e9, MOST_PAIRS, id="the most"),
        pytest.param(1e6, 0.1, 1, id="one very slow call"),
    ],
)
def test_calls_alone_are_measured_until_the_time_is_over_within_bounds(clock, call_ms, seconds, calls):
    measured = alone(clock.costing("alone", call_ms), seconds).ms

    assert measured.dtype == np.float64
    assert measured.tolist() == [call_ms] * calls


def simulated(generator, *, pairs, ratio=1.0):
    """Pairs of a drifting machine: a random walk that both of a pair share, 5 % log-normal noise, 3 % of calls late."""

    def noise():
        return generator.lognormal(0.0, 0.05, pairs) * np.where(generator.random(pairs) < 0.03, 3.0, 1.0)

    drift = np.exp(np.cumsum(generator.normal(0.0, 0.005, pairs)))
    return PairedTimes(drift * noise(), ratio * drift * noise())


SIMULATIONS = 400


@pytest.fixture(scope="module")
def intervals_of_equals():
    """Intervals of two things that are equally fast, each from the fewest pairs that bound anything."""
    generator = np.random.default_rng(20)
    return [speed_up(simulated(generator, pairs=FEWEST_PAIRS)) for _ in range(SIMULATIONS)]


def test_the_interval_covers_the_true_speed_up_in_95_of_100_simulations(intervals_of_equals):
    covering = sum(found.low <= 1.0 <= found.high for found in intervals_of_equals)

    # A true share of 0.95 gives at least 0.915 in 400 simulations with a probability of 0.999 (binomial).
    assert covering / SIMULATIONS >= 0.915


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda found: found.low > 1.0, id="faster"),
        pytest.param(lambda found: found.high < 1.0, id="slower"),
    ],
)
def test_equal_things_are_seldom_called_different(intervals_of_equals, wrong):
    # The size of the test is 2.5 % on each side; 18 of 400 or more then have a probability of 0.013 (binomial).
    assert sum(wrong(found) for found in intervals_of_equals) < 18


def test_a_true_difference_of_a_fifth_is_seen():
    generator = np.random.default_rng(21)

    found = [speed_up(simulated(generator, pairs=100, ratio=1.2)) for _ in range(20)]

    assert all(interval.low > 1.0 for interval in found)


def test_the_interval_scales_with_the_speed_up():
    times = simulated(np.random.default_rng(22), pairs=30)

    once, twice = speed_up(times), speed_up(PairedTimes(times.variant_ms, 2.0 * times.counterpart_ms))

    assert (twice.low, twice.estimate, twice.high) == (2 * once.low, 2 * once.estimate, 2 * once.high)


def test_the_estimate_is_the_ratio_of_the_medians():
    variant_ms = np.array([1.0, 2.0, 9.0] * 10)
    counterpart_ms = np.array([4.0, 5.0, 6.0] * 10)

    assert speed_up(PairedTimes(variant_ms, counterpart_ms)).estimate == 2.5


def test_pairs_are_resampled_together():
    """A drift that both share moves the medians and not their ratio."""
    drift = np.exp(np.linspace(0.0, 3.0, 60))

    found = speed_up(PairedTimes(drift, 2.0 * drift))

    assert found.low == pytest.approx(2.0)
    assert found.high == pytest.approx(2.0)


def test_the_same_times_give_the_same_interval():
    times = simulated(np.random.default_rng(5), pairs=40)

    assert speed_up(times) == speed_up(times)


@pytest.mark.parametrize(("pairs", "bounded"), [(1, False), (FEWEST_PAIRS - 1, False), (FEWEST_PAIRS, True)])
def test_fewer_than_the_fewest_pairs_bound_nothing(pairs, bounded):
    found = speed_up(PairedTimes(np.full(pairs, 1.0), np.full(pairs, 5.0)))

    assert found.estimate == 5.0
    assert (found.low, found.high) == ((5.0, 5.0) if bounded else (0.0, math.inf))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # divisions by zero and empty medians are the point here
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
    interval = speed_up(PairedTimes(np.array(variant_ms), np.array(counterpart_ms)))

    verdict = judge_latency(LatencyMeasurement(1.0, len(variant_ms) or 1, 1, {"fp32": interval}), {"fp32": 1e-9})

    assert verdict.failures[0].code in {Code.LATENCY_COUNTERPART, Code.LATENCY_UNDECIDED}


def test_pairs_of_which_a_call_was_interrupted_are_left_out(clock):
    variant = clock.costing("variant", 1.0)
    counterpart = clock.interrupted("counterpart", 3.0, 4.0, every=2)

    times = in_turn(variant, counterpart, seconds=0.5)

    assert set(times.counterpart_ms) == {3.0}
    assert times.interrupted > 0
    assert times.sound


def test_a_machine_so_busy_that_every_call_is_interrupted_bounds_nothing(clock):
    variant = clock.costing("variant", 1.0)
    counterpart = clock.interrupted("counterpart", 3.0, 4.0)

    interval = speed_up(in_turn(variant, counterpart, seconds=0.05))

    assert (interval.low, interval.high) == (0.0, math.inf)


def test_waiting_for_a_device_is_no_interruption(clock):
    variant = clock.costing("variant", 2.0)
    counterpart = clock.interrupted("counterpart", 3.0, 4.0)
    counterpart.computes_elsewhere = True

    times = in_turn(variant, counterpart, seconds=0.5)

    assert times.sound
    assert times.interrupted == 0
    assert set(times.counterpart_ms) == {7.0}


def test_an_engine_that_computes_in_threads_of_its_own_was_not_interrupted(clock):
    """Its threads use more processor time than the call takes."""

    def call():
        clock.ns += 1_000_000
        clock.stolen_ns -= 1_000_000

    assert in_turn(Costing(call), Costing(call), seconds=0.05).interrupted == 0


def test_outputs_of_the_first_the_last_and_some_of_the_timed_runs_are_looked_at(clock):
    variant, counterpart, single = (clock.costing(name, 1.0) for name in ("variant", "counterpart", "alone"))

    in_turn(variant, counterpart, seconds=0.4)
    alone(single, seconds=0.4)

    for timed in (variant, counterpart, single):
        assert timed.looked_at[0] == WARM_UP_CALLS + 1
        assert timed.looked_at[-1] == timed.runs
        assert len(timed.looked_at) == len(set(timed.looked_at))
        assert 0.05 < (len(timed.looked_at) - 2) / timed.runs < 0.25


def test_the_only_run_is_looked_at_once(clock):
    single = clock.costing("alone", 1e6)

    alone(single, seconds=0.1)

    assert single.looked_at == [WARM_UP_CALLS + 1]
