"""Events of a ledger: plain JSON values, so that they may cross a process border."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import Outcome, run_id

if TYPE_CHECKING:
    from pytest_qparity.verdict import Verdict

FORMAT = 1
GOOD = frozenset((Outcome.PASS.value, Outcome.WAIVED.value))
NO_VERDICT = "no verdict"  # stands among a check's outcomes for an attempt that ended without one
_FROM_BAD_TO_GOOD = tuple(
    outcome.value
    for outcome in (
        Outcome.ACCURACY_FAIL,
        Outcome.BUDGET_FAIL,
        Outcome.CANNOT_JUDGE,
        Outcome.WAIVED,
        Outcome.PASS,
    )
)
_PLAIN_TYPES = frozenset((str, int, bool, type(None)))


@dataclass(frozen=True, slots=True)
class CheckId:
    """One planned check: a check of a run of a case, and the pytest item it is. Kernels have no precision.

    `emulated`: whether the backend runs the precision on float operators.
    """

    node_id: str
    case: str
    backend: str
    precision: str
    check: str
    emulated: bool = False

    @property
    def run(self) -> str:
        return run_id(self.backend, self.precision, self.emulated)


def verdict_event(check: CheckId, verdict: Verdict, reproduce: str, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The event that records a verdict: plain JSON values only, so that it may cross a process border."""
    return {
        "event": "verdict",
        "node_id": check.node_id,
        "case": check.case,
        "run": check.run,
        "backend": check.backend,
        "precision": check.precision,
        "emulated": check.emulated,
        "check": check.check,
        "outcome": verdict.outcome.value,
        "deciding": verdict.deciding,
        "evidence": plain(verdict.evidence),
        "failures": [failure.as_json() for failure in verdict.failures],
        "notes": list(verdict.notes),
        "waiver": verdict.waiver,
        "reproduce": reproduce,
        "provenance": plain(provenance),
    }


def badness(outcome: str) -> int:
    """Orders outcomes: of two answers to one check the worse one stands. What was measured is worse than what could not
    be; an outcome that nobody knows is the worst."""
    return len(_FROM_BAD_TO_GOOD) - (_FROM_BAD_TO_GOOD.index(outcome) if outcome in _FROM_BAD_TO_GOOD else -1)


def plain(value: Any) -> Any:
    """`value` as JSON holds it, in Python's own types: NumPy's numbers become Python's; NaN and infinities, which JSON
    lacks, become the strings "nan", "inf", "-inf"."""
    if type(value) in _PLAIN_TYPES:  # nearly all there is; the checks below cost ten times as much
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)  # of an enum of texts too: execnet sends no subclasses
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else str(float(value))
    kind = type(value)
    named = f"{kind.__module__}.{kind.__qualname__}"
    raise TypeError(f"got {named} as evidence, should be a number, a text, a list or a table")
