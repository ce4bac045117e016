"""When enough pairs are timed: an interval of their median ratio that stays right however often it is looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
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
    """A point estimate with its interval; 0 to infinity where too few values bound nothing, or for the reason `why`."""

    low: float
    estimate: float
    high: float
    why: str = ""

    def decides(self, bounds: Iterable[float]) -> bool:
        """Whether it lies wholly on one side of each bound. A bound itself belongs to what is above it; NaN to none."""
        is_known = not math.isnan(self.estimate)
        return is_known and all(self.low >= bound or self.high < bound for bound in bounds)

    @property
    def is_bounded(self) -> bool:
        """From both sides: an estimate of too few values is none to show."""
        return self.low > 0 and self.high < math.inf

    def widened(self, factor: float) -> Interval:
        """Both ends moved outwards by a factor."""
        return Interval(self.low / factor, self.estimate, self.high * factor)

    @property
    def width(self) -> float:
        """high / low; infinite where it bounds nothing."""
        return self.high / self.low if self.low > 0 else math.inf


def interval_of_ratios(variant_ms: np.ndarray, counterpart_ms: np.ndarray) -> Interval:
    """Median of counterpart_ms[i] / variant_ms[i] with its interval, at one of LOOKS or at the end.

        the median, the c-th smallest and the c-th largest of √(rᵢ · rⱼ), i ≤ j, r = counterpart_ms / variant_ms;
        P(W < c) ≤ ERROR_OF_A_LOOK/2, W Wilcoxon's signed-rank sum of log r

    float64 (pairs,) each, pair i measured back to back in an order drawn by lot. Hodges and Lehmann 1963, Annals of
    Mathematical Statistics 34:598; Hollander and Wolfe 1999, section 3.3. Each look errs with ERROR / (looks + 1): the
    union bound holds over all looks, however they depend on one another (alpha spending, Lan and DeMets 1983,
    Biometrika 70:659, spent evenly over looks that double).

    What it rests on is the lot: where both take equally long, which of a pair was the slower one is a fair coin given
    all else, whatever the neighbours do, in bursts, by drift or with heavy tails. That is all that W is derived from,
    and a bootstrap, which takes pairs as independent, could not say it. The same of counterpart_ms and `ratio` ·
    variant_ms, where the machine slows both by the same factor; the pseudo-median is then the median, known from 1.6
    to 1.8 times fewer pairs than by its order statistics.
    """
    import numpy as np

    ratios = np.divide(counterpart_ms, variant_ms)
    if not len(ratios) or not np.all(np.isfinite(ratios)) or ratios.min() <= 0:
        return Interval(math.nan, math.nan, math.nan)
    one, other = np.triu_indices(len(ratios))
    means = np.sqrt(ratios[one] * ratios[other])
    rank = _fewest_signed_ranks(len(ratios), ERROR_OF_A_LOOK / 2)
    below, above, end = (len(means) - 1) // 2, len(means) // 2, max(rank, 1)
    means.partition((end - 1, below, above, len(means) - end))
    middle = math.sqrt(means[below] * means[above])
    return Interval(float(means[end - 1]), middle, float(means[-end])) if rank else Interval(0.0, middle, math.inf)


def _fewest_signed_ranks(count: int, error: float) -> int:
    """c with P(W < c) ≤ error, the largest by the normal approximation with its correction for continuity; W is the sum
    of those of the ranks 1 to count whose coin shows heads. 0 where there is none.

    From FEWEST_PAIRS on, and for errors down to ERROR_OF_A_LOOK/2, it errs on the safe side: W has lighter tails.
    """
    mean = count * (count + 1) / 4
    deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    return max(math.floor(mean + 0.5 + NormalDist().inv_cdf(error) * deviation), 0)


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
