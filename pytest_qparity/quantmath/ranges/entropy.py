"""The range whose quantized distribution tells most about the original one."""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath.ranges import estimator, histogram

__all__ = ["Entropy", "best_cut", "divergences"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_EQUAL = 1e-13  # nats; divergences are sums of some thousand terms with a rounding of 1e-16 each


class Entropy:
    """[−T, T] cut to [min x, max x], with the T of least KL(P, Q) among the histogram's bin ends.

    P are the counts of |x| below T with those above added to its last bin. Q are the counts below T in `levels` groups
    of bins, each group spread evenly over its bins that are not empty. Of divergences that are equal to within
    rounding the widest range. Source: Migacz 2017, 8-bit Inference with TensorRT (GTC 2017). Departures: the
    histogram's width is a power of two; where the cut puts its outliers into an empty bin the divergence is infinite,
    without smoothing; the bin at zero counts no more than the one beside it, as in NVIDIA's pytorch-quantization
    (calib/histogram.py). Zeros have a code of their own at every threshold. Counted in full, those of a Relu, half of
    its values, share a group with small ones, and a cut far too low is the only way to part them.

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
        counts = taken.negative + taken.positive
        counts[0] = min(counts[0], counts[1])
        if not counts.any():
            return estimator.range_with_zero(taken.smallest, taken.largest)
        threshold = best_cut(counts, self._levels) * taken.width
        return estimator.range_with_zero(max(-threshold, taken.smallest), min(threshold, taken.largest))


def best_cut(counts: _Array, levels: int) -> int:
    """The number of bins below the threshold of least divergence, from `levels` to that of the last count's bin."""
    occupied = max(int(np.flatnonzero(counts)[-1]) + 1, levels)
    cuts = np.arange(levels, occupied + 1)
    found = divergences(counts, cuts, levels)
    least = found.min()
    if least == np.inf:
        return occupied
    return int(cuts[np.flatnonzero(found <= least + _EQUAL)[-1]])


def divergences(counts: _Array, cuts: _Array, levels: int) -> _Array:
    """KL(P, Q) of each cut, (Σ cᵢ·ln cᵢ − Σ tᵧ·ln(nᵧ/mᵧ))/N − ln N + ln B, from running sums over the bins.

    c are the counts below the cut, the last with those above it; N their sum and B that without those above. Group γ
    has n counts in m bins that are not empty, and t is n, for the last one with those above the cut. Bin i belongs to
    group ⌊i·levels/cut⌋: groups differ by at most one bin. +∞ where P has outliers in an empty bin, or Q nothing.
    Source: Kullback and Leibler 1951, eq. 2.4, with P and Q of `Entropy`. In nats.

    counts: integers, at least one above 0; cuts: from `levels` to the number of counts.
    """
    counted = np.concatenate([[0], np.cumsum(counts)])
    filled = np.concatenate([[0], np.cumsum(counts > 0)])
    logarithms = np.concatenate([[0.0], np.cumsum(_times_log(counts, counts, 1))])

    below, last = counted[cuts], counts[cuts - 1]
    above = counted[-1] - below
    starts = -(-np.arange(levels + 1) * cuts[:, np.newaxis] // levels)
    groups, members = np.diff(counted[starts]), np.diff(filled[starts])
    weights = groups.copy()
    weights[:, -1] += above

    reference = logarithms[cuts] - _times_log(last, last, 1) + _times_log(last + above, last + above, 1)
    approximation = _times_log(weights, groups, members).sum(axis=1)
    total = counted[-1]
    finite = (reference - approximation) / total - np.log(total) + np.log(np.maximum(below, 1))
    infinite = (below == 0) | ((last == 0) & (above > 0))
    return np.where(infinite, np.inf, np.maximum(finite, 0.0))


def _times_log(weights: _Array, counts: _Array, members: _Array | int) -> _Array:
    """weights·ln(counts/members), 0 where there are no counts."""
    quotients: _Array = weights * np.log(np.maximum(counts, 1) / np.maximum(members, 1))
    return quotients
