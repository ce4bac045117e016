"""Channels that were set to zero: a factor of 0 fits any of them, and is no factor.

All codes of a channel are its zero point although the float model's weights are not zero. Sound where they round to
zero at the file's own scale (one for the whole weight, and a channel of small weights); where a channel is dead, so
that the least scale of its maker rounds it away; where smoothing or equalization moved the others, and this one far.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Zeroed", "zeroed_channels"]

_STEPS, _STEPS_OF_FEW_BITS = 1.0, 3.0  # what rounding to the nearest, up or down, and GPTQ of 4 bits may turn into zero
_DEAD = 0.01  # of the largest weight: a channel below it may have the least scale that its maker takes


@dataclass(frozen=True, slots=True, eq=False)
class Zeroed:
    """`outputs`: (outputs,) bool; `inputs`: (groups · inputs,) bool; `elements`: of either, (outputs, inputs, 1) bool.
    `is_certain`: whatever the other channels are."""

    outputs: Array
    inputs: Array
    elements: Array
    is_certain: bool


def zeroed_channels(w: Array, q: Array, steps: Array, bits: int, groups: int, is_off: bool) -> Zeroed | None:
    """None where no channel is. Arrays (outputs, inputs, rest): the float weight, codes less zero points, and steps.
    is_off: elements are further off than rounding leaves them.

    An output channel with a scale of its own does not round to zero: the scale was made of its largest weight.
    """
    count, depth, _ = w.shape
    apart = groups if count % groups == 0 else 1
    has_own_scale = bool((steps != steps[:1]).any())
    is_empty = ~q.any(axis=(1, 2))
    largest = np.abs(w).max(axis=(1, 2))
    is_far = (np.abs(w / steps) > (_STEPS_OF_FEW_BITS if bits < 8 else _STEPS)) & is_off
    outputs = is_empty & (is_far.any(axis=(1, 2)) | (has_own_scale & (largest > _DEAD * largest.max())))
    far, some = ((each & ~outputs[:, None, None]).reshape(apart, -1, depth, w.shape[2]) for each in (is_far, q != 0))
    inputs = far.any(axis=(1, 3)) & ~some.any(axis=(1, 3)) & (depth > 1)
    elements = outputs[:, None] | np.repeat(inputs, count // apart, axis=0)
    is_certain = has_own_scale and bool(outputs.any())
    return Zeroed(outputs, inputs.ravel(), elements[:, :, None], is_certain) if elements.any() else None
