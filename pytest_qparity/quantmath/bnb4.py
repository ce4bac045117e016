"""NF4 and FP4 as bitsandbytes stores them: 4-bit codes of a table of values in [−1, 1], times each block's absmax."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Bnb4Table", "dequantize_bnb4", "pack_bnb4", "unpack_bnb4"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_LEVELS = 16


class Bnb4Table(enum.Enum):
    """The value of each code from 0 to 15, rounded to float32.

    NF4: quantiles of the normal distribution with an exact zero, ascending (Dettmers et al. 2023, QLoRA,
    arXiv:2305.14314, eq. 4 and appendix E). FP4: sign, then 0, 1/16, 8, 12, 4, 6, 2 and 3 for codes 0 to 7, divided by
    12 (bitsandbytes' 4-bit floats; not the E2M1 of OCP MX, whose smallest value is 1/12 of its largest).
    """

    NF4 = (
        -1.0,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0.0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1.0,
    )
    FP4 = tuple(sign * each / 12.0 for sign in (1.0, -1.0) for each in (0.0, 1 / 16, 8.0, 12.0, 4.0, 6.0, 2.0, 3.0))

    @property
    def values(self) -> _Array:
        return np.asarray(self.value, np.float32)


def dequantize_bnb4(codes: ArrayLike, absmax: ArrayLike, table: Bnb4Table, block: int) -> _Array:
    """x̂[i] = table[code[i]] · absmax[⌊i / block⌋], rounded once to float32; i counts in row-major order.

    Source: Dettmers et al. 2023, eq. 2 and 5 (without double quantization); ONNX Runtime's MatMulBnb4. `codes` are
    uint8 below 16 and of any shape, which x̂ has as well; `absmax` is float32 of shape (⌈size / block⌉,): blocks go on
    from one row to the next, and the last may be shorter. ValueError for other types, codes, shapes and blocks.
    """
    given, largest = np.asarray(codes), np.asarray(absmax)
    _check_codes(given)
    if block < 1 or largest.dtype != np.float32 or largest.shape != (-(-given.size // block),):
        raise ValueError(
            f"got absmax of {largest.dtype.name}{largest.shape} for blocks of {block}, "
            f"should be one float32 for each block of {given.size} codes"
        )
    spread = np.repeat(largest, block)[: given.size].reshape(given.shape)
    return np.asarray(table.values[given] * spread, np.float32)


def pack_bnb4(codes: ArrayLike) -> _Array:
    """byte[i] = 16·code[2i] + code[2i + 1]: the first code in the high bits, unlike ONNX's 4-bit tensors.

    Source: bitsandbytes; ONNX Runtime's MatMulBnb4 (input B). `codes` as for `dequantize_bnb4`; the bytes are uint8 of
    shape (⌈size / 2⌉,), the last filled with zeros. ValueError for other types and codes.
    """
    given = np.asarray(codes)
    _check_codes(given)
    pairs = np.pad(given.reshape(-1), (0, given.size % 2)).reshape(-1, 2)
    return np.asarray(pairs[:, 0] << 4 | pairs[:, 1], np.uint8)


def unpack_bnb4(packed: ArrayLike, size: int) -> _Array:
    """code[2i] = ⌊byte[i] / 16⌋, code[2i + 1] = byte[i] mod 16: the inverse of `pack_bnb4`, uint8 of shape (size,).

    ValueError for other types and numbers of bytes.
    """
    data = np.asarray(packed)
    if data.dtype != np.uint8 or data.shape != (-(-size // 2),):
        raise ValueError(f"got {data.dtype.name}{data.shape}, should be uint8({-(-size // 2)},) for {size} codes")
    return np.asarray(np.stack((data >> 4, data & 0xF), axis=1).reshape(-1)[:size])


def _check_codes(codes: _Array) -> None:
    if codes.dtype != np.uint8 or bool((codes >= _LEVELS).any()):
        raise ValueError(f"got codes of {codes.dtype.name}, should be uint8 below {_LEVELS}")
