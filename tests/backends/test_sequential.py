"""Intervals that are looked at again and again: simulated times in, how often they err out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from pytest_qparity.backends.sequential import (
    ERROR,
    ERROR_OF_A_LOOK,
    FEWEST_PAIRS,
    LOOKS,
    MOST_PAIRS,
    Interval,
    _fewest_signed_ranks,
    fewest_calls,
    interval_of_quantile,
    interval_of_ratios,
)
from pytest_qparity.checks.speed_up import DIFFERENCE_BOUNDS, Decision, decision
from tests.backends.noise import NOISES, pairs_of


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("count", [1, 5, 20, 64, 662, 1280])
def test_the_ends_are_the_order_statistics_that_the_binomial_distribution_names(count: int, share: float) -> None:
    found = interval_of_quantile(np.arange(1.0, count + 1), share, 0.02)

    low = int(found.low)  # the value is its rank; 0 where there is none
    assert binom.cdf(low - 1, count, share) <= 0.01 if low else binom.cdf(0, count, share) > 0.01
    assert low == count or binom.cdf(low, count, share) > 0.01
    if math.isfinite(found.high):
        assert 1 - binom.cdf(found.high - 1, count, share) <= 0.01 + 1e-12
        assert 1 - binom.cdf(found.high - 2, count, share) > 0.01
    else:
        assert share**count > 0.01


@pytest.mark.parametrize(("share", "calls"), [(0.9, 64), (0.99, 662), (0.999, 6636)])
def test_a_percentile_needs_so_many_calls_that_the_second_slowest_bounds_it(share: float, calls: int) -> None:
    assert fewest_calls(share) == calls
    found = [interval_of_quantile(np.arange(1.0, count + 1), share, 0.02).high for count in (calls, calls - 1)]
    assert found == [calls - 1, calls - 1]  # of one call fewer it is the slowest


def rank_with(count: int, error: float) -> int:
    """The largest c with P(W < c) ≤ error, from the distribution of W itself."""
    chances = np.array([1.0])
    for rank in range(1, count + 1):
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    return int(np.searchsorted(np.cumsum(chances), error, side="right"))


@pytest.mark.parametrize("count", [*range(FEWEST_PAIRS, 41), 80, 160])
def test_the_ranks_err_on_the_safe_side_and_by_little(count: int) -> None:
    exact = rank_with(count, ERROR_OF_A_LOOK / 2)

    assert 0.8 * exact <= _fewest_signed_ranks(count, ERROR_OF_A_LOOK / 2) <= exact


def test_the_ends_are_means_of_two_ratios() -> None:
    ratios = np.random.default_rng(5).lognormal(size=30)
    means = np.sort([math.sqrt(one * other) for at, one in enumerate(ratios) for other in ratios[at:]])
    rank = _fewest_signed_ranks(30, ERROR_OF_A_LOOK / 2)

    found = interval_of_ratios(np.ones(30), ratios)

    expected = (means[rank - 1], float(np.median(means)), means[-rank])
    assert (found.low, found.estimate, found.high) == pytest.approx(expected)


@pytest.mark.parametrize(("pairs", "bounded"), [(1, False), (8, False), (FEWEST_PAIRS, True)])
def test_so_few_pairs_that_no_rank_is_unlikely_bound_nothing(pairs: int, bounded: bool) -> None:
    found = interval_of_ratios(np.ones(pairs), np.full(pairs, 5.0))

    assert (found.low, found.estimate, found.high) == ((5.0, 5.0, 5.0) if bounded else (0.0, 5.0, math.inf))


def test_all_looks_together_err_as_often_as_the_interval_says() -> None:
    assert (len(LOOKS) + 1) * ERROR_OF_A_LOOK == ERROR
    assert (LOOKS[0], LOOKS[-1]) == (FEWEST_PAIRS, MOST_PAIRS)


@pytest.mark.parametrize("noise", NOISES)
def test_of_equal_things_no_look_is_wrong_more_often_than_it_says(noise: str) -> None:
    """Neighbours in bursts, drift and heavy tails included: which of a pair was slower is a coin that was drawn."""
    generator = np.random.default_rng(20)
    looks = LOOKS[:4]
    wrong = 0
    for _ in range(200):
        variant_ms, counterpart_ms = pairs_of(noise, looks[-1], 1.0, generator)
        found = [interval_of_ratios(variant_ms[:pairs], counterpart_ms[:pairs]) for pairs in looks]
        wrong += any(not each.low <= 1.0 <= each.high for each in found)

    # 9 of 200 or more have a probability of 0.02 where the true share is ERROR.
    assert wrong < 9


@pytest.mark.parametrize("noise", NOISES)
def test_a_tenth_is_found_and_never_called_the_same(noise: str) -> None:
    generator = np.random.default_rng(21)

    found = [decision(interval_of_ratios(*pairs_of(noise, 640, 1 / 1.1, generator))) for _ in range(20)]

    assert Decision.SAME not in found
    assert found.count(Decision.SLOWER) >= 19


def test_a_drift_that_both_share_moves_no_ratio() -> None:
    drift = np.exp(np.linspace(0.0, 3.0, 60))

    found = interval_of_ratios(drift, 2.0 * drift)

    assert found.low == pytest.approx(2.0)
    assert found.high == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(0.97, 1.02, Decision.SAME, id="within the bounds"),
        pytest.param(1.01, 1.04, Decision.SAME, id="a difference, and none that matters"),
        pytest.param(DIFFERENCE_BOUNDS[0], 1.0, Decision.SAME, id="from the lower bound on"),
        pytest.param(math.nextafter(DIFFERENCE_BOUNDS[0], 0), 1.0, Decision.CANNOT_TELL, id="just below it"),
        pytest.param(1.0, DIFFERENCE_BOUNDS[1], Decision.CANNOT_TELL, id="up to the upper bound"),
        pytest.param(DIFFERENCE_BOUNDS[1], 1.3, Decision.FASTER, id="faster"),
        pytest.param(0.8, math.nextafter(DIFFERENCE_BOUNDS[0], 0), Decision.SLOWER, id="slower"),
        pytest.param(0.0, math.inf, Decision.CANNOT_TELL, id="nothing is bounded"),
        pytest.param(1.2, math.inf, Decision.FASTER, id="from below alone"),
        pytest.param(0.0, 0.9, Decision.SLOWER, id="from above alone"),
        pytest.param(math.nan, math.nan, Decision.CANNOT_TELL, id="NaN"),
    ],
)
def test_what_an_interval_is_called(low: float, high: float, expected: Decision) -> None:
    estimate = math.nan if math.isnan(low) else 1.0

    assert decision(Interval(low, estimate, high)) is expected


def test_an_interval_decides_where_it_lies_on_one_side_of_each_bound() -> None:
    assert Interval(1.0, 1.1, 1.2).decides((1.0, 1.3))
    ends = [(1.0, 1.2), (0.0, 1.2), (1.0, math.inf), (0.0, math.inf)]
    assert [Interval(low, 1.1, high).is_bounded for low, high in ends] == [True, False, False, False]
    assert not Interval(0.9, 1.1, 1.2).decides((1.0,))
    assert not Interval(0.9, 1.0, 1.0).decides((1.0,))
    assert not Interval(math.nan, math.nan, math.nan).decides((1.0,))
    assert not Interval(0.0, 1.0, math.inf).decides((1.0,))
