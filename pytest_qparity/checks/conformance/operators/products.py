"""ONNX Runtime's own quantized products, domain com.microsoft: QGemm, DynamicQuantizeMatMul, MatMulNBits.

Bounds: QGemm as QLinearMatMul. DynamicQuantizeMatMul: DynamicQuantizeLinear's codes, each of them one off where its tie
is a matter of rounding, then float32 roundings. MatMulNBits: float32 sums of products in any order. At accuracy level 4
the activations "can be quantized with the same block_size to int8" (ContribOperators.md): the bound goes from the
product of the float activations to that of the int8 ones, S = max|a| / 127 of each block and round(a / S), as MLAS
computes them; ONNX Runtime 1.32 is within the roundings of the second (x86-64, AVX-512 with VNNI).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Array, Example, Expected, Node
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.contrib import parameters
from pytest_qparity.checks.conformance.operators.departures import float_products
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.operators.int8_activations import (
    GROUP,
    INT8_ACTIVATIONS,
    away_from_ties,
    int8_product,
)
from pytest_qparity.checks.conformance.operators.qlinear import PAIRS, SHORT, int32_bias, output_parameters, requantized
from pytest_qparity.checks.conformance.rounding import Real, float_spacing, gamma
from pytest_qparity.quantmath import compute, dynamic, packing, strategies
from pytest_qparity.quantmath.integers import INT8, UINT4, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["dynamic_product", "head_of", "kernels"]

OPSET = 21
_NEAR_TIE = 2.0**-16  # of a quotient of at most 255: its rounding is below 255 · 2⁻²³


def kernels() -> Iterator[Kernel]:
    for opset in (13, 25):  # the operator has one version, 11
        yield Kernel(
            f"dynamic_quantize_linear-uint8-opset{opset}",
            "DynamicQuantizeLinear",
            "fp32 → uint8",
            opset,
            dynamic_examples,
        )
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
    for block in (16, 32, 128):
        for level in (0, 1, 4):
            for symmetry in ("symmetric", "asymmetric"):
                yield Kernel(
                    f"matmul_nbits-uint4-block{block}-level{level}-{symmetry}-opset{OPSET}",
                    f"{MICROSOFT}.MatMulNBits",
                    f"fp32 × int4, level {level}",
                    OPSET,
                    partial(nbits_examples, block, level, symmetry),
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
def dynamic_examples(draw: st.DrawFn) -> Example:
    shape = draw(strategies.shapes(min_rank=1, empty=False))
    x = draw(strategies.tensors(np.float32, shape, scale=draw(strategies.scales()), finite=True))
    x = np.clip(x, -1e6, 1e6).astype(np.float32)  # a range beyond float32 has no scale, and nothing is said of it
    graph = Graph()
    graph.nodes.append(Node("DynamicQuantizeLinear", (graph.feed("x", x),), ("y", "scale", "zero")))
    y, scale, zero = dynamic.dynamic_quantize_linear(x)
    near, zero_moves = in_doubt(x, scale)
    moves = float(zero_moves)
    one_off = moves + near
    exact = y.astype(np.float64)
    undefined = not x.any()  # without a range the scale is 0 and the codes 0 / 0
    free = np.full(shape, undefined)
    graph.output(
        "y",
        Expected(
            np.maximum(exact - one_off, 0),
            np.minimum(exact + one_off, 255),
            np.ones(shape),
            np.dtype(np.uint8),
            free,
            traits={"tie": near},
        ),
    )
    value = np.asarray(float(scale))
    slack = 2.0 * float_spacing(value, np.dtype(np.float32))  # subtraction, division, and the reciprocal of 255
    graph.output(
        "scale", Expected(value - slack, value + slack, slack / 2.0, np.dtype(np.float32), np.asarray(undefined))
    )
    point = np.asarray(float(zero))
    graph.output(
        "zero",
        Expected(
            np.maximum(point - moves, 0),
            np.minimum(point + moves, 255),
            np.ones(()),
            np.dtype(np.uint8),
            np.asarray(undefined),
        ),
    )
    return graph.example(*(["no_range"] if undefined else []))


def dynamic_product(a: Array, weights: Real) -> Real:
    """`a`, quantized with the range that it has, times dequantized weights."""
    codes, scale, zero = dynamic.dynamic_quantize_linear(a)
    near, zero_moves = in_doubt(a, scale)
    # A zero point that rounding moves moves all codes along, and their differences stay but where they saturate.
    off = float(scale) * (near + 2.0 * zero_moves)
    quantized = Real((codes.astype(np.float64) - float(zero)) * float(scale), off)
    product = quantized.matmul(weights)
    return Real(product.value, product.error + gamma(8) * (np.abs(quantized.value) @ np.abs(weights.value)))


def in_doubt(x: Array, scale: Array) -> tuple[Array, bool]:
    """Which codes of DynamicQuantizeLinear a rounding of float32 may move by one, and whether it may move the zero
    point."""
    with np.errstate(all="ignore"):
        steps = x.astype(np.float64) / np.float64(scale)
        offset = -np.float64(x.min(initial=0.0)) / np.float64(scale)
    near = np.abs(np.abs(steps - np.floor(steps)) - 0.5) < _NEAR_TIE
    return near, bool(abs(offset - np.floor(offset) - 0.5) < _NEAR_TIE)


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
def nbits_examples(draw: st.DrawFn, block: int, level: int, symmetry: str) -> Example:
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    depth = draw(st.integers(1, max(2, 256 // block))) * block - draw(st.sampled_from((0, 0, 1, block // 2)))
    depth = min(max(depth, 1), 400)
    blocks = -(-depth // block)
    a = draw(strategies.tensors(np.float32, (rows, depth), scale=0.05, finite=True))
    a = np.clip(a, -8.0, 8.0).astype(np.float32)
    if level == 4:
        a = away_from_ties(a, block)
    codes = np.resize(draw(strategies.integer_tensors(UINT4, (columns * min(depth, 200),))), (columns, blocks * block))
    codes[:, depth:] = 0
    scale = draw(strategies.scales(shape=(columns, blocks)))
    zero = np.full((columns, blocks), 8, np.uint8)
    graph = Graph()
    packed = packing.pack(codes.astype(UINT4.dtype).reshape(-1)).reshape(columns, blocks, block // 2)
    inputs = [graph.feed("a", a), graph.constant("b", packed), graph.constant("scales", scale.reshape(-1))]
    if symmetry == "asymmetric":
        zero = draw(strategies.zero_points(UINT4, (columns, blocks))).astype(np.uint8)
        inputs.append(graph.constant("zeros", _packed_rows(zero)))
    attributes = {"K": depth, "N": columns, "bits": 4, "block_size": block, "accuracy_level": level}
    graph.node("MatMulNBits", tuple(inputs), "y", MICROSOFT, **attributes)
    spread = np.repeat(scale, block, axis=1)[:, :depth], np.repeat(zero, block, axis=1)[:, :depth]
    weights = Real.dequantized(codes[:, :depth].astype(np.uint8), *spread).mapped(np.transpose)
    expected = Real.exact(a).matmul(weights).as_float32()
    if level == 4:
        product = int8_product(a, codes[:, :depth].T, spread[0].T, spread[1].T, block).as_float32()
        lowest, highest = np.minimum(expected.lowest, product.lowest), np.maximum(expected.highest, product.highest)
        expected = replace(expected, lowest=lowest, highest=highest)
    groups = int8_product(a, codes[:, :depth].T, spread[0].T, spread[1].T, min(block, GROUP)).as_float32()
    graph.output("y", replace(expected, instead={INT8_ACTIVATIONS: (groups,)}))
    return graph.example()


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


def _packed_rows(zero: Array) -> Array:
    """Two zero points a byte, each row padded to whole bytes."""
    padded = np.pad(zero, ((0, 0), (0, zero.shape[1] % 2)))
    return np.asarray(padded[:, 0::2] | (padded[:, 1::2] << 4), np.uint8).reshape(-1)
