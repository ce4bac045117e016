"""Accuracy: scores in, verdicts out; what is no score is never a pass."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_qparity.checks.accuracy import AccuracyMeasurement, judge_accuracy, measure_accuracy
from pytest_qparity.verdict import CannotJudge, Code, Outcome


def scores(*values):
    return np.array(values, np.float64)


def measured(float_percent=90.0, variant_percent=90.0, samples=200, lost=0, gained=0):
    return AccuracyMeasurement("top1", samples, float_percent, variant_percent, lost, gained)


def refusal(float_scores, variant_scores):
    with pytest.raises(CannotJudge) as caught:
        measure_accuracy("top1", float_scores, variant_scores)
    assert caught.value.failure.code is Code.ACCURACY_OUTPUT
    return caught.value.failure.sentence


def test_scores_become_percent_and_counts_of_samples_lost_and_gained():
    found = measure_accuracy("top1", scores(1, 1, 0, 1), scores(1, 0, 1, 0.5))

    assert found == AccuracyMeasurement("top1", 4, 75.0, 62.5, lost=2, gained=1)
    assert found.drop_points == 12.5


def test_narrow_scores_are_averaged_in_float64():
    thirds = np.array([1.0, 0.5, 0.25], np.float32)

    found = measure_accuracy("top1", thirds, thirds)

    assert (found.float_percent, found.variant_percent) == (100 * 1.75 / 3, 100 * 1.75 / 3)


@pytest.mark.parametrize(
    ("drop", "margin", "outcome"),
    [
        pytest.param(0.0, 0.0, Outcome.PASS, id="no drop, no margin"),
        pytest.param(0.5, 0.5, Outcome.PASS, id="exactly the margin"),
        pytest.param(0.5 + 1e-13, 0.5, Outcome.PASS, id="the margin and rounding"),
        pytest.param(0.5 + 1e-8, 0.5, Outcome.ACCURACY_FAIL, id="just over the margin"),
        pytest.param(1e-8, 0.0, Outcome.ACCURACY_FAIL, id="just over no margin"),
        pytest.param(-3.0, 0.5, Outcome.PASS, id="better than the float model"),
        pytest.param(90.0, 0.5, Outcome.ACCURACY_FAIL, id="all lost"),
        pytest.param(math.nan, 0.5, Outcome.ACCURACY_FAIL, id="NaN"),
        pytest.param(math.inf, 0.5, Outcome.ACCURACY_FAIL, id="infinite drop"),
        pytest.param(-math.inf, 0.5, Outcome.ACCURACY_FAIL, id="infinite gain"),
    ],
)
def test_a_drop_passes_only_when_it_is_finite_and_within_the_margin(drop, margin, outcome):
    assert judge_accuracy(measured(90.0, 90.0 - drop), margin).outcome is outcome


@pytest.mark.parametrize("samples", [3, 7, 11, 540, 10_007])
def test_a_drop_of_exactly_the_margin_passes_whatever_the_number_of_samples(samples):
    float_scores, variant_scores = np.ones(samples), np.ones(samples)
    variant_scores[:2] = 0.0

    found = measure_accuracy("top1", float_scores, variant_scores)

    assert judge_accuracy(found, 100 * 2 / samples).outcome is Outcome.PASS
    assert judge_accuracy(found, 100 * 1.999 / samples).outcome is Outcome.ACCURACY_FAIL


def test_a_drop_beyond_the_margin_is_told_in_full():
    verdict = judge_accuracy(measured(91.5, 89.25, samples=400, lost=12, gained=3), 0.5)

    (failure,) = verdict.failures
    assert failure.code is Code.ACCURACY_DROP
    assert failure.sentence == (
        "Metric top1 is 89.25 %, should be at least 91.00 % (the float model has 91.50 %, 0.5 points may be lost; "
        "400 samples, 12 lost, 3 gained)."
    )
    assert verdict.deciding == "-2.25 pt"


def test_a_drop_just_beyond_the_margin_does_not_read_as_if_it_were_within():
    (failure,) = judge_accuracy(measured(90.0, 89.498), 0.5).failures

    assert failure.sentence.startswith("Metric top1 is 89.498 %, should be at least 89.500 % ")


def test_the_evidence_of_a_pass_is_all_that_was_measured():
    verdict = judge_accuracy(measured(91.5, 91.25, samples=400, lost=1, gained=0), 0.5)

    assert verdict.evidence == {
        "metric": "top1",
        "samples": 400,
        "float_percent": 91.5,
        "variant_percent": 91.25,
        "drop_points": 0.25,
        "margin_points": 0.5,
        "lost": 1,
        "gained": 0,
    }
    assert verdict.deciding == "-0.25 pt"


@pytest.mark.parametrize("margin", [math.nan, math.inf, -math.inf, -0.1])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(ValueError, match=f"got a margin of {margin} points, should be finite and at least 0"):
        judge_accuracy(measured(), margin)


@pytest.mark.parametrize("whose", ["float model", "variant"])
@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        pytest.param(
            scores(),
            "The metric gave scores of shape [0] for the {}, should be one score for each sample.",
            id="no sample",
        ),
        pytest.param(
            np.ones((4, 1)),
            "The metric gave scores of shape [4, 1] for the {}, should be one score for each sample.",
            id="two axes",
        ),
        pytest.param(
            np.array(1.0),
            "The metric gave scores of shape [] for the {}, should be one score for each sample.",
            id="one number",
        ),
        pytest.param(
            scores(1, math.nan, 1, 1),
            "The metric gave scores of the {} outside 0 to 1, should be finite scores between 0 and 1.",
            id="NaN",
        ),
        pytest.param(
            scores(1, math.inf, 1, 1),
            "The metric gave scores of the {} outside 0 to 1, should be finite scores between 0 and 1.",
            id="infinite",
        ),
        pytest.param(
            scores(1, -1e-9, 1, 1),
            "The metric gave scores of the {} outside 0 to 1, should be finite scores between 0 and 1.",
            id="below 0",
        ),
        pytest.param(
            scores(1, 1 + 1e-9, 1, 1),
            "The metric gave scores of the {} outside 0 to 1, should be finite scores between 0 and 1.",
            id="above 1",
        ),
        pytest.param(
            [1.0, 1.0, 1.0, 1.0],
            "The metric gave scores of the {} that are list of no type, should be an array of numbers.",
            id="a list",
        ),
        pytest.param(
            np.array([1.0, 1.0, 1.0, None]),
            "The metric gave scores of the {} that are ndarray of object, should be an array of numbers.",
            id="objects",
        ),
    ],
)
def test_what_is_no_score_of_each_sample_cannot_be_judged(whose, bad, sentence):
    good = scores(1, 0, 1, 1)
    pair = (bad, good) if whose == "float model" else (good, bad)

    assert refusal(*pair) == sentence.format(whose)


def test_scores_of_other_samples_cannot_be_judged():
    sentence = refusal(scores(1, 1, 1), scores(1, 1))

    assert sentence == "The metric gave 2 scores of the variant, should be 3, as of the float model."


def test_a_float_model_without_any_score_has_nothing_to_lose():
    sentence = refusal(scores(0, 0, 0), scores(1, 0, 0))

    assert sentence == (
        "The metric gave a float model that scores 0 on every sample, should be a float model that is worth keeping."
    )
