"""A histogram of bounded size that depends on the values alone, not on how they came in."""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath.ranges import estimator

__all__ = ["Histogram"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_NO_EXPONENT = -(1 << 20)  # below that of every width, so that any first value sets it
_LARGEST_FLOAT32_EXPONENT = 126  # 2^±126 are normal in float32
_LOWEST_EXPONENT = -960  # of N·w: the width of up to 2⁶² bins is then a normal float64


class Histogram:
    """counts[i] of the values with i·w ≤ |x| < (i + 1)·w, i < N, negative and other values apart.

    The width w is the power of two with max |x| in the upper half of [0, N·w), but at least 2⁻⁹⁶⁰/N. When a larger
    value comes, w doubles and bins 2i and 2i + 1 become bin i, exactly, since ⌊⌊x/w⌋/2⌋ = ⌊x/2w⌋. So any order,
    partition and merging of the batches gives the same counts. Smallest and largest value are exact.

    bins: N, a power of two of at least 2. Counts are int64, so that up to 2⁶³ values can be taken.
    """

    def __init__(self, bins: int) -> None:
        if bins < 2 or bins & (bins - 1):
            raise ValueError(f"got {bins} bins, should be a power of two of at least 2")
        self.bins = bins
        self.negative = np.zeros(bins, np.int64)
        self.positive = np.zeros(bins, np.int64)
        self.smallest, self.largest = np.inf, -np.inf
        self._exponent = _NO_EXPONENT  # of N·w

    @property
    def width(self) -> float:
        """w; 0.0 as long as all values are zeros."""
        return float(np.ldexp(1.0, self._exponent - self._bins_exponent)) if self._exponent != _NO_EXPONENT else 0.0

    @property
    def count(self) -> int:
        return int(self.negative.sum() + self.positive.sum())

    def add(self, batch: _Array) -> None:
        values = estimator.finite_values(batch)
        if not values.flat.size:
            return
        self.smallest = min(self.smallest, values.smallest)
        self.largest = max(self.largest, values.largest)
        largest_magnitude = max(-self.smallest, self.largest)
        if largest_magnitude > 0.0:
            self._widen(max(int(np.frexp(largest_magnitude)[1]), _LOWEST_EXPONENT))  # magnitude < 2^exponent = N·w
        for start in range(0, values.flat.size, estimator.BLOCK):
            self._count(values.flat[start : start + estimator.BLOCK])

    def merge(self, other: Self) -> None:
        if other.bins != self.bins:
            raise ValueError(f"got a histogram of {other.bins} bins, should be {self.bins}")
        self._widen(other._exponent)
        coarsen = self._exponent - other._exponent
        self.negative += _coarser(other.negative, coarsen)
        self.positive += _coarser(other.positive, coarsen)
        self.smallest = min(self.smallest, other.smallest)
        self.largest = max(self.largest, other.largest)

    @property
    def _bins_exponent(self) -> int:
        return self.bins.bit_length() - 1

    def _count(self, values: _Array) -> None:
        """Count finite values below N·w in magnitude.

        x/w is exact in their own type, since w is a power of two; what leaves its range at the lower end is in bin 0.
        Truncation is ⌊|x/w|⌋ with the sign of x, so that one count of both signs has all bins but ±0, which it holds
        together.
        """
        if self._exponent == _NO_EXPONENT:
            self.positive[0] += values.size
            return
        factor_exponent = self._bins_exponent - self._exponent
        if abs(factor_exponent) > _LARGEST_FLOAT32_EXPONENT:
            values = values.astype(np.float64)
        scaled = values * values.dtype.type(np.ldexp(1.0, factor_exponent))
        both = np.bincount(scaled.astype(np.intp) + self.bins, minlength=2 * self.bins)
        negative = both[self.bins :: -1][: self.bins].copy()
        negative[0] = np.count_nonzero(values < 0.0) - int(negative[1:].sum())
        self.negative += negative
        self.positive += both[self.bins :]
        self.positive[0] -= negative[0]

    def _widen(self, exponent: int) -> None:
        if exponent > self._exponent:
            self.negative = _coarser(self.negative, exponent - self._exponent)
            self.positive = _coarser(self.positive, exponent - self._exponent)
            self._exponent = exponent


def _coarser(counts: _Array, doublings: int) -> _Array:
    """The counts in bins 2^doublings as wide."""
    group = 1 << min(doublings, counts.size.bit_length() - 1)
    coarse = counts.reshape(-1, group).sum(axis=1)
    return np.concatenate([coarse, np.zeros(counts.size - coarse.size, np.int64)])
