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


@pytest.mark.parametrize("off", [0.0, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_a_gate_is_bounded_by_its_range_and_by_what_comes_in(function: str, off: float) -> None:
    values = np.linspace(-20.0, 20.0, 401)
    plain = {"sigmoid": lambda x: 1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0))), "tanh": np.tanh}[function]

    result = getattr(Real(values, np.full(401, off)), function)()

    for end in (values - off, values, values + off):
        assert (np.abs(plain(end) - result.value) <= result.error).all()
    assert (result.value + result.error <= 1.0 + 2.0**-19).all()
    assert (result.value - result.error >= {"sigmoid": 0.0, "tanh": -1.0}[function] - 2.0**-19).all()


@pytest.mark.parametrize("spread", [1.0, 30.0, 1e4])
def test_float32_is_within_the_bound_of_softmax_which_is_narrow(spread: float) -> None:
    random = np.random.default_rng(2)
    for _ in range(ROUNDS):
        x = (random.standard_normal((3, 17)) * spread).astype(np.float32)
        off = np.abs(x) * 2.0**-23

        result = Real(x.astype(np.float64), off.astype(np.float64)).softmax()

        moved = (x + off * random.uniform(-1.0, 1.0, x.shape)).astype(np.float32)
        powers = np.exp(moved - moved.max(axis=-1, keepdims=True))
        shares = powers * (np.float32(1) / powers.sum(axis=-1, keepdims=True))
        assert (np.abs(shares.astype(np.float64) - result.value) <= result.error).all()
        assert (result.value + result.error <= 1.0 + 2.0**-22).all()
        assert (result.value - result.error >= -1e-15).all()
        assert result.error.max() <= max(2.0**-16, 2.0**-20 * spread)


def test_what_is_clipped_off_whatever_it_is_has_no_error() -> None:
    result = Real(np.array([-1.0, 0.05, 9.0]), np.array([0.5, 0.1, 0.5])).clipped(0.0, 6.0)

    assert result.value[[0, 2]].tolist() == [0.0, 6.0]
    assert result.error.tolist() == pytest.approx([0.0, 0.075, 0.0])


def test_the_exponential_is_bounded_at_both_ends() -> None:
    values, off = np.array([-700.0, -5.0, 0.0, 3.0]), np.array([1.0, 0.1, 2.0, 1e-6])

    result = Real(values, off).exp()

    for end in (values - off, values, values + off):
        assert (np.abs(np.exp(end) - result.value) <= result.error).all()
    assert result.error[3] < 4 * np.exp(3.0) * 1e-6


def test_a_scale_that_moves_the_exponent_alone_dequantizes_exactly() -> None:
    codes = np.array([-128, 127])

    assert Real.dequantized(codes, 0.25, -3).error.tolist() == [0.0, 0.0]
    assert Real.dequantized(codes, 0.3, 0).error.tolist() == (gamma(1) * np.abs(codes) * 0.3).tolist()
    assert (Real.dequantized(codes, 0.3, -3).error > gamma(2) * np.abs(codes) * 0.3).all()


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
