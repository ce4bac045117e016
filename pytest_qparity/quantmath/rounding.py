"""Products of integers and floats that are rounded once.

A product rounded to float64 and then to a narrower type is rounded twice, and can end on the wrong side of a tie.
Rounding to odd in between prevents this: the wider type needs two bits more than the narrower one.

Source: S. Boldo and G. Melquiond, Emulation of a FMA and Correctly Rounded Sums: Proved Algorithms Using Rounding to
Odd, IEEE Transactions on Computers 57(4), 2008.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

__all__ = ["float_dtypes", "product_to_odd", "round_once", "signed_scales", "smallest_normal"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_BFLOAT16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
_E8M0: np.dtype[Any] = np.dtype(ml_dtypes.float8_e8m0fnu)


def float_dtypes() -> tuple[np.dtype[Any], ...]:
    """The types that scales and real tensors have: ONNX's float16, bfloat16 and float, and float64 for analysis."""
    return (np.dtype(np.float16), _BFLOAT16, np.dtype(np.float32), np.dtype(np.float64))


def smallest_normal(dtype: np.dtype[Any]) -> float:
    """2^(1 − bias) of a float type; bfloat16 has float32's exponents."""
    return float(np.finfo(np.float32 if dtype == _BFLOAT16 else dtype).smallest_normal)


def signed_scales(scale: _Array) -> _Array:
    """Scales of float8e8m0 in float32, in which all of them are exact (2⁻¹²⁷ is subnormal there); others as they are.

    Source: ONNX QuantizeLinear-24 and DequantizeLinear-24, which allow the type for scales. It has no sign, and so is
    no type to divide or multiply in.
    """
    return scale.astype(np.float32) if scale.dtype == _E8M0 else scale


def product_to_odd(integers: _Array, factors: _Array) -> _Array:
    """integers · factors in float64, where inexact the neighbour whose last significand bit is 1.

    `integers` is int64 within ±2³⁶; `factors` is float16, bfloat16 or float32, so that each half of the product has at
    most 45 bits and is exact. The error of their sum comes from Knuth's TwoSum.
    """
    wide = factors.astype(np.float64)
    high = (integers >> 16).astype(np.float64) * 65536.0 * wide
    low = (integers & 0xFFFF).astype(np.float64) * wide
    total = high + low
    low_part = total - high
    error = (high - (total - low_part)) + (low - low_part)
    return _odd(total, error)


def round_once(values: _Array, dtype: np.dtype[Any]) -> _Array:
    """`values` of float64 in `dtype`, to nearest with ties to even and through no type in between.

    ml_dtypes goes from float64 to bfloat16 through float32, which this does with rounding to odd.
    """
    with np.errstate(over="ignore", under="ignore"):
        if dtype != _BFLOAT16:
            return values.astype(dtype)
        narrower = values.astype(np.float32)
        finite = np.isfinite(values)
        error = np.where(finite, values, 0.0) - np.where(finite, narrower.astype(np.float64), 0.0)
        return _odd(narrower, error.astype(np.float64)).astype(dtype)


def _odd(rounded: _Array, error: _Array) -> _Array:
    """`rounded`, or its neighbour towards the exact value rounded + error where that is inexact and even."""
    bits = rounded.view(np.dtype(f"i{rounded.dtype.itemsize}"))
    move = (error != 0.0) & (bits & 1 == 0)
    towards = np.copysign(np.asarray(np.inf, rounded.dtype), error).astype(rounded.dtype)
    return np.where(move, np.nextafter(rounded, towards), rounded)
