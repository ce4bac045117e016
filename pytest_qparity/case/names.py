"""Names in messages: the nearest right word, and lists of what is known."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BASELINE = "baseline"  # the baseline's variant among the counterparts of a latency: no precision has this name


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was most likely meant to be, or None where nothing is near."""
    spellings: dict[str, str] = {}
    for name in known:
        spellings.setdefault(name.casefold(), name)
    close = difflib.get_close_matches(word.casefold(), spellings, n=1, cutoff=0.6)
    return spellings[close[0]] if close else None


def known_list(known: Iterable[str]) -> str:
    """`a, b, c`, sorted; `(none)` where there is nothing to list."""
    return ", ".join(sorted(known)) or "(none)"
