"""The range that follows the batches."""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np

from pytest_qparity.quantmath.ranges import estimator

__all__ = ["MovingAverage"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class MovingAverage:
    """low ← low + c·(min xₜ − low), high ← high + c·(max xₜ − high) for batch t = 2, 3, …, from those of batch 1.

    Source: Jacob et al. 2018, §3.1 (exponential moving averages of the ranges of activations), with the constant c of
    PyTorch's MovingAverageMinMaxObserver, 0.01. Order and partition matter by nature: a batch is one step whatever
    its size, and later ones weigh more. Batches without values are no step. With zero put in at the end, not at each
    step.

    `merge` is the average over own batches and then the other's: with n of them and their first b₁,
    A ∘ B = (1 − c)ⁿ·(A − b₁) + B, which differs from taking the batches one by one only by rounding, a few units in
    the last place of the largest magnitude.
    """

    def __init__(self, constant: float = 0.01) -> None:
        if not 0.0 < constant <= 1.0:
            raise ValueError(f"got constant {constant}, should be above 0 and at most 1")
        self._constant = constant
        self._batches = 0
        self._first = self._average = np.zeros(2)

    def add(self, batch: _Array) -> None:
        values = estimator.finite_values(batch)
        if not values.flat.size:
            return
        ends = np.array([values.smallest, values.largest])
        if self._batches == 0:
            self._first = self._average = ends
        else:
            # Two products, since the difference of two float64 ends can overflow.
            self._average = (1.0 - self._constant) * self._average + self._constant * ends
        self._batches += 1

    def merge(self, other: Self) -> None:
        if other._constant != self._constant:
            raise ValueError(f"got constant {other._constant}, should be {self._constant}")
        if self._batches == 0:
            self._first, self._average = other._first, other._average
        elif other._batches:
            weight = (1.0 - self._constant) ** other._batches
            # In this order: what the other's later batches add is within its own range, and cannot overflow.
            self._average = weight * self._average + (other._average - weight * other._first)
        self._batches += other._batches

    def range(self) -> estimator.Range:
        if self._batches == 0:
            raise ValueError("got no value, should be at least one")
        return estimator.range_with_zero(float(self._average[0]), float(self._average[1]))
