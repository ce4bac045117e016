"""Tensors of TensorRT as NumPy arrays, and back: the only place that knows how an element lies in a buffer.

Elements lie in C order without padding. Types of 4 bits lie two in a byte, the element of the lower index in the lower
four bits (TensorRT's DataType.INT4 and FP4); an odd count leaves the last four bits unused. FP8 is E4M3 (fn: no
infinities): TensorRT 10 and 11 have no E5M2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# By the member's name of tensorrt.DataType.
TYPES: Mapping[str, np.dtype] = {
    "FLOAT": np.dtype(np.float32),
    "HALF": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "FP8": np.dtype(ml_dtypes.float8_e4m3fn),
    "E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "FP4": np.dtype(ml_dtypes.float4_e2m1fn),
    "INT4": np.dtype(ml_dtypes.int4),
    "INT8": np.dtype(np.int8),
    "UINT8": np.dtype(np.uint8),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "BOOL": np.dtype(np.bool_),
}
PACKED = frozenset({"INT4", "FP4"})


def dtype_of(name: str) -> np.dtype:
    """NumPy's type for a member of tensorrt.DataType. Raises ValueError for one that is not known here."""
    if name not in TYPES:
        raise ValueError(f"got TensorRT's type {name}, should be one of {', '.join(TYPES)}")
    return TYPES[name]


def buffer_bytes(name: str, shape: Sequence[int]) -> int:
    """How many bytes a tensor takes: ⌈elements / 2⌉ of a packed type."""
    elements = math.prod(shape)
    return (elements + 1) // 2 if name in PACKED else elements * dtype_of(name).itemsize


def decoded(raw: np.ndarray, name: str, shape: Sequence[int]) -> np.ndarray:
    """`raw` (uint8, at least `buffer_bytes` of them) as an array of `shape`, which shares no memory with it."""
    size = buffer_bytes(name, shape)
    if raw.dtype != np.uint8 or raw.ndim != 1 or raw.size < size:
        raise ValueError(f"got {raw.dtype} {raw.shape} for {name} {tuple(shape)}, should be uint8 ({size},)")
    dtype, content = dtype_of(name), raw[:size]
    array: np.ndarray
    if name == "BOOL":
        array = content.astype(np.bool_)
    elif name in PACKED:
        array = _unpacked(content, name)[: math.prod(shape)]
    else:
        array = content.copy().view(dtype)
    return array.reshape(shape)


def encoded(array: np.ndarray, name: str) -> np.ndarray:
    """The bytes of `array`, uint8 (buffer_bytes,), which may share its memory. The type must be `name`'s own."""
    if array.dtype != dtype_of(name):
        raise ValueError(f"got an array of {array.dtype} for {name}, should be {dtype_of(name)}")
    flat = np.ascontiguousarray(array).reshape(-1)
    if name not in PACKED:
        return flat.view(np.uint8) if flat.size else np.empty(0, np.uint8)
    codes = flat.view(np.uint8) & 0x0F if flat.size else np.empty(0, np.uint8)
    pairs = np.append(codes, np.zeros(flat.size % 2, np.uint8)).reshape(-1, 2)
    packed: np.ndarray = pairs[:, 0] | (pairs[:, 1] << 4)
    return packed


def _unpacked(content: np.ndarray, name: str) -> np.ndarray:
    """Two elements of each byte, the lower four bits first; those of INT4 in two's complement."""
    codes = np.stack([content & 0x0F, content >> 4], axis=1).reshape(-1)
    array: np.ndarray
    array = codes.view(TYPES[name]) if name == "FP4" else ((codes ^ 8).astype(np.int8) - 8).astype(TYPES[name])
    return array
