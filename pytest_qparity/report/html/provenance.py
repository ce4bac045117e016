"""On what the session ran: versions, hardware, canaries, digests of case files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_qparity.report.html.facts import Fact, facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.ledger import Ledger

__all__ = ["sessions"]


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
