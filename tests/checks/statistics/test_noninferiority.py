"""What is concluded from pairs of scores: properties that no figure may break."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.checks.statistics.bootstrap import acceleration, bootstrap_interval
from pytest_qparity.checks.statistics.flips import drop_interval, exact_p, is_below
from pytest_qparity.checks.statistics.noninferiority import LEVEL, Answer, Margin, Method, census, conclude

counts = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(100, 3000))
MARGINS = (0.001, 0.005, 0.02)


def shown(harmful, helpful, samples, margin):
    return bool(is_below(harmful, helpful, samples, margin, LEVEL))


@given(counts)
@settings(deadline=None, max_examples=60)
def test_swapping_the_models_mirrors_the_interval(drawn):
    harmful, helpful, samples = drawn

    low, high = drop_interval(harmful, helpful, samples, LEVEL)

    assert drop_interval(helpful, harmful, samples, LEVEL) == (-high, -low)
    assert low <= (harmful - helpful) / samples <= high


@given(counts, st.sampled_from(MARGINS))
@settings(deadline=None, max_examples=150)
def test_one_more_harmful_flip_never_makes_a_pass_and_one_more_helpful_never_unmakes_it(drawn, margin):
    harmful, helpful, samples = drawn

    if shown(harmful + 1, helpful, samples, margin):
        assert shown(harmful, helpful, samples, margin)
    if shown(harmful, helpful, samples, margin):
        assert shown(harmful, helpful + 1, samples, margin)


@given(counts, st.sampled_from(MARGINS), st.integers(2, 5))
@settings(deadline=None, max_examples=150)
def test_more_samples_of_the_same_rates_never_turn_a_pass_into_no_answer(drawn, margin, times):
    harmful, helpful, samples = drawn

    if shown(harmful, helpful, samples, margin):
        assert shown(times * harmful, times * helpful, times * samples, margin)
    if shown(helpful, harmful, samples, -margin):  # nor a failure
        assert shown(times * helpful, times * harmful, times * samples, -margin)


@given(counts, st.sampled_from(MARGINS))
@settings(deadline=None, max_examples=100)
def test_a_wider_margin_is_easier_to_hold(drawn, margin):
    if shown(*drawn, margin):
        assert shown(*drawn, 1.3 * margin)


@given(counts, st.sampled_from(MARGINS))
@settings(deadline=None, max_examples=100)
def test_nothing_is_both_within_and_beyond(drawn, margin):
    harmful, helpful, samples = drawn

    assert not (shown(harmful, helpful, samples, margin) and shown(helpful, harmful, samples, -margin))


@given(st.integers(2, 3000), st.sampled_from(MARGINS))
@settings(deadline=None, max_examples=50)
def test_without_a_flip_the_exact_test_decides_as_the_exact_binomial_does(samples, margin):
    assert (exact_p(0, 0, margin, samples=samples) <= LEVEL) == ((1 - margin) ** samples <= LEVEL)


def pair(losses, kind=None, **how):
    losses = np.asarray(losses, np.float64)
    reference = np.random.default_rng(5).normal(30.0, 2.0, len(losses))
    sign = -1.0 if how.get("direction") is Direction.LOWER else 1.0
    return Scores(reference, percent=False, **how), Scores(reference - sign * losses, percent=False, **how)


def test_means_of_any_unit_are_tested_with_their_interval():
    losses = np.random.default_rng(1).normal(0.1, 1.0, 5000)

    found = conclude(*pair(losses), Margin(0.2))

    assert (found.answer, found.method) == (Answer.WITHIN, Method.T)
    assert found.low < found.drop < found.high < 0.2
    assert found.drop == pytest.approx(losses.mean())


@pytest.mark.parametrize("direction", list(Direction))
def test_swapping_models_mirrors_means_too(direction):
    reference, variant = pair(np.random.default_rng(1).exponential(1.0, 300) - 0.8, direction=direction)

    one, other = conclude(reference, variant, Margin(0.2)), conclude(variant, reference, Margin(0.2))

    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
    assert (other.harmful, other.helpful) == (one.helpful, one.harmful)


def test_few_samples_that_differ_do_not_show_that_larger_losses_are_rare():
    losses = np.zeros(300)
    losses[:3] = 0.01

    found = conclude(*pair(losses), Margin(0.05))

    assert (found.answer, found.method) == (Answer.OPEN, Method.BOUND)
    assert found.high > 0.05


def test_equal_scores_of_enough_samples_pass():
    assert conclude(*pair(np.zeros(3000)), Margin(0.05)).answer is Answer.WITHIN


@pytest.mark.parametrize("whole", [None, lambda counts: 100.0], ids=["mean", "whole"])
def test_rounding_on_all_of_200_samples_does_not_show_that_none_is_ruined(whole):
    """In a unit of its own: 0.5 % of samples whose error grows by a fifth lose 0.1, and 200 samples may miss them."""
    losses = np.random.default_rng(1).normal(0.0, 0.02, 200)
    reference = Scores(np.full(200, 100.0), Direction.LOWER, False, whole)
    variant = Scores(100.0 + losses, Direction.LOWER, False, whole)

    found = conclude(reference, variant, Margin(0.1))

    assert found.answer is Answer.OPEN
    assert found.high == pytest.approx(100.0 * (1 - 0.05 ** (1 / 200)), rel=0.02)
    assert found.to_decide_without_loss == pytest.approx(3000, rel=0.05)


def test_of_a_metric_in_percent_a_sample_that_was_not_seen_may_lose_all():
    losses = np.random.default_rng(1).normal(0.0, 0.001, 1000)
    reference, variant = Scores(np.full(1000, 0.5)), Scores(0.5 - losses)

    enough, few = (conclude(reference, variant, Margin(margin)) for margin in (0.35, 0.25))

    assert (enough.answer, few.answer) == (Answer.WITHIN, Answer.OPEN)


def test_what_a_sample_loses_against_other_labels_may_be_lost_by_one_that_was_not_seen():
    reference, variant = pair(np.random.default_rng(1).normal(0.0, 0.01, 1000))

    known = conclude(replace(reference, ruined=300.0), variant, Margin(0.5))

    assert conclude(reference, variant, Margin(0.5)).answer is Answer.WITHIN
    assert known.answer is Answer.OPEN
    assert known.high == pytest.approx(0.9, rel=0.02)


def test_what_would_decide_of_rounded_means_decides():
    def gate(samples):
        losses = np.random.default_rng(3).normal(0.0, 0.03, samples)
        return conclude(Scores(np.full(samples, 0.6)), Scores(0.6 - losses + losses.mean()), Margin(0.3))

    wanted = gate(500).to_decide_without_loss

    assert wanted is not None
    assert gate(wanted).answer is Answer.WITHIN


def test_a_relative_margin_of_means_follows_the_float_models_own_mean():
    losses = np.random.default_rng(1).normal(0.2, 0.3, 4000)

    within, beyond = (conclude(*pair(losses), Margin(relative=percent)) for percent in (1.0, 0.5))

    assert (within.answer, beyond.answer) == (Answer.WITHIN, Answer.BEYOND)
    assert within.margin == pytest.approx(0.3, abs=0.01)
    assert within.high < within.margin
    assert beyond.low > beyond.margin


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 3.0))
@settings(deadline=None, max_examples=30)
def test_the_interval_and_the_answer_say_the_same(seed, relative):
    generator = np.random.default_rng(seed)
    reference = (generator.random(900) < 0.8).astype(np.float64)
    flipped = generator.random(900) < 0.05
    scores = Scores(reference), Scores(np.where(flipped, 1 - reference, reference))

    found = conclude(*scores, Margin(relative=relative))

    assume(min(abs(found.high - found.margin), abs(found.low - found.margin)) > 0.01)
    expected = (
        Answer.WITHIN if found.high < found.margin else Answer.BEYOND if found.low > found.margin else Answer.OPEN
    )
    assert found.answer is expected


def test_where_a_1_is_an_error_harm_is_told_the_other_way_round():
    errors, fewer = np.zeros(4000), np.zeros(4000)
    errors[:400] = 1.0
    fewer[100:400] = 1.0
    reference, variant = (Scores(each, Direction.LOWER) for each in (errors, fewer))

    found = conclude(reference, variant, Margin(relative=5.0))

    assert (found.answer, found.harmful, found.helpful, found.drop) == (Answer.WITHIN, 0, 100, pytest.approx(-2.5))
    assert conclude(variant, reference, Margin(relative=5.0)).answer is Answer.BEYOND


def test_one_sample_shows_nothing():
    ones = Scores(np.ones(1)), Scores(np.ones(1))
    whole = Scores(np.ones(1), whole=lambda _: 1.0), Scores(np.ones(1), whole=lambda _: 1.0)

    for scores in (ones, whole, pair([0.0])):
        assert conclude(*scores, Margin(1.0)).answer is Answer.OPEN
        assert census(*scores, Margin(1.0)).answer is Answer.WITHIN


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_census_holds_a_margin_in_whatever_unit_the_metric_is(unit):
    errors = unit * np.random.default_rng(0).random(1000)
    kind = {"direction": Direction.LOWER, "percent": False}
    reference = Scores(errors, **kind)

    def lost(share: float) -> Answer:
        return census(reference, Scores(errors + share * unit, **kind), Margin(0.001 * unit)).answer

    assert lost(0.001) is Answer.WITHIN  # but for rounding
    assert lost(0.001 * (1 + 1e-6)) is Answer.BEYOND
    assert lost(0.5) is Answer.BEYOND


@pytest.mark.parametrize("samples", [200, 900])
def test_what_would_decide_is_more_than_there_is(samples):
    scores = np.ones(samples)
    variant = scores.copy()
    variant[: samples // 150] = 0.0

    found = conclude(Scores(scores), Scores(variant), Margin(0.5))

    assert found.answer is Answer.OPEN
    assert found.to_decide_without_loss is not None
    assert found.to_decide_without_loss > samples


def test_an_unseen_gain_is_no_larger_than_what_the_float_model_lacks():
    random = np.random.default_rng(5)
    reference = 1.0 + random.random(300)
    worse = reference + 0.05 + 0.02 * random.random(300)
    kind = {"direction": Direction.LOWER, "percent": False, "ruined": 1e6}

    bounded, open_ = (
        conclude(Scores(reference, bounds=bounds, **kind), Scores(worse, bounds=bounds, **kind), Margin(0.01))
        for bounds in ((1.0, math.inf), None)
    )

    assert bounded.answer is Answer.BEYOND
    assert open_.answer is Answer.OPEN
    assert open_.high == bounded.high > 1000


def test_errors_without_an_end_are_judged_by_a_sample_that_is_all_wrong():
    errors = np.repeat([0.0, 2.0], [290, 10])
    kind = {"direction": Direction.LOWER, "whole": lambda counts: 0.05, "bounds": (0.0, math.inf)}

    found = conclude(Scores(errors, **kind), Scores(errors, **kind), Margin(2.0))

    assert found.high == pytest.approx(100 * (1 - 0.05 ** (1 / 300)))


def test_resamples_of_which_a_metric_says_nothing_are_beyond_both_ends():
    def share(counts):
        return float("nan") if counts[0] == 0 else float(counts[1] / counts.sum())

    alone = bootstrap_interval(share, 40, 0.05)
    beside = bootstrap_interval(lambda counts: float(counts[1] / counts.sum()), 40, 0.05)

    assert beside[0] >= 0
    assert beside[1] < 0.2
    assert alone == (-math.inf, math.inf)  # a third of all resamples lack the first sample


def test_losses_of_any_size_have_an_acceleration():
    assert acceleration(np.array([1.0, 2.0, 9.0]) * 1e200) == pytest.approx(acceleration(np.array([1.0, 2.0, 9.0])))
