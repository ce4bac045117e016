"""Casts to E8M0, the power-of-two scale of the MX formats, which has neither sign nor zero."""

from __future__ import annotations

import enum
from typing import Any, TypeAlias

import numpy as np

from pytest_qparity.quantmath import floats

__all__ = ["Rounding", "cast", "exponent_codes"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class Rounding(enum.Enum):
    """To which power of two a value between two goes; the values are those of ONNX's attribute `round_mode`."""

    UP = "up"
    DOWN = "down"
    NEAREST = "nearest"


def cast(x: _Array, rounding: Rounding = Rounding.UP, saturation: floats.Saturation = floats.Saturation.ON) -> _Array:
    """2^⌈log₂ x⌉ (UP), 2^⌊log₂ x⌋ (DOWN) or the nearer of the two, from the middle on the upper one (NEAREST).

    x below 2⁻¹²⁷, zero among it, gives 2⁻¹²⁷, and x above 2¹²⁷, infinity among it, 2¹²⁷, with saturation ON; NaN with
    OFF. It is x, not x rounded, that is compared. NaN stays NaN.
    Source: ONNX Cast-24, the table of FLOAT8E8M0, whose two columns (UP with ON, NEAREST with OFF) are taken to hold
    for the other modes too. Its result 0 for x = 0 is taken as the code 0, which is 2⁻¹²⁷: the format has no zero.

    x: floats of any shape. Returns ml_dtypes.float8_e8m0fnu. ValueError for negative values and −0, which the table
    leaves unspecified.
    """
    values = floats.as_float64(x)
    is_nan = np.isnan(values)
    if bool((np.signbit(values) & ~is_nan).any()):
        raise ValueError("got a negative value or −0, should be at least +0: ONNX leaves its cast to E8M0 unspecified")

    finite = np.where(np.isfinite(values) & (values > 0.0), values, 1.0)
    fraction, exponent = np.frexp(finite)  # finite = fraction · 2^exponent, with a fraction from 0.5 to below 1
    threshold = {Rounding.UP: np.nextafter(0.5, 1.0), Rounding.DOWN: 1.0, Rounding.NEAREST: 0.75}[rounding]
    exponent = exponent - 1 + (fraction >= threshold)

    above, below = values > floats.E8M0.largest, values < floats.E8M0.smallest_normal
    exponent = np.where(above, floats.E8M0.largest_exponent, np.where(below, -floats.E8M0.bias, exponent))
    if saturation is floats.Saturation.OFF:
        is_nan = is_nan | above | below
    codes = np.where(is_nan, 2**floats.E8M0.bits - 1, exponent + floats.E8M0.bias)
    return codes.astype(np.uint8).view(floats.E8M0.dtype)


def exponent_codes(exponent: _Array) -> _Array:
    """clamp(exponent, −127, 127) + 127: the code of 2^exponent, uint8.

    Source: OCP MX v1.0 §5.4.1 for bias and range; the clamp is a choice. exponent: integers of any shape.
    """
    return np.asarray(np.clip(exponent, -floats.E8M0.bias, floats.E8M0.largest_exponent) + floats.E8M0.bias, np.uint8)
