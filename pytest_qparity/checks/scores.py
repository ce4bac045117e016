"""What a metric gives of one model's outputs: a score for each sample, and a value of them all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]
    CountArray = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["Direction", "Scores"]


class Direction(Enum):
    """Which way a metric's values are better."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """`per_sample`: float64 (samples,), each sample's own score.

    `whole`: of a metric that is no mean of scores (F1, WER, mAP, perplexity): its value where sample i counts
    `counts[i]` times, int64 (samples,); None: the mean of `per_sample`. `percent`: values are told in percent, and what
    is lost in percentage points; otherwise both are in the metric's own unit. `bounds`: between which a sample's score
    lies, ends included and infinite where there is none; None: 0 to 1 of a metric in percent, otherwise no bound. A
    word error rate is told in percent and has no upper one. `ruined`: what a sample loses, on average, whose
    output is held against another sample's label; `chance`: the value with all labels dealt so. Both None where nobody
    tried.
    """

    per_sample: FloatArray
    direction: Direction = Direction.HIGHER
    percent: bool = True
    whole: Callable[[CountArray], float] | None = None
    bounds: tuple[float, float] | None = None
    ruined: float | None = None
    chance: float | None = None

    @property
    def least(self) -> float:
        """The lowest score that a sample can have; −inf where there is none."""
        return self._bounds[0]

    @property
    def most(self) -> float:
        """The highest score that a sample can have; inf where there is none."""
        return self._bounds[1]

    @property
    def _bounds(self) -> tuple[float, float]:
        if self.bounds is not None:
            return self.bounds
        return (0.0, 1.0) if self.percent else (-math.inf, math.inf)

    def value(self, counts: CountArray | None = None) -> float:
        """The metric over all samples, or with each counted `counts` times."""
        if self.whole is not None:
            return self.whole(np.ones(len(self.per_sample), np.int64) if counts is None else counts)
        return float(np.average(self.per_sample, weights=counts))
