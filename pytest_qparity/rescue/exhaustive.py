"""Every set of the nodes that may be float, where they are few enough to judge them all."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Proof", "sets_of", "sets_to_judge"]

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """That no set of nodes passes which is as small as it has to be, with `recipe` (empty: as the case states it).

    sets: those that the gate judged, each of which it refused for its outputs; nodes: those that can be kept float;
    least, most: nodes in a set. Where `least` is above 1 it rests on smaller sets being no better than the larger ones
    that hold them.
    """

    sets: int
    nodes: int
    least: int
    most: int
    recipe: str

    @property
    def sentence(self) -> str:
        assumed = "" if self.least == 1 else "; fewer float are not expected to give better outputs"
        recipe = f" with {self.recipe}" if self.recipe else ""
        which = f"None of all {self.sets} sets" if self.sets > 1 else "Not the one set"
        return f"{which} of {self.members} passes{recipe}{assumed}."

    @property
    def members(self) -> str:
        sizes = f"{self.most}" if self.least == self.most else f"{self.least} to {self.most}"
        return f"{sizes} of the {self.nodes} nodes that can be float"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "sentence": self.sentence}


def sets_to_judge(
    nodes: Sequence[str], most: int, judged: Collection[frozenset[str]], left: int
) -> Iterator[tuple[int, list[Names]]]:
    """For each size of sets, from `most` down, that size and those sets of it that are not `judged` yet, as long as
    there are no more than what is `left` in evaluations. Nothing where not even all the largest ones fit."""
    for size in range(min(most, len(nodes)), 0, -1):
        waiting = []
        for names in itertools.combinations(nodes, size):
            if frozenset(names) not in judged:
                waiting.append(names)
            if len(waiting) > left:  # of many nodes there are more sets than could be counted
                return
        left -= len(waiting)
        yield size, waiting


def sets_of(nodes: Sequence[str], least: int, most: int) -> Iterator[Names]:
    """All sets of `least` to `most` nodes."""
    for size in range(least, most + 1):
        yield from itertools.combinations(nodes, size)
