"""How many times faster, with an interval, from times that were measured in pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.backends.timing import FEWEST_PAIRS

if TYPE_CHECKING:
    from pytest_qparity.backends.timing import PairedTimes

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with its 95 % bootstrap interval."""

    low: float
    estimate: float
    high: float


def speed_up(times: PairedTimes, seed: int = 0) -> Interval:
    """median(counterpart) / median(variant), with a percentile bootstrap interval over pairs (95 %).

    Efron and Tibshirani 1993, chapter 13; pairs are resampled together, since drift moves both of a pair. Fewer than
    FEWEST_PAIRS pairs without an interruption bound nothing: the interval is then 0 to infinity.
    """
    import numpy as np

    pairs = len(times.variant_ms)
    estimate = float(np.median(times.counterpart_ms) / np.median(times.variant_ms))
    if pairs < FEWEST_PAIRS or not times.sound:
        return Interval(0.0, estimate, math.inf)
    drawn = np.random.default_rng(seed).integers(0, pairs, size=(RESAMPLES, pairs))
    ratios = np.median(times.counterpart_ms[drawn], axis=1) / np.median(times.variant_ms[drawn], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Interval(float(low), estimate, float(high))
