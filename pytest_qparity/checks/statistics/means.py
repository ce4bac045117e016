"""Scores of any size: how large the mean loss of a sample may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]


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
