"""Samples in groups (steps of recordings, samples of a label): groups are drawn from a population, each counts once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from pytest_qparity.checks.accuracy import judge_accuracy, measure_accuracy
from pytest_qparity.checks.scores import Direction, Scores
from pytest_qparity.checks.statistics.gaffke import largest_ratio, p_of_ratio
from pytest_qparity.checks.statistics.groups import Grouping, conclude_of_groups, joined
from pytest_qparity.checks.statistics.noninferiority import LEVEL, Answer, Margin, Method, conclude
from tests.checks.statistics.recording_simulation import Losing, Recorded, Retrieved

GATES = 2000
ERROR = 3 * (LEVEL * (1 - LEVEL) / GATES) ** 0.5  # Monte Carlo
HALF = Margin(absolute=0.5)


def grouped(recordings: int, steps: int = 10, alike: np.ndarray | None = None) -> Grouping:
    of = np.repeat(np.arange(recordings), steps)
    firsts = np.arange(len(of)) if alike is None else np.flatnonzero(np.isin(of, np.unique(alike)))
    return Grouping(of, firsts, "recordings")


def right(recordings: int, steps: int = 10) -> Scores:
    return Scores(np.ones(recordings * steps))


@pytest.mark.parametrize(("count", "lost", "margin"), [(2, 0, 0.8), (5, 1, 0.6), (100, 3, 0.08), (598, 0, 0.005)])
def test_of_recordings_that_lose_all_or_nothing_p_is_the_exact_binomial_one(count, lost, margin):
    losses = np.repeat([1.0, 0.0], [lost, count - lost])

    found = p_of_ratio(7 * losses, np.full(count, 7), 1.0, margin)

    assert found == pytest.approx(binom.cdf(lost, count, margin), rel=3e-3)


def test_of_any_losses_p_is_the_share_of_weights_that_put_the_mean_beyond_the_margin():
    generator = np.random.default_rng(0)
    lengths = np.array([10.0, 50.0, 30.0, 50.0, 20.0])
    sums = lengths * generator.uniform(-0.2, 0.3, 5)
    beyond = np.append(sums - 0.25 * lengths, (1 - 0.25) * 50)

    drawn = generator.standard_exponential((100_000, 6)) @ beyond > 0

    assert p_of_ratio(sums, lengths, 1.0, 0.25) == pytest.approx(drawn.mean(), abs=0.006)


def test_the_end_of_the_interval_is_where_p_is_the_level():
    sums, lengths = np.array([1.0, 0.0, -2.0, 0.5, 3.0, 0.0]), np.array([10.0, 40.0, 20.0, 10.0, 30.0, 10.0])

    end = largest_ratio(sums, lengths, 1.0, LEVEL)

    assert p_of_ratio(sums, lengths, 1.0, end) == pytest.approx(LEVEL, rel=1e-6)


@pytest.mark.parametrize(
    "setting",
    [
        Recorded(20, 0.05),  # as it was found: 38 % by steps
        Recorded(20, 0.05, flipped=0.05, others=400),
        Recorded(60, 0.02, loss=0.9, flipped=0.02),
        Recorded(5, 0.3, loss=0.9),
        Recorded(200, 0.2, loss=0.2, flipped=0.05),
    ],
    ids=lambda each: f"{each.recordings}-{each.ruined}",
)
def test_a_loss_of_the_margin_passes_and_fails_in_5_percent_of_gates_at_most(setting):
    passed, failed, by_steps = setting.passes(setting.drop, GATES)

    assert max(passed, failed) <= LEVEL + ERROR
    assert by_steps > 2 * LEVEL  # what the guard is for


@pytest.mark.parametrize(
    ("count", "losses", "shares"),
    [
        (2, (-1.0, 0.0, 1.0), (0.05, 0.05, 0.9)),
        (3, (0.0, 0.5, 1.0), (0.2, 0.3, 0.5)),
        (10, (-0.6, -0.5, 1.0), (0.3, 0.0, 0.7)),
        (20, (-0.02, 0.02, 0.4), (0.5, 0.4, 0.1)),
        (50, (-0.2, -0.1, 1.0), (0.2, 0.16, 0.64)),
        (100, (-0.08, 0.1, 0.93), (0.37, 0.39, 0.24)),
    ],
)
def test_the_worst_populations_that_were_found_pass_in_5_percent_at_most(count, losses, shares):
    assert Losing(count, losses, shares).passes(GATES) <= LEVEL + ERROR


def test_a_recording_counts_once_however_many_steps_it_has():
    few = conclude_of_groups(right(20, 100), right(20, 100), HALF, grouped(20, 100))
    enough = conclude_of_groups(right(598), right(598), HALF, grouped(598))

    assert conclude(right(20, 100), right(20, 100), HALF).answer is Answer.WITHIN
    assert (few.answer, few.method, few.drawn) == (Answer.OPEN, Method.GROUPS, 20)
    assert few.high == pytest.approx(100 * (1 - 0.05 ** (1 / 20)))
    assert few.to_decide_without_loss == 598
    assert enough.answer is Answer.WITHIN


def test_one_recording_is_never_enough_whatever_the_margin():
    found = conclude_of_groups(right(1, 500), right(1, 500), Margin(absolute=120.0), grouped(1, 500))

    assert (found.answer, found.low, found.high) == (Answer.OPEN, -100.0, 100.0)


def test_recordings_of_one_step_are_samples():
    found = conclude_of_groups(right(600, 1), right(600, 1), HALF, grouped(600, 1))

    assert (found.answer, found.method) == (Answer.WITHIN, Method.EXACT)


def test_copies_of_a_recording_are_one():
    alike = np.tile(np.arange(30), 20)

    found = conclude_of_groups(right(600), right(600), HALF, grouped(600, 10, alike))
    one = conclude_of_groups(right(600), right(600), Margin(absolute=120.0), grouped(600, 10, 0 * alike))

    assert (found.answer, found.drawn, found.distinct) == (Answer.OPEN, 600, 30)
    assert found.high == pytest.approx(100 * (1 - 0.05 ** (1 / 30)))
    assert (one.answer, one.distinct) == (Answer.OPEN, 1)


def test_a_loss_that_all_recordings_share_is_shown_and_the_interval_mirrors():
    worse = Scores(np.tile(np.repeat([1.0, 0.0], [9, 1]), 100))

    lost, won = (conclude_of_groups(*pair, HALF, grouped(100)) for pair in ((right(100), worse), (worse, right(100))))

    assert (lost.answer, won.answer) == (Answer.BEYOND, Answer.WITHIN)
    assert (won.low, won.high) == pytest.approx((-lost.high, -lost.low))


def test_a_relative_margin_and_errors_in_their_own_unit_are_told_of_recordings_too():
    generator = np.random.default_rng(0)
    errors = 1.0 + generator.random(3000)
    kind = {"direction": Direction.LOWER, "percent": False, "bounds": (0.0, 3.0)}

    within, open_ = (
        conclude_of_groups(Scores(errors, **kind), Scores(1.001 * errors, **kind), Margin(relative=5.0), grouped(n, s))
        for n, s in ((300, 10), (3, 1000))
    )

    assert (within.answer, open_.answer) == (Answer.WITHIN, Answer.OPEN)
    assert within.margin == pytest.approx(0.05 * errors.mean())


def test_a_metric_of_the_whole_resamples_recordings():
    """Half of the recordings lose everything: 2,000 steps would know the drop to 2 points, 10 recordings to 30."""
    worse = np.tile(np.repeat([1.0, 0.0], 200), 5)

    def whole(of: np.ndarray) -> Scores:
        return Scores(of, whole=lambda counts: float(np.average(of, weights=counts)))

    found = conclude_of_groups(whole(np.ones(2000)), whole(worse), Margin(absolute=45.0), grouped(10, 200))

    assert (found.answer, found.method) == (Answer.OPEN, Method.GROUPS_BOOTSTRAP)
    assert found.high - found.low > 40


def test_what_would_decide_decides():
    def gate(recordings: int) -> object:
        generator = np.random.default_rng(3)
        lost = (generator.random((recordings, 50)) < 0.02).astype(np.float64)
        gained = np.roll(lost, 1)
        pair = Scores(1.0 - gained.ravel()), Scores(1.0 - lost.ravel())
        return conclude_of_groups(*pair, Margin(absolute=2.0), grouped(recordings, 50))

    wanted = gate(40).to_decide_without_loss

    assert gate(40).answer is Answer.OPEN
    assert 100 < wanted < 250
    assert gate(wanted).answer is Answer.WITHIN


def test_what_would_decide_does_with_the_probability_that_is_told():
    generator = np.random.default_rng(1)
    lost, kept = generator.random(3000) < 0.025, generator.random(3000) >= 0.025
    pair = Scores((kept | lost).astype(np.float64)), Scores(1.0 - lost)

    wanted = conclude_of_groups(*pair, Margin(absolute=5.0), grouped(30, 100)).to_decide_without_loss

    assert wanted is not None
    assert 0.75 < Recorded(wanted, 0.0, flipped=0.05).passes(0.05, GATES)[0] < 0.95


def test_the_verdict_speaks_of_recordings():
    grouping = grouped(20, 10, np.tile(np.arange(10), 2))

    verdict = judge_accuracy(measure_accuracy("top1", right(20), right(20), HALF, LEVEL, grouping=grouping))

    (failure,) = verdict.failures
    assert "200 steps of 20 recordings of which 10 are distinct, 0 lost, 0 gained" in failure.sentence
    assert "test on 598 distinct recordings" in failure.remedy
    assert "population = false where these recordings are all that matter" in failure.remedy
    assert (verdict.evidence["recordings"], verdict.evidence["distinct_recordings"]) == (20, 10)
    assert verdict.evidence["recordings_to_decide_without_loss"] == 598
    assert "samples_to_decide" not in verdict.evidence


def test_labels_that_are_ruined_whole_pass_in_5_percent_of_gates_at_most():
    passed, alone = Retrieved(20, 0.05, each=5).passes(80)

    assert passed <= LEVEL
    assert alone > 0.25  # what the guard is for


def test_copies_within_and_across_groups_are_no_more_samples():
    """40 groups of a sample that all have, and one of its own each; then copies within a group alone."""
    shared = Grouping(np.repeat(np.arange(40), 2), np.array([0, *range(1, 80, 2)]))
    within = Grouping(np.repeat(np.arange(40), 2), np.arange(0, 80, 2))
    gone = Grouping(np.repeat(np.arange(40), 2), np.arange(60))

    crossed, doubled, fewer = (
        conclude_of_groups(right(80, 1), right(80, 1), Margin(absolute=8.0), each) for each in (shared, within, gone)
    )

    assert (doubled.answer, doubled.drawn, doubled.distinct) == (Answer.WITHIN, 40, None)
    assert (crossed.answer, crossed.drawn, crossed.distinct) == (Answer.OPEN, 40, None)
    assert (fewer.answer, fewer.drawn, fewer.distinct) == (Answer.OPEN, 40, 30)


def test_what_shares_a_group_of_either_kind_is_together():
    nested = joined(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 2, 2, 3]))
    linked = joined(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 3]))

    assert nested.tolist() == [0, 0, 1, 1, 2]
    assert linked.tolist() == [0, 0, 0, 0, 1]
