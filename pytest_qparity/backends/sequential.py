"""When enough pairs are timed: an interval of their median ratio that stays right however often it is looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ERROR = 0.02  # that the interval misses the true ratio at any look, both ends together
LOOKS = tuple(20 * 2**doubling for doubling in range(7))  # after so many pairs: 20, 40, 80, ... 1,280
FEWEST_PAIRS = LOOKS[0]
MOST_PAIRS = LOOKS[-1]

# One look more is taken where time ends between two of them. When that is depends on how long pairs took, whichever of
# the two a time was of, so that it favours no ratio.
ERROR_OF_A_LOOK = ERROR / (len(LOOKS) + 1)


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with its interval; 0 to infinity where too few values bound nothing."""

    low: float
    estimate: float
    high: float

    def decides(self, bounds: Iterable[float]) -> bool:
        """Whether it lies wholly on one side of each bound. A bound itself belongs to what is above it; NaN to none."""
        is_known = not math.isnan(self.estimate)
        return is_known and all(self.low >= bound or self.high < bound for bound in bounds)

    @property
    def width(self) -> float:
        """high / low; infinite where it bounds nothing."""
        return self.high / self.low if self.low > 0 else math.inf


def interval_of_ratios(variant_ms: np.ndarray, counterpart_ms: np.ndarray) -> Interval:
    """Median of counterpart_ms[i] / variant_ms[i] with its interval, at one of LOOKS or at the end.

    float64 (pairs,) each, pair i measured back to back in an order drawn by lot. The interval is that of
    `interval_of_quantile`, each look with ERROR / (looks + 1): their union bound holds over all looks, however they
    depend on one another (alpha spending, Lan and DeMets 1983, Biometrika 70:659, spent evenly over looks that double).
    A percentile bootstrap of a median tends to this interval, and needs no drawing (Efron 1982, chapter 10); it lets no
    resampling error in where so little is left for a look.

    What it rests on is the lot: where both take equally long, which of a pair was the slower one is a fair coin given
    all that happened before, whatever the neighbours do, in bursts, by drift or with heavy tails. The same of
    counterpart_ms and `ratio` · variant_ms, where the machine slows both by the same factor.
    """
    import numpy as np

    ratios = np.divide(counterpart_ms, variant_ms)
    if not len(ratios) or not np.all(np.isfinite(ratios)) or ratios.min() <= 0:
        return Interval(math.nan, math.nan, math.nan)
    return interval_of_quantile(ratios, 0.5, ERROR_OF_A_LOOK)


def interval_of_quantile(values: np.ndarray, share: float, error: float) -> Interval:
    """The quantile of `values`, float64 (n,), with its distribution-free interval: order statistics x₍ₗ₎ and x₍ₕ₎.

        l = the largest with P(Bin(n, share) ≥ l) ≥ 1 − error/2,   h likewise from above

    Conover 1999, section 3.2. Where n is too small for one end, that end is 0 or infinity: values are times or ratios.
    """
    import numpy as np

    ordered = np.sort(values)
    below = _fewest_below(len(ordered), share, error / 2)
    above = _fewest_below(len(ordered), 1 - share, error / 2)
    low = float(ordered[below - 1]) if below else 0.0
    high = float(ordered[-above]) if above else math.inf
    return Interval(low, float(np.quantile(ordered, share)), high)


def _fewest_below(count: int, share: float, error: float) -> int:
    """The largest k with P(Bin(count, share) < k) ≤ error; 0 where there is none."""
    log_odds = math.log(share) - math.log1p(-share)
    log_chance = count * math.log1p(-share)  # of none
    cumulated = 0.0
    for successes in range(count):
        cumulated += math.exp(log_chance)
        if cumulated > error:
            return successes
        log_chance += math.log((count - successes) / (successes + 1)) + log_odds
    return count


def fewest_calls(share: float) -> int:
    """How many calls bound a percentile: that the second slowest of n lies above it with 99 %, one call left to chance.

        smallest n with shareⁿ + n·(1 − share)·shareⁿ⁻¹ ≤ 1 %:   64 for p90, 662 for p99, 6,636 for p99.9

    Wilks 1941, Annals of Mathematical Statistics 12:91. Of calls that do not depend on one another.
    """
    count = 2
    while share**count + count * (1 - share) * share ** (count - 1) > 0.01:
        count += 1
    return count
