"""Range estimators: streaming is batch, in any order and partition; zero is inside; nothing is counted twice."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath.ranges import entropy, estimator, histogram, mean_squared_error, min_max
from pytest_qparity.quantmath.ranges import moving_average as averages
from pytest_qparity.quantmath.ranges import percentile as percentiles
from tests.quantmath.properties.profile import PROFILE
from tests.quantmath.properties.taking import taken

BINS = 32


def makers():
    """All estimators whose answer depends on the values alone."""
    return [
        min_max.MinMax,
        lambda: percentiles.Percentile(90.0, BINS),
        lambda: percentiles.Percentile(100.0, BINS),
        lambda: entropy.Entropy(4, BINS),
        lambda: mean_squared_error.MeanSquaredError(16, BINS, 20),
    ]


def numbers():
    return st.one_of(
        st.integers(-16, 16).map(float),
        st.floats(-4.0, 4.0),
        st.sampled_from([0.0, -0.0, 1e-300, -5e-324, 1e300, 1000.0, -1000.0, 2.0**-20, 1.7e308]),
    )


def values(min_size=1, max_size=30):
    return st.lists(numbers(), min_size=min_size, max_size=max_size).map(np.array)


@PROFILE
@given(values(), st.data())
def test_streaming_ranges_do_not_depend_on_order_and_partition(x, data):
    """Any order and any partition of the values into batches gives the range of all of them at once, bit for bit."""
    shuffled = x[data.draw(st.permutations(range(x.size)))]
    cuts = sorted(data.draw(st.lists(st.integers(0, x.size), max_size=4)))
    for make in makers():
        assert taken(make, np.split(shuffled, cuts)).range() == taken(make, [x]).range()


@PROFILE
@given(values(), values(), values(0))
def test_merging_is_adding(x, y, z):
    """Merged estimators have the range of one that took all batches, in any grouping, and leave the other as it was."""
    for make in makers():
        left, middle, right = (taken(make, [v]) for v in (x, y, z))
        before = middle.range()
        middle_range = taken(make, [y, z]).range()
        left.merge(middle)
        assert middle.range() == before
        left.merge(right)
        assert left.range() == taken(make, [x, y, z]).range()
        middle.merge(right)
        assert middle.range() == middle_range


@PROFILE
@given(values())
def test_merging_with_an_empty_estimator_changes_nothing(x):
    """An estimator that took nothing is neutral in a merge, from either side."""
    for make in [*makers(), lambda: averages.MovingAverage(0.25)]:
        full, empty = taken(make, [x]), make()
        expected = full.range()
        full.merge(make())
        empty.merge(full)
        assert full.range() == expected == empty.range()


@PROFILE
@given(values())
def test_zero_is_in_every_range_and_extremes_bound_it(x):
    """Every range holds zero and lies within the smallest and the largest value, widened to zero."""
    for make in [*makers(), lambda: averages.MovingAverage(0.5)]:
        result = taken(make, [x]).range()
        assert min(x.min(), 0.0) <= result.low <= 0.0 <= result.high <= max(x.max(), 0.0)


@PROFILE
@given(values())
def test_negated_values_have_the_mirrored_range(x):
    """The range of −x is the range of x mirrored at zero, for min-max, percentile, entropy and moving average."""
    for make in [*makers()[:4], lambda: averages.MovingAverage(0.5)]:
        result, mirrored = taken(make, [x]).range(), taken(make, [-x]).range()
        assert (mirrored.low, mirrored.high) == (-result.high, -result.low)


@PROFILE
@given(values(), st.integers(-200, 0))
def test_ranges_scale_with_powers_of_two(x, exponent):
    """Values times a power of two have the range times that power, bit for bit, away from float64's ends."""
    x = np.where(np.abs(x) < 1e-100, 0.0, np.clip(x, -1e100, 1e100))
    for make in makers():
        result, scaled = taken(make, [x]).range(), taken(make, [np.ldexp(x, exponent)]).range()
        assert (scaled.low, scaled.high) == (math.ldexp(result.low, exponent), math.ldexp(result.high, exponent))


@PROFILE
@given(numbers(), st.integers(1, 5))
def test_a_constant_has_the_range_from_zero_to_it(value, count):
    """A constant, a single value among it, has the range between zero and itself, exactly; zeros have [0, 0]."""
    for make in [*makers(), lambda: averages.MovingAverage(0.5)]:
        if make in makers()[3:]:
            continue
        result = taken(make, [np.full(count, value)]).range()
        assert (result.low, result.high) == (min(value, 0.0), max(value, 0.0))
        assert math.copysign(1.0, result.high) == 1.0


def test_nothing_taken_has_no_range():
    """Without a value there is no range: a ValueError, also after empty batches."""
    for make in [*makers(), averages.MovingAverage]:
        with pytest.raises(ValueError, match="no value"):
            taken(make, [np.zeros((0, 3))]).range()


@PROFILE
@given(values(), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_batch_with_nan_or_infinity_is_refused_whole(x, bad):
    """A batch with NaN or infinity is a ValueError and leaves no trace, as does one of integers."""
    for make in [*makers(), lambda: averages.MovingAverage(0.5)]:
        result = taken(make, [x])
        before = result.range()
        around = np.clip(x * 0.5 - 1.0, -1e30, 1e30)
        for batch in (np.append(around, bad), np.insert(around, 0, bad).astype(np.float32), np.array([100])):
            with pytest.raises(ValueError, match="got"):
                result.add(batch)
        assert result.range() == before


def test_estimators_of_other_settings_do_not_merge():
    """Percentiles, levels, bins, candidates and constants that differ are ValueErrors in a merge."""
    pairs = [
        (percentiles.Percentile(90.0), percentiles.Percentile(91.0)),
        (percentiles.Percentile(90.0, 64), percentiles.Percentile(90.0, 32)),
        (entropy.Entropy(4, 32), entropy.Entropy(8, 32)),
        (entropy.Entropy(4, 32), entropy.Entropy(4, 64)),
        (mean_squared_error.MeanSquaredError(16), mean_squared_error.MeanSquaredError(256)),
        (mean_squared_error.MeanSquaredError(candidates=10), mean_squared_error.MeanSquaredError()),
        (averages.MovingAverage(0.5), averages.MovingAverage(0.25)),
    ]
    for left, right in pairs:
        left.add(np.ones(3))
        right.add(np.ones(3))
        with pytest.raises(ValueError, match="should be"):
            left.merge(right)


@PROFILE
@given(values())
def test_min_max_is_the_smallest_and_the_largest_value(x):
    """Min-max is exactly the smallest and the largest value, widened to zero."""
    result = taken(min_max.MinMax, [x]).range()
    assert (result.low, result.high) == (min(0.0, *x.tolist()), max(0.0, *x.tolist()))


@PROFILE
@given(values(max_size=60), st.sampled_from([50.0, 90.0, 99.9, 100.0]))
def test_a_percentile_is_an_order_statistic_within_one_bin(x, percent):
    """Each end is at the order statistic of its rank, or outwards of it by less than one bin, widened to zero."""
    result = taken(lambda: percentiles.Percentile(percent, BINS), [x]).range()
    ordered = sorted(Fraction(v) for v in x.tolist())
    rank = math.ceil(len(ordered) * (1 - (100 - Fraction(percent)) / 200))
    high, low = max(ordered[rank - 1], 0), min(ordered[len(ordered) - rank], 0)
    width = 2 * max(Fraction(float(np.abs(x).max())), Fraction(2) ** -961) / BINS
    assert 0 <= Fraction(result.high) - high <= width
    assert 0 <= low - Fraction(result.low) <= width


@PROFILE
@given(values())
def test_the_percentile_of_all_is_min_max(x):
    """The 100th percentile is exactly min-max, and smaller percentiles lie within larger ones."""
    ranges = [taken(lambda p=p: percentiles.Percentile(p, BINS), [x]).range() for p in (60.0, 95.0, 100.0)]
    assert ranges[2] == taken(min_max.MinMax, [x]).range()
    for inner, outer in itertools.pairwise(ranges):
        assert outer.low <= inner.low
        assert inner.high <= outer.high


def test_one_outlier_does_not_move_a_percentile():
    """One outlier in 10,000 values is cut by the 99.9th percentile and kept by min-max."""
    x = np.linspace(-1.0, 1.0, 10_000)
    x[17] = 100.0
    for bins in (2_048, 4_096):
        result = taken(lambda bins=bins: percentiles.Percentile(99.9, bins), [x]).range()
        assert -1.0 <= result.low < -0.99
        assert 0.99 < result.high <= 1.0 + 200.0 / bins
    assert taken(min_max.MinMax, [x]).range().high == 100.0


@PROFILE
@given(values(max_size=60), st.sampled_from([2, 8, 64]))
def test_a_histogram_counts_every_value_in_its_own_bin(x, bins):
    """Bin i of a histogram holds exactly the values with i·w ≤ |x| < (i + 1)·w of its sign, and all are counted."""
    result = taken(lambda: histogram.Histogram(bins), np.array_split(x, 3))
    width = Fraction(result.width)
    negative, positive = [0] * bins, [0] * bins
    for value in x.tolist():
        side = negative if value < 0 else positive
        side[int(abs(Fraction(value)) // width) if width else 0] += 1
    assert result.negative.tolist() == negative
    assert result.positive.tolist() == positive
    assert result.count == x.size
    if width and np.abs(x).max() >= 2.0**-961:
        assert width * bins / 2 <= Fraction(float(np.abs(x).max())) < width * bins


def float32_values():
    hard = [0.0, -0.0, 1e-45, -1e-45, 1.1754944e-38, -1.1754942e-38, 3.4028235e38, -3.4028235e38, 1.0, 0.99999994]
    numbers = st.one_of(st.sampled_from(hard), st.floats(width=32, allow_nan=False, allow_infinity=False))
    return st.lists(numbers, max_size=20).map(lambda x: np.array(x, np.float32))


@PROFILE
@given(st.lists(float32_values(), min_size=1, max_size=3), st.sampled_from([2, 32, 2_048]), st.integers(-160, 0))
def test_a_histogram_of_float32_is_that_of_its_values_in_float64(batches, bins, exponent):
    """Batches in float32, down to its subnormals and up to its end, have the histogram of their values in float64."""
    batches = [np.ldexp(batch, exponent) for batch in batches]
    narrow, wide = histogram.Histogram(bins), histogram.Histogram(bins)
    for batch in batches:
        narrow.add(batch)
        wide.add(batch.astype(np.float64))
    assert (narrow.width, narrow.smallest, narrow.largest) == (wide.width, wide.smallest, wide.largest)
    assert narrow.negative.tolist() == wide.negative.tolist()
    assert narrow.positive.tolist() == wide.positive.tolist()


def test_a_batch_of_several_blocks_is_counted_whole():
    """A batch larger than the blocks it is counted in has the counts of its values one by one, in any float type."""
    codes = np.arange(2 * estimator.BLOCK + 3) % 61
    expected = np.bincount(codes, minlength=61).tolist()
    for dtype in (np.float16, np.float32, np.float64):
        result = histogram.Histogram(32)
        result.add((codes - 30).astype(dtype))
        assert result.negative.tolist() == [0, *expected[:30][::-1], 0]
        assert result.positive.tolist() == [*expected[30:], 0]


@PROFILE
@given(float32_values().filter(len))
def test_ranges_of_float32_are_those_of_its_values_in_float64(x):
    """Every estimator gives the same range, bit for bit, for a batch in float32 and its values in float64."""
    for make in [*makers(), lambda: averages.MovingAverage(0.25)]:
        narrow, wide = make(), make()
        for part in (x, x[:1]):
            narrow.add(part)
            wide.add(part.astype(np.float64))
        assert narrow.range() == wide.range()


@PROFILE
@given(st.integers(1, 7), st.booleans(), st.sampled_from([-1.0, 1.0]))
def test_histograms_of_two_widths_merge_into_the_wider_one(doublings, finer_first, sign):
    """Merging [1/8, 2/8, … 1) with values 2ᵈ times as large gives the counts of all of them, from either side."""
    small = sign * np.arange(1, 8) / 8.0
    parts = [small, small * 2.0**doublings]
    left, right = (taken(lambda: histogram.Histogram(8), [part]) for part in (parts if finer_first else parts[::-1]))

    left.merge(right)

    whole = taken(lambda: histogram.Histogram(8), parts)
    assert left.width == whole.width == 2.0**doublings / 8.0
    assert (left.negative.tolist(), left.positive.tolist()) == (whole.negative.tolist(), whole.positive.tolist())


@PROFILE
@given(st.lists(values(max_size=5), min_size=1, max_size=6), st.sampled_from([0.01, 0.25, 1.0]))
def test_a_moving_average_is_its_recurrence(batches, constant):
    """A moving average follows low + c·(min − low) from the first batch's ends, within a rounding a step."""
    low, high = Fraction(float(batches[0].min())), Fraction(float(batches[0].max()))
    largest = max(Fraction(float(np.abs(b).max())) for b in batches)
    for batch in batches[1:]:
        low += Fraction(constant) * (Fraction(float(batch.min())) - low)
        high += Fraction(constant) * (Fraction(float(batch.max())) - high)
    result = taken(lambda: averages.MovingAverage(constant), batches).range()
    bound = largest * 4 * len(batches) * Fraction(2) ** -53 + len(batches) * Fraction(2) ** -1074
    assert abs(Fraction(result.low) - min(low, 0)) <= bound
    assert abs(Fraction(result.high) - max(high, 0)) <= bound


@PROFILE
@given(*[st.lists(values(max_size=5), min_size=1, max_size=4) for _ in range(3)])
def test_merging_moving_averages_is_one_sequence_after_the_other(first, second, third):
    """A moving average merged with others is that of their batches after its own, within a rounding a batch."""
    make = lambda: averages.MovingAverage(0.25)  # noqa: E731
    sequence = taken(make, first + second + third)
    left, later = taken(make, first), taken(make, second)
    later.merge(taken(make, third))
    left.merge(later)
    largest = max(float(np.abs(b).max()) for b in first + second + third)
    bound = largest * 2.0**-53 * 8 * (len(first) + len(second) + len(third)) + 100 * 5e-324
    assert abs(left.range().low - sequence.range().low) <= bound
    assert abs(left.range().high - sequence.range().high) <= bound


def test_a_moving_average_weighs_later_batches_more():
    """A moving average depends on the order of its batches: the last of two counts with c, the first with 1 − c."""
    ones, fives = np.ones(2), np.full(2, 5.0)
    make = lambda: averages.MovingAverage(0.25)  # noqa: E731
    assert taken(make, [ones, fives]).range().high == 2.0
    assert taken(make, [fives, ones]).range().high == 4.0
    assert taken(make, [fives, np.zeros(0), ones]).range().high == 4.0


@PROFILE
@given(values(max_size=40), st.sampled_from([4, 16, 256]))
def test_the_mean_squared_error_range_is_the_best_candidate(x, levels):
    """No other candidate has a smaller squared error over the middles of the histogram's bins."""
    x = np.where(np.abs(x) < 1e-100, 0.0, np.clip(x, -1e100, 1e100))
    candidates = 20
    result = taken(lambda: mean_squared_error.MeanSquaredError(levels, BINS, candidates), [x]).range()
    unit = float(np.abs(x).max())
    if unit == 0.0:
        assert (result.low, result.high) == (0.0, 0.0)
        return
    width = 2.0 ** math.frexp(unit)[1] / BINS
    middles = np.copysign((np.floor(np.abs(x) / width) + 0.5) * width, np.where(x < 0.0, -1.0, 1.0))
    middles = np.clip(middles, x.min(), x.max()) / unit
    low, high = min(x.min(), 0.0) / unit, max(x.max(), 0.0) / unit
    zero = round(-Fraction(low) * (levels - 1) / (Fraction(high) - Fraction(low)))
    step = (high - low) / (levels - 1)
    errors = [_squared_error(middles, j / candidates * step, zero, levels) for j in range(1, 21)]
    share = (result.high - result.low) / unit / (high - low)
    chosen = _squared_error(middles, share * step, zero, levels)
    assert chosen <= min(errors) * (1.0 + 1e-9) + 1e-25


def _squared_error(v, step, zero, levels) -> float:
    # Python's round goes half to even.
    codes = [min(max(round(value / step) + zero, 0), levels - 1) for value in v.tolist()]
    return math.fsum((value - (code - zero) * step) ** 2 for value, code in zip(v.tolist(), codes, strict=True))


@PROFILE
@given(values(max_size=20), st.sampled_from([4, 16, 256]), st.integers(1, 9))
def test_a_value_counted_often_is_a_value_repeated(x, levels, count):
    """The quantization error of values with counts is that of the repeated values, and zero for values on the grid."""
    x = np.clip(x, -4.0, 4.0)
    step = 3.0 / (levels - 1)
    zero = round(2.0 / step)
    counted = mean_squared_error.quantization_error(x, np.full(x.size, count), step, zero, levels)
    repeated = np.repeat(x, count)
    assert counted == pytest.approx(_squared_error(repeated, step, zero, levels), rel=1e-9, abs=1e-25)
    grid = (np.arange(levels) - zero) * step
    assert mean_squared_error.quantization_error(grid, np.ones(levels), step, zero, levels) == 0.0


def test_of_equal_errors_the_widest_range_is_taken():
    """Where two candidates lose the same, the wider range is taken."""
    # Two codes, {0, α}: of 0.5 and 1.0 the range [0, 1] loses 0.5² at the first and [0, 0.5] as much at the second.
    result = taken(lambda: mean_squared_error.MeanSquaredError(2, bins=2, candidates=2), [np.array([0.5, 1.0])]).range()
    assert (result.low, result.high) == (0.0, 1.0)


def test_clipping_one_outlier_loses_less_than_keeping_it():
    """Of 10,000 values in [0, 1] and an outlier, 16 levels lose least with the outlier clipped, 65,536 with it kept."""
    x = np.append(np.linspace(0.0, 1.0, 10_000), 8.0)
    few = taken(lambda: mean_squared_error.MeanSquaredError(16), [x]).range()
    many = taken(lambda: mean_squared_error.MeanSquaredError(65_536), [x]).range()
    assert few.high < 4.0
    assert many.high == 8.0


@PROFILE
@given(values())
def test_a_range_without_zero_does_not_exist(x):
    """A Range is finite and holds zero, or its making is a ValueError."""
    low, high = float(x.min()), float(x.max())
    if low <= 0.0 <= high:
        assert estimator.Range(low, high).low == low
    else:
        with pytest.raises(ValueError, match="low ≤ 0 ≤ high"):
            estimator.Range(low, high)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="finite"):
            estimator.Range(-1.0, bad)
