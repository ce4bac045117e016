"""How much longer a search takes, from what its evaluations took so far."""

from __future__ import annotations

import math
from statistics import median

__all__ = ["Forecast", "of_prefix", "of_pruning"]

LATEST = 8  # evaluations whose median counts: with more nodes float they take longer or shorter
TYPICAL = 8  # evaluations of a search among nodes whose number is not known yet


class Forecast:
    """seconds left = median seconds of the latest evaluations · evaluations that are expected to follow."""

    def __init__(self) -> None:
        self._took_seconds: list[float] = []
        self._expected = TYPICAL

    def expect(self, evaluations: int) -> None:
        """So many follow, as far as it can be told now."""
        self._expected = max(evaluations, 0)

    def took(self, seconds: float) -> None:
        """One more is done."""
        self._took_seconds.append(seconds)
        self._expected = max(self._expected - 1, 0)

    def seconds_left(self, at_most: float) -> float | None:
        """None as long as nothing was evaluated. `at_most`: what is left of the budget."""
        if not self._took_seconds:
            return None
        return min(median(self._took_seconds[-LATEST:]) * max(self._expected, 1), at_most)


def of_prefix(most: int) -> int:
    """Judgements of `searching.smallest_prefix` where about the middle is found: log2(most) up, as many down."""
    return 2 * math.ceil(math.log2(max(most, 1))) + 1


def of_pruning(members: int) -> int:
    """Judgements of `searching.pruned` where about half is left."""
    return 2 * members if members > 1 else 0
