"""Timing two callables against each other, in turn, so that a machine's drift hits both alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

WARM_UP_CALLS = 3
FEWEST_PAIRS = 20
MOST_PAIRS = 400
PATIENCE = 10
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class PairedTimes:
    """Milliseconds a call, float64 (pairs,) each; pair i of both was measured back to back."""

    variant_ms: np.ndarray
    counterpart_ms: np.ndarray


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with its 95 % bootstrap interval."""

    low: float
    estimate: float
    high: float


def time_alone(call: Callable[[], object], seconds: float) -> np.ndarray:
    """Milliseconds a call, float64 (calls,): at least FEWEST_PAIRS, then until `seconds` have passed."""
    import numpy as np

    for _ in range(WARM_UP_CALLS):
        call()
    samples: list[float] = []
    start = time.perf_counter()
    while _goes_on(len(samples), time.perf_counter() - start, seconds):
        samples.append(_milliseconds(call))
    return np.array(samples)


def time_in_turn(
    variant: Callable[[], object], counterpart: Callable[[], object], seconds: float, seed: int = 0
) -> PairedTimes:
    """Time both in pairs, which of the two goes first drawn anew for each pair.

    At least FEWEST_PAIRS pairs, then until `seconds` have passed or MOST_PAIRS are measured; very slow calls stop after
    PATIENCE times `seconds` with what they have.
    """
    import numpy as np

    for _ in range(WARM_UP_CALLS):
        variant()
        counterpart()
    variant_first = np.random.default_rng(seed).random(MOST_PAIRS) < 0.5
    variant_ms: list[float] = []
    counterpart_ms: list[float] = []
    start = time.perf_counter()
    while _goes_on(len(variant_ms), time.perf_counter() - start, seconds):
        if variant_first[len(variant_ms)]:
            variant_ms.append(_milliseconds(variant))
            counterpart_ms.append(_milliseconds(counterpart))
        else:
            counterpart_ms.append(_milliseconds(counterpart))
            variant_ms.append(_milliseconds(variant))
    return PairedTimes(np.array(variant_ms), np.array(counterpart_ms))


def speed_up(times: PairedTimes, seed: int = 0) -> Interval:
    """median(counterpart) / median(variant), with a percentile bootstrap interval over pairs (95 %).

    Efron and Tibshirani 1993, chapter 13; pairs are resampled together, since drift moves both of a pair. Fewer than
    FEWEST_PAIRS pairs bound nothing: the interval is then 0 to infinity.
    """
    import numpy as np

    pairs = len(times.variant_ms)
    estimate = float(np.median(times.counterpart_ms) / np.median(times.variant_ms))
    if pairs < FEWEST_PAIRS:
        return Interval(0.0, estimate, math.inf)
    drawn = np.random.default_rng(seed).integers(0, pairs, size=(RESAMPLES, pairs))
    ratios = np.median(times.counterpart_ms[drawn], axis=1) / np.median(times.variant_ms[drawn], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Interval(float(low), estimate, float(high))


def _goes_on(measured: int, elapsed: float, seconds: float) -> bool:
    if measured < FEWEST_PAIRS:
        return measured == 0 or elapsed < PATIENCE * seconds
    return measured < MOST_PAIRS and elapsed < seconds


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6
