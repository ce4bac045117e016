"""Waivers that nothing needs any more: each check that they are for passes by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import GOOD
from pytest_qparity.verdict import counted

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["UnneededWaiver", "unneeded_lines", "unneeded_waivers"]


@dataclass(frozen=True, slots=True)
class UnneededWaiver:
    """A waiver of a case, as its text names it, the runs that it is for, and how many of their checks pass without."""

    case: str
    waiver: str
    runs: tuple[str, ...]
    checks: int


def unneeded_waivers(ledger: Ledger) -> tuple[UnneededWaiver, ...]:
    """From the evidence `waivers_unused`. Nothing is said of a waiver that one verdict of the case needed, nor of one
    with a run that is not known whole: a check of it failed, has no verdict, or was not asked for."""
    unknown = {node_id.rpartition("::")[0] for node_id in (*ledger.deselected, *ledger.unjudged)}
    unknown |= {_run_of(event) for event in ledger.verdicts if event["outcome"] not in GOOD}
    needed = {(event["case"], event["waiver"]) for event in ledger.verdicts}
    passing: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for event in ledger.verdicts:
        for waiver in event.get("evidence", {}).get("waivers_unused", ()):
            passing.setdefault((event["case"], waiver), []).append(event)
    return tuple(
        UnneededWaiver(case, waiver, tuple(dict.fromkeys(event["run"] for event in events)), len(events))
        for (case, waiver), events in passing.items()
        if (case, waiver) not in needed and not any(_run_of(event) in unknown for event in events)
    )


def unneeded_lines(ledger: Ledger) -> Iterator[str]:
    for each in unneeded_waivers(ledger):
        told = f"{counted(each.checks, 'check')} {'passes' if each.checks == 1 else 'pass'}"
        where = f"{each.case} {', '.join(each.runs)} ({told} without it)"
        yield f"waiver not needed: {where}: {each.waiver}: delete it, unless another machine needs it"


def _run_of(event: Mapping[str, Any]) -> str:
    return str(event["node_id"]).rpartition("::")[0]
