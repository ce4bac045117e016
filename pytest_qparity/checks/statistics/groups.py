"""Samples that come in groups (steps of recordings, samples of a label): a population's draws are the groups."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pytest_qparity.checks.statistics.bootstrap import bootstrap_interval
from pytest_qparity.checks.statistics.copies import agreed, only
from pytest_qparity.checks.statistics.gaffke import largest_ratio
from pytest_qparity.checks.statistics.means import unseen_share
from pytest_qparity.checks.statistics.noninferiority import LEVEL, conclude
from pytest_qparity.checks.statistics.paired import Answer, Conclusion, Margin, Method, Pair
from pytest_qparity.checks.statistics.sample_size import decides_mean

if TYPE_CHECKING:
    from pytest_qparity.checks.scores import FloatArray, Scores
    from pytest_qparity.checks.statistics.copies import IndexArray

    Unit = Literal["recordings", "labels", "groups"]

__all__ = ["Grouping", "conclude_of_groups", "joined", "numbered"]


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """`of`: the group that each sample is of, int64 (samples,), from 0 on without a gap. `firsts`: the samples that are
    no copies of an earlier one, int64, rising; of recordings, all steps of those that are none. `unit`: what a group
    is, as messages name it."""

    of: IndexArray
    firsts: IndexArray
    unit: Unit = "groups"


def numbered(names: np.ndarray) -> IndexArray:
    """Groups by any name, (samples,), as numbers from 0 on: int64 (samples,)."""
    numbers: IndexArray = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return numbers


def joined(one: IndexArray, other: IndexArray) -> IndexArray:
    """Groups that no group of either grouping crosses, the smallest such: samples that share a group of `one` or of
    `other`, or are linked by others that do, are together. int64 (samples,) each, from 0 on."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    groups = int(one.max()) + 1
    ends = (one, groups + other)
    links = coo_array((np.ones(len(one), np.int8), ends), shape=(groups + int(other.max()) + 1,) * 2)
    found: np.ndarray = connected_components(links, directed=False)[1]
    return numbered(found[one])


def conclude_of_groups(
    float_scores: Scores, variant_scores: Scores, margin: Margin, grouping: Grouping, level: float = LEVEL
) -> Conclusion:
    """`noninferiority.conclude` where groups are drawn from the population, each with all its samples.

    Samples of one group share its fate: a state that is ruined stays so, and a label whose embeddings are lost is lost
    for all its samples. 20 recordings of 100 steps are 20 draws, and a test of 2,000 passes a loss of the margin in
    38 % of gates where one recording in 20 is ruined. The drop is that of all samples, so that large groups weigh more.

    A mean of scores: `gaffke.largest_ratio`. A metric of the whole: the paired bootstrap of whole groups. One group
    alone shows nothing. Copies are counted as often as they stand there, and once: an answer is given where both tests
    give it (`copies.conclude_with_copies`); groups that are all copies are gone from the second.
    """
    everything = _concluded(float_scores, variant_scores, margin, grouping.of, grouping.unit, level)
    chosen = grouping.firsts
    if len(chosen) == len(grouping.of):
        return everything
    of = numbered(grouping.of[chosen])
    kinds = _concluded(only(float_scores, chosen), only(variant_scores, chosen), margin, of, grouping.unit, level)
    found = agreed(everything, kinds, int(of.max()) + 1)
    return found if found.distinct != found.drawn else replace(found, distinct=None)


def _concluded(
    float_scores: Scores, variant_scores: Scores, margin: Margin, of: IndexArray, unit: Unit, level: float
) -> Conclusion:
    pair, lengths = Pair(float_scores, variant_scores, margin), np.bincount(of)
    count = len(lengths)
    if count == pair.samples:  # groups of one sample each are samples
        return replace(conclude(float_scores, variant_scores, margin, level), drawn=count, unit=unit)
    over = pair.losses - pair.share * pair.weighed
    sums = np.asarray(np.bincount(of, weights=over), np.float64)
    if count < 2:
        low, high = -pair.largest_gain, pair.largest
    elif pair.is_whole:
        low, high = _resampled(pair, sums, lengths, of, level)
    else:
        sizes = lengths.astype(np.float64)
        high = largest_ratio(sums, sizes, pair.largest, level)
        low = -largest_ratio(-sums, sizes, pair.largest_gain, level)
    low, high = pair.told(low), pair.told(high)
    answer = Answer.WITHIN if high < pair.margin else Answer.BEYOND if low > pair.margin else Answer.OPEN
    if count < 2:  # however wide the margin
        answer = Answer.OPEN
    method = Method.GROUPS_BOOTSTRAP if pair.is_whole else Method.GROUPS
    found = replace(pair.concluded(answer, method, low, high, level), drawn=count, unit=unit)
    if answer is not Answer.OPEN:
        return found
    numbers = [_to_decide(pair, sums, lengths, drop, level) for drop in (pair.drop, 0.0)]
    return replace(found, to_decide=numbers[0], to_decide_without_loss=numbers[1])


def _resampled(pair: Pair, sums: FloatArray, lengths: IndexArray, of: IndexArray, level: float) -> tuple[float, float]:
    """The bootstrap's interval, moved out by what a group that was not seen may lose or gain; as far as it goes and
    not by the root of both squares, since few groups leave the bootstrap's own end too near."""
    loss, count = pair.loss_over_margin, len(lengths)
    low, high = bootstrap_interval(lambda counts: loss(counts[of]), count, level)
    share = unseen_share(count, level)
    longest = share * float(lengths.max())
    weight = longest / (longest + (1.0 - share) * float(lengths.mean()))
    means = sums / lengths
    lost, gained = float(means.max()), float(means.min())
    return low - weight * max(0.0, pair.largest_gain + gained), high + weight * max(0.0, pair.largest - lost)


def _to_decide(pair: Pair, sums: FloatArray, lengths: IndexArray, drop: float, level: float) -> int | None:
    """Groups: `decides_mean` with the standard error of a ratio of sums."""
    count, mean = len(lengths), float(lengths.mean())
    over = float(sums.sum()) / float(lengths.sum())
    error = 0.0
    if count > 1:
        error = pair.scale * float(np.std(sums - over * lengths, ddof=1)) / (mean * math.sqrt(count))
    unseen = pair.scale * pair.largest * float(lengths.max()) / mean  # the bound's one more group loses all
    found = decides_mean(drop, error, count, pair.margin, level, unseen)
    return None if found is None else max(found, count + 1)
