"""The built-in metrics: outputs and labels in, one score for each sample out."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.checks.metrics.classes import agreement, f1, golden_classes, roc_auc, top1, top_k
from pytest_qparity.verdict import CannotJudge, Code

LOGITS = np.array([[0.1, 0.9, 0.0], [2.0, 1.0, 1.5], [-3.0, -2.0, -1.0]], np.float32)  # classes 1, 0, 2
OUTPUTS = {"logits": LOGITS, "features": np.zeros((3, 7), np.float32)}


def labels(*values, dtype=np.int64):
    return np.array(values, dtype)


def failure_of(function, *arguments):
    with pytest.raises(CannotJudge) as caught:
        function(*arguments)
    return caught.value.failure


def refusal(function, *arguments):
    failure = failure_of(function, *arguments)
    assert failure.code is Code.ACCURACY_OUTPUT
    return failure.sentence


def test_top1_is_1_where_the_highest_score_of_the_first_output_is_the_label_s():
    assert top1(OUTPUTS, labels(1, 1, 2)).per_sample.tolist() == [1.0, 0.0, 1.0]


def test_agreement_is_1_where_the_class_is_the_golden_s():
    golden = golden_classes({"logits": np.array([[0, 1, 0], [0, 0, 1], [0, 0, 1]], np.float32)})

    assert agreement(OUTPUTS, golden).per_sample.tolist() == [1.0, 0.0, 1.0]


def test_scores_are_float64():
    assert top1(OUTPUTS, labels(1, 1, 2)).per_sample.dtype == np.float64
    assert agreement(OUTPUTS, labels(1, 1, 2)).per_sample.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.uint8])
def test_class_scores_may_be_of_any_type_of_numbers(dtype):
    assert top1({"scores": np.array([[1, 2], [4, 3]], dtype)}, labels(1, 0)).per_sample.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2])
def test_class_scores_may_be_of_a_float_type_of_ml_dtypes(dtype):
    scores = np.array([[1.5, 2], [-4, -8], [3, 0.5]]).astype(dtype)

    assert golden_classes({"scores": scores}).tolist() == [1, 0, 0]
    assert top1({"scores": scores}, labels(1, 0, 1)).per_sample.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_bfloat16_score_that_is_not_finite_cannot_be_judged(value):
    scores = np.array([[value, 1.0]]).astype(ml_dtypes.bfloat16)

    assert refusal(golden_classes, {"scores": scores}) == (
        "The metric got output 'scores' with NaN or Inf, should be finite class scores."
    )


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.uint64])
def test_labels_may_be_of_any_type_of_integers(dtype):
    assert top1(OUTPUTS, labels(1, 0, 2, dtype=dtype)).per_sample.tolist() == [1.0, 1.0, 1.0]


def test_the_first_of_two_equal_scores_is_the_class():
    assert golden_classes({"logits": np.array([[1.0, 1.0, 0.0]])}).tolist() == [0]


def test_axes_of_length_1_between_samples_and_classes_say_nothing():
    assert top1({"logits": LOGITS[:, None, None, :]}, labels(1, 0, 2)).per_sample.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param(
            None,
            "The metric got no array 'labels' in the test data, should be one label for each sample.",
            id="none",
        ),
        pytest.param(labels(1, 0), "The metric got labels int64[2], should be integers [3].", id="too few"),
        pytest.param(labels(1, 0, 2, 0), "The metric got labels int64[4], should be integers [3].", id="too many"),
        pytest.param(
            labels(1, 0, 2)[:, None], "The metric got labels int64[3, 1], should be integers [3].", id="a column"
        ),
        pytest.param(
            labels(1, 0, 2, dtype=np.float32), "The metric got labels float32[3], should be integers [3].", id="float"
        ),
        pytest.param(
            labels(1, 0, 1, dtype=np.bool_), "The metric got labels bool[3], should be integers [3].", id="bool"
        ),
    ],
)
def test_labels_that_are_not_one_integer_for_each_sample_are_the_data_s_fault(given, sentence):
    failure = failure_of(top1, OUTPUTS, given)

    assert (failure.code, failure.sentence) == (Code.DATA_LABELS, sentence)


def test_missing_labels_are_to_be_added_to_the_test_data():
    assert failure_of(top1, OUTPUTS, None).remedy.startswith("add an array `labels` to the test data")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param(
            labels(1, 0, 3), "The metric got labels from 0 to 3, should be classes from 0 to 2.", id="above the classes"
        ),
        pytest.param(
            labels(1, -1, 2), "The metric got labels from -1 to 2, should be classes from 0 to 2.", id="below 0"
        ),
    ],
)
def test_labels_of_other_classes_than_the_model_s_cannot_be_judged(given, sentence):
    assert refusal(top1, OUTPUTS, given) == sentence


NO_CLASS_SCORES = [
    pytest.param(
        np.zeros(3, np.float32),
        "The metric got output 'logits' [3], should be class scores [samples, classes].",
        id="rank 1",
    ),
    pytest.param(
        np.zeros((3, 4, 5), np.float32),
        "The metric got output 'logits' [3, 4, 5], should be class scores [samples, classes].",
        id="rank 3",
    ),
    pytest.param(
        np.float32(3.0).reshape(()),
        "The metric got output 'logits' [], should be class scores [samples, classes].",
        id="rank 0",
    ),
    pytest.param(
        np.zeros((3, 1), np.float32),
        "The metric got output 'logits' [3, 1], should be class scores [samples, classes].",
        id="one class",
    ),
    pytest.param(
        np.zeros((3, 0), np.float32),
        "The metric got output 'logits' [3, 0], should be class scores [samples, classes].",
        id="no class",
    ),
    pytest.param(
        np.zeros((0, 3), np.float32),
        "The metric got output 'logits' without samples, should be at least one sample.",
        id="no sample",
    ),
    pytest.param(
        np.array([[0.0, math.nan, 1.0]] * 3),
        "The metric got output 'logits' with NaN or Inf, should be finite class scores.",
        id="NaN",
    ),
    pytest.param(
        np.array([[0.0, math.inf, 1.0]] * 3),
        "The metric got output 'logits' with NaN or Inf, should be finite class scores.",
        id="infinite",
    ),
    pytest.param(
        np.zeros((3, 3), np.bool_),
        "The metric got output 'logits' of type bool, should be numbers.",
        id="bool",
    ),
    pytest.param(
        np.zeros((3, 3), "V2"),
        "The metric got output 'logits' of type |V2, should be numbers.",
        id="bytes",
    ),
    pytest.param(
        np.full((3, 3), "cat", object),
        "The metric got output 'logits' of type object, should be numbers.",
        id="texts",
    ),
]


@pytest.mark.parametrize("metric", [top1, agreement])
@pytest.mark.parametrize(
    ("first_output", "sentence"),
    NO_CLASS_SCORES,
)
def test_a_first_output_that_holds_no_class_scores_cannot_be_judged(metric, first_output, sentence):
    expected = labels(*[0] * len(np.atleast_1d(first_output)))

    assert refusal(metric, {"logits": first_output}, expected) == sentence
    assert refusal(golden_classes, {"logits": first_output}) == sentence


@pytest.mark.parametrize("metric", [top1, agreement])
def test_no_output_at_all_cannot_be_judged(metric):
    sentence = refusal(metric, {}, labels(0))

    assert sentence == "The metric got no output, should be class scores in the first output."


def test_agreement_without_golden_classes_cannot_be_judged():
    assert refusal(agreement, OUTPUTS, None) == "The metric got no golden classes, should be those of the golden."


def test_agreement_over_other_samples_than_the_golden_s_cannot_be_judged():
    sentence = refusal(agreement, OUTPUTS, labels(1, 0))

    assert sentence == "The metric got 3 samples, should be 2 as in the golden."


def test_top_k_is_1_where_the_label_is_among_the_k_highest():
    scores = {"logits": np.array([[0.1, 0.5, 0.4], [0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])}

    assert top_k(scores, labels(0, 1, 2), k=2).per_sample.tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("k", [0, 3, 10])
def test_as_many_places_as_classes_are_refused(k):
    scores = {"logits": np.array([[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])}

    assert refusal(lambda: top_k(scores, labels(0, 1), k=k)) == (
        f"The metric got k = {k} of 3 classes, should be from 1 on and fewer than there are: of all none is wrong."
    )


def test_equal_scores_for_all_classes_hit_no_more_than_k_of_them():
    scores = {"logits": np.zeros((4, 4))}

    assert top_k(scores, labels(0, 1, 2, 3), k=2).per_sample.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_another_output_than_the_first_is_named():
    outputs = {"features": np.zeros((3, 7)), "logits": LOGITS}

    assert top1(outputs, labels(1, 0, 2), output="logits").value() == 1.0
    assert refusal(lambda: top1(outputs, labels(1, 0, 2), output="logit")) == (
        'The metric got no output "logit", should be one of the model\'s: features, logits.'
    )


def drawn(samples=300, classes=4, seed=0):
    random = np.random.default_rng(seed)
    wanted = random.integers(0, classes, samples)
    scores = random.standard_normal((samples, classes))
    scores[np.arange(samples), wanted] += 1.0
    return {"logits": scores}, wanted, random.multinomial(samples, np.full(samples, 1 / samples))


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_f1_is_scikit_learn_s_also_of_a_resample(average):
    metrics = pytest.importorskip("sklearn.metrics")
    outputs, wanted, counts = drawn()
    predicted = outputs["logits"].argmax(axis=1)

    scores = f1(outputs, wanted, average=average)

    assert scores.value() == pytest.approx(metrics.f1_score(wanted, predicted, average=average))
    assert scores.value(counts) == pytest.approx(
        metrics.f1_score(np.repeat(wanted, counts), np.repeat(predicted, counts), average=average)
    )
    assert scores.per_sample.tolist() == (predicted == wanted).tolist()


def test_binary_f1_is_that_of_one_class():
    metrics = pytest.importorskip("sklearn.metrics")
    outputs, wanted, _ = drawn(classes=2)
    predicted = outputs["logits"].argmax(axis=1)

    assert f1(outputs, wanted, average="binary").value() == pytest.approx(metrics.f1_score(wanted, predicted))
    assert f1(outputs, wanted, average="binary", positive=0).value() == pytest.approx(
        metrics.f1_score(wanted, predicted, pos_label=0)
    )
    with pytest.raises(CannotJudge, match="positive = 2, should be a class from 0 to 1"):
        f1(outputs, wanted, average="binary", positive=2)


@pytest.mark.parametrize("classes", [2, 4])
def test_roc_auc_is_scikit_learn_s_also_of_a_resample(classes):
    metrics = pytest.importorskip("sklearn.metrics")
    outputs, wanted, counts = drawn(classes=classes)
    logits = outputs["logits"]

    def expected(wanted, logits):
        if classes == 2:
            return metrics.roc_auc_score(wanted, logits[:, 1] - logits[:, 0])
        each = [metrics.roc_auc_score(wanted == index, logits[:, index]) for index in range(classes)]
        return np.mean(each)

    scores = roc_auc(outputs, wanted)

    assert scores.value() == pytest.approx(expected(wanted, logits))
    assert scores.value(counts) == pytest.approx(expected(np.repeat(wanted, counts), np.repeat(logits, counts, axis=0)))


def test_roc_auc_takes_one_score_a_sample_and_knows_each_sample_s_part():
    pytest.importorskip("sklearn")
    scores = roc_auc({"score": np.array([[0.9], [0.2], [0.5], [0.5]])}, labels(1, 0, 1, 0))

    assert scores.value() == 0.875
    assert scores.per_sample.tolist() == [1.0, 1.0, 0.75, 0.75]


def test_a_resample_of_one_class_has_no_roc_auc():
    pytest.importorskip("sklearn")
    scores = roc_auc({"score": np.array([0.9, 0.2])}, labels(1, 0))

    assert math.isnan(scores.value(np.array([2, 0])))
    assert "labels that are all 1" in refusal(roc_auc, {"score": np.array([0.9, 0.2])}, labels(1, 1))
