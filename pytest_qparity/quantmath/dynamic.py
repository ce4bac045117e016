"""Quantization with parameters computed from the values themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pytest_qparity.quantmath import affine
from pytest_qparity.quantmath.integers import UINT8

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["dynamic_quantize_linear"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


def dynamic_quantize_linear(x: ArrayLike) -> tuple[_Array, _Array, _Array]:
    """y, S, Z with S = (max(0, max x) − min(0, min x)) / 255, Z = rint(saturate(0 − min(0, min x) / S)),
    y = saturate(rint(x / S) + Z), each operation rounded to float32.

    Source: ONNX DynamicQuantizeLinear-11, text and function body. x is float32 of any shape but empty; y is uint8 of
    x's shape, S a float32 and Z a uint8 scalar array.

    The formula's limits are kept: a range whose difference leaves float32 has S = +Inf and only codes 0, a range
    below 255 · 2⁻¹⁵⁰ has S = 0 and codes at the ends. 0/0, of a zero under such a scale, is left open by ONNX and
    taken as 0 here; so a tensor of zeros has S = 0 and codes 0. (For it ONNX's reference evaluator returns
    S = 1/255, ONNX Runtime S = 1.) ValueError for another type, an empty tensor, NaN and ±Inf.
    """
    real = np.asarray(x)
    if real.dtype != np.float32:
        raise ValueError(f"got x of {real.dtype.name}, should be float32")
    if real.size == 0:
        raise ValueError(f"got an empty x of shape {real.shape}, should have a smallest and a largest element")
    if not np.isfinite(real).all():
        raise ValueError("got NaN or Inf in x, should be finite: the scale would be neither")

    zero = np.float32(0.0)
    bottom = np.minimum(zero, real.min())
    top = np.maximum(zero, real.max())
    with np.errstate(over="ignore", under="ignore"):
        scale = (top - bottom) / np.float32(255.0)
    zero_point = np.rint(np.clip(zero - _quotient(bottom, scale), zero, np.float32(255.0))).astype(np.uint8)
    rounded = np.rint(_quotient(real, scale)).astype(np.float64)
    return (
        affine.saturate(rounded, np.asarray(zero_point, np.int64), UINT8),
        np.asarray(scale, np.float32),
        np.asarray(zero_point),
    )


def _quotient(values: _Array, scale: np.float32) -> _Array:
    """values / scale in float32, 0/0 as 0."""
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        return np.where(values == 0.0, np.float32(0.0), values / scale)
