"""Factors of channels between two weights: which there are, and how surely each is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Factors", "Side", "fitted"]

_TURNS, _ENOUGH = 12, 256  # of the fit, and channels that it needs to see
_NOISE = 0.6  # steps that an element is off, in the mean, where it is rounded up or down: √(1/3)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One number a channel. `logs`: ln of its size; `signs`: 1 or −1; `noise`: standard deviation of the logarithm,
    infinite of what nobody knows (a channel of zeros). All (channels,), float64."""

    logs: Array
    signs: Array
    noise: Array

    @staticmethod
    def of(numbers: Array, noise: Array | float = 0.0) -> Side:
        """noise: relative."""
        size = np.abs(numbers)
        known = size > 0
        logs = np.log(np.where(known, size, 1.0))
        return Side(logs, np.where(numbers < 0, -1.0, 1.0), np.where(known, np.broadcast_to(noise, size.shape), np.inf))


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """made ≈ outputs · inputs · weight; the inputs' median is 1, so that a factor of all is in the outputs'."""

    outputs: Side
    inputs: Side


def fitted(made: Array, basis: Array) -> tuple[Array, Array, Factors] | None:
    """Factors of both axes by least squares in turns, and what they are known of; None where there are too few elements
    to tell. Both arrays (outputs, inputs, rest), in steps.

    Each side is found over a part of the other's channels, which is enough of large weights.
    """
    outputs, inputs, _ = made.shape
    if made.size < 4 * (outputs + (inputs if inputs > 1 else 0)):
        return None
    some = slice(None, None, max(1, outputs // _ENOUGH)), slice(None, None, max(1, inputs // _ENOUGH))
    a, b = np.ones(outputs), np.ones(inputs)
    sure_a = sure_b = np.zeros(0)
    for _ in range(_TURNS):
        a, sure_a = _least_squares(made[:, some[1]], basis[:, some[1]] * b[None, some[1], None], (1, 2))
        if inputs > 1:
            b, sure_b = _least_squares(made[some[0]], basis[some[0]] * a[some[0], None, None], (0, 2))
    middle = float(np.median(b))
    if not middle:
        return None
    noise_b = _noise(b, sure_b) if inputs > 1 else np.zeros(inputs)
    a, noise_a, b = a * middle, _noise(a, sure_a), b / middle
    return a, b, Factors(Side.of(a, noise_a), Side.of(b, noise_b))


def _least_squares(made: Array, basis: Array, axes: tuple[int, int]) -> tuple[Array, Array]:
    """The factor of each channel, 1 of a channel of zeros; and the sum of squares that it is known by."""
    below = np.sum(basis**2, axis=axes)
    found: Array = np.where(below > 0, np.sum(made * basis, axis=axes) / np.where(below > 0, below, 1.0), 1.0)
    return found, below


def _noise(factors: Array, below: Array) -> Array:
    length = np.abs(factors) * np.sqrt(below)
    noise: Array = np.where(length > 0, _NOISE / np.where(length > 0, length, 1.0), np.inf)
    return noise
