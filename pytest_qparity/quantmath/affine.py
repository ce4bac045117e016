"""Affine quantization: integer codes for real values through a scale and a zero point."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pytest_qparity.quantmath import integers, rounding
from pytest_qparity.quantmath import layout as layouts
from pytest_qparity.quantmath.layout import Layout, PerTensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pytest_qparity.quantmath.integers import IntegerType

__all__ = [
    "SymmetricRange",
    "asymmetric_parameters",
    "checked_zero_points",
    "dequantize",
    "quantize",
    "saturate",
    "symmetric_scale",
]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_PER_TENSOR = PerTensor()


class SymmetricRange(enum.Enum):
    """Which codes a symmetric scale spreads the range over."""

    NARROW = "narrow"  # ±highest: both ends are codes, the lowest code stays unused
    FULL = "full"  # lowest to highest, half a step wider on each side than NARROW; the upper end saturates


def quantize(
    x: ArrayLike,
    scale: ArrayLike,
    zero_point: ArrayLike,
    type: IntegerType,  # noqa: A002 - the field's word, and a keyword of this function
    layout: Layout = _PER_TENSOR,
) -> _Array:
    """saturate(rint(x / scale) + zero_point), rint to nearest with ties to even; the codes as an array of `type.dtype`.

    Source: ONNX QuantizeLinear-25; Jacob et al. 2018, eq. 1 solved for q. x is float16, bfloat16, float32, float64 or
    int32 and is converted to the scale's type, in which the division is rounded (since opset 23 that type "determines
    the precision of the division"; in 19 and 21 both have one type). For the attribute `precision` pass the scale in
    that type. The sum is exact, so that no quotient, however large, wraps; ±Inf saturates. A scale of
    float8e8m0 (opset 24) divides in float32.

    `scale` and `zero_point` have the shape `layout` gives; a Python number stands for all of them, a Python float takes
    the type of a floating x and is float32 for int32.

    ONNX leaves open which code NaN gets, and what a scale means that is not positive and finite: ValueError for both,
    and for types and shapes other than these and zero points that `type` does not hold.
    """
    real = np.asarray(x)
    if real.dtype not in rounding.float_dtypes() and real.dtype != np.int32:
        raise ValueError(f"got x of {real.dtype.name}, should be float16, bfloat16, float32, float64 or int32")
    if np.isnan(real).any():
        raise ValueError(f"got {np.isnan(real).sum()} NaN in x, should be none: no integer code stands for NaN")
    scales = _scales(scale, np.dtype(np.float32) if real.dtype == np.int32 else real.dtype, real.shape, layout)
    zero_points = _zero_points(zero_point, type, real.shape, layout)

    with np.errstate(over="ignore", under="ignore"):
        quotient = real.astype(scales.dtype) / scales
    return saturate(np.rint(quotient.astype(np.float64)), zero_points, type)


def dequantize(
    q: ArrayLike,
    scale: ArrayLike,
    zero_point: ArrayLike,
    layout: Layout = _PER_TENSOR,
    output: np.dtype[Any] | None = None,
) -> _Array:
    """(q − zero_point) · scale: the integer difference exact, the product rounded once to `output`.

    Source: ONNX DequantizeLinear-25; Jacob et al. 2018, eq. 1. q has one of the `integers.INTEGER_TYPES`; for int32
    ONNX wants a zero point of 0. `scale` and `zero_point` as in `quantize`; a Python float is a float32 scale. `output`
    is the attribute `output_dtype` (opset 23); where it is None, the type of the scale, and float32 for float8e8m0.

    ONNX says that the output type determines the precision of the multiplication, not whether the difference is rounded
    to it first. Up to 16 bits and in float32 that difference is exact and the question does not arise; for float16 and
    bfloat16, and for int32, an engine that rounds it can end one unit in the last place from here.
    A product beyond the float type's range is ±Inf. ValueError as in `quantize`.
    """
    codes = np.asarray(q)
    type_ = integers.of_dtype(codes.dtype)
    scales = _scales(scale, np.dtype(np.float32), codes.shape, layout)
    difference = codes.astype(np.int64) - _zero_points(zero_point, type_, codes.shape, layout)

    wanted = scales.dtype if output is None else np.dtype(output)
    if wanted not in rounding.float_dtypes():
        raise ValueError(f"got output {wanted.name}, should be float16, bfloat16, float32 or float64")
    if scales.dtype == np.float64:
        with np.errstate(over="ignore"):
            return rounding.round_once(np.asarray(difference.astype(np.float64) * scales), wanted)
    return rounding.round_once(rounding.product_to_odd(difference, scales), wanted)


def saturate(rounded: _Array, zero_point: _Array, type: IntegerType) -> _Array:  # noqa: A002
    """min(max(rounded + zero_point, lowest), highest) as `type.dtype`.

    `rounded` holds whole numbers or ±Inf as float64, `zero_point` int64 that broadcasts to it. The bounds are moved by
    the zero point instead of the value, since a sum of float64 values beyond 2⁵³ would be rounded.
    """
    low, high = type.lowest - zero_point, type.highest - zero_point
    return np.asarray(np.clip(rounded, low, high).astype(np.int64) + zero_point).astype(type.dtype)


def checked_zero_points(zero_point: ArrayLike, type: IntegerType) -> _Array:  # noqa: A002
    """`zero_point` as int64, of its own shape; ValueError where it is no integer or no code of `type`."""
    given = np.asarray(zero_point)
    if given.dtype.kind not in "iu" and given.dtype.name not in integers.INTEGER_TYPES:
        raise ValueError(f"got a zero point of {given.dtype.name}, should be of an integer type")
    wide = given.astype(np.int64)
    if wide.size and not type.lowest <= wide.min() <= wide.max() <= type.highest:
        raise ValueError(
            f"got zero points in [{wide.min()}, {wide.max()}], should be in [{type.lowest}, {type.highest}]"
        )
    return wide


def symmetric_scale(
    low: ArrayLike,
    high: ArrayLike,
    type: IntegerType,  # noqa: A002
    symmetric_range: SymmetricRange = SymmetricRange.NARROW,
) -> _Array:
    """S = max(|low|, |high|) / highest for NARROW (127 for int8), 2·max(|low|, |high|) / (levels − 1) for FULL; Z = 0.

    Source: Wu et al. 2020, Integer Quantization for Deep Learning Inference, §3.1 (scale quantization), for NARROW;
    ONNX Runtime's `compute_scale_zp` with `symmetric=True` for FULL.
    `low` and `high` are arrays of one shape and float type, or Python floats (float32), in the units of x; so is S,
    rounded once from float64.

    S is at least the type's smallest normal number, and 1 for a range that is only zero, so that it can be divided by.
    ValueError where low > high, either is not finite, or `type` is unsigned.
    """
    if not type.signed:
        raise ValueError(f"got {type.name}, should be a signed type: the zero point of a symmetric scale is 0")
    lows, highs = _range(low, high)
    largest = np.maximum(np.abs(lows.astype(np.float64)), np.abs(highs.astype(np.float64)))
    steps = float(type.highest) if symmetric_range is SymmetricRange.NARROW else (type.levels - 1) / 2.0
    return _usable_scale(largest / steps, lows.dtype)


def asymmetric_parameters(
    low: ArrayLike,
    high: ArrayLike,
    type: IntegerType,  # noqa: A002
) -> tuple[_Array, _Array]:
    """S = (max(high, 0) − min(low, 0)) / (levels − 1), Z = saturate(rint(lowest − min(low, 0) / S)): scale, zero point.

    Source: Jacob et al. 2018, eq. 12 for the scale, §3.1 for nudging Z to a code so that zero is exact; ONNX
    DynamicQuantizeLinear-11 for widening the range to zero. `low` and `high` as in `symmetric_scale`; Z is of
    `type.dtype` and computed from the rounded S.

    As Z moves the range by at most half a step, every value in [low, high] stays within S/2 of a code.
    A range that is only zero has S = 1; S is at least the smallest normal number. ValueError where low > high or either
    is not finite.
    """
    lows, highs = _range(low, high)
    bottom = np.minimum(lows.astype(np.float64), 0.0)
    top = np.maximum(highs.astype(np.float64), 0.0)
    scale = _usable_scale(_difference_over(top, bottom, type.levels - 1), lows.dtype)
    zero_point = saturate(np.rint(type.lowest - bottom / scale.astype(np.float64)), np.asarray(0, np.int64), type)
    return scale, zero_point


def _difference_over(top: _Array, bottom: _Array, steps: int) -> _Array:
    """(top − bottom) / steps, dividing first where the difference leaves float64."""
    with np.errstate(over="ignore"):
        return np.where(np.isfinite(top - bottom), (top - bottom) / steps, top / steps - bottom / steps)


def _usable_scale(scale: _Array, dtype: np.dtype[Any]) -> _Array:
    tiny = rounding.smallest_normal(dtype)
    return np.asarray(rounding.round_once(np.where(scale == 0.0, 1.0, np.maximum(scale, tiny)), dtype))


def _range(low: ArrayLike, high: ArrayLike) -> tuple[_Array, _Array]:
    lows = np.asarray(low, np.float32) if _is_python_number(low) else np.asarray(low)
    highs = np.asarray(high, np.float32) if _is_python_number(high) else np.asarray(high)
    if lows.shape != highs.shape or lows.dtype != highs.dtype or lows.dtype not in rounding.float_dtypes():
        raise ValueError(
            f"got low of {lows.dtype.name}{lows.shape} and high of {highs.dtype.name}{highs.shape}, "
            "should be of one shape and one float type"
        )
    if not (np.isfinite(lows).all() and np.isfinite(highs).all()):
        raise ValueError("got a range with NaN or Inf, should be finite")
    if (lows > highs).any():
        raise ValueError("got a range with low above high, should be low ≤ high")
    return lows, highs


def _scales(scale: ArrayLike, weak_dtype: np.dtype[Any], shape: tuple[int, ...], layout: Layout) -> _Array:
    """The scale of each element; a Python number is of `weak_dtype`."""
    if _is_python_number(scale):
        given = np.full(layouts.parameter_shape(shape, layout), scale, weak_dtype)
    else:
        given = rounding.signed_scales(np.asarray(scale))
    if given.dtype not in rounding.float_dtypes():
        raise ValueError(f"got a scale of {given.dtype.name}, should be float16, bfloat16, float32 or float64")
    if not (np.isfinite(given) & (given > 0)).all():
        raise ValueError("got a scale that is zero, negative or not finite, should be positive and finite")
    return layouts.spread(given, shape, layout)


def _is_python_number(value: ArrayLike) -> bool:
    """Whether a number has no dtype of its own; NumPy's float64 is a Python float, but has one."""
    return isinstance(value, int | float) and not isinstance(value, np.generic)


def _zero_points(zero_point: ArrayLike, type_: IntegerType, shape: tuple[int, ...], layout: Layout) -> _Array:
    """The zero point of each element as int64; a Python number stands for all."""
    wide = checked_zero_points(zero_point, type_)
    if isinstance(zero_point, int):
        wide = np.full(layouts.parameter_shape(shape, layout), wide)
    return layouts.spread(wide, shape, layout)
