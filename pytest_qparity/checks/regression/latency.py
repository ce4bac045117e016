"""Speed against the baseline's: beside fp32 of its own day, and in milliseconds as far as those of two days compare."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.figures import apart
from pytest_qparity.checks.regression.compared import (
    NOTHING,
    REMEDY,
    SAVE_AGAIN,
    Compared,
    interval_of_ratio,
    slower_from,
    unmeasured,
)
from pytest_qparity.checks.regression.direct import with_direct
from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import Latency, SpeedUp
    from pytest_qparity.checks.regression.compared import RegressionLimits
    from pytest_qparity.checks.regression.direct import BesideBaseline

__all__ = ["NO_COUNTERPART", "compare_counterparts", "compare_latency"]

# Neighbours make a call slower and never faster: over 14 sessions of one file on an overloaded machine the medians of
# fp32 lay 6.2 times apart, its fastest calls 6 %. Beyond this it is worth a word.
NOTABLE_RATIO = 1.25
NO_COUNTERPART = "the speed of what has no fp32 beside it is not compared, but for its milliseconds"


def compare_latency(
    before: Latency, now: Latency, limits: RegressionLimits, direct: BesideBaseline | None = None
) -> Compared:
    """By what both are faster than fp32 of their own day, since milliseconds of two days are no pair, and where the
    baseline's variant was timed beside this one (`direct`) by that as well (`with_direct`).

    pass: the 98 % interval of now/before lies at or above 1 − slower_percent/100; budget-fail: below (`slower_from`);
    else cannot-judge. So it is too where either lacks an interval that bounds the speed-up; only of what neither has a
    counterpart it is a note. A run that is as fast beside fp32 as it was, and whose fastest call takes more than
    1 + latency_percent/100 times the baseline's, is cannot-judge: the engine or the machine became slow, and which of
    the two no figure tells.
    """
    otherwise = next(_timed_otherwise(before, now), None) or next(_lacking(before, now), None)
    if otherwise is not None:
        return with_direct(otherwise, (), direct, limits.slower_percent)
    far = tuple(_far_slower(before, now, limits.latency_percent))
    beside = _beside_fp32(before, now, limits.slower_percent)
    failed = tuple(each for each in beside.failures if each.code is Code.REGRESSION_LATENCY)
    untold = () if failed else beside.failures
    was_ms, now_ms = _fastest(before, now)
    evidence: dict[str, Any] = {
        "before_ms": before.median_ms,
        "now_ms": now.median_ms,
        "before_fastest_ms": was_ms,
        "now_fastest_ms": now_ms,
        "most_fastest_ms": was_ms * (1.0 + limits.latency_percent / 100.0),
        **({} if before.time is None else {"before_time": before.time}),
        **_not_compared(before, now),
        **beside.evidence,
    }
    tells_both = bool(beside.failures) and "ratio" in beside.evidence  # the milliseconds of both days, in its sentence
    if not tells_both and not far:
        beside = replace(beside, notes=(*beside.notes, *_notably_slower(before, now)))
    found = with_direct(replace(beside, evidence=evidence), untold, direct, limits.slower_percent)
    if any(each.code is Code.REGRESSION_LATENCY for each in found.failures) or not far:
        return found
    shown = found.shown if found.failures else f"{now_ms / was_ms:.2f}x ms"
    return replace(found, shown=shown, share=2.0, failures=(*found.failures, *far))


def _beside_fp32(before: Latency, now: Latency, slower_percent: float) -> Compared:
    if not any(each.has_counterpart or each.speed_up is not None for each in (before, now)):
        return Compared("", 0.0, {}, (), (NO_COUNTERPART,))
    if before.speed_up is None or now.speed_up is None:
        who, remedy = ("baseline", SAVE_AGAIN) if before.speed_up is None else ("run", "see what latency says of it")
        sentence = f"The speed-up over fp32 of the {who} has no interval that bounds it, should have one."
        failure = Failure(Code.REGRESSION_UNMEASURED, sentence, f"{remedy}, of a longer or quieter measurement")
        return Compared("fp32", 2.0, {}, (failure,))
    found = _over("fp32", (before, now), (before.speed_up, now.speed_up), slower_percent)
    return replace(found, evidence={**found.evidence, "before_fp32_ms": _fp32_ms(before), "now_fp32_ms": _fp32_ms(now)})


def compare_counterparts(before: Latency, now: Latency, limits: RegressionLimits) -> Iterator[tuple[str, Compared]]:
    """As `compare_latency` by fp32, by each other counterpart that both days had; of another backend nothing is slower
    for certain (`_untold`). One that only one of both has is a note: whether it may be lacking, the latency's own
    budget says."""
    names = dict.fromkeys((*before.speed_up_over, *now.speed_up_over))
    if not names or next(_timed_otherwise(before, now), None) is not None:
        return
    both = [name for name in names if name in before.speed_up_over and name in now.speed_up_over]
    notes = tuple(
        f"the {'run' if name in before.speed_up_over else 'baseline'} has no speed-up over {name} that is bounded, "
        "it is not compared"
        for name in names
        if name not in both
    )
    each = {}
    for name in both:
        over = before.speed_up_over[name], now.speed_up_over[name]
        found = _over(name, (before, now), over, limits.slower_percent)
        each[name] = _untold(found) if any(day.is_elsewhere for day in over) else found
    worst = max(each.values(), key=lambda found: found.share, default=NOTHING)
    yield (
        "counterparts",
        Compared(
            worst.shown,
            worst.share,
            {name: dict(found.evidence) for name, found in each.items()},
            tuple(failure for found in each.values() for failure in found.failures),
            notes,
        ),
    )


def _untold(found: Compared) -> Compared:
    """Of a run of another backend, in another process. One of 56 sessions with nothing changed, on two cores on which
    ten threads wanted to run, gave an interval 30 % below those of all others."""
    remedy = f"measure again while the machine is idle; where it stays so, look at what changed, or {SAVE_AGAIN}"
    failures = tuple(replace(each, code=Code.REGRESSION_UNDECIDED, remedy=remedy) for each in found.failures)
    return replace(found, failures=failures)


def _over(name: str, days: tuple[Latency, Latency], over: tuple[SpeedUp, SpeedUp], slower_percent: float) -> Compared:
    """`over`: the speed-up over the counterpart of that name on each of both `days`."""
    (before, now), (was, is_now) = days, over
    least = 1.0 - slower_percent / 100.0
    low, estimate, high = interval_of_ratio(was, is_now)
    evidence = {
        "before_speed_up": was.estimate,
        "now_speed_up": is_now.estimate,
        "ratio": {"low": low, "estimate": estimate, "high": high},
        "least_ratio": least,
    }
    shown = f"{estimate:.2f}x"
    if low >= least:
        return Compared(shown, max(0.0, 1.0 - estimate) / (1.0 - least) if least < 1.0 else 0.0, evidence)
    sentence = (
        f"The speed-up over {name} is {is_now.estimate:.2f}, the baseline's {was.estimate:.2f}: "
        f"{estimate:.3f} times it ({apart(low, least, 2)} to {apart(high, least, 2)}), should be at least {least:g}"
    )
    if high < slower_from(least):
        return Compared(shown, 2.0, evidence, (_slower(name, sentence, days, least),))
    remedy = "measure longer (--qparity-latency-seconds) or on a quieter machine"
    failure = Failure(Code.REGRESSION_UNDECIDED, f"{sentence} over the whole interval. {_both(before, now)}", remedy)
    return Compared(shown, 2.0, evidence, (failure,))


def _lacking(before: Latency, now: Latency) -> Iterator[Compared]:
    """Of the fastest call, which is what milliseconds are held by."""
    if (before.fastest_ms is None) != (now.fastest_ms is None):
        yield unmeasured("ms", f"The {_who_lacks(before.fastest_ms)} has no fastest call, should have one.")
    for name, value in zip(("baseline", "run"), _fastest(before, now), strict=True):
        if not (math.isfinite(value) and value > 0):
            yield unmeasured("ms", f"A call of the {name} takes {value:g} ms, should be above 0.")


def _not_compared(before: Latency, now: Latency) -> dict[str, Any]:
    """Of milliseconds of two days what has no fp32 of its day beside it: for a reader, and for no verdict."""
    told = [{"samples_per_s": each.samples_per_s, **each.percentiles_ms} for each in (before, now)]
    both = {name: [was, told[1].get(name)] for name, was in told[0].items() if None not in (was, told[1].get(name))}
    return {"not_compared": both} if both else {}


def _timed_otherwise(before: Latency, now: Latency) -> Iterator[Compared]:
    if (before.threads is None) != (now.threads is None):
        yield unmeasured("threads", f"The {_who_lacks(before.threads)} does not say its threads, should.")
    for name, was, is_now in (
        ("batch", before.batch, now.batch),
        ("clock", before.clock, now.clock),
        ("threads", before.threads, now.threads),
        ("isolation", before.isolation, now.isolation),
    ):
        if was != is_now and None not in (was, is_now):
            sentence = f"The latency was measured with {name} {is_now}, should be with the baseline's {was}."
            yield Compared(name, 2.0, {}, (Failure(Code.REGRESSION_UNDECIDED, sentence, SAVE_AGAIN),))


def _who_lacks(of_baseline: object) -> str:
    return "baseline" if of_baseline is None else "run"


def _slower(name: str, sentence: str, days: tuple[Latency, Latency], least: float) -> Failure:
    """Of less of a speed-up. Where the run's own milliseconds are within the limit it is those of its counterpart that
    are not."""
    before, now = days
    was_ms, now_ms = _fastest(before, now)
    if now_ms * least > was_ms:
        return Failure(Code.REGRESSION_LATENCY, f"{sentence}. {_both(before, now)}", REMEDY)
    told = f"{sentence}. {_both(before, now)} The run itself got no slower: {name} got faster, and it did not."
    remedy = f"look at why it gains nothing of what {name} gains (an upgrade?); where that is meant so, {SAVE_AGAIN}"
    return Failure(Code.REGRESSION_LATENCY, told, remedy)


def _far_slower(before: Latency, now: Latency, latency_percent: float) -> Iterator[Failure]:
    was_ms, now_ms = _fastest(before, now)
    most_ms = was_ms * (1.0 + latency_percent / 100.0)
    if now_ms <= most_ms:
        return
    sentence = (
        f"The fastest call takes {apart(now_ms, most_ms, 2)} ms on this hardware, the baseline's {was_ms:.2f} ms, "
        f"should be at most {most_ms:.2f} ms. {_both(before, now)}"
    )
    remedy = f"measure again while the machine is idle; where it stays so, look at what changed, or {SAVE_AGAIN}"
    yield Failure(Code.REGRESSION_UNDECIDED, sentence, remedy)


def _notably_slower(before: Latency, now: Latency) -> Iterator[str]:
    was_ms, now_ms = _fastest(before, now)
    if now_ms > NOTABLE_RATIO * was_ms:
        yield f"the fastest call takes {now_ms:.2f} ms, the baseline's {was_ms:.2f} ms. {_both(before, now)}"


def _both(before: Latency, now: Latency) -> str:
    """Milliseconds of both days, with those of fp32 beside them: a reader sees whether all became slow."""
    told = f"Median of calls: {now.median_ms:.2f} ms, the baseline's {before.median_ms:.2f} ms"
    if before.speed_up is None or now.speed_up is None:
        return f"{told}."
    return f"{told}; of fp32 beside it {_fp32_ms(now):.2f} ms, the baseline's {_fp32_ms(before):.2f} ms."


def _fastest(before: Latency, now: Latency) -> tuple[float, float]:
    """Of the calls of both, or the medians where neither tells it. Neighbours make a call slower, never faster."""
    if before.fastest_ms is None or now.fastest_ms is None:
        return before.median_ms, now.median_ms
    return before.fastest_ms, now.fastest_ms


def _fp32_ms(latency: Latency) -> float:
    """What fp32 took in turn with it: the speed-up is the median of the pairs' ratios."""
    assert latency.speed_up is not None
    return latency.median_ms * latency.speed_up.estimate
