"""What the waiver of a verdict says: its reason, and the last day on which it holds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["expired", "is_expired", "reason_and_day", "today_utc"]

_EXPIRY = re.compile(r"^(?P<reason>.*) \(until (?P<day>\d{4}-\d{2}-\d{2})\)$", re.DOTALL)


def today_utc() -> datetime.date:
    """The day by which waivers are judged, wherever the machine stands."""
    return datetime.datetime.now(datetime.UTC).date()


def reason_and_day(text: str) -> tuple[str, datetime.date | None]:
    """As `case.schema.WaiverSpec.text` writes both into one; the day is None where there is none, as of deviations of
    kernels that are known."""
    found = _EXPIRY.match(text)
    if found is None:
        return text, None
    try:
        return found["reason"], datetime.date.fromisoformat(found["day"])
    except ValueError:
        return text, None


def is_expired(waiver: str, today: datetime.date) -> bool:
    day = reason_and_day(waiver)[1]
    return day is not None and day < today


def expired(verdicts: Iterable[Mapping[str, Any]], today: datetime.date) -> list[Mapping[str, Any]]:
    """Those of which the waiver held when they were judged, and does not on the day `today`."""
    waived = (event for event in verdicts if event.get("waiver") is not None)
    return [event for event in waived if is_expired(str(event["waiver"]), today)]
