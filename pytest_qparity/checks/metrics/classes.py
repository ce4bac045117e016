"""Metrics of classification: top-k, agreement, F1, ROC-AUC. The first output, or the one named, holds class scores."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np

from pytest_qparity.checks.metrics.border import (
    Array,
    Outputs,
    finite_numbers,
    labels_given,
    named,
    no_package,
    unfit,
    wrong_labels,
)
from pytest_qparity.checks.scores import Scores

if TYPE_CHECKING:
    from pytest_qparity.checks.scores import CountArray

__all__ = ["agreement", "class_scores", "f1", "golden_classes", "roc_auc", "top1", "top_k"]

Average = Literal["binary", "macro", "micro", "weighted"]


def top1(outputs: Outputs, labels: Array | None, *, output: str | None = None) -> Scores:
    """1 where the class with the highest score is the sample's label, else 0; the first of equal ones counts.

    outputs: the first, or `output`, holds class scores (samples, classes); labels: integers (samples,).
    """
    labels = labels_given(labels)
    scores = class_scores(outputs, output)
    wanted = _class_labels(labels, *scores.shape)
    return Scores((scores.argmax(axis=1) == wanted).astype(np.float64))


def top_k(outputs: Outputs, labels: Array | None, *, k: int = 5, output: str | None = None) -> Scores:
    """1 where fewer than `k` classes come before the sample's label, else 0.

    A class comes before another by a higher score, or by a lower index at the same score, as argmax has it: an output
    of equal scores is right in no more classes than `k`.
    """
    labels = labels_given(labels)
    scores = class_scores(outputs, output)
    wanted = _class_labels(labels, *scores.shape)
    if not 0 < k < scores.shape[1]:
        got, should = (
            f"k = {k} of {scores.shape[1]} classes",
            "from 1 on and fewer than there are: of all none is wrong",
        )
        raise unfit(got, should, "lower k in [accuracy], or choose top1")
    own = np.take_along_axis(scores, wanted[:, None], axis=1)
    rank = np.count_nonzero(scores > own, axis=1)
    tied = np.flatnonzero(np.count_nonzero(scores == own, axis=1) > 1)
    before = np.arange(scores.shape[1]) < wanted[tied, None]
    rank[tied] += np.count_nonzero((scores[tied] == own[tied]) & before, axis=1)
    return Scores((rank < k).astype(np.float64))


def agreement(outputs: Outputs, golden_classes: Array | None, *, output: str | None = None) -> Scores:
    """1 where the variant's class with the highest score is the golden's (its top-1 classes), else 0."""
    if golden_classes is None:
        raise unfit("no golden classes", "those of the golden")
    predicted = class_scores(outputs, output).argmax(axis=1)
    if predicted.shape != golden_classes.shape:
        raise unfit(f"{len(predicted)} samples", f"{len(golden_classes)} as in the golden")
    return Scores((predicted == golden_classes).astype(np.float64))


def golden_classes(outputs: Outputs, output: str | None = None) -> Array:
    """The class with the highest score of each sample: int64 (samples,)."""
    classes: Array = class_scores(outputs, output).argmax(axis=1)
    return classes


def f1(
    outputs: Outputs,
    labels: Array | None,
    *,
    average: Average = "macro",
    positive: int = 1,
    output: str | None = None,
) -> Scores:
    """F1 = 2·TP / (2·TP + FP + FN) over all samples, of the classes with the highest scores (scikit-learn: f1_score).

    `macro`: the mean over all classes that labels or predictions have; `weighted`: by their labels; `micro`: of the
    sums over classes (the accuracy, for one label a sample); `binary`: of the class `positive` alone. A class of which
    there is neither label nor prediction has no F1 and is left out, one of which nothing is right has 0. A sample's own
    score is 1 where it is right.
    """
    labels = labels_given(labels)
    scores = class_scores(outputs, output)
    wanted, predicted = _class_labels(labels, *scores.shape), scores.argmax(axis=1)
    classes = scores.shape[1]
    if average not in ("binary", "macro", "micro", "weighted"):
        raise unfit(f'average = "{average}"', "binary, macro, micro or weighted", "correct it in [accuracy]")
    if average == "binary" and not 0 <= positive < classes:
        raise unfit(f"positive = {positive}", f"a class from 0 to {classes - 1}", "correct it in [accuracy]")

    def whole(counts: CountArray) -> float:
        right = np.bincount(wanted, counts * (predicted == wanted), classes)
        of_labels, of_predictions = np.bincount(wanted, counts, classes), np.bincount(predicted, counts, classes)
        if average == "micro":
            return float(right.sum() / of_labels.sum())
        both = of_labels + of_predictions
        each = np.divide(2.0 * right, both, out=np.zeros(classes), where=both > 0)
        if average == "binary":
            return float(each[positive])
        return float(each[both > 0].mean() if average == "macro" else np.average(each, weights=of_labels))

    return Scores((predicted == wanted).astype(np.float64), whole=whole)


def roc_auc(outputs: Outputs, labels: Array | None, *, output: str | None = None) -> Scores:
    """Area under the ROC curve: P(score of a positive > that of a negative), equal ones counting half.

    Labels: 0 or 1 (samples,), and the output has one score a sample, or two class scores, whose difference is the
    score; of more classes the mean over classes, each against the rest (macro). `whole`: scikit-learn's roc_auc_score;
    where a resample lacks a class that class has none, and without any it is NaN. A sample's own score is the share of
    the samples on the other side that it is ordered right with (DeLong's placement), with more classes those of its own
    class.
    """
    try:
        from sklearn.metrics import roc_auc_score
    except ImportError:
        raise no_package("scikit-learn", "roc_auc") from None
    labels = labels_given(labels)
    name, values = named(outputs, output, "class scores")
    flat = finite_numbers(name, values, "class scores").astype(np.float64)
    flat = flat.reshape(len(flat), -1) if flat.ndim and flat.size else flat
    if flat.ndim != 2:
        raise unfit(f"output {name!r} {list(values.shape)}", "one score, or class scores, for each sample")
    if flat.shape[1] <= 2:
        score = flat[:, -1] - (flat[:, 0] if flat.shape[1] == 2 else 0.0)
        flat = np.stack([-score, score], axis=1)
    wanted = _class_labels(labels, *flat.shape)
    classes = range(1, 2) if flat.shape[1] == 2 else range(flat.shape[1])

    def whole(counts: CountArray) -> float:
        found = []
        for each in classes:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a class that a resample lacks: NaN says so, or ValueError
                taken = counts > 0
                is_class = wanted[taken] == each
                if is_class.all() or not is_class.any():
                    continue
                found.append(roc_auc_score(is_class, flat[taken, each], sample_weight=counts[taken]))
        return float(np.mean(found)) if found else float("nan")

    return Scores(_placements(flat, wanted), whole=whole)


def _placements(scores: Array, wanted: Array) -> Array:
    found = np.zeros(len(scores))
    for each in np.unique(wanted):
        own, score = wanted == each, scores[:, each]
        others = np.sort(score[~own])
        if not others.size:
            raise unfit(f"labels that are all {each}", "labels of two classes or more", "add samples of others")
        below = np.searchsorted(others, score[own], "left") + np.searchsorted(others, score[own], "right")
        found[own] = below / (2.0 * others.size)
    return found


def class_scores(outputs: Outputs, output: str | None = None) -> Array:
    """The class scores of each sample: (samples, classes), finite."""
    name, scores = named(outputs, output, "class scores")
    if scores.ndim < 2 or scores.shape[-1] < 2 or scores.size != scores.shape[0] * scores.shape[-1]:
        raise unfit(f"output {name!r} {list(scores.shape)}", "class scores [samples, classes]")
    if scores.size == 0:
        raise unfit(f"output {name!r} without samples", "at least one sample")
    return finite_numbers(name, scores, "class scores").reshape(scores.shape[0], scores.shape[-1])


def _class_labels(labels: Array, samples: int, classes: int) -> Array:
    """Labels that are class indices, int64 (samples,)."""
    if labels.shape != (samples,) or not np.issubdtype(labels.dtype, np.integer):
        got, expected = f"labels {labels.dtype}{list(labels.shape)}", f"integers [{samples}]"
        raise wrong_labels(got, expected, "write one class index a sample")
    if labels.min() < 0 or labels.max() >= classes:
        raise unfit(f"labels from {labels.min()} to {labels.max()}", f"classes from 0 to {classes - 1}")
    return labels.astype(np.int64)
