"""One figure held against the baseline's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import Bounded

__all__ = [
    "NOTHING",
    "REMEDY",
    "SAVE_AGAIN",
    "Compared",
    "RegressionLimits",
    "interval_of_ratio",
    "slower_from",
    "unmeasured",
]

SAVE_AGAIN = "qparity baseline save NAME"
REMEDY = f"look at what changed since; where it is meant so, {SAVE_AGAIN}"


@dataclass(frozen=True, slots=True)
class RegressionLimits:
    """What may be lost since the baseline, at most. `margin`: in percentage points, or the metric's own unit; None:
    what the accuracy check allows. `latency_percent`: of the fastest call itself. `load_percent`, `first_run_percent`,
    `energy_percent`: None where they are not compared. `other_hardware_is_judged`: whether speed and memory that no
    baseline of this hardware stands for are cannot-judge, and not a note alone."""

    sqnr_db: float
    margin: float | None
    slower_percent: float
    latency_percent: float
    memory_percent: float
    size_percent: float
    engine_percent: float
    activation_percent: float
    load_percent: float | None
    first_run_percent: float | None
    energy_percent: float | None
    other_hardware_is_judged: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """`shown`: what came of it, in few characters; `share`: how much of the limit it takes, above 1 where it is beyond;
    `evidence`: plain JSON."""

    shown: str
    share: float
    evidence: Mapping[str, Any] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING = Compared("", 0.0)


def slower_from(least: float) -> float:
    """The ratio of speeds below which a run is slower, of one that must be at least `least`. Two sessions of one file
    differ by more than their intervals say, up to EQUIVALENCE: a limit nearer to 1 is missed by what is below that."""
    from pytest_qparity.checks.speed_up import DIFFERENCE_BOUNDS

    return min(least, DIFFERENCE_BOUNDS[0])


def unmeasured(shown: str, sentence: str) -> Compared:
    """Of a figure that either of both lacks."""
    return Compared(shown, 2.0, {}, (Failure(Code.REGRESSION_UNMEASURED, sentence, SAVE_AGAIN),))


def interval_of_ratio(before: Bounded, now: Bounded) -> tuple[float, float, float]:
    """now/before with an interval at the level of both, (low, estimate, high), of two independent measurements.

    With l, u the ends of each interval's logarithm and θ their estimates (MOVER: Zou and Donner 2008, equations 6):
    low = θ₂ − θ₁ − √((θ₂ − l₂)² + (u₁ − θ₁)²), high = θ₂ − θ₁ + √((u₂ − θ₂)² + (θ₁ − l₁)²). An interval without an end
    gives one without.
    """
    if not all(each.estimate > 0 and each.high > 0 for each in (before, now)):
        return 0.0, math.nan, math.inf
    below = [_log(each.estimate) - _log(each.low) for each in (before, now)]
    above = [_log(each.high) - _log(each.estimate) for each in (before, now)]
    estimate = _log(now.estimate) - _log(before.estimate)
    low = estimate - math.hypot(below[1], above[0])
    high = estimate + math.hypot(above[1], below[0])
    return math.exp(low), math.exp(estimate), math.inf if high == math.inf else math.exp(high)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
