"""Forward error analysis: values in float64 that carry a bound of what float32 arithmetic may make of them.

The standard model: fl(a ∘ b) = (a ∘ b)(1 + δ), |δ| ≤ u = 2⁻²⁴, so that n roundings in a row are within
γₙ = n·u / (1 − n·u). Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §2.2, §3.1 (lemma 3.1)
and eq. (3.5) for sums in any order: an engine may reorder, fuse and use wider accumulators, and stays within.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.checks.conformance.example import Array, Expected
from pytest_qparity.quantmath import floats, integers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["FLOAT32", "Real", "float_spacing", "gamma", "is_power_of_two", "spacing"]

FLOAT32 = 2.0**-24
_TINY = 2.0**-149  # a result below float32's normal range is off by half a subnormal at most
_SMALLEST_NORMAL = 2.0**-126  # what is below it may be taken for 0
# Vector libraries approximate exp, tanh and the logistic function, and no specification says by how much: relative for
# exp, absolute for functions into [−1, 1]. Measured over 10⁷ float32 each (tests/checks/conformance/transcendental.py):
#                           Exp               Sigmoid       Tanh
#   ONNX Runtime 1.32.0     2⁻²³·⁶⁷           2⁻²²·⁵¹       2⁻²¹·⁵⁷
#   OpenVINO 2026.4.1       2⁻²¹·²⁹ (5.3 ULP)  2⁻²³·³⁸       2⁻²³·⁷²
# Twice the largest of these (2⁻²¹·²⁹), and the next power of two: 2.4 times.
TRANSCENDENTAL = 2.0**-20


def gamma(roundings: int | float, unit_roundoff: float = FLOAT32) -> float:
    """γₙ = n·u / (1 − n·u). Higham, lemma 3.1."""
    product = roundings * unit_roundoff
    if not product < 1.0:
        raise ValueError(f"got {roundings} roundings, should be fewer than {1 / unit_roundoff:.0f}")
    return product / (1.0 - product)


def spacing(values: Array, mantissa_bits: int, smallest_exponent: int) -> Array:
    """2^(max(⌊log₂|v|⌋, smallest_exponent) − mantissa_bits): the distance of a format's values around `values`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        _, exponent = np.frexp(np.where(np.isfinite(values), values, 1.0))
    exponent = np.where(values == 0.0, smallest_exponent + 1, exponent)
    return np.asarray(np.ldexp(1.0, np.maximum(exponent - 1, smallest_exponent) - mantissa_bits))


def is_power_of_two(scale: Array) -> Array:
    """Multiplying and dividing by these is exact."""
    return np.asarray(np.frexp(scale)[0] == 0.5)


def float_spacing(values: Array, dtype: np.dtype[Any]) -> Array:
    """The distance of the values of a float type around `values`; of NaN and infinity some positive number."""
    import ml_dtypes

    info: Any = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    return spacing(values, int(info.nmant), int(info.minexp))


@dataclass(frozen=True, slots=True, eq=False)
class Real:
    """Values (float64) and, elementwise, how far a float32 computation of them may be off at most."""

    value: Array
    error: Array

    @classmethod
    def exact(cls, value: Any) -> Real:
        array = np.asarray(value, np.float64)
        return cls(array, np.zeros_like(array))

    @classmethod
    def dequantized(cls, codes: Array, scale: Any, zero_point: Any) -> Real:
        """(q − Z)·S where an engine may also compute q·S − Z·S: off by γ₃ of |q|·S + |Z|·S, not of their difference."""
        q, z, s = (np.asarray(each, np.float64) for each in (codes, zero_point, scale))
        value = (q - z) * s
        largest = np.abs(q) + np.abs(z)
        # Both ways give the same where the scale only moves the exponent; without a zero point there is one product.
        is_exact = is_power_of_two(s) & (s >= _SMALLEST_NORMAL) & (largest <= 2.0**24)
        roundings = np.where(is_exact, 0.0, np.where(z == 0.0, gamma(1), gamma(3)))
        return cls(value, np.broadcast_to(roundings * largest * s, value.shape).copy())

    def __add__(self, other: Real) -> Real:
        return _rounded(self.value + other.value, self.error + other.error)

    def __sub__(self, other: Real) -> Real:
        return _rounded(self.value - other.value, self.error + other.error)

    def __mul__(self, other: Real) -> Real:
        error = np.abs(self.value) * other.error + self.error * np.abs(other.value) + self.error * other.error
        return _rounded(self.value * other.value, error)

    def __truediv__(self, other: Real) -> Real:
        """|a/b − â/b̂| ≤ (|a|·Δb + |b|·Δa) / (|b|·(|b| − Δb)), and a divisor must be away from zero by more than Δb."""
        size = np.abs(other.value)
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.where(size > other.error, size - other.error, 0.0)
            error = (np.abs(self.value) * other.error + size * self.error) / (size * away)
            return _rounded(self.value / other.value, np.where(away > 0.0, error, np.inf))

    def matmul(self, other: Real) -> Real:
        """Sums of products in any order: γ of the number of products + 1 (Higham, eq. 3.5), beside what comes in."""
        depth = self.value.shape[-1]
        mine, theirs = np.abs(self.value), np.abs(other.value)
        error = mine @ other.error + self.error @ (theirs + other.error)
        error = error + gamma(depth + 1) * ((mine + self.error) @ (theirs + other.error)) + depth * _TINY
        return Real(self.value @ other.value, error)

    def sum(self, axis: int | tuple[int, ...]) -> Real:
        axes = (axis,) if isinstance(axis, int) else axis
        count = int(np.prod([self.value.shape[each] for each in axes]))
        error = self.error.sum(axis=axes, keepdims=True)
        error = error + gamma(max(count, 1)) * (np.abs(self.value) + self.error).sum(axis=axes, keepdims=True)
        return Real(self.value.sum(axis=axes, keepdims=True), error)

    def clipped(self, low: float, high: float) -> Real:
        """Relu is clipped(0, ∞). Exact where the whole of what a value may be is cut off."""
        return self._enclosed(lambda array: np.clip(array, low, high))

    def exp(self) -> Real:
        """From e^(v − Δ) to e^(v + Δ), and TRANSCENDENTAL of that beside."""
        with np.errstate(over="ignore"):
            result = self._enclosed(np.exp)
            return Real(result.value, result.error + TRANSCENDENTAL * (result.value + result.error) + _SMALLEST_NORMAL)

    def softmax(self) -> Real:
        """exp(xᵢ − max) / Σ exp(xⱼ − max) over the last axis, never above 1.

        A share rises with its own x and falls with every other: it is lowest where its own is at the lower end of what
        it may be and all others are at the upper, and highest the other way around. The largest of what the engine has
        is subtracted from each with one rounding, and cancels; then come two approximations of exp, a sum of all, and
        a quotient or the product with a reciprocal.
        """
        below_top = self.value - self.value.max(axis=-1, keepdims=True)
        reach = self.error + FLOAT32 * (np.abs(below_top) + self.error + self.error.max(axis=-1, keepdims=True))
        count = self.value.shape[-1]

        def share(own: Array, others: Array) -> Array:
            with np.errstate(over="ignore"):
                odds = np.exp(others[..., None, :] - own[..., :, None])
            odds[..., np.arange(count), np.arange(count)] = 1.0  # itself, at both ends the same
            return np.asarray(1.0 / odds.sum(axis=-1))

        off = (1.0 + TRANSCENDENTAL) / (1.0 - TRANSCENDENTAL) * (1.0 + gamma(count + 2)) - 1.0
        lowest = share(below_top - reach, below_top + reach) * (1.0 - off) - count * _SMALLEST_NORMAL
        highest = share(below_top + reach, below_top - reach) * (1.0 + off) + count * _SMALLEST_NORMAL
        return Real._between(np.maximum(lowest, 0.0), np.minimum(highest, 1.0 + 2.0 * FLOAT32))

    def sqrt(self) -> Real:
        """|√a − √â| ≤ Δa / √a, and √Δa around zero; one rounding."""
        value = np.sqrt(np.maximum(self.value, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.where(value > 0.0, np.minimum(self.error / value, np.sqrt(self.error)), np.sqrt(self.error))
        return _rounded(value, error)

    def sigmoid(self) -> Real:
        """The logistic function 1 / (1 + e⁻ᵛ), from that of v − Δ to that of v + Δ: within [0, 1] but for
        TRANSCENDENTAL."""
        result = self._enclosed(lambda array: 1.0 / (1.0 + np.exp(-np.clip(array, -700.0, 700.0))))
        return Real(result.value, result.error + TRANSCENDENTAL)

    def tanh(self) -> Real:
        result = self._enclosed(np.tanh)
        return Real(result.value, result.error + TRANSCENDENTAL)

    def _enclosed(self, rising: Callable[[Array], Array]) -> Real:
        """A function that nowhere falls: what it may be lies from that of v − Δ to that of v + Δ."""
        exact, low, high = rising(self.value), rising(self.value - self.error), rising(self.value + self.error)
        enclosed = Real._between(low, high)
        is_bounded = np.isfinite(high - low)
        return Real(
            np.where(is_bounded, enclosed.value, exact), np.where(is_bounded, enclosed.error, np.abs(high - low))
        )

    @classmethod
    def _between(cls, low: Array, high: Array) -> Real:
        return cls((low + high) / 2.0, (high - low) / 2.0)

    def spread(self, steps: float) -> Array:
        """|v|, but at least so much that one of `steps` steps is no finer than what float32 leaves open: under a finer
        scale every code were right."""
        return np.maximum(np.abs(self.value), 2.0 * steps * self.error)

    def mapped(self, function: Callable[[Array], Array]) -> Real:
        """A function that moves elements about (reshape, transpose, slicing, indexing)."""
        return Real(function(self.value), function(self.error))

    @classmethod
    def gathered(cls, function: Callable[[list[Array]], Array], parts: Sequence[Real]) -> Real:
        """A function that puts the elements of several together (concatenate, stack, where)."""
        return cls(function([part.value for part in parts]), function([part.error for part in parts]))

    def quantized(self, scale: Array, zero_point: Array, type: integers.IntegerType) -> Expected:  # noqa: A002
        """saturate(round(v / scale) + zero_point) for every v within the bound; `scale` and `zero_point` broadcast.

        One rounding for the division, or two where the engine multiplies by 1 / scale; none where the scale is a power
        of two.
        """
        steps = self.value / scale
        reach = self.error / scale
        reach = reach + np.where(is_power_of_two(scale), 0.0, gamma(2) * (np.abs(steps) + reach))
        offset = np.asarray(zero_point, np.float64)
        lowest = np.clip(np.rint(steps - reach) + offset, type.lowest, type.highest)
        highest = np.clip(np.rint(steps + reach) + offset, type.lowest, type.highest)
        ones = np.ones(lowest.shape)
        distance = np.abs(steps - np.floor(steps) - 0.5)
        tie = (distance <= np.maximum(reach, 1e-6)) & (np.abs(steps) < 2.0**20)
        # What float32 makes a tie of, where the zero point is added before the rounding.
        near_tie = distance <= 4 * FLOAT32 * (np.abs(steps) + type.levels)
        saturated = (steps + offset <= type.lowest) | (steps + offset >= type.highest)
        return Expected(
            lowest, highest, ones, type.dtype, traits={"tie": tie, "near_tie": near_tie, "saturated": saturated}
        )

    def cast(self, scale: Array, to: floats.FloatFormat) -> Expected:
        """The values of a small float format nearest to v / scale, for every v within the bound; rounding is
        monotone."""
        steps = self.value / scale
        reach = self.error / scale + gamma(2) * (np.abs(steps) + self.error / scale)
        lowest = floats.cast(steps - reach, to).astype(np.float64)
        highest = floats.cast(steps + reach, to).astype(np.float64)
        return Expected(lowest, highest, float_spacing(lowest, to.dtype), to.dtype)

    def quantized_to(
        self, scale: Array, zero_point: Array, element: integers.IntegerType | floats.FloatFormat
    ) -> Expected:
        """`quantized` of an integer type, `cast` of a float format, whose zero point is 0."""
        wide = scale.astype(np.float64)
        if isinstance(element, integers.IntegerType):
            return self.quantized(wide, np.asarray(zero_point, np.int64), element)
        return self.cast(wide, element)

    def as_float32(self) -> Expected:
        with np.errstate(over="ignore"):
            unit = spacing(self.value, 23, -126)
        slack = self.error + FLOAT32 * np.abs(self.value) + _TINY
        return Expected(self.value - slack, self.value + slack, unit, np.dtype(np.float32))


def _rounded(value: Array, error: Array) -> Real:
    return Real(value, error + FLOAT32 * (np.abs(value) + error) + _TINY)
