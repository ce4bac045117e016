"""ONNX's own expected outputs of the quantized operators with integer types, bit for bit."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pytest_qparity.quantmath import affine, compute, dynamic, integers, qlinear
from pytest_qparity.quantmath.convolution import AutoPad, ConvolutionAttributes
from pytest_qparity.quantmath.layout import Blocked, PerAxis, PerTensor

OPERATORS = (
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "ConvInteger",
    "QLinearMatMul",
    "QLinearConv",
)

CASES = [
    "test_convinteger_with_padding",
    "test_convinteger_without_padding",
    "test_dequantizelinear",
    "test_dequantizelinear_axis",
    "test_dequantizelinear_blocked",
    "test_dequantizelinear_int16",
    "test_dequantizelinear_int2",
    "test_dequantizelinear_int4",
    "test_dequantizelinear_uint16",
    "test_dequantizelinear_uint2",
    "test_dequantizelinear_uint4",
    "test_dynamicquantizelinear",
    "test_dynamicquantizelinear_max_adjusted",
    "test_dynamicquantizelinear_min_adjusted",
    "test_matmulinteger",
    "test_qlinearconv",
    "test_qlinearmatmul_2D_int8_float16",
    "test_qlinearmatmul_2D_int8_float32",
    "test_qlinearmatmul_2D_uint8_float16",
    "test_qlinearmatmul_2D_uint8_float32",
    "test_qlinearmatmul_3D_int8_float16",
    "test_qlinearmatmul_3D_int8_float32",
    "test_qlinearmatmul_3D_uint8_float16",
    "test_qlinearmatmul_3D_uint8_float32",
    "test_quantizelinear",
    "test_quantizelinear_axis",
    "test_quantizelinear_blocked_asymmetric",
    "test_quantizelinear_blocked_symmetric",
    "test_quantizelinear_int16",
    "test_quantizelinear_int2",
    "test_quantizelinear_int4",
    "test_quantizelinear_uint16",
    "test_quantizelinear_uint2",
    "test_quantizelinear_uint4",
]

# Of float8 and float4: witnesses of the float formats.
FLOAT_CASES = [
    "test_dequantizelinear_e4m3fn",
    "test_dequantizelinear_e4m3fn_float16",
    "test_dequantizelinear_e4m3fn_zero_point",
    "test_dequantizelinear_e5m2",
    "test_dequantizelinear_float4e2m1",
    "test_quantizelinear_e4m3fn",
    "test_quantizelinear_e5m2",
    "test_quantizelinear_float4e2m1",
]


@functools.cache
def published():
    """The published single-node models of these operators by name."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        cases = load_model_tests(kind="node")
    return {
        case.name: case for case in cases if [n.op_type for n in case.model.graph.node][:1] in [[o] for o in OPERATORS]
    }


def test_every_published_case_of_these_operators_is_a_witness():
    assert sorted(published()) == sorted(CASES + FLOAT_CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_reference_computes_what_onnx_published(name):
    case = published()[name]
    (node,) = case.model.graph.node
    inputs, outputs = ([as_array(value) for value in values] for values in case.data_sets[0])
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}

    answers = ANSWERS[node.op_type](inputs, attributes, outputs[0].dtype)

    for answer, output in zip(answers, outputs, strict=True):
        assert answer.dtype == output.dtype
        assert answer.shape == output.shape
        assert answer.tobytes() == output.tobytes()


def as_array(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def layout_of(parameter, attributes):
    """ONNX's rule: a scalar, or an input of rank 1, is per tensor; a block size makes it blocked; else per axis."""
    if attributes.get("block_size"):
        return Blocked(attributes["axis"], attributes["block_size"])
    return PerAxis(attributes.get("axis", 1)) if parameter.size > 1 else PerTensor()


def quantize(inputs, attributes, dtype):
    x, scale, *zero_point = inputs
    layout = layout_of(scale, attributes)
    return [affine.quantize(x, *parameters(scale, zero_point, layout), integers.of_dtype(dtype), layout)]


def dequantize(inputs, attributes, dtype):
    q, scale, *zero_point = inputs
    layout = layout_of(scale, attributes)
    return [affine.dequantize(q, *parameters(scale, zero_point, layout), layout)]


def parameters(scale, zero_point, layout):
    """Scale and zero point; ONNX's cases give some scalars of a type as vectors of one."""
    if not zero_point:
        return scale, 0
    return scale, zero_point[0].reshape(()) if isinstance(layout, PerTensor) else zero_point[0]


def convolution_attributes(attributes):
    values = {name: tuple(attributes[name]) for name in ("strides", "dilations", "pads") if name in attributes}
    auto_pad = AutoPad(attributes.get("auto_pad", b"NOTSET").decode())
    return ConvolutionAttributes(**values, auto_pad=auto_pad, group=attributes.get("group", 1))


def qlinear_matmul(inputs, attributes, dtype):
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = inputs
    output = qlinear.OutputQuantization(y_scale, y_zero, integers.of_dtype(dtype))
    left, right = qlinear.QuantizedTensor(a, a_scale, a_zero), qlinear.QuantizedTensor(b, b_scale, b_zero)
    return [qlinear.qlinear_matmul(left, right, output)]


def qlinear_conv(inputs, attributes, dtype):
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, *bias = inputs
    output = qlinear.OutputQuantization(y_scale, y_zero, integers.of_dtype(dtype))
    pixels, taps = qlinear.QuantizedTensor(x, x_scale, x_zero), qlinear.QuantizedTensor(w, w_scale, w_zero)
    return [qlinear.qlinear_conv(pixels, taps, output, *bias, attributes=convolution_attributes(attributes))]


ANSWERS = {
    "QuantizeLinear": quantize,
    "DequantizeLinear": dequantize,
    "DynamicQuantizeLinear": lambda inputs, attributes, dtype: dynamic.dynamic_quantize_linear(*inputs),
    "MatMulInteger": lambda inputs, attributes, dtype: [compute.matmul_integer(*inputs)],
    "ConvInteger": lambda inputs, attributes, dtype: [
        compute.conv_integer(*with_zero_points(inputs), convolution_attributes(attributes))
    ],
    "QLinearMatMul": qlinear_matmul,
    "QLinearConv": qlinear_conv,
}


def with_zero_points(inputs):
    return [*inputs, *[0] * (4 - len(inputs))]
