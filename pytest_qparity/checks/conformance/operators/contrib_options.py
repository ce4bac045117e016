"""Options of com.microsoft's QLinear operators that `contrib.py` leaves out, and QLinearConv with channels last.

Bound: as in `contrib.py`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.contrib import LARGEST, finished, parameters, quantized
from pytest_qparity.checks.conformance.operators.convolutions import convolutions
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.operators.qlinear import SHORT, logit_scales, output_parameters, requantized
from pytest_qparity.checks.conformance.rounding import Real
from pytest_qparity.quantmath import compute, strategies
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["kernels"]

OPSET = 21


def kernels() -> Iterator[Kernel]:
    yield _kernel("qlinear_leaky_relu", "defaults", "QLinearLeakyRelu", UINT8, default_examples)
    yield _kernel("qlinear_leaky_relu", "left_off", "QLinearLeakyRelu", UINT8, left_off_examples)
    yield _kernel("qlinear_concat", "sizes", "QLinearConcat", UINT8, concat_examples)
    yield _kernel("qlinear_where", "broadcast", "QLinearWhere", UINT8, where_examples)
    yield _kernel("qlinear_reduce_mean", "axes", "QLinearReduceMean", UINT8, reduce_mean_examples)
    yield _kernel("qlinear_softmax", "flattened", "QLinearSoftmax", UINT8, flattened_examples)
    yield _kernel("microsoft_qlinear_conv", "channels_last", "QLinearConv", UINT8, conv_examples)


def _kernel(name: str, end: str, operator: str, kind: IntegerType, make: Callable[..., Any]) -> Kernel:
    identity = f"{name}-{SHORT[kind]}-{end}-opset{OPSET}"
    return Kernel(identity, f"{MICROSOFT}.{operator}", kind.name, OPSET, partial(make, kind))


@st.composite
def default_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """Without alpha, which is 0.01, and with the names of zero points left empty, which are 0."""
    graph = Graph()
    codes = draw(strategies.integer_tensors(kind, draw(strategies.shapes(min_rank=1, largest=LARGEST, empty=False))))
    scale = draw(strategies.scales())
    real = Real.dequantized(codes, scale, 0)
    real = real * Real.exact(np.where(real.value < 0, float(np.float32(0.01)), 1.0))
    y_scale, _ = draw(output_parameters(real.value, kind))
    inputs = (graph.feed("x", codes), graph.constant("x_scale", scale), "", graph.constant("y_scale", y_scale), "")
    graph.node("QLinearLeakyRelu", inputs, "y", MICROSOFT)
    graph.output("y", real.quantized(y_scale.astype(np.float64), np.zeros((), kind.dtype), kind))
    return graph.example()


def left_off_examples(kind: IntegerType) -> st.SearchStrategy[Example]:
    """One node whose list of inputs ends before the zero point of y, as ONNX lets optional inputs at the end be left
    off."""
    graph = Graph()
    codes = np.asarray([0, 1, 2], kind.dtype)
    one = np.asarray(1.0, np.float32)
    inputs = (graph.feed("x", codes), *parameters(graph, "x", one, np.zeros((), kind.dtype)), "x_scale")
    graph.node("QLinearLeakyRelu", inputs, "y", MICROSOFT)
    graph.output("y", Real.dequantized(codes, one, 0).quantized(one, np.zeros((), kind.dtype), kind))
    return st.just(graph.example())


@st.composite
def concat_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """Three inputs of different sizes, the axis counted from the end."""
    graph = Graph()
    shape = [draw(st.integers(1, 5)) for _ in range(draw(st.integers(1, 3)))]
    axis = draw(st.integers(-len(shape), -1))
    names: list[str] = []
    reals: list[Real] = []
    for index in range(3):
        shape[axis] = draw(st.integers(1, 7))
        each, real = draw(quantized(graph, f"x{index}", kind, tuple(shape)))
        names += each
        reals.append(real)
    joined = Real.gathered(partial(np.concatenate, axis=axis), reals)
    return draw(finished(graph, "QLinearConcat", joined, kind, lambda y: [*y, *names], {"axis": axis}))


@st.composite
def where_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """Condition, x and y broadcast each other."""
    graph = Graph()
    full = (draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 17)))
    shapes = [
        draw(st.sampled_from((full, full[1:], full[2:], (1, 1, 1), (full[0], 1, full[2]), (full[0], full[1], 1), ())))
        for _ in range(3)
    ]
    condition = draw(strategies.integer_tensors(INT8, shapes[0])) > 0
    x, real_x = draw(quantized(graph, "x", kind, shapes[1]))
    y, real_y = draw(quantized(graph, "other", kind, shapes[2]))
    chosen = Real.gathered(lambda arrays: np.where(condition, *arrays), (real_x, real_y))
    names = [graph.feed("condition", condition), *x, *y]
    return draw(finished(graph, "QLinearWhere", chosen, kind, lambda z: [*names, *z], {}))


@st.composite
def reduce_mean_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """Several axes, some counted from the end, dropped from the shape."""
    graph = Graph()
    shape = tuple(draw(st.integers(1, 5)) for _ in range(3))
    axes = draw(st.sampled_from(((0, 1), (0, -1), (-2, -1), (0, 1, 2))))
    x, real = draw(quantized(graph, "x", kind, shape))
    count = float(np.prod([shape[axis] for axis in axes]))
    mean = (real.sum(axes) / Real.exact(count)).mapped(lambda array: array.squeeze(axes))
    attributes = {"axes": list(axes), "keepdims": 0}
    return draw(finished(graph, "QLinearReduceMean", mean, kind, lambda y: [*x, *y], attributes))


@st.composite
def flattened_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """opset = 12: over all axes from `axis` on, as Softmax-11."""
    graph = Graph()
    shape = (draw(st.integers(1, 3)), draw(st.integers(2, 6)), draw(st.integers(2, 6)))
    axis = draw(st.sampled_from((1, 0)))
    x, real = draw(quantized(graph, "x", kind, shape, draw(logit_scales(kind.levels))))
    shares = real.mapped(lambda array: array.reshape(int(np.prod(shape[:axis])), -1)).softmax()
    shares = shares.mapped(lambda array: array.reshape(shape))
    return draw(finished(graph, "QLinearSoftmax", shares, kind, lambda y: [*x, *y], {"axis": axis, "opset": 12}))


@st.composite
def conv_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """x and y (N, …, C); w as in ONNX's QLinearConv."""
    drawn = draw(convolutions())
    x = draw(strategies.integer_tensors(kind, drawn.x_shape))
    w = draw(strategies.integer_tensors(INT8, drawn.w_shape))
    x_scale, x_zero = draw(strategies.scales()), draw(strategies.zero_points(kind))
    w_scale, w_zero = draw(strategies.scales()), draw(strategies.zero_points(INT8))
    accumulator = np.moveaxis(compute.conv_integer(x, w, x_zero, w_zero, drawn.attributes), 1, -1)
    scales = x_scale.astype(np.float64) * w_scale.astype(np.float64)
    y_scale, y_zero = draw(output_parameters(accumulator * scales, kind))
    graph = Graph()
    inputs = [
        graph.feed("x", _channels_last(x)),
        *parameters(graph, "x", x_scale, x_zero),
        graph.constant("w", w),
        *parameters(graph, "w", w_scale, w_zero),
        *parameters(graph, "y", y_scale, y_zero),
    ]
    graph.node("QLinearConv", tuple(inputs), "y", MICROSOFT, channels_last=1, **drawn.node_attributes)
    graph.output("y", requantized(accumulator, scales, y_scale, y_zero, kind))
    return graph.example()


def _channels_last(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))
