"""QLinearMatMul's options: scales of float16 and bfloat16 and float8 operands (opset 21), parameters for each row,
vectors and batches that broadcast, an output of another type.

Bound: as in `qlinear.py`, and where scales are of a smaller type, their product and its quotient with y's may be
rounded to that type: the operator does not say in which they are computed, and ONNX's own evaluator does so. Of float8
the values of the format nearest to any value within the roundings of float32 arithmetic, sums in any order.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.drawing import FLOATS, Graph
from pytest_qparity.checks.conformance.operators.integer_products import (
    column_shape,
    drawn_matrices,
    row_shape,
    shaped_matrices,
)
from pytest_qparity.checks.conformance.operators.qlinear import SHORT, fitting_scale, output_parameters
from pytest_qparity.checks.conformance.rounding import Real, gamma
from pytest_qparity.quantmath import compute, floats, strategies
from pytest_qparity.quantmath.floats import E4M3FN, E5M2, FloatFormat
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

    Shape = Callable[[Array], tuple[int, ...]]
    Operands = Callable[[IntegerType, IntegerType], st.SearchStrategy[tuple[Array, Array]]]

__all__ = ["kernels"]

OPSET = 21


def kernels() -> Iterator[Kernel]:
    for name, right, granularity in (
        ("fp16", INT8, "per_tensor"),
        ("fp16", UINT8, "per_axis"),
        ("bf16", INT8, "per_tensor"),
    ):
        columns = _whole if granularity == "per_tensor" else _matrix_columns
        make = partial(examples, drawn_matrices, (UINT8, right, UINT8), (_whole, columns), FLOATS[name])
        yield _kernel(f"u8{SHORT[right]}-{granularity}-{name}_scales", f"uint8 × {right.name}, {name} scales", make)
    fp32 = FLOATS["fp32"]
    of_rows = partial(examples, drawn_matrices, (UINT8, INT8, UINT8), (row_shape, column_shape), fp32)
    yield _kernel("u8s8-per_row", "uint8 × int8", of_rows)
    shaped = partial(examples, shaped_matrices, (UINT8, INT8, UINT8), (_whole, _whole), fp32)
    yield _kernel("u8s8-shapes", "uint8 × int8", shaped)
    for types in ((INT8, UINT8, INT8), (UINT8, INT8, INT8)):
        make = partial(examples, drawn_matrices, types, (_whole, _whole), fp32)
        a, b, y = (SHORT[each] for each in types)
        yield _kernel(f"{a}{b}_{y}-per_tensor", f"{types[0].name} × {types[1].name}", make)
    for element in (E4M3FN, E5M2):
        yield _kernel(f"{element.name}-per_tensor", element.name, partial(float8_examples, element))


def _kernel(middle: str, types: str, make: Callable[..., Any]) -> Kernel:
    return Kernel(f"qlinear_matmul-{middle}-opset{OPSET}", "QLinearMatMul", types, OPSET, make)


def _whole(operand: Array) -> tuple[int, ...]:
    return ()


def _matrix_columns(operand: Array) -> tuple[int, ...]:
    return column_shape(operand) if operand.ndim == 2 else ()


@st.composite
def examples(
    draw: st.DrawFn,
    operands: Operands,
    types: tuple[IntegerType, IntegerType, IntegerType],
    granularity: tuple[Shape, Shape],
    scale_type: np.dtype[Any],
) -> Example:
    """`types` of a, b and y; `granularity` gives the shapes of the parameters of a and of b."""
    left, right, output = types
    a, b = draw(operands(left, right))
    a_shape, b_shape = granularity[0](a), granularity[1](b)
    a_scale, a_zero = draw(strategies.scales(scale_type, a_shape)), draw(strategies.zero_points(left, a_shape))
    b_scale, b_zero = draw(strategies.scales(scale_type, b_shape)), draw(strategies.zero_points(right, b_shape))
    accumulator = compute.matmul_integer(a, b, a_zero, b_zero)
    scales = compute.per_row(a_scale.astype(np.float64), a) * compute.per_column(b_scale.astype(np.float64), b)
    y_scale, y_zero = draw(output_parameters(accumulator * scales, output))
    y_scale = _of_type(y_scale, scale_type)
    graph = Graph()
    parameters = {"a_scale": a_scale, "a_zero": a_zero, "b_scale": b_scale, "b_zero": b_zero}
    parameters |= {"y_scale": y_scale, "y_zero": y_zero}
    named = {name: graph.constant(name, np.asarray(array)) for name, array in parameters.items()}
    inputs = (graph.feed("a", a), named["a_scale"], named["a_zero"], graph.constant("b", b))
    graph.node("QLinearMatMul", (*inputs, *list(named.values())[2:]), "y")
    wide = y_scale.astype(np.float64)
    real = Real(accumulator * scales, np.abs(accumulator) * _scale_error(scales, wide, scale_type) * wide)
    graph.output("y", real.quantized(wide, y_zero, output))
    traits = {
        "k_zero": a.shape[-1] == 0,
        "several_scales": max(a_scale.size, b_scale.size) > 1,
        "vector": min(a.ndim, b.ndim) == 1,
    }
    return graph.example(*(trait for trait, holds in traits.items() if holds))


def _scale_error(scales: Array, y_scale: Array, scale_type: np.dtype[Any]) -> Array:
    """How far S_a·S_b / S_y may be off: 4 roundings of float32 arithmetic, and of a smaller type those of the product
    and the quotient, also where these are subnormal."""
    multiplier = scales / y_scale
    error = gamma(4) * np.abs(multiplier)
    if scale_type == np.float32:
        return np.asarray(error)
    info: Any = ml_dtypes.finfo(scale_type)  # type: ignore[no-untyped-call]
    roundoff, underflow = 0.5 * float(info.eps), 0.5 * float(info.smallest_subnormal)
    product = (roundoff * np.abs(scales) + underflow) / y_scale
    return np.asarray(error + product * (1.0 + roundoff) + roundoff * np.abs(multiplier) + underflow)


def _of_type(scale: Array, to: np.dtype[Any]) -> Array:
    """Within the normal range of the type."""
    info: Any = ml_dtypes.finfo(to)  # type: ignore[no-untyped-call]
    return np.asarray(np.clip(scale, float(info.smallest_normal), float(info.max)).astype(to))


@st.composite
def float8_examples(draw: st.DrawFn, element: FloatFormat) -> Example:
    rows, depth, columns = draw(st.integers(1, 5)), draw(st.integers(1, 33)), draw(st.integers(1, 5))
    a, b = draw(_float8_tensors(element, (rows, depth))), draw(_float8_tensors(element, (depth, columns)))
    a_scale, b_scale = draw(strategies.scales()), draw(strategies.scales())
    product = Real.exact(a).matmul(Real.exact(b))
    real = product * Real.exact(a_scale) * Real.exact(b_scale)
    y_scale = draw(fitting_scale(real.value, element.largest))
    zero = np.zeros((), np.uint8).view(element.dtype)
    graph = Graph()
    names = [graph.constant(name, array) for name, array in (("a_scale", a_scale), ("b_scale", b_scale))]
    zero_name = graph.constant("zero", zero)
    inputs = (graph.feed("a", a), names[0], zero_name, graph.constant("b", b), names[1], zero_name)
    graph.node("QLinearMatMul", (*inputs, graph.constant("y_scale", y_scale), zero_name), "y")
    graph.output("y", real.quantized_to(y_scale, zero, element))
    return graph.example()


@st.composite
def _float8_tensors(draw: st.DrawFn, element: FloatFormat, shape: tuple[int, ...]) -> Array:
    values = draw(strategies.format_tensors(element, np.float32, shape))
    values = np.clip(np.nan_to_num(values, nan=0.0), -element.largest, element.largest)
    return floats.cast(values.astype(np.float32), element)
