"""The runs of a ledger with what their checks measured: what tables, plots and advice are made from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.shippable import Shippable
from pytest_qparity.precision.table import base_of
from pytest_qparity.report.conformance import is_of_kernels
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger
    from pytest_qparity.ledger.shippable import Refusal

__all__ = ["COSTS", "RunRecord", "decibels_text", "runs_by_case"]

COSTS = ("latency", "memory")
_PASS = Outcome.PASS.value
EQUAL = "inf"  # as a ledger writes the SQNR of outputs that are the float model's, bit for bit


def decibels_text(sqnr_db: float) -> str:
    """As the terminal shows it: one decimal, or "equal"."""
    return "equal" if math.isinf(sqnr_db) else f"{sqnr_db:.1f}"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's verdict events by check; `refusal`: why it may not be shipped, None where it may; `unknown`: checks of it
    that have no verdict, planned or not asked for."""

    case: str
    id: str
    backend: str
    precision: str
    checks: Mapping[str, Mapping[str, Any]]
    refusal: Refusal | None
    unknown: frozenset[str] = frozenset()

    @property
    def may_ship(self) -> bool:
        """By the rule of `qparity export`, without a waiver: the gate passes all of it, on an engine."""
        return self.refusal is None

    @property
    def is_carried(self) -> bool:
        """Whether its verdicts were carried over from an earlier ledger: its figures are no second measurement."""
        return any("carried" in event for event in self.checks.values())

    @property
    def session(self) -> Any:
        """In a merged ledger: whose machine it was."""
        return next(iter(self.checks.values())).get("session")

    @property
    def is_float(self) -> bool:
        return base_of(self.precision, None) in ("fp32", "tf32")

    @property
    def drop_points(self) -> float | None:
        return self.told("accuracy", "drop_points")

    @property
    def drop(self) -> float | None:
        """What its metric loses: in percentage points, or in the metric's own unit."""
        return self.drop_points if self.drop_points is not None else self.told("accuracy", "drop_value")

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the drop, in its unit; None where the samples are a census."""
        evidence = self.checks.get("accuracy", {}).get("evidence", {})
        ends = evidence.get("interval_points", evidence.get("interval_value"))
        if not isinstance(ends, list) or len(ends) != 2 or not all(isinstance(end, int | float) for end in ends):
            return None
        return float(ends[0]), float(ends[1])

    @property
    def speed_up(self) -> float | None:
        """Over fp32 of the same backend; None where nothing bounds it on both sides."""
        return self.speed_up_in()

    def speed_up_in(self, *keys: str) -> float | None:
        """The same, of what stands under `keys` of the latency's evidence."""
        over = "latency", *keys, "speed_up_over", "fp32"
        low, estimate, high = (self.measured(*over, end) for end in ("low", "estimate", "high"))
        return estimate if low and high else None

    @property
    def samples_per_s(self) -> Mapping[int, float]:
        """By batch, of those that were timed and passed."""
        evidence = self.checks.get("latency", {}).get("evidence", {})
        batches = [(evidence.get("batch"), self.told("latency", "samples_per_s"))]
        swept = evidence.get("batches", {})
        batches += [(int(name), self.told("latency", "batches", name, "samples_per_s")) for name in swept]
        return {batch: rate for batch, rate in batches if isinstance(batch, int) and rate is not None}

    @property
    def sqnr_db(self) -> float | None:
        """The least of the outputs, infinite where all equal the float model's; None where an output has none."""
        outputs = self.checks.get("parity", {}).get("evidence", {}).get("outputs", {})
        told = [each.get("sqnr_db") for each in outputs.values()]
        known = [float(value) for value in told if isinstance(value, int | float) or value == EQUAL]
        return min(known) if known and len(known) == len(told) else None

    def told(self, check: str, *keys: str) -> float | None:
        """A number of a check's evidence; None where it holds none. A cost that is beyond its budget, or could not be
        judged, is none to ship for."""
        passes = self.checks.get(check, {}).get("outcome") == _PASS
        return self.measured(check, *keys) if passes or check not in COSTS else None

    def measured(self, check: str, *keys: str) -> float | None:
        """A number of a check's evidence, whatever the verdict; None where it holds none."""
        value: Any = self.checks.get(check, {}).get("evidence")
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def link(self, *checks: str) -> str:
        return f"[{', '.join(f'{self.id}::{check}' for check in checks)}]"


def runs_by_case(ledger: Ledger) -> dict[str, list[RunRecord]]:
    """Runs of models by case, in the ledger's order; kernels of conformance cases are none."""
    events: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for event in ledger.verdicts:
        if not is_of_kernels(event):
            events.setdefault((event["case"], event["run"]), {})[event["check"]] = event
    unknown: dict[str, set[str]] = {}
    for node_id in (*ledger.unjudged, *ledger.deselected):
        run_node, _, check = node_id.rpartition("::")
        unknown.setdefault(run_node, set()).add(check)
    found: dict[str, list[RunRecord]] = {}
    shippable = Shippable(ledger)
    for (case, run), checks in events.items():
        first = next(iter(checks.values()))
        name = str(first["node_id"]).rpartition("::")[0]
        missing, refusal = frozenset(unknown.get(name, ())), shippable.refusal(name)
        record = RunRecord(case, run, str(first["backend"]), str(first["precision"]), checks, refusal, missing)
        found.setdefault(case, []).append(record)
    return found
