"""Mean average precision of boxes, as COCO has it, for resamples of images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.checks.metrics.border import (
    Array,
    Outputs,
    finite_numbers,
    labels_given,
    named,
    unfit,
    wrong_labels,
)
from pytest_qparity.checks.scores import Scores

if TYPE_CHECKING:
    from pytest_qparity.checks.scores import CountArray

__all__ = ["mean_average_precision"]

MOST_BOXES = 100  # of an image, by their scores
OVERLAPS = tuple(0.5 + 0.05 * step for step in range(10))
RECALLS = np.linspace(0.0, 1.0, 101)
_BOXES = "add an array `labels` to the test data: [samples, boxes, 5] of class, x1, y1, x2, y2, filled up with -1"
_OUTPUTS = (
    'name the outputs: metric = {name = "map", boxes = …, scores = …, classes = …}; scores of one class alone have an '
    "axis of length 1"
)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Boxes of one class at one overlap, by falling score: which image each is in, and whether it finds a label."""

    images: Array
    hits: Array
    positives: Array  # labels of the class in each image


def mean_average_precision(
    outputs: Outputs,
    labels: Array | None,
    *,
    boxes: str = "boxes",
    scores: str = "scores",
    classes: str | None = None,
    iou: float | None = None,
) -> Scores:
    """Mean over classes and overlaps of the mean precision at the recalls 0, 0.01, … 1, where the precision at a recall
    is the highest at any recall not below it (COCO's AP; `iou`: at that overlap alone).

    Boxes (samples, boxes, 4) as x1, y1, x2, y2. Scores (samples, boxes) with `classes` (samples, boxes), or
    (samples, boxes, classes): then each box counts for each class with a score above 0. A score of 0 or less is no box.
    Labels (samples, boxes, 5): class, x1, y1, x2, y2, a class of -1 where there is none. Of each image the 100 highest
    scores of a class count; each takes the label of most overlap that no higher one has taken. No crowds, no areas.
    A class without a label is left out, of a resample one that it lacks. An image's own score is its own AP, 1 of an
    image without labels and boxes, 0 of one without labels that has some.
    """
    found = list(_boxes(outputs, boxes, scores, classes))
    truth = _labels(labels, len(found))
    overlaps = OVERLAPS if iou is None else (iou,)
    kinds = sorted({int(kind) for each in truth for kind in each[:, 0]})
    if not kinds:
        raise wrong_labels("no box in any sample", "one or more", _BOXES)
    ranked = [table for kind in kinds for table in _tables(found, truth, kind, overlaps)]

    def whole(counts: CountArray) -> float:
        values = [_average_precision(table, counts) for table in ranked if counts @ table.positives > 0]
        return float(np.mean(values)) if values else float("nan")

    own = np.array([_own(index, truth, found, ranked) for index in range(len(found))])
    return Scores(own, whole=whole)


def _own(index: int, truth: list[Array], found: list[Array], ranked: list[_Ranked]) -> float:
    if not len(truth[index]):
        return float(not len(found[index]))
    only = np.zeros(len(found), np.int64)
    only[index] = 1
    values = [_average_precision(table, only) for table in ranked if table.positives[index]]
    return float(np.mean(values))


def _tables(found: list[Array], truth: list[Array], kind: int, overlaps: tuple[float, ...]) -> Iterator[_Ranked]:
    images: list[int] = []
    scores: list[float] = []
    hits: list[list[bool]] = [[] for _ in overlaps]
    positives = np.zeros(len(found), np.int64)
    for index, (guessed, labelled) in enumerate(zip(found, truth, strict=True)):
        own = guessed[guessed[:, 0] == kind]
        own = own[np.argsort(-own[:, 1], kind="stable")][:MOST_BOXES]
        there = labelled[labelled[:, 0] == kind, 1:]
        positives[index] = len(there)
        images += [index] * len(own)
        scores += own[:, 1].tolist()
        shared = _overlaps(own[:, 2:], there)
        for place, overlap in enumerate(overlaps):
            hits[place] += _matched(shared, overlap)
    order = np.argsort(-np.array(scores), kind="stable") if scores else np.zeros(0, np.intp)
    for each in hits:
        yield _Ranked(np.array(images, np.intp)[order], np.array(each, bool)[order], positives)


def _matched(shared: Array, overlap: float) -> list[bool]:
    """Which boxes, in their order, find a label that is not taken."""
    free = np.ones(shared.shape[1], bool)
    hits = []
    for row in shared:
        open_ = np.where(free, row, -1.0)
        best = int(open_.argmax()) if open_.size else -1
        is_hit = best >= 0 and bool(open_[best] >= min(overlap, 1.0 - 1e-10))
        if is_hit:
            free[best] = False
        hits.append(is_hit)
    return hits


def _average_precision(table: _Ranked, counts: CountArray) -> float:
    weights = counts[table.images]
    right, wrong = np.cumsum(weights * table.hits), np.cumsum(weights * ~table.hits)
    taken = weights > 0
    right, wrong = right[taken], wrong[taken]
    if not right.size:
        return 0.0
    recall = right / (counts @ table.positives)
    precision = np.maximum.accumulate((right / (right + wrong))[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(np.where(places < len(precision), precision[np.minimum(places, len(precision) - 1)], 0.0).mean())


def _overlaps(first: Array, second: Array) -> Array:
    """Intersection over union of each two boxes: (first, second)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    both = np.prod(np.clip(high - low, 0.0, None), axis=2)
    areas = [np.prod(np.clip(each[:, 2:] - each[:, :2], 0.0, None), axis=1) for each in (first, second)]
    either = areas[0][:, None] + areas[1][None, :] - both
    shares: Array = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    return shares


def _boxes(outputs: Outputs, boxes: str, scores: str, classes: str | None) -> Iterator[Array]:
    """Of each image: class, score, x1, y1, x2, y2, float64 (boxes, 6)."""
    _, places = named(outputs, boxes, "boxes")
    _, sure = named(outputs, scores, "scores")
    places, sure = (finite_numbers(name, each, "numbers") for name, each in ((boxes, places), (scores, sure)))
    kinds = None if classes is None else named(outputs, classes, "classes")[1]
    wanted = places.shape[:2]
    if places.ndim != 3 or places.shape[2] != 4 or sure.shape[:2] != wanted or sure.ndim != (3 if kinds is None else 2):
        got = f"boxes {list(places.shape)} and scores {list(sure.shape)}"
        expected = "boxes [samples, boxes, 4] and scores [samples, boxes, classes], or classes named"
        raise unfit(got, expected, _OUTPUTS)
    if kinds is not None and kinds.shape != wanted:
        raise unfit(f"classes {list(kinds.shape)}", f"{list(wanted)}, one for each box", _OUTPUTS)
    for index in range(len(places)):
        if kinds is None:
            at, kind = np.nonzero(sure[index] > 0)
            score = sure[index][at, kind]
        else:
            at = np.flatnonzero(sure[index] > 0)
            kind, score = kinds[index][at], sure[index][at]
        yield np.column_stack([kind, score, places[index][at]]).astype(np.float64)


def _labels(labels: Array | None, samples: int) -> list[Array]:
    given = labels_given(labels, "boxes of each sample", _BOXES)
    if given.ndim != 3 or given.shape[0] != samples or given.shape[2] != 5 or given.dtype.kind not in "iuf":
        raise wrong_labels(f"labels {given.dtype}{list(given.shape)}", f"numbers [{samples}, boxes, 5]", _BOXES)
    return [each[each[:, 0] >= 0].astype(np.float64) for each in given]
