"""Small float formats: what holds for every code, every tie and both kinds of overflow."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import e8m0, floats
from pytest_qparity.quantmath.layout import Blocked, PerAxis, PerTensor
from tests.quantmath.properties import float_draws as draws
from tests.quantmath.properties.profile import PROFILE

ON, OFF = floats.Saturation.ON, floats.Saturation.OFF


def test_every_code_decodes_to_its_definition():
    """Every finite code decodes to the rational number that sign, exponent field and mantissa define."""
    for form in draws.FORMATS:
        values = form.decode(draws.codes(form))
        for code, expected in draws.exact(form.name).items():
            assert Fraction(float(values[code])) == expected, (form.name, code)


def test_codes_of_nan_and_infinity_are_those_of_the_specifications():
    """NaN and infinity are exactly the codes that each format's specification lists, with the code's sign."""
    for form in draws.FORMATS:
        values = form.decode(draws.codes(form))
        _, _, _, nan, infinity = draws.DEFINITIONS[form.name]
        assert set(np.flatnonzero(np.isnan(values))) == nan, form.name
        assert set(np.flatnonzero(np.isinf(values))) == infinity, form.name


def test_the_highest_bit_of_a_code_is_the_sign():
    """A code with its sign bit set decodes to the negative of the code without, zeros and infinities included."""
    for form in draws.SIGNED:
        values = form.decode(draws.codes(form))
        half = values.size // 2
        assert np.signbit(values[half:]).all()
        assert not np.signbit(values[:half]).any()
        numbers = ~np.isnan(values[half:]) & ~np.isnan(values[:half])
        np.testing.assert_array_equal(values[half:][numbers], -values[:half][numbers])


def test_encode_gives_every_code_back():
    """Decode then encode gives back the code of every number, with saturation on and off."""
    for form in draws.FORMATS:
        codes = draws.codes(form)
        values = form.decode(codes)
        finite = np.isfinite(values)
        for saturation in (ON, OFF):
            np.testing.assert_array_equal(form.encode(values[finite], saturation), codes[finite])


def test_positive_codes_are_in_the_order_of_their_values():
    """Between two neighbouring positive codes the value strictly grows."""
    for form in draws.FORMATS:
        values = form.decode(draws.codes(form))[: 2 ** (form.bits - form.signed)]
        assert (np.diff(values[np.isfinite(values)]) > 0).all(), form.name


def test_largest_and_smallest_are_those_of_all_codes():
    """Largest, smallest normal and smallest subnormal are found among all codes where their names say."""
    for form in draws.FORMATS:
        positive = sorted(v for v in draws.exact(form.name).values() if v > 0)
        assert Fraction(form.largest) == positive[-1]
        assert Fraction(form.smallest_subnormal) == positive[0]
        full_precision = [v for v in positive if v >= Fraction(form.smallest_normal)]
        assert full_precision[0] == Fraction(form.smallest_normal)
        assert Fraction(form.smallest_normal) == positive[0] * 2**form.mantissa_bits
        assert 2**form.largest_exponent <= form.largest < 2 ** (form.largest_exponent + 1)


@PROFILE
@given(draws.formats_and_values(draws.SIGNED_BYTES))
def test_encode_is_the_brute_force_nearest_code_with_ties_to_even(form_and_values):
    """A value encodes to the nearest of all codes, of two equally near ones to the even code."""
    form, values = form_and_values
    codes = form.encode(values, ON)

    for value, code in zip(values, codes, strict=True):
        nearest = draws.nearest_magnitudes(form, abs(Fraction(float(value))))
        expected = nearest[0] if len(nearest) == 1 else next(c for c in nearest if c % 2 == 0)
        last = max(c for c in draws.exact(form.name) if c < 2 ** (form.bits - 1))
        assert int(code) & (2 ** (form.bits - 1) - 1) == min(expected, last)


def test_every_middle_of_two_codes_goes_to_the_even_one():
    """The middle between two neighbouring values encodes to the even code, just beside it to the nearer."""
    for form in draws.SIGNED:
        codes = draws.codes(form)[: 2 ** (form.bits - 1)]
        values = form.decode(codes)
        last = int(np.flatnonzero(np.isfinite(values))[-1])
        low, middles = codes[:last], (values[:last] + values[1 : last + 1]) / 2.0
        np.testing.assert_array_equal(form.encode(middles, ON), low + low % 2)
        np.testing.assert_array_equal(form.encode(np.nextafter(middles, 0.0), ON), low)
        np.testing.assert_array_equal(form.encode(np.nextafter(middles, np.inf), ON), low + 1)


def test_the_last_tie_below_overflow_is_decided_by_the_code_beyond_the_largest():
    """Half a step above largest is the largest value where its code is even, and an overflow where it is odd."""
    for form in draws.FLOAT8:
        last = form.encode(np.array([form.largest]), ON)[0]
        step = form.largest - float(form.decode(last[None] - np.uint8(1))[0])
        tie = form.largest + step / 2.0
        beside = form.encode(np.array([math.nextafter(tie, 0.0), math.nextafter(tie, math.inf)]), OFF)
        assert beside[0] == last
        assert beside[1] != last
        assert (form.encode(np.array([tie]), OFF)[0] == last) == (last % 2 == 0), form.name


@PROFILE
@given(draws.formats_and_values())
def test_encode_is_monotone(form_and_values):
    """A larger value never encodes to a smaller one."""
    form, values = form_and_values
    rounded = form.decode(form.encode(np.sort(values), ON))
    assert (np.diff(rounded) >= 0).all()


@PROFILE
@given(draws.formats_and_values(draws.SIGNED))
def test_the_error_is_at_most_half_a_step(form_and_values):
    """Within ±largest a rounded value is off by at most half of 2^(e − m), with e at least the smallest normal's."""
    form, values = form_and_values
    values = values[np.abs(values) <= form.largest]
    rounded = form.decode(form.encode(values, ON))

    for value, result in zip(values, rounded, strict=True):
        exponent = max(math.frexp(value)[1] - 1 if value else -2000, int(math.log2(form.smallest_normal)))
        half = Fraction(2) ** (exponent - form.mantissa_bits - 1)
        assert abs(Fraction(float(result)) - Fraction(float(value))) <= half


@PROFILE
@given(draws.formats_and_values(draws.SIGNED))
def test_encode_keeps_the_sign(form_and_values):
    """The negated value has the same code with the other sign bit, except where −0 is taken by NaN."""
    form, values = form_and_values
    positive, negative = form.encode(np.abs(values), ON), form.encode(-np.abs(values), ON)
    sign = 2 ** (form.bits - 1)
    expected = np.where((positive == 0) & (form.nan == "negative-zero"), 0, positive | sign)
    np.testing.assert_array_equal(negative, expected)


def test_subnormals_are_not_flushed():
    """Every multiple of the smallest subnormal below the smallest normal has its own code; half of one gives zero."""
    for form in draws.SIGNED:
        count = 2**form.mantissa_bits
        multiples = np.arange(count) * form.smallest_subnormal
        np.testing.assert_array_equal(form.encode(multiples, ON), np.arange(count))
        half = np.array([0.5, math.nextafter(0.5, 1.0)]) * form.smallest_subnormal
        np.testing.assert_array_equal(form.encode(half, ON), [0, 1])


def test_overflow_saturates_or_becomes_special():
    """Infinity and twice the largest value give ±largest with ON; with OFF infinity or, without one, NaN."""
    for form in [*draws.FLOAT8, floats.FP16, floats.BF16]:
        over = np.array([np.inf, 2.0 * form.largest, -np.inf, -2.0 * form.largest])
        saturated = form.decode(form.encode(over, ON))
        np.testing.assert_array_equal(saturated, np.sign(over) * form.largest)
        special = form.decode(form.encode(over, OFF))
        expected = np.sign(over) * np.inf if form.has_infinity else np.full(4, np.nan)
        np.testing.assert_array_equal(special, expected)
        if form.nan == "all-ones":
            np.testing.assert_array_equal(np.signbit(special), over < 0)


def test_nan_stays_nan_with_its_sign():
    """NaN encodes to NaN with both settings of saturation, and keeps its sign where a format has two NaNs."""
    nan = np.copysign(np.full(2, np.nan), [1.0, -1.0])
    for form in [f for f in draws.SIGNED if f.nan != "none"]:
        for saturation in (ON, OFF):
            decoded = form.decode(form.encode(nan, saturation))
            assert np.isnan(decoded).all()
            if form.nan != "negative-zero":
                np.testing.assert_array_equal(np.signbit(decoded), [False, True])


def test_ieee_nans_are_quiet():
    """The NaN that encode makes in an IEEE 754 format has the first mantissa bit set and no other."""
    for form in [f for f in draws.FORMATS if f.nan == "ieee"]:
        code = int(form.encode(np.array([np.nan]), ON)[0])
        assert code % 2**form.mantissa_bits == 2 ** (form.mantissa_bits - 1)
        assert code >> form.mantissa_bits == 2**form.exponent_bits - 1


def test_formats_without_nan_refuse_it():
    """A format without a code for NaN refuses NaN, and infinity with saturation off."""
    for form in draws.WITHOUT_NAN:
        with pytest.raises(ValueError, match="without a code"):
            form.encode(np.array([np.nan]), ON)
        with pytest.raises(ValueError, match="without a code"):
            form.encode(np.array([np.inf]), OFF)
        assert form.decode(form.encode(np.array([np.inf]), ON))[0] == form.largest


@PROFILE
@given(draws.formats_and_values())
def test_rounding_twice_is_rounding_once(form_and_values):
    """What was rounded to a format is not changed by rounding it again."""
    form, values = form_and_values
    once = form.decode(form.encode(values, ON))
    np.testing.assert_array_equal(form.decode(form.encode(once, ON)), once)


@PROFILE
@given(draws.formats_and_values([f for f in draws.FORMATS if f.nan != "none"]), st.sampled_from([ON, OFF]))
def test_the_source_type_does_not_matter(form_and_values, saturation):
    """The same values as float16, bfloat16, float32 or float64 have the same codes."""
    form, values = form_and_values
    for dtype in (np.float16, ml_dtypes.bfloat16, np.float32):
        with np.errstate(over="ignore", under="ignore"):
            narrow = values.astype(dtype)
        np.testing.assert_array_equal(
            form.encode(narrow, saturation), form.encode(narrow.astype(np.float64), saturation)
        )


def test_a_tensor_without_axes_gives_a_tensor_without_axes():
    """Encode, decode, cast and quantization there and back give an array of shape () for one, not a scalar."""
    for form in draws.SIGNED:
        codes = form.encode(np.asarray(1.0), ON)
        results = [codes, form.decode(codes), floats.cast(np.asarray(1.0), form)]
        if form.bits <= 8:
            results.append(floats.quantize_float(np.asarray(1.0), np.asarray(1.0), form))
            results.append(floats.dequantize_float(results[-1], np.asarray(1.0)))
        assert [(type(each), each.shape) for each in results] == [(np.ndarray, ())] * len(results)


def test_bad_codes_and_types_are_refused():
    """Codes beyond a format's bits, signed codes and values that are no floats are ValueErrors."""
    for form in draws.FORMATS:
        if form.bits not in (8, 16):
            with pytest.raises(ValueError, match="at most"):
                form.decode(np.array([2**form.bits], form.code_dtype))
        with pytest.raises(ValueError, match="unsigned"):
            form.decode(np.array([1]))
        with pytest.raises(ValueError, match="float type"):
            form.encode(np.array([1]), ON)


def test_cast_follows_the_tables_of_float8():
    """Cast of 0, −0, ±Inf and ±2·FLT_MAX gives what ONNX's two tables say for all four float8 types."""
    nan, inf = np.nan, np.inf
    for form in draws.FLOAT8:
        top = form.largest
        x = np.array([0.0, -0.0, nan, inf, -inf, 2 * top, -2 * top], np.float32)
        zero = -0.0 if form in (floats.E4M3FN, floats.E5M2) else 0.0
        on = np.array([0.0, zero, nan, top, -top, top, -top])
        off = np.array([0.0, zero, nan, *([inf, -inf, inf, -inf] if form is floats.E5M2 else [nan] * 4)])
        for saturation, expected in ((ON, on), (OFF, off)):
            result = form.decode(floats.cast(x, form, saturation).view(np.uint8))
            np.testing.assert_array_equal(result, expected)
            np.testing.assert_array_equal(np.signbit(result[:2]), np.signbit(expected[:2]))


def test_cast_to_16_bits_overflows_to_infinity_whatever_saturate_says():
    """Cast to float16 and bfloat16 gives infinity out of range: the attribute is about float8 alone."""
    for form in (floats.FP16, floats.BF16):
        for saturation in (ON, OFF):
            result = floats.cast(np.array([2.0 * form.largest, -np.inf]), form, saturation)
            np.testing.assert_array_equal(form.decode(result.view(np.uint16)), [np.inf, -np.inf])


def test_cast_to_4_and_6_bits_saturates_whatever_saturate_says():
    """Cast to float4 and float6 gives ±largest out of range, since they have nothing else."""
    for form in draws.WITHOUT_NAN:
        for saturation in (ON, OFF):
            result = floats.cast(np.array([2.0 * form.largest, -np.inf]), form, saturation)
            np.testing.assert_array_equal(form.decode(result.view(np.uint8)), [form.largest, -form.largest])


@PROFILE
@given(draws.formats_and_values([floats.E8M0]), st.sampled_from(list(e8m0.Rounding)))
def test_e8m0_rounds_as_its_mode_says(form_and_values, mode):
    """E8M0 rounds UP to the least power of two not below x, DOWN to the largest not above, NEAREST to the nearer."""
    values = np.clip(form_and_values[1], 2.0**-127, 2.0**127)
    for value, result in zip(values, floats.E8M0.decode(e8m0.cast(values, mode).view(np.uint8)), strict=True):
        x, rounded = Fraction(float(value)), Fraction(float(result))
        if mode is e8m0.Rounding.UP:
            assert rounded / 2 < x <= rounded
        elif mode is e8m0.Rounding.DOWN:
            assert rounded <= x < 2 * rounded
        else:
            assert rounded * Fraction(3, 4) <= x < rounded * Fraction(3, 2)


def test_e8m0_follows_the_table():
    """E8M0 gives for 0, NaN, Inf and values beyond its ends what ONNX's table says, in both columns."""
    x = np.array([0.0, 2.0**-130, np.nan, np.inf, 1.5 * 2.0**127, 1.0])
    saturated = e8m0.cast(x, e8m0.Rounding.UP, ON).view(np.uint8)
    np.testing.assert_array_equal(saturated, [0, 0, 255, 254, 254, 127])
    unsaturated = e8m0.cast(x, e8m0.Rounding.NEAREST, OFF).view(np.uint8)
    np.testing.assert_array_equal(unsaturated, [255, 255, 255, 255, 255, 127])


def test_what_rounds_below_the_smallest_power_of_two_saturates_or_is_nan():
    """Encoding to E8M0 what is nearer to zero than to 2⁻¹²⁷ gives 2⁻¹²⁷ with ON and NaN with OFF."""
    x = np.array([0.0, 5e-324, 2.0**-128, math.nextafter(2.0**-128, 1.0), 2.0**-127])
    np.testing.assert_array_equal(floats.E8M0.encode(x, ON), [0, 0, 0, 0, 0])
    np.testing.assert_array_equal(floats.E8M0.encode(x, OFF), [255, 255, 255, 0, 0])


def test_e8m0_refuses_what_is_unspecified():
    """Negative values and −0 have no E8M0 code."""
    for value in (-1.0, -0.0, -np.inf):
        with pytest.raises(ValueError, match="negative"):
            e8m0.cast(np.array([value]))
        with pytest.raises(ValueError, match="negative"):
            floats.E8M0.encode(np.array([value]), ON)


@PROFILE
@given(st.sampled_from(draws.SIGNED_BYTES), draws.tensors(), draws.scales(), st.sampled_from([ON, OFF]))
def test_quantize_float_is_the_nearest_value_to_the_rounded_quotient(form, x, scale, saturation):
    """Float quantization is the cast of x / scale, that quotient rounded once to float32."""
    codes = floats.quantize_float(x, np.asarray(scale), form, saturation).view(np.uint8)
    with np.errstate(all="ignore"):
        quotient = (x.astype(np.float64) / np.float64(scale)).astype(np.float32)  # 53 ≥ 2·24 + 2 bits: as once
    overflow = saturation if form in draws.FLOAT8 else ON
    np.testing.assert_array_equal(codes, form.encode(quotient, overflow))


def test_quantize_float_overflows_as_cast_does():
    """Four times the largest value over a scale of two is ±largest with ON; with OFF infinity or NaN in float8."""
    for form in draws.SIGNED_BYTES:
        x = np.float32([4.0 * form.largest, -4.0 * form.largest])
        for saturation in (ON, OFF):
            values = form.decode(floats.quantize_float(x, np.float32(2.0), form, saturation).view(np.uint8))
            saturates = saturation is ON or form.nan == "none"
            end = form.largest if saturates else math.inf if form.has_infinity else math.nan
            np.testing.assert_array_equal(values, [end, -end])


def test_the_quotient_is_rounded_to_the_type_of_the_scale_first():
    """A quotient that float16 rounds onto a tie of float8 is decided by that tie, not by the exact quotient."""
    scales = np.arange(1024, 2048).astype(np.float16)
    for form in draws.FLOAT8:
        tie = 1.0 + 2.0 ** -(form.mantissa_bits + 1)
        for ulp in (-1, 0, 1):
            x = (tie * scales.astype(np.float64)).astype(np.float16)
            x = (x.view(np.int16) + ulp).astype(np.int16).view(np.float16)
            exact = x.astype(np.float64) / scales.astype(np.float64)
            expected = form.encode(exact.astype(np.float16), ON)
            codes = floats.quantize_float(x, scales, form, ON, PerAxis(0)).view(np.uint8)
            np.testing.assert_array_equal(codes, expected)
            if ulp == 0:
                assert (form.encode(exact, ON) != expected).any()


@PROFILE
@given(st.sampled_from(draws.SIGNED_BYTES), draws.scales(), st.sampled_from([np.float16, np.float32]))
def test_quantize_gives_dequantized_codes_back(form, scale, dtype):
    """Dequantize then quantize gives every finite code back at a scale that keeps the products normal."""
    scale = np.asarray(min(float(scale), 2.0**15), np.float64).astype(dtype)
    values = form.decode(draws.codes(form))
    codes = draws.codes(form)[np.isfinite(values)]
    info = np.finfo(dtype)
    if not 0 < scale < np.inf or form.largest * float(scale) > float(info.max):
        scale = np.asarray(1.0, dtype)
    if form.smallest_subnormal * float(scale) < float(info.smallest_normal):
        scale = np.asarray(1.0, dtype)
    real = floats.dequantize_float(codes.view(form.dtype), scale)
    np.testing.assert_array_equal(floats.quantize_float(real, scale, form).view(np.uint8), codes)


@PROFILE
@given(st.sampled_from(draws.SIGNED_BYTES), draws.scales())
def test_dequantize_float_is_the_exact_product_rounded_once(form, scale):
    """A dequantized code is the float32 nearest to the rational product of its value and the scale."""
    with np.errstate(all="ignore"):
        real = floats.dequantize_float(draws.codes(form).view(form.dtype), np.asarray(scale))
    for code, value in draws.exact(form.name).items():
        product = value * Fraction(float(scale))
        result = float(real[code])
        if math.isinf(result):
            assert abs(product) >= Fraction(2) ** 128 - Fraction(2) ** 103
            continue
        neighbours = [float(np.nextafter(real[code], np.float32(s))) for s in (-np.inf, np.inf)]
        distance = abs(Fraction(result) - product)
        assert all(distance <= abs(Fraction(n) - product) for n in neighbours if math.isfinite(n))


@PROFILE
@given(st.sampled_from(draws.FLOAT8), draws.tensors(ndim=2), st.lists(draws.scales(), min_size=9, max_size=9))
def test_float_scales_per_axis_are_those_of_the_slices(form, x, scales):
    """Float quantization per axis is quantization of each slice by its own scale, on either axis, there and back."""
    for axis in (0, 1, -1):
        own = np.array(scales[: x.shape[axis]], np.float32)
        q = floats.quantize_float(x, own, form, ON, PerAxis(axis))
        back = floats.dequantize_float(q, own, PerAxis(axis))
        for i, scale in enumerate(own):
            part = floats.quantize_float(np.take(x, i, axis), np.asarray(scale), form, ON, PerTensor())
            np.testing.assert_array_equal(np.take(q, i, axis).view(np.uint8), part.view(np.uint8))
            np.testing.assert_array_equal(np.take(back, i, axis), floats.dequantize_float(part, np.asarray(scale)))


@PROFILE
@given(draws.tensors(max_size=20, ndim=1), st.integers(1, 7), st.data())
def test_float_scales_per_block_are_those_of_the_blocks(x, block, data):
    """Blocked float quantization is quantization of each block, a shorter last one included, by its own scale."""
    count = -(-x.size // block)
    scales = np.array(data.draw(st.lists(draws.scales(), min_size=count, max_size=count)), np.float32)
    q = floats.quantize_float(x, scales, floats.E4M3FN, ON, Blocked(0, block)).view(np.uint8)
    for i, scale in enumerate(scales):
        part = slice(i * block, (i + 1) * block)
        expected = floats.quantize_float(x[part], np.asarray(scale), floats.E4M3FN)
        np.testing.assert_array_equal(q[part], expected.view(np.uint8))


def test_float_scales_that_are_no_scales_are_refused():
    """A scale of zero, below zero, NaN or infinity is a ValueError in both directions."""
    for scale in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="positive and finite"):
            floats.quantize_float(np.ones(2, np.float32), np.float32(scale), floats.E5M2)
        with pytest.raises(ValueError, match="positive and finite"):
            floats.dequantize_float(np.zeros(2, floats.E5M2.dtype), np.float32(scale))
