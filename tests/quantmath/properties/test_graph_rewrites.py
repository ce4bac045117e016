"""Rewrites that optimizers make of quantized graphs: where they change no code, and by how much where they do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import affine, compute, integers, layout, qlinear, requantize
from pytest_qparity.quantmath.convolution import ConvolutionAttributes
from tests.quantmath.properties import draws
from tests.quantmath.properties.profile import PROFILE


def wide(codes):
    return codes.astype(np.int64)


def ordinary_scales(shape=()):
    return draws.arrays(draws.float32s(0.01, 2), np.float32, shape)


def powers_of_two(shape=()):
    return draws.arrays(st.integers(-3, 3).map(lambda exponent: 2.0**exponent), np.float32, shape)


@st.composite
def quantizers(draw, type_):
    """A scale, a zero point and a matrix of values around their ties and range ends."""
    scale = draw(draws.scales().filter(lambda s: 1e-30 < s < 1e30))
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x = draw(draws.arrays(draws.reals(scale, type_), np.float32, (rows, columns)))
    return scale, draw(draws.zero_points(type_)), x


@PROFILE
@given(st.data())
def test_qdq_and_qoperator_forms_of_a_product_per_column_are_within_one_code(data):
    """MatMul between Q/DQ pairs and QLinearMatMul with scales per column are within one code.

    As for scalars in the properties of requantization: operands within 510 and four products in float32 are off by less
    than 0.44, less than a step of S_y ≥ 1/2.
    """
    a, a_scale, a_zero = data.draw(draws.codes(integers.UINT8, (2, 4))), data.draw(ordinary_scales()), 131
    b, b_scale = data.draw(draws.codes(integers.INT8, (4, 3))), data.draw(ordinary_scales((3,)))
    b_zero = data.draw(draws.codes(integers.INT8, (3,)))
    y_scale, y_zero = np.float32(data.draw(draws.float32s(0.5, 400))), data.draw(draws.zero_points(integers.UINT8))

    product = affine.dequantize(a, a_scale, a_zero) @ affine.dequantize(b, b_scale, b_zero, layout.PerAxis(1))
    apart = affine.quantize(product, y_scale, y_zero, integers.UINT8)
    fused = qlinear.qlinear_matmul(
        qlinear.QuantizedTensor(a, a_scale, a_zero),
        qlinear.QuantizedTensor(b, b_scale, b_zero),
        qlinear.OutputQuantization(y_scale, y_zero, integers.UINT8),
    )

    assert (np.abs(wide(fused) - wide(apart)) <= 1).all()


@PROFILE
@given(st.data())
def test_qdq_and_qoperator_forms_of_a_convolution_are_within_one_code(data):
    """Conv with bias between Q/DQ pairs and QLinearConv with an int32 bias are within one code.

    Six products within 510·256 and a bias within 2¹⁶·4, in float32: eleven roundings of 2⁻²⁴ of 1.1e6 are off by less
    than 0.8, less than a step of S_y ≥ 2.
    """
    x, x_scale, x_zero = data.draw(draws.codes(integers.UINT8, (1, 2, 5))), data.draw(ordinary_scales()), 7
    w, w_scale = data.draw(draws.codes(integers.INT8, (2, 2, 3))), data.draw(ordinary_scales((2,)))
    bias = data.draw(draws.arrays(st.integers(-(2**16), 2**16), np.int32, (2,)))
    y_scale, y_zero = np.float32(data.draw(draws.float32s(2, 400))), data.draw(draws.zero_points(integers.INT8))

    pixels = np.pad(affine.dequantize(x, x_scale, x_zero), ((0, 0), (0, 0), (1, 1)))
    taps = affine.dequantize(w, w_scale, np.zeros(2, np.int8), layout.PerAxis(0))
    offset = affine.dequantize(bias, x_scale * w_scale, np.zeros(2, np.int32), layout.PerAxis(0))
    real = np.float32([[[np.sum(pixels[0, :, o : o + 3] * taps[m]) + offset[m] for o in range(5)] for m in range(2)]])
    apart = affine.quantize(real, y_scale, y_zero, integers.INT8)
    fused = qlinear.qlinear_conv(
        qlinear.QuantizedTensor(x, x_scale, x_zero),
        qlinear.QuantizedTensor(w, w_scale, np.zeros(2, np.int8)),
        qlinear.OutputQuantization(y_scale, y_zero, integers.INT8),
        bias,
        ConvolutionAttributes(pads=(1, 1)),
    )

    assert (np.abs(wide(fused) - wide(apart)) <= 1).all()


@PROFILE
@given(draws.types(), st.data())
def test_relu_before_quantize_is_redundant_where_the_zero_point_is_the_lowest_code(type_, data):
    """With the lowest code as zero point, what is negative has that code with a Relu and without."""
    scale, _, x = data.draw(quantizers(type_))

    with_relu = affine.quantize(np.maximum(x, 0), scale, type_.lowest, type_)

    assert np.array_equal(with_relu, affine.quantize(x, scale, type_.lowest, type_))


@PROFILE
@given(draws.types(), st.data())
def test_relu_before_quantize_is_needed_where_the_zero_point_is_higher(type_, data):
    """With any other zero point −S has a code of its own, which a Relu makes the zero point's."""
    scale, _, _ = data.draw(quantizers(type_))
    zero_point = data.draw(st.integers(type_.lowest + 1, type_.highest))

    assert int(affine.quantize(-scale, scale, zero_point, type_)) == zero_point - 1
    assert int(affine.quantize(np.maximum(-scale, 0), scale, zero_point, type_)) == zero_point


@PROFILE
@given(draws.types(), st.data())
def test_relu_behind_quantize_is_a_maximum_with_the_zero_point(type_, data):
    """Quantizing Relu(x) gives the larger of x's code and the zero point."""
    scale, zero_point, x = data.draw(quantizers(type_))

    before = affine.quantize(np.maximum(x, 0), scale, zero_point, type_)

    assert np.array_equal(wide(before), np.maximum(wide(affine.quantize(x, scale, zero_point, type_)), zero_point))


@PROFILE
@given(draws.types(), st.data())
def test_clip_at_two_codes_is_a_clip_of_codes(type_, data):
    """Clip to the values of two codes and quantize is quantize and clip to these codes."""
    scale, zero_point, x = data.draw(quantizers(type_))
    low, high = np.sort(wide(data.draw(draws.codes(type_, (2,)))))
    ends = affine.dequantize(np.array([low, high]).astype(type_.dtype), scale, zero_point)

    before = affine.quantize(np.clip(x, *ends), scale, zero_point, type_)

    assert np.array_equal(wide(before), np.clip(wide(affine.quantize(x, scale, zero_point, type_)), low, high))


@PROFILE
@given(draws.types(), st.data())
def test_max_pool_commutes_with_quantize_and_dequantize(type_, data):
    """The largest value of a window has the largest code, and the largest code has the largest value."""
    scale, zero_point, x = data.draw(quantizers(type_))

    codes = affine.quantize(x, scale, zero_point, type_)
    pooled = affine.quantize(x.max(axis=1), scale, zero_point, type_)

    assert np.array_equal(wide(pooled), wide(codes).max(axis=1))
    values = affine.dequantize(codes, scale, zero_point)
    assert np.array_equal(affine.dequantize(pooled, scale, zero_point), values.max(axis=1))


@PROFILE
@given(st.permutations(range(3)), draws.types(), st.data())
def test_transpose_commutes_with_quantize_where_the_axis_moves_along(permutation, type_, data):
    """Quantize then Transpose is Transpose then Quantize along where the axis goes to, per axis and blocked."""
    x = np.linspace(-20, 20, 24, dtype=np.float32).reshape(2, 3, 4)
    axis = data.draw(st.integers(0, 2))
    for make in (layout.PerAxis, lambda place: layout.Blocked(place, 2)):
        parameters = layout.parameter_shape(x.shape, make(axis))
        scale, zero_point = data.draw(ordinary_scales(parameters)), data.draw(draws.codes(type_, parameters))
        moved = [p.transpose(permutation) if p.ndim == 3 else p for p in (scale, zero_point)]

        before = affine.quantize(x.transpose(permutation), *moved, type_, make(permutation.index(axis)))

        assert np.array_equal(before, affine.quantize(x, scale, zero_point, type_, make(axis)).transpose(permutation))


@PROFILE
@given(draws.types(), st.data())
def test_reshape_commutes_with_quantize_per_tensor(type_, data):
    """Reshape, Slice and Gather in front of a Quantize per tensor may go behind it."""
    scale, zero_point, x = data.draw(quantizers(type_))
    codes = affine.quantize(x, scale, zero_point, type_)

    for moved in (lambda t: t.reshape(-1), lambda t: t[::-1, :1], lambda t: t[[0, -1, 0]]):
        assert np.array_equal(affine.quantize(moved(x), scale, zero_point, type_), moved(codes))


@PROFILE
@given(draws.types(), st.data())
def test_concat_of_equal_parameters_is_concat_of_codes(type_, data):
    """Parts with one scale and zero point are concatenated as codes, and along an axis each keeps its own."""
    scale, zero_point, x = data.draw(quantizers(type_))
    scales, zero_points = data.draw(ordinary_scales((2,))), data.draw(draws.codes(type_, (2,)))

    codes = [affine.quantize(part, scale, zero_point, type_) for part in (x, -x)]
    assert np.array_equal(affine.quantize(np.concatenate([x, -x]), scale, zero_point, type_), np.concatenate(codes))

    rows = np.stack([x.reshape(-1), -x.reshape(-1)])
    apart = [affine.quantize(row, s, z, type_) for row, s, z in zip(rows, scales, zero_points, strict=True)]
    assert np.array_equal(affine.quantize(rows, scales, zero_points, type_, layout.PerAxis(0)), np.stack(apart))


@PROFILE
@given(draws.shapes_and_layouts(), draws.types(), st.data())
def test_a_dequantize_quantize_pair_with_equal_parameters_is_the_identity(shape_and_layout, type_, data):
    """Between a Dequantize and a Quantize with the same scale and zero point, in every layout, no code changes."""
    shape, where = shape_and_layout
    parameters = layout.parameter_shape(shape, where)
    scale, zero_point = data.draw(ordinary_scales(parameters)), data.draw(draws.codes(type_, parameters))
    codes = data.draw(draws.codes(type_, shape))

    again = affine.quantize(affine.dequantize(codes, scale, zero_point, where), scale, zero_point, type_, where)

    assert np.array_equal(again, codes)


@PROFILE
@given(draws.types(), st.data())
def test_requantizing_to_another_zero_point_moves_the_codes(type_, data):
    """With equal scales a Dequantize and a Quantize are saturate(q − Z₁ + Z₂)."""
    scale = data.draw(ordinary_scales())
    first, second = data.draw(draws.zero_points(type_)), data.draw(draws.zero_points(type_))
    codes = data.draw(draws.codes(type_, (6,)))

    moved = affine.quantize(affine.dequantize(codes, scale, first), scale, second, type_)

    assert wide(moved).tolist() == [draws.clamped(int(code) - first + second, type_) for code in codes]


@PROFILE
@given(st.data())
def test_requantizing_between_two_scales_is_within_one_code_of_the_exact_ratio(data):
    """Dequantize by S₁ then Quantize by S₂ is within one code of q·S₁/S₂ rounded once, and it for powers of two.

    With any S₁, q·S₁ is rounded, and a q·S₁/S₂ of k + 1/2 can end on the other side of the tie.
    """
    codes = data.draw(draws.codes(integers.INT8, (8,)))
    scales, most = data.draw(st.sampled_from([(ordinary_scales, 1), (powers_of_two, 0)]))
    first, second = data.draw(scales()), data.draw(scales())

    apart = affine.quantize(affine.dequantize(codes, first, 0), second, 0, integers.INT8)
    once = requantize.by_scales(codes.astype(np.int32), (first, 1.0, second), 0, integers.INT8)

    assert (np.abs(wide(apart) - wide(once)) <= most).all()


@PROFILE
@given(st.data())
def test_int8_and_uint8_are_128_apart(data):
    """An int8 tensor as uint8 with codes and zero point raised by 128 has the same values, sums and products."""
    scale, zero_point, x = data.draw(quantizers(integers.INT8))
    w = data.draw(draws.codes(integers.INT8, (x.shape[1], 2)))

    signed = affine.quantize(x, scale, zero_point, integers.INT8)
    unsigned = affine.quantize(x, scale, zero_point + 128, integers.UINT8)

    assert np.array_equal(wide(unsigned), wide(signed) + 128)
    both = [affine.dequantize(q, scale, z) for q, z in ((signed, zero_point), (unsigned, zero_point + 128))]
    assert np.array_equal(*both)
    shifted = compute.matmul_integer(unsigned, w, zero_point + 128)
    assert np.array_equal(compute.matmul_integer(signed, w, zero_point), shifted)


@PROFILE
@given(st.data())
def test_a_factor_per_channel_folds_into_the_scales_of_the_weights(data):
    """Mul by a power of two per output channel behind a product is a product with weights whose scales have it."""
    x = data.draw(draws.arrays(st.integers(-2048, 2048).map(lambda n: n / 256), np.float32, (2, 3)))
    codes, scale = data.draw(draws.codes(integers.INT8, (3, 4))), data.draw(ordinary_scales((4,)))
    factor, none = data.draw(powers_of_two((4,))), np.zeros(4, np.int8)

    behind = x @ affine.dequantize(codes, scale, none, layout.PerAxis(1)) * factor
    folded = affine.dequantize(codes, scale * factor, none, layout.PerAxis(1))

    assert np.array_equal(x @ folded, behind)
    assert np.array_equal(affine.quantize(folded, scale * factor, none, integers.INT8, layout.PerAxis(1)), codes)


@PROFILE
@given(st.data())
def test_an_int32_bias_of_both_scales_is_the_float_bias_within_half_a_step(data):
    """(Σ(x − Z_x)·w + b_q)·S_x·S_w is the real product plus the float bias within S_x·S_w/2, per output channel."""
    x, x_zero = data.draw(draws.codes(integers.UINT8, (2, 3))), data.draw(draws.zero_points(integers.UINT8))
    w = data.draw(draws.codes(integers.INT8, (3, 4)))
    x_scale, w_scale = data.draw(powers_of_two()), data.draw(powers_of_two((4,)))
    bias = data.draw(draws.arrays(draws.float32s(-100, 100), np.float32, (4,)))

    sums = compute.matmul_integer(x, w, x_zero)
    total = compute.add_bias(sums, compute.quantize_bias(bias, x_scale, w_scale), 1)

    for i, k in np.ndindex(2, 4):
        step = draws.fraction(x_scale) * draws.fraction(w_scale[k])
        exact = sum((int(x[i, j]) - x_zero) * int(w[j, k]) for j in range(3)) * step + draws.fraction(bias[k])
        assert abs(int(total[i, k]) * step - exact) <= step / 2


@PROFILE
@given(st.integers(1, 4), st.data())
def test_a_product_with_blocked_weights_is_the_sum_over_its_blocks(block, data):
    """x times blocked weights is Σ over blocks of the integer product of each, times its scales."""
    depth = data.draw(st.integers(1, 6))
    x = data.draw(draws.codes(integers.INT8, (2, depth)))
    where = layout.Blocked(0, block)
    parameters = layout.parameter_shape((depth, 3), where)
    w, zero_point = data.draw(draws.codes(integers.INT4, (depth, 3))), data.draw(draws.codes(integers.INT4, parameters))
    scale = data.draw(powers_of_two(parameters))

    product = x.astype(np.float32) @ affine.dequantize(w, scale, zero_point, where)

    for i, k in np.ndindex(2, 3):
        total = Fraction(0)
        for index, start in enumerate(range(0, depth, block)):
            rows = slice(start, start + block)
            part = compute.matmul_integer(x[i, rows], w[rows, [k]], 0, int(zero_point[index, k]))
            total += int(part.item()) * draws.fraction(scale[index, k])
        assert draws.fraction(product[i, k]) == total
