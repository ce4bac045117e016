"""A backend as a third party writes one: a few quantized operators, evaluated node by node with the reference."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from pytest_qparity.backends.protocol import SessionFacts
from pytest_qparity.quantmath import affine, compute, e8m0, floats, integers, layout, qlinear, rounding

FORMATS = {form.dtype: form for form in floats.FLOAT_FORMATS.values()}
KERNELS = {
    "QuantizeLinear": "quantize",
    "DequantizeLinear": "dequantize",
    "MatMulInteger": "matmul_integer",
    "QLinearMatMul": "qlinear_matmul",
    "Cast": "cast",
}


class Toy:
    def unavailable(self):
        return None

    def load(self, model, options):
        return ToySession(onnx.load(model).graph)


class ToySession:
    def __init__(self, graph):
        self.graph = graph

    def run(self, feed):
        values = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.initializer} | dict(feed)
        for node in self.graph.node:
            attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
            kernel = globals()[KERNELS[node.op_type]]
            values[node.output[0]] = kernel(attributes, *[values[name] for name in node.input])
        return {output.name: values[output.name] for output in self.graph.output}

    def facts(self):
        return SessionFacts("toy", "1.0", "CPU", {}, {"toy": len(self.graph.node)}, expected_placement="toy")

    def close(self):
        self.graph = None


def layout_of(attributes, scale):
    axis = attributes.get("axis", 1)
    if attributes.get("block_size"):
        return layout.Blocked(axis, attributes["block_size"])
    return layout.PerAxis(axis) if scale.ndim else layout.PerTensor()


def type_named(attributes, name, otherwise):
    return helper.tensor_dtype_to_np_dtype(attributes[name]) if name in attributes else np.dtype(otherwise)


def quantize(attributes, x, scale, zero_point=None):
    if zero_point is None:
        zero_point = np.zeros(scale.shape, type_named(attributes, "output_dtype", np.uint8))
    where, type_ = layout_of(attributes, scale), integers.of_dtype(zero_point.dtype)
    scale = rounding.signed_scales(scale)
    precision = type_named(attributes, "precision", scale.dtype)
    zero = layout.spread(zero_point.astype(np.int64), x.shape, where)
    with np.errstate(all="ignore"):
        x, scale = x.astype(precision), scale.astype(precision)
        steps = x / layout.spread(scale, x.shape, where)
    rounded = np.rint(np.where(np.isnan(steps), 0.0, steps))
    return affine.saturate(rounded, zero, type_)


def dequantize(attributes, q, scale, zero_point=None):
    zero_point = np.zeros(scale.shape, q.dtype) if zero_point is None else zero_point
    wide = rounding.signed_scales(scale)
    output = type_named(attributes, "output_dtype", scale.dtype)
    return affine.dequantize(q, wide, zero_point, layout_of(attributes, scale), output)


def matmul_integer(attributes, a, b, a_zero, b_zero):
    return compute.matmul_integer(a, b, a_zero, b_zero)


def qlinear_matmul(attributes, a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero):
    output = qlinear.OutputQuantization(y_scale, y_zero, integers.of_dtype(y_zero.dtype))
    left, right = qlinear.QuantizedTensor(a, a_scale, a_zero), qlinear.QuantizedTensor(b, b_scale, b_zero)
    return qlinear.qlinear_matmul(left, right, output)


def cast(attributes, x):
    dtype = helper.tensor_dtype_to_np_dtype(attributes["to"])
    saturation = floats.Saturation(attributes.get("saturate", 1))
    if dtype.name in integers.INTEGER_TYPES:
        return integers.reinterpreted(x, integers.of_dtype(dtype))
    if dtype == floats.E8M0.dtype:
        mode = e8m0.Rounding(attributes.get("round_mode", b"up").decode())
        return e8m0.cast(np.where(np.signbit(x), np.float32(1), x), mode, saturation)
    if dtype not in FORMATS:
        return x.astype(dtype)
    return floats.cast(x, FORMATS[dtype], saturation)
