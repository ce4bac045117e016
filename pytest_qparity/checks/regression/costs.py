"""Megabytes, times to start and energy against the baseline's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_qparity.checks.ceilings import REPETITIONS, Cost
from pytest_qparity.checks.figures import apart
from pytest_qparity.checks.regression.compared import REMEDY, SAVE_AGAIN, Compared, interval_of_ratio, unmeasured
from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import Memory, Repeated
    from pytest_qparity.checks.regression.compared import RegressionLimits

__all__ = ["compare_anywhere", "compare_here"]

# Over 15 sessions on a busy machine the peak of one run scattered by 0.01 MB; what else an engine loads may move more.
LEAST_MB = 1.0


def compare_anywhere(before: Memory, now: Memory, limits: RegressionLimits) -> Iterator[tuple[str, Compared]]:
    """What is of the file and of no machine: its size, and the estimate of what activations take."""
    yield "size", _compared("size of the variant", before.size_mb, now.size_mb, limits.size_percent)
    yield from _where_there(Cost.ACTIVATION, before.activation_mb, now.activation_mb, limits.activation_percent)


def compare_here(before: Memory, now: Memory, limits: RegressionLimits) -> Iterator[tuple[str, Compared]]:
    """What is of one hardware: peaks of memory, built engines, and what a case has a limit for of the rest."""
    yield "memory", _peak(before, now, limits.memory_percent)
    yield from _where_there(Cost.ENGINE, before.engine_mb, now.engine_mb, limits.engine_percent)
    for cost, percent in (
        (Cost.LOAD, limits.load_percent),
        (Cost.FIRST_RUN, limits.first_run_percent),
        (Cost.ENERGY, limits.energy_percent),
    ):
        if percent is not None:
            yield cost.ratio, _repeated(cost, getattr(before, cost.key), getattr(now, cost.key), percent)


def _peak(before: Memory, now: Memory, percent: float) -> Compared:
    """Of the device where both have one, else that of the worker: at most `percent` more, or LEAST_MB."""
    pair = (before.device_peak_mb, now.device_peak_mb)
    if None in pair and pair != (None, None):
        return unmeasured(
            "device", "Of baseline and run one has a peak of the device's memory, should be both or none."
        )
    was, is_now = (before.peak_mb, now.peak_mb) if None in pair else pair
    assert was is not None
    assert is_now is not None
    return _compared("peak of memory", was, is_now, percent, LEAST_MB)


def _where_there(cost: Cost, was: float | None, is_now: float | None, percent: float) -> Iterator[tuple[str, Compared]]:
    """A figure that one of both has is lacking: an edit may have taken it out of the baseline."""
    if was is not None and is_now is not None:
        yield cost.ratio, _compared(cost.title, was, is_now, percent)
    elif was is not None or is_now is not None:
        has, lacks = ("baseline", "run") if is_now is None else ("run", "baseline")
        sentence = f"The {has} has a figure of the {cost.title}, the {lacks} has none, should be both to be compared."
        yield cost.ratio, unmeasured(cost.ratio, sentence)


def _compared(what: str, was: float, is_now: float, percent: float, least_mb: float = 0.0) -> Compared:
    for name, value in (("baseline", was), ("run", is_now)):
        if not (math.isfinite(value) and value > 0):
            return unmeasured("MB", f"The {what} of the {name} is {value:g} MB, should be finite and above 0.")
    most_more = max(was * percent / 100.0, least_mb)
    evidence = {"before_mb": was, "now_mb": is_now, "limit_mb": was + most_more}
    shown = f"{100.0 * (is_now / was - 1.0):+.1f} % MB"
    if is_now <= was + most_more:
        return Compared(shown, max(0.0, is_now - was) / most_more if most_more else 0.0, evidence)
    sentence = (
        f"The {what} is {apart(is_now, was + most_more, 2)} MB, the baseline's {was:.2f} MB, "
        f"should be at most {was + most_more:.2f} MB."
    )
    return Compared(shown, 2.0, evidence, (Failure(Code.REGRESSION_MEMORY, sentence, REMEDY),))


def _repeated(cost: Cost, before: Repeated | None, now: Repeated | None, percent: float) -> Compared:
    """By the interval of the ratio of both medians: pass where it is at or below 1 + percent/100, fail where above."""
    for name, each in (("baseline", before), ("run", now)):
        if each is None or each.times < REPETITIONS or not (math.isfinite(each.high) and each.low > 0):
            sentence = f"The {name} has no {cost.title} that was measured {REPETITIONS} times, should have one."
            remedy = SAVE_AGAIN if name == "baseline" else "see what memory says of it"
            return Compared(cost.ratio, 2.0, {}, (Failure(Code.REGRESSION_UNMEASURED, sentence, remedy),))
    assert before is not None
    assert now is not None
    low, estimate, high = interval_of_ratio(before, now)
    most = 1.0 + percent / 100.0
    evidence = {
        "before": before.estimate,
        "now": now.estimate,
        "unit": cost.unit,
        "ratio": {"low": low, "estimate": estimate, "high": high},
        "most_ratio": most,
    }
    shown = f"{estimate:.2f}x {cost.ratio}"
    if high <= most:
        return Compared(shown, max(0.0, estimate - 1.0) / (most - 1.0) if most > 1.0 else 0.0, evidence)
    was, is_now = (f"{each.estimate:.{cost.decimals}f} {cost.unit}" for each in (before, now))
    sentence = (
        f"The {cost.title} is {is_now}, the baseline's {was}: {estimate:.3f} times it ({apart(low, most, 2)} to "
        f"{apart(high, most, 2)}), should be at most {most:g}"
    )
    if low > most:
        return Compared(shown, 2.0, evidence, (Failure(Code.REGRESSION_START, f"{sentence}.", REMEDY),))
    failure = Failure(
        Code.REGRESSION_UNDECIDED,
        f"{sentence} over the whole interval.",
        "repeat it on a quieter machine, or state a limit that is not within what this one gives",
    )
    return Compared(shown, 2.0, evidence, (failure,))
