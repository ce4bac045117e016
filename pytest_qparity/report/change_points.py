"""Where a series changed its level: which night, from what to what.

Ranks of the values are segmented by PELT (Killick, Fearnhead and Eckley 2012, as ruptures has it), so that one outlier
moves nothing and no distribution is assumed. Each change has to be worth a penalty: the most that the best split of as
many values without any change is worth, but for one such series in a hundred. That most is found by shuffling ranks.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.report.history import Point, Series

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["FALSE_ALARMS", "FEWEST_SIDE", "ChangePoint", "change_points"]

FALSE_ALARMS = 0.01  # of series without a change
FEWEST_SIDE = 5  # points on each side: fewer extreme ones are not rare enough in 60 (their best split is worth 8.4)
_SHUFFLES = 4000
_SEED = 20261126


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """`index`: of the first point of the new level, which is `point`. `before` and `after`: medians of the levels that
    meet here; `change_percent`: of the one before, None where that is 0."""

    index: int
    point: Point
    before: float
    after: float
    change_percent: float | None
    is_worse: bool


def change_points(series: Series) -> tuple[ChangePoint, ...]:
    """Every change of level, the oldest first; none of a series of less than 2·FEWEST_SIDE points, or of one value.

    Neighbouring nights that depend on each other (a machine that warms up over weeks) are no shuffled ranks: there
    false alarms are more frequent than FALSE_ALARMS. Raises CannotJudge where ruptures is not installed.
    """
    import numpy as np

    values = np.array([point.value for point in series.points], np.float64)
    starts = _starts(values)
    if not starts:
        return ()
    levels = [float(np.median(values[first:last])) for first, last in pairwise([0, *starts, len(values)])]
    return tuple(
        _change(series, start, before, after)
        for start, (before, after) in zip(starts, pairwise(levels), strict=True)
        if before != after
    )


def _change(series: Series, start: int, before: float, after: float) -> ChangePoint:
    percent = 100.0 * (after - before) / abs(before) if before else None
    is_worse = (after > before) if series.lower_is_better else (after < before)
    return ChangePoint(start, series.points[start], before, after, percent, is_worse)


def _starts(values: FloatArray) -> list[int]:
    """Indices at which a new level begins."""
    if len(values) < 2 * FEWEST_SIDE or (values == values[0]).all():
        return []
    from scipy.stats import rankdata

    segmented = _ruptures().KernelCPD(kernel="linear", min_size=FEWEST_SIDE).fit(_standard(rankdata(values)))
    found: Sequence[int] = segmented.predict(pen=_penalty(len(values)))
    ends = [0, *(int(end) for end in found)]
    return [_located(values, *around) for around in zip(ends, ends[2:], strict=False)]


def _located(values: FloatArray, first: int, last: int) -> int:
    """Where between `first` and `last` the one change is: the split that leaves the least absolute deviation from the
    medians of both sides. Ranks tell that there is one; they blur where it is, as they make all steps equally high."""
    searched = _ruptures().Binseg(model="l1", min_size=FEWEST_SIDE, jump=1).fit(values[first:last])
    return first + int(searched.predict(n_bkps=1)[0])


def _standard(ranks: FloatArray) -> FloatArray:
    """Ranks with mean 0 and variance 1: what a split is worth then depends on their order alone."""
    standard: FloatArray = (ranks - ranks.mean()) / ranks.std()
    return standard


@functools.lru_cache(maxsize=256)
def _penalty(count: int) -> float:
    """The quantile 1 − FALSE_ALARMS of max over k of k·mean(first k)² + (n − k)·mean(rest)², which is by how much the
    best split of n shuffled standard ranks lowers their sum of squares; FEWEST_SIDE ≤ k ≤ n − FEWEST_SIDE."""
    import numpy as np

    ranks = _standard(np.arange(1.0, count + 1.0))
    shuffled = np.random.default_rng(_SEED).permuted(np.tile(ranks, (_SHUFFLES, 1)), axis=1)
    first = np.arange(FEWEST_SIDE, count - FEWEST_SIDE + 1)
    sums = np.cumsum(shuffled, axis=1)[:, first - 1]
    worth = sums**2 * (1.0 / first + 1.0 / (count - first))  # the ranks sum to 0
    return float(np.quantile(worth.max(axis=1), 1.0 - FALSE_ALARMS))


def _ruptures() -> Any:
    try:
        import ruptures
    except ImportError:
        sentence = "Got no package ruptures, should be installed to find change points."
        raise CannotJudge(Failure(Code.HISTORY_PACKAGE, sentence, "pip install 'pytest-qparity[history]'")) from None
    return ruptures
