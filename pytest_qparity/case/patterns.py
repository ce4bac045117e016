"""Glob patterns of case files: `*`, `?`, `[seq]`, `[!seq]`; upper and lower case differ, on every system."""

from __future__ import annotations

import fnmatch

OPERATOR_PREFIX = "op:"
OUTPUT_PREFIX = "output:"
BETWEEN_PREFIX, BETWEEN_SIGN = "between:", " -> "


def matches(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern)


def is_closed(pattern: str) -> bool:
    """Whether each `[` has its `]`: fnmatch takes one that has none literally, so the pattern would match nothing."""
    position = 0
    while (opened := pattern.find("[", position)) >= 0:
        first = opened + 1
        if pattern.startswith("!", first):
            first += 1
        closed = pattern.find("]", first + 1)  # a "]" that stands first belongs to the sequence
        if closed < 0:
            return False
        position = closed + 1
    return True
