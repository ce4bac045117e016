"""Today's variant and the baseline's, timed in turn on one machine: what needs no fp32 and no second day."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.names import BASELINE
from pytest_qparity.checks.figures import apart
from pytest_qparity.checks.regression.compared import REMEDY, Compared, slower_from
from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.checks.speed_up import Interval

__all__ = ["BesideBaseline", "beside_baseline_of", "with_direct"]

_SHOWN = 12  # characters that tell digests apart for a reader
_REMEDY = "measure longer (--qparity-latency-seconds) or on a quieter machine"


@dataclass(frozen=True, slots=True)
class BesideBaseline:
    """`digest` of the baseline's variant, and where it was `found`; `interval`: how many times faster than it today's
    is. None where they were not timed: `untold` says why. `decides`: whether engine, its options and libraries are
    those of the baseline."""

    digest: str
    interval: Interval | None = None
    found: str = ""
    untold: str = ""
    decides: bool = False

    def as_json(self) -> dict[str, str]:
        told = {"sha256": self.digest, "found": self.found, "not_timed": self.untold}
        return {name: text for name, text in told.items() if text}

    @property
    def note(self) -> str:
        """What a reader has to know where nothing was timed; empty where it was."""
        if not self.untold:
            return ""
        return f"the baseline's variant {self.digest[:_SHOWN]} was not timed beside this one: {self.untold}"


def beside_baseline_of(latency: Mapping[str, Any]) -> BesideBaseline | None:
    """What the evidence of a latency tells of it; None where the bytes are the same, or nobody asked."""
    from pytest_qparity.checks.speed_up import Interval

    told = latency.get("baseline_variant")
    if told is None:
        return None
    over = latency.get("speed_up_over", {}).get(BASELINE)
    interval = None
    if over is not None:
        interval = Interval(over.get("low", 0.0), over.get("estimate", math.nan), over.get("high", math.inf))
    return BesideBaseline(told["sha256"], interval, told.get("found", ""), told.get("not_timed", ""))


def with_direct(
    by_fp32: Compared, untold: Collection[Failure], direct: BesideBaseline | None, slower_percent: float
) -> Compared:
    """What both say together. `by_fp32`: what follows from fp32 of both days, or nothing where there is none beside it;
    `untold`: those of its failures which say no more than that it could not be told.

    pass: the interval lies at or above 1 − slower_percent/100; budget-fail: below
    (`slower_from`). It fails where either does: fp32 of both days sees an engine that became slower for both variants,
    and this one a slower variant. A pass of this takes
    `untold` away where it `decides`, since nothing but the variant can then have changed. Where this could not be told,
    what fp32 says stands, and where there was none it is cannot-judge.
    """
    if direct is None:
        return by_fp32
    if direct.interval is None:
        return replace(by_fp32, notes=(*by_fp32.notes, direct.note))
    found, least = direct.interval, 1.0 - slower_percent / 100.0
    ends = {"low": found.low, "estimate": found.estimate, "high": found.high} if found.is_bounded else {}
    told = {"sha256": direct.digest, "least_ratio": least, **ends}
    known = replace(by_fp32, evidence={**by_fp32.evidence, "beside_baseline": told})
    sentence = _sentence(direct, found, least)
    if found.is_bounded and found.high < slower_from(least):
        failure = Failure(Code.REGRESSION_LATENCY, f"{sentence}, should be at least {least:g}.", REMEDY)
        kept = tuple(each for each in known.failures if each not in untold)
        return replace(known, shown=f"{found.estimate:.2f}x", share=2.0, failures=(*kept, failure))
    if found.is_bounded and found.low >= least:
        if not known.failures:
            return known
        noted = replace(known, notes=(*known.notes, f"{sentence[0].lower()}{sentence[1:]}"))
        return _without(noted, untold, found, least) if direct.decides else noted
    if known.failures or "ratio" in known.evidence:
        return replace(known, notes=(*known.notes, f"{sentence[0].lower()}{sentence[1:]}: too little to tell"))
    failure = Failure(Code.REGRESSION_UNDECIDED, f"{sentence}, should be at least {least:g} for certain.", _REMEDY)
    return replace(known, shown="baseline", share=2.0, failures=(failure,))


def _sentence(direct: BesideBaseline, found: Interval, least: float) -> str:
    beside = f"In turn with the baseline's variant {direct.digest[:_SHOWN]}, here and now, the run is"
    if not found.is_bounded:
        return f"{beside} nobody can say how many times as fast"
    return (
        f"{beside} {found.estimate:.3f} times as fast ({apart(found.low, least, 2)} to {apart(found.high, least, 2)})"
    )


def _without(known: Compared, untold: Collection[Failure], found: Interval, least: float) -> Compared:
    left = tuple(each for each in known.failures if each not in untold)
    if left:
        return replace(known, failures=left)
    share = max(0.0, 1.0 - found.estimate) / (1.0 - least) if least < 1.0 else 0.0
    return replace(known, shown=f"{found.estimate:.2f}x", share=share, failures=())
