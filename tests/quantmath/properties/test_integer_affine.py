"""Affine quantization to integers: what holds for every type, scale, zero point and layout."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import affine, integers, layout
from tests.quantmath.properties import draws
from tests.quantmath.properties.profile import PROFILE

FLOAT32 = np.dtype(np.float32)


@PROFILE
@given(st.data(), draws.types(), st.sampled_from(draws.FLOAT_DTYPES))
def test_quantize_is_its_definition_after_one_rounded_division(data, type_, dtype):
    """Each code is the rational definition of the quotient that the float type rounds to."""
    scale = data.draw(draws.scales(dtype))
    zero_point = data.draw(draws.zero_points(type_))
    x = data.draw(draws.tensors(scale, type_, dtype))

    codes = affine.quantize(x, scale, zero_point, type_)

    for value, code in zip(x, codes, strict=True):
        quotient = draws.nearest(draws.fraction(value) / draws.fraction(scale), dtype)
        infinite = abs(quotient) > draws.fraction(draws.largest(dtype))
        end = type_.highest if value > 0 else type_.lowest
        assert int(code) == (end if infinite else draws.defined_code(quotient, zero_point, type_))


def test_the_quotient_is_rounded_once_to_float32():
    """Around all ties k + 1/2 under 40 scales the code is that of x / S rounded once to float32."""
    scales = np.float32([1 + step / 7 for step in range(40)])
    ties = ((np.arange(-100, 100) + 0.5)[:, np.newaxis] * scales).astype(np.float32)
    x = np.concatenate([np.nextafter(ties, np.float32(end)) for end in (-1e3, 1e3)] + [ties])

    codes = affine.quantize(x, scales, np.zeros(40, np.int8), integers.INT8, layout.PerAxis(1))

    quotients = (x.astype(np.float64) / scales).astype(np.float32)  # 53 ≥ 2·24 + 2 bits: rounded as once
    assert np.array_equal(codes, np.rint(quotients).astype(np.int8))


@PROFILE
@given(draws.types(), st.integers(-6, 6))
def test_ties_go_to_the_even_integer(type_, exponent):
    """Halves of a power-of-two scale go to the even neighbour."""
    scale = np.float32(2.0**exponent)
    odd = np.arange(2 * type_.lowest + 1, 2 * type_.highest, max(2, 2 * (type_.levels // 64)))

    codes = affine.quantize((odd.astype(np.float32) / 2) * scale, scale, 0, type_).astype(np.int64)

    below = (odd - 1) // 2
    assert np.array_equal(codes, np.where(below % 2 == 0, below, below + 1))


@PROFILE
@given(draws.types(), st.data())
def test_the_zero_point_is_added_after_rounding(type_, data):
    """A tie is decided by the quotient's own parity, whatever the zero point's."""
    zero_point = data.draw(draws.zero_points(type_))
    half = data.draw(st.sampled_from([-1.5, -0.5, 0.5, 1.5]))

    code = affine.quantize(np.float32(half), 1.0, zero_point, type_)

    assert int(code) == draws.clamped({-1.5: -2, -0.5: 0, 0.5: 0, 1.5: 2}[half] + zero_point, type_)


@PROFILE
@given(draws.types(), st.data())
def test_dequantize_then_quantize_gives_the_code_back(type_, data):
    """Dequantize then quantize gives the code back."""
    scale = data.draw(draws.scales().filter(lambda s: 1e-30 < s < 1e30))
    zero_point = data.draw(draws.zero_points(type_))
    codes = data.draw(draws.codes(type_, (6,)))

    again = affine.quantize(affine.dequantize(codes, scale, zero_point), scale, zero_point, type_)

    assert np.array_equal(again.astype(np.int64), codes.astype(np.int64))


@PROFILE
@given(draws.types(), st.data())
def test_quantize_then_dequantize_is_idempotent(type_, data):
    """Fake quantization of a fake-quantized tensor changes nothing."""
    scale = data.draw(draws.scales().filter(lambda s: 1e-30 < s < 1e30))
    zero_point = data.draw(draws.zero_points(type_))
    x = data.draw(draws.tensors(scale, type_))

    once = affine.dequantize(affine.quantize(x, scale, zero_point, type_), scale, zero_point)
    twice = affine.dequantize(affine.quantize(once, scale, zero_point, type_), scale, zero_point)

    assert np.array_equal(once, twice)


@PROFILE
@given(draws.types(), st.data())
def test_the_round_trip_error_is_at_most_half_a_step(type_, data):
    """Inside the range |x̂ − x| ≤ S/2 + |x|·2⁻²³ + |x̂|·2⁻²³, two float32 roundings beside the step."""
    scale = data.draw(draws.scales().filter(lambda s: 1e-30 < s < 1e30))
    zero_point = data.draw(draws.zero_points(type_))
    step = data.draw(st.floats(type_.lowest - zero_point, type_.highest - zero_point))
    x = np.float32(step * float(scale))

    back = affine.dequantize(affine.quantize(x, scale, zero_point, type_), scale, zero_point)

    error = abs(draws.fraction(back) - draws.fraction(x))
    rounding = (abs(draws.fraction(x)) + abs(draws.fraction(back))) / 2**23
    assert error <= draws.fraction(scale) / 2 + rounding


@PROFILE
@given(draws.types(), st.data())
def test_quantize_is_monotone(type_, data):
    """A larger value never has a smaller code."""
    scale = data.draw(draws.scales())
    zero_point = data.draw(draws.zero_points(type_))
    x = np.sort(data.draw(draws.tensors(scale, type_, size=20)))

    codes = affine.quantize(x, scale, zero_point, type_).astype(np.int64)

    assert (np.diff(codes) >= 0).all()


@PROFILE
@given(draws.types(), st.data(), st.sampled_from(draws.FLOAT_DTYPES))
def test_zero_is_exact(type_, data, dtype):
    """Zero of either sign has the zero point as its code, and that code is +0."""
    scale = data.draw(draws.scales(dtype))
    zero_point = data.draw(draws.zero_points(type_))

    codes = affine.quantize(np.array([0.0, -0.0], dtype), scale, zero_point, type_)
    back = affine.dequantize(codes, scale, zero_point)

    assert codes.astype(np.int64).tolist() == [zero_point, zero_point]
    assert (back == 0).all()
    assert not np.signbit(back.astype(np.float64)).any()


@PROFILE
@given(draws.types(), st.data())
def test_infinity_takes_the_last_code(type_, data):
    """±Inf saturates to the lowest and highest code under every scale and zero point."""
    scale = data.draw(draws.scales())
    zero_point = data.draw(draws.zero_points(type_))

    codes = affine.quantize(np.float32([-np.inf, np.inf]), scale, zero_point, type_)

    assert codes.astype(np.int64).tolist() == [type_.lowest, type_.highest]


@PROFILE
@given(draws.types(), st.data(), st.integers(15, 126))
def test_a_large_quotient_saturates_and_does_not_wrap(type_, data, exponent):
    """Quotients around 2¹⁵, 2³¹, 2³², 2⁶³ and beyond take the last code of their side."""
    zero_point = data.draw(draws.zero_points(type_))
    x = np.float32([2.0**exponent, -(2.0**exponent), 2.0**31, -(2.0**31), 2.0**32 + 2**10, 2.0**63, -(2.0**63)])

    codes = affine.quantize(x * np.float32(4), 1.0, zero_point, type_).astype(np.int64)

    assert codes.tolist() == [type_.highest if value > 0 else type_.lowest for value in x]


@PROFILE
@given(draws.types(), st.data())
def test_the_last_code_is_reached_half_a_step_early(type_, data):
    """Both ends of the range are codes: the value half a step inside rounds to the end or its even neighbour."""
    zero_point = data.draw(draws.zero_points(type_))
    ends = np.array([type_.lowest, type_.lowest + 1, type_.highest - 1, type_.highest]) - zero_point
    outside = np.array([type_.lowest - 1, type_.highest + 1]) - zero_point

    inner = affine.quantize(ends.astype(np.float32), 1.0, zero_point, type_).astype(np.int64)
    outer = affine.quantize(outside.astype(np.float32), 1.0, zero_point, type_).astype(np.int64)

    assert inner.tolist() == [type_.lowest, type_.lowest + 1, type_.highest - 1, type_.highest]
    assert outer.tolist() == [type_.lowest, type_.highest]


def test_nan_is_refused():
    """NaN has no code, and quantize says so for every float type and position."""
    for dtype, position in itertools.product(draws.FLOAT_DTYPES, range(3)):
        x = np.zeros(3, dtype)
        x[position] = np.nan
        with pytest.raises(ValueError, match="got 1 NaN"):
            affine.quantize(x, np.ones((), dtype), 0, integers.INT8)


@PROFILE
@given(draws.types(), st.data(), st.sampled_from(draws.FLOAT_DTYPES))
def test_dequantize_rounds_the_exact_product_once(type_, data, dtype):
    """Each value is the float next to the rational (q − Z)·S, ties to even, subnormals kept."""
    scale = data.draw(draws.scales(dtype))
    zero_point = data.draw(draws.zero_points(type_))
    codes = data.draw(draws.codes(type_, (6,)))

    values = affine.dequantize(codes, scale, zero_point)

    assert values.dtype == dtype
    for code, value in zip(codes, values, strict=True):
        exact = draws.nearest((int(code) - zero_point) * draws.fraction(scale), dtype)
        if abs(exact) > draws.fraction(draws.largest(dtype)):
            assert math.isinf(value)
            assert (value > 0) == (exact > 0)
        else:
            assert draws.fraction(value) == exact


def test_dequantize_keeps_subnormals():
    """Every 8-bit code times the smallest subnormal of float16, bfloat16 and float32 is that product, exactly."""
    codes = np.arange(-128, 128).astype(np.int8)
    for dtype in draws.FLOAT_DTYPES:
        scale = np.asarray(draws.smallest(dtype), np.float64).astype(dtype)

        values = affine.dequantize(codes, scale, 0)

        assert [draws.fraction(value) for value in values] == [int(q) * draws.fraction(scale) for q in codes]


@PROFILE
@given(st.data(), st.sampled_from(draws.FLOAT_DTYPES))
def test_dequantize_of_int32_rounds_once_as_well(data, dtype):
    """Differences of 33 bits, wider than any float type's significand, are rounded only with the product."""
    scale = data.draw(draws.scales(dtype))
    codes = data.draw(draws.codes(integers.INT32, (8,)))
    zero_point = data.draw(draws.zero_points(integers.INT32))

    values = affine.dequantize(codes, scale, zero_point)

    for code, value in zip(codes, values, strict=True):
        exact = draws.nearest((int(code) - zero_point) * draws.fraction(scale), dtype)
        if abs(exact) > draws.fraction(draws.largest(dtype)):
            assert math.isinf(value)
        else:
            assert draws.fraction(value) == exact


@PROFILE
@given(st.integers(0, 2**22), st.integers(-60, 60))
def test_dequantize_sees_what_a_wider_product_would_drop(start, exponent):
    """A product one bit above a tie, a bit that the next wider float type drops, is rounded up."""
    for dtype, step in itertools.product([np.dtype(ml_dtypes.bfloat16), FLOAT32], range(40)):
        bits = ml_dtypes.finfo(dtype).nmant + 1
        odd = 2 ** (bits - 1) + 2 * ((start + step) % 2 ** (bits - 2)) + 1
        # The code solves code·odd = 2³⁰ + 1 (mod 2³¹); of 31 + bits bits, the product's last place is worth 2³¹.
        code = (2**30 + 1) * pow(odd, -1, 2**31) % 2**31
        if code * odd < 2 ** (30 + bits):
            continue
        scale = np.asarray(math.ldexp(odd, exponent), np.float64).astype(dtype)

        value = affine.dequantize(np.int32(code), scale, 0)

        assert draws.fraction(value) == (code * odd // 2**31 + 1) * 2**31 * Fraction(2) ** exponent


@PROFILE
@given(draws.types(), st.data())
def test_equal_steps_between_codes(type_, data):
    """With a power-of-two scale neighbouring codes are exactly one scale apart."""
    scale = np.float32(2.0 ** data.draw(st.integers(-100, 100)))
    zero_point = data.draw(draws.zero_points(type_))
    codes = np.arange(type_.lowest, type_.highest + 1, max(1, type_.levels // 256)).astype(type_.dtype)

    values = affine.dequantize(codes, scale, zero_point).astype(np.float64)

    assert (np.diff(values) == float(scale) * np.diff(codes.astype(np.int64))).all()


@PROFILE
@given(draws.shapes_and_layouts(), st.data())
def test_spread_gives_each_element_its_own_parameter(shape_and_layout, data):
    """spread(p)[i] is p[], p[i_axis] or p with i_axis divided by the block, for every index i."""
    shape, where = shape_and_layout
    expected_shape = layout.parameter_shape(shape, where)
    parameter = np.arange(math.prod(expected_shape)).reshape(expected_shape)

    spread = layout.spread(parameter, shape, where)

    assert spread.shape == shape
    for index in np.ndindex(*shape):
        match where:
            case layout.PerTensor():
                place = ()
            case layout.PerAxis(axis):
                place = (index[axis],)
            case layout.Blocked(axis, block):
                place = list(index)
                place[axis] //= block
        assert spread[index] == parameter[tuple(place)]


def test_blocks_are_runs_of_their_length():
    """On every axis of up to nine elements, element i has the parameter ⌊i / block⌋, for blocks of one to ten."""
    for extent, block, axis in itertools.product(range(10), range(1, 11), range(2)):
        shape = (extent, 2) if axis == 0 else (2, extent)
        count = layout.parameter_shape(shape, layout.Blocked(axis, block))[axis]
        parameter = np.stack([np.arange(count), 100 + np.arange(count)], axis=1 - axis)

        own = np.arange(extent) // block
        expected = np.stack([own, 100 + own], axis=1 - axis)
        assert np.array_equal(layout.spread(parameter, shape, layout.Blocked(axis, block)), expected)


@PROFILE
@given(st.integers(0, 40), st.integers(1, 12))
def test_blocks_cover_an_axis_with_as_few_scales_as_onnx_says(extent, block):
    """There are ⌈D/B⌉ scales, and ONNX's interval of block sizes for that many contains B."""
    (count,) = layout.parameter_shape((extent,), layout.Blocked(0, block))

    assert count == math.ceil(Fraction(extent, block))
    if count > 1:
        assert math.ceil(Fraction(extent, count)) <= block <= math.ceil(Fraction(extent, count - 1)) - 1


@PROFILE
@given(draws.shapes_and_layouts(), draws.types(), st.data())
def test_a_layout_is_its_slices(shape_and_layout, type_, data):
    """Quantizing with a layout equals quantizing each element alone with its own scale and zero point."""
    shape, where = shape_and_layout
    parameters = layout.parameter_shape(shape, where)
    scale = data.draw(draws.arrays(draws.float32s(0.125, 4.0), np.float32, parameters))
    zero_point = data.draw(draws.codes(type_, parameters))
    x = data.draw(draws.arrays(draws.float32s(-300, 300), np.float32, shape))

    codes = affine.quantize(x, scale, zero_point, type_, where)
    values = affine.dequantize(codes, scale, zero_point, where)

    assert codes.shape == values.shape == shape
    scales, offsets = layout.spread(scale, shape, where), layout.spread(zero_point.astype(np.int64), shape, where)
    for index in np.ndindex(*shape):
        alone = affine.quantize(x[index], scales[index], int(offsets[index]), type_)
        assert codes[index] == alone
        assert values[index] == affine.dequantize(alone, scales[index], int(offsets[index]))


@PROFILE
@given(st.integers(1, 3), st.data())
def test_a_negative_axis_counts_from_the_last(rank, data):
    """axis and axis − rank name the same axis, per axis and blocked."""
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=rank, max_size=rank)))
    axis = data.draw(st.integers(0, rank - 1))
    x = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)

    for make in (layout.PerAxis, lambda position: layout.Blocked(position, 2)):
        parameters = layout.parameter_shape(shape, make(axis))
        scale = np.linspace(0.5, 1.5, math.prod(parameters)).astype(np.float32).reshape(parameters)
        forward = affine.quantize(x, scale, 0, integers.INT8, make(axis))
        assert np.array_equal(forward, affine.quantize(x, scale, 0, integers.INT8, make(axis - rank)))


@PROFILE
@given(draws.types(), st.data())
def test_int32_input_is_converted_to_the_scale_s_type(type_, data):
    """An int32 tensor is quantized as its float32 values are, 2²⁴ + 1 rounded included."""
    x = data.draw(draws.codes(integers.INT32, (5,)))
    scale = data.draw(draws.scales())

    assert np.array_equal(affine.quantize(x, scale, 0, type_), affine.quantize(x.astype(np.float32), scale, 0, type_))


@PROFILE
@given(st.data())
def test_the_scale_s_type_decides_the_precision_of_the_division(data):
    """float16 values with a float32 scale are divided in float32, with a float16 scale in float16."""
    scale = data.draw(draws.scales(np.dtype(np.float16)).filter(lambda s: 1e-3 < s < 1e2))
    x = data.draw(draws.tensors(scale, integers.INT16, np.dtype(np.float16)))

    wide = affine.quantize(x, scale.astype(np.float32), 0, integers.INT16)
    narrow = affine.quantize(x, scale, 0, integers.INT16)

    for value, code, narrow_code in zip(x, wide, narrow, strict=True):
        exact = draws.fraction(value) / draws.fraction(scale)
        assert int(code) == draws.clamped(round(draws.nearest(exact, FLOAT32)), integers.INT16)
        if abs(exact) < 65504:
            assert int(narrow_code) == draws.clamped(round(draws.nearest(exact, np.dtype(np.float16))), integers.INT16)


def test_integer_types_are_the_ranges_of_onnx():
    """Lowest, highest and the array type of each integer type are those in ONNX's list."""
    ranges = {
        "int2": (-2, 1),
        "uint2": (0, 3),
        "int4": (-8, 7),
        "uint4": (0, 15),
        "int8": (-128, 127),
        "uint8": (0, 255),
        "int16": (-32768, 32767),
        "uint16": (0, 65535),
        "int32": (-(2**31), 2**31 - 1),
    }

    for name, (lowest, highest) in ranges.items():
        type_ = integers.INTEGER_TYPES[name]
        assert (type_.lowest, type_.highest, type_.levels) == (lowest, highest, highest - lowest + 1)
        assert type_.narrow() == (lowest + 1, highest)
        assert np.array([lowest, highest]).astype(type_.dtype).astype(np.int64).tolist() == [lowest, highest]
        assert integers.of_dtype(type_.dtype) == type_
    assert set(ranges) == set(integers.INTEGER_TYPES)


def test_what_is_no_scale_is_refused():
    """Zero, negative, NaN and infinite scales, and ones of a wrong type or shape, raise ValueError."""
    x = np.zeros(3, np.float32)
    for bad in (0.0, -1.0, math.nan, math.inf, np.int32(1), np.ones(1, np.float32), np.ones(3, np.float32)):
        with pytest.raises(ValueError, match="got a scale"):
            affine.quantize(x, bad, 0, integers.INT8)
        with pytest.raises(ValueError, match="got a scale"):
            affine.dequantize(np.zeros(3, np.int8), bad, 0)


def test_what_is_no_zero_point_is_refused():
    """Zero points beyond the type, fractions and wrong shapes raise ValueError."""
    for type_ in draws.TYPES:
        for bad in (type_.lowest - 1, type_.highest + 1, 0.5, np.zeros(2, np.int8)):
            with pytest.raises(ValueError, match=r"got (a )?(scale or )?zero point"):
                affine.quantize(np.zeros(3, np.float32), 1.0, bad, type_)
