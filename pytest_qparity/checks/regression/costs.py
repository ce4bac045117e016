"""Speed, memory and size against the baseline's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_qparity.checks.figures import apart
from pytest_qparity.checks.regression.compared import Compared
from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import Latency, Memory, SpeedUp

__all__ = ["compare_latency", "compare_memory", "compare_size", "ratio_of_speed_ups"]

# Over 15 sessions on a busy machine the peak of one run scattered by 0.01 MB; what else an engine loads may move more.
LEAST_MB = 1.0
_REMEDY = "look at what changed since; where it is meant so, qparity baseline save NAME"


def compare_latency(before: Latency, now: Latency, slower_percent: float) -> Compared:
    """By what both are faster than fp32 of their own day, since milliseconds of two days are no pair.

    pass: the 95 % interval of now/before lies at or above 1 − slower_percent/100; budget-fail: below; else
    cannot-judge. The float model has no counterpart: a note says that its speed is not compared.
    """
    if before.speed_up is None:
        return Compared("", 0.0, {}, (), ("the speed of what has no fp32 beside it is not compared",))
    for name, was, is_now in (
        ("batch", before.batch, now.batch),
        ("clock", before.clock, now.clock),
        ("threads", before.threads, now.threads),
    ):
        if was != is_now and None not in (was, is_now):
            sentence = f"The latency was measured with {name} {is_now}, should be with the baseline's {was}."
            return Compared(
                name, 2.0, {}, (Failure(Code.REGRESSION_UNDECIDED, sentence, "qparity baseline save NAME"),)
            )
    if now.speed_up is None:
        sentence = "The baseline has a speed-up over fp32, this run has none, should have one."
        return Compared("fp32", 2.0, {}, (Failure(Code.REGRESSION_UNMEASURED, sentence, "give the case an fp32"),))
    least = 1.0 - slower_percent / 100.0
    low, estimate, high = ratio_of_speed_ups(before.speed_up, now.speed_up)
    evidence = {
        "before_speed_up": before.speed_up.estimate,
        "now_speed_up": now.speed_up.estimate,
        "before_ms": before.median_ms,
        "now_ms": now.median_ms,
        "ratio": {"low": low, "estimate": estimate, "high": high},
        "least_ratio": least,
    }
    shown = f"{estimate:.2f}x"
    if low >= least:
        return Compared(shown, max(0.0, 1.0 - estimate) / (1.0 - least) if least < 1.0 else 0.0, evidence)
    sentence = (
        f"The speed-up over fp32 is {now.speed_up.estimate:.2f}, the baseline's {before.speed_up.estimate:.2f}: "
        f"{estimate:.3f} times it ({apart(low, least, 2)} to {apart(high, least, 2)}), should be at least {least:g}"
    )
    if high < least:
        return Compared(shown, 2.0, evidence, (Failure(Code.REGRESSION_LATENCY, f"{sentence}.", _REMEDY),))
    remedy = "measure longer (--qparity-latency-seconds) or on a quieter machine"
    failure = Failure(Code.REGRESSION_UNDECIDED, f"{sentence} over the whole interval.", remedy)
    return Compared(shown, 2.0, evidence, (failure,))


def ratio_of_speed_ups(before: SpeedUp, now: SpeedUp) -> tuple[float, float, float]:
    """now/before with its 95 % interval, (low, estimate, high), of two independent measurements.

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


def compare_memory(before: Memory, now: Memory, percent: float) -> Compared:
    """The peak of the device where both have one, else that of the worker: at most `percent` more, or LEAST_MB."""
    pair = (before.device_peak_mb, now.device_peak_mb)
    if None in pair and pair != (None, None):
        sentence = "Of baseline and run one has a peak of the device's memory, should be both or none."
        return Compared(
            "device", 2.0, {}, (Failure(Code.REGRESSION_UNMEASURED, sentence, "qparity baseline save NAME"),)
        )
    was, is_now = (before.peak_mb, now.peak_mb) if None in pair else pair
    assert was is not None
    assert is_now is not None
    return _compared("peak of memory", was, is_now, max(was * percent / 100.0, LEAST_MB))


def compare_size(before: Memory, now: Memory, percent: float) -> Compared:
    """Of the file and its external data, which are of no machine: at most `percent` more."""
    return _compared("size of the variant", before.size_mb, now.size_mb, before.size_mb * percent / 100.0)


def _compared(what: str, was: float, is_now: float, most_more: float) -> Compared:
    evidence = {"before_mb": was, "now_mb": is_now, "limit_mb": was + most_more}
    shown = f"{100.0 * (is_now / was - 1.0):+.1f} % MB"
    if is_now <= was + most_more:
        return Compared(shown, max(0.0, is_now - was) / most_more if most_more else 0.0, evidence)
    sentence = (
        f"The {what} is {apart(is_now, was + most_more, 2)} MB, the baseline's {was:.2f} MB, "
        f"should be at most {was + most_more:.2f} MB."
    )
    return Compared(shown, 2.0, evidence, (Failure(Code.REGRESSION_MEMORY, sentence, _REMEDY),))
