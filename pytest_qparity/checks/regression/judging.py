"""The verdict on a run that a baseline knows: every figure that it has of it, held against this session's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.regression.batches import compare_batches
from pytest_qparity.checks.regression.compared import SAVE_AGAIN, Compared, RegressionLimits
from pytest_qparity.checks.regression.costs import compare_anywhere, compare_here
from pytest_qparity.checks.regression.latency import compare_counterparts, compare_latency
from pytest_qparity.checks.regression.outputs import compare_accuracy, compare_sqnr
from pytest_qparity.verdict import Code, Failure, Verdict, cannot_judge, failed, passed

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import About, Figures
    from pytest_qparity.checks.regression.direct import BesideBaseline

__all__ = ["judge_new", "judge_regression", "judge_vanished"]

_OF_HARDWARE = ("latency", "memory")
_DIGEST = 12  # characters that tell digests apart for a reader


def judge_regression(
    before: Figures, now: Figures, limits: RegressionLimits, direct: BesideBaseline | None = None
) -> Verdict:
    """pass: the run has every check and figure that the baseline has of it, none worse by more than its limit.
    `direct`: how fast the run is in turn with the baseline's variant."""
    if direct is not None:
        direct = replace(direct, decides=now.about.runs_as(before.about))
    compared = dict(_all(before, now, limits, direct))
    changed = now.about.changed_from(before.about)
    evidence: dict[str, Any] = {
        "baseline": {"time": before.about.time, "commit": before.about.commit, "hardware": before.hardware},
        "changed": changed,
        **{name: dict(each.evidence) for name, each in compared.items() if each.evidence},
    }
    worst = max(compared.values(), key=lambda each: each.share, default=None)
    deciding = worst.shown if worst is not None and worst.shown else "as before"
    failures = tuple(failure for each in compared.values() for failure in each.failures)
    notes = tuple(note for each in compared.values() for note in each.notes)
    if failures:
        return failed(deciding, evidence, failures, (*notes, _told(before.about, changed)))
    return passed(deciding, evidence, notes)


def judge_new(now: Figures) -> Verdict:
    return passed("new", {"baseline": None, "hardware": now.hardware}, ("the baseline has no such run",))


def judge_vanished(before: Figures) -> Verdict:
    """A run of the baseline that nobody planned: what is not measured cannot have got worse."""
    sentence = f"The baseline has run {before.run} of case {before.case}, the plan has none, should have it."
    remedy = (
        f"give the case precision {before.precision} again, or take it out of the baseline: qparity baseline save "
        "NAME, of a session without --precision and without the baseline"
    )
    about = {"time": before.about.time, "commit": before.about.commit, "hardware": before.hardware}
    return cannot_judge(Failure(Code.REGRESSION_VANISHED, sentence, remedy), {"baseline": about})


def _all(
    before: Figures, now: Figures, limits: RegressionLimits, direct: BesideBaseline | None
) -> Iterator[tuple[str, Compared]]:
    gone = [check for check in before.checks if check not in now.checks]
    if gone:
        yield "checks", _gone(now.run, gone)
    lacking = _lacking(before, now)
    if lacking:
        yield "figures", _unmeasured(now.run, lacking)
    unknown = _unknown(before, now)
    if unknown:
        yield "figures_before", _unmeasured_before(now.run, unknown)
    if before.sqnr_db is not None and now.sqnr_db is not None:
        yield "parity", compare_sqnr(before.sqnr_db, now.sqnr_db, limits.sqnr_db)
    if before.accuracy is not None and now.accuracy is not None:
        allowed = limits.margin if limits.margin is not None else now.accuracy.margin or 0.0
        same = before.about.data is not None and before.about.data == now.about.data
        yield "accuracy", compare_accuracy(before.accuracy, now.accuracy, allowed, same_data=same)
    if before.memory is not None and now.memory is not None:
        yield from compare_anywhere(before.memory, now.memory, limits)
    if before.hardware != now.hardware:
        if before.latency is not None or before.memory is not None:
            yield "hardware", _elsewhere(before, now, limits)
        return
    if before.latency is not None and now.latency is not None:
        yield "latency", compare_latency(before.latency, now.latency, limits, direct)
        yield from compare_counterparts(before.latency, now.latency, limits)
        yield from compare_batches(before.latency, now.latency, limits)
    if before.memory is not None and now.memory is not None:
        yield from compare_here(before.memory, now.memory, limits)


def _lacking(before: Figures, now: Figures) -> list[str]:
    was, is_now = before.by_check(), now.by_check()
    return [check for check in was if was[check] is not None and is_now[check] is None and check in now.checks]


def _unknown(before: Figures, now: Figures) -> list[str]:
    """Checks of which the run has figures and the baseline none, though it had the check (its verdict was waived, say),
    or has none at all. One that the case did not have then is new. Of other hardware speed and memory count for
    nothing."""
    was, is_now = before.by_check(), now.by_check()
    known = before.checks or tuple(was)
    compared = [check for check in was if before.hardware == now.hardware or check not in _OF_HARDWARE]
    return [check for check in compared if was[check] is None and is_now[check] is not None and check in known]


def _gone(run: str, checks: Sequence[str]) -> Compared:
    sentence = f"The baseline has {' and '.join(checks)} of {run}, the plan has not, should have all of its checks."
    remedy = "ask for the check again in the case file, or qparity baseline save NAME"
    return Compared("checks", 3.0, {"vanished_checks": list(checks)}, (_vanished(sentence, remedy),))


def _vanished(sentence: str, remedy: str) -> Failure:
    return Failure(Code.REGRESSION_VANISHED, sentence, remedy)


def _unmeasured(run: str, checks: Sequence[str]) -> Compared:
    named = " and ".join(checks)
    sentence = f"The baseline has figures of {named} of {run}, this session measured none, should have them."
    failure = _of_unmeasured(sentence, f"see what {checks[0]} says of the run")
    return Compared("unmeasured", 2.5, {"unmeasured": list(checks)}, (failure,))


def _unmeasured_before(run: str, checks: Sequence[str]) -> Compared:
    named = " and ".join(checks)
    sentence = f"The baseline has no figures of {named} of {run}, this session has, should be both to be compared."
    remedy = f"{SAVE_AGAIN}, of a session in which {checks[0]} gives figures"
    return Compared("unmeasured", 2.5, {"unmeasured": list(checks)}, (_of_unmeasured(sentence, remedy),))


def _of_unmeasured(sentence: str, remedy: str) -> Failure:
    return Failure(Code.REGRESSION_UNMEASURED, sentence, remedy)


def _elsewhere(before: Figures, now: Figures, limits: RegressionLimits) -> Compared:
    sentence = f'Speed and memory of the baseline are of "{before.hardware}", should be of this "{now.hardware}".'
    evidence = {"before": before.hardware, "now": now.hardware}
    if not limits.other_hardware_is_judged:
        return Compared("", 0.0, evidence, (), (f"{sentence} They are not compared.",))
    remedy = 'qparity baseline save NAME on this hardware too, or [regression] other_hardware = "note"'
    return Compared("hardware", 1.5, evidence, (Failure(Code.REGRESSION_HARDWARE, sentence, remedy),))


def _told(before: About, changed: dict[str, list[str | None]]) -> str:
    """What else changed: versions with both, digests by their names."""
    when = ", ".join(part for part in ((before.time or "")[:10], (before.commit or "")[:_DIGEST]) if part)
    names = []
    for name, (was, is_now) in changed.items():
        is_digest = name in ("variant", "model", "data", "reference", "options", "commit")
        names.append(name if is_digest else f"{name} {was or 'absent'} to {is_now or 'absent'}")
    return f"changed since the baseline ({when or 'of no date'}): {', '.join(names) or 'nothing that is recorded'}"
