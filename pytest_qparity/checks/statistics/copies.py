"""Samples that are copies of one another: how much of a population they tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.checks.statistics.noninferiority import LEVEL, Answer, Conclusion, Margin, conclude

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from pytest_qparity.checks.scores import CountArray, FloatArray, Scores

    IndexArray = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["agreed", "conclude_with_copies", "first_alike", "only"]


def first_alike(contents: Iterable[Hashable]) -> IndexArray:
    """For each sample the index of the first that has its content, or its content's hash: int64 (samples,)."""
    first: dict[Hashable, int] = {}
    return np.array([first.setdefault(each, index) for index, each in enumerate(contents)], np.int64)


def only(scores: Scores, chosen: IndexArray) -> Scores:
    """The scores of some samples; a metric that is no mean counts the others not at all."""
    whole = scores.whole
    if whole is None:
        return replace(scores, per_sample=scores.per_sample[chosen])

    def of_chosen(counts: CountArray) -> float:
        of_all = np.zeros(len(scores.per_sample), np.int64)
        of_all[chosen] = counts
        return whole(of_all)

    per_sample: FloatArray = scores.per_sample[chosen]
    return replace(scores, per_sample=per_sample, whole=of_chosen)


def conclude_with_copies(
    float_scores: Scores, variant_scores: Scores, margin: Margin, alike: IndexArray, level: float = LEVEL
) -> Conclusion:
    """`noninferiority.conclude`, shown twice where samples are copies: by all, and by the first of each kind alone.

    A copy may be a second draw from a population that repeats itself (a short text), or the same draw once more (data
    that were padded, or augmented to no effect): nobody can tell from the data. So an answer is given where both tests
    give it, which keeps the level whichever is true (intersection-union test, Berger 1982), and the interval reaches
    as far as both. The drop is that of all samples. `samples_to_decide` are distinct ones.

    alike: `first_alike` of the samples.
    """
    everything = conclude(float_scores, variant_scores, margin, level)
    chosen = np.unique(alike)
    if len(chosen) == len(alike):
        return everything
    kinds = conclude(only(float_scores, chosen), only(variant_scores, chosen), margin, level)
    return agreed(everything, kinds, len(chosen))


def agreed(everything: Conclusion, kinds: Conclusion, distinct: int) -> Conclusion:
    """What both say, of all and of the first of each of the `distinct` kinds."""
    answer = everything.answer if everything.answer is kinds.answer else Answer.OPEN
    open_one = kinds if kinds.answer is Answer.OPEN else everything
    return replace(
        everything,
        answer=answer,
        method=kinds.method,
        low=min(everything.low, kinds.low),
        high=max(everything.high, kinds.high),
        distinct=distinct,
        to_decide=open_one.to_decide if answer is Answer.OPEN else None,
        to_decide_without_loss=open_one.to_decide_without_loss if answer is Answer.OPEN else None,
    )
