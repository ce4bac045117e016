"""QGemm's options (ContribOperators.md): transposed operands, alpha, every shape of C, a float32 output, K = 0.

y = alpha·S_a·S_b·(Σ (a − Z_a)(b − Z_b) + C), C of scale alpha·S_a·S_b; quantized as QLinearMatMul does where y has a
scale. Bound: as QLinearMatMul, with one rounding more for alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.contrib import parameters
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.operators.qlinear import SHORT, int32_bias, output_parameters, requantized
from pytest_qparity.checks.conformance.rounding import Real, gamma
from pytest_qparity.quantmath import compute, strategies
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["kernels"]

OPSET = 21
_ROUNDINGS = 5


@dataclass(frozen=True, slots=True)
class Options:
    left: IntegerType
    right: IntegerType
    granularity: str
    alphas: tuple[float, ...] = (1.0,)
    depths: tuple[int, ...] = (1, 4, 7, 16, 33)
    is_float: bool = False


def kernels() -> Iterator[Kernel]:
    for options, end in (
        (Options(UINT8, INT8, "per_tensor"), "transposed"),
        (Options(INT8, INT8, "per_axis", alphas=(0.5, 0.3, -2.0)), "alpha"),
        (Options(UINT8, UINT8, "per_axis", is_float=True), "float_output"),
        (Options(UINT8, INT8, "per_tensor", is_float=True, depths=(0,)), "float_output_of_nothing"),
    ):
        yield Kernel(
            f"qgemm-{SHORT[options.left]}{SHORT[options.right]}-{options.granularity}-{end}-opset{OPSET}",
            f"{MICROSOFT}.QGemm",
            f"{options.left.name} × {options.right.name}",
            OPSET,
            partial(examples, options),
        )


@st.composite
def examples(draw: st.DrawFn, options: Options) -> Example:
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 17))
    depth = draw(st.sampled_from(options.depths))
    a = draw(strategies.integer_tensors(options.left, (rows, depth)))
    b = draw(strategies.integer_tensors(options.right, (depth, columns)))
    per = (columns,) if options.granularity == "per_axis" else ()
    a_scale, a_zero = draw(strategies.scales()), draw(strategies.zero_points(options.left))
    b_scale, b_zero = draw(strategies.scales(shape=per)), draw(strategies.zero_points(options.right, per))
    alpha = draw(st.sampled_from(options.alphas))
    transposes = draw(st.tuples(st.booleans(), st.booleans()))
    graph = Graph()
    inputs = [
        graph.feed("a", a.T.copy() if transposes[0] else a),
        *parameters(graph, "a", a_scale, a_zero),
        graph.constant("b", b.T.copy() if transposes[1] else b),
        *parameters(graph, "b", b_scale, b_zero),
    ]
    accumulator = compute.matmul_integer(a, b, a_zero, b_zero)
    c_shape = draw(st.sampled_from(((rows, columns), (), (columns,), (1, columns), (rows, 1), None)))
    if c_shape is not None:
        c = draw(int32_bias(int(np.prod(c_shape)))).reshape(c_shape)
        accumulator = compute.wrap_int32(accumulator.astype(np.int64) + c)
    inputs.append("" if c_shape is None else graph.constant("c", c))
    scales = float(np.float32(alpha)) * a_scale.astype(np.float64) * b_scale.astype(np.float64)
    attributes = {"alpha": alpha, "transA": int(transposes[0]), "transB": int(transposes[1])}
    if options.is_float:
        graph.node("QGemm", tuple(inputs), "y", MICROSOFT, **attributes)
        graph.output("y", _scaled(accumulator, scales).as_float32())
    else:
        y_scale, y_zero = draw(output_parameters(accumulator * scales, options.left))
        graph.node("QGemm", (*inputs, *parameters(graph, "y", y_scale, y_zero)), "y", MICROSOFT, **attributes)
        graph.output("y", requantized(accumulator, scales, y_scale, y_zero, options.left, _ROUNDINGS))
    return graph.example(*(["k_zero"] if depth == 0 else []))


def _scaled(accumulator: Array, scales: Array) -> Real:
    value = accumulator.astype(np.float64) * scales
    return Real(value, gamma(_ROUNDINGS) * np.abs(value))
