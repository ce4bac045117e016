"""Figures in messages: what was found never reads like what should have been."""

from __future__ import annotations

import math

import pytest

from pytest_qparity.checks.figures import apart


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        pytest.param(12.44, 20.0, "12.4", id="far from the limit"),
        pytest.param(19.97, 20.0, "19.97", id="rounds to the limit"),
        pytest.param(19.99996, 20.0, "19.99996", id="rounds to the limit four times"),
        pytest.param(64.04, 64.0, "64.04", id="above the limit"),
        pytest.param(20.0, 20.0, "20.0", id="equal to the limit"),
        pytest.param(20.0 - 1e-14, 20.0, "20.0", id="nothing that a reader could tell apart"),
        pytest.param(math.nan, 20.0, "nan", id="NaN"),
        pytest.param(-math.inf, 20.0, "-inf", id="infinite"),
    ],
)
def test_a_figure_gets_the_decimals_that_tell_it_from_its_limit(value, limit, shown):
    assert apart(value, limit, 1) == shown
