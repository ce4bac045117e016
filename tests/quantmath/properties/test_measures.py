"""Error measures: exact sums, exact answers at zero and infinity, and no scale or order that changes them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import measures
from tests.quantmath.properties.profile import PROFILE

TOLERANCE = 1e-12  # of a float64 sum of at most 40 squares: 40 roundings of 2⁻⁵³ are 4.4e-15 of it


def powers():
    return st.one_of(st.floats(0.0, 1e300), st.sampled_from([0.0, 5e-324, 1e-300, 1.0, 1.7e308]))


@st.composite
def pairs(draw):
    """An output and a golden of one length, near each other or not, at ordinary, tiny or huge magnitudes."""
    size = draw(st.integers(1, 20))
    unit = draw(st.sampled_from([1.0, 1e-3, 2.0**-500, 2.0**500, 2.0**-1060, 2.0**1000]))
    element = st.one_of(st.floats(-4.0, 4.0), st.sampled_from([0.0, -0.0, 1.0]))
    golden = np.array(draw(st.lists(element, min_size=size, max_size=size)))
    noise = np.array(draw(st.lists(element, min_size=size, max_size=size)))
    share = draw(st.sampled_from([0.0, 2.0**-20, 0.25, 1.0]))
    return (golden + share * noise) * unit, golden * unit


def sums(*blocks):
    result = measures.PowerSums()
    for output, golden in blocks:
        result.add(output, golden)
    return result


def exact(output, golden):
    """Golden, output and error power and dot product as rational numbers."""
    o, g = [Fraction(v) for v in output.tolist()], [Fraction(v) for v in golden.tolist()]
    return (
        sum(v * v for v in g),
        sum(v * v for v in o),
        sum((a - b) ** 2 for a, b in zip(o, g, strict=True)),
        sum(a * b for a, b in zip(o, g, strict=True)),
    )


def log10(value: Fraction) -> float:
    """Of a positive rational that a float64 need not hold."""
    shift = value.numerator.bit_length() - value.denominator.bit_length()
    return math.log10(float(value / Fraction(2) ** shift)) + shift * math.log10(2.0)


@PROFILE
@given(pairs())
def test_sqnr_is_that_of_the_exact_sums(pair):
    """SQNR is 10·log10 of the ratio of the rational sums, at magnitudes whose squares float64 cannot hold too."""
    output, golden = pair
    golden_power, _, error_power, _ = exact(*pair)
    result = sums(pair).sqnr_db()
    if error_power == 0:
        assert result == math.inf
    elif golden_power == 0:
        assert result == -math.inf
    elif _rounding_hides(output, golden):
        assert result > 250.0
    else:
        assert result == pytest.approx(10.0 * (log10(golden_power) - log10(error_power)), abs=1e-6)


def _rounding_hides(output, golden) -> bool:
    """Whether a difference was rounded by more than 2⁻³⁰ of itself."""
    difference = [abs(Fraction(a) - Fraction(b)) for a, b in zip(output.tolist(), golden.tolist(), strict=True)]
    with np.errstate(over="ignore"):
        rounded = np.abs(output - golden).tolist()
    return any(
        math.isfinite(r) and abs(Fraction(r) - d) > d * Fraction(2) ** -30
        for d, r in zip(difference, rounded, strict=True)
    )


@PROFILE
@given(pairs())
def test_cosine_is_that_of_the_exact_sums(pair):
    """Cosine is the rational dot product over both norms, within the rounding of float64 sums."""
    golden_power, output_power, _, dot = exact(*pair)
    result = sums(pair).cosine()
    if golden_power == 0 or output_power == 0:
        assert result == (1.0 if golden_power == output_power else 0.0)
    else:
        square = float(dot * dot / (golden_power * output_power))
        assert result == pytest.approx(math.copysign(math.sqrt(square), float(np.sign(dot))), abs=1e-7)


@PROFILE
@given(powers(), powers())
def test_sqnr_and_nrmse_are_one_measure_on_two_scales(golden, error):
    """NRMSE is 10^(−SQNR/20) for all pairs of powers, zeros included."""
    ratio = measures.nrmse(golden, error)
    decibel = measures.sqnr_db(golden, error)
    if ratio == 0.0:
        assert decibel == math.inf
    elif ratio == math.inf:  # an all-zero golden, or a ratio beyond float64
        assert decibel < -20.0 * math.log10(1.7e308)
    else:  # the smallest ratio, √5e-324 / √1.7e308, is subnormal and has 25 bits
        assert -20.0 * math.log10(ratio) == pytest.approx(decibel, abs=1e-9 if ratio > 1e-300 else 1e-6)


def test_measures_at_zero_are_defined():
    """No error is +inf dB, NRMSE 0; an error of a zero golden −inf dB, NRMSE +inf; two zero vectors have cosine 1."""
    assert measures.sqnr_db(0.0, 0.0) == measures.sqnr_db(1.0, 0.0) == math.inf
    assert measures.sqnr_db(0.0, 1.0) == -math.inf
    assert measures.nrmse(0.0, 0.0) == measures.nrmse(1.0, 0.0) == 0.0
    assert measures.nrmse(0.0, 1.0) == math.inf
    assert measures.cosine(0.0, 0.0, 0.0) == 1.0
    assert measures.cosine(0.0, 1.0, 0.0) == measures.cosine(0.0, 0.0, 1.0) == 0.0


def test_nan_and_infinity_are_no_measurements():
    """A NaN, infinite or negative power is a ValueError in every measure."""
    for bad in (math.nan, math.inf, -1.0):
        for call in (
            lambda v: measures.sqnr_db(v, 1.0),
            lambda v: measures.sqnr_db(1.0, v),
            lambda v: measures.nrmse(v, 1.0),
            lambda v: measures.nrmse(1.0, v),
            lambda v: measures.cosine(1.0, v, 1.0),
            lambda v: measures.cosine(1.0, 1.0, v),
        ):
            with pytest.raises(ValueError, match="should be finite"):
                call(bad)
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="should be finite"):
            measures.cosine(bad, 1.0, 1.0)


@PROFILE
@given(pairs(), st.integers(-30, 30))
def test_measures_do_not_depend_on_the_unit(pair, exponent):
    """Output and golden times one power of two have the same SQNR and cosine."""
    output, golden = (np.where(np.abs(v) < 2.0**-900, 0.0, np.clip(v, -(2.0**900), 2.0**900)) for v in pair)
    here = sums((output, golden))
    there = sums((np.ldexp(output, exponent), np.ldexp(golden, exponent)))
    assert here.sqnr_db() == pytest.approx(there.sqnr_db(), abs=1e-9)
    assert here.cosine() == pytest.approx(there.cosine(), abs=TOLERANCE)


@PROFILE
@given(st.floats(1e308, 1.7e308), st.integers(1, 5))
def test_a_difference_beyond_float64_is_still_measured(value, size):
    """Opposite values near float64's end, whose difference overflows, have the SQNR of a doubled error, −6.02 dB."""
    golden = np.full(size, value)
    assert sums((-golden, golden)).sqnr_db() == pytest.approx(-20.0 * math.log10(2.0), abs=1e-9)


@PROFILE
@given(pairs(), pairs())
def test_blocks_add_up_to_the_whole(first, second):
    """Sums of two blocks are those of their concatenation, in either order."""
    whole = sums((np.append(first[0], second[0]), np.append(first[1], second[1])))
    for parts in (sums(first, second), sums(second, first)):
        assert parts.sqnr_db() == pytest.approx(whole.sqnr_db(), abs=1e-6)
        assert parts.cosine() == pytest.approx(whole.cosine(), abs=1e-9)


@PROFILE
@given(pairs())
def test_cosine_is_symmetric_and_within_one(pair):
    """Cosine does not change when output and golden change places, flips with a sign, and stays in [−1, 1]."""
    output, golden = pair
    here = sums((output, golden)).cosine()
    assert -1.0 <= here <= 1.0
    assert sums((golden, output)).cosine() == pytest.approx(here, abs=TOLERANCE)
    if output.any() and golden.any():
        assert sums((-output, golden)).cosine() == pytest.approx(-here, abs=TOLERANCE)
        assert sums((output, output)).cosine() == pytest.approx(1.0, abs=TOLERANCE)


@PROFILE
@given(powers(), powers(), powers())
def test_more_error_is_a_worse_measure(golden, less, more):
    """A larger error power never has a higher SQNR or a lower NRMSE."""
    less, more = sorted([less, more])
    assert measures.sqnr_db(golden, more) <= measures.sqnr_db(golden, less)
    assert measures.nrmse(golden, more) >= measures.nrmse(golden, less)


@PROFILE
@given(st.sampled_from([np.int64, np.uint64, np.int32, np.uint8]), st.data())
def test_the_difference_of_integers_is_exact_before_it_is_rounded(dtype, data):
    """The difference of two integers is the float64 nearest to the exact one, at 64 bits too."""
    info = np.iinfo(dtype)
    ends = st.sampled_from([int(info.min), int(info.max), 0, 1])
    element = st.one_of(ends, st.integers(int(info.min), int(info.max)))
    left, right = (np.array(data.draw(st.lists(element, min_size=4, max_size=4)), dtype) for _ in range(2))
    expected = [float(int(a) - int(b)) for a, b in zip(left, right, strict=True)]
    np.testing.assert_array_equal(measures.difference(left, right), expected)


@PROFILE
@given(st.integers(54, 62), st.integers(-1024, 1024), st.booleans())
def test_neighbouring_64_bit_integers_have_their_exact_distance(exponent, distance, mirrored):
    """Integers beyond 2⁵³ that float64 cannot tell apart differ by what they differ by, signed and unsigned."""
    for dtype, sign in ((np.int64, -1 if mirrored else 1), (np.uint64, 1)):
        left = sign * (2**exponent + 1025)
        right = left - distance

        assert measures.difference(np.array([left], dtype), np.array([right], dtype)).tolist() == [distance]


@PROFILE
@given(pairs())
def test_float32_sums_are_those_of_float64_or_none(pair):
    """The float32 path has the SQNR and cosine of the float64 path within 1e-4 dB and 1e-6, or says that it cannot."""
    with np.errstate(over="ignore", under="ignore"):
        output, golden = (v.astype(np.float32) for v in pair)
    if not (np.isfinite(output).all() and np.isfinite(golden).all()):
        return
    error = output - golden
    with np.errstate(over="ignore", invalid="ignore"):
        powers_ = measures.float32_powers(output, golden, error)
    if powers_ is None:
        return
    fast, slow = measures.PowerSums(), sums((output, golden))
    fast.add_powers(powers_)
    if math.isfinite(slow.sqnr_db()) and slow.sqnr_db() < 100.0:
        assert fast.sqnr_db() == pytest.approx(slow.sqnr_db(), abs=1e-4)
    assert fast.cosine() == pytest.approx(slow.cosine(), abs=1e-6)


@PROFILE
@given(st.integers(-9, 9), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_float32_sums_of_a_scaled_golden_are_those_of_the_factor(hundredths, size, seed):
    """A golden times 1 + c has the SQNR −20·log₁₀|c|, the cosine 1 and the dot product (1 + c)·Σ g²."""
    golden = np.random.default_rng(seed).uniform(0.5, 2.0, size).astype(np.float32)
    factor = hundredths / 100.0
    error = (golden * factor).astype(np.float32)

    powers_ = measures.float32_powers(golden + error, golden, error)
    result = measures.PowerSums()
    result.add_powers(powers_)

    assert result.cosine() == pytest.approx(1.0, abs=1e-6)
    assert powers_.dot == pytest.approx((1.0 + factor) * powers_.golden, rel=1e-5)
    assert powers_.output == pytest.approx((1.0 + factor) ** 2 * powers_.golden, rel=1e-5)
    if hundredths:
        assert result.sqnr_db() == pytest.approx(-20.0 * math.log10(abs(factor)), abs=1e-4)
