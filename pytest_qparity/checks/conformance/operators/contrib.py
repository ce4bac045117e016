"""ONNX Runtime's own quantized operators, domain com.microsoft, that work element by element or by windows.

Each stands for Dequantize, a float operator, Quantize (ContribOperators.md). Bound: all values within the roundings of
float32 arithmetic in any order, zero points multiplied out or not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.convolutions import window_sums
from pytest_qparity.checks.conformance.operators.departures import TRUNCATED, truncated
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.operators.qlinear import SHORT, logit_scales, output_parameters
from pytest_qparity.checks.conformance.rounding import FLOAT32, Real
from pytest_qparity.quantmath import strategies
from pytest_qparity.quantmath.convolution import ConvolutionAttributes
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["kernels"]

OPSET = 21
LARGEST = 8_192
HUGE_RATIO = 1_000.0  # of two scales: what is added of one is beyond the other


def kernels() -> Iterator[Kernel]:
    for kind in (UINT8, INT8):
        yield _kernel("qlinear_add", "-huge_ratio", "QLinearAdd", kind, swallowing_examples)
    operators: dict[str, tuple[str, Callable[..., Any]]] = {
        "qlinear_add": ("QLinearAdd", partial(binary_examples, "QLinearAdd", Real.__add__)),
        "qlinear_mul": ("QLinearMul", partial(binary_examples, "QLinearMul", Real.__mul__)),
        "qlinear_sigmoid": ("QLinearSigmoid", sigmoid_examples),
        "qlinear_leaky_relu": ("QLinearLeakyRelu", leaky_relu_examples),
        "qlinear_softmax": ("QLinearSoftmax", softmax_examples),
        "qlinear_concat": ("QLinearConcat", concat_examples),
        "qlinear_average_pool": ("QLinearAveragePool", average_pool_examples),
        "qlinear_global_average_pool": ("QLinearGlobalAveragePool", global_average_pool_examples),
        "qlinear_reduce_mean": ("QLinearReduceMean", reduce_mean_examples),
        "qlinear_where": ("QLinearWhere", where_examples),
    }
    for name, (operator, make) in operators.items():
        for kind in (UINT8, INT8):
            yield _kernel(name, "", operator, kind, make)


def _kernel(name: str, end: str, operator: str, kind: IntegerType, make: Callable[..., Any]) -> Kernel:
    identity = f"{name}-{SHORT[kind]}{end}-opset{OPSET}"
    return Kernel(identity, f"{MICROSOFT}.{operator}", kind.name, OPSET, partial(make, kind))


@st.composite
def ordinary_ratio(draw: st.DrawFn) -> tuple[Array, Array]:
    """Two scales whose ratio is at most HUGE_RATIO."""
    first, second = draw(strategies.scales()), draw(strategies.scales())
    ratio = float(second) / float(first)
    return first, second if 1 / HUGE_RATIO <= ratio <= HUGE_RATIO else first


@st.composite
def quantized(
    draw: st.DrawFn,
    graph: Graph,
    name: str,
    kind: IntegerType,
    shape: tuple[int, ...],
    scale: Array | None = None,
) -> tuple[list[str], Real]:
    """A quantized tensor that is fed: the names of its codes, scale and zero point, and what it stands for."""
    codes = draw(strategies.integer_tensors(kind, shape))
    if scale is None:
        scale = draw(strategies.scales())
    zero = draw(strategies.zero_points(kind))
    names = [graph.feed(name, codes), *parameters(graph, name, scale, zero)]
    return names, Real.dequantized(codes, scale, zero)


def parameters(graph: Graph, name: str, scale: Array, zero: Array) -> list[str]:
    return [graph.constant(f"{name}_scale", np.asarray(scale)), graph.constant(f"{name}_zero", np.asarray(zero))]


@st.composite
def finished(
    draw: st.DrawFn,
    graph: Graph,
    operator: str,
    real: Real,
    kind: IntegerType,
    inputs: Callable[[list[str]], list[str]],
    attributes: dict[str, Any],
    beside: Real | None = None,
) -> Example:
    """The node with an output scale that fits, and what its output may be. `beside`: what is added and is 0, but for
    the error of an engine that multiplies zero points out."""
    y_scale, y_zero = draw(output_parameters(real.spread(kind.levels / 2), kind))
    graph.node(operator, tuple(inputs(parameters(graph, "y", y_scale, y_zero))), "y", MICROSOFT, **attributes)
    step = y_scale.astype(np.float64)
    # The documented formulas add the zero point before anything is rounded: the sum is a float32 as well.
    summed = Real(real.value, real.error + FLOAT32 * (np.abs(real.value) + np.abs(y_zero.astype(np.float64)) * step))
    expected = summed.quantized(step, y_zero, kind)
    multiplied_out = summed if beside is None else summed + beside
    graph.output("y", replace(expected, instead={TRUNCATED: truncated(multiplied_out, step, y_zero, kind)}))
    return graph.example()


@st.composite
def binary_examples(
    draw: st.DrawFn,
    operator: str,
    combine: Callable[[Real, Real], Real],
    kind: IntegerType,
) -> Example:
    graph = Graph()
    shape = draw(strategies.shapes(min_rank=1, largest=LARGEST, empty=False))
    other = draw(st.sampled_from((shape, shape[-1:], (1,) * len(shape))))  # broadcasting
    shapes = (shape, other) if draw(st.booleans()) else (other, shape)
    scales = draw(ordinary_ratio())
    a, real_a = draw(quantized(graph, "a", kind, shapes[0], scales[0]))
    b, real_b = draw(quantized(graph, "b", kind, shapes[1], scales[1]))
    return draw(finished(graph, operator, combine(real_a, real_b), kind, lambda y: [*a, *b, *y], {}))


@st.composite
def swallowing_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """Adding nothing, in steps 2¹⁷ times as large: whoever multiplies zero points out loses the other's steps."""
    graph = Graph()
    shape = draw(strategies.shapes(min_rank=1, largest=LARGEST, empty=False))
    a, real = draw(quantized(graph, "a", kind, shape))
    scale = np.asarray(graph.constants["a_scale"] * np.float32(2.0**17))
    zero = draw(strategies.zero_points(kind))
    b = [graph.feed("b", np.full(shape, zero)), *parameters(graph, "b", scale, zero)]
    nothing = Real.dequantized(graph.inputs["b"], scale, zero)
    nothing = Real(nothing.value, 2.0 * nothing.error)  # the products are rounded, and the sums with what is added
    return draw(finished(graph, "QLinearAdd", real, kind, lambda y: [*a, *b, *y], {}, nothing))


@st.composite
def unary_examples(
    draw: st.DrawFn,
    operator: str,
    attributes: dict[str, Any],
    function: Callable[[Real], Real],
    kind: IntegerType,
    scale: Array | None = None,
) -> Example:
    graph = Graph()
    shape = draw(strategies.shapes(min_rank=1, largest=LARGEST, empty=False))
    x, real = draw(quantized(graph, "x", kind, shape, scale))
    return draw(finished(graph, operator, function(real), kind, lambda y: [*x, *y], attributes))


@st.composite
def sigmoid_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    return draw(unary_examples("QLinearSigmoid", {}, Real.sigmoid, kind, draw(logit_scales(kind.levels))))


@st.composite
def leaky_relu_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    alpha = draw(st.sampled_from((0.01, 0.125, 0.0, 0.3)))

    def leaky(real: Real) -> Real:
        slope = np.where(real.value < 0, float(np.float32(alpha)), 1.0)
        return real * Real.exact(slope)

    return draw(unary_examples("QLinearLeakyRelu", {"alpha": alpha}, leaky, kind))


@st.composite
def softmax_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    graph = Graph()
    shape = draw(strategies.shapes(min_rank=2, max_rank=3, largest=LARGEST, empty=False))
    x, real = draw(quantized(graph, "x", kind, shape, draw(logit_scales(kind.levels))))
    attributes = {"axis": -1, "opset": OPSET}
    return draw(finished(graph, "QLinearSoftmax", real.softmax(), kind, lambda y: [*x, *y], attributes))


@st.composite
def concat_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    graph = Graph()
    shape = draw(strategies.shapes(min_rank=1, max_rank=3, largest=LARGEST // 2, empty=False))
    axis = draw(st.integers(0, len(shape) - 1))
    names: list[str] = []
    reals: list[Real] = []
    for index in range(draw(st.integers(1, 3))):
        each, real = draw(quantized(graph, f"x{index}", kind, shape))
        names += each
        reals.append(real)
    joined = Real.gathered(partial(np.concatenate, axis=axis), reals)
    return draw(finished(graph, "QLinearConcat", joined, kind, lambda y: [*y, *names], {"axis": axis}))


@st.composite
def average_pool_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    graph = Graph()
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    strides = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    pads = (draw(st.integers(0, kernel[0] - 1)), draw(st.integers(0, kernel[1] - 1))) * 2
    counts_padding = draw(st.booleans())
    size = (kernel[0] + draw(st.integers(0, 5)), kernel[1] + draw(st.integers(0, 5)))
    x, real = draw(quantized(graph, "x", kind, (draw(st.integers(1, 2)), draw(st.integers(1, 8)), *size)))
    attributes = ConvolutionAttributes(strides=strides, pads=pads)
    counted = window_sums(Real.exact(np.ones(real.value.shape)), kernel, attributes).value
    divisor = np.full(counted.shape, float(np.prod(kernel))) if counts_padding else counted
    mean = window_sums(real, kernel, attributes) / Real.exact(divisor)
    node = {
        "kernel_shape": list(kernel),
        "strides": list(strides),
        "pads": list(pads),
        "count_include_pad": int(counts_padding),
    }
    return draw(finished(graph, "QLinearAveragePool", mean, kind, lambda y: [*x, *y], node))


@st.composite
def global_average_pool_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    graph = Graph()
    channels_last = draw(st.booleans())
    shape = tuple(draw(st.integers(1, 6)) for _ in range(4))
    x, real = draw(quantized(graph, "x", kind, shape))
    axes = (1, 2) if channels_last else (2, 3)
    mean = real.sum(axes) / Real.exact(float(shape[axes[0]] * shape[axes[1]]))
    attributes = {"channels_last": int(channels_last)}
    return draw(finished(graph, "QLinearGlobalAveragePool", mean, kind, lambda y: [*x, *y], attributes))


@st.composite
def reduce_mean_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    graph = Graph()
    shape = draw(strategies.shapes(min_rank=1, max_rank=3, largest=LARGEST, empty=False))
    axis = draw(st.integers(0, len(shape) - 1))
    x, real = draw(quantized(graph, "x", kind, shape))
    mean = real.sum(axis) / Real.exact(float(shape[axis]))
    return draw(finished(graph, "QLinearReduceMean", mean, kind, lambda y: [*x, *y], {"axes": [axis], "keepdims": 1}))


@st.composite
def where_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    graph = Graph()
    shape = draw(strategies.shapes(min_rank=1, largest=LARGEST, empty=False))
    condition = draw(strategies.integer_tensors(INT8, shape)) > 0
    x, real_x = draw(quantized(graph, "x", kind, shape))
    y, real_y = draw(quantized(graph, "other", kind, shape))
    chosen = Real.gathered(lambda arrays: np.where(condition, *arrays), (real_x, real_y))
    names = [graph.feed("condition", condition), *x, *y]
    return draw(finished(graph, "QLinearWhere", chosen, kind, lambda z: [*names, *z], {}))
