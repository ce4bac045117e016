"""ONNX Runtime's own quantized products, domain com.microsoft: QGemm, DynamicQuantizeMatMul, QAttention.

Bounds: QGemm as QLinearMatMul. DynamicQuantizeMatMul: DynamicQuantizeLinear's codes, each of them one off where its tie
is a matter of rounding, then float32 roundings. QAttention: float32 roundings behind the products.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.contrib import parameters
from pytest_qparity.checks.conformance.operators.departures import float_products
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.operators.dynamic_linear import dynamic_product
from pytest_qparity.checks.conformance.operators.qlinear import PAIRS, SHORT, int32_bias, output_parameters, requantized
from pytest_qparity.checks.conformance.rounding import Real
from pytest_qparity.quantmath import compute, strategies
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["head_of", "kernels"]

OPSET = 21


def kernels() -> Iterator[Kernel]:
    for left, right in PAIRS:
        for granularity in ("per_tensor", "per_axis"):
            yield Kernel(
                f"qgemm-{SHORT[left]}{SHORT[right]}-{granularity}-opset{OPSET}",
                f"{MICROSOFT}.QGemm",
                f"{left.name} × {right.name}",
                OPSET,
                partial(gemm_examples, left, right, granularity),
            )
    for right in (INT8, UINT8):
        for granularity in ("per_tensor", "per_axis"):
            yield Kernel(
                f"dynamic_quantize_matmul-{SHORT[right]}-{granularity}-opset{OPSET}",
                f"{MICROSOFT}.DynamicQuantizeMatMul",
                f"fp32 × {right.name}",
                OPSET,
                partial(dynamic_matmul_examples, right, granularity),
            )
    for left, right in PAIRS:
        yield Kernel(
            f"qattention-{SHORT[left]}{SHORT[right]}-opset{OPSET}",
            f"{MICROSOFT}.QAttention",
            f"{left.name} × {right.name}",
            OPSET,
            partial(attention_examples, left, right),
        )


@st.composite
def gemm_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType, granularity: str) -> Example:
    rows, depth, columns = draw(st.integers(1, 9)), draw(st.integers(1, 40)), draw(st.integers(1, 17))
    a = draw(strategies.integer_tensors(left, (rows, depth)))
    b = draw(strategies.integer_tensors(right, (depth, columns)))
    per = (columns,) if granularity == "per_axis" else ()
    a_scale, a_zero = draw(strategies.scales()), draw(strategies.zero_points(left))
    b_scale, b_zero = draw(strategies.scales(shape=per)), draw(strategies.zero_points(right, per))
    transposes_b = draw(st.booleans())
    graph = Graph()
    inputs = [
        graph.feed("a", a),
        *parameters(graph, "a", a_scale, a_zero),
        graph.constant("b", b.T.copy() if transposes_b else b),
        *parameters(graph, "b", b_scale, b_zero),
    ]
    accumulator = compute.matmul_integer(a, b, a_zero, b_zero)
    bias = ""
    if draw(st.booleans()):
        values = draw(int32_bias(columns))
        accumulator = compute.add_bias(accumulator, values, 1)
        bias = graph.constant("c", values)
    scales = a_scale.astype(np.float64) * b_scale.astype(np.float64)
    y_scale, y_zero = draw(output_parameters(accumulator * scales, left))
    inputs += [bias, *parameters(graph, "y", y_scale, y_zero)]
    graph.node("QGemm", tuple(inputs), "y", MICROSOFT, transB=int(transposes_b))
    graph.output("y", requantized(accumulator, scales, y_scale, y_zero, left))
    return graph.example()


@st.composite
def dynamic_matmul_examples(draw: st.DrawFn, right: IntegerType, granularity: str) -> Example:
    rows, depth, columns = draw(st.integers(1, 9)), draw(st.integers(1, 33)), draw(st.integers(1, 17))
    a = draw(strategies.tensors(np.float32, (rows, depth), scale=0.1, finite=True))
    a = np.clip(a, -20.0, 13.0).astype(np.float32)  # of ±20 the zero point were 127.5, and every code in doubt
    b = draw(strategies.integer_tensors(right, (depth, columns)))
    per = (columns,) if granularity == "per_axis" else ()
    b_scale, b_zero = draw(strategies.scales(shape=per)), draw(strategies.zero_points(right, per))
    graph = Graph()
    inputs = (graph.feed("a", a), graph.constant("b", b), *parameters(graph, "b", b_scale, b_zero))
    graph.node("DynamicQuantizeMatMul", inputs, "y", MICROSOFT)
    weights = Real.dequantized(b, b_scale, b_zero)
    instead = float_products(a, b, b_scale, b_zero)
    graph.output("y", replace(dynamic_product(a, weights).as_float32(), instead=instead))
    return graph.example(*(["no_range"] if not a.any() else []))


@st.composite
def attention_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> Example:
    """softmax(q · kᵀ / √d) · v of q, k, v = x · w + b, x and w quantized, all behind the products in float32."""
    batch, tokens, heads, size = draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(st.sampled_from((1, 2))), 4
    hidden = heads * size
    x = draw(strategies.integer_tensors(left, (batch, tokens, hidden)))
    w = draw(strategies.integer_tensors(right, (hidden, 3 * hidden)))
    x_scale, w_scale = np.asarray(np.float32(0.02)), np.asarray(np.float32(draw(st.sampled_from((0.01, 0.003)))))
    x_zero, w_zero = draw(strategies.zero_points(left)), draw(strategies.zero_points(right))
    bias = (draw(strategies.integer_tensors(INT8, (3 * hidden,))) * 0.01).astype(np.float32)
    graph = Graph()
    inputs = (
        graph.feed("x", x),
        graph.constant("w", w),
        graph.constant("bias", bias),
        graph.constant("x_scale", x_scale),
        graph.constant("w_scale", w_scale),
        "",
        graph.constant("x_zero", x_zero),
        graph.constant("w_zero", w_zero),
    )
    graph.node("QAttention", inputs, "y", MICROSOFT, num_heads=heads)
    product = Real.dequantized(x, x_scale, x_zero).matmul(Real.dequantized(w, w_scale, w_zero)) + Real.exact(bias)
    q, k, v = (product.mapped(partial(head_of, part=part, heads=heads)) for part in range(3))
    scores = q.matmul(k.mapped(lambda array: np.swapaxes(array, -1, -2))) * Real.exact(1.0 / np.sqrt(size))
    attended = scores.softmax().matmul(v)
    joined = attended.mapped(lambda array: array.transpose(0, 2, 1, 3).reshape(batch, tokens, hidden))
    graph.output("y", joined.as_float32())
    return graph.example()


def head_of(array: Array, part: int, heads: int) -> Array:
    """(batch, tokens, 3 · hidden) as (batch, head, tokens, size) of one of q, k, v."""
    batch, tokens, wide = array.shape
    hidden = wide // 3
    own = array[..., part * hidden : (part + 1) * hidden]
    return np.asarray(own.reshape(batch, tokens, heads, hidden // heads).transpose(0, 2, 1, 3))
