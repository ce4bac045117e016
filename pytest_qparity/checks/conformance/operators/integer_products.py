"""MatMulInteger-10 and ConvInteger-10: int32 sums of products of 8-bit integers less their zero points.

Exact integers, wrapped to int32 as the output type is. Bound: 0.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.convolutions import (
    DrawnConvolution,
    auto_padded,
    convolutions,
    strided_pointwise,
    unattributed,
    volumes,
)
from pytest_qparity.checks.conformance.operators.drawing import Graph, integers_expected
from pytest_qparity.quantmath import compute, strategies
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["column_shape", "drawn_matrices", "kernels", "row_shape", "shaped_matrices"]

_PAIRS = ((UINT8, INT8), (UINT8, UINT8), (INT8, INT8), (INT8, UINT8))
_NAMES = {INT8: "s8", UINT8: "u8"}


def kernels() -> Iterator[Kernel]:
    for opset in (13, 25):
        for left, right in _PAIRS:
            types = f"{_NAMES[left]}{_NAMES[right]}"
            shown = f"{left.name} × {right.name}"
            for granularity in ("per_tensor", "per_column"):
                yield Kernel(
                    f"matmul_integer-{types}-{granularity}-opset{opset}",
                    "MatMulInteger",
                    shown,
                    opset,
                    partial(matmul_examples, left, right, granularity),
                )
            yield Kernel(
                f"conv_integer-{types}-opset{opset}",
                "ConvInteger",
                shown,
                opset,
                partial(conv_examples, convolutions, left, right),
            )
    shapes = {"strided_pointwise": strided_pointwise, "auto_pad": auto_padded, "volumes": volumes}
    others: dict[str, tuple[str, Callable[..., Any]]] = {
        **{f"conv_integer-u8s8-{name}": ("ConvInteger", partial(conv_examples, of)) for name, of in shapes.items()},
        "conv_integer-u8s8-per_channel": ("ConvInteger", channel_examples),
        "conv_integer-u8s8-unattributed": ("ConvInteger", unattributed_examples),
        "matmul_integer-u8s8-per_row": ("MatMulInteger", row_examples),
        "matmul_integer-u8s8-shapes": ("MatMulInteger", shape_examples),
        "matmul_integer-u8s8-no_zero_points": ("MatMulInteger", no_zero_point_examples),
    }
    for name, (operator, make) in others.items():
        yield Kernel(f"{name}-opset13", operator, "uint8 × int8", 13, partial(make, UINT8, INT8))


@st.composite
def drawn_matrices(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> tuple[Array, Array]:
    """(…, M, K) and (K, N) or (…, K, N), K = 0 among them; the left one has 0 or 1 batch axes of its own."""
    rows, columns = draw(st.integers(1, 16)), draw(st.integers(1, 15))
    depth = draw(st.sampled_from((1, 2, 4, 7, 16, 0, 32, 33, 64, 0, 300)))
    batch = draw(st.sampled_from(((), (2,))))
    right_batch = batch if draw(st.booleans()) else ()
    a = draw(strategies.integer_tensors(left, (*batch, rows, depth)))
    b = draw(strategies.integer_tensors(right, (*right_batch, depth, columns)))
    return a, b


@st.composite
def matmul_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType, granularity: str) -> Example:
    a, b = draw(drawn_matrices(left, right))
    a_zero = draw(strategies.zero_points(left))
    columns = (b.shape[-1],) if granularity == "per_column" and b.ndim == 2 else ()
    b_zero = draw(strategies.zero_points(right, columns))
    graph = Graph()
    b_name = graph.constant("b", b) if draw(st.booleans()) else graph.feed("b", b)
    inputs = (graph.feed("a", a), b_name, graph.constant("a_zero", a_zero), graph.constant("b_zero", b_zero))
    graph.node("MatMulInteger", inputs, "y")
    exact = compute.matmul_integer(a, b, a_zero, b_zero)
    graph.output("y", integers_expected([exact], np.dtype(np.int32), {}))
    return graph.example(*(["k_zero"] if a.shape[-1] == 0 else []))


@st.composite
def shaped_matrices(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> tuple[Array, Array]:
    """Vectors, and batches that broadcast as numpy.matmul has them."""
    rows, depth, columns = draw(st.integers(1, 5)), draw(st.integers(1, 33)), draw(st.integers(1, 5))
    a_shape, b_shape = draw(
        st.sampled_from(
            (
                ((depth,), (depth, columns)),
                ((rows, depth), (depth,)),
                ((depth,), (depth,)),
                ((2, rows, depth), (depth,)),
                ((rows, depth), (2, depth, columns)),
                ((1, rows, depth), (2, depth, columns)),
                ((2, 1, rows, depth), (3, depth, columns)),
            )
        )
    )
    return draw(strategies.integer_tensors(left, a_shape)), draw(strategies.integer_tensors(right, b_shape))


def row_shape(a: Array) -> tuple[int, ...]:
    """Of parameters for each row of a left operand."""
    return a.shape[:1] if a.ndim == 2 else (*a.shape[:-1], 1)


def column_shape(b: Array) -> tuple[int, ...]:
    """Of parameters for each column of a right operand."""
    return b.shape[1:] if b.ndim == 2 else (*b.shape[:-2], 1, b.shape[-1])


@st.composite
def row_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> Example:
    """A zero point for each row of a and each column of b."""
    a, b = draw(drawn_matrices(left, right))
    zeros = draw(strategies.zero_points(left, row_shape(a))), draw(strategies.zero_points(right, column_shape(b)))
    return _matmul(a, b, zeros, *(["several_zero_points"] if max(zero.size for zero in zeros) > 1 else []))


@st.composite
def shape_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> Example:
    a, b = draw(shaped_matrices(left, right))
    return _matmul(a, b, (draw(strategies.zero_points(left)), draw(strategies.zero_points(right))))


@st.composite
def no_zero_point_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> Example:
    """Neither of them, or the left one alone."""
    a, b = draw(drawn_matrices(left, right))
    return _matmul(a, b, draw(st.sampled_from(((), (np.asarray(left.highest, left.dtype),)))))


def _matmul(a: Array, b: Array, zero_points: tuple[Array, ...], *traits: str) -> Example:
    graph = Graph()
    names = [graph.constant(f"zero{index}", zero) for index, zero in enumerate(zero_points)]
    graph.node("MatMulInteger", (graph.feed("a", a), graph.feed("b", b), *names), "y")
    graph.output("y", integers_expected([compute.matmul_integer(a, b, *zero_points)], np.dtype(np.int32), {}))
    return graph.example(*traits, *(["k_zero"] if a.shape[-1] == 0 else []))


@st.composite
def channel_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> Example:
    """A zero point of w for each output channel."""
    drawn = draw(convolutions())
    zeros = draw(strategies.zero_points(left)), draw(strategies.zero_points(right, drawn.w_shape[:1]))
    return draw(_conv(drawn, left, right, zeros))


@st.composite
def unattributed_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> Example:
    """Without attributes and zero points, or with the zero point of x alone."""
    zeros = draw(st.sampled_from(((), (np.asarray(left.highest, left.dtype),))))
    return draw(_conv(draw(unattributed()), left, right, zeros))


@st.composite
def _conv(
    draw: st.DrawFn, drawn: DrawnConvolution, left: IntegerType, right: IntegerType, zero_points: tuple[Array, ...]
) -> Example:
    x = draw(strategies.integer_tensors(left, drawn.x_shape))
    w = draw(strategies.integer_tensors(right, drawn.w_shape))
    graph = Graph()
    names = [graph.constant(f"zero{index}", zero) for index, zero in enumerate(zero_points)]
    graph.node("ConvInteger", (graph.feed("x", x), graph.constant("w", w), *names), "y", **drawn.node_attributes)
    x_zero = zero_points[0] if zero_points else np.zeros((), left.dtype)
    w_zero = zero_points[1] if len(zero_points) > 1 else np.zeros((), right.dtype)
    exact = compute.conv_integer(x, w, x_zero, w_zero, drawn.attributes)
    graph.output("y", integers_expected([exact], np.dtype(np.int32), {}))
    several = len(zero_points) == 2 and zero_points[1].size > 1
    return graph.example(*(["several_zero_points"] if several else []))


@st.composite
def conv_examples(
    draw: st.DrawFn, shapes: Callable[[], st.SearchStrategy[DrawnConvolution]], left: IntegerType, right: IntegerType
) -> Example:
    drawn = draw(shapes())
    x = draw(strategies.integer_tensors(left, drawn.x_shape))
    w = draw(strategies.integer_tensors(right, drawn.w_shape))
    x_zero, w_zero = draw(strategies.zero_points(left)), draw(strategies.zero_points(right))
    graph = Graph()
    inputs = (
        graph.feed("x", x),
        graph.constant("w", w),
        graph.constant("x_zero", x_zero),
        graph.constant("w_zero", w_zero),
    )
    graph.node("ConvInteger", inputs, "y", **drawn.node_attributes)
    exact = compute.conv_integer(x, w, x_zero, w_zero, drawn.attributes)
    graph.output("y", integers_expected([exact], np.dtype(np.int32), {}))
    return graph.example()
