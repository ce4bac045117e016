from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.checks.conformance.example import Array, Expected
from pytest_qparity.checks.conformance.operators import departures
from pytest_qparity.checks.conformance.rounding import Real
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType
from pytest_qparity.quantmath.layout import PerTensor

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def codes_of(value: float, zero_point: int, type_: IntegerType) -> set[float]:
    ways = departures.truncated(Real.exact([value]), np.ones(()), np.asarray(zero_point), type_)
    return {float(way.lowest[0]) for way in ways}


@pytest.mark.parametrize(
    ("value", "zero_point", "type_", "codes"),
    [
        (1.7, 3, UINT8, {4.0}),
        (-1.7, 3, UINT8, {1.0, 2.0, 255.0}),  # ⌊1.3⌋, 3 − 1, and 255 + 3 saturated
        (300.5, 0, UINT8, {255.0, 44.0}),
        (-200.5, 0, INT8, {-128.0, 56.0}),
    ],
    ids=["inside", "below the zero point", "above the range", "signed"],
)
def test_a_fraction_is_cut_off_before_the_zero_point_or_behind_it(
    value: float, zero_point: int, type_: IntegerType, codes: set[float]
) -> None:
    assert codes_of(value, zero_point, type_) == codes


def test_what_float32_may_make_of_a_value_is_cut_off_at_both_ends() -> None:
    ways = departures.truncated(Real(np.array([2.0]), np.array([0.1])), np.ones(()), np.zeros(()), UINT8)

    assert {float(way.lowest[0]) for way in ways} == {1.0, 2.0}


@pytest.mark.parametrize("output", [np.dtype(np.float32), np.dtype(np.float16)], ids=str)
def test_a_zero_point_multiplied_out_is_within_and_other_values_are_not(output: np.dtype[np.float32]) -> None:
    codes, zero = np.arange(256, dtype=np.uint8), np.asarray(200, np.uint8)
    scale = np.asarray(0.1, output)
    apart = (codes.astype(output) * scale - zero.astype(output) * scale).astype(output)

    expected = departures.dequantized_apart(codes, scale, zero, PerTensor(), output)[departures.ZERO_POINT_APART][0]

    assert not expected.beyond(apart).any()
    assert expected.beyond((apart + scale).astype(output)).all()


def test_codes_beyond_the_type_leave_nothing_open() -> None:
    codes, scale = np.array([100_000, -70_000], np.int32), np.asarray(0.25, np.float16)

    departed = departures.dequantized_apart(codes, scale, np.zeros((), np.int32), PerTensor(), scale.dtype)

    anything = np.array([16_376.0, -1.0], np.float16)  # 65,504 / 4 is another departure
    assert all(each.beyond(anything).all() for each in departed[departures.ZERO_POINT_APART])


def test_a_bfloat16_that_is_not_rounded_is_within() -> None:
    codes, scale = np.arange(256, dtype=np.uint8), np.asarray(0.1, BFLOAT16)
    float32 = codes.astype(np.float32) * scale.astype(np.float32)

    departed = departures.dequantized_apart(codes, scale, np.zeros((), np.uint8), PerTensor(), BFLOAT16)

    (unrounded,) = departed[departures.UNROUNDED]
    assert not _as_float32(unrounded).beyond(float32).any()
    assert _as_float32(unrounded).beyond(float32 * np.float32(1.1))[1:].all()


def test_float_activations_are_not_those_of_8_bits() -> None:
    a = np.array([[0.3, 0.71, -0.5]], np.float32)
    weights, one = np.ones((3, 1), np.int8), np.ones((), np.float32)
    exact = a.astype(np.float64) @ weights

    departed = departures.float_products(a, weights, one, np.zeros((), np.int8), np.array([2.0], np.float32))

    assert not departed[departures.FLOAT_ACTIVATIONS][0].beyond((exact + 2.0).astype(np.float32)).any()
    steps = np.rint(a.astype(np.float64) / 0.71 * 127.0) / 127.0 * 0.71
    eight_bits = (steps @ weights + 2.0).astype(np.float32)
    assert departed[departures.FLOAT_ACTIVATIONS][0].beyond(eight_bits).all()
    assert not departed["int8_activations"][0].beyond(eight_bits).any()


def _as_float32(expected: Expected) -> Expected:
    unit: Array = expected.unit
    return Expected(expected.lowest, expected.highest, unit, np.dtype(np.float32))
