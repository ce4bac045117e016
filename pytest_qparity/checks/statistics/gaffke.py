"""Gaffke's test of a mean of which nothing is known but how large a value may be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["largest_ratio", "p_of_ratio"]

_STEP, _REACH = 0.05, 12.0  # of the integral, in arsinh of its path: p is off by 0.3 % of itself at most
_BLOCK = 2_000_000  # numbers that are held at once
_HALVINGS = 30


def p_of_ratio(sums: ArrayLike, lengths: ArrayLike, largest: float, margin: ArrayLike) -> FloatArray:
    """p of "the mean loss of a step is `margin` or more", over the last axis of float64 (…, recordings).

    With S_j the loss of all steps of recording j, n_j how many it has, N the most of them and L the largest loss of a
    step: a_j = S_j − margin·n_j, a_0 = (L − margin)·N, and

        p = P(Σ a_j·E_j > 0),   j from 0 on, E_j independent, exponential

    Gaffke 2005, Math. Methods Statist. 14:451: recordings weighed at random, with one more that loses all. Where
    recordings lose all or nothing it is the exact binomial p (without a loss (1 − margin/L)^n), where they lose alike
    it is nearly that of t; what is gained has no bound in it. That it errs in no more than its level, whatever the
    losses up to L, is proven for such as are all or nothing, and was not seen to fail elsewhere (Learned-Miller and
    Thomas 2019, arXiv:1905.06208; docs/statistics.md). 1 where the mean itself is the margin or more.

    Computed as (1/π)·∫ Re(exp(K(c + iy))/(c + iy)) dy over y > 0, K(s) = −Σ log(1 − s·a_j), with c the saddlepoint.
    """
    s, n = np.asarray(sums, np.float64), np.asarray(lengths, np.float64)
    m = np.broadcast_to(np.asarray(margin, np.float64), s.shape[:-1])[..., None]
    most = n.max(axis=-1, keepdims=True)
    a = np.concatenate([s - m * n, (largest - m) * most], axis=-1)
    flat = a.reshape(-1, a.shape[-1])
    p = np.ones(len(flat))
    p[(flat <= 0).all(axis=-1)] = 0.0
    is_open = (flat.sum(axis=-1) < 0) & (flat > 0).any(axis=-1)
    rows = max(1, int(_BLOCK / (flat.shape[-1] * _REACH / _STEP)))
    numbers = np.flatnonzero(is_open)
    for at in range(0, len(numbers), rows):
        chosen = numbers[at : at + rows]
        p[chosen] = _above_zero(flat[chosen])
    return p.reshape(a.shape[:-1])


def largest_ratio(sums: FloatArray, lengths: FloatArray, largest: float, level: float) -> float:
    """The largest mean loss of a step that `p_of_ratio` does not rule out at `level`, of (recordings,)."""
    from scipy.optimize import brentq

    mean = float(sums.sum() / lengths.sum())
    if not mean < largest:
        return mean
    span = largest - mean

    def beyond(share: float) -> float:
        return float(p_of_ratio(sums, lengths, largest, mean + share * span)) - level

    return mean + span * float(brentq(beyond, 0.0, 1.0, xtol=1e-12, rtol=1e-12))


def _above_zero(a: FloatArray) -> FloatArray:
    """P(Σ a_j·E_j > 0), over the last axis (rows, terms), where the sum's mean is below 0 and some a_j are above."""
    a = a / a.max(axis=-1, keepdims=True)  # the saddlepoint is between 0 and 1 then
    low, high = np.zeros(len(a)), np.ones(len(a))
    for _ in range(_HALVINGS):
        c = (low + high) / 2
        slope = np.sum(a / (1.0 - c[:, None] * a), axis=-1)
        low, high = np.where(slope < 0, c, low), np.where(slope < 0, high, c)
    c = np.maximum(low, 1e-9)  # where the mean is at the margin, p is far above any level and comes out as 1
    real = 1.0 - c[:, None] * a
    width = 1.0 / np.sqrt(np.sum((a / real) ** 2, axis=-1))
    u = np.arange(0.0, _REACH, _STEP)
    total = np.zeros(len(a))
    points = max(1, _BLOCK // a.size)
    for at in range(0, len(u), points):
        part = u[at : at + points]
        y = width[:, None] * np.sinh(part)
        turned = (y[:, :, None] * a[:, None, :]) / real[:, None, :]
        size = -0.5 * np.log1p(turned**2).sum(axis=-1) - np.log(real).sum(axis=-1)[:, None]
        value = np.exp(size + 1j * np.arctan(turned).sum(axis=-1)) / (c[:, None] + 1j * y)
        weight = np.where(part == 0.0, 0.5, 1.0) * np.cosh(part)
        total += np.sum(weight * value.real, axis=-1) * width
    return np.clip(total * _STEP / math.pi, 0.0, 1.0)
