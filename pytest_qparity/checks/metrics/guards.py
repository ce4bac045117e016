"""What makes a metric's figures no result: a worthless float model, a collapsed variant, labels of other samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.checks.metrics.chance import require_better_than_chance, trials
from pytest_qparity.checks.metrics.classes import golden_classes
from pytest_qparity.checks.metrics.displaced import require_undisplaced
from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.checks.metrics.border import Array, Outputs
    from pytest_qparity.checks.metrics.metric import Metric

__all__ = ["require_baseline", "require_classes", "require_labels_in_place", "require_variety", "scored"]

FEWEST_OTHERS = 5  # samples of other classes, by the float model, that a variant may miss without having collapsed
SHIFT_SIGMAS = 4.0  # of the paired difference of two accuracies: a false alarm in 30,000 cases


def scored(
    metric: Metric, parameters: Mapping[str, Any], golden: Outputs, outputs: Outputs, labels: Array | None
) -> tuple[Scores, Scores]:
    """The scores of the float model and of the variant, on the same samples.

    `labels`: those of the data, or the golden's classes, as the metric is declared. Raises CannotJudge where the metric
    cannot be had, or its figures would say nothing.
    """
    classes = None
    if metric.of_classes:
        classes, collapsed = (golden_classes(each, parameters.get("output")) for each in (golden, outputs))
        if not metric.against_golden and labels is not None:
            require_labels_in_place(classes, labels)
    reference = metric.scores(golden, labels, parameters)
    if labels is not None and not metric.against_golden:
        reference = _against_chance(metric, parameters, golden, labels, reference)
    require_baseline(metric.name, reference)
    variant = metric.scores(outputs, labels, parameters)
    require_variety(golden, outputs)
    if classes is not None:
        require_classes(classes, collapsed)
    return reference, variant


def _against_chance(
    metric: Metric, parameters: Mapping[str, Any], golden: Outputs, labels: Array, reference: Scores
) -> Scores:
    """The scores, with what a ruined sample loses, and what chance gives. Raises CannotJudge where labels are
    displaced, or could as well be those of other samples."""
    if labels.ndim == 0 or len(labels) != len(reference.per_sample):
        return reference
    last = None
    for last in trials(metric, parameters, golden, labels):
        require_undisplaced(metric, parameters, golden, labels, last)
    if last is None:
        return reference
    require_baseline(metric.name, reference)
    require_better_than_chance(metric, last, labels)
    ruined, chance = (value if math.isfinite(value) else None for value in (last.ruined, last.mean))
    return replace(reference, ruined=ruined, chance=chance)


def require_baseline(name: str, reference: Scores) -> None:
    """A float model whose own value is no number, or the worst there is, cannot be lost from: any variant would pass.

    The worst: where higher is better 0, of a metric in percent or with a lowest score (`Scores.least`) also anything
    below; where lower is better, 100 % or more of a metric in percent, and the highest score that there is. A metric of
    its own unit that has no end may be negative (a log likelihood, a PSNR in dB).
    """
    value = reference.value()
    if reference.direction is Direction.HIGHER:
        worst = value == 0 or value <= (max(reference.least, 0.0) if reference.percent else reference.least)
    else:
        worst = value >= (min(reference.most, 1.0) if reference.percent else reference.most)
    if math.isfinite(value) and not worst:
        return
    shown = f"{100 * value:g} %" if reference.percent else f"{value:g}"
    raise CannotJudge(
        Failure(
            Code.ACCURACY_BASELINE,
            f"Metric {name} of the float model: got {shown}, should be a value that a variant can fall below.",
            "see that labels, metric and preprocessing are those of the model; try the float model alone",
        )
    )


def require_variety(golden: Outputs, outputs: Outputs) -> None:
    """A variant has collapsed where an output is bit for bit alike for all samples, and the float model's is not."""
    for name, values in golden.items():
        if name in outputs and not _is_one(values) and _is_one(outputs[name]):
            raise _constant(f'output "{name}" is the same for all {len(values):,} samples', "differs, as the float's")


def require_classes(golden: Array, classes: Array) -> None:
    """A variant that gives one class to all samples has collapsed, whatever it scores on a set of mostly that class.

    Both: the classes with the highest scores, int64 (samples,). It is no proof while the float model gives fewer than
    five samples others.
    """
    others = int((golden != classes[0]).sum())
    if (classes == classes[0]).all() and others >= FEWEST_OTHERS:
        got = f"class {classes[0]} for all {len(classes):,} samples"
        raise _constant(got, f"other classes too, as the float model gives for {others:,}")


def require_labels_in_place(predicted: Array, labels: Array) -> None:
    """Labels one too high or too low: the float model is right far more often on labels − 1, or labels + 1.

    `predicted`: its classes, int64 (samples,).
    With b samples right on shifted labels alone and c on those given alone, far: b − c > 4·√(b + c), which is a paired
    test (McNemar's), and b > 2·c.
    """
    if labels.shape != predicted.shape or not np.issubdtype(labels.dtype, np.integer):
        return  # the metric says what is wrong with them
    given = labels.astype(np.int64)
    for shift in (-1, 1):
        shifted, right = int((predicted == given + shift).sum()), int((predicted == given).sum())
        if shifted > 2 * right and shifted - right > SHIFT_SIGMAS * math.sqrt(shifted + right):
            share, other = (100.0 * each / len(given) for each in (right, shifted))
            sentence = (
                f"The labels: got {share:.1f} % top-1 of the float model as labelled and {other:.1f} % with labels "
                f"{'+' if shift > 0 else '-'} 1, should be most as labelled."
            )
            remedy = "count classes as the model does: from 0, or with a background class in front"
            raise CannotJudge(Failure(Code.ACCURACY_SHIFTED, sentence, remedy, likely="labels shifted by one"))


def _is_one(values: Array) -> bool:
    """Whether all samples, two or more, have the same values, bit for bit."""
    if values.ndim == 0 or len(values) < 2 or not values.size:
        return False
    first = values[:1]
    return all(bool((values[start : start + 1024] == first).all()) for start in range(0, len(values), 1024))


def _constant(got: str, expected: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.ACCURACY_CONSTANT,
            f"The variant: got {got}, should be {expected}.",
            "see what parity and qparity diagnose say: a scale or zero point has swallowed the signal",
        )
    )
