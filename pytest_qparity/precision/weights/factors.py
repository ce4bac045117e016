"""Factors of channels between two weights: which there are, and how surely each is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["SIGMAS", "TELLS", "Factors", "Fit", "Side", "fitted"]

TELLS, SIGMAS = 0.1, 5.0  # noise of a channel that tells something; deviations within which a factor lies
_TURNS, _ENOUGH = 12, 256  # of the fit, and channels that it needs to see
_TURNS_OF_SMALL, _SMALL = 200, 1 << 14  # elements: where few couple the channels, a fit of them settles slowly
_SETTLED = 1e-6  # change of a factor in a turn, relative
_NOISE = 0.6  # steps that an element is off, in the mean, where it is rounded up or down: √(1/3)
_COARSE = 1.5  # size of codes up to which rounding biases a factor


@dataclass(frozen=True, eq=False)
class Side:
    """One number a channel. `logs`: ln of its size; `signs`: 1 or −1; `noise`: standard deviation of the logarithm,
    infinite of what nobody knows (a channel of zeros). All (channels,), float64. `groups`: of channels one behind
    another, of each of which a common factor is not known. `zeroed`: channels that somebody set to zero, which says
    nothing of how coarse the others are."""

    logs: Array
    signs: Array
    noise: Array
    groups: int = 1
    zeroed: int = 0

    @staticmethod
    def of(numbers: Array, noise: Array | float = 0.0, groups: int = 1) -> Side:
        """noise: relative."""
        size = np.abs(numbers)
        known = size > 0
        sure = np.where(known, np.broadcast_to(noise, size.shape), np.inf)
        return Side(np.log(np.where(known, size, 1.0)), np.where(numbers < 0, -1.0, 1.0), sure, groups)

    @cached_property
    def ends(self) -> tuple[int, int] | None:
        """The channels of the largest and the smallest number, of those that tell something."""
        tells = np.flatnonzero(self.noise <= TELLS)
        logs = self.logs[tells]
        return (int(tells[logs.argmax()]), int(tells[logs.argmin()])) if len(tells) else None

    def over(self, other: Side) -> Side:
        return Side(self.logs - other.logs, self.signs * other.signs, np.hypot(self.noise, other.noise))

    @property
    def inverse(self) -> Side:
        return Side(-self.logs, self.signs, self.noise, self.groups)


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """made ≈ outputs · inputs · weight; the inputs' median is 1, so that a factor of all is in the outputs'."""

    outputs: Side
    inputs: Side


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """outputs: (outputs,); inputs: (groups · inputs,); `products` of both: (outputs, inputs, 1)."""

    outputs: Array
    inputs: Array
    products: Array
    factors: Factors


def fitted(made: Array, basis: Array, groups: int = 1) -> Fit | None:
    """Factors of both axes by least squares in turns, in each group of outputs; None where there are no more elements
    than factors. Both arrays (outputs, inputs, rest), in steps.

    Each side is found over a part of the other's channels, which is enough of large weights.
    """
    outputs, inputs, _ = made.shape
    apart = groups if inputs > 1 and outputs % groups == 0 else 1  # by depth, inputs have no factors of their own
    if made.size <= outputs + (apart * inputs if inputs > 1 else 0):
        return None
    parts = [_fitted(*each) for each in zip(*(np.split(array, apart) for array in (made, basis)), strict=True)]
    a, noise_a, b, noise_b = (np.concatenate(each) for each in zip(*parts, strict=True))
    factors = Factors(Side.of(a, noise_a, apart), Side.of(b, noise_b, apart))
    by_output = np.repeat(b.reshape(apart, 1, inputs), outputs // apart, axis=1).reshape(outputs, inputs)
    return Fit(a, b, (a[:, None] * by_output)[:, :, None], factors)


def _fitted(made: Array, basis: Array) -> tuple[Array, Array, Array, Array]:
    outputs, inputs, _ = made.shape
    some = slice(None, None, max(1, outputs // _ENOUGH)), slice(None, None, max(1, inputs // _ENOUGH))
    a, b, noise_a, noise_b = np.ones(outputs), np.ones(inputs), np.zeros(outputs), np.zeros(inputs)
    for _ in range(_TURNS if made.size > _SMALL else _TURNS_OF_SMALL):
        before = a
        a, noise_a = _least_squares(made[:, some[1]], basis[:, some[1]] * b[None, some[1], None], (1, 2))
        if inputs > 1:
            b, noise_b = _least_squares(made[some[0]], basis[some[0]] * a[some[0], None, None], (0, 2))
        if np.allclose(a, before, rtol=_SETTLED, atol=0.0):
            break
    middle = float(np.median(b)) or 1.0
    return a * middle, noise_a, b / middle, noise_b


def _least_squares(made: Array, basis: Array, axes: tuple[int, int]) -> tuple[Array, Array]:
    """The factor of each channel, 1 of a channel of zeros; and what part of it may be wrong.

    Beside the noise of rounding: what became codes of 0 and ±1 may be up to all of it smaller, or a third larger.
    """
    below = np.sum(basis**2, axis=axes)
    divisor = np.where(below > 0, below, 1.0)
    found: Array = np.where(below > 0, np.sum(made * basis, axis=axes) / divisor, 1.0)
    coarse = np.sum(basis**2, axis=axes, where=np.abs(made) < _COARSE) / divisor
    length = np.abs(found) * np.sqrt(below)
    noise = np.where(length > 0, _NOISE / np.where(length > 0, length, 1.0), np.inf)
    return found, noise + coarse / SIGMAS
