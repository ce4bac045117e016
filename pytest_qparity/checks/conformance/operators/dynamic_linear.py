"""DynamicQuantizeLinear, and products with activations that it quantizes.

Bound: S within the roundings of its formula, by division or by the reciprocal of 255. Codes and zero point are exact
where nothing rounds: S a power of two and 255 · S the range, which makes every quotient exact, so that the ties of the
specification (half to even) are held to. Elsewhere one code off is right where these roundings decide upon it, which
the examples keep rare: a symmetric range has its zero point at 127.5, where every code would be in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import frexp
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Array, Example, Expected, Node
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.rounding import Real, float_spacing, gamma
from pytest_qparity.quantmath import dynamic, strategies

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["dynamic_product", "examples", "kernels"]

STEPS = 255
_SCALE_SLACK = 2.0  # spacings of float32: subtraction, division, and the reciprocal of 255
_QUOTIENT_SLACK = 2.0**-23  # relative: a division, or a reciprocal and a product


def kernels() -> Iterator[Kernel]:
    for opset in (13, 25):  # the operator has one version, 11
        identity = f"dynamic_quantize_linear-uint8-opset{opset}"
        yield Kernel(identity, "DynamicQuantizeLinear", "fp32 → uint8", opset, examples)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    x = draw(st.one_of(_in_exact_steps(), _in_any_steps(), _in_exact_steps(), _tensors_of_any_range()))
    graph = Graph()
    graph.nodes.append(Node("DynamicQuantizeLinear", (graph.feed("x", x),), ("y", "scale", "zero")))
    _, scale, _ = dynamic.dynamic_quantize_linear(x)
    steps, zero = _steps_and_zero(x, scale)
    undefined = not x.any()  # without a range the scale is 0 and the codes 0 / 0
    traits = {"tie": _fractions(x, scale) == 0.5, "near_tie": steps.is_in_doubt}
    graph.output("y", (steps + zero).expected(undefined, traits))
    value = np.asarray(float(scale))
    spacing = float_spacing(value, np.dtype(np.float32))
    slack = 0.0 if _is_exact(x, scale) else _SCALE_SLACK * spacing
    graph.output("scale", Expected(value - slack, value + slack, spacing, np.dtype(np.float32), np.asarray(undefined)))
    graph.output("zero", zero.expected(undefined, {}))
    return graph.example(*(["no_range"] if undefined else []))


@st.composite
def _in_exact_steps(draw: st.DrawFn) -> Array:
    """Steps and half steps of a power of two, between ends that are 255 of them apart: ties that nothing rounds."""
    step = 2.0 ** draw(st.integers(-20, 20))
    # Halves make the zero point a tie, as 127.5 of a symmetric range.
    bottom = -draw(st.one_of(st.integers(0, STEPS), st.sampled_from((127.5, 0.5, 100.5, 254.5))))
    shape = draw(strategies.shapes(min_rank=1, empty=False))
    genes = draw(strategies.tensors(np.float32, shape, lowest=0, highest=STEPS, finite=True))
    halves = np.rint(2.0 * np.clip(genes.astype(np.float64), 0.0, STEPS)) / 2.0 + bottom
    return _with_ends(halves, bottom, bottom + STEPS, step)


@st.composite
def _in_any_steps(draw: st.DrawFn) -> Array:
    """Between ends that are not symmetric, in steps that float32 rounds."""
    below, above = draw(st.tuples(st.integers(0, 60), st.integers(61, 255)).flatmap(st.permutations))
    shape = draw(strategies.shapes(min_rank=1, empty=False))
    x = draw(strategies.tensors(np.float32, shape, lowest=-below, highest=above, finite=True))
    step = float(draw(strategies.scales()))
    return _with_ends(np.clip(x.astype(np.float64), -below, above), -below, above, step)


@st.composite
def _tensors_of_any_range(draw: st.DrawFn) -> Array:
    """Of one sign, of one value, of zeros, with outliers: as they come, below a million."""
    shape = draw(strategies.shapes(min_rank=1, empty=False))
    x = draw(strategies.tensors(np.float32, shape, scale=draw(strategies.scales()), finite=True))
    highest = draw(st.sampled_from((1e6, 5e5, 100.0, 1.0, 0.0)))  # no zero point near a half with either of them
    return np.clip(x, -3e5, highest).astype(np.float32)  # a range beyond float32 has no scale: nothing is said of it


def _with_ends(steps: Array, bottom: float, top: float, step: float) -> Array:
    """The values of these steps, the ends of the range among them where there is room for both."""
    flat = steps.reshape(-1)
    if flat.size > 1:
        flat[0], flat[-1] = bottom, top
    return np.asarray((steps * step).astype(np.float32))


def dynamic_product(a: Array, weights: Real) -> Real:
    """`a`, quantized with the range that it has, times dequantized weights."""
    codes, scale, zero = dynamic.dynamic_quantize_linear(a)
    steps, point = _steps_and_zero(a, scale)
    # A zero point that rounding moves moves all codes along, and their differences stay but where they saturate.
    off = float(scale) * (steps.is_in_doubt + 2.0 * point.is_in_doubt)
    quantized = Real((codes.astype(np.float64) - float(zero)) * float(scale), off)
    product = quantized.matmul(weights)
    return Real(product.value, product.error + gamma(8) * (np.abs(quantized.value) @ np.abs(weights.value)))


@dataclass(frozen=True, slots=True, eq=False)
class _Codes:
    """Integers from `lowest` to `highest`, elementwise."""

    lowest: Array
    highest: Array

    def __add__(self, other: _Codes) -> _Codes:
        return _Codes(self.lowest + other.lowest, self.highest + other.highest)

    @property
    def is_in_doubt(self) -> Array:
        return np.asarray(self.lowest != self.highest)

    def expected(self, undefined: bool, traits: dict[str, Array]) -> Expected:
        lowest, highest = (np.clip(end, 0, STEPS) for end in (self.lowest, self.highest))
        free = np.full(lowest.shape, undefined)
        return Expected(lowest, highest, np.ones(lowest.shape), np.dtype(np.uint8), free, traits=traits)


def _steps_and_zero(x: Array, scale: Array) -> tuple[_Codes, _Codes]:
    """What rint(x / S) and the zero point are by any order of roundings."""
    wide = float(scale)
    slack = 0.0
    if wide > 0.0 and not _is_exact(x, scale):
        # Of a quotient of at most 255.
        relative = _SCALE_SLACK * float(float_spacing(scale.astype(np.float64), np.dtype(np.float32))) / wide
        slack = STEPS * (relative + _QUOTIENT_SLACK)
    lowest = -x.astype(np.float64).min(initial=0.0)
    steps, offset = _divided(x, wide), np.clip(_divided(lowest, wide), 0, STEPS)
    return (
        _Codes(np.rint(steps - slack), np.rint(steps + slack)),
        _Codes(np.rint(np.maximum(offset - slack, 0)), np.rint(np.minimum(offset + slack, STEPS))),
    )


def _is_exact(x: Array, scale: Array) -> bool:
    """Whether S is a power of two, and the range 255 of it: no operation rounds."""
    lowest, highest = (Fraction(float(end(x, initial=0.0))) for end in (np.min, np.max))
    return frexp(float(scale))[0] == 0.5 and highest - lowest == STEPS * Fraction(float(scale))


def _fractions(x: Array, scale: Array) -> Array:
    """Of values in steps; what lies beyond float64 has none."""
    steps = _divided(x, float(scale))
    with np.errstate(invalid="ignore"):
        return np.asarray(steps - np.floor(steps))


def _divided(values: Array, scale: float) -> Array:
    """0 / 0 as 0: of a range below 255 · 2⁻¹⁵⁰ the scale is 0, and the codes are at the ends."""
    wide = np.asarray(values, np.float64)
    with np.errstate(all="ignore"):
        return np.where(wide == 0.0, 0.0, wide / np.float64(scale))
