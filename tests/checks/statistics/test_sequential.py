"""Looks at a part of the samples: boundaries as in published tables."""

from __future__ import annotations

import pytest
from scipy.stats import norm

from pytest_qparity.checks.statistics.sequential import nominal_levels, obrien_fleming


def test_looks_at_20_50_and_100_percent():
    assert obrien_fleming([0.2, 0.5, 1.0], 0.05) == pytest.approx([3.753, 2.373, 1.678], abs=0.001)


@pytest.mark.parametrize(
    ("two_sided", "constants"),
    [
        (0.10, [1.645, 1.678, 1.710, 1.733, 1.751]),
        (0.05, [1.960, 1.977, 2.004, 2.024, 2.040]),
        (0.01, [2.576, 2.580, 2.595, 2.609, 2.621]),
    ],
)
def test_the_constants_are_those_of_jennison_and_turnbull(two_sided, constants):
    """C_B(K, α) of Group Sequential Methods (2000), table 2.3; two-sided, of which both sides together are nil here."""
    for looks, constant in enumerate(constants, start=1):
        shares = [share / looks for share in range(1, looks)] + [1.0]

        assert obrien_fleming(shares, two_sided / 2)[-1] == pytest.approx(constant, abs=0.0006)


def test_one_look_is_the_plain_test():
    assert obrien_fleming([1.0], 0.05) == (norm.isf(0.05),)
    assert nominal_levels([1.0], 0.05) == pytest.approx((0.05,))


@pytest.mark.parametrize("looks", [[], [0.5], [0.5, 0.4, 1.0], [0.0, 1.0], [0.5, 0.5, 1.0], [0.5, 1.5]])
def test_looks_rise_to_1(looks):
    with pytest.raises(ValueError, match="should rise from above 0 to 1"):
        obrien_fleming(looks, 0.05)
