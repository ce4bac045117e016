"""Quantize/Dequantize pairs around float operators: what engines fuse into integer kernels (opset 21, some 13, 25).

The oracle computes the float operator on what the codes stand for, exactly, and keeps the error that float32 arithmetic
in any order may make; an integer kernel, which is exact before it requantizes, is within as well. Bound: the codes of
all values within that error.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.contrib import ordinary_ratio
from pytest_qparity.checks.conformance.operators.convolutions import (
    DrawnConvolution,
    convolutions,
    convolved,
    padding_windows,
    strided_pointwise,
    window_sums,
)
from pytest_qparity.checks.conformance.operators.departures import FIRST_GAIN, STATE_AS_INPUT, UNSCALED_EPSILON
from pytest_qparity.checks.conformance.operators.int8_activations import INT8_ACTIVATIONS, int8_product
from pytest_qparity.checks.conformance.operators.qdq_graph import Element, QdqGraph
from pytest_qparity.checks.conformance.operators.qlinear import logit_scales, unit_scales
from pytest_qparity.checks.conformance.rounding import Real
from pytest_qparity.quantmath import strategies
from pytest_qparity.quantmath.convolution import ConvolutionAttributes
from pytest_qparity.quantmath.floats import E4M3FN, E5M2
from pytest_qparity.quantmath.integers import INT4, INT8, INT16, UINT4, UINT8, UINT16, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["kernels"]

OPSET = 21
LARGEST = 4_096
TINY_SCALE = 2.0**-23
REWRITTEN_BLOCK = 32  # session.qdq_matmulnbits_block_size of ONNX Runtime, by default
# Activations and weights as quantizers pair them.
PAIRS: dict[str, tuple[Element, Element]] = {
    "u8s8": (UINT8, INT8),
    "s8s8": (INT8, INT8),
    "u8u8": (UINT8, UINT8),
    "u16s8": (UINT16, INT8),
    "fp8": (E4M3FN, E4M3FN),
}
SINGLES: dict[str, IntegerType] = {"u8": UINT8, "s8": INT8, "u16": UINT16, "s16": INT16}
NARROW: dict[str, Element] = {"fp8e4m3fn": E4M3FN, "fp8e5m2": E5M2, "s4": INT4, "u4": UINT4}


def kernels() -> Iterator[Kernel]:
    products: dict[str, Callable[..., Any]] = {
        "conv": partial(conv_examples, None),
        "conv_relu": partial(conv_examples, "Relu"),
        "conv_clip": partial(conv_examples, "Clip"),
        "gemm": gemm_examples,
        "matmul": matmul_examples,
    }
    for pattern, make in products.items():
        for types, (left, right) in PAIRS.items():
            for granularity in ("per_tensor", "per_axis"):
                if types in ("u16s8", "fp8") and granularity == "per_axis":
                    continue
                yield _kernel(pattern, f"{types}-{granularity}", types, partial(make, left, right, granularity))
    for opset in (13, 25):  # what a rewrite takes for its pattern depends on the opset
        for pattern, make in products.items():
            yield _kernel(pattern, "u8s8-per_axis", "u8s8", partial(make, UINT8, INT8, "per_axis"), opset)
        for types, integer in {"u8": UINT8, "s8": INT8}.items():
            yield _kernel("add", types, types, partial(binary_examples, "Add", Real.__add__, integer), opset)
            yield _kernel("relu", types, types, partial(relu_examples, integer), opset)
    pointwise = partial(conv_examples, None, UINT8, INT8, "per_tensor", strided_pointwise)
    yield _kernel("conv", "u8s8-strided_pointwise", "u8s8", pointwise)
    padded = partial(conv_examples, "Relu", UINT8, INT8, "per_tensor", padding_windows)
    yield _kernel("conv_relu", "u8s8-padding_windows", "u8s8", padded)
    others: dict[str, Callable[..., Any]] = {
        "add": partial(binary_examples, "Add", Real.__add__),
        "mul": partial(binary_examples, "Mul", Real.__mul__),
        "concat": concat_examples,
        "average_pool": average_pool_examples,
        "resize": resize_examples,
        "lstm": lstm_examples,
        "layer_norm": layer_norm_examples,
        "softmax": softmax_examples,
        "attention": attention_examples,
        "relu": relu_examples,
        "pair": pair_examples,
    }
    for pattern, make in others.items():
        singles: dict[str, Any] = SINGLES | NARROW if pattern in ("relu", "pair") else SINGLES
        for types, element in singles.items():
            if pattern in ("lstm", "attention") and types == "s16":
                continue
            yield _kernel(pattern, types, types, partial(make, element))
    for types, weights in {"s4": INT4, "u4": UINT4, "s8": INT8}.items():
        for block in (16, 32):
            yield _kernel(
                "matmul_weights",
                f"{types}-block{block}",
                f"{types} weights",
                partial(weight_only_examples, weights, block),
            )


def _kernel(pattern: str, middle: str, types: str, make: Callable[..., Any], opset: int = OPSET) -> Kernel:
    name = f"Q/DQ {pattern.replace('_', ' ')}"
    return Kernel(f"qdq_{pattern}-{middle}-opset{opset}", name, types, opset, make, is_pattern=True)


@st.composite
def conv_examples(
    draw: st.DrawFn,
    after: str | None,
    left: Element,
    right: Element,
    granularity: str,
    shapes: Callable[[], st.SearchStrategy[DrawnConvolution]] = convolutions,
) -> Example:
    drawn = draw(shapes())
    graph = QdqGraph()
    x = graph.activation(draw, "x", left, drawn.x_shape)
    w = graph.weight(draw, "w", right, drawn.w_shape, 0 if granularity == "per_axis" else None)
    inputs, real = [x.name, w.name], convolved(x.real, w.real, drawn)
    if draw(st.booleans()):
        bias = graph.bias(draw, x, w, drawn.w_shape[0])
        inputs.append(bias.name)
        column = (-1, *[1] * (len(drawn.x_shape) - 2))
        real = real + bias.real.mapped(lambda array: array.reshape(column))
    name = graph.node("Conv", tuple(inputs), "convolved", **drawn.node_attributes)
    graph.finished(draw, *activated(draw, graph, after, name, real), left, {"negative": real.value < real.error})
    return graph.example(*_tiny(graph.constants["y_scale"]))


def _tiny(scale: Array) -> Iterator[str]:
    """Under scales as small as this, differences that engines state in absolute terms are steps."""
    if scale < TINY_SCALE:
        yield "tiny_scale"


def activated(draw: st.DrawFn, graph: QdqGraph, operator: str | None, name: str, real: Real) -> tuple[str, Real]:
    if operator is None:
        return name, real
    if operator == "Relu":
        return graph.node("Relu", (name,), "activated"), real.clipped(0.0, np.inf)
    # Around what there is, so that both ends cut something.
    high = np.float32(np.abs(real.value).max(initial=0.0) * draw(st.sampled_from((0.5, 0.25, 2.0))))
    ends = (graph.constant("low", np.asarray(np.float32(0.0))), graph.constant("high", np.asarray(high)))
    return graph.node("Clip", (name, *ends), "activated"), real.clipped(0.0, float(high))


@st.composite
def gemm_examples(draw: st.DrawFn, left: Element, right: Element, granularity: str) -> Example:
    rows, depth, columns = draw(st.integers(1, 5)), draw(st.integers(1, 40)), draw(st.integers(1, 9))
    transposed = draw(st.booleans())
    graph = QdqGraph()
    a = graph.activation(draw, "a", left, (rows, depth))
    shape = (columns, depth) if transposed else (depth, columns)
    b = graph.weight(draw, "b", right, shape, (0 if transposed else 1) if granularity == "per_axis" else None)
    weights = b.real.mapped(np.transpose) if transposed else b.real
    inputs, real, instead = [a.name, b.name], a.real.matmul(weights), _int8_instead(a.real, weights)
    if draw(st.booleans()):
        bias = graph.bias(draw, a, b, columns)
        inputs.append(bias.name)
        real, instead = real + bias.real, instead + bias.real
    graph.node("Gemm", tuple(inputs), "product", transB=int(transposed))
    graph.finished(draw, "product", real, left, instead={INT8_ACTIVATIONS: (instead,)})
    return graph.example()


@st.composite
def matmul_examples(draw: st.DrawFn, left: Element, right: Element, granularity: str) -> Example:
    rows, depth, columns = draw(st.integers(1, 5)), draw(st.integers(1, 40)), draw(st.integers(1, 9))
    batch = draw(st.sampled_from(((), (2,))))
    graph = QdqGraph()
    a = graph.activation(draw, "a", left, (*batch, rows, depth))
    b = graph.weight(draw, "b", right, (depth, columns), 1 if granularity == "per_axis" else None)
    graph.node("MatMul", (a.name, b.name), "product")
    instead = {INT8_ACTIVATIONS: (_int8_instead(a.real, b.real),)}
    graph.finished(draw, "product", a.real.matmul(b.real), left, instead=instead)
    return graph.example()


def _int8_instead(a: Real, weights: Real) -> Real:
    """The product where weights are taken for packed ones, in blocks of 32, and activations rounded to int8."""
    rows = a.value.reshape(-1, a.value.shape[-1])
    product = int8_product(rows, weights.value, np.ones(()), np.zeros(()), REWRITTEN_BLOCK)
    return product.mapped(lambda array: array.reshape(*a.value.shape[:-1], -1))


@st.composite
def weight_only_examples(draw: st.DrawFn, element: IntegerType, block: int) -> Example:
    """Float activations, weights behind a blocked DequantizeLinear: what engines keep packed."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    depth = block * draw(st.integers(1, 4))
    graph = QdqGraph()
    a = draw(strategies.tensors(np.float32, (rows, depth), scale=0.05, finite=True))
    a = np.clip(a, -8.0, 8.0).astype(np.float32)
    codes = draw(strategies.integer_tensors(element, (depth, columns)))
    scale = draw(strategies.scales(shape=(depth // block, columns)))
    zero = draw(strategies.zero_points(element, scale.shape))
    parameters = (graph.constant("b_scale", scale), graph.constant("b_zero", zero))
    b = graph.node(
        "DequantizeLinear", (graph.constant("b", codes), *parameters), "b_dequantized", axis=0, block_size=block
    )
    graph.node("MatMul", (graph.feed("a", a), b), "y")
    spread = np.repeat(scale, block, axis=0), np.repeat(zero, block, axis=0)
    expected = Real.exact(a).matmul(Real.dequantized(codes, *spread)).as_float32()
    rounded = int8_product(a, codes, *spread, block).as_float32()
    graph.output("y", replace(expected, instead={INT8_ACTIVATIONS: (rounded,)}))
    return graph.example()


@st.composite
def binary_examples(
    draw: st.DrawFn,
    operator: str,
    combine: Callable[[Real, Real], Real],
    element: Element,
) -> Example:
    graph = QdqGraph()
    shape = draw(strategies.shapes(min_rank=1, largest=LARGEST, empty=False))
    scales = draw(ordinary_ratio())
    a = graph.activation(draw, "a", element, shape, scales[0])
    b = graph.activation(draw, "b", element, shape, scales[1])
    graph.node(operator, (a.name, b.name), "combined")
    graph.finished(draw, "combined", combine(a.real, b.real), element)
    return graph.example()


@st.composite
def concat_examples(draw: st.DrawFn, element: Element) -> Example:
    graph = QdqGraph()
    shape = draw(strategies.shapes(min_rank=1, max_rank=3, largest=LARGEST // 2, empty=False))
    axis = draw(st.integers(0, len(shape) - 1))
    parts = [graph.activation(draw, f"x{index}", element, shape) for index in range(draw(st.integers(2, 3)))]
    graph.node("Concat", tuple(part.name for part in parts), "joined", axis=axis)
    joined = Real.gathered(partial(np.concatenate, axis=axis), [part.real for part in parts])
    graph.finished(draw, "joined", joined, element)
    return graph.example()


@st.composite
def average_pool_examples(draw: st.DrawFn, element: Element) -> Example:
    graph = QdqGraph()
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    strides = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    size = (kernel[0] + draw(st.integers(0, 5)), kernel[1] + draw(st.integers(0, 5)))
    x = graph.activation(draw, "x", element, (draw(st.integers(1, 2)), draw(st.integers(1, 8)), *size))
    graph.node("AveragePool", (x.name,), "pooled", kernel_shape=list(kernel), strides=list(strides))
    total = window_sums(x.real, kernel, ConvolutionAttributes(strides=strides))
    graph.finished(draw, "pooled", total / Real.exact(float(np.prod(kernel))), element)
    return graph.example()


@st.composite
def resize_examples(draw: st.DrawFn, element: Element) -> Example:
    """Twice the size: each value repeated, or the mean of neighbours with weights 3/4 and 1/4 (half_pixel)."""
    graph = QdqGraph()
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(1, 8)), draw(st.integers(1, 8)))
    mode = draw(st.sampled_from(("nearest", "linear")))
    x = graph.activation(draw, "x", element, shape)
    factors = graph.constant("factors", np.array([1, 1, 2, 2], np.float32))
    where = "asymmetric" if mode == "nearest" else "half_pixel"
    attributes = {"mode": mode, "coordinate_transformation_mode": where}
    if mode == "nearest":
        attributes["nearest_mode"] = "floor"
    graph.node("Resize", (x.name, "", factors), "resized", **attributes)
    double = _repeated if mode == "nearest" else _interpolated
    graph.finished(draw, "resized", double(double(x.real, 2), 3), element)
    return graph.example()


def _repeated(real: Real, axis: int) -> Real:
    return real.mapped(lambda array: np.repeat(array, 2, axis))


def _interpolated(real: Real, axis: int) -> Real:
    def shifted(array: Array, by: int) -> Array:
        index = np.clip(np.arange(array.shape[axis]) + by, 0, array.shape[axis] - 1)
        return np.asarray(np.take(array, index, axis))

    def pair(by: int) -> Real:
        return real * Real.exact(0.75) + real.mapped(lambda array: shifted(array, by)) * Real.exact(0.25)

    before, after = pair(-1), pair(1)

    def interleaved(arrays: list[Array]) -> Array:
        shape = arrays[0].shape
        return np.asarray(np.stack(arrays, axis + 1).reshape(*shape[:axis], -1, *shape[axis + 1 :]))

    return Real.gathered(interleaved, (before, after))


@st.composite
def lstm_examples(draw: st.DrawFn, element: IntegerType) -> Example:
    """One direction, gates in ONNX's order i, o, f, c; weights are int8 behind DequantizeLinear."""
    steps, batch, size, hidden = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 6)), 4
    graph = QdqGraph()
    x = graph.activation(draw, "x", element, (steps, batch, size), draw(logit_scales(element.levels)))
    w = graph.weight(draw, "w", INT8, (1, 4 * hidden, size), scale=draw(unit_scales(INT8.levels)))
    r = graph.weight(draw, "r", INT8, (1, 4 * hidden, hidden), scale=draw(unit_scales(INT8.levels)))
    nodes = graph.node("LSTM", (x.name, w.name, r.name), "sequence", hidden_size=hidden)
    kernel = w.real.mapped(lambda array: array[0].T)
    recurrent = r.real.mapped(lambda array: array[0].T)

    def sequence(state_of: Callable[[Real], Real]) -> Real:
        state = cell = Real.exact(np.zeros((batch, hidden)))
        outputs: list[Real] = []
        for step in range(steps):
            gates = x.real.mapped(itemgetter(step)).matmul(kernel) + state.matmul(recurrent)
            columns = (slice(gate * hidden, (gate + 1) * hidden) for gate in range(4))
            i, o, f, c = (gates.mapped(itemgetter((slice(None), own))) for own in columns)
            cell = f.sigmoid() * cell + i.sigmoid() * c.tanh()
            state = state_of(o.sigmoid() * cell.tanh())
            outputs.append(state)
        return Real.gathered(lambda states: np.stack(states)[:, None], outputs)

    instead = {STATE_AS_INPUT: (sequence(partial(graph.as_quantized, x, element)),)}
    graph.finished(draw, nodes, sequence(lambda state: state), element, instead=instead)
    return graph.example()


@st.composite
def layer_norm_examples(draw: st.DrawFn, element: Element) -> Example:
    graph = QdqGraph()
    rows, size = draw(st.integers(1, 6)), draw(st.integers(2, 32))
    x = graph.activation(draw, "x", element, (rows, size))
    gain = graph.weight(draw, "gain", INT8, (size,))
    epsilon = 2.0**-10
    graph.node("LayerNormalization", (x.name, gain.name), "normalized", axis=-1, epsilon=epsilon)
    count = Real.exact(float(size))
    centred = x.real - x.real.sum(-1) / count
    variance = (centred * centred).sum(-1) / count
    normalized = centred / (variance + Real.exact(epsilon)).sqrt()
    first = gain.real.mapped(lambda array: array[:1])
    of_codes = centred / (variance + Real.exact(epsilon * float(x.scale) ** 2)).sqrt()
    instead = {FIRST_GAIN: (normalized * first,), UNSCALED_EPSILON: (of_codes * first, of_codes * gain.real)}
    graph.finished(draw, "normalized", normalized * gain.real, element, instead=instead)
    return graph.example()


@st.composite
def softmax_examples(draw: st.DrawFn, element: IntegerType) -> Example:
    graph = QdqGraph()
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 48)))
    x = graph.activation(draw, "x", element, shape, draw(logit_scales(element.levels)))
    graph.node("Softmax", (x.name,), "shares", axis=-1)
    graph.finished(draw, "shares", x.real.softmax(), element)
    return graph.example()


@st.composite
def attention_examples(draw: st.DrawFn, element: IntegerType) -> Example:
    """softmax(q · kᵀ / √d) · v with Quantize/Dequantize around each product and the softmax."""
    graph = QdqGraph()
    tokens, size = draw(st.integers(1, 6)), draw(st.integers(1, 16))
    q = graph.activation(draw, "q", element, (1, tokens, size), draw(unit_scales(element.levels)))
    k = graph.activation(draw, "k", element, (1, size, tokens), draw(unit_scales(element.levels)))
    v = graph.activation(draw, "v", element, (1, tokens, size))
    factor = np.float32(1.0 / np.sqrt(size))
    graph.node("MatMul", (q.name, k.name), "scores")
    graph.node("Mul", ("scores", graph.constant("factor", np.asarray(factor))), "scaled")
    logits = q.real.matmul(k.real) * Real.exact(float(factor))
    scores = graph.requantized(draw, "scaled", logits, element)
    graph.node("Softmax", (scores.name,), "shares", axis=-1)
    shares = graph.requantized(draw, "shares", scores.real.softmax(), element)
    graph.node("MatMul", (shares.name, v.name), "attended")
    passed = logits.softmax().matmul(v.real)
    graph.finished(draw, "attended", shares.real.matmul(v.real), element, passed=passed)
    return graph.example(*_tiny(v.scale))


@st.composite
def relu_examples(draw: st.DrawFn, element: Element) -> Example:
    """Relu before QuantizeLinear: redundant only where the zero point is the lowest code."""
    graph = QdqGraph()
    x = draw(_fed_values())
    graph.node("Relu", (graph.feed("x", x),), "activated")
    graph.finished(draw, "activated", Real.exact(x).clipped(0.0, np.inf), element, {"negative": x < 0})
    return graph.example()


@st.composite
def pair_examples(draw: st.DrawFn, element: Element) -> Example:
    """QuantizeLinear and DequantizeLinear alone: not an identity, though it is between two float tensors."""
    graph = QdqGraph()
    if isinstance(element, IntegerType) and draw(st.booleans()):  # in steps of its own scale: half of them are ties
        scale, zero = draw(strategies.scales()), draw(strategies.zero_points(element))
        ends = element.lowest - int(zero), element.highest - int(zero)
        shape = draw(strategies.shapes(min_rank=1, largest=LARGEST, empty=False))
        x = draw(strategies.tensors(np.float32, shape, scale=scale, lowest=ends[0], highest=ends[1], finite=True))
        reach = np.float32(2.0**20) * scale
        x = np.clip(x, -reach, reach).astype(np.float32)
        graph.finished(draw, graph.feed("x", x), Real.exact(x), element, parameters=(scale, zero))
        return graph.example()
    x = draw(_fed_values())
    graph.finished(draw, graph.feed("x", x), Real.exact(x), element)
    return graph.example()


@st.composite
def _fed_values(draw: st.DrawFn) -> Array:
    shape = draw(strategies.shapes(min_rank=1, largest=LARGEST, empty=False))
    x = draw(strategies.tensors(np.float32, shape, scale=draw(strategies.scales()), finite=True))
    return np.clip(x, -1e6, 1e6).astype(np.float32)
