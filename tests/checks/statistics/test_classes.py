"""Which classes and samples lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.checks.statistics.classes import FAMILY_LEVEL, class_drops, holm, worst_samples


def test_a_class_that_loses_more_than_chance_takes_is_found_among_many():
    labels = np.repeat(np.arange(50), 40)
    losses = np.zeros(2000)
    losses[7 * 40 : 7 * 40 + 14] = 1.0
    losses[::97] -= 1.0

    first, *others = class_drops(losses, labels)

    assert (first.label, first.samples, first.harmful, first.helpful) == (7, 40, 13, 0)
    assert first.drop == pytest.approx(13 / 40)
    assert first.lost
    assert not any(each.lost for each in others)
    assert [each.drop for each in others] == sorted((each.drop for each in others), reverse=True)


def test_chance_alone_names_a_class_in_5_percent_of_gates_at_most():
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(20), 100)
    flips = generator.choice([-1.0, 0.0, 1.0], p=[0.05, 0.9, 0.05], size=(600, 2000))

    named = [any(each.lost for each in class_drops(losses, labels)) for losses in flips]

    assert np.mean(named) <= FAMILY_LEVEL


def test_holms_correction_is_that_of_a_worked_example():
    """m − i + 1 times the i-th smallest, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holms_correction_keeps_the_order_and_makes_nothing_smaller(values):
    adjusted = holm(values)

    assert all(adjusted >= np.array(values))
    assert all(adjusted <= 1)
    assert all(np.diff(adjusted[np.argsort(values, kind="stable")]) >= 0)


def test_the_worst_samples_are_named_by_their_ids():
    losses = np.array([0.0, 0.5, -1.0, 1.0])

    assert worst_samples(losses, ["a", "b", "c", "d"]) == (("d", 1.0), ("b", 0.5))
    assert worst_samples(losses, None, most=1) == (("3", 1.0),)
