"""Block formats: what holds for every block, shorter last ones included, at both scale rules."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import blocks, floats
from tests.quantmath.properties import float_draws as draws
from tests.quantmath.properties.profile import PROFILE

FLOOR, CEIL = blocks.ScaleRule.FLOOR, blocks.ScaleRule.CEIL
ELEMENTS = st.sampled_from(blocks.MX_FORMATS)
RULES = st.sampled_from([FLOOR, CEIL])
LARGEST = {"float8e4m3fn": 448, "float8e5m2": 57_344, "float6e3m2": 28, "float6e2m3": Fraction(15, 2), "float4e2m1": 6}
EMAX = {"float8e4m3fn": 8, "float8e5m2": 15, "float6e3m2": 4, "float6e2m3": 2, "float4e2m1": 2}


def positive():
    return st.one_of(
        st.floats(2.0**-149, 2.0**127, exclude_min=False),
        st.integers(-149, 127).map(lambda e: 2.0**e),
        st.tuples(st.sampled_from([448.0, 57_344.0, 28.0, 7.5, 6.0]), st.integers(-100, 100)).map(
            lambda pair: math.ldexp(*pair)
        ),
    ).flatmap(lambda x: st.sampled_from([x, math.nextafter(x, math.inf), math.nextafter(x, 0.0)]))


def scale_of(maximum, element, rule) -> Fraction:
    code = blocks.mx_scale(np.array([maximum]), element, rule).view(np.uint8)[0]
    return Fraction(2) ** (int(code) - 127)


@PROFILE
@given(positive(), ELEMENTS)
def test_the_floor_scale_puts_the_maximum_into_the_last_binade(maximum, element):
    """With the scale of OCP MX the largest magnitude over the scale lies in [2^emax, 2^(emax + 1)), unless clamped."""
    scale = scale_of(maximum, element, FLOOR)
    if Fraction(2) ** -127 < scale < Fraction(2) ** 127:
        assert 2 ** EMAX[element.name] <= Fraction(maximum) / scale < 2 ** (EMAX[element.name] + 1)
    elif scale == Fraction(2) ** -127:
        assert Fraction(maximum) / scale < 2 ** (EMAX[element.name] + 1)


@PROFILE
@given(positive(), ELEMENTS)
def test_the_ceil_scale_is_the_smallest_that_does_not_saturate(maximum, element):
    """With the rounded-up scale the largest magnitude fits under the largest element, with half of that scale not."""
    scale = scale_of(maximum, element, CEIL)
    if scale < Fraction(2) ** 127:
        assert Fraction(maximum) <= LARGEST[element.name] * scale
    if scale > Fraction(2) ** -127:
        assert Fraction(maximum) > LARGEST[element.name] * scale / 2


@PROFILE
@given(positive(), ELEMENTS)
def test_the_two_scale_rules_are_at_most_a_doubling_apart(maximum, element):
    """The rounded-up scale is the OCP one or its double."""
    assert scale_of(maximum, element, CEIL) / scale_of(maximum, element, FLOOR) in (1, 2)


def test_scales_stop_at_the_ends_of_e8m0():
    """Scales below 2⁻¹²⁷ and above 2¹²⁷ are clamped, and NaN's code is never a scale."""
    for element in blocks.MX_FORMATS:
        for rule in (FLOOR, CEIL):
            codes = blocks.mx_scale(np.array([0.0, 5e-324, 2.0**-149, 1.7e308]), element, rule).view(np.uint8)
            np.testing.assert_array_equal(codes, [0, 0, 0, 254])


@PROFILE
@given(draws.tensors(), ELEMENTS, RULES, st.integers(1, 33))
def test_mx_elements_are_the_nearest_to_the_scaled_values(x, element, rule, block):
    """Each MX element is the nearest code to x over its block's scale, ties to even, saturating at the largest."""
    tensor = blocks.quantize_mx(x, element, rule, axis=-1, block=block)
    codes, scales = tensor.elements.view(np.uint8), tensor.scales.view(np.uint8)
    for index in list(np.ndindex(x.shape))[:24]:
        scale = Fraction(2) ** (int(scales[(*index[:-1], index[-1] // block)]) - 127)
        nearest = draws.nearest_magnitudes(element, abs(Fraction(float(x[index]))) / scale)
        even = nearest[0] if len(nearest) == 1 else next(c for c in nearest if c % 2 == 0)
        last = max(
            c for c in draws.exact(element.name) if c < 2 ** (element.bits - 1) and c in draws.exact(element.name)
        )
        sign = 2 ** (element.bits - 1) if np.signbit(x[index]) else 0
        assert int(codes[index]) == min(even, last) | sign


@PROFILE
@given(draws.tensors(), ELEMENTS, RULES, st.integers(1, 33))
def test_each_block_is_quantized_on_its_own(x, element, rule, block):
    """An MX tensor is the sequence of its blocks, each quantized alone, a shorter last one included."""
    whole = blocks.quantize_mx(x, element, rule, axis=-1, block=block)
    for i in range(-(-x.shape[-1] // block)):
        part = (..., slice(i * block, (i + 1) * block))
        alone = blocks.quantize_mx(x[part], element, rule, axis=-1, block=block)
        np.testing.assert_array_equal(whole.elements[part].view(np.uint8), alone.elements.view(np.uint8))
        np.testing.assert_array_equal(whole.scales[..., i : i + 1].view(np.uint8), alone.scales.view(np.uint8))


@PROFILE
@given(draws.tensors(ndim=2), ELEMENTS, RULES, st.integers(1, 5))
def test_blocks_along_the_first_axis_are_those_of_the_transpose(x, element, rule, block):
    """Quantizing along axis 0 is quantizing the transpose along its last axis."""
    first = blocks.quantize_mx(x, element, rule, axis=0, block=block)
    last = blocks.quantize_mx(x.T, element, rule, axis=-1, block=block)
    np.testing.assert_array_equal(first.elements.view(np.uint8), last.elements.view(np.uint8).T)
    np.testing.assert_array_equal(first.scales.view(np.uint8), last.scales.view(np.uint8).T)
    np.testing.assert_array_equal(blocks.dequantize_mx(first), blocks.dequantize_mx(last).T)


@PROFILE
@given(draws.tensors(), ELEMENTS, RULES)
def test_quantizing_a_dequantized_mx_tensor_gives_its_values_back(x, element, rule):
    """Dequantize then quantize then dequantize an MX tensor is the first dequantization."""
    once = blocks.dequantize_mx(blocks.quantize_mx(x, element, rule))
    np.testing.assert_array_equal(blocks.dequantize_mx(blocks.quantize_mx(once, element, rule)), once)


@PROFILE
@given(draws.tensors(), ELEMENTS, RULES, st.integers(-20, 20))
def test_mx_commutes_with_powers_of_two(x, element, rule, exponent):
    """Multiplying by a power of two moves the MX scales' codes by its exponent and leaves the elements alone."""
    base = np.where(np.abs(x) < 2.0**-60, np.float32(0.0), np.clip(x, -(2.0**60), 2.0**60))
    tensor, moved = (blocks.quantize_mx(v, element, rule) for v in (base, np.ldexp(base, exponent)))
    np.testing.assert_array_equal(tensor.elements.view(np.uint8), moved.elements.view(np.uint8))
    before, after = tensor.scales.view(np.uint8).astype(int), moved.scales.view(np.uint8).astype(int)
    np.testing.assert_array_equal(np.where(before == 0, 0, before + exponent), after)


@PROFILE
@given(draws.tensors(), ELEMENTS, RULES)
def test_mx_keeps_signs_and_zeros(x, element, rule):
    """A dequantized MX value has the sign of its original, −0 included, and a zero stays zero."""
    result = blocks.dequantize_mx(blocks.quantize_mx(x, element, rule))
    np.testing.assert_array_equal(np.signbit(result), np.signbit(x))
    assert not result[x == 0.0].any()


@PROFILE
@given(draws.tensors(), ELEMENTS)
def test_the_mx_error_is_bounded_by_the_block_maximum(x, element):
    """With the rounded-up scale no value is off by more than 2^−(m+1) of itself or half its block's smallest step."""
    tensor = blocks.quantize_mx(x, element, CEIL)
    error = np.abs(blocks.dequantize_mx(tensor).astype(np.float64) - x)
    scales = np.repeat(floats.E8M0.decode(tensor.scales.view(np.uint8)), 32, axis=-1)[..., : x.shape[-1]]
    bound = np.maximum(np.abs(x) * 2.0 ** -(element.mantissa_bits + 1), scales * element.smallest_subnormal / 2.0)
    assert (error <= bound).all()


def test_a_nan_scale_makes_its_block_nan():
    """A block whose E8M0 scale is NaN dequantizes to NaN, the other blocks as before."""
    tensor = blocks.quantize_mx(np.ones(70, np.float32), floats.E2M1)
    scales = tensor.scales.view(np.uint8).copy()
    scales[1] = 255
    result = blocks.dequantize_mx(dataclasses.replace(tensor, scales=scales.view(floats.E8M0.dtype)))
    assert np.isnan(result[32:64]).all()
    assert (result[:32] == 1.0).all()
    assert (result[64:] == 1.0).all()


def test_blocks_refuse_what_they_leave_open():
    """NaN, infinity, a missing axis, an element type that is none of MX and scales of another shape are ValueErrors."""
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="finite"):
            blocks.quantize_mx(np.array([1.0, bad]), floats.E2M1)
        with pytest.raises(ValueError, match="finite"):
            blocks.quantize_nvfp4(np.array([1.0, bad]), np.float32(1.0))
        with pytest.raises(ValueError, match="tensor scale"):
            blocks.quantize_nvfp4(np.array([1.0]), np.float32(bad))
    with pytest.raises(ValueError, match="axis"):
        blocks.quantize_mx(np.ones(3), floats.E2M1, axis=1)
    with pytest.raises(ValueError, match="element type"):
        blocks.quantize_mx(np.ones(3), floats.E4M3FNUZ)
    tensor = blocks.quantize_mx(np.ones(33), floats.E2M1)
    with pytest.raises(ValueError, match="scales of shape"):
        blocks.dequantize_mx(dataclasses.replace(tensor, scales=tensor.scales[:1]))


@PROFILE
@given(draws.tensors())
def test_the_nvfp4_tensor_scale_puts_the_largest_block_scale_at_448(x):
    """With max |x| / 2688 as tensor scale, the block with the largest magnitude has the scale 448, the largest E4M3."""
    maximum = float(np.abs(x).max(initial=0.0))
    if maximum < 2.0**-100:
        return
    tensor = blocks.quantize_nvfp4(x, blocks.nvfp4_tensor_scale(maximum))
    scales = floats.E4M3FN.decode(tensor.block_scales.view(np.uint8))
    assert scales.max() == 448.0
    assert np.abs(floats.E2M1.decode(tensor.elements.view(np.uint8))).max() == 6.0


@PROFILE
@given(draws.tensors(max_size=40), st.integers(1, 17), st.booleans())
def test_nvfp4_codes_are_the_nearest_at_both_levels(x, block, own_scale):
    """NVFP4's block scale is the E4M3 nearest to max |x| / 6 / s, its elements the E2M1 nearest to x over both."""
    scale = blocks.nvfp4_tensor_scale(float(np.abs(x).max(initial=0.0))) if own_scale else np.float32(0.125)
    tensor = blocks.quantize_nvfp4(x, scale, axis=-1, block=block)
    if not x.size:
        return
    rows = x.reshape(-1, x.shape[-1])
    scale_rows = tensor.block_scales.view(np.uint8).reshape(rows.shape[0], -1)
    element_rows = tensor.elements.view(np.uint8).reshape(rows.shape)
    for row, scales, elements in list(zip(rows, scale_rows, element_rows, strict=True))[:3]:
        for i, code in enumerate(scales):
            part = slice(i * block, (i + 1) * block)
            exact = Fraction(float(np.abs(row[part]).max())) / 6 / Fraction(float(scale))
            assert _is_nearest(floats.E4M3FN, exact, int(code))
            value = draws.exact("float8e4m3fn")[int(code)] * Fraction(float(scale))
            for v, element in zip(row[part], elements[part], strict=True):
                assert (int(element) >= 8) == bool(np.signbit(v))
                if value == 0:
                    assert int(element) % 8 == 0
                else:
                    assert _is_nearest(floats.E2M1, abs(Fraction(float(v))) / value, int(element) % 8)


def _is_nearest(form, exact, code) -> bool:
    """Whether `code` is nearest to `exact` times some 1 ± 2⁻⁵¹, what two float64 quotients are off by."""
    last = 0x7E if form is floats.E4M3FN else 7
    codes = {
        min(c, last)
        for nudge in (-1, 0, 1)
        for c in draws.nearest_magnitudes(form, exact * (1 + Fraction(nudge, 2**51)))
    }
    return code in codes


@PROFILE
@given(draws.tensors(ndim=2), st.integers(1, 5))
def test_nvfp4_blocks_lie_along_their_axis(x, block):
    """NVFP4 along axis 0 is NVFP4 of the transpose along its last axis."""
    scale = blocks.nvfp4_tensor_scale(float(np.abs(x).max(initial=0.0)))
    first = blocks.quantize_nvfp4(x, scale, axis=0, block=block)
    last = blocks.quantize_nvfp4(x.T, scale, axis=-1, block=block)
    np.testing.assert_array_equal(first.elements.view(np.uint8), last.elements.view(np.uint8).T)
    np.testing.assert_array_equal(blocks.dequantize_nvfp4(first), blocks.dequantize_nvfp4(last).T)


def test_nvfp4_dequantizes_to_the_exact_product_of_three():
    """Every pair of an E2M1 element and an E4M3 scale dequantizes to their product with the tensor scale."""
    elements = np.arange(16, dtype=np.uint8)
    for scale in (np.float32(1.0), np.float32(1.0 / 3.0), np.float32(2.0**-140), np.float32(1.0e-3)):
        for code, value in draws.exact("float8e4m3fn").items():
            tensor = blocks.NvFp4Tensor(
                elements.view(floats.E2M1.dtype), np.array([code], np.uint8).view(floats.E4M3FN.dtype), scale, 0
            )
            exact = [e * value * Fraction(float(scale)) for e in draws.exact("float4e2m1").values()]
            expected = np.array([float(e) for e in exact], np.float64).astype(np.float32)  # 30 bits: exact in float64
            np.testing.assert_array_equal(blocks.dequantize_nvfp4(tensor), expected)


def test_zero_tensors_stay_zero():
    """An all-zero or empty tensor dequantizes to itself in every block format."""
    for shape in ((40,), (2, 0), (0,), (3, 17)):
        x = np.zeros(shape, np.float32)
        for element in blocks.MX_FORMATS:
            np.testing.assert_array_equal(blocks.dequantize_mx(blocks.quantize_mx(x, element)), x)
        tensor = blocks.quantize_nvfp4(x, blocks.nvfp4_tensor_scale(0.0))
        np.testing.assert_array_equal(blocks.dequantize_nvfp4(tensor), x)
