"""The answer: which nodes lose the accuracy, why, by how much, and what to write into the case file."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.diagnose import SHORTLIST
from pytest_qparity.diagnose.causes.cause import Cause, Finding, Suspect
from pytest_qparity.diagnose.causes.drift import drift
from pytest_qparity.diagnose.causes.suspects import shortlist, suspects
from pytest_qparity.diagnose.comparing import Comparison
from pytest_qparity.precision.pairs.splicing import Change
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.case.data import Feed
    from pytest_qparity.diagnose.measures import Distance, Measured
    from pytest_qparity.worker.protocol import Worker

__all__ = ["Diagnosis", "Order", "diagnose"]

DECISIVE = 0.25  # of the outputs' error: from here on a cause of the whole model stands above those of single layers
CURABLE = 2.0  # what a cause weighs beside plain rounding, which no recalibration takes away
SHARED = 0.3  # where no layer has so much of it, what is left is many layers' rounding
DEVIATES = 0.5  # of the variant's error that the optimizer alone may make before its kernels are looked at
FLOAT_DEVIATES = 10.0  # times what the optimizer does to the float model
EXPLAINED = 0.5  # of the outputs' error, by a cause in the file: a kernel then stands behind it
FAR_ABOVE = 10.0  # times the outputs' error (the optimizer is off there): a kernel then stands first all the same


@dataclass(frozen=True, slots=True)
class Order:
    """What is diagnosed. calibration: feeds that the variant's ranges are from, where they are known. precision: whose
    table of the case file the suggested keys are for; shortlist: how many suspects are tried."""

    reference: Path
    variant: Path
    feeds: Sequence[Feed]
    calibration: Sequence[Feed] = ()
    precision: str = "int8"
    shortlist: int = SHORTLIST


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """findings: ranked; those with an impact were tried. together: the impact of all that were tried at once, None
    where none was: where many layers are wrong none by itself may show. everything: that of all suspects at once, tried
    or not; what is left of 1 is explained by nothing that is suspected. notes: what a reader must know of the data."""

    measured: Measured
    findings: tuple[Finding, ...]
    together: float | None = None
    everything: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def unexplained(self) -> float:
        """The share of the outputs' error that goes with no suspect: 0 to 1 (where errors had cancelled, floating may
        let the error grow: then all of it)."""
        if self.measured.relative == 0.0:
            return 0.0
        return min(max(1.0 - max(self.together or 0.0, self.everything or 0.0), 0.0), 1.0)

    def as_json(self) -> dict[str, Any]:
        measured = self.measured
        return {
            "outputs": {name: _distance(each) for name, each in measured.outputs.items()},
            "samples": measured.samples,
            "passes": dict(measured.passes),
            "peak_mb": round(measured.peak_mb, 1),
            "unmatched": list(measured.unmatched),
            "unread": list(measured.unread),
            "together": self.together,
            "everything": self.everything,
            "unexplained": self.unexplained,
            "notes": list(self.notes),
            "findings": [finding.as_json() for finding in self.findings],
            "layers": [
                {
                    "node": layer.node,
                    "operator": layer.op_type,
                    "tensor": layer.tensor,
                    "own": None if layer.own is None else _distance(layer.own),
                    "cumulative": None if layer.cumulative is None else _distance(layer.cumulative),
                    "unrounded": None if layer.unrounded is None else _distance(layer.unrounded),
                }
                for layer in measured.layers
            ],
        }


def diagnose(order: Order, worker: Worker, told: Callable[[str, float], None] = lambda _, __: None) -> Diagnosis:
    """Compare both models, try what is suspected, and rank it by the error that goes with it.

    Raises CannotJudge where a model cannot be read or run, or both share nothing.
    """
    with Comparison(order.reference, order.variant, order.feeds, worker, order.calibration, told=told) as both:
        measured = both.with_unrounded(both.measure())
        found = suspects(measured, tuple(order.feeds[0].arrays), order.precision)
        tried = shortlist(found, order.shortlist)
        findings = [Finding(suspect, _impact(both, measured, suspect.change)) for suspect in tried]
        kernel = _kernel(both, measured)
        together = _at_once(both, measured, tried)
        everything = together
        with contextlib.suppress(CannotJudge):  # a variant that is float throughout, only to know what is left of it
            everything = together if len(tried) == len(found) else _at_once(both, measured, found)
    untried, drifted = found[len(tried) :], drift(measured, order.precision)
    return Diagnosis(measured, ranked(findings, measured.relative, kernel, drifted, untried), together, everything)


def ranked(
    findings: Sequence[Finding],
    whole: float,
    kernel: Suspect | None,
    drifted: Suspect | None,
    untried: Sequence[Suspect] = (),
) -> tuple[Finding, ...]:
    """A deviating kernel first, but where a cause in the file explains its error `whole` and the kernel's is not far
    above that. Then what the whole model has, where it is decisive; then by impact. Where no layer has a good share of
    the error, drift stands above them. Last what was not tried."""
    ordered = sorted(findings, key=_rank)
    top = ordered[0] if ordered else None
    if drifted is not None and (top is None or ((top.impact or 0.0) < SHARED and top.suspect.cause is Cause.ROUNDING)):
        ordered.insert(0, Finding(drifted, None))
    if kernel is not None:
        explained = top is not None and top.suspect.cause is not Cause.ROUNDING and (top.impact or 0.0) >= EXPLAINED
        ordered.insert(1 if explained and kernel.relative < FAR_ABOVE * whole else 0, Finding(kernel, None))
    return (*ordered, *(Finding(suspect, None) for suspect in untried))


def _rank(finding: Finding) -> tuple[bool, float]:
    impact = 0.0 if finding.impact is None else finding.impact
    weight = 1.0 if finding.suspect.cause is Cause.ROUNDING else CURABLE
    return not (finding.suspect.everywhere and impact >= DECISIVE), -impact * weight


def _impact(both: Comparison, measured: Measured, change: Change) -> float:
    whole = measured.relative
    if whole == 0.0:
        return 0.0
    return 1.0 - both.floated(change).relative / whole


def _at_once(both: Comparison, measured: Measured, found: Sequence[Suspect]) -> float | None:
    return _impact(both, measured, reduce(or_, (each.change for each in found), Change())) if found else None


def _kernel(both: Comparison, measured: Measured) -> Suspect | None:
    """A kernel that the optimizer brings in and that gives something else than the file says."""
    if measured.engine is None:
        return None
    reference, variant = measured.engine
    least = max(FLOAT_DEVIATES * reference.relative, DEVIATES * measured.relative)
    if not (variant.relative > least and variant.relative > 0.0) and not variant.not_finite:
        return None
    makers = {layer.tensor: layer for layer in measured.layers}
    alone = {name: each for name, each in both.islands().items() if each.relative > 0.0 or each.not_finite}
    worst = max(alone, key=lambda name: alone[name].relative, default=None)
    layer = None if worst is None else makers.get(worst)
    node = "" if layer is None else layer.node
    where = (
        f"between its own Q/DQ pairs {node} is left {_said_db(alone[worst])}" if worst else "no layer shows it alone"
    )
    return Suspect(
        node=node,
        op_type="" if layer is None else layer.op_type,
        tensor=worst or "",
        cause=Cause.KERNEL_DEVIATES,
        numbers={
            "optimizer_sqnr_db": variant.sqnr_db,
            "float_optimizer_sqnr_db": reference.sqnr_db if math.isfinite(reference.sqnr_db) else None,
            "layers": {name: each.sqnr_db for name, each in alone.items()},
        },
        sentence=f"ONNX Runtime's optimizer alone leaves the variant's output {_said_db(variant)}, the float model's "
        f"{_said_db(reference)}; {where}.",
        key="",
        remedy="hold the kernels against their specification: a case with [conformance], docs/conformance.md",
        relative=variant.relative,
        change=Change(),
        everywhere=True,
    )


def _said_db(distance: Distance) -> str:
    return f"{distance.sqnr_db:.1f} dB" if math.isfinite(distance.sqnr_db) else "as it is"


def _distance(distance: Distance) -> dict[str, Any]:
    return {
        "sqnr_db": distance.sqnr_db if math.isfinite(distance.sqnr_db) else None,
        "cosine": distance.cosine,
        "max_abs": distance.max_abs,
        "relative_error": distance.relative,
        "elements": distance.elements,
        "not_finite": distance.not_finite,
    }
