"""Accuracy: how much of the float model's task metric a variant loses, and whether that may be said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.figures import apart, plain
from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.checks.statistics.copies import conclude_with_copies
from pytest_qparity.checks.statistics.groups import Grouping, conclude_of_groups
from pytest_qparity.checks.statistics.noninferiority import (
    Answer,
    Conclusion,
    Margin,
    Method,
    census,
    conclude,
    is_at_most,
)
from pytest_qparity.verdict import CannotJudge, Code, Failure, Verdict, failed, passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.checks.statistics.copies import IndexArray

ROUNDING = 1e-12  # of a share that is 1, from sums
REMEDY = (
    "give calibration data prepared as the test data are, keep sensitive nodes float (keep_float = [...]), "
    "or train the model for quantization"
)


@dataclass(frozen=True, slots=True)
class AccuracyMeasurement:
    """Both models' value of a metric on the same samples, in percent where `percent` says so, and what follows.

    `details`: what stands beside it in the evidence (classes, worst samples, …), plain JSON; `notes`: of it, what a
    reader must know.
    """

    metric: str
    percent: bool
    direction: Direction
    float_value: float
    variant_value: float
    conclusion: Conclusion
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def measure_accuracy(
    metric: str,
    float_scores: Scores,
    variant_scores: Scores,
    margin: Margin,
    level: float | None,
    alike: IndexArray | None = None,
    grouping: Grouping | None = None,
) -> AccuracyMeasurement:
    """`level`: of each one-sided test of a population; None: the samples are a census. `alike`: which samples of a
    population are copies (`statistics.copies.first_alike`); None: nobody looked. `grouping`: where what was drawn from
    the population are groups of samples, which of them each sample is of; None: samples were drawn one by one.

    Raises CannotJudge where scores are not one a sample of the same samples, finite and within the metric's bounds;
    where the float model has nothing to lose; or a relative margin is a share of nothing.
    """
    for whose, scores in (("float model", float_scores), ("variant", variant_scores)):
        _require_scores(whose, scores)
    if float_scores.per_sample.shape != variant_scores.per_sample.shape:
        got, expected = variant_scores.per_sample.size, float_scores.per_sample.size
        raise unfit(f"{got} scores of the variant", f"{expected}, as of the float model")
    scale = 100.0 if float_scores.percent else 1.0
    float_value, variant_value = (scale * scores.value() for scores in (float_scores, variant_scores))
    for whose, value in (("float model", float_value), ("variant", variant_value)):
        if not math.isfinite(value):
            raise unfit(f"{value:g} for the {whose}", "a finite number")
    if float_scores.percent and float_scores.direction is Direction.HIGHER and not float_scores.per_sample.any():
        raise unfit("a float model that scores 0 on every sample", "a float model that is worth keeping")
    if margin.relative is not None and float_value == 0:
        raise unfit("0 for the float model, of which a margin is a share", "another value, or an absolute margin")
    pair = (float_scores, variant_scores, margin)
    if level is None:
        conclusion = census(*pair)
    elif grouping is not None:
        if len(grouping.of) != float_scores.per_sample.size:
            raise unfit(f"{float_scores.per_sample.size} scores", f"{len(grouping.of)}, one for each sample")
        conclusion = conclude_of_groups(*pair, grouping, level)
    else:
        conclusion = conclude(*pair, level) if alike is None else conclude_with_copies(*pair, alike, level)
    return AccuracyMeasurement(
        metric, float_scores.percent, float_scores.direction, float_value, variant_value, conclusion
    )


def judge_accuracy(measured: AccuracyMeasurement) -> Verdict:
    """pass: the drop is within the margin (of a population: shown to be); accuracy-fail: it is beyond (shown to be);
    cannot-judge: the samples are too few to tell."""
    found = measured.conclusion
    change = measured.variant_value - measured.float_value
    deciding = f"{0.0 + change:+.2f} pt" if measured.percent else f"{0.0 + change:+.3g}"
    evidence = _evidence(measured)
    if found.answer is Answer.WITHIN:
        return passed(deciding, evidence, measured.notes)
    if found.method is Method.CENSUS:
        failure = Failure(Code.ACCURACY_DROP, _of_census(measured), REMEDY)
    elif found.answer is Answer.BEYOND:
        failure = Failure(Code.ACCURACY_DROP, _of_population(measured), REMEDY)
    else:
        likely = f"the drop is beyond the margin, which these {found.unit} are too few to show"
        remedy = f"{_more_samples(measured)}; or state population = false where these {found.unit} are all that matter"
        is_beyond = found.drop > found.margin
        failure = Failure(Code.ACCURACY_UNDECIDED, _of_population(measured), remedy, likely if is_beyond else None)
    return failed(deciding, evidence, (failure,), measured.notes)


def _evidence(measured: AccuracyMeasurement) -> dict[str, Any]:
    found = measured.conclusion
    unit, points = ("percent", "points") if measured.percent else ("value", "value")
    evidence: dict[str, Any] = {
        "metric": measured.metric,
        "direction": measured.direction.value,
        "samples": found.samples,
        f"float_{unit}": measured.float_value,
        f"variant_{unit}": measured.variant_value,
        f"drop_{points}": found.drop,
        f"margin_{points}": found.margin,
        "lost": found.harmful,
        "gained": found.helpful,
        "discordance": found.discordance,
        "method": found.method.value,
    }
    if found.method is not Method.CENSUS:
        if found.drawn is not None:
            evidence[found.unit] = found.drawn
        if found.distinct is not None:
            evidence[f"distinct_{found.unit}"] = found.distinct
        evidence[f"interval_{points}"] = [found.low, found.high]
        evidence["level"] = found.level
        evidence[f"{found.unit}_to_decide"] = found.to_decide
        evidence[f"{found.unit}_to_decide_without_loss"] = found.to_decide_without_loss
    return evidence | dict(measured.details)


def _of_census(measured: AccuracyMeasurement) -> str:
    found, unit = measured.conclusion, " %" if measured.percent else ""
    higher = measured.direction is Direction.HIGHER
    limit = measured.float_value - found.margin if higher else measured.float_value + found.margin
    decimals = _decimals(measured)
    value = apart(measured.variant_value, limit, decimals)
    return (
        f"Metric {measured.metric} is {value}{unit}, should be at {'least' if higher else 'most'} "
        f"{apart(limit, measured.variant_value, decimals)}{unit} (the float model has "
        f"{plain(measured.float_value, decimals)}{unit}, {_told(measured, found.margin)} may be lost; "
        f"{_counts(found)})."
    )


def _of_population(measured: AccuracyMeasurement) -> str:
    found, decimals = measured.conclusion, _decimals(measured)
    low, high = (apart(end, found.margin, decimals) for end in (found.low, found.high))
    unit = " points" if measured.percent else ""
    sure = f"{100 * (1 - 2 * found.level):g} %"
    should = "lose at most" if found.answer is Answer.BEYOND else "be shown to lose at most"
    verb, drop = ("loses", found.drop) if found.drop >= 0 else ("gains", -found.drop)
    return (
        f"Metric {measured.metric} {verb} {plain(drop, decimals)}{unit} ({sure} interval of the loss {low} to {high}; "
        f"{_counts(found)}), should {should} {_told(measured, found.margin)}."
    )


def _more_samples(measured: AccuracyMeasurement) -> str:
    found = measured.conclusion
    unit = found.unit
    if found.to_decide_without_loss is None:
        return f"a margin of 0 can be held by no number of {unit}: state one above 0"
    kind = " distinct" if found.distinct is not None else ""
    text = (
        f"test on {found.to_decide_without_loss:,}{kind} {unit}, which decide with a probability of 80 % if nothing "
        "is lost"
    )
    if found.to_decide is None:
        return f"{text} (no number does should the loss stay at the margin)"
    if is_at_most(abs(found.drop), 0.0, measured.float_value):
        return text
    return f"{text}, {found.to_decide:,} should the loss stay {plain(found.drop, _decimals(measured))}"


def _counts(found: Conclusion) -> str:
    these = "steps" if found.unit == "recordings" else "samples"
    of = these if found.drawn is None else f"{these} of {found.drawn} {found.unit}"
    copies = "" if found.distinct is None else f" of which {found.distinct} are distinct"
    return f"{found.samples} {of}{copies}, {found.harmful} lost, {found.helpful} gained"


def _told(measured: AccuracyMeasurement, margin: float) -> str:
    return f"{margin:g} points" if measured.percent else f"{margin:.3g}"


def _decimals(measured: AccuracyMeasurement) -> int:
    """Two of percent; of another unit as many as show three figures of the margin."""
    margin = measured.conclusion.margin
    if measured.percent or margin <= 0:
        return 2
    return max(0, 2 - math.floor(math.log10(margin)))


def _require_scores(whose: str, given: Scores) -> None:
    import numpy as np

    scores: object = given.per_sample
    if not isinstance(scores, np.ndarray) or scores.dtype.kind not in "fiub":
        raise unfit(f"scores of the {whose} that are {_kind(scores)}", "an array of numbers")
    if scores.ndim != 1 or scores.size == 0:
        raise unfit(f"scores of shape {list(scores.shape)} for the {whose}", "one score for each sample")
    if not np.isfinite(scores).all():
        raise unfit(f"scores of the {whose} with NaN or Inf", "finite scores")
    if scores.min() < given.least - ROUNDING or scores.max() > given.most + ROUNDING:
        got = f"scores of the {whose} from {scores.min():.4g} to {scores.max():.4g}"
        raise unfit(got, f"between {given.least:g} and {given.most:g}")


def _kind(scores: object) -> str:
    return f"{type(scores).__name__} of {getattr(scores, 'dtype', 'no type')}"


def unfit(got: str, expected: str) -> CannotJudge:
    """Of scores that no metric should give."""
    return CannotJudge(
        Failure(Code.ACCURACY_OUTPUT, f"The metric gave {got}, should be {expected}.", "correct the metric or the data")
    )
