"""What an input's range says of the data that a file was calibrated with: of the file, and of data that are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.causes.inputs import input_suspects
from pytest_qparity.diagnose.measures import ActivationMeasure, Measured
from tests.diagnose.causes.test_activations import measured as activation

VALUES = np.random.default_rng(0).uniform(-1.0, 1.0, (200, 8)).astype(np.float32)


def range_of(tensor: str, factor: float, calibration: float | None = None) -> ActivationMeasure:
    """A range `factor` times as wide as its values; over calibration data they reach `calibration` times as far."""
    known = None if calibration is None else (-calibration, calibration)
    return replace(activation(VALUES, factor / 127, calibration=known), tensor=tensor, name=f"q_{tensor}")


def found(*activations: ActivationMeasure) -> Suspect | None:
    everything = Measured((), activations, (), {}, (), (), 8, {})
    suspects = input_suspects(everything, {}, ["input"])
    assert len(suspects) <= 1
    return suspects[0] if suspects else None


@pytest.mark.parametrize("calibration", [None, 1.0, 255.0])
def test_a_file_of_unscaled_data_is_named_whatever_data_are_named_beside_it(calibration: float | None) -> None:
    suspect = found(range_of("input", 255.0, calibration), range_of("a", 200.0), range_of("b", 90.0))

    assert suspect is not None
    assert suspect.cause is Cause.UNSCALED_CALIBRATION
    assert suspect.everywhere
    assert suspect.numbers["ratio_in_file"] == pytest.approx(255.0, rel=0.01)
    assert ("made with others" in suspect.sentence) == (calibration == 1.0)
    assert ("make the file again" in suspect.remedy) == (calibration == 1.0)


def test_behind_a_normalization_one_range_that_is_off_as_much_is_enough() -> None:
    sound = [range_of(f"n{index}", 1.0) for index in range(9)]

    assert found(range_of("input", 40.0, 1.0), range_of("embedded", 30.0), *sound) is not None
    assert found(range_of("input", 40.0, 1.0), range_of("embedded", 2.1), *sound) is None


def test_one_range_that_is_off_beside_right_calibration_data_is_not_the_whole_model() -> None:
    assert found(range_of("input", 20.0, 1.0), range_of("a", 1.0), range_of("b", 1.0)) is None


def test_named_data_that_are_off_are_no_cause_where_the_file_is_right() -> None:
    assert found(range_of("input", 1.0, 255.0), range_of("a", 1.0)) is None
    assert found(range_of("input", 1.0, 0.3), range_of("a", 1.0)) is None


def test_named_data_that_are_off_are_a_cause_where_the_file_clipped_a_part_of_them() -> None:
    suspect = found(range_of("input", 3.0, 9.0), range_of("a", 1.0))

    assert suspect is not None
    assert suspect.cause is Cause.UNSCALED_CALIBRATION
    assert suspect.numbers["ratio"] == pytest.approx(9.0, rel=0.01)


@pytest.mark.parametrize(("calibration", "cause"), [(None, True), (0.4, True), (1.0, False)])
def test_a_range_of_a_part_of_the_data_is_not_covering_unless_the_calibration_data_reach_further(
    calibration: float | None, cause: bool
) -> None:
    suspect = found(range_of("input", 0.4, calibration), range_of("a", 0.4))

    assert (suspect is not None and suspect.cause is Cause.CALIBRATION_NOT_COVERING) == cause
