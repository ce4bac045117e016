"""A verdict as properties of its test case, for pytest's own --junitxml."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, MutableSequence
from itertools import islice
from typing import Any

from pytest_qparity.report.text import printable

__all__ = ["PREFIX", "put_properties", "verdict_properties"]

PREFIX = "qparity."
MOST_FIGURES = 40  # evidence may hold a line for each class of a model
_SHOWN = (str, int, float)


def verdict_properties(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """`qparity.outcome`, `.deciding`, `.run`, `.codes`, `.waiver`, `.carried_from`, and each figure of the evidence by
    its path (`qparity.evidence.speed_up_over.fp32.low`)."""
    yield f"{PREFIX}run", event["run"]
    yield f"{PREFIX}check", event["check"]
    yield f"{PREFIX}outcome", event["outcome"]
    yield f"{PREFIX}deciding", event["deciding"]
    codes = [failure["code"] for failure in event["failures"]]
    if codes:
        yield f"{PREFIX}codes", " ".join(codes)
    if event["waiver"] is not None:
        yield f"{PREFIX}waiver", event["waiver"]
    if "carried" in event:
        yield f"{PREFIX}carried_from", str(event["carried"].get("session"))
    yield from islice(_figures(event["evidence"], f"{PREFIX}evidence"), MOST_FIGURES)


def _figures(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Numbers and texts in tables; lists are left to the ledger."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _figures(item, f"{name}.{key}")
    elif isinstance(value, _SHOWN):
        yield (
            sys.intern(printable(name)),
            printable(str(value)),
        )  # reports are kept to the end, and thousands have these names


def put_properties(properties: MutableSequence[tuple[str, object]], event: Mapping[str, Any]) -> None:
    """In the place of those of an earlier attempt: a check that is run again keeps its item."""
    properties[:] = [each for each in properties if not each[0].startswith(PREFIX)]
    properties.extend(verdict_properties(event))
