"""A float model that is no better than chance has nothing to lose; one that is weak and better still may be judged."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.checks.metrics import BUILTIN_METRICS, Metric
from pytest_qparity.checks.metrics.chance import MOST_ROWS, require_better_than_chance, trials
from pytest_qparity.checks.metrics.guards import scored
from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.verdict import CannotJudge, Code

METRICS = {metric.name: metric for metric in BUILTIN_METRICS}
CLASSES = 10


def logits_of(classes, count=CLASSES, seed=0):
    scores = np.random.default_rng(seed).uniform(0, 0.1, (len(classes), count))
    scores[np.arange(len(classes)), classes] += 1.0
    return {"logits": scores.astype(np.float32)}


def model(samples, right, seed=0, classes=CLASSES):
    """Labels, and the outputs of a model that knows the share `right` of them and guesses the others."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, samples)
    knows = random.random(samples) < right
    return labels, logits_of(np.where(knows, labels, random.integers(0, classes, samples)), classes)


def failure_of(name, outputs, labels, metric=None, **parameters):
    with pytest.raises(CannotJudge) as caught:
        scored(metric or METRICS[name], parameters, outputs, outputs, labels)
    return caught.value.failure


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["top1", "top5", "f1", "roc_auc"])
def test_a_model_that_guesses_is_no_baseline(name, seed):
    labels, outputs = model(540, 0.0, seed)

    failure = failure_of(name, outputs, labels)

    assert failure.code is Code.ACCURACY_BASELINE
    assert "labels that are dealt to other samples give" in failure.sentence


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["top1", "top5", "f1", "roc_auc"])
def test_a_weak_model_is_one(name, seed):
    """A quarter of 540 labels known of ten classes: 32 % right where chance has 10."""
    labels, outputs = model(540, 0.25, seed)

    scored(METRICS[name], {}, outputs, outputs, labels)


def test_a_weak_model_takes_samples_to_be_told_from_chance():
    few, many = model(40, 0.1, 3), model(2_000, 0.1, 3)

    assert failure_of("top1", few[1], few[0]).code is Code.ACCURACY_BASELINE
    scored(METRICS["top1"], {}, many[1], many[1], many[0])


def test_a_model_that_gives_the_most_frequent_class_alone_is_at_chance():
    labels = np.where(np.arange(200) < 150, 0, 1)
    outputs = logits_of(np.zeros(200, int), 2)

    assert failure_of("top1", outputs, labels).code is Code.ACCURACY_BASELINE


def test_labels_of_one_class_say_nothing_when_they_are_dealt():
    labels = np.zeros(200, int)
    outputs = logits_of(np.where(np.arange(200) < 190, 0, 1), 2)

    scored(METRICS["top1"], {}, outputs, outputs, labels)


def test_of_fewer_than_thirty_samples_any_lead_will_do():
    labels = np.array([0, 1, 2, 3, 4, 0])
    outputs = logits_of(np.array([0, 1, 2, 1, 0, 2]))

    scored(METRICS["top1"], {}, outputs, outputs, labels)
    assert failure_of("top1", logits_of(np.array([1, 2, 3, 4, 0, 0])), labels).code in (
        Code.ACCURACY_BASELINE,
        Code.ACCURACY_SHIFTED,
    )


def test_an_area_below_a_half_is_worse_than_chance():
    labels = np.random.default_rng(0).integers(0, 2, 300)
    outputs = {"score": 1.0 - labels + np.random.default_rng(1).normal(0, 0.3, 300)}

    failure = failure_of("roc_auc", outputs, labels)

    assert failure.code is Code.ACCURACY_BASELINE
    assert failure.sentence.startswith("Metric roc_auc of the float model: got ")


def test_a_constant_regression_is_at_chance():
    labels = np.random.default_rng(0).normal(size=(300, 1))

    assert failure_of("mae", {"y": np.full((300, 1), 0.1)}, labels).code is Code.ACCURACY_BASELINE


def test_outputs_of_all_samples_and_no_more_say_what_a_ruined_sample_loses():
    random = np.random.default_rng(0)
    labels = random.normal(size=(500, 4))
    outputs = {"y": labels + random.normal(0, 0.05, (500, 4))}

    reference, _ = scored(METRICS["mae"], {}, outputs, outputs, labels)

    assert reference.ruined == pytest.approx(2 / np.pi**0.5, rel=0.1)


def test_a_metric_from_outside_that_does_not_look_at_labels_is_left_alone():
    metric = Metric("mine", "a:b", load=lambda: lambda outputs, labels: Scores(np.tanh(outputs["y"])))
    outputs = {"y": np.arange(1.0, 51.0)}

    scored(metric, {}, outputs, outputs, np.arange(50))


def test_a_metric_from_outside_at_chance_is_refused_too():
    def mine(outputs, labels):
        return Scores(np.abs(outputs["y"] - labels), Direction.LOWER, percent=False)

    random = np.random.default_rng(0)
    metric = Metric("mine", "a:b", load=lambda: mine)

    failure = failure_of("", {"y": random.normal(size=400)}, random.normal(size=400), metric)

    assert failure.code is Code.ACCURACY_BASELINE


def test_a_good_model_is_tried_on_few_samples_and_no_model_on_more_than_2000():
    calls = []

    def counted(outputs, labels):
        calls.append(len(labels))
        return Scores((outputs["y"] == labels).astype(np.float64))

    metric = Metric("mine", "a:b", load=lambda: counted)
    labels = np.random.default_rng(0).integers(0, 10, 5_000)

    list(trials(metric, {}, {"y": labels}, labels))
    clear = len(calls), max(calls)
    list(trials(metric, {}, {"y": np.roll(labels, 7)}, labels))

    assert clear == (9, 64)
    assert max(calls) == MOST_ROWS


def test_a_metric_that_does_with_all_samples_only_is_tried_on_all():
    labels, outputs = model(300, 0.9)

    def whole_only(outputs, labels):
        if len(labels) != 300:
            raise ValueError("not all")
        return Scores((outputs["logits"].argmax(axis=1) == labels).astype(np.float64))

    [trial] = trials(Metric("mine", "a:b", load=lambda: whole_only), {}, outputs, labels)

    assert trial.rows is None
    require_better_than_chance(METRICS["top1"], trial, labels)


def test_as_many_places_as_classes_cannot_be_missed():
    labels, outputs = model(100, 0.9, classes=5)

    failure = failure_of("top5", outputs, labels)

    assert failure.code is Code.ACCURACY_OUTPUT
    assert failure.sentence.startswith("The metric got k = 5 of 5 classes")
