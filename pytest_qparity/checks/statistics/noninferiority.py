"""Whether a variant loses no more than a margin: of the samples that there are, or of all that they stand for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_qparity.checks.statistics import flips
from pytest_qparity.checks.statistics.bootstrap import bootstrap_interval
from pytest_qparity.checks.statistics.means import ruined_interval
from pytest_qparity.checks.statistics.paired import Answer, Conclusion, Margin, Method, Pair

if TYPE_CHECKING:
    from pytest_qparity.checks.scores import Scores

__all__ = ["LEVEL", "Answer", "Conclusion", "Margin", "Method", "census", "conclude", "is_at_most"]

LEVEL = 0.05  # of each one-sided test
_ROUNDING = 1e-12  # of what is summed: means of thousands of scores carry about 1e-13 of it


def is_at_most(drop: float, margin: float, size: float) -> bool:
    """drop <= margin, but for the rounding of values of `size` from which the drop was taken: relative to these and the
    margin, since a mean absolute error may be 1e-9 and its margin a thousandth of that."""
    return math.isfinite(drop) and drop <= margin + _ROUNDING * max(abs(size), margin)


def census(float_scores: Scores, variant_scores: Scores, margin: Margin) -> Conclusion:
    """The samples are all that matter: the drop itself against the margin."""
    pair = Pair(float_scores, variant_scores, margin)
    answer = Answer.WITHIN if is_at_most(pair.drop, pair.margin, pair.size) else Answer.BEYOND
    return pair.concluded(answer, Method.CENSUS, pair.drop, pair.drop, 0.0)


def conclude(float_scores: Scores, variant_scores: Scores, margin: Margin, level: float = LEVEL) -> Conclusion:
    """The samples stand for a population: paired non-inferiority, one-sided at `level`.

    WITHIN: a drop of the margin or more is ruled out; BEYOND: one of the margin or less is. Both cannot be, and the
    chance of either in error is `level` at most. Scores of 0 and 1: `flips`; other means: `means.ruined_interval`; what
    is no mean: `bootstrap.bootstrap_interval`, which reaches further by what may be unseen, as `ruined_interval` does.
    Of the latter two a few samples that differ say nothing of how rare larger losses are: the interval then reaches as
    far as the exact bound of their share, times the largest loss that a sample could have (`Pair.largest`).
    """
    pair = Pair(float_scores, variant_scores, margin)
    if pair.are_flips:
        return _by_flips(pair, level)
    if pair.is_whole:
        low, high = pair.reaching(*bootstrap_interval(pair.loss_over_margin, pair.samples, level), level)
        method = Method.BOOTSTRAP
    else:
        over = pair.losses - pair.share * pair.weighed
        low, high = (float(end) for end in ruined_interval(over, pair.largest, level, pair.largest_gain))
        method = Method.T
    low, high = pair.told(low), pair.told(high)
    bounds = pair.few_differing(level)
    if bounds is not None and (bounds[0] < low or bounds[1] > high):
        low, high, method = min(low, bounds[0]), max(high, bounds[1]), Method.BOUND
    answer = Answer.WITHIN if high < pair.margin else Answer.BEYOND if low > pair.margin else Answer.OPEN
    return pair.concluded(answer, method, low, high, level)


def _by_flips(pair: Pair, level: float) -> Conclusion:
    fraction = pair.margin / pair.scale
    of = flips.ShareOf(pair.share, pair.hits, pair.harms_hits) if pair.share else None
    harmful, helpful = pair.harmful, pair.helpful
    within = bool(flips.is_below(harmful, helpful, pair.samples, fraction, level, of))
    swapped = None if of is None else of.swapped()
    beyond = bool(flips.is_below(helpful, harmful, pair.samples, -fraction, level, swapped))
    low, high = flips.drop_interval(harmful, helpful, pair.samples, level, of)
    answer = Answer.WITHIN if within else Answer.BEYOND if beyond else Answer.OPEN
    method = Method.EXACT if harmful + helpful < flips.FEWEST_FOR_SCORE_TEST else Method.SCORE
    return pair.concluded(answer, method, low * pair.scale, high * pair.scale, level)
