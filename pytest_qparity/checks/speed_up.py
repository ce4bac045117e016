"""How many times faster, with an interval, from times that were measured in pairs, and what to call it."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from pytest_qparity.backends.sequential import FEWEST_PAIRS, Interval, interval_of_ratios
from pytest_qparity.backends.timing import Question

if TYPE_CHECKING:
    from pytest_qparity.backends.timing import PairedTimes

__all__ = ["DIFFERENCE_BOUNDS", "EQUIVALENCE", "Decision", "Interval", "decision", "how_different", "speed_up"]

# Two sessions of one file differ by a few percent, run after run, by where their buffers happen to lie: less than this
# is no difference, and a difference is more than this.
EQUIVALENCE = 0.05
DIFFERENCE_BOUNDS = (1 / (1 + EQUIVALENCE), 1 + EQUIVALENCE)


def how_different(seconds: float, calls: int = 0) -> Question:
    """What is asked where no budget is: whether there is a difference, and how large it is."""
    return Question(seconds, DIFFERENCE_BOUNDS, narrow=(1 + EQUIVALENCE) ** 2, calls=calls)


# Who waits by itself: what its calls are then.
_WAITS = {
    "variant": "its calls wait by themselves (a sleep, I/O, a lock), far more often than those of the counterpart do",
    "counterpart": "the counterpart's calls wait by themselves (a sleep, I/O, a lock), far more often than its own do",
}


class Decision(StrEnum):
    """What a speed-up is, as far as its interval tells."""

    SAME = "same"
    FASTER = "faster"
    SLOWER = "slower"
    CANNOT_TELL = "cannot tell"


def speed_up(times: PairedTimes) -> Interval:
    """Median over pairs of counterpart / variant, with an interval that holds at every look (`interval_of_ratios`).

    Fewer than FEWEST_PAIRS pairs without an interruption bound nothing, nor do any of a session that waits by itself,
    since its calls that wait would be the ones left out: the interval is then 0 to infinity.
    """
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        found = interval_of_ratios(times.variant_ms, times.counterpart_ms)
    if len(times.variant_ms) < FEWEST_PAIRS or not times.sound:
        return Interval(0.0, found.estimate, math.inf, _WAITS.get(times.waits or "", ""))
    return found


def decision(found: Interval) -> Decision:
    """same: the whole interval lies within DIFFERENCE_BOUNDS, so that what is not known well enough is never the same;
    faster, slower: it lies wholly beyond them. Two one-sided tests each (Schuirmann 1987), at the interval's level."""
    low, high = DIFFERENCE_BOUNDS
    if not (math.isfinite(found.low) and math.isfinite(found.estimate)):
        return Decision.CANNOT_TELL
    if low <= found.low and found.high < high:
        return Decision.SAME
    if found.low >= high:
        return Decision.FASTER
    if found.high < low:
        return Decision.SLOWER
    return Decision.CANNOT_TELL
