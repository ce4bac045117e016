"""Which of two runs is better, as far as a ledger's figures tell them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.report.runs import RunRecord

__all__ = [
    "as_accurate",
    "as_fast",
    "has_drop",
    "is_no_faster_than_float",
    "is_slower_than_float",
    "loses_something",
    "lost",
]

CENSUS = "census"
NORMAL = 1.96  # standard deviations on either side of a 95 % interval
SHOWN_POINTS, SHOWN_SHARE = 0.005, 0.005  # half of the last digit: two decimals of points, three figures of a value


def is_slower_than_float(run: RunRecord, runs: Sequence[RunRecord]) -> bool:
    """Whether the whole interval of its speed-up over FP32 lies below 1, or, where no interval tells, FP32 on the same
    machine took less time at the same batch, by more than two sessions of one file differ."""
    from pytest_qparity.checks.speed_up import DIFFERENCE_BOUNDS

    over = "latency", "speed_up_over", "fp32"
    estimate, high = run.measured(*over, "estimate"), run.measured(*over, "high")
    if estimate is not None and high is not None and math.isfinite(high):
        return high < 1.0
    own = run.measured("latency", "median_ms")
    return own is not None and any(ms * DIFFERENCE_BOUNDS[1] <= own for ms in _float_ms(run, runs))


def is_no_faster_than_float(run: RunRecord, runs: Sequence[RunRecord]) -> bool:
    """Whether, where no interval tells, FP32 beside it took no more time than is no difference."""
    from pytest_qparity.checks.speed_up import DIFFERENCE_BOUNDS

    own, high = run.measured("latency", "median_ms"), run.measured("latency", "speed_up_over", "fp32", "high")
    return high is None and own is not None and any(ms / DIFFERENCE_BOUNDS[1] < own for ms in _float_ms(run, runs))


def _float_ms(run: RunRecord, runs: Sequence[RunRecord]) -> list[float]:
    """Of FP32 beside a run that is none."""
    if run.is_float:
        return []
    floats = [
        each.measured("latency", "median_ms")
        for each in runs
        if each.precision == "fp32" and each is not run and _is_beside(each, run)
    ]
    return [ms for ms in floats if ms is not None]


def as_fast(best: RunRecord, other: RunRecord) -> bool:
    """Whether the times of two runs are no difference: their paired speed-up is not told from 1; or, unpaired, the
    medians are nearer than two sessions of one file are."""
    from pytest_qparity.checks.speed_up import DIFFERENCE_BOUNDS

    if not _is_beside(best, other):
        return False
    for one, another in ((best, other), (other, best)):
        over = "latency", "speed_up_over", another.precision
        low, high = one.measured(*over, "low"), one.measured(*over, "high")
        if one.backend == another.backend and low is not None and high is not None and math.isfinite(high):
            return low <= 1.0 <= high
    ms, others_ms = best.measured("latency", "median_ms"), other.measured("latency", "median_ms")
    return bool(ms and others_ms) and (others_ms or 0.0) / (ms or 1.0) < DIFFERENCE_BOUNDS[1]


def has_drop(run: RunRecord) -> bool:
    """Whether its drop is above 0 in the figures shown, by chance or not."""
    return run.drop is not None and run.drop > _digit(run, run)


def loses_something(run: RunRecord) -> bool:
    """Whether its drop is above 0 by more than what was measured leaves open."""
    return run.drop is not None and run.drop > max(_noise(run), _digit(run, run))


def lost(run: RunRecord) -> float:
    """Its drop where it loses something, else 0: a gain, as well, is chance more often than not."""
    return (run.drop or 0.0) if loses_something(run) else 0.0


def as_accurate(best: RunRecord, other: RunRecord) -> bool:
    """Whether two drops differ by no more than both their intervals leave open, or than the figures shown tell."""
    if best.drop is None or other.drop is None:
        return False
    apart = abs(max(other.drop, 0.0) - max(best.drop, 0.0))
    return apart <= max(math.hypot(_noise(best), _noise(other)), _digit(best, other))


def _noise(run: RunRecord) -> float:
    """Half of a 95 % interval of the drop, in its unit; 0 where the evidence tells none.

    A census leaves nothing open: its samples are all that matter. The interval of a population where there is one. Of a
    metric in points 100·z·√(b + c) / n, of b samples that were lost and c that were gained (the variance of a
    difference of paired proportions; Agresti 2002, 10.1.1); with none of them 3 / n, which they may still be (Hanley
    and Lippman-Hand 1983).
    """
    if run.checks.get("accuracy", {}).get("evidence", {}).get("method") == CENSUS:
        return 0.0
    ends = run.interval
    if ends is not None:
        return (ends[1] - ends[0]) / 2.0
    samples = run.measured("accuracy", "samples")
    moved = [run.measured("accuracy", key) for key in ("lost", "gained")]
    known = [each for each in moved if each is not None]
    if run.drop_points is None or not samples or len(known) < 2:
        return 0.0
    return 100.0 * (NORMAL * math.sqrt(sum(known)) if sum(known) else 3.0) / samples


def _digit(best: RunRecord, other: RunRecord) -> float:
    if best.drop_points is not None:
        return SHOWN_POINTS
    return SHOWN_SHARE * max(abs(best.drop or 0.0), abs(other.drop or 0.0))


def _is_beside(one: RunRecord, other: RunRecord) -> bool:
    """Timed on one machine at one batch."""
    batches = [run.measured("latency", "batch") or 1.0 for run in (one, other)]
    return one.session == other.session and batches[0] == batches[1]
