"""Labels that are one sample, one class, one position or one factor away from those of the model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.checks.metrics.chance import SIGMAS, Trial, rows_of, told
from pytest_qparity.checks.scores import Direction
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.checks.metrics.border import Array, Outputs
    from pytest_qparity.checks.metrics.metric import Metric

__all__ = ["require_undisplaced"]

SIGN_SIGMAS = 4.0  # of samples that are better against those that are worse: a false alarm in 30,000 cases
FACTOR, SPANS_APART = 255.0, 32.0
_IGNORED = {"pixels": 255, "tokens": -100}


def require_undisplaced(
    metric: Metric, parameters: Mapping[str, Any], outputs: Outputs, labels: Array, trial: Trial
) -> None:
    """The float model is not far better on labels of the sample before or behind, nor, as `metric.labels_are` says, on
    labels − 1 or + 1, of the position before or behind, 255 times larger or smaller.

    Far better: its lead over chance (`Trial.lead`) more than doubles and is 3 standard deviations of chance, and of b
    samples that are better and c that are worse b − c > 4·√(b + c). Raises CannotJudge.
    """
    sign = 1.0 if trial.given.direction is Direction.HIGHER else -1.0
    if not math.isfinite(trial.mean):
        return
    chosen = rows_of(outputs, trial.rows)
    for what, moved in _displaced(metric, parameters, outputs, labels):
        own = moved if trial.rows is None else moved[trial.rows]
        try:
            scores = metric.scores(chosen, own, parameters)
        except CannotJudge:
            continue
        gains = sign * (scores.per_sample - trial.given.per_sample)
        better, worse = int((gains > 0).sum()), int((gains < 0).sum())
        lead = sign * (scores.value() - trial.mean)
        if lead > max(2.0 * trial.lead, SIGMAS * trial.spread, 0.0) and (
            better - worse > SIGN_SIGMAS * math.sqrt(better + worse)
        ):
            given = trial.given
            raise CannotJudge(
                Failure(
                    Code.ACCURACY_SHIFTED,
                    f"The labels: got {metric.name} of {told(given, given.value())} of the float model as labelled and "
                    f"{told(scores, scores.value())} with {what}, should be best as labelled.",
                    "write each label beside its own sample, and count and scale as the model does",
                    likely=f"the model's labels are these with {what}",
                )
            )


def _displaced(
    metric: Metric, parameters: Mapping[str, Any], outputs: Outputs, labels: Array
) -> Iterator[tuple[str, Array]]:
    if len(labels) > 2:
        yield "each label moved to the sample behind it", np.roll(labels, 1, axis=0)
        yield "each label moved to the sample before it", np.roll(labels, -1, axis=0)
    kind = metric.labels_are
    if kind in _IGNORED and labels.dtype.kind in "iu":
        counts = labels.astype(np.int64)
        is_class = (counts >= 0) & (counts != parameters.get("ignore_index", _IGNORED[kind]))
        yield from _other_classes(counts, is_class)
        if kind == "tokens" and labels.ndim == 2 and labels.shape[1] > 2:
            yield "each label moved to the position behind it", np.roll(labels, 1, axis=1)
            yield "each label moved to the position before it", np.roll(labels, -1, axis=1)
    elif kind == "boxes" and labels.ndim == 3 and labels.dtype.kind in "iuf":
        is_class = np.zeros(labels.shape, bool)
        is_class[..., 0] = labels[..., 0] >= 0
        yield from _other_classes(labels, is_class)
    elif kind == "numbers" and labels.dtype.kind in "iuf" and labels.size and outputs:
        values = outputs[parameters["output"]] if parameters.get("output") in outputs else next(iter(outputs.values()))
        span, of_values = (float(np.ptp(each.astype(np.float64))) for each in (labels, values))
        apart = span / of_values if of_values > 0 else 0.0  # of a constant output any scale is as good
        if apart > SPANS_APART:
            yield f"labels / {FACTOR:g}", labels / FACTOR
        elif 0 < apart < 1 / SPANS_APART:
            yield f"labels * {FACTOR:g}", labels * FACTOR


def _other_classes(labels: Array, is_class: Array) -> Iterator[tuple[str, Array]]:
    """Labels − 1, where a 0 stays, and + 1; also with the highest staying, should it be the model's last."""
    if not is_class.any():
        return
    highest = labels[is_class].max()
    yield "labels - 1", np.where(is_class, np.maximum(labels - 1, 0), labels)
    yield "labels + 1", np.where(is_class, labels + 1, labels)
    yield "labels + 1", np.where(is_class, np.minimum(labels + 1, highest), labels)
