"""Samples that are steps of recordings: what is drawn from a population is the recording, and not its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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

__all__ = ["Grouping", "conclude_of_recordings"]


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """`of`: which recording each sample is a step of, int64 (samples,), from 0 on. `alike`: for each recording the
    first that has its content, int64 (recordings,), as `copies.first_alike` gives it."""

    of: IndexArray
    alike: IndexArray


def conclude_of_recordings(
    float_scores: Scores, variant_scores: Scores, margin: Margin, grouping: Grouping, level: float = LEVEL
) -> Conclusion:
    """`noninferiority.conclude` where recordings are drawn from the population, each with all its steps.

    Steps of one recording share its fate: a state that is ruined stays so. 20 recordings of 100 steps are 20 draws, and
    a test of 2,000 passes a loss of the margin in 38 % of gates where one recording in 20 is ruined. The drop is that
    of all steps, so that long recordings weigh more.

    A mean of scores: `gaffke.largest_ratio`. A metric of the whole: the paired bootstrap of whole recordings. One
    recording alone shows nothing. Copies of a recording are counted as often as they stand there, and once: an answer
    is given where both tests give it (`copies.conclude_with_copies`).
    """
    everything = _concluded(float_scores, variant_scores, margin, grouping.of, level)
    first = np.unique(grouping.alike)
    if len(first) == len(grouping.alike):
        return everything
    chosen = np.flatnonzero(np.isin(grouping.of, first))
    kinds = _concluded(
        only(float_scores, chosen), only(variant_scores, chosen), margin, _numbered(grouping.of[chosen]), level
    )
    return agreed(everything, kinds, len(first))


def _concluded(
    float_scores: Scores, variant_scores: Scores, margin: Margin, of: IndexArray, level: float
) -> Conclusion:
    pair, lengths = Pair(float_scores, variant_scores, margin), np.bincount(of)
    count = len(lengths)
    if count == pair.samples:  # recordings of one step each are samples
        return replace(conclude(float_scores, variant_scores, margin, level), recordings=count)
    over = pair.losses - pair.share * pair.weighed
    sums = np.asarray(np.bincount(of, weights=over), np.float64)
    if count < 2:
        low, high = -pair.largest_gain, pair.largest
    elif pair.is_whole:
        low, high = _resampled(pair, sums, lengths, of, level)
    else:
        steps = lengths.astype(np.float64)
        high = largest_ratio(sums, steps, pair.largest, level)
        low = -largest_ratio(-sums, steps, pair.largest_gain, level)
    low, high = pair.told(low), pair.told(high)
    answer = Answer.WITHIN if high < pair.margin else Answer.BEYOND if low > pair.margin else Answer.OPEN
    if count < 2:  # however wide the margin
        answer = Answer.OPEN
    method = Method.RECORDINGS_BOOTSTRAP if pair.is_whole else Method.RECORDINGS
    found = replace(pair.concluded(answer, method, low, high, level), recordings=count)
    if answer is not Answer.OPEN:
        return found
    numbers = [_to_decide(pair, sums, lengths, drop, level) for drop in (pair.drop, 0.0)]
    return replace(found, to_decide=numbers[0], to_decide_without_loss=numbers[1])


def _resampled(pair: Pair, sums: FloatArray, lengths: IndexArray, of: IndexArray, level: float) -> tuple[float, float]:
    """The bootstrap's interval, moved out by what a recording that was not seen may lose or gain; as far as it goes and
    not by the root of both squares, since few recordings leave the bootstrap's own end too near."""
    loss, count = pair.loss_over_margin, len(lengths)
    low, high = bootstrap_interval(lambda counts: loss(counts[of]), count, level)
    share = unseen_share(count, level)
    longest = share * float(lengths.max())
    weight = longest / (longest + (1.0 - share) * float(lengths.mean()))
    means = sums / lengths
    lost, gained = float(means.max()), float(means.min())
    return low - weight * max(0.0, pair.largest_gain + gained), high + weight * max(0.0, pair.largest - lost)


def _to_decide(pair: Pair, sums: FloatArray, lengths: IndexArray, drop: float, level: float) -> int | None:
    """Recordings: `decides_mean` with the standard error of a ratio of sums."""
    count, mean = len(lengths), float(lengths.mean())
    over = float(sums.sum()) / float(lengths.sum())
    error = 0.0
    if count > 1:
        error = pair.scale * float(np.std(sums - over * lengths, ddof=1)) / (mean * math.sqrt(count))
    unseen = pair.scale * pair.largest * float(lengths.max()) / mean  # the bound's one more recording loses all
    found = decides_mean(drop, error, count, pair.margin, level, unseen)
    return None if found is None else max(found, count + 1)


def _numbered(of: IndexArray) -> IndexArray:
    """The same grouping with numbers from 0 on."""
    numbers: IndexArray = np.unique(of, return_inverse=True)[1].astype(np.int64)
    return numbers
