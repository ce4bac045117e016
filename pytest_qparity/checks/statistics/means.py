"""Scores of any size: how large the mean loss of a sample may be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

FEWEST_RUINED = 20  # from here on their number is known well enough for the interval of the mean itself


def ruined_interval(
    losses: ArrayLike, largest: ArrayLike, level: float, largest_gain: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """The same as `mean_interval`, of samples some of which may lose as much as `largest`, float64 (…), and gain as
    much as `largest_gain` (None: `largest`).

    A mean of rounding noise knows nothing of the one sample in 200 that is ruined while none is among those seen. So
    both ends reach further by what may be unseen. With u the end of `mean_interval` and x̂ the largest loss seen,

        high = x̄ + √((u − x̄)² + ((largest − x̂)·(1 − level^(1/n)))²)

    where 1 − level^(1/n), about 3/n, is the largest share that no sample shows (Clopper and Pearson 1934 for a count of
    0), and two limits are put together as Zou and Donner have it (2008, Statist. Med. 27:1693). Where k samples, but
    fewer than 20, lose more than half of `largest`, their share is bounded exactly as well: the higher of the above and
    √((u' − x̄')² + (largest·p_k − t)²) above x̄, where u' and x̄' are of the losses without theirs, t is their part of x̄
    and p_k the largest share that k does not rule out. The lower end mirrors the higher.
    """
    import numpy as np

    x, most = np.asarray(losses, np.float64), np.asarray(largest, np.float64)
    low, high = mean_interval(x, level)
    gain = most if largest_gain is None else np.asarray(largest_gain, np.float64)
    return -_reaching(-x, -low, gain, level), _reaching(x, high, most, level)


def unseen_share(samples: int, level: float) -> float:
    """1 − level^(1/n): the largest share of a population that is missing from n samples with a chance of `level`."""
    return -math.expm1(math.log(level) / samples)


def _reaching(x: FloatArray, high: FloatArray, largest: FloatArray, level: float) -> FloatArray:
    import numpy as np
    from scipy.special import betainccinv

    n, mean = x.shape[-1], x.mean(axis=-1)
    unseen = np.maximum(largest - x.max(axis=-1), 0.0) * unseen_share(n, level)
    reached: FloatArray = mean + np.hypot(high - mean, unseen)
    is_ruined = x > largest[..., None] / 2
    ruined = is_ruined.sum(axis=-1)
    if not np.any((ruined > 0) & (ruined < FEWEST_RUINED)):
        return reached
    part = np.sum(np.where(is_ruined, x, 0.0), axis=-1) / n
    others = np.where(is_ruined, 0.0, x)
    share = betainccinv(ruined + 1, np.maximum(n - ruined, 0.5), level)
    beyond = np.hypot(mean_interval(others, level)[1] - others.mean(axis=-1), np.maximum(largest * share - part, 0.0))
    is_few = (ruined > 0) & (ruined < FEWEST_RUINED)
    return np.where(is_few, np.maximum(reached, mean + beyond), reached)


def mean_interval(losses: ArrayLike, level: float) -> tuple[FloatArray, FloatArray]:
    """Means that neither one-sided test at `level` rules out; over the last axis of float64 (…, samples).

    Student's t, corrected for skewness by Hall's transformation (1992, J. R. Statist. Soc. B 54:221) on the side where
    it is the more careful: t alone lets 7 % through where a margin is broken by rare large losses. For a mean μ

        t = (x̄ − μ)/s·√n,   T = t + γt²/(3√n) + γ²t³/(27n) + γ/(6√n)

    with γ the sample's skewness; T is nearer to its quantiles than t is. It is cubic in t and has one root. One sample
    bounds nothing: −inf to inf. The interval of −losses is the mirrored one.
    """
    import numpy as np
    from scipy.special import stdtrit

    x = np.asarray(losses, np.float64)
    n = x.shape[-1]
    mean = x.mean(axis=-1)
    if n < 2:
        return np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    centred = x - mean[..., None]
    squares = np.mean(centred**2, axis=-1)
    error = np.sqrt(squares / (n - 1))
    spread = np.sqrt(np.where(squares > 0, squares, 1.0))
    skewness = np.mean((centred / spread[..., None]) ** 3, axis=-1)
    q = -float(stdtrit(n - 1, level))
    upper = np.maximum(q, -_untransformed(-q, skewness, n))
    lower = np.maximum(q, _untransformed(q, skewness, n))
    return mean - lower * error, mean + upper * error


def _untransformed(transformed: float, skewness: FloatArray, samples: int) -> FloatArray:
    """t of Hall's T: (3√n/γ)·(∛(1 + γ/√n·(T − γ/(6√n))) − 1), which is T where γ is 0."""
    import numpy as np

    a = skewness / samples**0.5
    is_symmetric = np.abs(a) < 1e-9
    safe = np.where(is_symmetric, 1.0, a)
    t = 3.0 / safe * (np.cbrt(1.0 + safe * (transformed - safe / 6.0)) - 1.0)
    given: FloatArray = np.where(is_symmetric, transformed, t)
    return given
