"""What a case promises of a run, as the evidence of its checks holds it: the limits that figures were judged by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PromiseChange", "promise_changes"]


@dataclass(frozen=True, slots=True)
class PromiseChange:
    """A limit that is another: its check, its name in the evidence, both values (None: none was stated), and whether
    the later one promises less; None where that cannot be said, as of another metric."""

    check: str
    limit: str
    before: Any
    after: Any
    is_looser: bool | None


# By check: the key without which its evidence tells no limits, where tables of them stand, and single ones.
_TOLD_BY: Mapping[str, str] = {
    "parity": "limit",
    "invariance": "limit",
    "latency": "budgets",
    "memory": "budgets",
    "accuracy": "metric",
}
_TABLES = ("limit", "budgets", "absolute_budgets")
_SINGLE: Mapping[str, tuple[str, ...]] = {"accuracy": ("metric", "method", "margin_points", "margin_value", "level")}
_AT_LEAST: Mapping[str, frozenset[str]] = {  # all others are "at most"; in budgets of latency those of speed-ups too
    "parity": frozenset(("sqnr_db", "cosine", "agreement")),
    "invariance": frozenset(("fp32_sqnr_db",)),
    "latency": frozenset(("samples_per_s",)),
}
_AT_MOST_OF_LATENCY = frozenset(("latency_ms", "p90_ms", "p99_ms"))
_NEARLY = 0.01  # a margin that is a share of the float model's score moves with it


def promise_changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[PromiseChange]:
    """Of the verdict events of one run by check, as two ledgers have them: what differs. Nothing of a check that either
    lacks, or that tells no limits since nothing could be judged: outcomes tell that."""
    for check in before:
        told = [_limits(check, events.get(check, {}).get("evidence") or {}) for events in (before, after)]
        if None in told:
            continue
        old, new = ({} if each is None else each for each in told)
        for limit in dict.fromkeys((*old, *new)):
            was, is_now = old.get(limit), new.get(limit)
            if was != is_now:
                yield PromiseChange(check, limit, was, is_now, _is_looser(check, limit, was, is_now))
    yield from _waivers(before, after)


def _waivers(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[PromiseChange]:
    """What is excused for longer, or for another reason; that it is excused at all, outcomes tell."""
    for check in before:
        was, is_now = (events.get(check, {}).get("waiver") for events in (before, after))
        if was is not None and is_now is not None and was != is_now:
            yield PromiseChange(check, "waiver", was, is_now, None)


def _limits(check: str, evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """By name; of a table within a table by its path. None where the evidence tells none."""
    if _TOLD_BY.get(check) not in evidence:
        return None
    found = {name: evidence[name] for name in _SINGLE.get(check, ()) if evidence.get(name) is not None}
    for table in _TABLES:
        found |= dict(_flat(evidence.get(table), ""))
    if "max_mismatched" not in found:  # what counts as one says nothing then
        found = {name: value for name, value in found.items() if not name.startswith("closeness.")}
    return found


def _flat(table: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items() if isinstance(table, Mapping) else ():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value


def _is_looser(check: str, limit: str, before: Any, after: Any) -> bool | None:
    """A limit that is not stated promises nothing."""
    if before is None or after is None:
        return after is None
    if not (isinstance(before, int | float) and isinstance(after, int | float)):
        return None
    if limit.startswith("margin") and math.isclose(before, after, rel_tol=_NEARLY):
        return None
    is_speed_up = check == "latency" and limit not in _AT_MOST_OF_LATENCY
    at_least = is_speed_up or limit in _AT_LEAST.get(check, ())
    return after < before if at_least else after > before
