"""What was waived, why, and for how much longer."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.waivers import reason_and_day
from pytest_qparity.report.conformance import is_of_kernels
from pytest_qparity.report.html.anchors import run_anchor
from pytest_qparity.verdict import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.ledger import Ledger

__all__ = ["WaiverPart", "waiver_parts"]

SOON_DAYS = 14


@dataclass(frozen=True, slots=True)
class WaiverPart:
    """One waiver of a case: whom it covers. `days_left` is negative where it has expired since, and None where the
    ledger names no day."""

    case: str
    reason: str
    expires: datetime.date | None
    days_left: int | None
    runs: tuple[tuple[str, str], ...]  # name and anchor
    checks: int
    codes: tuple[str, ...]

    @property
    def said(self) -> str:
        if self.days_left is None:
            return "no day on record"
        if self.days_left < 0:
            return f"expired {counted(-self.days_left, 'day')} ago"
        return "today is its last day" if self.days_left == 0 else f"{counted(self.days_left, 'day')} left"

    @property
    def is_urgent(self) -> bool:
        return self.days_left is None or self.days_left <= SOON_DAYS


def waiver_parts(ledger: Ledger, today: datetime.date) -> tuple[WaiverPart, ...]:
    """Those that end first stand first. Known deviations of kernels are told in the conformance part."""
    used: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for event in ledger.verdicts:
        if event.get("waiver") is not None and not is_of_kernels(event):
            used.setdefault((event["case"], event["waiver"]), []).append(event)
    parts = [_part(case, text, events, today) for (case, text), events in used.items()]
    return tuple(sorted(parts, key=lambda part: (part.days_left is not None, part.days_left or 0)))


def _part(case: str, text: str, events: list[Mapping[str, Any]], today: datetime.date) -> WaiverPart:
    reason, expires = reason_and_day(text)
    return WaiverPart(
        case=case,
        reason=reason,
        expires=expires,
        days_left=None if expires is None else (expires - today).days,
        runs=tuple(dict.fromkeys((event["run"], run_anchor(case, event["run"])) for event in events)),
        checks=len(events),
        codes=tuple(dict.fromkeys(failure["code"] for event in events for failure in event["failures"])),
    )
