"""Numbers and ranges as files state them: finite or refused."""

from __future__ import annotations

import json
import math
from typing import Any

from pytest_qparity.precision.calibration.formats.problem import unusable
from pytest_qparity.quantmath import Range

__all__ = ["magnitude", "number", "parsed_json", "range_of"]

_CORRECT = "correct the entry, or calibrate again"


def number(value: object, file: str, entry: str) -> float:
    """A finite JSON number, or text that is one."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            found = float(value)
        except (ValueError, OverflowError):
            found = math.nan
        if math.isfinite(found):
            return found
    raise unusable(file, entry, f"{value!r:.40}", "a finite number", _CORRECT)


def magnitude(value: object, file: str, entry: str) -> float:
    """A largest magnitude or a scale: a finite number of at least 0."""
    found = number(value, file, entry)
    if found < 0.0:
        raise unusable(file, entry, f"{found:g}", "0 or more: the largest magnitude", _CORRECT)
    return found


def range_of(low: object, high: object, file: str, entry: str) -> Range:
    lowest, highest = number(low, file, entry), number(high, file, entry)
    if lowest > highest:
        raise unusable(file, entry, f"low {lowest:g} above high {highest:g}", "low ≤ 0 ≤ high", "swap or correct them")
    if not lowest <= 0.0 <= highest:
        got, remedy = f"[{lowest:g}, {highest:g}]", "widen it to zero"
        raise unusable(file, entry, got, "low ≤ 0 ≤ high: zero needs a code of its own", remedy)
    return Range(lowest, highest)


def parsed_json(text: str, file: str) -> dict[str, Any]:
    """A JSON object in which no key stands twice. NaN is let in: who reads an entry refuses it by name."""

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise unusable(file, f'"{key}"', "it twice", "once", "remove one of them")
            found[key] = value
        return found

    try:
        found = json.loads(text, object_pairs_hook=without_duplicates)
    except (json.JSONDecodeError, RecursionError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise unusable(file, where, f"{type(error).__name__} ({error})", "JSON", "correct or write it again") from None
    if not isinstance(found, dict):
        raise unusable(file, "", f"JSON of {type(found).__name__}", "an object", "name a file of ranges")
    return found
