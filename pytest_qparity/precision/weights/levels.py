"""How many levels a weight's codes take: what was made of 4 bits stays 4 bits in an int8 tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["FOUR_BITS", "Levels", "levels_of"]

FOUR_BITS = 16
_SATURATED = 1  # one more where the end of a wider type takes the place of a level: 127 of 128
_EVEN = 0.9  # of a 16th of the span: levels that lie closer are more than 4 bits can tell apart
_FEWEST_ELEMENTS = 256  # rounded to 8 bits, so many elements take more than 16 levels, or there are no more to take
_SAMPLED = 1 << 16


@dataclass(frozen=True, slots=True)
class Levels:
    """`levels`: distinct codes of `elements`."""

    levels: int
    elements: int


def levels_of(codes: Array, weight: Array | None) -> Levels | None:
    """What `codes` of 8 bits or more take, where 4 bits would do; None where they would not.

    None of small tensors, of codes that are not about a 16th of their span apart (an outlier that leaves the others few
    levels is coarse, and no other precision), and where the float `weight` has as few values (pruned, ternary). A
    weight of None, which nobody knows, cannot excuse them.
    """
    if codes.size < _FEWEST_ELEMENTS:
        return None
    found = np.unique(codes).astype(np.int64)
    if not 1 < len(found) <= FOUR_BITS + _SATURATED:
        return None
    span = int(found[-1] - found[0])
    if int(np.diff(found).min()) < _EVEN * span / FOUR_BITS:
        return None
    if weight is not None and len(np.unique(weight.ravel()[:_SAMPLED])) <= 2 * FOUR_BITS:
        return None
    return Levels(len(found), codes.size)
