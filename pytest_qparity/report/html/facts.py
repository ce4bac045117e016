"""Evidence and provenance as rows: the path of a value, and the value as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Fact", "facts", "figure_text", "value_text"]

LONGEST_LIST = 24  # values of a list that are shown; the ledger holds all
LONGEST_WORD = 160  # characters: two digests and more; what is longer are bits, one for each sample
BELOW = " / "
Fact = tuple[str, str]


def facts(values: Mapping[str, Any]) -> tuple[Fact, ...]:
    """`{"outputs": {"logits": {"sqnr_db": 41.28}}}` is the row `("outputs / logits / sqnr_db", "41.28")`; the values
    are plain JSON.

    What several of one kind have alike is told once: two outputs without a NaN are the row
    `("outputs / boxes, scores / nonfinite", "0")`.
    """
    rows: list[Fact] = []
    for key, value in values.items():
        _add(rows, key, value)
    return tuple(rows)


def _add(rows: list[Fact], path: str, value: Any) -> None:
    # A page asks this of a million values: types are looked at as JSON has them, the most frequent one first.
    if isinstance(value, dict) and value:
        if len(value) > 1 and all(isinstance(each, dict) and each for each in value.values()):
            _add_alike(rows, path, value)
        else:
            for key, each in value.items():
                _add(rows, f"{path}{BELOW}{key}", each)
    elif isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value[:LONGEST_LIST], start=1):
            rows.append((f"{path}{BELOW}{index}", _item_text(item)))
        if len(value) > LONGEST_LIST:
            rows.append((path, f"{len(value) - LONGEST_LIST} more in the ledger"))
    else:
        rows.append((path, value_text(value)))


def _add_alike(rows: list[Fact], path: str, members: Mapping[str, Mapping[str, Any]]) -> None:
    """The rows of several of one kind beside one another, one for all that say the same."""
    told: dict[str, dict[str, list[str]]] = {}
    for name, member in members.items():
        for below, text in facts(member):
            told.setdefault(below, {}).setdefault(text, []).append(name)
    for below, texts in told.items():
        for text, names in texts.items():
            rows.append((f"{path}{BELOW}{', '.join(names)}{BELOW}{below}", text))


def _item_text(item: Any) -> str:
    """One of a list, whose keys the others have too: on one row."""
    if not isinstance(item, dict):
        return value_text(item)
    return ", ".join(f"{path} {text}" for path, text in facts(item))


def value_text(value: Any) -> str:
    """A plain JSON value as people read it."""
    if isinstance(value, str):
        more = len(value) - LONGEST_WORD
        if more <= 0 or " " in value:
            return value
        return f"{value[:LONGEST_WORD]}… {more:,} more characters in the ledger"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):  # an empty one: what is in others has rows of its own
        return "none"
    if isinstance(value, list | tuple):
        return _list_text(value)
    return str(value)


def _list_text(values: Sequence[Any]) -> str:
    shown = ", ".join(map(value_text, values[:LONGEST_LIST]))
    more = f", … {len(values) - LONGEST_LIST} more in the ledger" if len(values) > LONGEST_LIST else ""
    return shown + more if values else "none"


def figure_text(value: float | None, form: str) -> str:
    """A number of a column; nothing where it was not measured: no zero stands for "could not tell"."""
    return "" if value is None else format(value, form)
