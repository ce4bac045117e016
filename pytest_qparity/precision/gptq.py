"""GPTQ: weights rounded one row after another, where the rows that follow make up for each error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.placement.elements import ELEMENTS

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["RoundedWeight", "gptq", "packed"]

DAMPING = 0.01  # of the mean of the moment's diagonal: Frantar et al. 2023, section 4, "Step 3"
_ELEMENT = ELEMENTS["uint4"]
_LARGEST_CODE = 15


@dataclass(frozen=True, slots=True, eq=False)
class RoundedWeight:
    """`codes`: uint8 in 0..15, shape (K, N). `scale` (float32) and `zero_point` (uint8): shape (⌈K / block⌉, N)."""

    codes: Array
    scale: Array
    zero_point: Array
    block: int


def gptq(weight: Array, moment: Array | None, block: int) -> RoundedWeight:
    """min over codes of ‖X·W − X·Q‖², greedily: row k of W is rounded, and with U the upper Cholesky factor of
    (XᵀX + λI)⁻¹ each later row j is changed by −U[k,j] · (W[k] − Q[k]) / U[k,k].

    Source: Frantar et al. 2023 (GPTQ), Algorithm 1; λ = DAMPING · mean(diag XᵀX); a block's range is that of its rows
    as they are when its first is rounded. A feature that is 0 in all samples changes no other row and keeps its own
    weights, which the paper's code sets to 0. weight: float32, (K, N); moment: XᵀX / samples, float64, (K, K), None
    where nothing is known: each row is rounded to nearest.
    """
    rows, columns = weight.shape
    left = weight.astype(np.float64)
    upper = np.eye(rows) if moment is None else _factor(moment)
    codes = np.empty((rows, columns), np.uint8)
    scales, zero_points = [], []
    for start in range(0, rows, block):
        end = min(start + block, rows)
        part = left[start:end]
        low, high = part.min(axis=0, initial=0.0), part.max(axis=0, initial=0.0)
        parameters = _ELEMENT.parameters(low, high, symmetric=False)
        scale, zero_point = parameters.scale.astype(np.float64), parameters.zero_point.astype(np.float64)
        errors = np.empty_like(part)
        for row in range(start, end):
            code = np.clip(np.rint(left[row] / scale) + zero_point, 0, _LARGEST_CODE)
            codes[row] = code
            error = (left[row] - (code - zero_point) * scale) / upper[row, row]
            left[row + 1 : end] -= np.outer(upper[row, row + 1 : end], error)
            errors[row - start] = error
        left[end:] -= upper[start:end, end:].T @ errors
        scales.append(parameters.scale)
        zero_points.append(parameters.zero_point.astype(np.uint8))
    return RoundedWeight(codes, np.stack(scales), np.stack(zero_points), block)


def packed(rounded: RoundedWeight) -> tuple[Array, Array, Array]:
    """Codes (N, blocks, block / 2), scales (N, blocks) and zero points (N, ⌈blocks / 2⌉) of com.microsoft MatMulNBits:
    two codes of a column in a byte, the first in its low half; what is left of a last block or byte is 0."""
    rows, columns = rounded.codes.shape
    blocks = rounded.scale.shape[0]
    padded = np.pad(rounded.codes, ((0, blocks * rounded.block - rows), (0, 0)))
    codes = _two_in_a_byte(padded.T).reshape(columns, blocks, rounded.block // 2)
    zero_points = _two_in_a_byte(np.pad(rounded.zero_point, ((0, blocks % 2), (0, 0))).T)
    return codes, np.ascontiguousarray(rounded.scale.T), zero_points


def _two_in_a_byte(codes: Array) -> Array:
    return np.asarray(codes[:, ::2] | codes[:, 1::2] << 4, np.uint8)


def _factor(moment: Array) -> Array:
    """U with Uᵀ·U = (moment + λI)⁻¹, upper triangular."""
    damped = moment.copy()
    diagonal = np.arange(len(damped))
    mean = float(damped[diagonal, diagonal].mean())
    damped[diagonal, diagonal] += DAMPING * mean if mean > 0.0 else 1.0
    return np.linalg.cholesky(np.linalg.inv(damped)).T
