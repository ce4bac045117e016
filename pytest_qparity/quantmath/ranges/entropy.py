"""The range whose quantized distribution tells most about the original one."""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath.ranges import estimator, histogram

__all__ = ["Entropy", "kullback_leibler_divergence"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


def kullback_leibler_divergence(reference: _Array, approximation: _Array) -> float:
    """Σ pᵢ·ln(pᵢ/qᵢ), in nats, of p = reference/Σ reference and q = approximation/Σ approximation.

    0·ln 0 = 0, and +∞ where a qᵢ is 0 and its pᵢ is not. Source: Kullback and Leibler 1951, eq. 2.4.

    Nonnegative weights of one shape with a positive sum each (otherwise ValueError).
    """
    for weights in (reference, approximation):
        if reference.shape != weights.shape or not bool((weights >= 0).all()) or not weights.sum() > 0:
            raise ValueError("got weights of two shapes, or negative, or all zero; should be two distributions")
    inside = reference > 0
    if bool((approximation[inside] == 0).any()):
        return float("inf")
    p = reference[inside] / reference.sum()
    q = approximation[inside] / approximation.sum()
    return max(0.0, float(np.sum(p * np.log(p / q))))


class Entropy:
    """[−T, T] cut to [min x, max x], with the T of least KL(P, Q) among the histogram's bin ends.

    P are the counts of |x| below T with those above added to its last bin. Q are the counts below T in `levels` groups
    of bins, each group spread evenly over its bins that are not empty. Of equal divergences the widest range.
    Source: Migacz 2017, 8-bit Inference with TensorRT (GTC 2017). Departures: the histogram's width is a power of two;
    where the cut puts its outliers into an empty bin the divergence is infinite, without smoothing.

    levels: 128 for int8, the codes of one sign. bins: per sign, a power of two of at least 2·levels.
    """

    def __init__(self, levels: int = 128, bins: int = 2_048) -> None:
        if levels < 2 or 2 * levels > bins:
            raise ValueError(f"got {levels} levels of {bins} bins, should be at least 2 and at most half the bins")
        self._levels = levels
        self.histogram = histogram.Histogram(bins)

    def add(self, batch: _Array) -> None:
        self.histogram.add(batch)

    def merge(self, other: Self) -> None:
        if other._levels != self._levels:
            raise ValueError(f"got {other._levels} levels, should be {self._levels}")
        self.histogram.merge(other.histogram)

    def range(self) -> estimator.Range:
        taken = self.histogram
        if taken.count == 0:
            raise ValueError("got no value, should be at least one")
        threshold = best_cut(taken.negative + taken.positive, self._levels) * taken.width
        return estimator.range_with_zero(max(-threshold, taken.smallest), min(threshold, taken.largest))


def best_cut(counts: _Array, levels: int) -> int:
    """The number of bins below the threshold of least divergence, from `levels` to that of the last count's bin."""
    occupied = max(int(np.flatnonzero(counts)[-1]) + 1, levels)
    least, best = np.inf, occupied
    for cut in range(occupied, levels - 1, -1):
        divergence = _divergence(counts, cut, levels)
        if divergence < least:
            least, best = divergence, cut
    return best


def _divergence(counts: _Array, cut: int, levels: int) -> float:
    reference = counts[:cut].astype(np.float64)
    if not reference.any():
        return float("inf")
    # Bin i belongs to group ⌊i·levels/cut⌋: groups differ by at most one bin.
    groups = np.arange(cut) * levels // cut
    occupied = reference > 0
    totals = np.bincount(groups, weights=reference, minlength=levels)
    members = np.bincount(groups, weights=occupied, minlength=levels)
    approximation = np.where(occupied, totals[groups] / np.maximum(members[groups], 1), 0.0)
    reference[-1] += counts[cut:].sum()
    return kullback_leibler_divergence(reference, approximation)
