"""MatMulInteger-10 and ConvInteger-10: int32 sums of products of 8-bit integers less their zero points.

Exact integers, wrapped to int32 as the output type is. Bound: 0.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.convolutions import DrawnConvolution, convolutions, strided_pointwise
from pytest_qparity.checks.conformance.operators.drawing import Graph, integers_expected
from pytest_qparity.quantmath import compute, strategies
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["drawn_matrices", "kernels"]

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
    yield Kernel(
        "conv_integer-u8s8-strided_pointwise-opset13",
        "ConvInteger",
        "uint8 × int8",
        13,
        partial(conv_examples, strided_pointwise, UINT8, INT8),
    )


@st.composite
def drawn_matrices(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> tuple[Array, Array]:
    """(…, M, K) and (K, N) or (…, K, N), K = 0 among them; the left one has 0 or 1 batch axes of its own."""
    rows, columns = draw(st.integers(1, 16)), draw(st.integers(1, 15))
    depth = draw(st.sampled_from((1, 2, 4, 7, 16, 0, 32, 33, 64, 0)))
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
