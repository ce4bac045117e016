"""Bounds are bounds: what float32 makes of random values, in whatever order, is within; and they are no barn doors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pytest_qparity.checks.conformance.rounding import Real, gamma, spacing
from pytest_qparity.quantmath.integers import INT8

ROUNDS = 200


def drawn(random: np.random.Generator, *shape: int) -> np.ndarray:
    return (random.standard_normal(shape) * np.exp2(random.integers(-8, 9, shape))).astype(np.float32)


OPERATIONS: dict[str, tuple[Callable[..., Real], Callable[..., np.ndarray]]] = {
    "add": (lambda a, b: a + b, lambda a, b: a + b),
    "subtract": (lambda a, b: a - b, lambda a, b: a - b),
    "multiply": (lambda a, b: a * b, lambda a, b: a * b),
    "divide": (lambda a, b: a / b, lambda a, b: a / b),
    "sigmoid": (lambda a, b: a.sigmoid(), lambda a, b: np.float32(1) / (np.float32(1) + np.exp(-a))),
    "tanh": (lambda a, b: a.tanh(), lambda a, b: np.tanh(a)),
    "exp": (lambda a, b: a.exp(), lambda a, b: np.exp(a)),
    "square root": (lambda a, b: (a * a).sqrt(), lambda a, b: np.sqrt(a * a)),
    "chain": (lambda a, b: (a + b) * (a - b) / b, lambda a, b: (a + b) * (a - b) / b),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_float32_is_within_the_bound_of_an_operation(operation: str) -> None:
    random = np.random.default_rng(0)
    real, plain = OPERATIONS[operation]
    a, b = np.clip(drawn(random, 5_000), -60, 60), drawn(random, 5_000)

    result = real(Real.exact(a), Real.exact(b))

    off = np.abs(plain(a, b).astype(np.float64) - result.value)
    assert (off <= result.error).all()
    assert np.median(result.error / np.maximum(np.abs(result.value), 1e-30)) < 1e-4


def test_a_sum_of_products_is_within_the_bound_in_any_order() -> None:
    random = np.random.default_rng(1)
    for _ in range(ROUNDS):
        a, b = drawn(random, 3, 40), drawn(random, 40, 2)
        order = random.permutation(40)

        result = Real.exact(a).matmul(Real.exact(b))

        total = np.zeros((3, 2), np.float32)
        for index in order:
            total += np.outer(a[:, index], b[index])
        assert (np.abs(total.astype(np.float64) - result.value) <= result.error).all()


def test_a_bound_that_came_in_goes_through() -> None:
    exact, off = Real.exact(np.array([2.0])), Real(np.array([2.0]), np.array([0.25]))

    assert (off * exact).error[0] == pytest.approx(0.5, rel=1e-5)
    assert (off + off).error[0] == pytest.approx(0.5, rel=1e-5)
    assert (exact / off).error[0] == pytest.approx(2.0 * 0.25 / (2.0 * 1.75), rel=1e-5)


def test_a_divisor_that_may_be_zero_bounds_nothing() -> None:
    result = Real.exact(np.array([1.0])) / Real(np.array([0.1]), np.array([0.2]))

    assert np.isinf(result.error[0])


def test_away_from_ties_one_code_may_come_out_and_around_a_tie_both() -> None:
    real = Real.exact(np.array([1.4, 2.5 - 1e-9, -3.2]))
    inexact = Real(real.value, np.full(3, 1e-6))

    expected = inexact.quantized(np.float64(1.0), np.int64(0), INT8)

    assert expected.lowest.tolist() == [1.0, 2.0, -3.0]
    assert expected.highest.tolist() == [1.0, 3.0, -3.0]
    assert expected.traits["tie"].tolist() == [False, True, False]


def test_a_tie_between_powers_of_two_is_exact() -> None:
    expected = Real.exact(np.array([2.5, 3.5])).quantized(np.float64(1.0), np.int64(1), INT8)

    assert expected.lowest.tolist() == expected.highest.tolist() == [3.0, 5.0]


def test_codes_saturate() -> None:
    expected = Real.exact(np.array([1e9, -1e9])).quantized(np.float64(1.0), np.int64(-3), INT8)

    assert expected.lowest.tolist() == expected.highest.tolist() == [127.0, -128.0]
    assert expected.traits["saturated"].all()


def test_gamma_has_an_end() -> None:
    assert gamma(1) == pytest.approx(2.0**-24)
    with pytest.raises(ValueError, match="should be fewer than"):
        gamma(2**24)


def test_spacing_is_that_of_the_format() -> None:
    values = np.array([1.0, 1.5, 2.0, 0.0, 1e-45])

    assert spacing(values, 23, -126)[:3].tolist() == np.spacing(values[:3].astype(np.float32)).tolist()
    assert spacing(values, 23, -126)[3:].tolist() == [2.0**-149, 2.0**-149]
