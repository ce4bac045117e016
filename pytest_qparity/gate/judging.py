"""Judging: one check of one run, and what waivers make of its verdict."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_qparity.case.patterns import matches
from pytest_qparity.gate.canaries import require_caught
from pytest_qparity.gate.case_material import CaseMaterial
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.ledger.waivers import today_utc
from pytest_qparity.verdict import EMULATED, CannotJudge, Code, Failure, Outcome, Verdict, cannot_judge, waived

if TYPE_CHECKING:
    from pytest_qparity.case.loading import Case
    from pytest_qparity.case.schema import WaiverSpec
    from pytest_qparity.gate.planning import Run
    from pytest_qparity.gate.settings import Settings

BACKEND_CODES = frozenset((Code.BACKEND_UNAVAILABLE, Code.BACKEND_LOAD, Code.BACKEND_RUN, Code.BACKEND_OUTPUTS))


def judge_run(case: Case, run: Run, settings: Settings) -> Iterator[tuple[str, Verdict]]:
    """Every check of one run with its verdict, in order; the run's session is closed at the end."""
    if run.vanished:
        yield "regression", judge_vanished_run(case, run, settings)
        return
    with (
        contextlib.closing(CaseMaterial(case, settings, str(case.path))) as material,
        contextlib.closing(RunMaterial(material, run.backend, run.precision)) as running,
    ):
        for check in run.checks:
            yield check, judge(running, check)


def judge(run: RunMaterial, check: str, today: datetime.date | None = None) -> Verdict:
    """The verdict of one check of a run, after the case's waivers (`today`: the date that decides their expiry).

    The first check of a backend has the canaries judged first, by this very function.
    """
    try:
        require_caught(run, judge)
        verdict = _regression(run) if check == "regression" else _with_remedies(_judges()[check](run), run)
    except CannotJudge as reason:
        verdict = _unjudged(run, check, reason.failure)
    run.verdicts[check] = verdict
    return _after_waivers(verdict, run, check, today or today_utc())


def judge_vanished_run(case: Case, run: Run, settings: Settings) -> Verdict:
    """The verdict on a run that the baseline has and the case has not. No waiver covers it."""
    from pytest_qparity.checks.regression.judging import judge_vanished

    known = () if settings.baseline is None else settings.baseline.of(case.name, run.backend, run.precision)
    return judge_vanished(known[0])


def _regression(run: RunMaterial) -> Verdict:
    """From the verdicts of the run's other checks, before waivers; those that were not asked for are judged for it."""
    from pytest_qparity.gate.planning import checks_of
    from pytest_qparity.gate.regression import regression

    def verdict_of(check: str) -> Verdict:
        if check not in run.verdicts:
            judge(run, check)
        return run.verdicts[check]

    material = run.material
    return regression(
        run, checks_of(material.case, material.settings, run.backend_spec.name, run.precision), verdict_of
    )


def _unjudged(run: RunMaterial, check: str, failure: Failure) -> Verdict:
    """Without its backend a run's file can still be looked at, which preflight does."""
    from pytest_qparity.gate import measuring

    if check == "preflight" and failure.code is Code.BACKEND_UNAVAILABLE:
        return measuring.preflight_without_backend(run, failure)
    return cannot_judge(failure)


def _judges() -> Mapping[str, Callable[[RunMaterial], Verdict]]:
    from pytest_qparity.gate import measuring
    from pytest_qparity.gate.invariance import invariance
    from pytest_qparity.gate.latency import latency
    from pytest_qparity.gate.memory import memory

    return {
        "preflight": measuring.preflight,
        "parity": measuring.parity,
        "accuracy": measuring.accuracy,
        "invariance": invariance,
        "latency": latency,
        "memory": memory,
    }


def _with_remedies(verdict: Verdict, run: RunMaterial) -> Verdict:
    """With remedies for what the variant is: a given file is not calibrated here."""
    from pytest_qparity.checks.origin import BY_ORIGIN, fitted

    return fitted(verdict, run.origin) if any(failure.code in BY_ORIGIN for failure in verdict.failures) else verdict


def _after_waivers(verdict: Verdict, run: RunMaterial, check: str, today: datetime.date) -> Verdict:
    meant = [waiver for waiver in run.material.case.spec.waivers if _is_meant(waiver, run, check)]
    if verdict.outcome is Outcome.PASS:
        return _with_unused(verdict, meant)
    expired = []
    for waiver in meant:
        if not all(_covers(waiver, failure.code, run) for failure in verdict.failures):
            continue
        if today <= waiver.expires:
            return waived(verdict, waiver.text)
        expired.append(f'the waiver "{waiver.reason}" expired on {waiver.expires}')
    return replace(verdict, notes=(*verdict.notes, *expired))


def _is_meant(waiver: WaiverSpec, run: RunMaterial, check: str) -> bool:
    named = any(matches(waiver.run, name) for name in (run.id, run.id.removesuffix(EMULATED)))
    return named and (not waiver.checks or check in waiver.checks)


def _with_unused(verdict: Verdict, waivers: Sequence[WaiverSpec]) -> Verdict:
    """A pass tells which waivers it did not need, so that they are deleted before they cover something else. Those for
    absent backends are of machines, and say nothing here; a waiver of a whole run has notes in no single check."""
    absences = {code.code for code in BACKEND_CODES}
    unused = [waiver for waiver in waivers if not waiver.codes or not absences.issuperset(waiver.codes)]
    if not unused:
        return verdict
    notes = [f'the waiver "{waiver.text}" is not needed: this check passes' for waiver in unused if waiver.checks]
    evidence = {**verdict.evidence, "waivers_unused": [waiver.text for waiver in unused]}
    return replace(verdict, evidence=evidence, notes=(*verdict.notes, *notes))


def _covers(waiver: WaiverSpec, code: Code, run: RunMaterial) -> bool:
    """Whether a waiver was written for this failure.

    Where it names codes, for those. Otherwise for what was measured (accuracy, budgets), and for a backend that is
    absent or refuses where it names that backend: "*-int8" says nothing of an engine that is not installed. A golden or
    data that cannot be trusted are never waived (the case file refuses such codes).
    """
    if waiver.codes:
        return code.code in waiver.codes
    if code.outcome is not Outcome.CANNOT_JUDGE:
        return True
    return code in BACKEND_CODES and waiver.run.startswith(f"{run.backend_spec.name}-")
