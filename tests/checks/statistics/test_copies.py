"""Samples that are copies: what all of them show is shown by the distinct ones too, or it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pytest_qparity.checks.accuracy import judge_accuracy, measure_accuracy
from pytest_qparity.checks.scores import Scores
from pytest_qparity.checks.statistics.copies import conclude_with_copies, first_alike, only
from pytest_qparity.checks.statistics.noninferiority import LEVEL, Answer, Margin, conclude

TWO = Margin(absolute=2.0)
TEN_TIMES = np.tile(np.arange(54), 10)


def right(samples: int = 540) -> Scores:
    return Scores(np.ones(samples))


def test_samples_are_alike_where_their_content_is():
    assert first_alike([b"a", b"b", b"a", b"c", b"b"]).tolist() == [0, 1, 0, 3, 1]


def test_distinct_samples_are_judged_as_before():
    assert conclude_with_copies(right(), right(), TWO, np.arange(540)) == conclude(right(), right(), TWO)


def test_54_samples_ten_times_show_what_54_show():
    found = conclude_with_copies(right(), right(), TWO, TEN_TIMES)
    of_54 = conclude(right(54), right(54), TWO)

    assert conclude(right(), right(), TWO).answer is Answer.WITHIN
    assert found.answer is Answer.OPEN
    assert (found.samples, found.distinct, found.high, found.to_decide_without_loss) == (
        540,
        54,
        of_54.high,
        of_54.to_decide_without_loss,
    )


def test_a_loss_that_copies_make_look_certain_is_not_shown():
    lost = Scores(np.where(TEN_TIMES < 4, 0.0, 1.0))

    assert conclude(right(), lost, TWO).answer is Answer.BEYOND
    assert conclude_with_copies(right(), lost, TWO, TEN_TIMES).answer is Answer.OPEN


def test_a_loss_of_many_copies_is_none_of_the_distinct_and_so_is_not_within():
    alike = np.concatenate([np.arange(400), np.zeros(140, np.int64)])
    lost = Scores(np.where(alike == 0, 0.0, 1.0))

    found = conclude_with_copies(right(), lost, TWO, alike)

    assert (found.answer, found.distinct) == (Answer.OPEN, 400)
    assert found.drop > 25 > 2 > found.low


def test_what_both_show_is_shown():
    alike = np.concatenate([np.arange(500), np.arange(40)])

    found = conclude_with_copies(right(), right(), TWO, alike)

    assert (found.answer, found.distinct, found.to_decide) == (Answer.WITHIN, 500, None)


def test_a_metric_that_is_no_mean_counts_each_kind_once():
    of_all = Scores(np.ones(6), whole=lambda counts: float((counts * np.arange(6)).sum()))

    some = only(of_all, np.array([0, 2, 5]))

    assert some.value() == 7
    assert some.value(np.array([0, 3, 1])) == 11


def test_the_verdict_tells_how_many_are_distinct():
    verdict = judge_accuracy(measure_accuracy("top1", right(), right(), TWO, LEVEL, TEN_TIMES))

    assert verdict.evidence["distinct_samples"] == 54
    assert "540 samples of which 54 are distinct, 0 lost, 0 gained" in verdict.failures[0].sentence
    assert "149 distinct samples" in verdict.failures[0].remedy


def test_a_census_counts_its_samples_as_they_stand():
    found = measure_accuracy("top1", right(), right(), TWO, None, TEN_TIMES).conclusion

    assert replace(found, low=0, high=0).distinct is None
    assert found.answer is Answer.WITHIN
