"""Verdicts that were carried over from an earlier ledger, in words: the same sentences in every report."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["carried_lines", "number_carried"]

_DIGITS = 12  # of a commit, or of a ledger's SHA-256
_MOST_REASONS = 5
_LONG_DAYS = 7


def number_carried(ledger: Ledger) -> int:
    return sum("carried" in event for event in ledger.verdicts)


def carried_lines(ledger: Ledger) -> Iterator[str]:
    """How many verdicts were carried over, from where, and why others were not. Nothing of a ledger without any."""
    now = ledger.start.get("time")
    origins = Counter(_origin(event["carried"], now) for event in ledger.verdicts if "carried" in event)
    for origin, number in origins.items():
        yield f"carried over: {number} of {len(ledger.verdicts)} verdicts, not judged in this session but {origin}"
    since = ledger.start.get("since")
    if isinstance(since, Mapping) and since.get("why_not"):
        yield f"carried over: none since {since['asked']}: {since['why_not']}"
    anew = Counter(str(reason) for event in ledger.verdicts for reason in event.get("anew", ()))
    if anew:
        told = [f"{reason} ({number})" for reason, number in anew.most_common(_MOST_REASONS)]
        more = f", and {len(anew) - _MOST_REASONS} more reasons" if len(anew) > _MOST_REASONS else ""
        yield f"judged anew, checks by what changed: {', '.join(told)}{more}"


def _origin(carried: Mapping[str, Any], now: object) -> str:
    commit = carried.get("commit")
    of = f" of commit {str(commit).partition('-')[0][:_DIGITS]}{'-dirty' if str(commit).endswith('-dirty') else ''}"
    ledger = str(carried.get("ledger"))[:_DIGITS]
    return f"in that of {carried.get('time')}{_age(carried.get('time'), now)}{of if commit else ''} (ledger {ledger})"


def _age(then: object, now: object) -> str:
    """How long ago that was, where it is long for a machine to stay as it is; a chain of sessions keeps the first."""
    try:
        days = (datetime.datetime.fromisoformat(str(now)) - datetime.datetime.fromisoformat(str(then))).days
    except (TypeError, ValueError):  # TypeError: one of them without its zone
        return ""
    return f", {days} days before," if days >= _LONG_DAYS else ""
