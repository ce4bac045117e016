"""Arrays against targets, segmentation, retrieval."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.checks.metrics.arrays import mae, miou, psnr, ssim
from pytest_qparity.checks.metrics.retrieval import recall_at_k
from pytest_qparity.checks.scores import Direction
from pytest_qparity.verdict import CannotJudge, Code


def images(count=3, seed=0, shape=(3, 16, 16)):
    return np.random.default_rng(seed).random((count, *shape))


def refusal(function, *arguments, code=Code.ACCURACY_OUTPUT, **keywords):
    with pytest.raises(CannotJudge) as caught:
        function(*arguments, **keywords)
    assert caught.value.failure.code is code
    return caught.value.failure.sentence


def test_mae_is_of_each_sample_in_its_own_unit():
    scores = mae({"y": np.array([[1.0, 2.0], [0.0, 0.0]], np.float16)}, np.array([[1.0, 4.0], [3.0, -3.0]]))

    assert scores.per_sample.tolist() == [1.0, 3.0]
    assert (scores.direction, scores.percent) == (Direction.LOWER, False)


def test_one_number_a_sample_may_have_an_axis_of_its_own():
    assert mae({"y": np.array([[1.0], [2.0]])}, np.array([1.0, 4.0])).value() == 1.0


@pytest.mark.parametrize("metric", [mae, psnr, ssim])
def test_targets_of_another_shape_or_without_numbers_are_the_data_s_fault(metric):
    pytest.importorskip("skimage")
    for labels in (None, np.zeros((3, 2)), np.full((3, 3, 16, 16), np.nan), np.full((3, 3, 16, 16), "a")):
        refusal(metric, {"y": images()}, labels, code=Code.DATA_LABELS)


@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_psnr_is_scikit_image_s_for_each_sample(data_range):
    pytest.importorskip("skimage")
    first, second = images() * data_range, images(seed=1) * data_range

    scores = psnr({"y": first}, second, data_range=data_range)

    errors = np.square(first - second).reshape(3, -1).mean(axis=1)
    assert scores.per_sample.tolist() == pytest.approx((10 * np.log10(data_range**2 / errors)).tolist())
    assert (scores.direction, scores.percent) == (Direction.HIGHER, False)


def test_a_sample_without_an_error_has_no_psnr():
    pytest.importorskip("skimage")
    labels = images()
    labels[1:] += 0.5

    assert "sample 0 equal to its label" in refusal(psnr, {"y": images()}, labels)


def test_ssim_knows_channels_in_either_place():
    pytest.importorskip("skimage")
    first, second = images(), images(seed=1)

    there = ssim({"y": first}, second).per_sample
    last = ssim({"y": first.transpose(0, 2, 3, 1)}, second.transpose(0, 2, 3, 1)).per_sample

    assert there.tolist() == pytest.approx(last.tolist())
    assert ssim({"y": first}, first).value() == pytest.approx(1.0)
    assert ssim({"y": first[:, 0]}, second[:, 0]).per_sample.shape == (3,)
    assert "at least 11 x 11" in refusal(ssim, {"y": images(shape=(3, 8, 8))}, images(seed=1, shape=(3, 8, 8)))


def confusion_iou(truth, guess, classes, ignored=255):
    counted = truth != ignored
    table = np.zeros((classes, classes))
    np.add.at(table, (truth[counted], guess[counted]), 1)
    both, either = np.diag(table), table.sum(0) + table.sum(1) - np.diag(table)
    return (both[either > 0] / either[either > 0]).mean()


def test_miou_is_of_the_sums_over_all_samples_and_of_a_resample():
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, (6, 5, 5))
    truth[random.random(truth.shape) < 0.1] = 255
    logits = random.standard_normal((6, 4, 5, 5))
    guess = logits.argmax(axis=1)
    counts = np.array([0, 3, 1, 0, 0, 2])

    scores = miou({"y": logits}, truth)

    assert scores.value() == pytest.approx(confusion_iou(truth, guess, 4))
    assert scores.value(counts) == pytest.approx(
        confusion_iou(np.repeat(truth, counts, axis=0), np.repeat(guess, counts, axis=0), 4)
    )
    assert scores.per_sample[2] == pytest.approx(confusion_iou(truth[2:3], guess[2:3], 4))
    assert miou({"y": guess}, truth).value() == scores.value()


def test_masks_that_do_not_fit_are_the_data_s_fault():
    logits = np.zeros((1, 3, 2, 2))
    for labels in (None, np.zeros((1, 2, 2)), np.zeros((1, 4, 4), int), np.full((1, 2, 2), 255), np.full((1, 2, 2), 7)):
        refusal(miou, {"y": logits}, labels, code=Code.DATA_LABELS)


def test_recall_at_k_looks_for_a_neighbour_of_the_same_label():
    vectors = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.6, 1.0]])
    labels = np.array([0, 1, 1, 0])

    assert recall_at_k({"y": vectors}, labels, k=1).per_sample.tolist() == [0, 0, 0, 0]
    assert recall_at_k({"y": vectors}, labels, k=2).per_sample.tolist() == [1, 0, 1, 0]
    assert recall_at_k({"y": vectors}, labels, k=3).value() == 1.0


def test_recall_in_blocks_is_that_of_the_whole(monkeypatch):
    from pytest_qparity.checks.metrics import retrieval

    random = np.random.default_rng(0)
    vectors, labels = random.standard_normal((50, 8)), random.integers(0, 5, 50)
    whole = recall_at_k({"y": vectors}, labels, k=3).per_sample
    monkeypatch.setattr(retrieval, "ROWS_AT_A_TIME", 7)

    assert recall_at_k({"y": vectors}, labels, k=3).per_sample.tolist() == whole.tolist()


@pytest.mark.parametrize(
    ("vectors", "labels", "k", "code"),
    [
        (np.eye(3), np.array([0, 0, 1]), 1, Code.DATA_LABELS),
        (np.eye(3), None, 1, Code.DATA_LABELS),
        (np.eye(2), np.array([0, 0]), 2, Code.ACCURACY_OUTPUT),
        (np.zeros((2, 2)), np.array([0, 0]), 1, Code.ACCURACY_OUTPUT),
        (np.zeros(2), np.array([0, 0]), 1, Code.ACCURACY_OUTPUT),
    ],
    ids=["alone", "no labels", "k too large", "zeros", "no vectors"],
)
def test_what_cannot_be_retrieved_is_refused(vectors, labels, k, code):
    refusal(recall_at_k, {"y": vectors}, labels, k=k, code=code)
