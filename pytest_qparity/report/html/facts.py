"""Evidence and provenance as rows of a table: the path of a value, and the value as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Fact", "facts", "figure_text", "value_text"]

LONGEST_LIST = 24  # values of a list that are shown; the ledger holds all
Fact = tuple[str, str]


def facts(values: Mapping[str, Any]) -> tuple[Fact, ...]:
    """`{"outputs": {"logits": {"sqnr_db": 41.28}}}` is the row `("outputs / logits / sqnr_db", "41.28")`."""
    return tuple(_rows(values, ()))


def _rows(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Fact]:
    for key, value in values.items():
        here = (*path, str(key))
        if isinstance(value, Mapping) and value:
            yield from _rows(value, here)
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            for index, item in enumerate(value[:LONGEST_LIST], start=1):
                yield from _rows(item if isinstance(item, Mapping) else {"": item}, (*here, str(index)))
            if len(value) > LONGEST_LIST:
                yield " / ".join(here), f"{len(value) - LONGEST_LIST} more in the ledger"
        else:
            yield " / ".join(here), value_text(value)


def value_text(value: Any) -> str:
    """A plain JSON value as people read it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):  # an empty one: what is in others has rows of its own
        return "none"
    if isinstance(value, list | tuple):
        shown = ", ".join(value_text(item) for item in value[:LONGEST_LIST])
        more = f", … {len(value) - LONGEST_LIST} more in the ledger" if len(value) > LONGEST_LIST else ""
        return shown + more if value else "none"
    return str(value)


def figure_text(value: float | None, form: str) -> str:
    """A number of a column; nothing where it was not measured: no zero stands for "could not tell"."""
    return "" if value is None else format(value, form)
