from __future__ import annotations

import pytest

from pytest_qparity.commands.rescue import clock
from pytest_qparity.rescue.forecast import Forecast, of_prefix, of_pruning
from pytest_qparity.rescue.searching import pruned, smallest_prefix


def test_nothing_is_foretold_before_anything_was_measured():
    assert Forecast().seconds_left(60.0) is None


def test_what_is_left_is_the_median_evaluation_as_often_as_one_is_expected():
    forecast = Forecast()
    forecast.expect(6)
    for seconds in (2.0, 30.0, 2.0):
        forecast.took(seconds)

    assert forecast.seconds_left(600.0) == 2.0 * 3
    assert forecast.seconds_left(5.0) == 5.0


def test_one_more_is_always_expected_until_the_search_ends():
    forecast = Forecast()
    forecast.expect(0)
    forecast.took(3.0)

    assert forecast.seconds_left(600.0) == 3.0


@pytest.mark.parametrize("needed", [1, 3, 9, 20])
def test_searches_take_no_more_than_was_expected(needed):
    asked = []

    def passes(names):
        asked.append(len(names))
        return len(names) >= needed

    smallest_prefix([str(each) for each in range(25)], 25, passes)
    assert len(asked) <= of_prefix(25)

    asked.clear()
    pruned([str(each) for each in range(needed)], passes)
    assert len(asked) <= of_pruning(needed) + 1


def test_seconds_are_told_as_a_clock_does():
    assert [clock(each) for each in (0.4, 61.0, 600.0)] == ["0:00", "1:01", "10:00"]
