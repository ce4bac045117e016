"""The figures of a ledger's runs, as baselines, history and comparisons keep them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.baseline.figures import Figures, figures_of
from pytest_qparity.report.runs import RunRecord, runs_by_case

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["recorded", "start_of", "time_of"]

REGRESSION = "regression"  # says what became of figures, and has none


def recorded(ledger: Ledger) -> Iterator[tuple[RunRecord, Figures]]:
    """Each run of a model with its figures, whatever its verdicts."""
    for runs in runs_by_case(ledger).values():
        for run in runs:
            identity = {"case": run.case, "run": run.id, "backend": run.backend, "precision": run.precision}
            evidence = {check: event["evidence"] for check, event in run.checks.items() if check != REGRESSION}
            if evidence:
                start = start_of(ledger, run.session)
                yield run, figures_of(identity, evidence, _provenance(run), {**start, **_carried_from(run)})


def _carried_from(run: RunRecord) -> Mapping[str, Any]:
    """Time and commit of the session that judged it, where that is an earlier one."""
    carried: Mapping[str, Any] = next((event["carried"] for event in run.checks.values() if "carried" in event), {})
    return {key: carried[key] for key in ("time", "commit") if key in carried}


def start_of(ledger: Ledger, session: Any) -> Mapping[str, Any]:
    """Of a merged ledger, that of the shard whose session it was."""
    shards = ledger.start.get("shards") or ()
    return next((start for start in shards if start.get("session") == session), ledger.start)


def time_of(ledger: Ledger) -> str:
    """When the session began; of a merged ledger, the last of its shards. ISO 8601, UTC; empty where it is not told."""
    starts = (ledger.start, *(ledger.start.get("shards") or ()))
    return max(str(start.get("time") or "") for start in starts)


def _provenance(run: RunRecord) -> Mapping[str, Any]:
    """Of the check that knows most: one that failed early knows little of the run."""
    known = [event.get("provenance") or {} for event in run.checks.values()]
    return max(known, key=len)
