"""Codes of fewer than eight bits in the bytes of a tensor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pytest_qparity.quantmath import integers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pytest_qparity.quantmath.integers import IntegerType

__all__ = ["pack", "unpack"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


def pack(codes: ArrayLike) -> _Array:
    """byte[i] = Σ_k (code[i·n + k] mod 2^bits) · 2^(bits·k), n = 8 / bits codes a byte: the first in the lowest bits.

    Source: ONNX TensorProto, `int32_data`: 4-bit values two a byte, 2-bit values four a byte, from the least to the
    most significant bits; DataType.INT4 and INT2 for two's complement. `codes` of int4, uint4, int2 or uint2 and any
    shape are taken in row-major order; the bytes are uint8 of shape (⌈size / n⌉,), the last filled with zeros.
    ValueError for other types.
    """
    values = np.asarray(codes)
    type_ = integers.of_dtype(values.dtype)
    in_a_byte = _codes_in_a_byte(type_)
    bits = values.reshape(-1).astype(np.int64) & (type_.levels - 1)
    padded = np.zeros(-(-bits.size // in_a_byte) * in_a_byte, np.int64)
    padded[: bits.size] = bits
    return np.asarray(np.sum(padded.reshape(-1, in_a_byte) << _shifts(type_), axis=1)).astype(np.uint8)


def unpack(packed: ArrayLike, type: IntegerType, shape: tuple[int, ...]) -> _Array:  # noqa: A002
    """code[i·n + k] = (byte[i] // 2^(bits·k)) mod 2^bits, signed types in two's complement: the inverse of `pack`.

    Source as for `pack`. `packed` is uint8 of shape (⌈Π shape / n⌉,); the codes are of `type.dtype` and `shape`. What
    fills the last byte is not looked at, as ONNX says nothing of it. ValueError for other types and sizes.
    """
    data = np.asarray(packed)
    in_a_byte = _codes_in_a_byte(type)
    size = math.prod(shape)
    if data.dtype != np.uint8 or data.shape != (-(-size // in_a_byte),):
        raise ValueError(
            f"got {data.dtype.name}{data.shape}, should be uint8({-(-size // in_a_byte)},) for {size} of {type.name}"
        )
    bits = ((data.astype(np.int64)[:, np.newaxis] >> _shifts(type)) & (type.levels - 1)).reshape(-1)[:size]
    values = np.where(bits > type.highest, bits - type.levels, bits)
    return values.astype(type.dtype).reshape(shape)


def _codes_in_a_byte(type_: IntegerType) -> int:
    if type_.bits >= 8:
        raise ValueError(f"got {type_.name}, should be int4, uint4, int2 or uint2: wider codes are not packed")
    return 8 // type_.bits


def _shifts(type_: IntegerType) -> _Array:
    return np.arange(0, 8, type_.bits)
