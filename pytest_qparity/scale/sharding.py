"""A plan split into shards of about the same cost, each run whole in one of them: the same split on every machine."""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Shard", "parse_shard", "shard_of_runs"]

LARGEST = 9_999
_STATED = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class Shard:
    """The `index`-th, from 1 on, of `of` shards."""

    index: int
    of: int

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


def parse_shard(text: str) -> Shard:
    """The shard that "3/8" names. Raises ValueError at anything else, "got X, should be Y"."""
    stated = _STATED.fullmatch(text)
    if stated is None or int(stated[1]) > int(stated[2]):
        raise ValueError(f"got shard {text!r}, should be K/N with 1 ≤ K ≤ N ≤ {LARGEST:,}, such as 3/8")
    return Shard(int(stated[1]), int(stated[2]))


def shard_of_runs(seconds: Mapping[str, float], of: int) -> dict[str, int]:
    """The shard, from 1 on, that each run belongs to: the costliest first, each to the shard that has least so far.

    Longest processing time first (Graham, 1969): the fullest shard holds at most 4/3 − 1/(3·of) times what the best
    split would give it. Runs of one cost go by their names, shards of one load by their numbers, so that every machine
    which expects the same seconds comes to the same split. Raises ValueError where there are fewer runs than shards:
    one without a run would judge nothing.
    """
    if len(seconds) < of:
        raise ValueError(f"got {of} shards of {len(seconds)} runs, should be at most one shard a run")
    loads = [(0.0, index) for index in range(1, of + 1)]  # a heap already
    shards: dict[str, int] = {}
    for run in sorted(seconds, key=lambda run: (-seconds[run], run)):
        load, index = loads[0]
        # Never 0: with costs of 0 the first shard would get every run, and the others none.
        heapq.heapreplace(loads, (load + max(seconds[run], 1e-9), index))
        shards[run] = index
    return shards
