"""What all range estimators share: their answer, how they are used, and which batches they take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath import floats

__all__ = ["Range", "RangeEstimator", "finite_values", "range_with_zero"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


@dataclass(frozen=True, slots=True)
class Range:
    """[low, high] with low ≤ 0 ≤ high, both finite: zero must have a code of its own (Jacob et al. 2018, §2.1)."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= 0.0 <= self.high):
            raise ValueError(f"got range [{self.low}, {self.high}], should be finite with low ≤ 0 ≤ high")


class RangeEstimator(Protocol):
    """Batches in, one range out; memory does not grow with the batches. One estimator a tensor, or a channel."""

    def add(self, batch: _Array) -> None:
        """Take a batch of any shape. ValueError, with nothing taken, for NaN, infinity or a type that is no float."""

    def merge(self, other: Self) -> None:
        """Take all that `other` took, which stays as it is. ValueError where its settings are different."""

    def range(self) -> Range:
        """The range of what was taken so far; ValueError where that is no value at all."""


def finite_values(batch: _Array) -> _Array:
    """The values of a batch, flat; ValueError for NaN, infinity or a type that is no float.

    In float32 where that is exact for the batch's type (float16 and float32), which halves the work, else in float64.
    """
    values = np.asarray(batch)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    elif values.dtype != np.float32:
        values = floats.as_float64(values)
    values = values.reshape(-1)
    if not bool(np.isfinite(values).all()):
        raise ValueError("got NaN or infinity in a batch, should be finite: no range holds them")
    return values


def range_with_zero(low: float, high: float) -> Range:
    """[min(low, 0), max(high, 0)], without negative zeros."""
    return Range(min(low, 0.0) + 0.0, max(high, 0.0) + 0.0)
