"""Cast between float32, float16, bfloat16 and the types of 8 bits and fewer, opsets 19 to 25.

To float8: nearest, ties to even, with the specification's tables for NaN, ∞ and what is too large, for `saturate` 1
and 0. To float4e2m1: nearest, ties to even, saturating. From any of them: every code has exactly one value. Bound: 0
ULP; all codes of a type are in every example. To integers the specification leaves open what does not fit, and does
not say how fractions are rounded (NumPy cuts them off, ONNX Runtime rounds ties away from zero): both neighbours.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Array, Example, Expected
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.drawing import FLOATS, Graph, floats_expected, shape_traits
from pytest_qparity.checks.conformance.rounding import float_spacing
from pytest_qparity.quantmath import floats, strategies
from pytest_qparity.quantmath.integers import INT2, INT4, UINT2, UINT4, IntegerType

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FLOAT8", "SATURATION", "every_code", "format_expected", "from_float_examples", "kernels"]

FLOAT8 = (floats.E4M3FN, floats.E4M3FNUZ, floats.E5M2, floats.E5M2FNUZ)
_INFINITY_IS_STATED = 24
_NORMAL = float(np.finfo(np.float32).smallest_normal)
SATURATION = {"saturate1": floats.Saturation.ON, "saturate0": floats.Saturation.OFF}


def kernels() -> Iterator[Kernel]:
    for opset in (19, 21, 23, 25):
        for source in FLOATS if opset in (19, 25) else ("fp32",):
            for target in FLOAT8:
                for saturate in SATURATION:
                    yield _kernel(
                        f"cast-{source}_{target.name}-{saturate}",
                        f"{source} → {target.name}",
                        opset,
                        partial(to_float_examples, source, target, saturate, opset),
                    )
            if opset >= 23:
                yield _kernel(
                    f"cast-{source}_{floats.E2M1.name}",
                    f"{source} → {floats.E2M1.name}",
                    opset,
                    partial(to_float_examples, source, floats.E2M1, None, opset),
                )
            for integer in _integers_at(opset):
                yield _kernel(
                    f"cast-{source}_{integer.name}",
                    f"{source} → {integer.name}",
                    opset,
                    partial(to_integer_examples, source, integer),
                )
        for wide in FLOATS if opset in (19, 25) else ("fp32",):
            for small in (*FLOAT8, *([floats.E2M1] if opset >= 23 else [])):
                yield _kernel(
                    f"cast-{small.name}_{wide}",
                    f"{small.name} → {wide}",
                    opset,
                    partial(from_float_examples, small, wide),
                )
            for integer in _integers_at(opset):
                yield _kernel(
                    f"cast-{integer.name}_{wide}",
                    f"{integer.name} → {wide}",
                    opset,
                    partial(from_integer_examples, integer, wide),
                )
    yield from _changed_at_24()


def _changed_at_24() -> Iterator[Kernel]:
    """One each way for each family of types: what opset 24 brought is float8e8m0."""
    for target, saturate in ((floats.E4M3FN, "saturate0"), (floats.E5M2FNUZ, "saturate1")):
        make = partial(to_float_examples, "fp32", target, saturate, 24)
        yield _kernel(f"cast-fp32_{target.name}-{saturate}", f"fp32 → {target.name}", 24, make)
    to_float4 = partial(to_float_examples, "fp32", floats.E2M1, "saturate0", 24)  # which says nothing of float4
    yield _kernel("cast-fp32_float4e2m1-saturate0", "fp32 → float4e2m1", 24, to_float4)
    yield _kernel("cast-float8e5m2_fp32", "float8e5m2 → fp32", 24, partial(from_float_examples, floats.E5M2, "fp32"))
    yield _kernel("cast-fp32_uint4", "fp32 → uint4", 24, partial(to_integer_examples, "fp32", UINT4))
    yield _kernel("cast-int4_fp32", "int4 → fp32", 24, partial(from_integer_examples, INT4, "fp32"))


def _kernel(stem: str, types: str, opset: int, make: Any) -> Kernel:
    return Kernel(f"{stem}-opset{opset}", "Cast", types, opset, make)


def _integers_at(opset: int) -> tuple[IntegerType, ...]:
    if opset < 21:
        return ()
    return (INT4, UINT4, INT2, UINT2) if opset >= 25 else (INT4, UINT4)


@st.composite
def to_float_examples(
    draw: st.DrawFn, source: str, target: floats.FloatFormat, saturate: str | None, opset: int
) -> Example:
    shape = draw(strategies.shapes())
    values = draw(strategies.format_tensors(target, FLOATS[source], shape))
    graph = Graph()
    attributes = {} if saturate is None else {"saturate": int(saturate[-1])}
    graph.cast(graph.feed("x", values), target.dtype, "y", **attributes)
    graph.output("y", format_expected(values, target, SATURATION[saturate or "saturate1"], opset))
    return graph.example(*shape_traits(shape))


def format_expected(values: Array, target: floats.FloatFormat, saturation: floats.Saturation, opset: int) -> Expected:
    """Exactly the nearest value of the format; left open is NaN where the format has none.

    So is ∞ as a FNUZ format with saturation before opset 24: the tables of Cast-19 to -23 say NaN, the outputs that
    were published for them are ±largest, and the table of Cast-24 has these.
    """
    wide = values.astype(np.float64)
    open_ended = np.isnan(wide) if target.nan == "none" else np.zeros(wide.shape, bool)
    if target.nan == "negative-zero" and saturation is floats.Saturation.ON and opset < _INFINITY_IS_STATED:
        open_ended = np.isinf(wide)
    exact = floats.cast(np.where(open_ended, 0.0, wide), target, saturation).astype(np.float64)
    traits = {
        "nan": np.isnan(wide),
        "infinite": np.isinf(wide),
        "overflow": np.abs(wide) > target.largest,
        "negative_zero": (exact == 0) & np.signbit(wide),
        "subnormal": np.abs(wide) < target.smallest_normal,
        "twice_rounded": exact != _by_way_of_float16(wide, target, saturation),
    }
    return floats_expected(exact, target.dtype, traits, open_ended)


def _by_way_of_float16(wide: Array, target: floats.FloatFormat, saturation: floats.Saturation) -> Array:
    """What rounding to float16 first makes of values: not always the nearest."""
    with np.errstate(over="ignore"):
        halves = np.nan_to_num(wide.astype(np.float16), nan=0.0, posinf=np.inf, neginf=-np.inf)
    twice: Array = floats.cast(halves, target, saturation).astype(np.float64)
    return np.where(np.isfinite(twice), twice, 0.0)


@st.composite
def from_float_examples(draw: st.DrawFn, source: floats.FloatFormat, target: str) -> Example:
    codes = every_code(2**source.bits, draw(st.integers(0, 2**source.bits - 1)))
    graph = Graph()
    graph.cast(graph.constant("x", codes.view(source.dtype)), FLOATS[target], "y")
    decoded = source.decode(codes)
    with np.errstate(over="ignore"):  # float8e8m0 has more exponents than float16
        exact = decoded.astype(FLOATS[target]).astype(np.float64)
    traits = {"nan": np.isnan(exact), "infinite": np.isinf(exact), "subnormal": np.abs(exact) < _NORMAL}
    graph.output("y", floats_expected(exact, FLOATS[target], traits))
    return graph.example("constant")


@st.composite
def to_integer_examples(draw: st.DrawFn, source: str, target: IntegerType) -> Example:
    shape = draw(strategies.shapes())
    values = draw(strategies.tensors(FLOATS[source], shape, lowest=target.lowest, highest=target.highest))
    graph = Graph()
    graph.cast(graph.feed("x", values), target.dtype, "y")
    wide = values.astype(np.float64)
    fits = (wide >= target.lowest) & (wide <= target.highest)  # False for NaN
    inside = np.where(fits, wide, 0.0)
    graph.output(
        "y",
        Expected(np.floor(inside), np.ceil(inside), np.ones(shape), target.dtype, ~fits, traits={"negative": wide < 0}),
    )
    return graph.example(*shape_traits(shape))


@st.composite
def from_integer_examples(draw: st.DrawFn, source: IntegerType, target: str) -> Example:
    levels = every_code(source.levels, draw(st.integers(0, source.levels - 1))).astype(np.int64) + source.lowest
    graph = Graph()
    graph.cast(graph.constant("x", levels.astype(source.dtype)), FLOATS[target], "y")
    exact = levels.astype(np.float64)
    graph.output(
        "y",
        Expected(exact, exact, float_spacing(exact, FLOATS[target]), FLOATS[target], traits={"negative": exact < 0}),
    )
    return graph.example("constant")


def every_code(count: int, first: int) -> Array:
    """All codes, from `first` on and around: an odd number of them, since packed types end in half a byte then."""
    return np.roll(np.arange(count, dtype=np.uint8), -first)[: count - 1 + first % 2]
