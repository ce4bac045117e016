"""The range whose quantization loses least."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath.ranges import estimator, histogram

__all__ = ["MeanSquaredError", "quantization_error"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


def quantization_error(values: _Array, counts: _Array, scale: float, zero_point: int, levels: int) -> float:
    """Σ counts·(Q(v) − v)² with Q(v) = (clamp(rint(v/S) + Z, 0, levels − 1) − Z)·S, in float64.

    Source: Jacob et al. 2018, eq. 1 and 12. values and counts: of one shape. scale: S, above 0 (otherwise ValueError).
    zero_point: Z. Returns the square of the values' unit.
    """
    if not scale > 0.0:
        raise ValueError(f"got scale {scale}, should be above 0")
    codes = np.clip(np.rint(values / scale) + zero_point, 0, levels - 1)
    return float(np.sum(counts * ((codes - zero_point) * scale - values) ** 2))


class MeanSquaredError:
    """[α·min(0, min x), α·max(0, max x)], with the α of least Σ (Q(x) − x)² among j/candidates, j = 1 … candidates.

    Q is affine quantization to `levels` codes (`quantization_error`) with S = (high − low)/(levels − 1) and
    Z = rint(−low/S), which is the same for all α and computed in rational arithmetic. Each value counts as the middle
    of its histogram bin, at most half a bin, max |x|/bins, from it, or as the nearer extreme. Of equal errors the
    widest range. Source: Nagel et al. 2021, A White Paper on Neural Network Quantization (arXiv:2106.08295), range
    setting by mean squared error, which minimizes over both ends; here one α moves both.

    levels: 256 for int8. bins: per sign, a power of two. candidates: at least 1.
    """

    def __init__(self, levels: int = 256, bins: int = 2_048, candidates: int = 100) -> None:
        if levels < 2 or candidates < 1:
            raise ValueError(f"got {levels} levels, {candidates} candidates; should be at least 2 and 1")
        self._levels = levels
        self._candidates = candidates
        self.histogram = histogram.Histogram(bins)

    def add(self, batch: _Array) -> None:
        self.histogram.add(batch)

    def merge(self, other: Self) -> None:
        mine, others = (self._levels, self._candidates), (other._levels, other._candidates)
        if mine != others:
            raise ValueError(f"got levels and candidates {others}, should be {mine}")
        self.histogram.merge(other.histogram)

    def range(self) -> estimator.Range:
        taken = self.histogram
        if taken.count == 0:
            raise ValueError("got no value, should be at least one")
        whole = estimator.range_with_zero(taken.smallest, taken.largest)
        # In units of the larger end: the square of a large or small value can leave float64's range.
        unit = max(-whole.low, whole.high)
        if unit == 0.0:
            return whole
        low, high = whole.low / unit, whole.high / unit
        zero_point = round(-Fraction(low) * (self._levels - 1) / (Fraction(high) - Fraction(low)))  # half to even
        values, counts = _middles(taken, unit)

        least, best = np.inf, 1.0
        for j in range(self._candidates, 0, -1):
            share = j / self._candidates
            scale = share * (high - low) / (self._levels - 1)
            error = quantization_error(values, counts, scale, zero_point, self._levels)
            if error < least:
                least, best = error, share
        return estimator.range_with_zero(best * whole.low, best * whole.high)


def _middles(taken: histogram.Histogram, unit: float) -> tuple[_Array, _Array]:
    """The middles of all bins that are not empty, within the extremes, in `unit`; and their counts."""
    middles = (np.arange(taken.bins) + 0.5) * (taken.width / unit)
    values = np.concatenate([-middles[::-1], middles])
    counts = np.concatenate([taken.negative[::-1], taken.positive])
    inside = counts > 0
    return np.clip(values[inside], taken.smallest / unit, taken.largest / unit), counts[inside]
