"""From an int32 accumulator of scale S_1·S_2 to codes of scale S_3, by the multiplier M = S_1·S_2 / S_3."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pytest_qparity.quantmath import affine, rounding

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pytest_qparity.quantmath.integers import IntegerType

__all__ = [
    "FixedPointMultiplier",
    "by_fixed_point_multiplier",
    "by_float_multiplier",
    "by_rounding_shift",
    "by_scales",
    "fixed_point_multiplier",
    "rounding_divide_by_power_of_two",
    "saturating_rounding_doubling_high_mul",
]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_INT32_LOWEST, _INT32_HIGHEST = -(1 << 31), (1 << 31) - 1


@dataclass(frozen=True, slots=True, eq=False)
class FixedPointMultiplier:
    """M = significand · 2^−(31 + right_shift), significand in [2³⁰, 2³¹): Jacob et al. 2018, eq. 6, M_0 and n.

    int32 arrays of one shape that broadcasts to the accumulator. A negative right shift, for M ≥ 1, is a left shift.
    """

    significand: _Array
    right_shift: _Array


def by_scales(
    accumulator: ArrayLike,
    scales: tuple[ArrayLike, ArrayLike, ArrayLike],
    zero_point: ArrayLike,
    type: IntegerType,  # noqa: A002
) -> _Array:
    """saturate(rint(q · S_1 · S_2 / S_3) + Z) of the exact rational number, ties to even.

    Source: Jacob et al. 2018, eq. 4 and 5; ONNX QLinearMatMul-21 (rounding to nearest even, before the zero point is
    added). ONNX does not say in which precision M is computed: this is the value that no rounding of M can be held
    against. An engine whose M has a relative error ε is off by at most one code where ε·|q·M| < 1/2.

    q is int32, the scales (S_1, S_2, S_3) are positive, finite, of float16, bfloat16 or float32 and broadcast to it, Z
    too. ValueError for others.
    """
    first, second, output = (_positive(scale, "scale", np.float32) for scale in scales)
    return _saturated(_rint_of_ratio(_int32(accumulator), (first, second), output), zero_point, type)


def by_float_multiplier(
    accumulator: ArrayLike,
    multiplier: ArrayLike,
    zero_point: ArrayLike,
    type: IntegerType,  # noqa: A002
) -> _Array:
    """saturate(rint(q · M) + Z), the product exact, ties to even.

    Source: Jacob et al. 2018, eq. 4, with M as a kernel holds it, of any float type up to float64. q, Z and errors as
    in `by_scales`. An engine that converts q to float32 first rounds it beyond 2²⁴.
    """
    factor = _positive(multiplier, "multiplier", np.float64)
    return _saturated(_rint_of_ratio(_int32(accumulator), (factor,), np.asarray(1.0)), zero_point, type)


def by_fixed_point_multiplier(
    accumulator: ArrayLike,
    multiplier: FixedPointMultiplier,
    zero_point: ArrayLike,
    type: IntegerType,  # noqa: A002
) -> _Array:
    """saturate(RoundingDivideByPOT(SaturatingRoundingDoublingHighMul(q · 2^max(−n, 0), M_0), max(n, 0)) + Z).

    Source: Jacob et al. 2018, §2.2 and appendix B; gemmlowp, `fixedpoint.h`. Rounded twice, so that it can be one code
    from `by_float_multiplier`. The left shift saturates to int32, as gemmlowp's does; TensorFlow Lite's overflows.
    q, Z and errors as in `by_scales`.
    """
    shift = multiplier.right_shift.astype(np.int64)
    widened = np.clip(
        _int32(accumulator) << np.clip(-shift, 0, 31),
        _INT32_LOWEST,
        _INT32_HIGHEST,
    ).astype(np.int32)
    product = saturating_rounding_doubling_high_mul(widened, multiplier.significand)
    rounded = rounding_divide_by_power_of_two(product, np.maximum(shift, 0))
    return _saturated(rounded.astype(np.float64), zero_point, type)


def by_rounding_shift(
    accumulator: ArrayLike,
    right_shift: ArrayLike,
    zero_point: ArrayLike,
    type: IntegerType,  # noqa: A002
) -> _Array:
    """saturate(⌊(q + 2^(n−1)) / 2^n⌋ + Z), q itself for n = 0: M = 2^−n, ties towards +∞.

    Source: Arm's SRSHR (signed rounding shift right); Jacob et al. 2018, appendix B, on how Arm's rounding shifts break
    ties upward. For power-of-two scales. n in [0, 31], an integer or an array that broadcasts to q. The sum is exact:
    it does not overflow int32. ValueError as in `by_scales` and for other shifts.
    """
    shift = _shift(right_shift)
    rounded = (_int32(accumulator) + ((1 << shift) >> 1)) >> shift
    return _saturated(rounded.astype(np.float64), zero_point, type)


def fixed_point_multiplier(multiplier: ArrayLike) -> FixedPointMultiplier:
    """M = 2^−n · M_0, M_0 in [1/2, 1), significand = ⌊2³¹·M_0 + 1/2⌋; where that is 2³¹, half of it and n − 1.

    Source: Jacob et al. 2018, eq. 6; TensorFlow Lite, `QuantizeMultiplier`. `multiplier` is positive and finite, of any
    float type up to float64; one of float32 is held exactly. Below 2⁻³² it is (0, 0), since no int32 would come out
    other than 0; ValueError where M ≥ 2³¹.
    """
    factor = _positive(multiplier, "multiplier", np.float64)
    fraction, exponent = np.frexp(factor)
    significand = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    carried = significand == 1 << 31
    significand = np.where(carried, 1 << 30, significand)
    shift = -(exponent.astype(np.int64) + carried)
    if (shift < -31).any():
        raise ValueError(f"got a multiplier of {factor.max()}, should be less than 2**31")
    held = shift <= 31
    return FixedPointMultiplier(
        np.where(held, significand, 0).astype(np.int32), np.where(held, shift, 0).astype(np.int32)
    )


def saturating_rounding_doubling_high_mul(a: ArrayLike, b: ArrayLike) -> _Array:
    """⌊(a·b + 2³⁰) / 2³¹⌋ as int32, and 2³¹ − 1 for a = b = −2³¹.

    Source: gemmlowp, `fixedpoint.h`, SaturatingRoundingDoublingHighMul; Arm's SQRDMULH. gemmlowp adds 1 − 2³⁰ to a
    negative product and truncates, which is this: ties go towards +∞, not away from zero. int32 arrays that broadcast.
    """
    product = _int32(a) * _int32(b)
    return np.asarray(np.minimum((product + (1 << 30)) >> 31, _INT32_HIGHEST)).astype(np.int32)


def rounding_divide_by_power_of_two(x: ArrayLike, exponent: ArrayLike) -> _Array:
    """sign(x) · ⌊(|x| + 2^(n−1)) / 2^n⌋ as int32, x itself for n = 0: nearest, ties away from zero.

    Source: gemmlowp, `fixedpoint.h`, RoundingDivideByPOT. x is int32, n in [0, 31]; ValueError for others.
    """
    wide, shift = _int32(x), _shift(exponent)
    return np.asarray(np.sign(wide) * ((np.abs(wide) + ((1 << shift) >> 1)) >> shift)).astype(np.int32)


def _rint_of_ratio(accumulator: _Array, numerators: tuple[_Array, ...], denominator: _Array) -> _Array:
    """rint(q · Π numerators / denominator) in float64, decided by rational arithmetic where float64 is not sure.

    Up to 2⁴⁰ the estimate's error, four roundings at most, is far less than 2⁻¹⁰; beyond, every type saturates.
    """
    estimate = accumulator.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        for numerator in numerators:
            estimate = estimate * numerator
        estimate = estimate / denominator
    rounded = np.array(np.rint(estimate))
    doubtful = (np.abs(estimate) < 2.0**40) & (np.abs(np.abs(estimate - rounded) - 0.5) <= np.abs(estimate) * 2.0**-50)
    if doubtful.any():
        operands = (accumulator.astype(np.float64), *numerators, denominator)
        table = np.stack([np.broadcast_to(operand, estimate.shape)[doubtful] for operand in operands], axis=1)
        distinct, positions = np.unique(table, axis=0, return_inverse=True)
        answers = np.array([_rint_exactly(*row) for row in distinct.tolist()])
        rounded[doubtful] = answers[positions.reshape(-1)]
    return rounded


def _rint_exactly(accumulator: float, *scales: float) -> float:
    exact = Fraction(accumulator)
    for numerator in scales[:-1]:
        exact *= Fraction(numerator)
    return float(round(exact / Fraction(scales[-1])))


def _saturated(rounded: _Array, zero_point: ArrayLike, type_: IntegerType) -> _Array:
    return affine.saturate(rounded, affine.checked_zero_points(zero_point, type_), type_)


def _int32(values: ArrayLike) -> _Array:
    given = np.asarray(values)
    if given.dtype != np.int32:
        raise ValueError(f"got an array of {given.dtype.name}, should be int32")
    return given.astype(np.int64)


def _shift(values: ArrayLike) -> _Array:
    given = np.asarray(values)
    if given.dtype.kind not in "iu" or ((given < 0) | (given > 31)).any():
        raise ValueError(f"got a shift of {given}, should be an integer in [0, 31]")
    return given.astype(np.int64)


def _positive(values: ArrayLike, name: str, widest: type[np.floating[Any]]) -> _Array:
    """`values` as float64; a Python float is of the widest type."""
    weak = isinstance(values, int | float) and not isinstance(values, np.generic)
    given = np.asarray(values, widest) if weak else np.asarray(values)
    if given.dtype not in rounding.float_dtypes() or given.dtype.itemsize > np.dtype(widest).itemsize:
        raise ValueError(f"got a {name} of {given.dtype.name}, should be a float type up to {np.dtype(widest).name}")
    if not (np.isfinite(given) & (given > 0)).all():
        raise ValueError(f"got a {name} that is zero, negative or not finite, should be positive and finite")
    return given.astype(np.float64)
