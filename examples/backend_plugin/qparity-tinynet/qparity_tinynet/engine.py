"""tinynet: a graph is run node by node in NumPy. What it does not know it refuses when it loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


class Network:
    def __init__(self, model: Path) -> None:
        graph = onnx.load(model).graph
        self.nodes = list(graph.node)
        unknown = sorted({node.op_type for node in self.nodes} - OPERATORS.keys())
        if unknown:
            raise ValueError(f"got operators {', '.join(unknown)}, should be some of {', '.join(sorted(OPERATORS))}")
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._inputs = [value.name for value in graph.input if value.name not in self._constants]
        self._outputs = [value.name for value in graph.output]

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if sorted(feed) != sorted(self._inputs):
            raise ValueError(f"got inputs {sorted(feed)}, should be {sorted(self._inputs)}")
        values = {"": None} | self._constants | dict(feed)
        for node in self.nodes:
            attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
            values[node.output[0]] = OPERATORS[node.op_type](*(values[name] for name in node.input), **attributes)
        return {name: np.array(values[name]) for name in self._outputs}


def gemm(a, b, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0):  # noqa: N803  ONNX's names
    product = np.float32(alpha) * ((a.T if transA else a) @ (b.T if transB else b))
    return product if c is None else product + np.float32(beta) * c


def quantize_linear(x, scale, zero_point=None, *, axis=1):
    """saturate(round_half_to_even(x / scale) + zero_point), per tensor or along an axis."""
    zero_point = np.zeros(scale.shape, np.uint8) if zero_point is None else zero_point
    limits = np.iinfo(zero_point.dtype)
    codes = np.rint(x / _along(scale, x, axis)) + _along(zero_point, x, axis).astype(np.float32)
    return np.clip(codes, limits.min, limits.max).astype(zero_point.dtype)


def dequantize_linear(x, scale, zero_point=None, *, axis=1):
    """(x - zero_point) · scale; the difference is exact in int32."""
    shift = 0 if zero_point is None else _along(zero_point, x, axis).astype(np.int32)
    return (x.astype(np.int32) - shift).astype(scale.dtype) * _along(scale, x, axis)


def conv(x, w, b=None, **attributes):
    """Two dimensions, without padding, strides, groups or dilations: what is asked for beyond that is refused."""
    if attributes.keys() - {"kernel_shape"}:
        raise ValueError(f"got Conv with {', '.join(attributes)}, should have none of them")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    product = np.einsum("ncyxhw,ochw->noyx", windows, w)
    return product if b is None else product + b.reshape(1, -1, 1, 1)


def slice_(x, starts, ends, axes=None, steps=None):
    cut = [slice(None)] * x.ndim
    axes = range(len(starts)) if axes is None else axes
    for axis, start, end, step in zip(
        axes, starts, ends, np.ones_like(starts) if steps is None else steps, strict=True
    ):
        cut[axis] = slice(start, end, step)
    return x[tuple(cut)]


def _along(parameter, x, axis):
    if parameter.size == 1:
        return parameter.reshape(())
    return parameter.reshape([-1 if place == axis % x.ndim else 1 for place in range(x.ndim)])


OPERATORS: dict[str, Callable[..., np.ndarray]] = {
    "Add": np.add,
    "Cast": lambda x, *, to: x.astype(helper.tensor_dtype_to_np_dtype(to)),
    "Conv": conv,
    "DequantizeLinear": dequantize_linear,
    "Gemm": gemm,
    "Greater": np.greater,
    "MatMul": np.matmul,
    "Neg": np.negative,
    "QuantizeLinear": quantize_linear,
    "Relu": lambda x: np.maximum(x, np.float32(0)),
    "Reshape": lambda x, shape: x.reshape([x.shape[at] if size == 0 else size for at, size in enumerate(shape)]),
    "Slice": slice_,
    "Where": np.where,
}
