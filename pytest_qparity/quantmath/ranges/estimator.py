"""What all range estimators share: their answer, how they are used, and which batches they take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath import floats

__all__ = ["BLOCK", "Range", "RangeEstimator", "Values", "finite_values", "range_with_zero"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

BLOCK = 1 << 15  # values that are looked at in one go: they, their bins and the counts stay in the L2 cache


@dataclass(frozen=True, slots=True)
class Range:
    """[low, high] with low ≤ 0 ≤ high, both finite: zero must have a code of its own (Jacob et al. 2018, §2.1)."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= 0.0 <= self.high):
            raise ValueError(f"got range [{self.low}, {self.high}], should be finite with low ≤ 0 ≤ high")


class Values(NamedTuple):
    """What a batch holds, flat. Without values the smallest is +∞ and the largest −∞."""

    flat: _Array
    smallest: float
    largest: float


class RangeEstimator(Protocol):
    """Batches in, one range out; memory does not grow with the batches. One estimator a tensor, or a channel."""

    def add(self, batch: _Array) -> None:
        """Take a batch of any shape. ValueError, with nothing taken, for NaN, infinity or a type that is no float."""

    def merge(self, other: Self) -> None:
        """Take all that `other` took, which stays as it is. ValueError where its settings are different."""

    def range(self) -> Range:
        """The range of what was taken so far; ValueError where that is no value at all."""


def finite_values(batch: _Array) -> Values:
    """The values of a batch with their extremes; ValueError for NaN, infinity or a type that is no float.

    In float32 where that is exact for the batch's type (float16 and float32), which halves the work, else in float64.
    """
    values = np.asarray(batch)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    elif values.dtype != np.float32:
        values = floats.as_float64(values)
    values = values.reshape(-1)
    smallest, largest = math.inf, -math.inf
    with np.errstate(invalid="ignore"):
        for start in range(0, values.size, BLOCK):
            block = values[start : start + BLOCK]
            # Both are NaN where a value is: no pass of its own looks for it.
            low, high = float(block.min()), float(block.max())
            if not (math.isfinite(low) and math.isfinite(high)):
                raise ValueError("got NaN or infinity in a batch, should be finite: no range holds them")
            smallest, largest = min(smallest, low), max(largest, high)
    return Values(values, smallest, largest)


def range_with_zero(low: float, high: float) -> Range:
    """[min(low, 0), max(high, 0)], without negative zeros."""
    return Range(min(low, 0.0) + 0.0, max(high, 0.0) + 0.0)
