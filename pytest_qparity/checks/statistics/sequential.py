"""Stopping early: a level for each look at the data, so that all looks together err as one test would."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

_POINTS = 401  # of each integral, over ±8 standard deviations; boundaries are then right to 1e-5
_REACH = 8.0


def obrien_fleming(looks: Sequence[float], level: float) -> tuple[float, ...]:
    """z of each look: c/√t, with t the share of samples seen (rising, the last 1) and c such that a test of no
    difference crosses any of them with probability `level`, one-sided.

    O'Brien and Fleming 1979, Biometrics 35:549, for looks that are unevenly spaced; c by the recursion of Armitage,
    McPherson and Rowe 1969. Looks at 20, 50 and 100 % with 5 %: 3.753, 2.373, 1.678.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    shares = [float(look) for look in looks]
    if not shares or shares[-1] != 1.0 or shares[0] <= 0 or sorted(set(shares)) != shares:
        raise ValueError(f"got looks {looks}, should rise from above 0 to 1")
    least = -float(ndtri(level))
    if len(shares) == 1:
        return (least,)
    c = float(brentq(lambda c: _crossed(shares, c) - level, least - 0.1, least + 1.0, xtol=1e-7))
    return tuple(c / math.sqrt(share) for share in shares)


def nominal_levels(looks: Sequence[float], level: float) -> tuple[float, ...]:
    """The one-sided level at which each look is tested as if it were the only one: 1 − Φ(z)."""
    from scipy.special import ndtr

    return tuple(float(ndtr(-z)) for z in obrien_fleming(looks, level))


def _crossed(shares: Sequence[float], c: float) -> float:
    """P(B(t) ≥ c for a t of `shares`), B a Brownian motion: all boundaries c/√t of z are c for B(t) = z·√t."""
    import numpy as np
    from scipy.special import ndtr

    step = (c + _REACH) / (_POINTS - 1)
    at = np.linspace(-_REACH, c, _POINTS)
    weights = _simpson(_POINTS, step)
    crossed = float(ndtr(-c / math.sqrt(shares[0])))
    density: FloatArray = _normal(at, math.sqrt(shares[0]))
    for before, now in itertools.pairwise(shares):
        spread = math.sqrt(now - before)
        crossed += float(np.sum(weights * density * ndtr((at - c) / spread)))
        density = _normal(at[:, None] - at[None, :], spread) @ (weights * density)
    return crossed


def _normal(at: FloatArray, spread: float) -> FloatArray:
    """The normal density around 0."""
    import numpy as np

    density: FloatArray = np.exp(-0.5 * (at / spread) ** 2) / (spread * math.sqrt(2.0 * math.pi))
    return density


def _simpson(points: int, step: float) -> FloatArray:
    import numpy as np

    weights = np.full(points, 2.0)
    weights[1::2] = 4.0
    weights[0] = weights[-1] = 1.0
    return weights * step / 3.0
