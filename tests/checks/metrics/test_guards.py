"""Figures that are no result: a worthless float model, a variant that says one thing, labels shifted by one."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.checks.metrics import BUILTIN_METRICS, Metric
from pytest_qparity.checks.metrics.guards import require_baseline, require_labels_in_place, require_variety, scored
from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.verdict import CannotJudge, Code

TOP1 = next(metric for metric in BUILTIN_METRICS if metric.name == "top1")
CLASSES = 5


def logits_of(classes, noise=0.1, seed=0):
    """Class scores whose highest are `classes`."""
    random = np.random.default_rng(seed)
    scores = random.uniform(0, noise, (len(classes), CLASSES))
    scores[np.arange(len(classes)), classes] += 1.0
    return {"logits": scores.astype(np.float32)}


def classes(count=100, seed=0, most=CLASSES):
    return np.random.default_rng(seed).integers(0, most, count)


def failure_of(function, *arguments, **keywords):
    with pytest.raises(CannotJudge) as caught:
        function(*arguments, **keywords)
    return caught.value.failure


def test_sound_outputs_and_labels_are_scored():
    labels = classes()
    variant = labels.copy()
    variant[:10] = (variant[:10] + 1) % CLASSES

    reference, other = scored(TOP1, {}, logits_of(labels), logits_of(variant), labels)

    assert (reference.value(), other.value()) == (1.0, 0.9)


@pytest.mark.parametrize(
    "scores",
    [
        Scores(np.zeros(5)),
        Scores(np.ones(5), Direction.LOWER),
        Scores(np.full(5, 2.0), Direction.LOWER),
        Scores(np.array([np.nan, 1.0])),
        Scores(np.array([np.inf, 1.0]), percent=False),
        Scores(np.ones(5), whole=lambda counts: 0.0),
        Scores(np.full(5, -0.1), bounds=(-1.0, 1.0)),
        Scores(np.full(5, 1.5), Direction.LOWER, bounds=(0.0, np.inf)),
        Scores(np.zeros(5), percent=False),
        Scores(np.full(5, -3.0), percent=False, bounds=(-3.0, np.inf)),
        Scores(np.full(5, 3.0), Direction.LOWER, percent=False, bounds=(0.0, 3.0)),
        Scores(np.ones(5), whole=lambda counts: float("nan")),
    ],
    ids=[
        "0 %",
        "error of 100 %",
        "error of 200 %",
        "NaN",
        "Inf",
        "whole 0",
        "likeness below 0",
        "error of 150 %",
        "0 of a unit",
        "the lowest of a unit",
        "the highest of a unit",
        "whole NaN",
    ],
)
def test_a_float_model_without_accuracy_to_lose_is_no_baseline(scores):
    failure = failure_of(require_baseline, "mine", scores)

    assert failure.code is Code.ACCURACY_BASELINE
    assert failure.sentence.startswith("Metric mine of the float model: got ")


@pytest.mark.parametrize(
    "scores",
    [
        Scores(np.array([0.0, 1.0])),
        Scores(np.zeros(2), Direction.LOWER),
        Scores(np.array([20.0]), Direction.LOWER, percent=False),
        Scores(np.array([-20.0]), percent=False),
    ],
    ids=["half", "no error", "a perplexity", "dB below 0"],
)
def test_any_other_value_is_a_baseline(scores):
    require_baseline("mine", scores)


def test_a_zero_baseline_is_found_where_scores_are_asked_for():
    labels = np.zeros(20, np.int64)

    failure = failure_of(scored, TOP1, {}, logits_of(np.full(20, 3)), logits_of(labels), labels)

    assert failure.code is Code.ACCURACY_BASELINE


def test_an_output_that_is_the_same_for_all_samples_is_a_collapse_for_any_metric():
    golden = {"y": np.arange(6.0).reshape(3, 2)}
    metric = Metric("mine", "a:b", load=lambda: lambda outputs, labels: Scores(np.ones(3)))

    failure = failure_of(scored, metric, {}, golden, {"y": np.ones((3, 2))}, None)

    assert failure.code is Code.ACCURACY_CONSTANT
    assert 'output "y" is the same for all 3 samples' in failure.sentence


def test_an_output_that_is_constant_in_the_float_model_too_is_none():
    constant = {"y": np.ones((3, 2))}

    require_variety(constant, constant)
    require_variety({"y": np.ones(())}, {"y": np.ones(())})


def test_one_class_for_all_samples_is_a_collapse_although_it_scores_well():
    labels = np.where(np.arange(200) < 5, 1, 0)

    failure = failure_of(scored, TOP1, {}, logits_of(labels), logits_of(np.zeros(200, int), seed=1), labels)

    assert failure.code is Code.ACCURACY_CONSTANT
    assert "got class 0 for all 200 samples, should be other classes too" in failure.sentence


def test_a_few_flips_are_no_collapse():
    labels = np.where(np.arange(200) < 4, 1, 0)

    _, variant = scored(TOP1, {}, logits_of(labels), logits_of(np.zeros(200, int), seed=1), labels)

    assert variant.value() == 0.98


@pytest.mark.parametrize("shift", [-1, 1])
def test_labels_shifted_by_one_are_found(shift):
    truth = 1 + classes(most=CLASSES - 2)

    failure = failure_of(scored, TOP1, {}, logits_of(truth), logits_of(truth), truth - shift)

    assert failure.code is Code.ACCURACY_SHIFTED
    assert f"100.0 % with labels {'+' if shift > 0 else '-'} 1" in failure.sentence


@pytest.mark.parametrize("accuracy", [0.3, 0.6, 1.0])
def test_a_model_that_is_wrong_often_has_no_shifted_labels(accuracy):
    labels = classes(2_000, seed=1)
    wrong = np.random.default_rng(2).random(2_000) > accuracy
    predicted = np.where(wrong, classes(2_000, seed=3), labels)

    require_labels_in_place(predicted, labels)


def test_a_model_that_is_often_one_off_has_no_shifted_labels_while_it_is_right_nearly_as_often():
    labels = np.ones(1_000, np.int64)
    predicted = np.where(np.arange(1_000) < 400, 1, 2)

    require_labels_in_place(predicted, labels)


def test_a_handful_of_samples_is_no_proof_of_a_shift():
    truth = np.array([1, 2, 3, 1])

    require_labels_in_place(truth, truth - 1)


def test_labels_that_are_no_classes_are_left_to_the_metric():
    require_labels_in_place(classes(4), np.ones((4, 2)))
    require_labels_in_place(classes(4), np.ones(4))
