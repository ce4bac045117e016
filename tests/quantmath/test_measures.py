"""The scalar definitions, at ordinary values and where a quotient or a logarithm has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath import cosine, measures, nrmse, sqnr_db

POWERS = st.floats(min_value=1e-300, max_value=1e300)


@pytest.mark.parametrize(
    ("golden_power", "error_power", "decibels"),
    [(100.0, 1.0, 20.0), (1.0, 1.0, 0.0), (1.0, 10.0, -10.0), (1e-310, 1e-308, -20.0)],
    ids=["tenth", "equal", "louder-than-the-signal", "subnormal"],
)
def test_sqnr_is_ten_decibels_a_factor_of_ten_in_power(golden_power, error_power, decibels):
    assert sqnr_db(golden_power, error_power) == pytest.approx(decibels, abs=1e-9)


def test_sqnr_of_powers_whose_ratio_overflows_is_finite():
    assert sqnr_db(1e300, 1e-300) == pytest.approx(6000.0)


@pytest.mark.parametrize("golden_power", [1.0, 0.0], ids=["of a signal", "of silence"])
def test_sqnr_without_an_error_is_infinite(golden_power):
    assert sqnr_db(golden_power, 0.0) == math.inf


def test_sqnr_of_an_error_on_an_all_zero_golden_is_minus_infinity():
    assert sqnr_db(0.0, 1e-30) == -math.inf


@given(POWERS, POWERS)
def test_nrmse_is_sqnr_on_another_scale(golden_power, error_power):
    expected = 10.0 ** (-sqnr_db(golden_power, error_power) / 20.0)

    assert nrmse(golden_power, error_power) == pytest.approx(expected, rel=1e-9)


def test_nrmse_where_the_quotient_has_no_value():
    assert nrmse(1.0, 0.0) == 0.0
    assert nrmse(0.0, 0.0) == 0.0
    assert nrmse(0.0, 1.0) == math.inf


@pytest.mark.parametrize(
    ("dot", "golden_power", "output_power", "expected"),
    [(1.0, 1.0, 1.0, 1.0), (-2.0, 1.0, 4.0, -1.0), (0.0, 1.0, 1.0, 0.0), (0.5, 1.0, 1.0, 0.5)],
    ids=["parallel", "opposite", "orthogonal", "sixty-degrees"],
)
def test_cosine_of_an_angle(dot, golden_power, output_power, expected):
    assert cosine(dot, golden_power, output_power) == pytest.approx(expected)


def test_cosine_of_two_all_zero_vectors_is_one():
    assert cosine(0.0, 0.0, 0.0) == 1.0


@pytest.mark.parametrize(("golden_power", "output_power"), [(0.0, 3.0), (3.0, 0.0)], ids=["golden", "output"])
def test_cosine_with_one_all_zero_vector_is_zero(golden_power, output_power):
    assert cosine(0.0, golden_power, output_power) == 0.0


def test_cosine_of_sums_rounded_apart_stays_within_one():
    assert cosine(1.0 + 1e-6, 1.0, 1.0) == 1.0
    assert cosine(-1.0 - 1e-6, 1.0, 1.0) == -1.0


@pytest.mark.parametrize("power", [1e300, 1e-300], ids=["large", "small"])
def test_cosine_of_powers_whose_product_leaves_float64_is_exact(power):
    assert cosine(power, power, power) == pytest.approx(1.0)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -1.0], ids=["NaN", "infinite", "negative"])
@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (lambda power: sqnr_db(power, 1.0), "golden_power"),
        (lambda power: sqnr_db(1.0, power), "error_power"),
        (lambda power: nrmse(power, 1.0), "golden_power"),
        (lambda power: nrmse(1.0, power), "error_power"),
        (lambda power: cosine(0.0, power, 1.0), "golden_power"),
        (lambda power: cosine(0.0, 1.0, power), "output_power"),
    ],
    ids=["sqnr-golden", "sqnr-error", "nrmse-golden", "nrmse-error", "cosine-golden", "cosine-output"],
)
def test_a_sum_that_is_no_power_is_refused_by_name(measure, name, broken):
    with pytest.raises(ValueError, match=rf"^{name} is {broken}, should be finite and at least 0$"):
        measure(broken)


@pytest.mark.parametrize("dot", [math.nan, math.inf, -math.inf])
def test_a_dot_product_that_is_not_finite_is_refused(dot):
    with pytest.raises(ValueError, match=r"^dot is .*, should be finite$"):
        cosine(dot, 1.0, 1.0)


def test_blocks_of_any_float64_size_add_up():
    sums = measures.PowerSums()

    sums.add(np.array([2e-200]), np.array([1e-200]))
    sums.add(np.array([2e200]), np.array([1e200]))
    sums.add(np.array([0.0]), np.array([0.0]))

    assert sums.sqnr_db() == pytest.approx(0.0, abs=1e-9)
    assert sums.cosine() == pytest.approx(1.0)


def test_a_block_of_zeros_does_not_drown_a_small_sum():
    sums = measures.PowerSums()

    sums.add(np.array([3e-200]), np.array([1e-200]))
    sums.add(np.zeros(3), np.zeros(3))

    assert sums.sqnr_db() == pytest.approx(-20.0 * math.log10(2.0))


def test_large_values_that_meet_small_ones_are_orthogonal():
    sums = measures.PowerSums()

    sums.add(np.array([1e200]), np.array([1e-200]))
    sums.add(np.array([1e-200]), np.array([1e200]))

    assert sums.cosine() == pytest.approx(0.0, abs=1e-300)


def test_a_float32_sum_of_many_equal_squares_is_not_rounded_one_way():
    values = np.full(49_152, 0.1, np.float32)
    exact = 49_152 * float(values[0]) ** 2

    powers = measures.float32_powers(values, values, np.zeros_like(values))

    assert powers.golden == pytest.approx(exact, rel=1e-5)
    assert powers.output == powers.dot == powers.golden


@pytest.mark.parametrize(
    ("output", "golden"),
    [
        (2e19, 1.0),
        (1.0, 2e19),
        (math.nan, 1.0),
        (1.0, math.inf),
        (1e-20, 1.0e-20),
        (1.0 + 2**-20, 1e-20),
        (1e-20, 1.0),
    ],
    ids=["error-overflows", "golden-overflows", "nan", "infinity", "both-underflow", "golden-underflows", "output"],
)
def test_powers_that_float32_cannot_hold_are_not_given(output, golden):
    output, golden = np.array([output], np.float32), np.array([golden], np.float32)

    with np.errstate(all="ignore"):
        assert measures.float32_powers(output, golden, output - golden) is None


def test_integers_of_64_bits_are_subtracted_exactly():
    extremes = np.array([-(2**63), 2**63 - 1, 2**62 + 1, 5])
    others = np.array([2**63 - 1, -(2**63), 2**62, 250])

    assert measures.difference(extremes, others).tolist() == [-(2.0**64), 2.0**64, 1.0, -245.0]
    unsigned = np.array([0, 2**64 - 1, 2**63 + 1], np.uint64), np.array([2**64 - 1, 0, 2**63], np.uint64)
    assert measures.difference(*unsigned).tolist() == [-(2.0**64), 2.0**64, 1.0]
