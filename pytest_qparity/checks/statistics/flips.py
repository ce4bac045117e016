"""Scores of 0 and 1: what flips between two models say of the rate that is lost.

Of n samples b flip from 1 to 0 (harmful) and c from 0 to 1 (helpful); the drop is p10 − p01, estimated by (b − c)/n.
Tested is H0: drop ≥ margin against drop < margin, exactly where few samples flip, by the score test where many do.
McNemar's test asks another question: whether the drop is zero.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]
    BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

FEWEST_FOR_SCORE_TEST = 20  # flips; with fewer the normal distribution is too far from theirs
_FARTHEST_EXACT = 100.0  # flips that the margin stands for; beyond, fewer than 20 are 7 standard errors away
_BEYOND = 60.0  # flips more than the margin's that the exact test looks through for the worst discordance
_GRID = 24
_LEAST_CORRECTION = 0.2  # flips
_RATE_LEVEL = 0.001  # of the level, what bounds the float model's rate where the margin is a share of it
_LARGEST = 1.0 - 1e-9  # of a margin that is a fraction
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class ShareOf:
    """A margin that is `share` times the float model's rate; `hits`: its samples that score 1.

    `harms_hits`: harmful flips are of those samples; where a 1 is an error they are of the others.
    """

    share: float
    hits: ArrayLike
    harms_hits: bool = True

    def swapped(self) -> ShareOf:
        """As it is where the two models are swapped: all that was lost is won."""
        return ShareOf(-self.share, self.hits, not self.harms_hits)


def is_below(
    harmful: ArrayLike, helpful: ArrayLike, samples: int, margin: ArrayLike, level: float, of: ShareOf | None = None
) -> BoolArray:
    """Whether a drop below `margin` (a fraction, −1 to 1) is shown at `level`, for each pair of counts.

    `of`: where the margin is a share of a rate that was estimated from these samples (`margin` is then its value).
    """
    import numpy as np

    b, c, m = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (harmful, helpful, margin)))
    shown = np.asarray(score_statistic(b, c, samples, m, level, of) >= 0.0)
    exact = (b + c < FEWEST_FOR_SCORE_TEST) & (samples * np.abs(m) <= _FARTHEST_EXACT)
    if not exact.any():
        return shown
    shown = shown.copy()
    limit = level if of is None else level - min(_RATE_LEVEL, level / 10)
    safe = m if of is None else np.clip(m * _careful_rate(of, samples, level), -_LARGEST, _LARGEST)
    counts = np.stack([b[exact], c[exact], np.broadcast_to(safe, b.shape)[exact]])
    unique, inverse = np.unique(counts, axis=1, return_inverse=True)
    decided = np.array([exact_p(*row, samples=samples) <= limit for row in unique.T], np.bool_)
    shown[exact] = decided[inverse.reshape(-1)]
    return shown


def exact_p(harmful: float, helpful: float, margin: float, *, samples: int) -> float:
    """max over π of P(Z ≥ z), Z the score statistic and z the observed one, (b, c) trinomial with p10 − p01 = margin
    and p10 + p01 = π: an unconditional exact test (Barnard's idea, with the ordering of Tango 1998).

    π is looked for up to _BEYOND flips more than the margin's: beyond, far more than 20 would have flipped. With no
    flip at all it is (1 − margin)^n, as from the exact binomial: 598 samples for a margin of 0.5 %.
    """
    import numpy as np
    from scipy.special import betainc, gammaln, xlog1py, xlogy

    most = abs(margin) * samples + _BEYOND
    b = np.arange(min(samples, int(most + 8.0 * most**0.5)) + 1, dtype=np.float64)
    observed = float(_score(np.float64(harmful), np.float64(helpful), samples, np.float64(margin)))
    needed = _helpful_needed(b, samples, margin, observed)[:, None]
    discordance = abs(margin) + np.linspace(0.0, 1.0, _GRID) ** 2 * min(_BEYOND / samples, max(0.0, 1 - abs(margin)))
    p10, p01 = (discordance + margin) / 2, (discordance - margin) / 2
    ways = gammaln(samples + 1.0) - gammaln(b + 1.0) - gammaln(samples - b + 1.0)
    chance_of_b = np.exp(ways[:, None] + xlogy(b[:, None], p10) + xlog1py(samples - b[:, None], -p10))
    left = np.maximum(samples - b[:, None], 0.0)
    possible = np.clip(needed, 1.0, np.maximum(left, 1.0))
    rate = np.minimum(p01 / np.maximum(1.0 - p10, _TINY), 1.0)
    chance_of_c = betainc(possible, np.maximum(left, 1.0) - possible + 1.0, rate)  # of at least so many
    chance_of_c = np.where(needed <= 0.0, 1.0, np.where(needed > left, 0.0, chance_of_c))
    return float(np.max(np.sum(chance_of_b * chance_of_c, axis=0)))


def _helpful_needed(b: FloatArray, samples: int, margin: float, observed: float) -> FloatArray:
    """For each b the least c that is as far below the margin as what was observed; by bisection, as the score statistic
    rises with c."""
    import numpy as np

    low, high = np.full_like(b, -1.0), samples - b + 1.0
    for _ in range(int(np.ceil(np.log2(samples + 3.0))) + 1):
        middle = np.floor((low + high) / 2)
        far = _score(b, middle, samples, np.float64(margin)) >= observed - 1e-9
        inside = (middle > low) & (middle < high)
        high = np.where(inside & far, middle, high)
        low = np.where(inside & ~far, middle, low)
    return high


def score_statistic(
    harmful: ArrayLike, helpful: ArrayLike, samples: int, margin: ArrayLike, level: float, of: ShareOf | None = None
) -> FloatArray:
    """How far the score test is above its critical value at `level`: at 0 and above it rejects H0.

        (n·margin − (b − c) − correction) / √(n·V) − z

    V is the variance of one sample's difference where the drop is the margin, by maximum likelihood under that
    restriction (Tango 1998, Statistics in Medicine 17:891). The correction, in flips, is r²/2 − (z² − 1)/6·r with
    r = margin/π: half a flip where all flips go one way and counts step by one, and the skewness of those counts
    (Cornish and Fisher 1938); at least 0.2, which holds the size at 5 % everywhere (docs/statistics.md).
    The Wald statistic, which the t test is, has sizes up to 8 % there.
    """
    import numpy as np
    from scipy.special import ndtri

    b, c, m = (np.asarray(each, np.float64) for each in (harmful, helpful, margin))
    z = -float(ndtri(level))
    discordance = 2.0 * _least_helpful_rate(b, c, samples, m) + m
    r = m / np.maximum(np.abs(discordance), _TINY)
    correction = np.maximum(_LEAST_CORRECTION, r * r / 2 - (z * z - 1) / 6 * r)
    statistic: FloatArray = np.asarray(_score(b, c, samples, m, correction, of) - z)
    return statistic


def _score(
    b: FloatArray | np.float64,
    c: FloatArray | np.float64,
    samples: int,
    m: FloatArray | np.float64,
    correction: FloatArray | float = 0.0,
    of: ShareOf | None = None,
) -> FloatArray:
    import numpy as np

    p01 = _least_helpful_rate(b, c, samples, m)
    variance = 2.0 * p01 + m - m * m
    if of is not None:  # of loss − share·score, whose mean the margin says is below 0
        rate = np.asarray(of.hits, np.float64) / samples
        with_rate = (p01 + m if of.harms_hits else -p01) - m * rate  # the covariance of a sample's loss and score
        variance = variance - 2.0 * of.share * with_rate + of.share**2 * rate * (1.0 - rate)
    score: FloatArray = np.asarray(
        (samples * m - (b - c) - correction) / np.sqrt(samples * np.maximum(variance, 1e-12))
    )
    return score


def _least_helpful_rate(
    b: FloatArray | np.float64, c: FloatArray | np.float64, samples: int, m: FloatArray | np.float64
) -> FloatArray:
    """p01 of largest likelihood with p10 = p01 + m: the root of 2n·p01² + B·p01 − c·m(1 − m) (Tango 1998)."""
    import numpy as np

    middle = -b - c + (2 * samples - b + c) * m
    root = np.sqrt(np.maximum(middle * middle + 8.0 * samples * c * m * (1.0 - m), 0.0))
    rate: FloatArray = np.clip((root - middle) / (4.0 * samples), np.maximum(0.0, -m), 1.0)
    return rate


def _careful_rate(of: ShareOf, samples: int, level: float) -> FloatArray:
    """A bound of the float model's rate that misses the true one with _RATE_LEVEL (Clopper and Pearson 1934), as a part
    of the estimated one: the lower bound, since a smaller margin is harder to hold; of swapped models the upper one."""
    import numpy as np
    from scipy.special import betainccinv, betaincinv

    hits = np.asarray(of.hits, np.float64)
    missed = min(_RATE_LEVEL, level / 10)
    if of.share > 0:
        bound = np.where(hits > 0, betaincinv(np.maximum(hits, 1e-9), samples - hits + 1.0, missed), 0.0)
    else:
        bound = np.where(hits < samples, betainccinv(hits + 1.0, np.maximum(samples - hits, 1e-9), missed), 1.0)
    part: FloatArray = bound * samples / np.maximum(hits, 1.0)
    return part


def drop_interval(
    harmful: int, helpful: int, samples: int, level: float, of: ShareOf | None = None
) -> tuple[float, float]:
    """Drops, as fractions, that neither one-sided test at `level` rules out: the ends that `is_below` shows, found by
    bisection. Of swapped models it is the mirrored one."""
    if of is None:
        return _interval(int(harmful), int(helpful), samples, level)
    high = _highest(harmful, helpful, samples, level, of)
    return -_highest(helpful, harmful, samples, level, of.swapped()), high


@functools.lru_cache(maxsize=8192)  # it takes 10 ms, and runs by the thousand lose nothing of the same samples
def _interval(harmful: int, helpful: int, samples: int, level: float) -> tuple[float, float]:
    high = _highest(harmful, helpful, samples, level, None)
    return -_highest(helpful, harmful, samples, level, None), high


def _highest(harmful: int, helpful: int, samples: int, level: float, of: ShareOf | None) -> float:
    low, high = (harmful - helpful) / samples, 1.0
    if not bool(is_below(harmful, helpful, samples, _LARGEST, level, of)):
        return 1.0
    step = 1.0 / samples
    while low + step < high:  # first by growing steps, so that margins far away are not tried
        if bool(is_below(harmful, helpful, samples, low + step, level, of)):
            high = low + step
        else:
            low, step = low + step, step * 2.0
    while high - low > 1e-3 / samples:
        middle = (low + high) / 2
        if bool(is_below(harmful, helpful, samples, middle, level, of)):
            high = middle
        else:
            low = middle
    return high
