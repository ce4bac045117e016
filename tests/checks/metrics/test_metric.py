"""A metric: its function found, its failures told, which way is better never guessed."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.case.schema import KNOWN_METRICS
from pytest_qparity.checks.metrics import BUILTIN_METRICS, Metric
from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.verdict import CannotJudge, Code

OUTPUTS = {"logits": np.array([[0.1, 0.9, 0.0], [2.0, 1.0, 1.5], [-3.0, -2.0, -1.0]], np.float32)}  # classes 1, 0, 2
TOP1 = "pytest_qparity.checks.metrics.classes:top1"


def labels(*values):
    return np.array(values, np.int64)


def failure_of(function, *arguments):
    with pytest.raises(CannotJudge) as caught:
        function(*arguments)
    return caught.value.failure


def test_a_metric_finds_its_function_by_name():
    assert Metric("mine", TOP1).scores(OUTPUTS, labels(1, 0, 2)).per_sample.tolist() == [1, 1, 1]


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
    failure = failure_of(Metric("mine", TOP1).scores, OUTPUTS, None)

    assert failure.code is Code.DATA_LABELS


def lengths(outputs, labels):
    return np.array([3, 1, 2])


def error_rates(outputs, labels, *, floor=0.0):
    return Scores(np.array([0.5, floor]), Direction.LOWER)


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_an_array_has_the_direction_that_its_metric_declares(direction):
    scores = Metric("mine", f"{__name__}:lengths", direction=direction, percent=False).scores(OUTPUTS, None)

    assert (scores.direction, scores.percent, scores.value()) == (Direction(direction), False, 2.0)
    assert scores.per_sample.dtype == np.float64


def test_an_array_without_a_direction_is_no_result():
    failure = failure_of(Metric("mine", f"{__name__}:lengths").scores, OUTPUTS, None)

    assert failure.code is Code.ACCURACY_DIRECTION
    assert failure.sentence == f"Metric mine ({__name__}:lengths): got no direction, should say which way is better."


def test_scores_carry_their_own_direction_and_take_the_case_s_parameters():
    scores = Metric("mine", f"{__name__}:error_rates").scores(OUTPUTS, None, {"floor": 0.25})

    assert (scores.direction, scores.value()) == (Direction.LOWER, 0.375)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (0.75, "gave scores that are float of no type, should be Scores, or an array of numbers."),
        (np.array(["a"]), "gave scores that are ndarray of <U1, should be Scores, or an array of numbers."),
        (np.zeros((2, 2)), "gave scores of shape [2, 2], should be one score for each sample."),
        (Scores(np.zeros(0)), "gave scores of shape [0], should be one score for each sample."),
    ],
    ids=["a number", "texts", "rank 2", "none"],
)
def test_what_is_no_score_for_each_sample_is_refused(given, sentence):
    metric = Metric("mine", "a:b", direction="higher", load=lambda: lambda outputs, labels: given)

    assert failure_of(metric.scores, OUTPUTS, None).sentence == f"Metric mine (a:b) {sentence}"


def test_the_schema_knows_the_built_in_metrics():
    assert tuple(metric.name for metric in BUILTIN_METRICS) == KNOWN_METRICS


@pytest.mark.parametrize("metric", BUILTIN_METRICS, ids=lambda metric: metric.name)
def test_each_built_in_metric_is_there_and_takes_what_it_says(metric):
    import inspect

    keywords = {
        name
        for name, each in inspect.signature(metric._function()).parameters.items()
        if each.kind is each.KEYWORD_ONLY
    }

    assert set(metric.takes) <= keywords
    assert keywords - set(metric.takes) <= {"k"}  # of top5
