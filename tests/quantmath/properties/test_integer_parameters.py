"""Scales and zero points of integers: those of a range, and those of dynamic quantization."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import affine, dynamic, integers
from tests.quantmath.properties import draws
from tests.quantmath.properties.profile import PROFILE

FLOAT32 = np.dtype(np.float32)


@PROFILE
@given(st.sampled_from(draws.SIGNED_TYPES), st.data())
def test_a_narrow_symmetric_scale_is_the_largest_magnitude_over_the_highest_code(type_, data):
    """S is max(|low|, |high|) / (2^(b−1) − 1) rounded once, never below the smallest normal number."""
    low, high = np.float32(sorted(data.draw(st.tuples(*[draws.float32s(-1e30, 1e30)] * 2))))

    scale = affine.symmetric_scale(low, high, type_)

    largest = max(abs(draws.fraction(low)), abs(draws.fraction(high)))
    if largest == 0:
        assert scale == 1
    else:
        tiny = Fraction(2) ** -126
        assert draws.fraction(scale) == draws.nearest(max(largest / type_.highest, tiny), FLOAT32)


@PROFILE
@given(st.sampled_from(draws.SIGNED_TYPES), st.data())
def test_a_narrow_symmetric_scale_never_gives_the_lowest_code(type_, data):
    """Codes of values in the range are in [−highest, highest], and the largest magnitude has ±highest."""
    largest = np.float32(data.draw(st.floats(1e-20, 1e20)))
    fractions = data.draw(draws.arrays(draws.float32s(-1, 1), np.float32, (6,)))

    scale = affine.symmetric_scale(-largest, largest, type_)
    codes = affine.quantize(fractions * largest, scale, 0, type_).astype(np.int64)
    ends = affine.quantize(np.float32([-largest, largest]), scale, 0, type_).astype(np.int64)

    assert (np.abs(codes) <= type_.highest).all()
    assert ends.tolist() == [-type_.highest, type_.highest]


@PROFILE
@given(st.sampled_from(draws.SIGNED_TYPES), st.floats(1e-20, 1e20))
def test_a_full_symmetric_scale_spreads_the_range_over_all_steps(type_, largest):
    """2·max / S is levels − 1, so that the range is half a step wider than the narrow one's codes on each side."""
    top = np.float32(largest)

    full = affine.symmetric_scale(-top, top, type_, affine.SymmetricRange.FULL)

    assert draws.fraction(full) == draws.nearest(2 * draws.fraction(top) / (type_.levels - 1), FLOAT32)
    assert int(affine.quantize(-top, full, 0, type_)) in (type_.lowest, type_.lowest + 1)


@PROFILE
@given(draws.types(), st.data())
def test_an_asymmetric_range_contains_zero_as_a_code(type_, data):
    """Zero is exact for every range, also for one that lies on one side of it."""
    low, high = np.float32(sorted(data.draw(st.tuples(*[draws.float32s(-1e30, 1e30)] * 2))))

    scale, zero_point = affine.asymmetric_parameters(low, high, type_)

    assert zero_point.dtype == type_.dtype
    assert affine.quantize(np.float32(0), scale, zero_point, type_) == zero_point
    assert affine.dequantize(zero_point, scale, zero_point) == 0


@PROFILE
@given(draws.types(), st.data())
def test_asymmetric_parameters_lose_at_most_half_a_step_inside_the_range(type_, data):
    """Every value in [low, high] is within S/2 of its code, the ends included, but for float32 rounding."""
    low, high = np.float32(sorted(data.draw(st.tuples(*[draws.float32s(-1e6, 1e6)] * 2))))
    scale, zero_point = affine.asymmetric_parameters(low, high, type_)
    part = data.draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    x = np.float32(min(max(low + (np.float64(high) - low) * part, low), high))

    back = affine.dequantize(affine.quantize(x, scale, zero_point, type_), scale, zero_point)

    slack = (abs(draws.fraction(x)) + type_.levels * draws.fraction(scale)) / 2**22
    assert abs(draws.fraction(back) - draws.fraction(x)) <= draws.fraction(scale) / 2 + slack


@PROFILE
@given(draws.types(), st.data())
def test_an_asymmetric_scale_divides_the_range_into_all_its_steps(type_, data):
    """S is (max(high, 0) − min(low, 0)) / (levels − 1), rounded once, and Z the code nearest to zero's place."""
    low, high = np.float32(sorted(data.draw(st.tuples(*[draws.float32s(-1e6, 1e6)] * 2))))

    scale, zero_point = affine.asymmetric_parameters(low, high, type_)

    bottom, top = min(draws.fraction(low), Fraction(0)), max(draws.fraction(high), Fraction(0))
    if top == bottom:
        assert (scale, int(zero_point)) == (1, type_.lowest)
        return
    exact = (top - bottom) / (type_.levels - 1)
    # From float64, in which the difference of two float32 values may be rounded: one ulp of slack.
    assert abs(draws.fraction(scale) - max(exact, Fraction(2) ** -126)) <= exact / 2**23
    place = type_.lowest - bottom / draws.fraction(scale)
    assert abs(int(zero_point) - place) <= Fraction(1, 2) + abs(place) / 2**20


@PROFILE
@given(st.data())
def test_a_range_of_zero_has_a_usable_scale(data):
    """Ranges that are zero or too narrow for a normal scale still get a scale that divides."""
    tiny = data.draw(st.sampled_from([0.0, 1e-45, 1e-40, 1.17549435e-38]))
    type_ = data.draw(st.sampled_from(draws.SIGNED_TYPES))

    symmetric = affine.symmetric_scale(np.float32(-tiny), np.float32(tiny), type_)
    asymmetric, _ = affine.asymmetric_parameters(np.float32(0), np.float32(tiny), type_)

    assert symmetric >= np.finfo(np.float32).smallest_normal
    assert asymmetric >= np.finfo(np.float32).smallest_normal


@PROFILE
@given(st.data())
def test_dynamic_quantization_is_its_formula_in_float32(data):
    """S, Z and y are ONNX's formula, each operation rounded to float32, recomputed with rationals."""
    x = data.draw(draws.arrays(draws.float32s(-1e6, 1e6), np.float32, (data.draw(st.integers(1, 6)),)))

    y, scale, zero_point = dynamic.dynamic_quantize_linear(x)

    bottom, top = min(draws.fraction(x.min()), Fraction(0)), max(draws.fraction(x.max()), Fraction(0))
    expected_scale = draws.nearest(draws.nearest(top - bottom, FLOAT32) / 255, FLOAT32)
    assert draws.fraction(scale) == expected_scale
    if expected_scale:
        place = draws.nearest(-bottom / expected_scale, FLOAT32)
        expected = round(min(max(place, Fraction(0)), Fraction(255)))
        assert int(zero_point) == expected
        quotients = [draws.nearest(draws.fraction(value) / expected_scale, FLOAT32) for value in x]
        assert y.tolist() == [draws.defined_code(quotient, expected, integers.UINT8) for quotient in quotients]


@PROFILE
@given(st.integers(0, 254), st.integers(-20, 20))
def test_a_dynamic_zero_point_at_a_tie_is_even(whole, exponent):
    """Where −min / S is k + 1/2 the zero point is the even neighbour."""
    step = 2.0**exponent
    x = np.float32([-(whole + 0.5) * step, (255 - whole - 0.5) * step])

    _, scale, zero_point = dynamic.dynamic_quantize_linear(x)

    assert scale == step
    assert int(zero_point) == (whole if whole % 2 == 0 else whole + 1)


@PROFILE
@given(st.data())
def test_dynamic_quantization_spans_all_codes(data):
    """Where the range is not degenerate the smallest and largest of the values and zero get codes 0 and 255."""
    x = data.draw(draws.arrays(draws.float32s(-1e6, 1e6), np.float32, (5,)))
    if np.ptp(np.append(x, 0)) < 1e-30:
        return

    y, _, zero_point = dynamic.dynamic_quantize_linear(x)

    codes = [*y.tolist(), int(zero_point)]
    # Z is rounded, so that one end may be one code short of its own; the span is never two codes short.
    assert min(codes) <= 1
    assert max(codes) >= 254


def test_dynamic_quantization_of_zeros_gives_zeros():
    """A tensor of zeros has codes equal to the zero point, scale 0 as the formula says, and no NaN."""
    for shape in ((1,), (2, 3), ()):
        with np.errstate(invalid="warn"), warnings.catch_warnings(record=True) as undefined:
            warnings.simplefilter("always", RuntimeWarning)
            y, scale, zero_point = dynamic.dynamic_quantize_linear(np.zeros(shape, np.float32))

        assert y.shape == shape
        assert (y == zero_point).all()
        assert (scale, zero_point) == (0, 0)
        assert not undefined  # what NumPy makes of NaN as an integer is the machine's own
