"""Change points: the right night, and no alarm where nothing changed. Wider simulations: docs/baselines.md."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.report.change_points import change_points
from pytest_qparity.report.history import Point, Series

NIGHTS = 60


def series(values: np.ndarray, *, lower_is_better: bool = True) -> Series:
    points = tuple(Point(f"{night:03}", None, float(value), "pass", "") for night, value in enumerate(values))
    return Series("digits", "ort-int8", "median_ms", "ms", lower_is_better, "", points)


def noise(rng: np.random.Generator, kind: str) -> np.ndarray:
    if kind == "normal":
        return 1.0 + 0.02 * rng.standard_normal(NIGHTS)
    if kind == "rounded":
        return np.round(1.0 + 0.02 * rng.standard_normal(NIGHTS), 2)
    return 1.0 + 0.01 * rng.standard_normal(NIGHTS) + 0.5 * (rng.random(NIGHTS) < 0.1)  # a neighbour, now and then


@pytest.mark.parametrize("kind", ["normal", "rounded", "spikes"])
def test_flat_series_give_few_alarms(kind: str) -> None:
    rng = np.random.default_rng(1)

    alarms = sum(bool(change_points(series(noise(rng, kind)))) for _ in range(200))

    assert alarms <= 0.05 * 200


@pytest.mark.parametrize("kind", ["normal", "rounded"])
def test_a_planted_step_is_found_at_its_night(kind: str) -> None:
    rng = np.random.default_rng(2)

    for at in range(12, NIGHTS - 11, 4):
        values = noise(rng, kind)
        values[at:] *= 1.10
        found = change_points(series(values))
        assert [abs(change.index - at) <= 1 for change in found] == [True], at
        assert found[0].is_worse
        assert found[0].change_percent == pytest.approx(10.0, abs=2.5)


def test_a_step_that_stands_out_is_found_in_its_very_night() -> None:
    """Ranks alone would place it there three times in four."""
    rng = np.random.default_rng(5)

    found = []
    for _ in range(30):
        values = noise(rng, "normal")
        values[12:] *= 1.12
        found += [change.index for change in change_points(series(values))]

    assert found.count(12) >= 29


def test_a_step_up_and_back_are_two_changes_and_the_second_is_better() -> None:
    values = noise(np.random.default_rng(3), "normal")
    values[20:40] *= 1.10

    assert [(change.index, change.is_worse) for change in change_points(series(values))] == [(20, True), (40, False)]


def test_where_higher_is_better_a_fall_is_worse() -> None:
    values = noise(np.random.default_rng(4), "normal")
    values[30:] *= 0.9

    assert [change.is_worse for change in change_points(series(values, lower_is_better=False))] == [True]


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * NIGHTS, [1.0] * 4 + [9.0] * 4], ids=["none", "1", "flat", "few"])
def test_series_that_can_tell_nothing_have_no_change(values: list[float]) -> None:
    assert change_points(series(np.array(values))) == ()
