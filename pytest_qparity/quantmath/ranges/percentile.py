"""The range without a share of the values at either end."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath.ranges import estimator, histogram

__all__ = ["Percentile"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class Percentile:
    """[x₍ₙ₊₁₋ᵣ₎, x₍ᵣ₎] of n sorted values, r = ⌈n·(1 − (100 − percentile)/200)⌉, outwards by less than one bin.

    Half of the share 100 − percentile is cut from each end. The r-th value is known to its histogram bin; its end
    away from zero is taken, or the exact extreme where that is nearer, so that the range never cuts more than asked.
    Bins have at most the width 2·max |x| / bins. Source: Wu et al. 2020, Integer Quantization for Deep Learning
    Inference (arXiv:2004.09602), percentile calibration, here on either side, as ONNX Runtime's
    PercentileCalibrater does for asymmetric ranges. r is computed in rational arithmetic.

    percentile: above 0 and at most 100, in percent; ONNX Runtime's default. bins: per sign, a power of two.
    """

    def __init__(self, percentile: float = 99.999, bins: int = 2_048) -> None:
        if not 0.0 < percentile <= 100.0:
            raise ValueError(f"got percentile {percentile}, should be above 0 and at most 100")
        self._percentile = percentile
        self.histogram = histogram.Histogram(bins)

    def add(self, batch: _Array) -> None:
        self.histogram.add(batch)

    def merge(self, other: Self) -> None:
        if other._percentile != self._percentile:
            raise ValueError(f"got percentile {other._percentile}, should be {self._percentile}")
        self.histogram.merge(other.histogram)

    def range(self) -> estimator.Range:
        taken = self.histogram
        if taken.count == 0:
            raise ValueError("got no value, should be at least one")
        kept = Fraction(taken.count) * (1 - (100 - Fraction(self._percentile)) / 200)
        rank = -int(-kept // 1)  # ⌈kept⌉
        high = _ranked(taken.negative, taken.positive, rank, taken.width)
        low = -_ranked(taken.positive, taken.negative, rank, taken.width)
        return estimator.range_with_zero(max(low, taken.smallest), min(high, taken.largest))


def _ranked(below: _Array, above: _Array, rank: int, width: float) -> float:
    """The outer end of the bin of the rank-th value upwards, 0.0 where that is on the other side of zero."""
    rank -= int(below.sum())
    if rank <= 0:
        return 0.0
    return float(np.searchsorted(np.cumsum(above), rank) + 1) * width
