"""Types that operators let differ: of scale and output, and of integers that are cast to one another."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import affine, floats, integers, rounding
from pytest_qparity.quantmath.layout import Blocked
from tests.quantmath.properties import draws, float_draws
from tests.quantmath.properties.profile import PROFILE

E8M0 = np.dtype(ml_dtypes.float8_e8m0fnu)
FLOAT32 = np.dtype(np.float32)
POWERS = np.arange(255, dtype=np.uint8).view(E8M0)  # without the last code, which is NaN


@PROFILE
@given(st.data(), draws.types(), st.sampled_from(draws.FLOAT_DTYPES), st.sampled_from(draws.FLOAT_DTYPES))
def test_an_output_type_rounds_the_exact_product_once(data, type_, dtype, output):
    """With an output type of its own, each value is the one of that type nearest to the rational (q − Z)·S."""
    scale = data.draw(draws.scales(dtype))
    zero_point = data.draw(draws.zero_points(type_))
    codes = data.draw(draws.codes(type_, (6,)))

    values = affine.dequantize(codes, scale, zero_point, output=output)

    assert values.dtype == output
    for code, value in zip(codes, values, strict=True):
        assert draws.is_rounded(value, (int(code) - zero_point) * draws.fraction(scale), output)


@PROFILE
@given(st.integers(0, 2**30))
def test_an_output_type_is_reached_in_one_rounding(seed):
    """A product just above a tie of float16 or bfloat16, by less than float32 can tell, is rounded up."""
    for output in (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)):
        bits = ml_dtypes.finfo(output).nmant + 1
        tie = 2 ** (bits + 1) + 4 * (seed % 2 ** (bits - 1)) + 2  # in quarters of the last place: halfway to the next
        # 16 bits of code and 24 of scale have 40: the last of them is below float32's last place.
        odd = 2**15 + 2 * (seed % 2**13) + 1
        scale = -(-tie * 2 ** (38 - bits) // odd)  # the least whole one that is not below the tie
        product = odd * scale
        if scale >= 2**24 or product == tie * 2 ** (38 - bits):
            continue
        exact = Fraction(product, 2**37)

        value = affine.dequantize(np.uint16(odd), np.float32(math.ldexp(scale, -37)), 0, output=output)

        assert draws.is_rounded(value, exact, output)


def test_every_scale_of_e8m0_is_a_float32():
    """All 255 scales of float8e8m0 are 2^(code − 127) in float32, 2⁻¹²⁷ among them, and divide and multiply as such."""
    scales = rounding.signed_scales(POWERS)
    x = np.array([-1.5, 0.0, 1.0, 2.5, 3.0e38], np.float32)
    codes = np.arange(-128, 128, 17).astype(np.int8)

    assert scales.dtype == FLOAT32
    assert [draws.fraction(scale) for scale in scales] == [Fraction(2) ** (code - 127) for code in range(255)]
    for scale, power in zip(scales, POWERS, strict=True):
        assert (affine.quantize(x, power, 3, integers.INT8) == affine.quantize(x, scale, 3, integers.INT8)).all()
        assert (affine.dequantize(codes, power, 3) == affine.dequantize(codes, scale, 3)).all()


def test_e8m0_divides_and_multiplies_float_codes_exactly():
    """A float8 or float4 code times a scale of float8e8m0 is that product in float32, and is quantized back to it."""
    for form in float_draws.SIGNED_BYTES:
        codes = float_draws.codes(form)
        codes = codes[np.isfinite(form.decode(codes))]
        for power in POWERS[40:215:25]:
            values = floats.dequantize_float(codes.view(form.dtype), power)
            again = floats.quantize_float(values, power, form)

            exact = [draws.fraction(v) * draws.fraction(np.float32(power)) for v in form.decode(codes)]
            assert values.dtype == FLOAT32
            assert [draws.fraction(value) for value in values] == exact
            np.testing.assert_array_equal(again.view(np.uint8), codes)


def test_e8m0_scales_of_blocks_are_those_of_the_blocks():
    """Blocks of 32 with scales of float8e8m0 are quantized and dequantized as each alone, to int8 and to float4e2m1."""
    x = (np.arange(3 * 96, dtype=np.float32).reshape(3, 96) - 140.5) / 7
    powers = np.arange(118, 127, dtype=np.uint8).reshape(3, 3).view(E8M0)
    codes = affine.quantize(x, powers, np.zeros((3, 3), np.int8), integers.INT8, Blocked(1, 32))
    small = floats.quantize_float(x, powers, floats.E2M1, layout=Blocked(1, 32))
    back = affine.dequantize(codes, powers, np.zeros((3, 3), np.int8), Blocked(1, 32))
    small_back = floats.dequantize_float(small, powers, Blocked(1, 32))

    for row, block in np.ndindex(3, 3):
        part, power = np.s_[row, 32 * block : 32 * block + 32], powers[row, block]
        assert (codes[part] == affine.quantize(x[part], power, 0, integers.INT8)).all()
        assert (back[part] == affine.dequantize(codes[part], power, 0)).all()
        assert (small[part] == floats.quantize_float(x[part], power, floats.E2M1)).all()
        assert (small_back[part] == floats.dequantize_float(small[part], power)).all()


def test_dequantized_float_codes_take_the_output_type():
    """A dequantized float code is the value of the output type nearest to its product with a float32 scale."""
    for form in float_draws.SIGNED_BYTES:
        codes = float_draws.codes(form)
        codes = codes[np.isfinite(form.decode(codes))]
        for output, scale in zip(draws.FLOAT_DTYPES, np.array([0.1, 1 / 3, 1e-3], np.float32), strict=True):
            values = floats.dequantize_float(codes.view(form.dtype), np.asarray(scale), output=output)

            assert values.dtype == output
            exact = [draws.fraction(v) * draws.fraction(scale) for v in form.decode(codes)]
            assert all(draws.is_rounded(v, product, output) for v, product in zip(values, exact, strict=True))


def test_a_scale_of_e8m0_that_is_nan_is_refused():
    """float8e8m0's NaN is no scale, and no integer or float8 type is a type to multiply in."""
    nan = np.asarray(255, np.uint8).view(E8M0)
    with pytest.raises(ValueError, match="positive and finite"):
        affine.quantize(np.float32(1), nan, 0, integers.INT8)
    with pytest.raises(ValueError, match="positive and finite"):
        floats.dequantize_float(np.zeros((), floats.E4M3FN.dtype), nan)
    with pytest.raises(ValueError, match="got output int8"):
        affine.dequantize(np.int8(1), np.float32(1), 0, output=np.dtype(np.int8))


@PROFILE
@given(st.data(), st.sampled_from(list(integers.INTEGER_TYPES.values())), draws.types())
def test_integers_keep_their_lowest_bits(data, source, target):
    """An integer cast to another type is the one of that type with the same lowest bits: 200 becomes −56 as int8."""
    values = data.draw(draws.codes(source, (12,)))

    kept = integers.reinterpreted(values, target)

    assert kept.dtype == target.dtype
    assert all((int(a) - int(b)) % 2**target.bits == 0 for a, b in zip(values, kept, strict=True))
    assert all(target.lowest <= int(b) <= target.highest for b in kept)
    assert integers.reinterpreted(np.array([200], np.int16), integers.INT8).tolist() == [-56]
