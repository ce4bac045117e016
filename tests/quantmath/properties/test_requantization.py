"""Requantization: what holds for float, fixed-point and power-of-two multipliers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import affine, compute, integers, qlinear, requantize
from pytest_qparity.quantmath.convolution import ConvolutionAttributes
from tests.quantmath.properties import draws
from tests.quantmath.properties.profile import PROFILE

LOWEST, HIGHEST = -(2**31), 2**31 - 1


@st.composite
def multipliers(draw, lowest=-35, highest=4):
    """float32 multipliers from 2^lowest to 2^highest, powers of two and their neighbours among them."""
    value = np.float32(2.0 ** draw(st.one_of(st.integers(lowest, highest), st.floats(lowest, highest))))
    return np.nextafter(value, np.float32(draw(st.sampled_from([0, float(value), 2 * float(value)]))))


@st.composite
def accumulators(draw, multiplier, type_):
    """int32 values around the ties and range ends of `multiplier`, and any."""
    near = draw(st.integers(-2 * type_.levels, 2 * type_.levels)) / (2 * float(multiplier))
    value = draw(st.one_of(st.integers(-2, 2).map(lambda d: round(near) + d), st.integers(LOWEST, HIGHEST)))
    return np.int32(min(max(value, LOWEST), HIGHEST))


@PROFILE
@given(st.data(), draws.types())
def test_a_float_multiplier_rounds_the_exact_product(data, type_):
    """Codes are saturate(rint(q·M) + Z) of the rational product, ties to even."""
    multiplier = data.draw(multipliers())
    zero_point = data.draw(draws.zero_points(type_))
    q = np.array([data.draw(accumulators(multiplier, type_)) for _ in range(6)])

    codes = requantize.by_float_multiplier(q, multiplier, zero_point, type_)

    assert codes.dtype == type_.dtype
    for value, code in zip(q, codes, strict=True):
        exact = int(value) * draws.fraction(multiplier)
        assert int(code) == draws.clamped(round(exact) + zero_point, type_)


@PROFILE
@given(st.data(), draws.types())
def test_three_scales_round_their_exact_ratio(data, type_):
    """Codes are of the rational q·S₁·S₂/S₃, whatever floats the multiplier would have been rounded to."""
    scales = tuple(data.draw(draws.float32s(1e-3, 10)) for _ in range(3))
    scales = tuple(map(np.float32, scales))
    multiplier = draws.fraction(scales[0]) * draws.fraction(scales[1]) / draws.fraction(scales[2])
    zero_point = data.draw(draws.zero_points(type_))
    q = np.array([data.draw(accumulators(float(multiplier), type_)) for _ in range(6)])

    codes = requantize.by_scales(q, scales, zero_point, type_)

    for value, code in zip(q, codes, strict=True):
        assert int(code) == draws.clamped(round(int(value) * multiplier) + zero_point, type_)


@PROFILE
@given(st.integers(1, 2**20), st.integers(-100, 100), st.integers(-8, 8))
def test_a_tie_is_found_where_the_multiplier_is_no_float(odd, half, exponent):
    """q·S₁·S₂/S₃ = k + 1/2 rounds to even also where S₁·S₂/S₃ is no binary fraction."""
    # S₃ = 2·S₁·odd and q = odd·(2k + 1): the ratio is exactly k + 1/2 and the multiplier 1 / (2·odd).
    odd = 2 * (odd % 1000) + 1
    q = np.array([odd * (2 * half + 1)], np.int32)
    first = np.float32(2.0**exponent)

    (code,) = requantize.by_scales(q, (first, np.float32(1), np.float32(2 * odd) * first), 0, integers.INT16)

    assert int(code) == (half if half % 2 == 0 else half + 1)


@PROFILE
@given(st.integers(-32000, 32000), st.integers(2**16, 2**31 - 1), st.sampled_from([-1, 0, 1]))
def test_a_product_closer_to_a_tie_than_float64_is_rounded_to_its_side(half, q, ulps):
    """q·M within float64's rounding of k + 1/2 is decided by the exact product."""
    multiplier = abs(half + 0.5) / q
    for _ in range(abs(ulps)):
        multiplier = math.nextafter(multiplier, math.inf * ulps)
    value = q if half >= 0 else -q

    code = requantize.by_float_multiplier(np.int32(value), np.float64(multiplier), 0, integers.INT16)

    assert int(code) == draws.clamped(round(value * Fraction(multiplier)), integers.INT16)


def test_three_scales_closer_to_a_tie_than_float64_are_rounded_to_their_side():
    """2⁵⁴ + 1 = 109·10325701·16005665 over 2⁵⁵ is above 1/2; 7·2⁵⁶ − 1 = 9781·16317669·3160359 over 2⁵⁷ below 7/2."""
    for q, first, second, output, expected in (
        (109, 10325701, 16005665, 2.0**55, 1),
        (9781, 16317669, 3160359, 2.0**57, 3),
    ):
        for sign in (1, -1):
            scales = (np.float32(first), np.float32(second), np.float32(output))
            assert int(requantize.by_scales(np.int32(sign * q), scales, 0, integers.INT8)) == sign * expected


@PROFILE
@given(st.data())
def test_a_multiplier_and_its_scales_agree(data):
    """Where S₃ is a power of two, by scales and by the float64 multiplier are equal."""
    first, second = np.float32(data.draw(draws.float32s(0.01, 4))), np.float32(data.draw(draws.float32s(0.01, 4)))
    output = np.float32(2.0 ** data.draw(st.integers(-3, 8)))
    q = data.draw(draws.codes(integers.INT32, (8,))) // np.int32(2 ** data.draw(st.integers(0, 24)))

    multiplier = np.float64(first) * np.float64(second) / np.float64(output)

    assert np.array_equal(
        requantize.by_scales(q, (first, second, output), 3, integers.INT8),
        requantize.by_float_multiplier(q, multiplier, 3, integers.INT8),
    )


@PROFILE
@given(st.data(), draws.types())
def test_requantization_is_monotone(data, type_):
    """A larger accumulator never has a smaller code, by any of the three ways."""
    multiplier = data.draw(multipliers(-31, 0))
    shift = data.draw(st.integers(0, 31))
    q = np.sort(np.array([data.draw(accumulators(multiplier, type_)) for _ in range(10)]))
    fixed = requantize.fixed_point_multiplier(multiplier)

    for codes in (
        requantize.by_float_multiplier(q, multiplier, 0, type_),
        requantize.by_fixed_point_multiplier(q, fixed, 0, type_),
        requantize.by_rounding_shift(q, shift, 0, type_),
    ):
        assert (np.diff(codes.astype(np.int64)) >= 0).all()


@PROFILE
@given(st.data(), draws.types(), multipliers(-31, 3))
def test_an_accumulator_of_zero_gives_the_zero_point(data, type_, multiplier):
    """q = 0 has the code Z, by any of the three ways."""
    zero_point = data.draw(draws.zero_points(type_))
    zero = np.zeros(1, np.int32)
    fixed = requantize.fixed_point_multiplier(multiplier)

    for (code,) in (
        requantize.by_float_multiplier(zero, multiplier, zero_point, type_),
        requantize.by_fixed_point_multiplier(zero, fixed, zero_point, type_),
        requantize.by_rounding_shift(zero, 5, zero_point, type_),
    ):
        assert int(code) == zero_point


@PROFILE
@given(st.data(), draws.types())
def test_a_multiplier_of_one_only_saturates(data, type_):
    """M = 1 gives saturate(q + Z), by any of the three ways, at both ends of int32 as well."""
    zero_point = data.draw(draws.zero_points(type_))
    drawn = [data.draw(accumulators(1.0, type_)) for _ in range(6)]
    q = np.array([LOWEST, HIGHEST, *drawn], np.int32)
    fixed = requantize.fixed_point_multiplier(np.float32(1))

    expected = [draws.clamped(int(value) + zero_point, type_) for value in q]

    assert requantize.by_float_multiplier(q, 1.0, zero_point, type_).tolist() == expected
    assert requantize.by_fixed_point_multiplier(q, fixed, zero_point, type_).tolist() == expected
    assert requantize.by_rounding_shift(q, 0, zero_point, type_).tolist() == expected


@PROFILE
@given(multipliers(-31, 20))
def test_a_fixed_point_multiplier_holds_a_float32_exactly(multiplier):
    """significand·2^−(31+n) is the float32 multiplier itself, with the significand in [2³⁰, 2³¹)."""
    fixed = requantize.fixed_point_multiplier(multiplier)

    assert 2**30 <= int(fixed.significand) < 2**31
    assert int(fixed.significand) * Fraction(2) ** -(31 + int(fixed.right_shift)) == draws.fraction(multiplier)


@PROFILE
@given(st.floats(2.0**-30, 2.0**20))
def test_a_fixed_point_multiplier_is_the_nearest_to_a_float64(multiplier):
    """The significand is within half a unit of 2³¹·M₀, also where rounding carries to the next power of two."""
    for value in (multiplier, math.nextafter(2.0 ** math.ceil(math.log2(multiplier)), 0.0)):
        fixed = requantize.fixed_point_multiplier(value)
        held = int(fixed.significand) * Fraction(2) ** -(31 + int(fixed.right_shift))

        assert 2**30 <= int(fixed.significand) < 2**31
        assert abs(held - Fraction(value)) <= Fraction(2) ** -(32 + int(fixed.right_shift))


@PROFILE
@given(st.floats(1e-300, 2.0**-33))
def test_a_multiplier_too_small_for_int32_gives_only_zero_points(multiplier):
    """Below 2⁻³² the fixed-point multiplier is zero, as every product would round to."""
    fixed = requantize.fixed_point_multiplier(multiplier)
    q = np.array([LOWEST, -1, 1, HIGHEST], np.int32)

    assert (int(fixed.significand), int(fixed.right_shift)) == (0, 0)
    assert requantize.by_fixed_point_multiplier(q, fixed, 3, integers.INT8).tolist() == [3] * 4
    assert requantize.by_float_multiplier(q, multiplier, 3, integers.INT8).tolist() == [3] * 4


@PROFILE
@given(st.data(), draws.types())
def test_fixed_point_is_within_one_code_of_the_exact_product(data, type_):
    """Two roundings, of 1/2·2⁻ⁿ and 1/2, and ties elsewhere, move a code by one at most."""
    multiplier = data.draw(multipliers(-31, -1))
    zero_point = data.draw(draws.zero_points(type_))
    q = np.array([data.draw(accumulators(multiplier, type_)) for _ in range(8)])

    exact = requantize.by_float_multiplier(q, multiplier, zero_point, type_).astype(np.int64)
    fixed = requantize.by_fixed_point_multiplier(
        q, requantize.fixed_point_multiplier(multiplier), zero_point, type_
    ).astype(np.int64)

    assert (np.abs(fixed - exact) <= 1).all()


@PROFILE
@given(st.data())
def test_a_left_shift_saturates(data):
    """With M ≥ 1 a product beyond int32 takes the last code of its side."""
    multiplier = np.float32(2.0 ** data.draw(st.integers(1, 30)))
    q = np.array([LOWEST, LOWEST // 2 - 1, HIGHEST // 2 + 1, HIGHEST], np.int32)

    codes = requantize.by_fixed_point_multiplier(q, requantize.fixed_point_multiplier(multiplier), 0, integers.INT16)

    assert codes.tolist() == [-32768, -32768, 32767, 32767]


@PROFILE
@given(st.integers(LOWEST, HIGHEST), st.integers(LOWEST, HIGHEST))
def test_doubling_high_mul_is_the_product_over_two_to_the_31_rounded_half_up(a, b):
    """The result is ⌊a·b/2³¹ + 1/2⌋ in rationals, but for the one product that leaves int32."""
    for left, right in ((a, b), (a, 2**30), (-(2**30), 1), (2**30, 1), (-(2**30), 3), (LOWEST, HIGHEST)):
        result = requantize.saturating_rounding_doubling_high_mul(np.int32(left), np.int32(right))
        assert int(result) == min(math.floor(Fraction(left * right, 2**31) + Fraction(1, 2)), HIGHEST)


def test_doubling_high_mul_saturates_in_its_one_overflow():
    """−2³¹ times itself is 2³¹ − 1, and nothing else saturates."""
    lowest = np.int32(LOWEST)

    assert requantize.saturating_rounding_doubling_high_mul(lowest, lowest) == HIGHEST
    assert requantize.saturating_rounding_doubling_high_mul(lowest, np.int32(LOWEST + 1)) == HIGHEST
    assert requantize.saturating_rounding_doubling_high_mul(lowest, np.int32(LOWEST + 2)) == HIGHEST - 1


@PROFILE
@given(st.integers(LOWEST, HIGHEST), st.integers(0, 31))
def test_dividing_by_a_power_of_two_rounds_ties_away_from_zero(x, exponent):
    """The result is the integer nearest to x/2ⁿ, of two equally near ones the larger in magnitude."""
    tie = min(max((x >> exponent << exponent) + (1 << exponent >> 1), LOWEST), HIGHEST)
    for value in (x, tie, -tie if tie > LOWEST else tie, LOWEST, HIGHEST):
        result = int(requantize.rounding_divide_by_power_of_two(np.int32(value), exponent))
        magnitude = math.floor(Fraction(abs(value), 2**exponent) + Fraction(1, 2))
        assert result == (magnitude if value >= 0 else -magnitude)


@PROFILE
@given(st.data(), draws.types(), st.integers(0, 31))
def test_a_rounding_shift_rounds_ties_up(data, type_, shift):
    """Codes are saturate(⌊q/2ⁿ + 1/2⌋ + Z), without overflow at int32's end."""
    zero_point = data.draw(draws.zero_points(type_))
    q = np.array([LOWEST, HIGHEST, *(data.draw(accumulators(2.0**-shift, type_)) for _ in range(6))], np.int32)

    codes = requantize.by_rounding_shift(q, shift, zero_point, type_)

    for value, code in zip(q, codes, strict=True):
        rounded = math.floor(Fraction(int(value), 2**shift) + Fraction(1, 2))
        assert int(code) == draws.clamped(rounded + zero_point, type_)


@PROFILE
@given(st.data(), st.integers(1, 20))
def test_three_roundings_differ_only_at_ties(data, shift):
    """Half to even, half up and half away from zero agree wherever q/2ⁿ is not half an integer."""
    q = np.array([data.draw(accumulators(2.0**-shift, integers.INT16)) for _ in range(8)])
    q = q[q % 2**shift != 2 ** (shift - 1)]

    to_even = requantize.by_float_multiplier(q, 2.0**-shift, 0, integers.INT16)
    up = requantize.by_rounding_shift(q, shift, 0, integers.INT16)
    away = requantize.rounding_divide_by_power_of_two(q, shift)

    assert np.array_equal(to_even, up)
    assert np.array_equal(to_even, np.clip(away, -32768, 32767))


@PROFILE
@given(st.data())
def test_a_multiplier_per_channel_is_its_slices(data):
    """Multipliers that broadcast over channels give what each channel alone gives."""
    q = data.draw(draws.codes(integers.INT32, (2, 3))) // np.int32(2**20)
    each = np.array([data.draw(multipliers(-12, -1)) for _ in range(3)], np.float32)
    fixed = requantize.fixed_point_multiplier(each)

    together = requantize.by_float_multiplier(q, each, 1, integers.INT8)
    together_fixed = requantize.by_fixed_point_multiplier(q, fixed, 1, integers.INT8)

    for channel, multiplier in enumerate(each):
        alone = requantize.by_float_multiplier(q[:, channel], multiplier, 1, integers.INT8)
        alone_fixed = requantize.by_fixed_point_multiplier(
            q[:, channel], requantize.fixed_point_multiplier(multiplier), 1, integers.INT8
        )
        assert np.array_equal(together[:, channel], alone)
        assert np.array_equal(together_fixed[:, channel], alone_fixed)


@st.composite
def quantized(draw, type_, shape, parameters=()):
    scale = draw(draws.arrays(draws.float32s(0.01, 2), np.float32, parameters))
    return qlinear.QuantizedTensor(draw(draws.codes(type_, shape)), scale, draw(draws.codes(type_, parameters)))


@PROFILE
@given(st.data())
def test_qlinear_matmul_is_the_rounded_real_product(data):
    """Codes are of the exact product of the dequantized operands over the output scale, per row and per column."""
    types = [data.draw(st.sampled_from(draws.BYTE_TYPES)) for _ in range(3)]
    a = data.draw(quantized(types[0], (2, 3), data.draw(st.sampled_from([(), (2,), (2, 1)]))))
    b = data.draw(quantized(types[1], (3, 4), data.draw(st.sampled_from([(), (4,), (1, 4)]))))
    y_scale = np.float32(data.draw(draws.float32s(0.05, 400)))
    y_zero_point = data.draw(draws.zero_points(types[2]))

    y = qlinear.qlinear_matmul(a, b, qlinear.OutputQuantization(y_scale, y_zero_point, types[2]))

    left, right = real(a, (2, 1)), real(b, (1, 4))
    for i, k in np.ndindex(2, 4):
        exact = sum(left[i, j] * right[j, k] for j in range(3)) / draws.fraction(y_scale)
        assert int(y[i, k]) == draws.clamped(round(exact) + y_zero_point, types[2])


def real(tensor, one_each):
    """(q − Z)·S as rationals; parameters of more than one element are shaped as `one_each`."""
    scale, offset = np.asarray(tensor.scale), np.asarray(tensor.zero_point).astype(object)
    if scale.size > 1:
        scale, offset = scale.reshape(one_each), offset.reshape(one_each)
    rational = np.array([draws.fraction(value) for value in scale.ravel()], object).reshape(scale.shape)
    return (tensor.codes.astype(object) - offset) * rational


@PROFILE
@given(st.data())
def test_qlinear_conv_is_the_rounded_real_convolution_with_bias(data):
    """Codes are of the exact convolution of the dequantized operands plus the bias, per output channel."""
    types = [data.draw(st.sampled_from(draws.BYTE_TYPES)) for _ in range(3)]
    x = data.draw(quantized(types[0], (1, 2, 4)))
    w = data.draw(quantized(types[1], (3, 2, 2), data.draw(st.sampled_from([(), (3,)]))))
    bias = data.draw(draws.arrays(st.integers(-(2**16), 2**16), np.int32, (3,)))
    y_scale = np.float32(data.draw(draws.float32s(0.05, 400)))
    y_zero_point = data.draw(draws.zero_points(types[2]))

    y = qlinear.qlinear_conv(
        x,
        w,
        qlinear.OutputQuantization(y_scale, y_zero_point, types[2]),
        bias,
        ConvolutionAttributes(pads=(1, 0)),
    )

    pixels, taps = real(x, ()), real(w, (3, 1, 1))
    w_scales = np.broadcast_to(np.asarray(w.scale), (3,))
    for m, o in np.ndindex(3, 4):
        total = int(bias[m]) * draws.fraction(x.scale) * draws.fraction(w_scales[m])
        for c, k in np.ndindex(2, 2):
            if o + k >= 1:
                total += pixels[0, c, o + k - 1] * taps[m, c, k]
        exact = total / draws.fraction(y_scale)
        assert int(y[0, m, o]) == draws.clamped(round(exact) + y_zero_point, types[2])


@PROFILE
@given(st.data())
def test_qdq_and_qoperator_forms_are_within_one_code(data):
    """Dequantize, multiply in float32 and quantize is within one code of QLinearMatMul where float32 errors are small.

    The operands are within 255 · 2, four products with their sum are within 7 roundings of 2⁻²⁴ of 4 · 510², 0.44:
    less than one step where S_y ≥ 1/2, and two values less than a step apart round to the same or neighbouring codes.
    """
    a = data.draw(quantized(integers.UINT8, (2, 4)))
    b = data.draw(quantized(integers.INT8, (4, 3)))
    y_scale = np.float32(data.draw(draws.float32s(0.5, 400)))

    fused = qlinear.qlinear_matmul(a, b, qlinear.OutputQuantization(y_scale, 100, integers.UINT8))
    product = affine.dequantize(a.codes, a.scale, a.zero_point) @ affine.dequantize(b.codes, b.scale, b.zero_point)
    apart = affine.quantize(product, y_scale, 100, integers.UINT8)

    assert (np.abs(fused.astype(np.int64) - apart.astype(np.int64)) <= 1).all()


@PROFILE
@given(st.data())
def test_qlinear_matmul_is_matmul_integer_and_requantization(data):
    """The composed operator is its two parts, the accumulator in int32 between them."""
    a, b = data.draw(quantized(integers.INT8, (2, 3))), data.draw(quantized(integers.UINT8, (3, 2)))

    y = qlinear.qlinear_matmul(a, b, qlinear.OutputQuantization(np.float32(0.5), -3, integers.INT8))

    accumulator = compute.matmul_integer(a.codes, b.codes, a.zero_point, b.zero_point)
    parts = requantize.by_scales(accumulator, (a.scale, b.scale, np.float32(0.5)), -3, integers.INT8)
    assert np.array_equal(y, parts)


def test_what_is_no_multiplier_is_refused():
    """Zero, negative, infinite and too large multipliers, shifts beyond 31 and other accumulators raise ValueError."""
    q = np.zeros(2, np.int32)
    for refused in (
        *(lambda bad=bad: requantize.by_float_multiplier(q, bad, 0, integers.INT8) for bad in (0.0, -1.0, math.inf)),
        *(lambda bad=bad: requantize.fixed_point_multiplier(bad) for bad in (0.0, -1.0, math.nan, 2.0**32)),
        lambda: requantize.by_float_multiplier(q.astype(np.int64), 1.0, 0, integers.INT8),
        lambda: requantize.by_float_multiplier(q, 1.0, 128, integers.INT8),
        lambda: requantize.by_rounding_shift(q, 32, 0, integers.INT8),
        lambda: requantize.by_rounding_shift(q, -1, 0, integers.INT8),
        lambda: requantize.by_scales(q, (1.0, 1.0, np.float64(1)), 0, integers.INT8),
    ):
        with pytest.raises(ValueError, match="got "):
            refused()
