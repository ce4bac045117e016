"""Each cause of an activation's range, from values that provoke it and a pair that a maker could have written."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.diagnose.causes.activations import activation_suspect
from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.measures import ActivationMeasure
from pytest_qparity.diagnose.passes.tallies import ActivationTally
from pytest_qparity.precision.pairs.quantizers import ActivationQuantizer
from pytest_qparity.quantmath import PerTensor

OPERATORS = {"reader": "Conv", "maker": "Relu"}


def measured(
    values: np.ndarray,
    scale: float,
    zero_point: int = 0,
    *,
    element: str = "int8",
    back: float | None = None,
    calibration: tuple[float, float] | None = None,
) -> ActivationMeasure:
    own = np.asarray(scale), np.asarray(float(zero_point))
    quantizer = ActivationQuantizer(
        name="q",
        tensor="t",
        raw="t",
        reads=("reader", "other"),
        made_by="maker",
        element=element,
        scale=own[0],
        zero_point=own[1],
        back=own if back is None else (np.asarray(back), own[1]),
        layout=PerTensor(),
        dequantized=("dq",),
    )
    tally = ActivationTally(quantizer, 1)
    for part in np.array_split(values.astype(np.float32), 3):
        tally.add(part)
    measure = tally.measure(calibration)
    assert measure is not None
    return measure


def cause_of(measure: ActivationMeasure) -> Suspect:
    return activation_suspect(measure, OPERATORS, "int8")


@pytest.fixture
def normal() -> np.ndarray:
    """float32 (300, 8): standard normal, within ±4.5."""
    return np.clip(np.random.default_rng(0).standard_normal((300, 8)), -4.5, 4.5)


def test_a_range_that_holds_its_values_is_rounding(normal: np.ndarray) -> None:
    suspect = cause_of(measured(normal, np.abs(normal).max() / 127))

    assert suspect.cause is Cause.ROUNDING
    assert suspect.numbers["read_by"] == ["reader", "other"]
    assert (suspect.node, suspect.op_type, suspect.tensor) == ("reader", "Conv", "t")


def test_a_range_of_both_signs_for_values_of_one_loses_a_bit_and_no_more(normal: np.ndarray) -> None:
    positive = np.maximum(normal, 0.0)

    assert cause_of(measured(positive, positive.max() / 127)).cause is Cause.ROUNDING


def test_values_beyond_the_codes_saturate(normal: np.ndarray) -> None:
    suspect = cause_of(measured(normal, 1.0 / 127))

    assert suspect.cause is Cause.RANGE_SATURATED
    assert suspect.numbers["clipped_percent"] == pytest.approx(100 * (np.abs(normal) > 1.0).mean(), abs=1.0)
    assert "minmax" in suspect.key


def test_calibration_data_that_the_codes_hold_did_not_reach_so_far(normal: np.ndarray) -> None:
    suspect = cause_of(measured(normal, 1.0 / 127, calibration=(-1.0, 1.0)))

    assert suspect.cause is Cause.CALIBRATION_NOT_COVERING
    assert suspect.numbers["calibration"] == [-1.0, 1.0]


def test_calibration_data_that_are_clipped_too_are_no_excuse(normal: np.ndarray) -> None:
    assert cause_of(measured(normal, 1.0 / 127, calibration=(-4.0, 4.0))).cause is Cause.RANGE_SATURATED


def test_codes_far_beyond_the_values_waste_bits(normal: np.ndarray) -> None:
    suspect = cause_of(measured(normal, 16 * np.abs(normal).max() / 127))

    assert suspect.cause is Cause.RANGE_TOO_WIDE
    assert suspect.numbers["bits_lost"] == pytest.approx(4.0, abs=0.2)


def test_a_value_far_out_wastes_bits_of_all_others(normal: np.ndarray) -> None:
    values = np.tile(normal.reshape(-1, 2), (4, 1))
    values[7, 1] = 900.0
    suspect = cause_of(measured(values, 900.0 / 127))

    assert suspect.cause is Cause.RANGE_TOO_WIDE
    assert suspect.numbers["bulk_bits"] < 3.0
    assert "percentile" in suspect.key


def test_values_of_few_levels_waste_nothing(normal: np.ndarray) -> None:
    values = np.random.default_rng(2).integers(0, 17, (600, 8)) / 16.0

    assert cause_of(measured(values, 1.0 / 127)).cause is Cause.ROUNDING


def test_a_mask_that_has_the_range_leaves_the_scores_few_steps(normal: np.ndarray) -> None:
    values = np.tile(normal.reshape(-1, 2), (4, 1))
    values[::3] -= 10_000.0
    suspect = cause_of(measured(values, 10_005.0 / 255, 254, element="uint8"))

    assert suspect.cause is Cause.RANGE_TOO_WIDE
    assert suspect.numbers["bulk_bits"] < 3.0
    assert suspect.numbers["sqnr_db"] > 30.0  # what drowns in the mask shows in no ratio of powers
    assert "keep_float" in suspect.key


def test_a_step_above_all_values_makes_them_zero(normal: np.ndarray) -> None:
    suspect = cause_of(measured(normal, 20.0))

    assert suspect.cause is Cause.ZERO_POINT_COLLAPSE
    assert suspect.numbers["zeroed_percent"] == 100.0


def test_a_zero_point_beside_its_place_clips_one_side_and_leaves_the_other(normal: np.ndarray) -> None:
    suspect = cause_of(measured(normal, 9.0 / 255, 128 + 70, element="uint8"))

    assert suspect.cause is Cause.ZERO_POINT_SHIFTED
    assert suspect.numbers["shift_codes"] == pytest.approx(70, abs=15)


@pytest.mark.parametrize(("element", "zero_point"), [("int8", 0), ("int8", -128), ("uint8", 0), ("uint8", 128)])
def test_zero_points_that_makers_choose_are_not_shifted(element: str, zero_point: int) -> None:
    values = np.random.default_rng(4).uniform(-0.3, 1.6, (300, 8))  # over one end of codes, short of the other
    suspect = cause_of(measured(values, 1.0 / 127, zero_point, element=element))

    assert suspect.cause is Cause.RANGE_SATURATED


def test_halves_of_a_pair_with_other_scales_disagree(normal: np.ndarray) -> None:
    scale = np.abs(normal).max() / 127

    assert cause_of(measured(normal, scale, back=1.5 * scale)).cause is Cause.PAIR_DISAGREES


def test_a_channel_that_has_the_range_alone_is_named(normal: np.ndarray) -> None:
    normal[:, 5] *= 60
    suspect = cause_of(measured(normal, np.abs(normal).max() / 127))

    assert suspect.cause is Cause.OUTLIER_CHANNEL
    assert suspect.numbers["channel"] == 5
    assert suspect.numbers["ratio"] > 30


def test_a_tensor_of_zeros_wastes_nothing() -> None:
    assert cause_of(measured(np.zeros((600, 8)), 0.1)).cause is Cause.ROUNDING


def test_keys_are_toml(normal: np.ndarray) -> None:
    import tomllib

    suspect = cause_of(measured(normal, 16 * np.abs(normal).max() / 127))

    assert tomllib.loads(suspect.key) == {"precisions": {"int8": {"keep_float": ["reader", "other"]}}}
