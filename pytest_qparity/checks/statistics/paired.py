"""Scores of both models on the same samples: what is lost, by how much at most, and what is concluded of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pytest_qparity.checks.scores import Direction
from pytest_qparity.checks.statistics.means import unseen_share
from pytest_qparity.checks.statistics.sample_size import decides_flips, decides_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_qparity.checks.scores import CountArray, FloatArray, Scores

__all__ = ["FEWEST_DIFFERING", "Answer", "Conclusion", "Margin", "Method", "Pair"]

FEWEST_DIFFERING = 20  # with fewer neither t nor bootstrap knows how rare large losses are


class Answer(Enum):
    """What is shown of the drop: that it is within the margin, beyond it, or neither."""

    WITHIN = "within"
    BEYOND = "beyond"
    OPEN = "open"


class Method(Enum):
    """How it was found."""

    CENSUS = "census"
    EXACT = "exact test of flips"
    SCORE = "score test of flips"
    T = "t test, corrected for skewness"
    BOOTSTRAP = "bootstrap, BCa"
    BOUND = "bound of few samples that differ"
    GROUPS = "bound of the mean over groups"
    GROUPS_BOOTSTRAP = "bootstrap of groups, BCa"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the scores of both models say. `drop`, `margin` and the interval are in percentage points where the metric
    is told in percent, else in its own unit; a positive drop is a loss, whichever way the metric is better.

    `low` to `high`: drops that neither one-sided test at `level` rules out (a 90 % interval at 5 %). Of a census both
    are the drop. `to_decide`: samples that would decide with a probability of 80 % should drop and discordance stay as
    they are, and `to_decide_without_loss` should the drop be 0; None where no number would (and of a census).
    `distinct`: how many of the samples differ from all others, where some are copies and it was looked at; else None.
    `drawn`: how many groups of samples were drawn from the population, and `unit` what a group is ("recordings",
    "labels", "groups"); `distinct` and both numbers that would decide count groups then. None and "samples" where
    samples are drawn one by one, and of a census.
    """

    answer: Answer
    method: Method
    samples: int
    drop: float
    margin: float
    low: float
    high: float
    level: float
    harmful: int
    helpful: int
    to_decide: int | None = None
    to_decide_without_loss: int | None = None
    distinct: int | None = None
    drawn: int | None = None
    unit: str = "samples"

    @property
    def discordance(self) -> float:
        """The share of samples whose scores differ."""
        return (self.harmful + self.helpful) / self.samples


@dataclass(frozen=True, slots=True)
class Margin:
    """What may be lost, at most: `absolute`, in points or the metric's unit, or `relative`, in percent of the float
    model's value; one of the two."""

    absolute: float | None = None
    relative: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.absolute, self.relative) if value is not None]
        if len(given) != 1 or not (math.isfinite(given[0]) and given[0] >= 0):
            raise ValueError(f"got a margin of {self}, should be one finite number of at least 0")

    def at(self, float_value: float) -> float:
        """In points or the metric's unit."""
        if self.absolute is not None:
            return self.absolute
        assert self.relative is not None
        return self.relative / 100.0 * abs(float_value)


class Pair:
    """Scores of both models on the same samples, as losses: positive where the variant is worse."""

    def __init__(self, float_scores: Scores, variant_scores: Scores, margin: Margin) -> None:
        import numpy as np

        self._float, self._variant = float_scores, variant_scores
        self.samples = len(float_scores.per_sample)
        self.scale = 100.0 if float_scores.percent else 1.0
        self.sign = 1.0 if float_scores.direction is Direction.HIGHER else -1.0
        self.losses: FloatArray = self.sign * (float_scores.per_sample - variant_scores.per_sample)
        self.harmful, self.helpful = int(np.sum(self.losses > 0)), int(np.sum(self.losses < 0))
        value = float_scores.value()
        self.drop = 0.0 + self.scale * self.sign * (value - variant_scores.value())  # 0.0 +: no loss of -0.00
        self.margin = margin.at(self.scale * value)
        self.share = 0.0 if margin.relative is None else margin.relative / 100.0
        self._value_sign = 1.0 if value >= 0 else -1.0

    @property
    def size(self) -> float:
        """How large the values are whose difference the drop is, for what rounding makes of it."""
        import numpy as np

        both = (self._float, self._variant)
        means = [float(np.abs(each.per_sample).mean()) for each in both]
        return self.scale * max(*means, *(abs(each.value()) for each in both))

    @property
    def is_whole(self) -> bool:
        return self._float.whole is not None

    @property
    def are_flips(self) -> bool:
        """Whether all scores are 0 or 1 and the metric is their mean, told in percent."""
        if self.is_whole or not self._float.percent:
            return False
        return all(bool(((s.per_sample == 0) | (s.per_sample == 1)).all()) for s in (self._float, self._variant))

    @property
    def hits(self) -> int:
        return int(self._float.per_sample.sum())

    @property
    def harms_hits(self) -> bool:
        return self.sign > 0

    @property
    def weighed(self) -> FloatArray:
        """The float model's scores, signed so that their mean is positive: what a relative margin is a share of."""
        return self._value_sign * self._float.per_sample

    @property
    def loss_over_margin(self) -> Callable[[CountArray], float]:
        """Of samples that count so often: the drop, less the relative margin."""
        return lambda counts: self._loss(self._float.value(counts), self._variant.value(counts))

    def _loss(self, float_value: float, variant_value: float) -> float:
        return self.sign * (float_value - variant_value) - self.share * self._value_sign * float_value

    def told(self, loss_over_margin: float) -> float:
        """In points or the metric's unit; what a relative margin took away is added again, so that the interval is
        beyond the margin where the test says so."""
        return self.scale * loss_over_margin + (self.margin if self.share else 0.0)

    def few_differing(self, level: float) -> tuple[float, float] | None:
        """Bounds of the drop where less than half of the samples, and fewer than FEWEST_DIFFERING, differ."""
        differing = self.harmful + self.helpful
        if differing >= min(FEWEST_DIFFERING, self.samples / 2):
            return None
        most_lost, most_won = self.scale * self.largest, self.scale * self.largest_gain
        return -most_won * self._most(self.helpful, level), most_lost * self._most(self.harmful, level)

    @property
    def largest(self) -> float:
        """What a ruined sample may lose: of a metric with bounds what lies between them, which is all there is to lose.

        Others have no end. There it is the larger of both models' values (an error that doubles, a score that falls to
        0) or, where that is more, what the float model's outputs lose when held against the labels of other samples
        (`Scores.ruined`), of a metric in percent 1 (a sample whose words are all wrong), and of a mean what the scores
        of both models span.
        """
        span = self._float.most - self._float.least
        if math.isfinite(span):
            return span
        values = (abs(self._float.value()), abs(self._variant.value()))
        largest = max(*values, self._float.ruined or 0.0, 1.0 if self._float.percent else 0.0)
        if self.is_whole:
            return largest
        both = (self._float.per_sample, self._variant.per_sample)
        return max(largest, float(max(s.max() for s in both) - min(s.min() for s in both)))

    @property
    def largest_gain(self) -> float:
        """What a sample may win: as much as it may lose, but of a metric whose best score has an end no more than the
        float model's worst sample lacks: no perplexity is below 1, and variants fail whose rare samples explode."""
        scores = self._float.per_sample
        is_higher = self._float.direction is Direction.HIGHER
        lacking = float(self._float.most - scores.min() if is_higher else scores.max() - self._float.least)
        has_end = not math.isfinite(self._float.most - self._float.least) and math.isfinite(lacking)
        return min(self.largest, lacking) if has_end else self.largest

    @property
    def _unseen(self) -> tuple[float, float]:
        """By how much the largest possible loss is above the largest that was seen, and the same of gains."""
        up, down = self.largest - float(self.losses.max()), self.largest_gain + float(self.losses.min())
        return max(0.0, up), max(0.0, down)

    def reaching(self, low: float, high: float, level: float) -> tuple[float, float]:
        """Ends of an interval of `loss_over_margin`, moved out by what samples that were not seen may lose or gain."""
        import numpy as np

        middle = self.loss_over_margin(np.ones(self.samples, np.int64))
        share = unseen_share(self.samples, level)
        up, down = (share * each for each in self._unseen)
        return middle - math.hypot(middle - low, down), middle + math.hypot(high - middle, up)

    def _most(self, count: int, level: float) -> float:
        """The largest rate that `count` of the samples does not rule out (Clopper and Pearson 1934)."""
        from scipy.special import betainccinv

        return float(betainccinv(count + 1, self.samples - count, level)) if count < self.samples else 1.0

    def concluded(self, answer: Answer, method: Method, low: float, high: float, level: float) -> Conclusion:
        is_open = answer is Answer.OPEN
        return Conclusion(
            answer=answer,
            method=method,
            samples=self.samples,
            drop=self.drop,
            margin=self.margin,
            low=low,
            high=high,
            level=level,
            harmful=self.harmful,
            helpful=self.helpful,
            to_decide=self._to_decide(self.drop, low, high, level) if is_open else None,
            to_decide_without_loss=self._to_decide(0.0, low, high, level) if is_open else None,
        )

    def _to_decide(self, drop: float, low: float, high: float, level: float) -> int | None:
        from scipy.special import ndtri

        if self.are_flips:
            discordance = max((self.harmful + self.helpful) / self.samples, abs(drop) / self.scale)
            fraction = drop / self.scale
            rates = (discordance + fraction) / 2, (discordance - fraction) / 2
            return decides_flips(*rates, self.margin / self.scale, level)
        half, unseen = (high - low) / 2.0, self.scale * max(self._unseen)
        of_unseen = unseen * unseen_share(self.samples, level)
        error = math.sqrt(max(0.0, half * half - of_unseen * of_unseen)) / -float(ndtri(level))
        return decides_mean(drop, error, self.samples, self.margin, level, unseen)
