"""Verdicts of an earlier ledger that may be carried over, since nothing that they rest on has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import GOOD
from pytest_qparity.ledger.shards import MergeError, require_sound

if TYPE_CHECKING:
    from pytest_qparity.ledger.reading import Ledger

__all__ = ["Carried", "Earlier", "NotCarried", "earlier_of"]

_ENDED = (0, 1)  # exit statuses of a session that judged all that it was asked for


@dataclass(frozen=True, slots=True)
class Carried:
    """The verdicts of a run that are carried over. Their events are made when asked for: thousands are held."""

    earlier: Earlier
    as_judged: Mapping[str, Mapping[str, Any]]

    def event(self, check: str) -> dict[str, Any]:
        """As the earlier ledger has it, with `carried`: who judged it. One that was carried before stays as it is."""
        event = self.as_judged[check]
        kept = {key: value for key, value in event.items() if key != "anew"}
        if "carried" in event:
            return kept
        of = self.earlier
        origin = {"session": of.session, "commit": of.commit, "time": of.time, "ledger": of.sha256}
        note = f"carried over from the session of {of.time}: nothing that it rests on has changed"
        return {**kept, "notes": [*event.get("notes", ()), note], "carried": origin}


@dataclass(frozen=True, slots=True)
class NotCarried:
    """Why a run is judged: parts of its basis that changed, or one reason in words."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Earlier:
    """`sha256` of the ledger's file, and of its session `session`, `commit` and `time`. `events`: of each run, by the
    node id of the run and by check, those that are good and that were judged once."""

    sha256: str
    session: str
    commit: str | None
    time: str
    events: Mapping[str, Mapping[str, Mapping[str, Any]]]

    def of(self, run_node: str, checks: Sequence[str]) -> Mapping[str, Mapping[str, Any]] | NotCarried:
        """The run's events, where each of `checks` has a good one; they may not be carried before `compared`."""
        events = self.events.get(run_node, {})
        lacking = [check for check in checks if check not in events]
        if not events:
            return NotCarried(("nothing good in that ledger",))
        return NotCarried((f"no good {lacking[0]} in that ledger",)) if lacking else events

    def compared(
        self, events: Mapping[str, Mapping[str, Any]], basis: Mapping[str, str] | None
    ) -> Carried | NotCarried:
        """Whether `basis` is that of all `events` of a run."""
        if basis is None:
            return NotCarried(("its basis cannot be told",))
        changed: dict[str, None] = {}
        for event in events.values():
            before = event["provenance"].get("basis")
            if not isinstance(before, Mapping) or not before:
                return NotCarried(("that ledger tells no basis",))
            changed |= dict.fromkeys(part for part in (*basis, *before) if basis.get(part) != before.get(part))
        if changed:
            return NotCarried(tuple(changed))
        return Carried(self, events)


def earlier_of(ledger: Ledger, sha256: str) -> Earlier | NotCarried:
    """What may be carried from a ledger; nothing from one of which it is not sure what it would have said.

    A merged ledger's verdicts are those of its sessions: each has its own machine, which the basis tells.
    """
    if ledger.exit_status not in _ENDED:
        return NotCarried(("that ledger did not come to its end",))
    if not isinstance(ledger.start.get("canaries"), list):
        return NotCarried(("that ledger does not tell its canaries",))
    try:
        require_sound("that ledger", ledger)
    except MergeError as error:
        return NotCarried((str(error),))
    events: dict[str, dict[str, Mapping[str, Any]]] = {}
    for verdict in ledger.verdicts:
        node_id = verdict["node_id"]
        if verdict["outcome"] in GOOD and node_id not in ledger.flaky and node_id not in ledger.not_judged:
            run_node, _, check = node_id.rpartition("::")
            events.setdefault(run_node, {})[check] = verdict
    start = ledger.start
    commit = start.get("commit")
    return Earlier(sha256, str(start.get("session")), commit, str(start.get("time", "")), events)
