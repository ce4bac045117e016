"""One figure held against the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_qparity.verdict import Failure

__all__ = ["NOTHING", "Compared", "RegressionLimits"]


@dataclass(frozen=True, slots=True)
class RegressionLimits:
    """What may be lost since the baseline, at most. `margin`: in percentage points, or the metric's own unit; None:
    what the accuracy check allows. `other_hardware_is_judged`: whether speed and memory that no baseline of this
    hardware stands for are cannot-judge, and not a note alone."""

    sqnr_db: float
    margin: float | None
    slower_percent: float
    memory_percent: float
    size_percent: float
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
