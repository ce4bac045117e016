"""Integer products: what holds for every shape, zero point and attribute of MatMulInteger and ConvInteger."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_qparity.quantmath import affine, compute, convolution, integers
from pytest_qparity.quantmath.convolution import AutoPad, ConvolutionAttributes
from tests.quantmath.properties import draws
from tests.quantmath.properties.profile import PROFILE


def wrapped(value):
    """`value` modulo 2³² in [−2³¹, 2³¹)."""
    return (int(value) + 2**31) % 2**32 - 2**31


@st.composite
def matrices(draw):
    """Two operands of numpy.matmul with zero points: batches, vectors, K of 0, per row and per column."""
    left_type, right_type = draw(st.sampled_from(draws.BYTE_TYPES)), draw(st.sampled_from(draws.BYTE_TYPES))
    m, k, n = draw(st.integers(1, 3)), draw(st.integers(0, 4)), draw(st.integers(1, 3))
    batch = draw(st.sampled_from([(), (2,), (1, 2)]))
    a = draw(draws.codes(left_type, (*batch, m, k)))
    b = draw(draws.codes(right_type, (*draw(st.sampled_from([(), batch])), k, n)))
    rows = draw(st.sampled_from([(), (*a.shape[:-1], 1), *([(m,)] if a.ndim == 2 else [])]))
    columns = draw(st.sampled_from([(), (*b.shape[:-2], 1, n), *([(n,)] if b.ndim == 2 else [])]))
    return a, b, draw(draws.codes(left_type, rows)), draw(draws.codes(right_type, columns))


def product_by_definition(a, b, a_zero_point, b_zero_point):
    """Σ_j (a − Z_a)(b − Z_b) with Python's integers, zero points given in broadcast form."""
    left = a.astype(object) - a_zero_point.astype(object)
    right = b.astype(object) - b_zero_point.astype(object)
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = np.broadcast_to(left, (*batch, *left.shape[-2:]))
    right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    result = np.empty((*batch, left.shape[-2], right.shape[-1]), np.int64)
    for index in np.ndindex(*result.shape):
        *where, i, k = index
        terms = zip(left[(*where, i)], right[(*where, slice(None), k)], strict=True)
        result[index] = wrapped(sum(int(p) * int(q) for p, q in terms))
    return result


def in_broadcast_form(parameter, column):
    return parameter.reshape(-1, 1) if column and parameter.ndim == 1 else parameter


@PROFILE
@given(matrices())
def test_matmul_is_its_definition(operands):
    """Every element is the sum of products of differences in unbounded integers, modulo 2³²."""
    a, b, z_a, z_b = operands

    y = compute.matmul_integer(a, b, z_a, z_b)

    assert y.dtype == np.int32
    assert np.array_equal(y, product_by_definition(a, b, in_broadcast_form(z_a, column=True), z_b))


_SQUARE = np.array([[1, 2], [3, 5]], np.uint8)  # on which rows and columns can be taken for each other


@PROFILE
@given(matrices())
@example((_SQUARE, _SQUARE, np.array([1, 7], np.uint8), np.array([2, 9], np.uint8)))
def test_matmul_with_corrections_is_matmul(operands):
    """Jacob et al.'s product of raw codes with sums of rows and columns equals the product of differences."""
    assert np.array_equal(compute.matmul_integer_corrected(*operands), compute.matmul_integer(*operands))


@PROFILE
@given(st.data())
def test_vectors_multiply_as_numpy_matmul_does(data):
    """A vector as left, right or both operands drops its axis from the result, in both forms."""
    k = data.draw(st.integers(0, 4))
    left_shape, right_shape = data.draw(
        st.sampled_from([((k,), (k,)), ((k,), (k, 2)), ((3, k), (k,)), ((k,), (2, k, 3)), ((2, 3, k), (k,))])
    )
    a = data.draw(draws.codes(integers.UINT8, left_shape))
    b = data.draw(draws.codes(integers.INT8, right_shape))
    z_a, z_b = data.draw(draws.zero_points(integers.UINT8)), data.draw(draws.zero_points(integers.INT8))

    expected = np.matmul(a.astype(np.int64) - z_a, b.astype(np.int64) - z_b)

    for product in (compute.matmul_integer, compute.matmul_integer_corrected):
        y = product(a, b, z_a, z_b)
        assert y.shape == expected.shape
        assert np.array_equal(y, expected)


def test_a_product_without_terms_is_zero():
    """K = 0 gives zeros of the full shape, with zero points and without."""
    for product in (compute.matmul_integer, compute.matmul_integer_corrected):
        y = product(np.zeros((2, 0), np.uint8), np.zeros((0, 3), np.int8), 7, -3)
        assert y.dtype == np.int32
        assert y.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_products_of_extreme_codes_are_exact():
    """All 16 pairs of extreme 8-bit codes and zero points, summed 300 times, are exact beyond 16 bits."""
    for left, right in itertools.product(draws.BYTE_TYPES, repeat=2):
        ends = (
            itertools.product((left.lowest, left.highest), repeat=2),
            itertools.product((right.lowest, right.highest), repeat=2),
        )
        for (q_a, z_a), (q_b, z_b) in itertools.product(*ends):
            a = np.full((1, 300), q_a).astype(left.dtype)
            b = np.full((300, 1), q_b).astype(right.dtype)
            assert compute.matmul_integer(a, b, z_a, z_b).item() == 300 * (q_a - z_a) * (q_b - z_b)


def test_an_accumulator_beyond_32_bits_wraps():
    """A sum that leaves int32 continues at its other end, in both forms."""
    count = 2**31 // (255 * 255) + 2
    a = np.full((1, count), 255, np.uint8)
    b = np.stack([np.full(count, 255), np.full(count, 0)], axis=1).astype(np.uint8)

    for product in (compute.matmul_integer, compute.matmul_integer_corrected):
        assert product(a, b).tolist() == [[wrapped(count * 255 * 255), 0]]
        assert product(a, b, 0, 255).tolist() == [[0, wrapped(-count * 255 * 255)]]


@PROFILE
@given(st.integers(-(2**62), 2**62))
def test_wrapping_is_the_residue_in_the_range_of_int32(value):
    """wrap_int32 gives the number in [−2³¹, 2³¹) that differs by a multiple of 2³²."""
    assert compute.wrap_int32(np.asarray(value)).item() == wrapped(value)


@PROFILE
@given(matrices())
def test_the_product_is_the_real_product_of_dequantized_operands(operands):
    """With scales of one, MatMulInteger is numpy.matmul of the dequantized operands."""
    a, b, z_a, z_b = operands
    left = affine.dequantize(a, np.float64(1), 0) - in_broadcast_form(z_a, column=True).astype(np.float64)
    right = affine.dequantize(b, np.float64(1), 0) - z_b.astype(np.float64)

    assert np.array_equal(compute.matmul_integer(a, b, z_a, z_b), np.matmul(left, right))


@PROFILE
@given(matrices())
def test_transposing_both_operands_transposes_the_product(operands):
    """(a·b)ᵀ is bᵀ·aᵀ, with zero points per row becoming zero points per column."""
    a, b, z_a, z_b = operands
    z_rows, z_columns = in_broadcast_form(z_a, column=True), z_b.reshape(1, -1) if z_b.ndim == 1 else z_b

    y = compute.matmul_integer(a, b, z_rows, z_columns)
    flipped = compute.matmul_integer(*(np.swapaxes(v, -1, -2) if v.ndim else v for v in (b, a, z_columns, z_rows)))

    assert np.array_equal(np.swapaxes(flipped, -1, -2), y)


@st.composite
def convolutions(draw):
    """Input, weights, zero points and attributes whose windows fit, groups and uneven pads among them."""
    spatial_rank = draw(st.integers(1, 2))
    x_type, w_type = draw(st.sampled_from(draws.BYTE_TYPES)), draw(st.sampled_from(draws.BYTE_TYPES))
    group, inputs, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))

    def each(low, high):
        return tuple(draw(st.lists(st.integers(low, high), min_size=spatial_rank, max_size=spatial_rank)))

    kernel, strides, dilations = each(1, 3), each(1, 3), each(1, 2)
    auto_pad = draw(st.sampled_from(AutoPad))
    pads = (*each(0, 2), *each(0, 2)) if auto_pad is AutoPad.NOTSET else ()
    spatial = tuple((k - 1) * d + 1 + extra for k, d, extra in zip(kernel, dilations, each(0, 3), strict=True))
    x = draw(draws.codes(x_type, (draw(st.integers(1, 2)), group * inputs, *spatial)))
    w = draw(draws.codes(w_type, (group * outputs, inputs, *kernel)))
    z_w = draw(draws.codes(w_type, draw(st.sampled_from([(), (group * outputs,)]))))
    attributes = ConvolutionAttributes(strides, dilations, pads, auto_pad, group)
    return x, w, draw(draws.codes(x_type, ())), z_w, attributes


def pads_by_definition(spatial, kernel, attributes):
    """Beginning of each axis and output extent, from the text of `auto_pad`."""
    begins, outputs = [], []
    for axis, (size, k) in enumerate(zip(spatial, kernel, strict=True)):
        stride, extent = attributes.strides[axis], (k - 1) * attributes.dilations[axis] + 1
        match attributes.auto_pad:
            case AutoPad.NOTSET:
                begin, end = attributes.pads[axis], attributes.pads[len(kernel) + axis]
                output = (size + begin + end - extent) // stride + 1
            case AutoPad.VALID:
                begin, output = 0, (size - extent) // stride + 1
            case same:
                output = math.ceil(size / stride)
                missing = max((output - 1) * stride + extent - size, 0)
                begin = missing // 2 if same is AutoPad.SAME_UPPER else missing - missing // 2
        begins.append(begin)
        outputs.append(output)
    return begins, outputs


def convolution_by_definition(x, w, z_x, z_w, attributes):
    spatial, kernel = x.shape[2:], w.shape[2:]
    begins, outputs = pads_by_definition(spatial, kernel, attributes)
    per_group = w.shape[0] // attributes.group
    y = np.zeros((x.shape[0], w.shape[0], *outputs), np.int64)
    for n, m, *place in np.ndindex(*y.shape):
        offset = int(z_w[m]) if z_w.ndim else int(z_w)
        total = 0
        for c, *tap in np.ndindex(*w.shape[1:]):
            steps = zip(place, tap, attributes.strides, attributes.dilations, begins, strict=True)
            at = [o * stride + k * dilation - begin for o, k, stride, dilation, begin in steps]
            if all(0 <= position < size for position, size in zip(at, spatial, strict=True)):
                channel = (m // per_group) * w.shape[1] + c
                total += (int(x[(n, channel, *at)]) - int(z_x)) * (int(w[(m, c, *tap)]) - offset)
        y[(n, m, *place)] = wrapped(total)
    return y


@PROFILE
@given(convolutions())
def test_convolution_is_its_definition(operands):
    """Every output is the sum over the taps that fall inside the input, padding contributing real zero."""
    y = compute.conv_integer(*operands)

    assert y.dtype == np.int32
    assert np.array_equal(y, convolution_by_definition(*operands))


@PROFILE
@given(convolutions())
def test_convolution_with_corrections_is_convolution(operands):
    """The convolution of raw codes, padded with the zero point and corrected by window sums, is the convolution."""
    assert np.array_equal(compute.conv_integer_corrected(*operands), compute.conv_integer(*operands))


@PROFILE
@given(convolutions())
def test_groups_are_convolutions_of_their_channels(operands):
    """A grouped convolution is one convolution a group, concatenated along the channels."""
    x, w, z_x, z_w, attributes = operands
    alone = ConvolutionAttributes(
        attributes.strides, attributes.dilations, attributes.pads, attributes.auto_pad, group=1
    )
    outputs = w.shape[0] // attributes.group

    parts = []
    for g in range(attributes.group):
        mine = slice(g * outputs, (g + 1) * outputs)
        channels = x[:, g * w.shape[1] : (g + 1) * w.shape[1]]
        parts.append(compute.conv_integer(channels, w[mine], z_x, z_w[mine] if z_w.ndim else z_w, alone))

    assert np.array_equal(compute.conv_integer(*operands), np.concatenate(parts, axis=1))


def test_pads_name_all_beginnings_and_then_all_ends():
    """All 81 pads of two axes move the one pixel of an image to (begin_1, begin_2) and add both ends to the shape."""
    pixel, one = np.ones((1, 1, 1, 1), np.int8), np.ones((1, 1, 1, 1), np.int8)
    for pads in itertools.product(range(3), repeat=4):
        y = compute.conv_integer(pixel, one, 0, 0, ConvolutionAttributes(pads=pads))

        top, left, bottom, right = pads
        assert y.shape == (1, 1, top + 1 + bottom, left + 1 + right)
        assert y.sum() == y[0, 0, top, left] == 1


@PROFILE
@given(convolutions())
def test_padding_is_the_code_of_zero(operands):
    """Padding the codes with the input's zero point beforehand gives what `pads` gives."""
    x, w, z_x, z_w, attributes = operands
    pads = convolution.padding(x.shape[2:], w.shape[2:], attributes)
    padded = np.pad(x.astype(np.int64), ((0, 0), (0, 0), *pads), constant_values=int(z_x)).astype(x.dtype)
    bare = ConvolutionAttributes(attributes.strides, attributes.dilations, group=attributes.group)

    assert np.array_equal(compute.conv_integer(padded, w, z_x, z_w, bare), compute.conv_integer(*operands))


@PROFILE
@given(convolutions())
def test_same_padding_gives_the_input_over_the_stride(operands):
    """SAME_UPPER and SAME_LOWER have ⌈D/s⌉ outputs, equal total padding, and differ by one element at most."""
    x, w, _, _, given_attributes = operands
    strides, dilations = given_attributes.strides, given_attributes.dilations
    upper = ConvolutionAttributes(strides, dilations, (), AutoPad.SAME_UPPER, given_attributes.group)
    lower = ConvolutionAttributes(strides, dilations, (), AutoPad.SAME_LOWER, given_attributes.group)

    y = compute.conv_integer(x, w, 0, 0, upper)
    above = convolution.padding(x.shape[2:], w.shape[2:], upper)
    below = convolution.padding(x.shape[2:], w.shape[2:], lower)

    assert y.shape[2:] == tuple(math.ceil(size / stride) for size, stride in zip(x.shape[2:], strides, strict=True))
    assert below == tuple((end, begin) for begin, end in above)
    assert all(end - begin in (0, 1) for begin, end in above)


@PROFILE
@given(convolutions())
def test_dilation_is_a_kernel_with_zeros_between_its_taps(operands):
    """A dilated kernel equals a dense one whose new taps hold the weight's zero point."""
    x, w, z_x, z_w, attributes = operands
    kernel = w.shape[2:]
    extents = tuple((k - 1) * d + 1 for k, d in zip(kernel, attributes.dilations, strict=True))
    fill = z_w.reshape(-1, *(1,) * (w.ndim - 1)) if z_w.ndim else z_w
    dense = np.broadcast_to(fill, (*w.shape[:2], *extents)).copy()
    dense[(slice(None), slice(None), *(slice(None, None, d) for d in attributes.dilations))] = w
    plain = ConvolutionAttributes(attributes.strides, (), attributes.pads, attributes.auto_pad, attributes.group)

    assert np.array_equal(compute.conv_integer(x, dense, z_x, z_w, plain), compute.conv_integer(*operands))


@PROFILE
@given(st.data())
def test_a_one_by_one_convolution_is_a_matrix_product(data):
    """A kernel of one is MatMulInteger of the weights with the pixels, zero points per output channel as per row."""
    x = data.draw(draws.codes(integers.UINT8, (1, 3, 2, 2)))
    w = data.draw(draws.codes(integers.INT8, (2, 3, 1, 1)))
    z_x, z_w = data.draw(draws.codes(integers.UINT8, ())), data.draw(draws.codes(integers.INT8, (2,)))

    y = compute.conv_integer(x, w, z_x, z_w)

    assert np.array_equal(y.reshape(2, 4), compute.matmul_integer(w.reshape(2, 3), x.reshape(3, 4), z_w, z_x))


@PROFILE
@given(st.data())
def test_a_bias_is_added_along_its_axis_in_32_bits(data):
    """Every element gets the bias of its own channel, modulo 2³²."""
    sums = data.draw(draws.codes(integers.INT32, (2, 3, 2)))
    axis = data.draw(st.integers(-3, 2))
    bias = data.draw(draws.codes(integers.INT32, (sums.shape[axis],)))

    y = compute.add_bias(sums, bias, axis)

    for index in np.ndindex(*sums.shape):
        assert int(y[index]) == wrapped(int(sums[index]) + int(bias[index[axis]]))


@PROFILE
@given(st.data())
def test_a_bias_has_the_accumulator_s_scale_and_no_zero_point(data):
    """A quantized bias is bias / (S_x·S_w) to the nearest int32, per output channel, within half a step."""
    bias = data.draw(draws.arrays(draws.float32s(-1e3, 1e3), np.float32, (3,)))
    x_scale = np.float32(data.draw(draws.float32s(0.01, 1)))
    w_scale = data.draw(draws.arrays(draws.float32s(0.01, 1), np.float32, data.draw(st.sampled_from([(), (3,)]))))

    codes = compute.quantize_bias(bias, x_scale, w_scale)

    assert codes.dtype == np.int32
    for value, code, scale in zip(bias, codes, np.broadcast_to(w_scale, (3,)), strict=True):
        step = draws.fraction(x_scale) * draws.fraction(scale)
        slack = abs(draws.fraction(value)) / 2**22
        assert abs(int(code) * step - draws.fraction(value)) <= step / 2 + slack


def test_shapes_that_do_not_belong_together_are_refused():
    """Zero points of a wrong axis, channels that do not divide, kernels that do not fit raise ValueError."""
    a, b = np.zeros((2, 3), np.uint8), np.zeros((3, 4), np.uint8)
    x, w = np.zeros((1, 4, 3), np.uint8), np.zeros((2, 2, 2), np.uint8)

    for refused in (
        lambda: compute.matmul_integer(a, b, np.zeros(3, np.uint8), 0),
        lambda: compute.matmul_integer(a, b, 0, np.zeros(3, np.uint8)),
        lambda: compute.matmul_integer(a, b, 256, 0),
        lambda: compute.matmul_integer(a.astype(np.int32), b),
        lambda: compute.conv_integer(x, w),
        lambda: compute.conv_integer(x, w, np.zeros(4, np.uint8), 0, ConvolutionAttributes(group=2)),
        lambda: compute.conv_integer(x, w, 0, np.zeros(3, np.uint8), ConvolutionAttributes(group=2)),
        lambda: compute.conv_integer(x, w, 0, 0, ConvolutionAttributes(dilations=(3,), group=2)),
        lambda: compute.conv_integer(x, w, 0, 0, ConvolutionAttributes(strides=(1, 1), group=2)),
        lambda: ConvolutionAttributes(pads=(1, 1), auto_pad=AutoPad.VALID),
        lambda: ConvolutionAttributes(pads=(-1, 1)),
        lambda: compute.add_bias(np.zeros((1, 2), np.int32), np.zeros(1, np.int32), 1),
        lambda: compute.add_bias(np.zeros((1, 2), np.int64), np.zeros(2, np.int32), 1),
    ):
        with pytest.raises(ValueError, match="got "):
            refused()
