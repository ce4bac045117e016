"""Quantization arithmetic in plain NumPy: the judge, which shares no code with what it judges."""

from __future__ import annotations

from pytest_qparity.quantmath.affine import (
    SymmetricRange,
    asymmetric_parameters,
    dequantize,
    quantize,
    symmetric_scale,
)
from pytest_qparity.quantmath.compute import (
    add_bias,
    conv_integer,
    conv_integer_corrected,
    matmul_integer,
    matmul_integer_corrected,
    quantize_bias,
)
from pytest_qparity.quantmath.convolution import AutoPad, ConvolutionAttributes
from pytest_qparity.quantmath.dynamic import dynamic_quantize_linear
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
from pytest_qparity.quantmath.packing import pack, unpack
from pytest_qparity.quantmath.qlinear import OutputQuantization, QuantizedTensor, qlinear_conv, qlinear_matmul
from pytest_qparity.quantmath.requantize import (
    FixedPointMultiplier,
    by_fixed_point_multiplier,
    by_float_multiplier,
    by_rounding_shift,
    by_scales,
    fixed_point_multiplier,
)

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
    "AutoPad",
    "Blocked",
    "ConvolutionAttributes",
    "FixedPointMultiplier",
    "IntegerType",
    "Layout",
    "OutputQuantization",
    "PerAxis",
    "PerTensor",
    "QuantizedTensor",
    "SymmetricRange",
    "add_bias",
    "asymmetric_parameters",
    "by_fixed_point_multiplier",
    "by_float_multiplier",
    "by_rounding_shift",
    "by_scales",
    "conv_integer",
    "conv_integer_corrected",
    "cosine",
    "dequantize",
    "dynamic_quantize_linear",
    "fixed_point_multiplier",
    "matmul_integer",
    "matmul_integer_corrected",
    "nrmse",
    "pack",
    "parameter_shape",
    "qlinear_conv",
    "qlinear_matmul",
    "quantize",
    "quantize_bias",
    "spread",
    "sqnr_db",
    "symmetric_scale",
    "unpack",
]
