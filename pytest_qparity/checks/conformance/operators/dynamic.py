"""Dynamic quantization in com.microsoft: DynamicQuantizeMatMul's options, MatMulIntegerToFloat, MatMulInteger16 and
DynamicQuantizeLSTM (ContribOperators.md).

Bounds: float32 sums of products in any order, of integers or of what they stand for: nobody says which. An LSTM's input
has the same range in every step and sequence, so that its codes are the same however an engine divides it; its hidden
state, of which nobody says in which parts it is quantized, is off by half a step of its whole range at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Node
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.contrib import parameters
from pytest_qparity.checks.conformance.operators.departures import float_products
from pytest_qparity.checks.conformance.operators.drawing import Graph, integers_expected
from pytest_qparity.checks.conformance.operators.dynamic_linear import dynamic_product
from pytest_qparity.checks.conformance.operators.integer_products import drawn_matrices
from pytest_qparity.checks.conformance.operators.qlinear import SHORT
from pytest_qparity.checks.conformance.rounding import Real
from pytest_qparity.quantmath import compute, strategies
from pytest_qparity.quantmath.integers import INT8, INT16, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["kernels"]

OPSET = 21
_X_STEP = 2.0**-6  # inputs between −2 and 2
_HALF_A_STEP = 0.5 + 2.0**-14  # and the roundings of scale and quotient


def kernels() -> Iterator[Kernel]:
    yield _kernel("dynamic_quantize_matmul-s8-bias", "DynamicQuantizeMatMul", partial(matmul_examples, INT8, True))
    yield _kernel(
        "dynamic_quantize_matmul-u8-no_zero_point", "DynamicQuantizeMatMul", partial(matmul_examples, UINT8, False)
    )
    to_float = partial(to_float_examples, UINT8, INT8)
    yield _kernel("matmul_integer_to_float-u8s8-per_axis", "MatMulIntegerToFloat", to_float)
    yield _kernel("matmul_integer16-s16s16", "MatMulInteger16", integer16_examples)
    for direction, kind, granularity in (
        ("forward", UINT8, "per_tensor"),
        ("bidirectional", INT8, "per_axis"),
    ):
        make = partial(lstm_examples, kind, granularity, direction)
        yield _kernel(f"dynamic_quantize_lstm-{SHORT[kind]}-{granularity}-{direction}", "DynamicQuantizeLSTM", make)


def _kernel(name: str, operator: str, make: Callable[..., Any]) -> Kernel:
    return Kernel(f"{name}-opset{OPSET}", f"{MICROSOFT}.{operator}", name.split("-")[1], OPSET, make)


@st.composite
def matmul_examples(draw: st.DrawFn, right: IntegerType, has_bias: bool) -> Example:
    """Batches of activations; either a bias, or neither a bias nor the weights' zero point."""
    depth, columns = draw(st.integers(1, 33)), draw(st.integers(1, 9))
    a_shape = (*draw(st.sampled_from(((), (2,), (1, 3)))), draw(st.integers(1, 4)), depth)
    a = draw(strategies.tensors(np.float32, a_shape, scale=0.1, finite=True))
    a = np.clip(a, -20.0, 13.0).astype(np.float32)  # of ±20 the zero point were 127.5, and every code in doubt
    b = draw(strategies.integer_tensors(right, (depth, columns)))
    b_scale = draw(strategies.scales())
    b_zero = draw(strategies.zero_points(right)) if has_bias else np.zeros((), right.dtype)
    graph = Graph()
    inputs = [graph.feed("a", a), graph.constant("b", b), graph.constant("b_scale", b_scale)]
    weights = Real.dequantized(b, b_scale, b_zero)
    real, instead = dynamic_product(a, weights), float_products(a, b, b_scale, b_zero)
    if has_bias:
        bias = draw(_bias(columns))
        inputs += [graph.constant("b_zero", b_zero), graph.constant("bias", bias)]
        real, instead = real + Real.exact(bias), float_products(a, b, b_scale, b_zero, bias)
    graph.node("DynamicQuantizeMatMul", tuple(inputs), "y", MICROSOFT)
    graph.output("y", replace(real.as_float32(), instead=instead))
    return graph.example(*(["no_range"] if not a.any() else []))


def _bias(size: int) -> st.SearchStrategy[Array]:
    return strategies.tensors(np.float32, (size,), scale=0.1, finite=True).map(
        lambda values: np.clip(values, -100.0, 100.0).astype(np.float32)
    )


@st.composite
def to_float_examples(draw: st.DrawFn, left: IntegerType, right: IntegerType) -> Example:
    a, b = draw(drawn_matrices(left, right))
    per = (b.shape[-1],) if b.ndim == 2 else ()
    a_scale, a_zero = draw(strategies.scales()), draw(strategies.zero_points(left))
    b_scale, b_zero = draw(strategies.scales(shape=per)), draw(strategies.zero_points(right, per))
    graph = Graph()
    a_names, b_names = parameters(graph, "a", a_scale, a_zero), parameters(graph, "b", b_scale, b_zero)
    inputs = [graph.feed("a", a), graph.constant("b", b), a_names[0], b_names[0], a_names[1], b_names[1]]
    real = Real.dequantized(a, a_scale, a_zero).matmul(Real.dequantized(b, b_scale, b_zero))
    if draw(st.booleans()):
        bias = draw(_bias(b.shape[-1]))
        inputs.append(graph.constant("bias", bias))
        real = real + Real.exact(bias)
    graph.node("MatMulIntegerToFloat", tuple(inputs), "y", MICROSOFT)
    graph.output("y", real.as_float32())
    return graph.example(*(["k_zero"] if a.shape[-1] == 0 else []))


@st.composite
def integer16_examples(draw: st.DrawFn) -> Example:
    """Sums that leave 32 bits continue at the other end."""
    a, b = draw(drawn_matrices(INT16, INT16))
    graph = Graph()
    graph.node("MatMulInteger16", (graph.feed("a", a), graph.feed("b", b)), "y", MICROSOFT)
    graph.output("y", integers_expected([compute.matmul_integer(a, b)], np.dtype(np.int32), {}))
    return graph.example(*(["k_zero"] if a.shape[-1] == 0 else []))


@dataclass(frozen=True, slots=True, eq=False)
class _Direction:
    """One direction's weights (inputs, 4 · hidden) and (hidden, 4 · hidden), bias (4 · hidden) and first states."""

    kernel: Real
    recurrent: Real
    bias: Real
    state: Real
    cell: Real

    def run(self, x: Real, steps: range) -> tuple[list[Real], Real]:
        """The state after each of the steps, in their order, and the last cell. Gates in ONNX's order i, o, f, c."""
        state, cell, states = self.state, self.cell, []
        hidden = state.value.shape[-1]
        for step in steps:
            gates = x.mapped(itemgetter(step)).matmul(self.kernel) + _requantized(state).matmul(self.recurrent)
            gates = gates + self.bias
            columns = (slice(gate * hidden, (gate + 1) * hidden) for gate in range(4))
            i, o, f, c = (gates.mapped(itemgetter((slice(None), own))) for own in columns)
            cell = f.sigmoid() * cell + i.sigmoid() * c.tanh()
            state = o.sigmoid() * cell.tanh()
            states.append(state)
        return states, cell


def _requantized(state: Real) -> Real:
    """In 8 bits, in parts of any size: no part's range is larger than that of the whole."""
    high = float((state.value + state.error).max(initial=0.0))
    low = float((state.value - state.error).min(initial=0.0))
    return Real(state.value, state.error + _HALF_A_STEP * (high - low) / 255.0)


@st.composite
def lstm_examples(draw: st.DrawFn, kind: IntegerType, granularity: str, direction: str) -> Example:
    """Weights of signed types are symmetric, and those of unsigned types have one zero point."""
    steps, batch, size, hidden = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(2, 6)), 4
    directions = 2 if direction == "bidirectional" else 1
    codes = draw(strategies.integer_tensors(INT8, (steps, batch, size)))
    codes[..., 0], codes[..., 1] = INT8.lowest, INT8.highest
    x = (codes * _X_STEP).astype(np.float32)
    graph = Graph()
    names, weights = [], []
    for name, rows in (("w", size), ("r", hidden)):
        shape = (directions, 4 * hidden) if granularity == "per_axis" else (directions,)
        q = draw(strategies.integer_tensors(kind, (directions, rows, 4 * hidden)))
        scale = (2.0**-9 * (1.0 + draw(strategies.zero_points(UINT8, shape)) / 256.0)).astype(np.float32)
        zero = np.broadcast_to(np.zeros((), kind.dtype) if kind.signed else draw(strategies.zero_points(kind)), shape)
        names.append([graph.constant(name, q), *parameters(graph, name, scale, zero.copy())])
        column = (directions, 1, -1)
        weights.append(Real.dequantized(q, scale.reshape(column), zero.reshape(column)))
    bias = (draw(strategies.integer_tensors(INT8, (directions, 8 * hidden))) * 2.0**-8).astype(np.float32)
    first = (draw(strategies.integer_tensors(INT8, (2, directions, batch, hidden))) * 2.0**-8).astype(np.float32)
    fed = [graph.feed("x", x), names[0][0], names[1][0], graph.constant("bias", bias), ""]
    fed += [graph.feed("h", first[0]), graph.feed("c", first[1]), "", *names[0][1:], *names[1][1:]]
    attributes = {"hidden_size": hidden, "direction": direction}
    graph.nodes.append(Node("DynamicQuantizeLSTM", tuple(fed), ("y", "y_h", "y_c"), attributes, MICROSOFT))
    sequences, lasts, cells = [], [], []
    for index in range(directions):
        own = itemgetter(index)
        both = Real.exact(bias[index, : 4 * hidden]) + Real.exact(bias[index, 4 * hidden :])
        state, cell = (Real.exact(each[index]) for each in first)
        weight, recurrent = (each.mapped(own) for each in weights)
        reversed_ = direction == "reverse" or index == 1
        order = range(steps - 1, -1, -1) if reversed_ else range(steps)
        states, cell = _Direction(weight, recurrent, both, state, cell).run(Real.exact(x), order)
        lasts.append(states[-1])
        cells.append(cell)
        sequences.append(Real.gathered(np.stack, states[::-1] if reversed_ else states))
    graph.output("y", Real.gathered(partial(np.stack, axis=1), sequences).as_float32())
    graph.output("y_h", Real.gathered(np.stack, lasts).as_float32())
    graph.output("y_c", Real.gathered(np.stack, cells).as_float32())
    return graph.example()
