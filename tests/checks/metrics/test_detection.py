"""mAP, held against COCO's own evaluation."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from pytest_qparity.checks.metrics.detection import mean_average_precision
from pytest_qparity.verdict import CannotJudge, Code

CLASSES = 3


def drawn(images=12, boxes=8, seed=0):
    """Labels, and boxes near some of them among others that are near none."""
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 60, (images, boxes, 2))
    labels = np.concatenate(
        [random.integers(0, CLASSES, (images, boxes, 1)), corners, corners + random.uniform(8, 30, (images, boxes, 2))],
        2,
    )
    labels[random.random((images, boxes)) < 0.4] = -1
    found = labels[:, :, 1:] + random.normal(0, 2, (images, boxes, 4))
    missed = (labels[:, :, 0] < 0)[:, :, None]
    low = random.uniform(0, 60, (images, boxes, 2))
    found = np.where(missed, np.concatenate([low, low + 12], 2), found)
    classes = np.where(
        random.random((images, boxes)) < 0.8, labels[:, :, 0], random.integers(0, CLASSES, (images, boxes))
    )
    classes = np.where(classes < 0, 0, classes)
    return {"boxes": found, "scores": random.uniform(0.05, 1, (images, boxes)), "classes": classes}, labels


def coco_map(outputs, labels, order, iou=None):
    """pycocotools' AP over the images of `order`, each as often as it stands there."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    kinds = sorted({int(kind) for kind in labels[order][:, :, 0].ravel() if kind >= 0})
    truth = {"info": {}, "images": [{"id": index + 1} for index in range(len(order))], "annotations": []}
    truth["categories"] = [{"id": kind + 1} for kind in kinds]
    found = []
    for place, index in enumerate(order, start=1):
        for kind, *box in labels[index]:
            if kind >= 0:
                annotation = {"id": len(truth["annotations"]) + 1, "image_id": place, "category_id": int(kind) + 1}
                sides = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
                truth["annotations"].append({**annotation, "bbox": sides, "area": sides[2] * sides[3], "iscrowd": 0})
        for kind, score, box in zip(
            outputs["classes"][index], outputs["scores"][index], outputs["boxes"][index], strict=True
        ):
            sides = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            found.append({"image_id": place, "category_id": int(kind) + 1, "bbox": sides, "score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = coco.COCO()
        dataset.dataset = truth
        dataset.createIndex()
        run = evaluation.COCOeval(dataset, dataset.loadRes(found), "bbox")
        if iou is not None:
            run.params.iouThrs = np.array([iou])
        run.params.areaRng, run.params.areaRngLbl = [[0, 1e10]], ["all"]
        run.params.maxDets = [100]
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"]
    return precision[precision > -1].mean()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("iou", [None, 0.5])
def test_it_is_coco_s_average_precision(seed, iou):
    outputs, labels = drawn(seed=seed)

    found = mean_average_precision(outputs, labels, classes="classes", iou=iou).value()

    assert found == pytest.approx(coco_map(outputs, labels, np.arange(12), iou), abs=1e-6)
    assert 0.1 < found < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_of_a_resample_it_is_coco_s_over_the_images_drawn(seed):
    outputs, labels = drawn()
    counts = np.random.default_rng(seed).multinomial(12, np.full(12, 1 / 12))

    found = mean_average_precision(outputs, labels, classes="classes").value(counts)

    assert found == pytest.approx(coco_map(outputs, labels, np.repeat(np.arange(12), counts)), abs=0.01)


def test_scores_may_have_an_axis_of_classes():
    outputs, labels = drawn()
    spread = np.zeros((12, 8, CLASSES))
    np.put_along_axis(spread, outputs["classes"][:, :, None].astype(int), outputs["scores"][:, :, None], axis=2)

    alone = mean_average_precision({"boxes": outputs["boxes"], "scores": spread}, labels)

    assert alone.value() == mean_average_precision(outputs, labels, classes="classes").value()


def test_boxes_on_their_labels_are_all_there_is_to_find():
    _, labels = drawn()
    kinds = labels[:, :, 0]
    outputs = {"boxes": labels[:, :, 1:], "scores": (kinds >= 0).astype(float), "classes": kinds}

    scores = mean_average_precision(outputs, labels, classes="classes")

    assert scores.value() == 1.0
    assert scores.per_sample.tolist() == [1.0] * 12


def test_a_label_is_found_once():
    labels = np.array([[[0, 0, 0, 10, 10]], [[0, 0, 0, 10, 10]]])
    outputs = {
        "boxes": np.tile([0.0, 0.0, 10.0, 10.0], (2, 2, 1)),
        "scores": np.array([[0.9, 0.8], [0.7, 0.0]]),
        "classes": np.zeros((2, 2)),
    }

    assert mean_average_precision(outputs, labels, classes="classes").value() == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_images_without_labels_score_by_whether_they_have_boxes():
    labels = np.full((3, 1, 5), -1.0)
    labels[0] = [0, 0, 0, 10, 10]
    outputs = {"boxes": np.tile([0.0, 0.0, 10.0, 10.0], (3, 1, 1)), "scores": np.array([[1.0], [0.0], [0.5]])}

    scores = mean_average_precision({**outputs, "classes": np.zeros((3, 1))}, labels, classes="classes")

    assert scores.per_sample.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("outputs", "labels", "code"),
    [
        ({"boxes": np.zeros((1, 2, 4)), "scores": np.zeros((1, 2))}, np.zeros((1, 1, 5)), Code.ACCURACY_OUTPUT),
        ({"boxes": np.zeros((1, 2, 4))}, np.zeros((1, 1, 5)), Code.ACCURACY_OUTPUT),
        ({"boxes": np.zeros((1, 2, 4)), "scores": np.zeros((1, 2, 3))}, np.zeros((1, 5)), Code.DATA_LABELS),
        ({"boxes": np.zeros((1, 2, 4)), "scores": np.zeros((1, 2, 3))}, np.full((1, 1, 5), -1), Code.DATA_LABELS),
        ({"boxes": np.zeros((1, 2, 4)), "scores": np.zeros((1, 2, 3))}, None, Code.DATA_LABELS),
    ],
    ids=["no classes", "no scores", "labels of rank 2", "no label", "no labels"],
)
def test_what_is_no_detection_is_refused(outputs, labels, code):
    with pytest.raises(CannotJudge) as caught:
        mean_average_precision(outputs, labels)

    assert caught.value.failure.code is code


def test_scores_without_an_axis_of_classes_are_refused_with_what_to_write():
    outputs = {"boxes": np.zeros((1, 2, 4)), "scores": np.zeros((1, 2))}

    with pytest.raises(CannotJudge, match=r"got boxes \[1, 2, 4\] and scores \[1, 2\]") as caught:
        mean_average_precision(outputs, np.zeros((1, 1, 5)))

    assert "an axis of length 1" in caught.value.failure.remedy
