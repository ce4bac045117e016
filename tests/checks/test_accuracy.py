"""Accuracy: scores in, verdicts out; what is no score is never a pass, and few samples show nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_qparity.checks.accuracy import judge_accuracy, measure_accuracy
from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.checks.statistics.noninferiority import LEVEL, Answer, Margin
from pytest_qparity.verdict import CannotJudge, Code, Outcome


def array(*values):
    return np.array(values, np.float64)


def flips(samples, lost, gained, hits):
    """Scores of 0 and 1: of `hits` right samples `lost` get wrong, of the others `gained` get right."""
    reference = np.zeros(samples)
    reference[:hits] = 1.0
    variant = reference.copy()
    variant[:lost] = 0.0
    variant[hits : hits + gained] = 1.0
    return Scores(reference), Scores(variant)


def verdict_of(pair, margin, level=LEVEL):
    return judge_accuracy(measure_accuracy("top1", *pair, margin, level))


def of_census(pair, margin):
    return verdict_of(pair, Margin(margin), level=None)


HALF_A_POINT = Margin(0.5)


def refusal(float_scores, variant_scores, margin=HALF_A_POINT, **kind):
    with pytest.raises(CannotJudge) as caught:
        measure_accuracy("top1", Scores(float_scores, **kind), Scores(variant_scores, **kind), margin, LEVEL)
    assert caught.value.failure.code is Code.ACCURACY_OUTPUT
    return caught.value.failure.sentence


def test_scores_become_percent_and_counts_of_samples_lost_and_gained():
    found = measure_accuracy("top1", Scores(array(1, 1, 0, 1)), Scores(array(1, 0, 1, 0.5)), Margin(20.0), None)

    assert (found.float_value, found.variant_value, found.conclusion.drop) == (75.0, 62.5, 12.5)
    assert (found.conclusion.harmful, found.conclusion.helpful) == (2, 1)


@pytest.mark.parametrize(
    ("lost", "gained", "margin", "outcome"),
    [
        pytest.param(0, 0, 0.0, Outcome.PASS, id="no drop, no margin"),
        pytest.param(1, 0, 0.5, Outcome.PASS, id="exactly the margin"),
        pytest.param(1, 0, 0.49999999, Outcome.ACCURACY_FAIL, id="just over the margin"),
        pytest.param(1, 0, 0.0, Outcome.ACCURACY_FAIL, id="over no margin"),
        pytest.param(0, 6, 0.5, Outcome.PASS, id="better than the float model"),
        pytest.param(180, 0, 0.5, Outcome.ACCURACY_FAIL, id="all lost"),
    ],
)
def test_of_a_census_the_drop_itself_decides(lost, gained, margin, outcome):
    assert of_census(flips(200, lost, gained, 180), margin).outcome is outcome


@pytest.mark.parametrize("samples", [3, 7, 11, 540, 10_007])
def test_a_drop_of_exactly_the_margin_passes_whatever_the_number_of_samples(samples):
    pair = flips(samples, 2, 0, samples)

    assert of_census(pair, 100 * 2 / samples).outcome is Outcome.PASS
    assert of_census(pair, 100 * 1.999 / samples).outcome is Outcome.ACCURACY_FAIL


def test_a_drop_of_a_census_beyond_the_margin_is_told_in_full():
    verdict = of_census(flips(400, 12, 3, 366), 0.5)

    (failure,) = verdict.failures
    assert failure.code is Code.ACCURACY_DROP
    assert failure.sentence == (
        "Metric top1 is 89.25 %, should be at least 91.00 % (the float model has 91.50 %, 0.5 points may be lost; "
        "400 samples, 12 lost, 3 gained)."
    )
    assert verdict.deciding == "-2.25 pt"


def test_a_drop_just_beyond_the_margin_does_not_read_as_if_it_were_within():
    (failure,) = of_census(flips(2000, 10, 0, 1800), 0.498).failures

    assert failure.sentence.startswith("Metric top1 is 89.500 %, should be at least 89.502 % ")


def test_the_evidence_of_a_census_is_all_that_was_measured():
    verdict = of_census(flips(400, 1, 0, 366), 0.5)

    assert verdict.evidence == pytest.approx(
        {
            "metric": "top1",
            "direction": "higher",
            "samples": 400,
            "float_percent": 91.5,
            "variant_percent": 91.25,
            "drop_points": 0.25,
            "margin_points": 0.5,
            "lost": 1,
            "gained": 0,
            "discordance": 0.0025,
            "method": "census",
        }
    )
    assert verdict.deciding == "-0.25 pt"


def test_a_population_passes_when_a_drop_of_the_margin_is_ruled_out():
    verdict = verdict_of(flips(50_000, 900, 800, 38_000), Margin(0.5))

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["interval_points"] == pytest.approx([0.064, 0.336], abs=0.001)
    assert verdict.evidence["level"] == LEVEL


def test_no_flip_at_all_shows_half_a_point_from_598_samples_on():
    assert verdict_of(flips(597, 0, 0, 500), Margin(0.5)).outcome is Outcome.CANNOT_JUDGE
    assert verdict_of(flips(598, 0, 0, 500), Margin(0.5)).outcome is Outcome.PASS


def test_a_drop_that_few_samples_show_beyond_the_margin_but_do_not_prove_cannot_be_judged():
    verdict = verdict_of(flips(50, 2, 0, 45), Margin(0.5))

    (failure,) = verdict.failures
    assert failure.code is Code.ACCURACY_UNDECIDED
    assert failure.sentence == (
        "Metric top1 loses 4.00 points (90 % interval of the loss -1.59 to 12.06; 50 samples, 2 lost, 0 gained), "
        "should be shown to lose at most 0.5 points."
    )
    assert failure.likely == "the drop is beyond the margin, which these samples are too few to show"
    assert failure.remedy == (
        "test on 9,985 samples, which decide with a probability of 80 % if nothing is lost, 183 should the loss stay "
        "4.00; or state population = false where these samples are all that matter"
    )
    assert verdict.evidence["samples_to_decide"] == 183


def test_a_drop_that_is_shown_beyond_the_margin_fails():
    verdict = verdict_of(flips(5000, 300, 10, 3800), Margin(0.5))

    (failure,) = verdict.failures
    assert failure.code is Code.ACCURACY_DROP
    assert failure.sentence == (
        "Metric top1 loses 5.80 points (90 % interval of the loss 5.24 to 6.39; 5000 samples, 300 lost, 10 gained), "
        "should lose at most 0.5 points."
    )


def test_a_margin_of_a_population_that_is_0_can_never_be_held():
    (failure,) = verdict_of(flips(5000, 0, 0, 3800), Margin(0.0)).failures

    assert failure.code is Code.ACCURACY_UNDECIDED
    assert failure.remedy.startswith("a margin of 0 can be held by no number of samples")


def test_a_gain_is_told_as_one():
    (failure,) = verdict_of(flips(100, 1, 3, 80), Margin(0.5)).failures

    assert failure.sentence.startswith("Metric top1 gains 2.00 points (90 % interval of the loss -")


@pytest.mark.parametrize("level", [LEVEL, None])
def test_a_relative_margin_is_a_share_of_what_the_float_model_reaches(level):
    assert verdict_of(flips(50_000, 900, 600, 25_000), Margin(relative=2.0), level).evidence["margin_points"] == 1.0


def test_where_lower_is_better_a_rise_is_a_loss_in_the_metrics_own_unit():
    generator = np.random.default_rng(0)
    errors = generator.gamma(2.0, 1.0, 5000)
    worse = errors + 0.3 + generator.normal(0, 0.1, 5000)
    pair = tuple(Scores(each, Direction.LOWER, percent=False) for each in (errors, worse))

    verdict = judge_accuracy(measure_accuracy("mae", *pair, Margin(0.2), LEVEL))
    census = judge_accuracy(measure_accuracy("mae", *pair, Margin(0.2), None))

    assert verdict.outcome is census.outcome is Outcome.ACCURACY_FAIL
    assert verdict.deciding == "+0.301"
    assert verdict.failures[0].sentence.startswith("Metric mae loses 0.301 (90 % interval of the loss 0.29")
    assert " is 2.3" in census.failures[0].sentence
    assert "should be at most 2.2" in census.failures[0].sentence


def test_a_metric_of_the_whole_is_resampled():
    generator = np.random.default_rng(0)
    words = generator.integers(5, 20, 4000)
    errors = generator.binomial(words, 0.1)
    more = np.minimum(errors + (generator.random(4000) < 0.02), words)
    pair = [
        Scores(each / words, Direction.LOWER, whole=lambda counts, each=each: counts @ each / (counts @ words))
        for each in (errors, more)
    ]

    verdict = judge_accuracy(measure_accuracy("wer", *pair, Margin(0.5), LEVEL))

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["method"] == "bootstrap, BCa"
    low, high = verdict.evidence["interval_points"]
    assert low < verdict.evidence["drop_points"] < high < 0.5
    assert verdict == judge_accuracy(measure_accuracy("wer", *pair, Margin(0.5), LEVEL))


@pytest.mark.parametrize("margin", [math.nan, math.inf, -math.inf, -0.1])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(ValueError, match="should be one finite number of at least 0"):
        Margin(margin)


@pytest.mark.parametrize("given", [{}, {"absolute": 0.5, "relative": 1.0}])
def test_a_margin_is_one_number(given):
    with pytest.raises(ValueError, match="should be one finite number of at least 0"):
        Margin(**given)


@pytest.mark.parametrize("whose", ["float model", "variant"])
@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        pytest.param(
            array(),
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
            array(1, math.nan, 1, 1),
            "The metric gave scores of the {} with NaN or Inf, should be finite scores.",
            id="NaN",
        ),
        pytest.param(
            array(1, math.inf, 1, 1),
            "The metric gave scores of the {} with NaN or Inf, should be finite scores.",
            id="infinite",
        ),
        pytest.param(
            array(1, -1e-9, 1, 1),
            "The metric gave scores of the {} from -1e-09 to 1, should be between 0 and 1.",
            id="below 0",
        ),
        pytest.param(
            array(0, 1.001, 1, 1),
            "The metric gave scores of the {} from 0 to 1.001, should be between 0 and 1.",
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
    good = array(1, 0, 1, 1)
    pair = (bad, good) if whose == "float model" else (good, bad)

    assert refusal(*pair) == sentence.format(whose)


def test_scores_in_their_own_unit_are_finite():
    sentence = refusal(array(1, 2), array(1, math.nan), percent=False)

    assert sentence == "The metric gave scores of the variant with NaN or Inf, should be finite scores."


def test_a_metric_of_the_whole_that_gives_no_number_cannot_be_judged():
    sentence = refusal(array(1, 1), array(1, 1), whole=lambda counts: math.nan)

    assert sentence == "The metric gave nan for the float model, should be a finite number."


def test_scores_of_other_samples_cannot_be_judged():
    assert refusal(array(1, 1, 1), array(1, 1)) == (
        "The metric gave 2 scores of the variant, should be 3, as of the float model."
    )


def test_a_float_model_without_any_score_has_nothing_to_lose():
    assert refusal(array(0, 0, 0), array(1, 0, 0)) == (
        "The metric gave a float model that scores 0 on every sample, should be a float model that is worth keeping."
    )


def test_a_share_of_nothing_is_no_margin():
    sentence = refusal(array(0, 0), array(0, 1), Margin(relative=1.0), direction=Direction.LOWER, percent=False)

    assert sentence == (
        "The metric gave 0 for the float model, of which a margin is a share, should be another value, or an absolute "
        "margin."
    )


def test_a_metric_in_percent_may_declare_scores_above_1_and_below_0():
    errors = refusal(array(0, 0.5), array(0.5, -0.5), direction=Direction.LOWER, bounds=(0.0, math.inf))
    rates = {"direction": Direction.LOWER, "bounds": (0.0, math.inf)}
    many = measure_accuracy("wer", Scores(array(0, 0.5), **rates), Scores(array(3, 6.0), **rates), Margin(1.0), None)
    likeness = [Scores(array(*each), bounds=(-1.0, 1.0)) for each in ((0.5, 1), (-0.5, -1))]
    alike = measure_accuracy("ssim", *likeness, Margin(1.0), None)

    assert errors == "The metric gave scores of the variant from -0.5 to 0.5, should be between 0 and inf."
    assert (many.conclusion.drop, many.conclusion.answer) == (425.0, Answer.BEYOND)
    assert alike.conclusion.drop == 150.0


def test_a_loss_without_digits_is_told_by_its_exponent():
    kind = {"direction": Direction.LOWER, "percent": False}
    sentence = verdict_of((Scores(array(1, 2), **kind), Scores(array(1e300, 1), **kind)), Margin(0.1), None).failures[0]

    assert sentence.sentence.startswith("Metric top1 is 5e+299, should be at most 1.600 (")


def test_no_loss_of_a_metric_that_is_better_lower_has_no_sign():
    errors = Scores(array(*np.linspace(0.1, 0.2, 40)), Direction.LOWER, percent=False)

    assert verdict_of((errors, errors), Margin(1e-4)).failures[0].sentence.startswith("Metric top1 loses 0.000000 (")


def test_a_loss_in_a_tiny_unit_is_told_and_is_no_pass():
    errors = 1e-9 * np.random.default_rng(0).random(200)
    reference, variant = (Scores(each, Direction.LOWER, percent=False) for each in (errors, errors + 2e-12))

    verdict = of_census((reference, variant), 1e-12)

    assert verdict.outcome is Outcome.ACCURACY_FAIL
    assert "is 5.416e-10, should be at most 5.406e-10 (the float model has 5.4e-10" in verdict.failures[0].sentence
