"""QLinearMatMul (opsets 10 and 21) and QLinearConv-10.

y = saturate(round(accumulator · a_scale · b_scale / y_scale) + y_zero_point), the accumulator an exact int32. In which
order and precision an engine multiplies the scales is left open: the bound holds all values within the roundings of
float32 arithmetic (product of scales, quotient, accumulator to float32, product), which is 0 LSB away from ties.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.convolutions import (
    DrawnConvolution,
    auto_padded,
    convolutions,
    convolved,
    unattributed,
    volumes,
)
from pytest_qparity.checks.conformance.operators.departures import SCALES_OF_INPUTS
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.operators.integer_products import drawn_matrices
from pytest_qparity.checks.conformance.rounding import Real, gamma, is_power_of_two
from pytest_qparity.quantmath import compute, strategies
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Array, Example, Expected

__all__ = [
    "PAIRS",
    "SHORT",
    "fitting_scale",
    "int32_bias",
    "kernels",
    "logit_scales",
    "output_parameters",
    "requantized",
    "unit_scales",
]

SMALLEST_SPREAD = 2.0**-100  # below, a scale would be subnormal: what engines make of these is QuantizeLinear's matter
SHORT = {INT8: "s8", UINT8: "u8"}
PAIRS = ((UINT8, INT8), (UINT8, UINT8), (INT8, INT8))


def kernels() -> Iterator[Kernel]:
    for opset in (13, 21, 25):
        for left, right in PAIRS:
            types, shown = f"{SHORT[left]}{SHORT[right]}", f"{left.name} × {right.name}"
            for granularity in ("per_tensor", "per_axis"):
                yield Kernel(
                    f"qlinear_matmul-{types}-{granularity}-opset{opset}",
                    "QLinearMatMul",
                    shown,
                    opset,
                    partial(matmul_examples, left, right, granularity),
                )
                if opset == 21:  # QLinearConv is the same from opset 10 on
                    continue
                yield Kernel(
                    f"qlinear_conv-{types}-{granularity}-opset{opset}",
                    "QLinearConv",
                    shown,
                    opset,
                    partial(conv_examples, left, right, granularity),
                )
    others: dict[str, tuple[IntegerType, IntegerType, Callable[[], st.SearchStrategy[DrawnConvolution]]]] = {
        "s8u8-per_tensor": (INT8, UINT8, convolutions),
        "u8s8-auto_pad": (UINT8, INT8, auto_padded),
        "u8s8-volumes": (UINT8, INT8, volumes),
        "s8s8-unattributed": (INT8, INT8, unattributed),
    }
    for name, (left, right, shapes) in others.items():
        make = partial(conv_examples, left, right, "per_tensor", shapes)
        yield Kernel(f"qlinear_conv-{name}-opset13", "QLinearConv", f"{left.name} × {right.name}", 13, make)


def requantized(
    accumulator: Array, scales: Array, y_scale: Array, y_zero: Array, output: IntegerType, roundings: int = 4
) -> Expected:
    """What saturate(round(accumulator · scales / y_scale) + y_zero) may be after `roundings` in float32: exactly that
    where the scales are powers of two and the accumulator is a float32."""
    value = accumulator.astype(np.float64) * scales
    is_exact = is_power_of_two(np.asarray(scales)) & is_power_of_two(y_scale) & (np.abs(accumulator) <= 2**24)
    error = np.where(is_exact, 0.0, gamma(roundings) * np.abs(value))
    return Real(value, error).quantized(y_scale.astype(np.float64), y_zero, output)


@st.composite
def output_parameters(draw: st.DrawFn, value: Array, output: IntegerType) -> tuple[Array, Array]:
    """A scale and zero point under which most of `value` is inside of the range: where everything saturates, nothing is
    seen."""
    return draw(fitting_scale(value, output.levels / 2)), draw(strategies.zero_points(output))


def int32_bias(size: int) -> st.SearchStrategy[Array]:
    """Of the size of what is summed: up to ±4,736."""
    return strategies.integer_tensors(INT8, (size,)).map(lambda codes: codes.astype(np.int32) * np.int32(37))


def logit_scales(levels: int) -> st.SearchStrategy[Array]:
    """Scales under which codes stand for values up to some ±1 to ±16: of larger ones every gate is open or closed, and
    one share is all."""
    return fitting_scale(np.asarray(2.0), levels / 2)


def unit_scales(levels: int) -> st.SearchStrategy[Array]:
    """Scales for the factors of such values: under which codes stand for values up to some ±1/4 to ±4."""
    return fitting_scale(np.asarray(0.5), levels / 2)


@st.composite
def fitting_scale(draw: st.DrawFn, value: Array, steps: float) -> Array:
    """A scale under which `value` has about that many steps on each side of 0: a power of two, so that values in steps
    of powers of two have ties, or any."""
    spread = float(np.abs(value).max(initial=0.0))
    if spread < SMALLEST_SPREAD:
        spread = 1.0
    scale = spread / steps * draw(st.sampled_from((1.0, 0.5, 2.0, 4.0)))
    if draw(st.booleans()):
        return np.asarray(np.float32(2.0 ** np.ceil(np.log2(scale))))
    return np.asarray(np.float32(scale * (1.0 + draw(st.integers(1, 2**12)) / 2**13)))


@st.composite
def matmul_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType, granularity: str) -> Example:
    a, b = draw(drawn_matrices(left, right))
    columns = (b.shape[-1],) if granularity == "per_axis" and b.ndim == 2 else ()
    a_scale, a_zero = draw(strategies.scales()), draw(strategies.zero_points(left))
    b_scale, b_zero = draw(strategies.scales(shape=columns)), draw(strategies.zero_points(right, columns))
    accumulator = compute.matmul_integer(a, b, a_zero, b_zero)
    scales = a_scale.astype(np.float64) * b_scale.astype(np.float64)
    y_scale, y_zero = draw(output_parameters(accumulator * scales, left))
    graph = Graph()
    inputs = (
        graph.feed("a", a),
        *_parameters(graph, a_scale=a_scale, a_zero=a_zero),
        graph.constant("b", b),
        *_parameters(graph, b_scale=b_scale, b_zero=b_zero, y_scale=y_scale, y_zero=y_zero),
    )
    graph.node("QLinearMatMul", inputs, "y")
    graph.output("y", requantized(accumulator, scales, y_scale, y_zero, left))
    return graph.example(*(["k_zero"] if a.shape[-1] == 0 else []), *(["several_scales"] if b_scale.size > 1 else []))


@st.composite
def conv_examples(
    draw: st.DrawFn,
    left: IntegerType,
    right: IntegerType,
    granularity: str,
    shapes: Callable[[], st.SearchStrategy[DrawnConvolution]] = convolutions,
) -> Example:
    drawn = draw(shapes())
    x = draw(strategies.integer_tensors(left, drawn.x_shape))
    w = draw(strategies.integer_tensors(right, drawn.w_shape))
    maps = drawn.w_shape[:1] if granularity == "per_axis" else ()
    x_scale, x_zero = draw(strategies.scales()), draw(strategies.zero_points(left))
    w_scale = draw(strategies.scales(shape=maps))
    w_zero = draw(strategies.zero_points(right, maps)) if draw(st.booleans()) else np.zeros(maps, right.dtype)
    accumulator = compute.conv_integer(x, w, x_zero, w_zero, drawn.attributes)
    graph = Graph()
    inputs = [
        graph.feed("x", x),
        *_parameters(graph, x_scale=x_scale, x_zero=x_zero),
        graph.constant("w", w),
        *_parameters(graph, w_scale=w_scale, w_zero=w_zero),
    ]
    if has_bias := draw(st.booleans()):
        bias = draw(int32_bias(drawn.w_shape[0]))
        accumulator = compute.add_bias(accumulator, bias, 1)
    column = (-1, *[1] * (len(drawn.x_shape) - 2))
    scales = x_scale.astype(np.float64) * (w_scale.astype(np.float64).reshape(column) if maps else w_scale)
    y_scale, y_zero = draw(output_parameters(accumulator * scales, left))
    inputs += _parameters(graph, y_scale=y_scale, y_zero=y_zero)
    if has_bias:
        inputs.append(graph.constant("bias", bias))
    graph.node("QLinearConv", tuple(inputs), "y", **drawn.node_attributes)
    expected = requantized(accumulator, scales, y_scale, y_zero, left)
    if maps and drawn.w_shape[0] == drawn.w_shape[1]:
        real = _of_input_scales(drawn, (x, x_scale, x_zero), (w, w_scale, w_zero))
        if has_bias:
            real = real + Real.exact(bias.reshape(column) * scales)
        of_inputs = real.quantized(y_scale.astype(np.float64), y_zero, left)
        expected = replace(expected, instead={SCALES_OF_INPUTS: (of_inputs,)})
    graph.output("y", expected)
    return graph.example(
        *(["weight_zero_point"] if w_zero.any() else []),
        *(["one_window"] if accumulator.shape[-1] == 1 and drawn.attributes.strides[-1:] > (1,) else []),
        *(["several_scales"] if w_scale.size > 1 else []),
    )


def _of_input_scales(drawn: DrawnConvolution, x: tuple[Array, Array, Array], w: tuple[Array, Array, Array]) -> Real:
    """The convolution where scales and zero points of w, given for each output channel, are taken for its inputs'."""
    row = (1, -1, *[1] * (len(drawn.w_shape) - 2))
    codes, scale, zero = w
    return convolved(Real.dequantized(*x), Real.dequantized(codes, scale.reshape(row), zero.reshape(row)), drawn)


def _parameters(graph: Graph, **arrays: Any) -> list[str]:
    return [graph.constant(name, np.asarray(array)) for name, array in arrays.items()]
