"""The integer types of quantized tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import ml_dtypes
import numpy as np

__all__ = [
    "INT2",
    "INT4",
    "INT8",
    "INT16",
    "INT32",
    "INTEGER_TYPES",
    "UINT2",
    "UINT4",
    "UINT8",
    "UINT16",
    "IntegerType",
    "of_dtype",
    "reinterpreted",
]


@dataclass(frozen=True, slots=True)
class IntegerType:
    """[−2^(bits−1), 2^(bits−1) − 1] signed in two's complement, [0, 2^bits − 1] unsigned.

    Source: ONNX QuantizeLinear-25, the list under "Saturation is done according to"; TensorProto.DataType for the
    names.
    """

    name: str
    bits: int
    signed: bool

    @property
    def lowest(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def levels(self) -> int:
        """2^bits, the number of codes."""
        return 1 << self.bits

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's type of 8 bits and more, ml_dtypes' type of one element a byte below."""
        return np.dtype(getattr(ml_dtypes, self.name)) if self.bits < 8 else np.dtype(self.name)

    def narrow(self) -> tuple[int, int]:
        """(lowest + 1, highest): (−127, 127) for int8, (1, 255) for uint8.

        Source: TensorFlow, `tf.quantization.fake_quant_with_min_max_vars`, where `narrow_range` gives
        [1, 2^num_bits − 1] in place of [0, 2^num_bits − 1]; Jacob et al. 2018, §3.1, for the signed case: weights never
        take −128.
        """
        return self.lowest + 1, self.highest


INT2 = IntegerType("int2", 2, signed=True)
UINT2 = IntegerType("uint2", 2, signed=False)
INT4 = IntegerType("int4", 4, signed=True)
UINT4 = IntegerType("uint4", 4, signed=False)
INT8 = IntegerType("int8", 8, signed=True)
UINT8 = IntegerType("uint8", 8, signed=False)
INT16 = IntegerType("int16", 16, signed=True)
UINT16 = IntegerType("uint16", 16, signed=False)
INT32 = IntegerType("int32", 32, signed=True)

INTEGER_TYPES: Mapping[str, IntegerType] = MappingProxyType(
    {type_.name: type_ for type_ in (INT2, UINT2, INT4, UINT4, INT8, UINT8, INT16, UINT16, INT32)}
)


def of_dtype(dtype: np.dtype[Any]) -> IntegerType:
    """The integer type whose codes arrays of `dtype` hold; ValueError where no quantized tensor has that type."""
    try:
        return INTEGER_TYPES[dtype.name]
    except KeyError:
        raise ValueError(f"got an array of {dtype.name}, should be one of {', '.join(INTEGER_TYPES)}") from None


def reinterpreted(values: np.ndarray[Any, np.dtype[Any]], type: IntegerType) -> np.ndarray[Any, np.dtype[Any]]:  # noqa: A002
    """lowest + ((v − lowest) mod 2^bits): the lowest bits of v in two's complement; 200 gives −56 as int8.

    Source: ONNX Cast-13 and later, "when OOR, discard higher bits and reinterpret". values: integers of any shape that
    int64 holds. Returns an array of `type.dtype`.
    """
    return np.asarray((values.astype(np.int64) - type.lowest) % type.levels + type.lowest).astype(type.dtype)
