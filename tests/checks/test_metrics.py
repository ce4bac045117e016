"""The built-in metrics: outputs and labels in, one score for each sample out."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.checks.metrics import BUILTIN_METRICS, Metric, agreement, golden_classes, top1
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
    assert top1(OUTPUTS, labels(1, 1, 2)).tolist() == [1.0, 0.0, 1.0]


def test_agreement_is_1_where_the_class_is_the_golden_s():
    golden = golden_classes({"logits": np.array([[0, 1, 0], [0, 0, 1], [0, 0, 1]], np.float32)})

    assert agreement(OUTPUTS, golden).tolist() == [1.0, 0.0, 1.0]


def test_scores_are_float64():
    assert top1(OUTPUTS, labels(1, 1, 2)).dtype == np.float64
    assert agreement(OUTPUTS, labels(1, 1, 2)).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.uint8])
def test_class_scores_may_be_of_any_type_of_numbers(dtype):
    assert top1({"scores": np.array([[1, 2], [4, 3]], dtype)}, labels(1, 0)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2])
def test_class_scores_may_be_of_a_float_type_of_ml_dtypes(dtype):
    scores = np.array([[1.5, 2], [-4, -8], [3, 0.5]]).astype(dtype)

    assert golden_classes({"scores": scores}).tolist() == [1, 0, 0]
    assert top1({"scores": scores}, labels(1, 0, 1)).tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_bfloat16_score_that_is_not_finite_cannot_be_judged(value):
    scores = np.array([[value, 1.0]]).astype(ml_dtypes.bfloat16)

    assert refusal(golden_classes, {"scores": scores}) == (
        "The metric got output 'scores' with NaN or Inf, should be finite class scores."
    )


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.uint64])
def test_labels_may_be_of_any_type_of_integers(dtype):
    assert top1(OUTPUTS, labels(1, 0, 2, dtype=dtype)).tolist() == [1.0, 1.0, 1.0]


def test_the_first_of_two_equal_scores_is_the_class():
    assert golden_classes({"logits": np.array([[1.0, 1.0, 0.0]])}).tolist() == [0]


def test_axes_of_length_1_between_samples_and_classes_say_nothing():
    assert top1({"logits": LOGITS[:, None, None, :]}, labels(1, 0, 2)).tolist() == [1.0, 1.0, 1.0]


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


@pytest.mark.parametrize("metric", [top1, agreement])
@pytest.mark.parametrize(
    ("first_output", "sentence"),
    [
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
    ],
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


def test_a_metric_finds_its_function_by_name():
    assert Metric("mine", "pytest_qparity.checks.metrics:top1").scores(OUTPUTS, labels(1, 0, 2)).tolist() == [1, 1, 1]


def divide_by_zero(outputs, labels):
    raise ZeroDivisionError("division by zero\nand more")


def leave(outputs, labels):
    raise SystemExit(3)


NOT_CALLABLE = 3


@pytest.mark.parametrize(
    ("target", "said"),
    [
        pytest.param(f"{__name__}:divide_by_zero", 'ZeroDivisionError: "division by zero"', id="it raises"),
        pytest.param(f"{__name__}:leave", 'SystemExit: "3"', id="it exits"),
        pytest.param(f"{__name__}:NOT_CALLABLE", "TypeError: \"'int' object is not callable\"", id="no function"),
        pytest.param(
            "no_such_package:top5", "ModuleNotFoundError: \"No module named 'no_such_package'\"", id="no module"
        ),
        pytest.param(
            "pytest_qparity.checks.metrics:top5",
            "AttributeError: \"module 'pytest_qparity.checks.metrics' has no attribute 'top5'\"",
            id="not in the module",
        ),
        pytest.param("", 'ValueError: "Empty module name"', id="no name at all"),
    ],
)
def test_a_metric_that_fails_cannot_be_judged_and_says_what_it_raised(target, said):
    failure = failure_of(Metric("top5", target).scores, OUTPUTS, None)

    assert failure.code is Code.ACCURACY_OUTPUT
    assert failure.sentence == f"Metric top5 ({target}) gave {said}, should give a score for each sample."
    assert failure.remedy == f"correct {target}"


def test_a_metric_s_own_refusal_is_passed_on():
    failure = failure_of(Metric("mine", "pytest_qparity.checks.metrics:top1").scores, OUTPUTS, None)

    assert failure.code is Code.DATA_LABELS


def test_the_built_in_metrics_are_top1_and_agreement_and_the_latter_needs_no_labels():
    assert {metric.name: metric.against_golden for metric in BUILTIN_METRICS} == {"top1": False, "agreement": True}
    assert [metric.scores(OUTPUTS, labels(1, 0, 2)).sum() for metric in BUILTIN_METRICS] == [3.0, 3.0]
