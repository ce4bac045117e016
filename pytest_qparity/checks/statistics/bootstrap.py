"""Metrics that are no mean of scores (F1, WER, mAP): an interval by resampling samples, of both models alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import ArrayLike

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]
    CountArray = np.ndarray[Any, np.dtype[np.int64]]

RESAMPLES = 999  # one more makes quantiles of 5 % exact; 50,000 samples take half a second
GROUPS = 50  # of the jackknife that finds the acceleration
_FEWEST_BEYOND = 5.0  # resamples beyond an end of the interval; with fewer the end is unknown


def bootstrap_interval(
    loss: Callable[[CountArray], float], samples: int, level: float, seed: int = 0
) -> tuple[float, float]:
    """Losses that neither one-sided test at `level` rules out, by the paired bootstrap.

    `loss`: what is lost where sample i counts `counts[i]` times, of both models alike. Resamples are drawn from a fixed
    seed, so that a verdict repeats. One sample bounds nothing: −inf to inf. A resample of which the metric says nothing
    (it lacks a class) counts as beyond either end; and where that is so of a fiftieth left out, nothing is bounded.
    """
    import numpy as np

    if samples < 2:
        return -np.inf, np.inf
    generator = np.random.default_rng(seed)
    replicates = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        drawn = generator.integers(0, samples, samples)
        replicates[index] = loss(np.bincount(drawn, minlength=samples))
    member = generator.permutation(samples) % min(GROUPS, samples)
    left_out = np.array([loss((member != group).astype(np.int64)) for group in range(min(GROUPS, samples))])
    known = np.isfinite(replicates)
    if not np.isfinite(left_out).all():
        return -np.inf, np.inf
    ends = [np.where(known, replicates, worst) for worst in (-np.inf, np.inf)]
    low, high = bca(np.stack(ends), loss(np.ones(samples, np.int64)), acceleration(left_out), level)
    return float(low[0]), float(high[1])


def acceleration(left_out: ArrayLike, weights: ArrayLike = 1.0) -> FloatArray:
    """a = Σ u³ / (6·(Σ u²)^1.5), u = mean − the value without a group; over the last axis (…, groups).

    Efron 1987, J. Am. Stat. Assoc. 82:171, from the jackknife. `weights`: how often each value occurs.
    """
    import numpy as np

    values = np.asarray(left_out, np.float64)
    w = np.broadcast_to(np.asarray(weights, np.float64), values.shape)
    u = (np.sum(w * values, axis=-1) / np.sum(w, axis=-1))[..., None] - values
    widest = np.max(np.abs(u), axis=-1, keepdims=True)
    u = u / np.where(widest > 0, widest, 1.0)  # a is of no unit; cubes of a perplexity of 1e300 are
    squares = np.sum(w * u**2, axis=-1)
    spread = np.where(squares > 0, squares, 1.0)
    a: FloatArray = np.sum(w * u**3, axis=-1) / (6.0 * spread**1.5)
    return a


def bca(
    replicates: ArrayLike, estimate: ArrayLike, accelerated: ArrayLike, level: float
) -> tuple[FloatArray, FloatArray]:
    """Bias-corrected and accelerated interval (Efron 1987), over the last axis (…, resamples); `level` on each side.

    Chosen by simulation over the percentile interval and the jackknife's t, which let up to 7.6 and 8.4 % through where
    BCa lets 5.8 % (docs/statistics.md). An end with fewer than five resamples beyond it is infinite.
    """
    import numpy as np
    from scipy.special import ndtr, ndtri

    ordered = np.sort(np.asarray(replicates, np.float64), axis=-1)
    centre, a = np.asarray(estimate, np.float64), np.asarray(accelerated, np.float64)
    count = ordered.shape[-1]
    below = np.sum(ordered < centre[..., None], axis=-1) + 0.5 * np.sum(ordered == centre[..., None], axis=-1)
    bias = ndtri(np.clip(below / count, 0.5 / count, 1 - 0.5 / count))
    ends = []
    for z in (float(ndtri(level)), -float(ndtri(level))):
        moved = bias + z
        share = ndtr(bias + moved / np.maximum(1.0 - a * moved, 1e-3))
        index = np.clip(np.ceil(share * (count + 1)).astype(np.int64), 1, count) - 1
        end = np.take_along_axis(ordered, index[..., None], axis=-1)[..., 0]
        unknown = level * (count + 1) < _FEWEST_BEYOND
        ends.append(np.where(unknown, np.sign(z) * np.inf, end))
    return ends[0], ends[1]
