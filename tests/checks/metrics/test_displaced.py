"""Labels one sample, one class, one position or one factor off: found by what the float model makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.checks.metrics import BUILTIN_METRICS
from pytest_qparity.checks.metrics.guards import scored
from pytest_qparity.verdict import CannotJudge, Code

METRICS = {metric.name: metric for metric in BUILTIN_METRICS}
RANDOM = np.random.default_rng(0)
CLASSES = RANDOM.integers(0, 5, 300)
LOGITS = RANDOM.normal(size=(300, 6))
LOGITS[np.arange(300), CLASSES] += 4.0
TOKENS = RANDOM.integers(0, 30, (60, 12))
TOKEN_SCORES = RANDOM.normal(size=(60, 12, 32))
np.put_along_axis(TOKEN_SCORES, TOKENS[..., None], 8.0, 2)
MASKS = RANDOM.integers(0, 5, (50, 8, 8))
PIXELS = RANDOM.normal(size=(50, 6, 8, 8))
np.put_along_axis(PIXELS, MASKS[:, None], 5.0, 1)
VALUES = RANDOM.normal(size=(300, 2))
IMAGES = RANDOM.random((20, 1, 12, 12))
CORNERS = np.sort(RANDOM.uniform(0, 90, (40, 3, 2, 2)), axis=2).reshape(40, 3, 4) + np.array([0, 0, 8, 8])
KINDS = RANDOM.integers(0, 3, (40, 3))
BOXES = {"boxes": CORNERS, "scores": RANDOM.uniform(0.5, 1, (40, 3)), "classes": KINDS}
BOX_LABELS = np.concatenate([KINDS[..., None], CORNERS], axis=2)


def shifted(labels, by):
    moved = labels.copy()
    moved[..., 0] += by
    return moved


MISTAKES = [
    pytest.param("top1", LOGITS, np.roll(CLASSES, 1), {}, "moved to the sample before", id="classes of other rows"),
    pytest.param("f1", LOGITS, np.roll(CLASSES, -1), {}, "moved to the sample behind", id="f1 of other rows"),
    pytest.param("roc_auc", LOGITS[:, :5], np.roll(CLASSES, 1), {}, "sample before", id="AUC of other rows"),
    pytest.param("mae", VALUES + 0.05, np.roll(VALUES, 1, 0), {}, "sample before", id="numbers of other rows"),
    pytest.param("nll", TOKEN_SCORES[:, 1:], TOKENS[:, 1:], {}, "position behind", id="shifted twice"),
    pytest.param("nll", TOKEN_SCORES[:, 1:], TOKENS[:, :-1], {"shift": False}, "position before", id="not shifted"),
    pytest.param("nll", TOKEN_SCORES, TOKENS + 1, {"shift": False}, "labels - 1", id="tokens + 1"),
    pytest.param("exact_match", TOKEN_SCORES, TOKENS + 1, {}, "labels - 1", id="exact match, tokens + 1"),
    pytest.param("miou", PIXELS, MASKS + 1, {}, "labels - 1", id="pixels + 1"),
    pytest.param("miou", PIXELS[:, [5, 0, 1, 2, 3, 4]], MASKS, {}, "labels + 1", id="pixels - 1"),
    pytest.param("ssim", IMAGES * 0.99, IMAGES * 255, {}, "labels / 255", id="images to 255"),
    pytest.param("mae", VALUES * 255, VALUES, {}, "labels * 255", id="outputs to 255"),
    pytest.param("map", BOXES, shifted(BOX_LABELS, 1), {"classes": "classes"}, "labels - 1", id="classes of boxes + 1"),
]
SOUND = [
    pytest.param("top1", LOGITS, CLASSES, {}, id="classes"),
    pytest.param("f1", LOGITS, CLASSES, {}, id="f1"),
    pytest.param("roc_auc", LOGITS[:, :5], CLASSES, {}, id="AUC"),
    pytest.param("mae", VALUES + 0.05, VALUES, {}, id="numbers"),
    pytest.param("mae", 0.3 * VALUES, VALUES, {}, id="numbers, weak model"),
    pytest.param("mae", np.cumsum(VALUES, 0)[:-1], np.cumsum(VALUES, 0)[1:], {}, id="persistence of a random walk"),
    pytest.param("nll", TOKEN_SCORES, TOKENS, {"shift": False}, id="tokens"),
    pytest.param("exact_match", TOKEN_SCORES, TOKENS, {}, id="exact match"),
    pytest.param("miou", PIXELS, MASKS, {}, id="pixels"),
    pytest.param("ssim", IMAGES * 0.99, IMAGES, {}, id="images"),
    pytest.param("map", BOXES, BOX_LABELS, {"classes": "classes"}, id="boxes"),
]


def outputs_of(values):
    return values if isinstance(values, dict) else {"o": values}


@pytest.mark.parametrize(("name", "values", "labels", "parameters", "what"), MISTAKES)
def test_labels_that_are_off_are_named(name, values, labels, parameters, what):
    outputs = outputs_of(values)

    with pytest.raises(CannotJudge) as caught:
        scored(METRICS[name], parameters, outputs, outputs, labels)

    failure = caught.value.failure
    assert failure.code is Code.ACCURACY_SHIFTED
    assert what in failure.sentence
    assert "should be best as labelled" in failure.sentence


@pytest.mark.parametrize(("name", "values", "labels", "parameters"), SOUND)
def test_labels_that_are_right_are_not(name, values, labels, parameters):
    outputs = outputs_of(values)

    scored(METRICS[name], parameters, outputs, outputs, labels)


def test_pixels_that_do_not_count_are_not_moved():
    labels = MASKS + 1
    labels[:, 0] = 255

    with pytest.raises(CannotJudge) as caught:
        scored(METRICS["miou"], {}, {"o": PIXELS}, {"o": PIXELS}, labels)

    assert caught.value.failure.code is Code.ACCURACY_SHIFTED
