"""On what sessions and runs rest: versions, hardware, digests; what all runs of a case share is told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.html.facts import Fact, facts

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["Provenance", "own_provenance", "run_provenance", "sessions", "shared_provenance"]

Provenance = tuple[tuple[str, tuple[Fact, ...]], ...]  # of which checks, nothing where it is of all; and what


def sessions(ledger: Ledger) -> tuple[tuple[str, tuple[Fact, ...]], ...]:
    """Each session by its id: those of all shards of a merged ledger, whose evidence names its session."""
    starts = [*ledger.start.get("shards", ()), ledger.start]
    return tuple((str(start.get("session", "")), facts(_told(start))) for start in starts if len(_told(start)) > 1)


def _told(start: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: value for key, value in start.items() if key not in ("event", "session", "shards")}
    if "command" in told:
        told["command"] = " ".join(map(str, ("pytest", *told["command"])))
    if told.get("precisions", ()) is None:
        told["precisions"] = "all"
    return told


def run_provenance(events: Mapping[str, Mapping[str, Any]]) -> Provenance:
    """Of a run's checks, told once for all that share it, which is nearly always all of them."""
    told: list[tuple[Mapping[str, Any], list[str]]] = []
    for check, event in events.items():
        session = {} if event.get("session") is None else {"session": event["session"]}
        whole = {**session, **event.get("provenance", {})}
        same = next((checks for known, checks in told if known == whole), None)
        if same is None:
            told.append((whole, [check]))
        else:
            same.append(check)
    return tuple((", ".join(checks) if len(told) > 1 else "", facts(whole)) for whole, checks in told if whole)


def shared_provenance(of_runs: Sequence[Provenance]) -> tuple[Fact, ...]:
    """What every check of every run has: machine, engine, data, golden. Nothing of a single run."""
    groups = [rows for of in of_runs for _, rows in of]
    if len(of_runs) < 2 or not all(of_runs):
        return ()
    common = frozenset(groups[0]).intersection(*groups[1:])
    return tuple(row for row in groups[0] if row in common)


def own_provenance(of: Provenance, shared: Sequence[Fact]) -> Provenance:
    """What is left of a run's where the case tells the rest."""
    told = frozenset(shared)
    left = ((whose, tuple(row for row in rows if row not in told)) for whose, rows in of)
    return tuple((whose, rows) for whose, rows in left if rows)
