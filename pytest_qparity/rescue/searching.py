"""The search itself, over names and a judge: nothing of models, gates or files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["Spent", "pruned", "smallest_prefix"]

Passes = Callable[[Sequence[str]], bool]


class Spent(Exception):  # noqa: N818  # what it says
    """Raised by a judge whose budget is used up."""


def smallest_prefix(order: Sequence[str], most: int, passes: Passes) -> int | None:
    """How many of the first names it takes to pass, at most `most`; None where those do not.

    Lengths double until one passes, then the gap is halved: 2·log2(most) judgements at most. Where a longer prefix
    fails although a shorter one passed, the answer is one that passes and whose predecessor failed.
    """
    failed, length = 0, 1
    while True:
        length = min(length, most)
        if length <= failed:
            return None
        if passes(order[:length]):
            break
        failed, length = length, 2 * length
    while length - failed > 1:
        middle = (failed + length) // 2
        if passes(order[:middle]):
            length = middle
        else:
            failed = middle
    return length


def pruned(members: Sequence[str], passes: Passes) -> tuple[str, ...]:
    """Members without which it still passes are left out: halves first, then quarters, down to single ones.

    members: those that are the least worth keeping first. Afterwards, where the judge's budget was enough, each single
    one of them is needed. Zeller and Hildebrandt 2002 (delta debugging), complements alone.
    """
    kept, size = tuple(members), max(len(members) // 2, 1)
    while len(kept) > 1:
        shrunk = False
        start = 0
        while start < len(kept) and len(kept) > 1:
            rest = kept[:start] + kept[start + size :]
            if rest and passes(rest):
                kept, shrunk = rest, True
            else:
                start += size
        if size == 1 and not shrunk:
            break
        size = max(min(size // 2, len(kept) // 2), 1)
        if size == 1 and len(kept) == 1:
            break
    return kept
