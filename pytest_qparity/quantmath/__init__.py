"""Quantization arithmetic in plain NumPy: the judge, which shares no code with what it judges."""

from __future__ import annotations

from pytest_qparity.quantmath.affine import (
    SymmetricRange,
    asymmetric_parameters,
    dequantize,
    quantize,
    symmetric_scale,
)
from pytest_qparity.quantmath.integers import (
    INT2,
    INT4,
    INT8,
    INT16,
    INT32,
    INTEGER_TYPES,
    UINT2,
    UINT4,
    UINT8,
    UINT16,
    IntegerType,
)
from pytest_qparity.quantmath.layout import Blocked, Layout, PerAxis, PerTensor, parameter_shape, spread
from pytest_qparity.quantmath.measures import cosine, nrmse, sqnr_db

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
    "Blocked",
    "IntegerType",
    "Layout",
    "PerAxis",
    "PerTensor",
    "SymmetricRange",
    "asymmetric_parameters",
    "cosine",
    "dequantize",
    "nrmse",
    "parameter_shape",
    "quantize",
    "spread",
    "sqnr_db",
    "symmetric_scale",
]
