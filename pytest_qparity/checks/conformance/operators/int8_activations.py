"""Float activations rounded to int8 before packed weights: what MatMulNBits may do at accuracy level 4.

"4 means input A can be quantized with the same block_size to int8" (ContribOperators.md); how, MLAS's sources say:
S = max|a| / 127 of each block of a row, codes round(a / S), products of codes summed exactly in a block, and a float32
sum over the blocks, of the part with the zero points apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.checks.conformance.rounding import Real, gamma

if TYPE_CHECKING:
    from pytest_qparity.checks.conformance.example import Array

__all__ = ["GROUP", "INT8_ACTIVATIONS", "away_from_ties", "int8_product"]

INT8_ACTIVATIONS = "int8_activations"  # the trait of elements that are what these activations give
GROUP = 32  # activations that share a scale where an engine rounds them unasked (OpenVINO's default)
_NEAR_TIE = 2.0**-14  # of a quotient of at most 127, with the roundings of 127 / max|a| and of the product


def int8_product(a: Array, codes: Array, scale: Array, zero_point: Array, block: int) -> Real:
    """a · w with `a` (rows, depth) rounded to int8 in blocks of `block`, w = (codes − zero_point) · scale of shape
    (depth, columns), all three broadcast. A code that a rounding decides upon may be either."""
    step = _scale(a, block)
    rounded = np.rint(a / step) * step
    doubt = np.where(_is_near_tie(a / step), step, 0.0)
    q, s, z = (np.asarray(each, np.float64) for each in (codes, scale, zero_point))
    weights = (q - z) * s
    # Of the size of both parts, for what they have in common has been rounded in each.
    parts = (np.abs(rounded) + doubt) @ ((np.abs(q) + np.abs(z)) * s)
    blocks = -(-a.shape[-1] // block)
    return Real(rounded @ weights, doubt @ np.abs(weights) + gamma(2 * blocks + 8) * parts)


def away_from_ties(a: Array, block: int) -> Array:
    """`a`, but what a rounding of the quotient decides upon is what its code stands for."""
    step = _scale(a, block)
    return np.where(_is_near_tie(a / step), np.rint(a / step) * step, a).astype(np.float32)


def _is_near_tie(quotient: Array) -> Array:
    return np.asarray(np.abs(quotient - np.floor(quotient) - 0.5) < _NEAR_TIE)


def _scale(a: Array, block: int) -> Array:
    """max|a| / 127 of each element's block; 1 of a block of zeros."""
    depth = a.shape[-1]
    padded = np.pad(np.abs(a.astype(np.float64)), ((0, 0), (0, -depth % block)))
    largest = padded.reshape(len(a), -1, block).max(axis=2)
    return np.asarray(np.repeat(np.where(largest > 0.0, largest / 127.0, 1.0), block, axis=1)[:, :depth])
