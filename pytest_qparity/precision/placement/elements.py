"""Element types that Q/DQ nodes quantize to: their scales and codes, and what ONNX asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from pytest_qparity import quantmath

if TYPE_CHECKING:
    from pytest_qparity.quantmath import FloatFormat, IntegerType, Layout

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["ELEMENTS", "Element", "Parameters"]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """Scale (float32) and zero point (of the element's type), of the shape that the layout gives them."""

    scale: Array
    zero_point: Array


@dataclass(frozen=True, slots=True)
class Element:
    """An element type by ONNX's name, with its number in TensorProto.DataType and the first opset whose Q/DQ take it.

    `kind`: the arithmetic of its codes, an integer type or a float format.
    """

    name: str
    data_type: int
    opset: int
    kind: IntegerType | FloatFormat

    @property
    def signed(self) -> bool:
        return self.kind.signed

    @property
    def is_integer(self) -> bool:
        return isinstance(self.kind, quantmath.IntegerType)

    def parameters(self, low: Array, high: Array, *, symmetric: bool) -> Parameters:
        """Scale and zero point that hold [low, high], elementwise; float arrays of one shape and type.

        Integers: `quantmath.symmetric_scale` (narrow range), rounded to float32 once, so that 127 times a float32 scale
        gives that scale again, bit for bit; or `quantmath.asymmetric_parameters`, in float32; a symmetric unsigned type
        has its zero point in the middle, as signed codes have it at 0. Floats: max(|low|, |high|) / largest, and 1
        where that is 0 (OCP formats are used with scales alone). ValueError for a range beyond float32.
        """
        if isinstance(self.kind, quantmath.FloatFormat):
            largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64) / self.kind.largest
            scale = np.where(largest == 0.0, 1.0, np.maximum(largest, np.finfo(np.float32).tiny)).astype(np.float32)
            return Parameters(scale, np.zeros(scale.shape, self.kind.dtype))
        if not symmetric:
            ends = low.astype(np.float32), high.astype(np.float32)
            return Parameters(*quantmath.asymmetric_parameters(*ends, self.kind))
        if self.kind.signed:
            scale = _symmetric_scale(low, high, self.kind)
            return Parameters(scale, np.zeros(scale.shape, self.kind.dtype))
        signed = quantmath.INTEGER_TYPES[self.kind.name.removeprefix("u")]
        scale = _symmetric_scale(low, high, signed)
        return Parameters(scale, np.full(scale.shape, self.kind.levels // 2, self.kind.dtype))

    def codes(self, values: Array, parameters: Parameters, layout: Layout) -> Array:
        """The codes of float32 values, of the element's dtype."""
        if isinstance(self.kind, quantmath.FloatFormat):
            return quantmath.quantize_float(values, parameters.scale, self.kind, layout=layout)
        return quantmath.quantize(values, parameters.scale, parameters.zero_point, self.kind, layout)


def _symmetric_scale(low: Array, high: Array, kind: IntegerType) -> Array:
    scale = quantmath.symmetric_scale(low.astype(np.float64), high.astype(np.float64), kind)
    limits = np.finfo(np.float32)
    if (scale > limits.max).any():
        raise ValueError("got a range beyond float32, should be within it")
    return np.asarray(np.maximum(scale, limits.tiny).astype(np.float32))


_TABLE = (
    Element("int8", TensorProto.INT8, 10, quantmath.INT8),
    Element("uint8", TensorProto.UINT8, 10, quantmath.UINT8),
    Element("int16", TensorProto.INT16, 21, quantmath.INT16),
    Element("uint16", TensorProto.UINT16, 21, quantmath.UINT16),
    Element("int4", TensorProto.INT4, 21, quantmath.INT4),
    Element("uint4", TensorProto.UINT4, 21, quantmath.UINT4),
    Element("float8e4m3fn", TensorProto.FLOAT8E4M3FN, 19, quantmath.E4M3FN),
    Element("float8e5m2", TensorProto.FLOAT8E5M2, 19, quantmath.E5M2),
    Element("float4e2m1", TensorProto.FLOAT4E2M1, 23, quantmath.E2M1),
)

ELEMENTS: Mapping[str, Element] = MappingProxyType({element.name: element for element in _TABLE})
