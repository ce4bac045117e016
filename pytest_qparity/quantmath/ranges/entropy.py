"""The range whose quantized distribution tells most about the original one."""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath.ranges import estimator, histogram

__all__ = ["Entropy", "best_cut", "divergences", "squared_errors"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_EQUAL = 1e-13  # nats; divergences are sums of some thousand terms with a rounding of 1e-16 each
_OUTLIERS = 100  # of so many values one may be cut
_LOSS = 1 / 200  # share of the energy that a cut may take away: 23 dB, above the 20 dB that int8 is held to


class Entropy:
    """[−T, T] cut to [min x, max x], with the T of least KL(P, Q) among the histogram's bin ends.

    P are the counts of |x| below T with those above added to its last bin. Q are the counts below T in `levels` groups
    of bins, each group spread evenly over its bins that are not empty. Of divergences that are equal to within
    rounding the widest range. Source: Migacz 2017, 8-bit Inference with TensorRT (GTC 2017). Departures:

    The histogram's width is a power of two. Where the cut puts its outliers into an empty bin the divergence is
    infinite, without smoothing.

    Q is as small a share of all values as it keeps. NVIDIA's pytorch-quantization (calib/histogram.py) scales it up to
    1, as P is: where nothing but the cut's last bin is filled, Q is then P itself and the cut costs nothing, so that of
    values away from zero, those in [1, 5], it takes all. And no more than one value of a hundred is cut: outliers are
    few. A value that is there very often, as the grey beside a picture, makes the divergence one of its bin, and a cut
    there the way to keep that.

    The squared error of what is cut is at most 1/200 of the values' energy, or what rounding over the whole range
    costs, N·(largest/levels)²/12, where that is more: of a Softmax, three values of a thousand hold half of the energy.

    The bin at zero counts no more than the one beside it, as there. Zeros have a code of their own at every threshold.
    Counted in full, those of a Relu, half of its values, share a group with small ones, and a cut far too low is the
    only way to part them.

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
    """The number of bins below the threshold of least divergence, from `levels` to that of the last count's bin, which
    cuts at most one count of a hundred and costs no more than `Entropy` allows."""
    occupied = max(int(np.flatnonzero(counts)[-1]) + 1, levels)
    cuts = np.arange(levels, occupied + 1)
    above = counts.sum() - np.cumsum(counts)[cuts - 1]
    few = above <= counts.sum() // _OUTLIERS
    rounding = counts.sum() * (occupied / levels) ** 2 / 12.0
    energy = float(np.sum(counts * _middles(counts) ** 2))
    cheap = squared_errors(counts, cuts) <= max(_LOSS * energy, rounding)
    found = np.where(few & cheap, divergences(counts, cuts, levels), np.inf)
    least = found.min()
    if least == np.inf:
        return occupied
    return int(cuts[np.flatnonzero(found <= least + _EQUAL)[-1]])


def squared_errors(counts: _Array, cuts: _Array) -> _Array:
    """Σ cᵢ·(xᵢ − cut)² over the bins from each cut on, whose middles are xᵢ = i + ½; in squares of a bin's width."""
    middles = _middles(counts)
    beyond = [np.concatenate([np.cumsum((counts * middles**power)[::-1])[::-1], [0.0]])[cuts] for power in (0, 1, 2)]
    errors: _Array = beyond[2] - 2.0 * cuts * beyond[1] + cuts.astype(np.float64) ** 2 * beyond[0]
    return np.maximum(errors, 0.0)


def _middles(counts: _Array) -> _Array:
    middles: _Array = np.arange(len(counts)) + 0.5
    return middles


def divergences(counts: _Array, cuts: _Array, levels: int) -> _Array:
    """KL(P, Q) of each cut, (Σ cᵢ·ln cᵢ − Σ tᵧ·ln(nᵧ/mᵧ))/N, from running sums over the bins.

    c are the counts below the cut, the last with those above it; N their sum, by which P and Q are both divided: Q adds
    up to the share that is below. Group γ has n counts in m bins that are not empty, and t is n, for the last one with
    those above the cut. Bin i belongs to group ⌊i·levels/cut⌋: groups differ by at most one bin. At least −ln of that
    share; +∞ where P has outliers in an empty bin, or Q nothing. Source: Kullback and Leibler 1951, eq. 2.4, with P and
    Q of `Entropy`. In nats.

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
    finite = (reference - approximation) / counted[-1]
    infinite = (below == 0) | ((last == 0) & (above > 0))
    return np.where(infinite, np.inf, np.maximum(finite, 0.0))


def _times_log(weights: _Array, counts: _Array, members: _Array | int) -> _Array:
    """weights·ln(counts/members), 0 where there are no counts."""
    quotients: _Array = weights * np.log(np.maximum(counts, 1) / np.maximum(members, 1))
    return quotients
