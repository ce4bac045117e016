"""Cast from one small type to another, and to and from float8e8m0.

Between float8 and float4: as from float32, since every code is a float32. Between integers: "when OOR, discard higher
bits and reinterpret". To float8e8m0 (opset 24): `round_mode`, with the table's two columns, up with saturation and
nearest without; saturation is what it says with down and nearest as well. What is out of range up or down without it,
negative, or −0, the specification leaves open. Bound: 0 ULP.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Expected
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.cast import (
    SATURATION,
    every_code,
    format_expected,
    from_float_examples,
)
from pytest_qparity.checks.conformance.operators.drawing import FLOATS, Graph, floats_expected, shape_traits
from pytest_qparity.quantmath import e8m0, floats, integers, strategies
from pytest_qparity.quantmath.floats import E2M1, E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, E8M0
from pytest_qparity.quantmath.integers import INT2, INT4, INT8, UINT2, UINT4, UINT8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["kernels"]

_NORMAL = float(np.finfo(np.float32).smallest_normal)  # 2⁻¹²⁶: float8e8m0 goes one further down

_FLOATS_TO_FLOATS = (
    (E4M3FN, E5M2, "saturate1", 19),
    (E5M2, E4M3FN, "saturate1", 19),
    (E5M2, E4M3FN, "saturate0", 19),
    (E4M3FN, E2M1, "", 23),
    (E2M1, E4M3FN, "saturate1", 23),
    (E5M2, E4M3FNUZ, "saturate1", 24),
    (E4M3FN, E5M2FNUZ, "saturate0", 25),
)
_INTEGERS_TO_INTEGERS = (
    (INT4, INT8, 21),
    (INT8, INT4, 21),
    (UINT8, INT4, 21),
    (INT4, UINT4, 21),
    (INT2, INT4, 25),
    (INT4, INT2, 25),
    (INT8, UINT2, 25),
)
_TO_E8M0 = (
    # source, round_mode, saturate; the last row is what the attributes are by default
    ("fp32", "up", "saturate1", 24),
    ("fp32", "up", "saturate0", 24),
    ("fp32", "down", "saturate1", 24),
    ("fp32", "nearest", "saturate1", 24),
    ("fp32", "nearest", "saturate0", 24),
    ("fp16", "nearest", "saturate1", 25),
    ("bf16", "down", "saturate1", 25),
    ("fp32", "", "", 25),
)
_FROM_E8M0 = (("fp32", 24), ("bf16", 24), ("fp16", 24), ("fp32", 25))


def kernels() -> Iterator[Kernel]:
    for small, other, saturate, opset in _FLOATS_TO_FLOATS:
        make = partial(_float_examples, small, other, saturate, opset)
        yield _kernel(small.name, other.name, (saturate,), opset, make)
    for integer, narrower, opset in _INTEGERS_TO_INTEGERS:
        yield _kernel(integer.name, narrower.name, (), opset, partial(_integer_examples, integer, narrower))
    for source, mode, saturate, opset in _TO_E8M0:
        make = partial(_e8m0_examples, source, mode, saturate)
        yield _kernel(source, E8M0.name, (mode, saturate), opset, make)
    for target, opset in _FROM_E8M0:
        yield _kernel(E8M0.name, target, (), opset, partial(from_float_examples, E8M0, target))


def _kernel(source: str, target: str, options: tuple[str, ...], opset: int, make: Any) -> Kernel:
    words = "".join(f"-{word}" for word in options if word)
    return Kernel(f"cast-{source}_{target}{words}-opset{opset}", "Cast", f"{source} → {target}", opset, make)


@st.composite
def _float_examples(
    draw: st.DrawFn, source: floats.FloatFormat, target: floats.FloatFormat, saturate: str, opset: int
) -> Example:
    codes = every_code(2**source.bits, draw(st.integers(0, 2**source.bits - 1)))
    graph = Graph()
    graph.cast(graph.constant("x", codes.view(source.dtype)), target.dtype, "y", **_attributes("", saturate))
    graph.output("y", format_expected(source.decode(codes), target, SATURATION[saturate or "saturate1"], opset))
    return graph.example("constant")


@st.composite
def _integer_examples(draw: st.DrawFn, source: integers.IntegerType, target: integers.IntegerType) -> Example:
    levels = every_code(source.levels, draw(st.integers(0, source.levels - 1))).astype(np.int64) + source.lowest
    codes = levels.astype(source.dtype)
    as_constant = source.bits < 8 or draw(st.booleans())
    graph = Graph()
    graph.cast(graph.constant("x", codes) if as_constant else graph.feed("x", codes), target.dtype, "y")
    exact = integers.reinterpreted(codes, target).astype(np.float64)
    traits = {"overflow": exact != levels, "negative": levels < 0}
    graph.output("y", Expected(exact, exact, np.ones(exact.shape), target.dtype, traits=traits))
    return graph.example(*(["constant"] if as_constant else []))


@st.composite
def _e8m0_examples(draw: st.DrawFn, source: str, mode: str, saturate: str) -> Example:
    shape = draw(strategies.shapes())
    values = draw(strategies.format_tensors(E8M0, FLOATS[source], shape))
    if draw(st.booleans()):
        values = np.abs(values)
    graph = Graph()
    graph.cast(graph.feed("x", values), E8M0.dtype, "y", **_attributes(mode, saturate))
    graph.output("y", _e8m0_expected(values, mode or "up", saturate or "saturate1"))
    return graph.example(*shape_traits(shape))


def _e8m0_expected(values: Array, mode: str, saturate: str) -> Expected:
    wide = values.astype(np.float64)
    above, below = wide > E8M0.largest, wide < E8M0.smallest_normal
    unspecified = np.signbit(wide) & ~np.isnan(wide)
    if saturate == "saturate0" and mode != "nearest":
        unspecified = unspecified | above | below
    inside = np.where(unspecified, 1.0, wide)
    exact = e8m0.cast(inside, e8m0.Rounding(mode), SATURATION[saturate]).astype(np.float64)
    traits = {
        "nan": np.isnan(wide),
        "infinite": np.isinf(wide),
        "overflow": above,
        "subnormal": wide < _NORMAL,
        "tie": np.frexp(np.where(np.isfinite(wide), wide, 1.0))[0] == 0.75,
    }
    return floats_expected(exact, E8M0.dtype, traits, unspecified)


def _attributes(mode: str, saturate: str) -> dict[str, Any]:
    found: dict[str, Any] = {"round_mode": mode} if mode else {}
    return found | ({"saturate": SATURATION[saturate].value} if saturate else {})
