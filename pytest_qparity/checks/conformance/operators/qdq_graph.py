"""Tensors between QuantizeLinear and DequantizeLinear: what stands for what, in integers or in a small float format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Array, Expected
from pytest_qparity.checks.conformance.operators.departures import UNROUNDED, unrounded
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.operators.qlinear import fitting_scale
from pytest_qparity.checks.conformance.rounding import FLOAT32, Real, gamma
from pytest_qparity.quantmath import floats, strategies
from pytest_qparity.quantmath.floats import FloatFormat
from pytest_qparity.quantmath.integers import IntegerType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Element", "QdqGraph", "Quantized"]

Element: TypeAlias = IntegerType | FloatFormat


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """A dequantized tensor of the graph: its name, what it stands for, and its scale."""

    name: str
    real: Real
    scale: Array


class QdqGraph(Graph):
    """A graph in which tensors are quantized and dequantized around what is computed."""

    def activation(
        self, draw: st.DrawFn, name: str, element: Element, shape: tuple[int, ...], scale: Array | None = None
    ) -> Quantized:
        """A float input behind QuantizeLinear and DequantizeLinear. It is fed what the codes stand for, so that no
        rounding of the quotient decides which codes they are."""
        codes, own, zero = self._drawn(draw, element, shape, ())
        scale = own if scale is None else scale
        meant = _dequantized(element, codes, scale, zero)
        x = self.feed(name, meant.value.astype(np.float32))
        parameters = self._parameters(name, scale, zero)
        quantized = self.node("QuantizeLinear", (x, *parameters), f"{name}_quantized")
        return Quantized(self.node("DequantizeLinear", (quantized, *parameters), f"{name}_dequantized"), meant, scale)

    def weight(
        self,
        draw: st.DrawFn,
        name: str,
        element: Element,
        shape: tuple[int, ...],
        axis: int | None = None,
        scale: Array | None = None,
    ) -> Quantized:
        """Codes in the file behind DequantizeLinear, per tensor or per `axis`, symmetric where integers have a sign."""
        codes, own, zero = self._drawn(draw, element, shape, () if axis is None else (shape[axis],))
        scale = own if scale is None else scale
        if isinstance(element, IntegerType) and element.signed:
            zero = np.zeros_like(zero)
        column = [1] * len(shape)
        if axis is not None:
            column[axis] = shape[axis]
        parameters = self._parameters(name, scale, zero)
        attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
        dequantized = self.node(
            "DequantizeLinear", (self.constant(name, codes), *parameters), f"{name}_dequantized", **attributes
        )
        real = _dequantized(
            element,
            codes,
            scale.reshape(column) if axis is not None else scale,
            zero.reshape(column) if axis is not None else zero,
        )
        return Quantized(dequantized, real, scale)

    def bias(self, draw: st.DrawFn, x: Quantized, w: Quantized, size: int) -> Quantized:
        """int32 codes whose scale is the product of x's and w's, as quantizers store a bias."""
        codes = draw(st.lists(st.integers(-5_000, 5_000), min_size=size, max_size=size))
        scale = (x.scale * w.scale).astype(np.float32)
        array = np.asarray(codes, np.int32)
        zero = np.zeros(scale.shape, np.int32)
        inputs = (self.constant("bias", array), *self._parameters("bias", scale, zero))
        attributes: dict[str, Any] = {"axis": 0} if scale.shape else {}
        return Quantized(
            self.node("DequantizeLinear", inputs, "bias_dequantized", **attributes),
            Real.dequantized(array, scale, 0),
            scale,
        )

    def requantized(self, draw: st.DrawFn, name: str, real: Real, element: Element) -> Quantized:
        """QuantizeLinear and DequantizeLinear behind what was computed; what comes out may be one of several codes."""
        dequantized, expected, scale, offset = self._quantized(draw, name, name, real, element)
        return Quantized(dequantized, _meant(expected, scale, offset), scale)

    def as_quantized(self, other: Quantized, element: IntegerType, real: Real) -> Real:
        """What `real` becomes with the scale and zero point of another activation."""
        zero = self.constants[f"{other.name.removesuffix('_dequantized')}_zero"]
        return _meant(real.quantized_to(other.scale, zero, element), other.scale, zero.astype(np.float64))

    def finished(
        self,
        draw: st.DrawFn,
        name: str,
        real: Real,
        element: Element,
        traits: Mapping[str, Array] | None = None,
        instead: Mapping[str, tuple[Real, ...]] | None = None,
        passed: Real | None = None,
        parameters: tuple[Array, Array] | None = None,
    ) -> None:
        """The output of the pattern: quantized, and dequantized as in a file whose outputs are float32. `traits` are of
        what comes before, beside those of the rounding; `instead` is as Expected has it, before the rounding;
        `passed` is what comes out if nothing is quantized on the way, where that is not `real`. `parameters`: scale and
        zero point, where they are not drawn to fit."""
        y, codes, scale, offset = self._quantized(draw, name, "y", real, element, parameters)
        zero = np.asarray(offset, np.int64)
        others = instead or {}
        self.output(
            y,
            replace(
                _as_floats(codes, scale, offset, element, traits or {}),
                instead={
                    UNROUNDED: unrounded(passed or real, *chain.from_iterable(others.values())),
                    **{
                        trait: tuple(
                            _as_floats(each.quantized_to(scale, zero, element), scale, offset, element, {})
                            for each in reals
                        )
                        for trait, reals in others.items()
                    },
                },
            ),
        )

    def _quantized(
        self,
        draw: st.DrawFn,
        name: str,
        stem: str,
        real: Real,
        element: Element,
        drawn: tuple[Array, Array] | None = None,
    ) -> tuple[str, Expected, Array, Array]:
        """Both nodes behind `name`, theirs and their parameters' names begin with `stem`: the name behind, the codes
        that may be between, scale, zero point (0.0 where codes are floats)."""
        scale, zero = draw(_output_parameters(real, element)) if drawn is None else drawn
        parameters = self._parameters(stem, scale, zero)
        quantized = self.node("QuantizeLinear", (name, *parameters), f"{stem}_quantized")
        behind = "y" if stem == "y" else f"{stem}_dequantized"
        self.node("DequantizeLinear", (quantized, *parameters), behind)
        offset = np.asarray(zero, np.float64) if isinstance(element, IntegerType) else np.float64(0.0)
        return behind, real.quantized_to(scale, zero, element), scale, np.asarray(offset)

    def _drawn(
        self, draw: st.DrawFn, element: Element, shape: tuple[int, ...], parameters: tuple[int, ...]
    ) -> tuple[Array, Array, Array]:
        scale = draw(strategies.scales(shape=parameters))
        if isinstance(element, IntegerType):
            return (
                draw(strategies.integer_tensors(element, shape)),
                scale,
                draw(strategies.zero_points(element, parameters)),
            )
        values = draw(strategies.format_tensors(element, np.float32, shape))
        values = np.clip(np.nan_to_num(values, nan=0.0), -element.largest, element.largest)
        codes = floats.cast(values.astype(np.float32), element)
        return codes, scale, np.zeros(parameters, np.uint8).view(element.dtype)

    def _parameters(self, name: str, scale: Array, zero: Array) -> tuple[str, str]:
        return self.constant(f"{name}_scale", scale), self.constant(f"{name}_zero", np.asarray(zero))


def _dequantized(element: Element, codes: Array, scale: Array, zero: Array) -> Real:
    if isinstance(element, IntegerType):
        return Real.dequantized(codes, scale, zero)
    value = codes.astype(np.float64) * scale.astype(np.float64)
    return Real(value, gamma(1) * np.abs(value))


def _meant(codes: Expected, scale: Array, offset: Array) -> Real:
    """What codes stand for, any of those that may be."""
    middle, reach = (codes.lowest + codes.highest) / 2.0, (codes.highest - codes.lowest) / 2.0
    value = (middle - offset) * scale.astype(np.float64)
    return Real(value, reach * scale + 4 * FLOAT32 * np.abs(value))


def _as_floats(
    expected: Expected, scale: Array, offset: Array, element: Element, traits: Mapping[str, Array]
) -> Expected:
    """Codes as DequantizeLinear gives them."""
    step = scale.astype(np.float64)
    low, high = (expected.lowest - offset) * step, (expected.highest - offset) * step
    # How a code becomes float32 is DequantizeLinear's matter: 8 roundings of anything within the type's range.
    reach = np.abs(offset) + (element.levels if isinstance(element, IntegerType) else 0)
    slack = 8 * FLOAT32 * (np.maximum(np.abs(low), np.abs(high)) + reach * step)
    return Expected(
        low - slack, high + slack, expected.unit * step, np.dtype(np.float32), traits={**expected.traits, **traits}
    )


@st.composite
def _output_parameters(draw: st.DrawFn, real: Real, element: Element) -> tuple[Array, Array]:
    """A scale under which most of `real` is inside of the range, and a zero point: at an end or inside."""
    if not isinstance(element, IntegerType):
        return draw(fitting_scale(real.value, element.largest)), np.zeros((), np.uint8).view(element.dtype)
    steps = element.levels / 2
    scale = draw(fitting_scale(real.spread(steps), steps))
    kind = draw(st.sampled_from(("zero", "lowest", "any")))
    zero = {"zero": 0, "lowest": element.lowest, "any": int(draw(strategies.zero_points(element)))}[kind]
    return scale, np.asarray(zero).astype(element.dtype)
