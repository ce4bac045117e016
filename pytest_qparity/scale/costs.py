"""What runs are expected to cost in seconds: as an earlier ledger recorded them, guessed where it did not."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_qparity.digest import file_digest
from pytest_qparity.ledger import LedgerError, read_ledger

__all__ = ["Durations", "read_durations", "run_of", "seconds_by_run"]


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds that checks took, by node id; `digest`: SHA-256 of the ledger that says so."""

    seconds: Mapping[str, float]
    digest: str


def read_durations(path: Path) -> Durations:
    """Those of a ledger's verdicts. Raises LedgerError where the file is none or has no seconds, OSError where it
    cannot be read."""
    seconds = {str(event["node_id"]): float(event["seconds"]) for event in read_ledger(path).verdicts if _told(event)}
    if not seconds:
        raise LedgerError("got a ledger without the seconds of a check, should have those of one at least")
    return Durations(seconds, file_digest(path))


def _told(event: Mapping[str, Any]) -> bool:
    value = event.get("seconds")
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def run_of(node_id: str) -> str:
    """The node id of the run that a check belongs to."""
    return node_id.rpartition("::")[0]


def seconds_by_run(node_ids: Iterable[str], durations: Durations | None) -> dict[str, float]:
    """What each run of these checks is expected to take, in the order of its first check.

    A check that was not recorded is taken for the median of those of its name (its last part: "latency"), or of all;
    without a record each counts 1, so that runs are told apart by their number of checks.
    """
    known = {} if durations is None else durations.seconds
    by_check: dict[str, list[float]] = {}
    for node_id, seconds in known.items():
        by_check.setdefault(_check_of(node_id), []).append(seconds)
    typical = {check: statistics.median(recorded) for check, recorded in by_check.items()}
    otherwise = statistics.median(known.values()) if known else 1.0
    costs: dict[str, float] = {}
    for node_id in node_ids:
        guess = typical.get(_check_of(node_id), otherwise)
        costs[run_of(node_id)] = costs.get(run_of(node_id), 0.0) + known.get(node_id, guess)
    return costs


def _check_of(node_id: str) -> str:
    return node_id.rpartition("::")[2]
