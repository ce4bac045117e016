"""What quantized constants are worth, by quantmath: weights need no operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
import onnx_ir as ir

from pytest_qparity.quantmath import affine, floats, integers
from pytest_qparity.quantmath.layout import Blocked, Layout, PerAxis, PerTensor

if TYPE_CHECKING:
    from pytest_qparity.precision.emulation.emitter import Array
    from pytest_qparity.precision.emulation.layouts import Grouping

FORMATS = {format_.dtype: format_ for format_ in floats.FLOAT_FORMATS.values()}


def constant_of(value: ir.Value | None) -> Array | None:
    """The array of an initializer or Constant node, also behind Identity; None where it is neither."""
    while value is not None:
        if value.const_value is not None and not (value.is_graph_input() and not value.is_initializer()):
            return np.asarray(value.const_value.numpy())
        producer = value.producer()
        if producer is None or producer.domain not in ("", "ai.onnx"):
            return None
        if producer.op_type == "Constant":
            tensor = ir.convenience.get_const_tensor(value)
            return None if tensor is None else np.asarray(tensor.numpy())
        if producer.op_type != "Identity":
            return None
        value = producer.inputs[0]
    return None


def values_of(codes: Array) -> Array:
    """The values of codes of a small type, in float32, which holds all of them."""
    return codes.astype(np.float32)


def dequantized(codes: Array, scale: Array, zero_point: Array | None, grouping: Grouping, output: ir.DataType) -> Array:
    """(codes − zero_point) · scale, rounded once to the wider of the scale's type and `output`, then to `output`.

    ValueError as in `quantmath.affine.dequantize` and `quantmath.floats.dequantize_float`.
    """
    layout, scale = _laid_out(codes.shape, scale, grouping)
    wanted = output.numpy()
    precision = np.promote_types(scale.dtype, wanted) if scale.dtype != ml_dtypes.bfloat16 else scale.dtype
    if scale.dtype == ml_dtypes.bfloat16 and wanted == np.float32:
        precision = np.dtype(np.float32)
    scales = scale.astype(precision)
    if codes.dtype in FORMATS:
        return floats.dequantize_float(codes, scales, layout).astype(wanted)
    offset = np.zeros(scale.shape, codes.dtype) if zero_point is None else zero_point.reshape(scale.shape)
    return affine.dequantize(codes, scales, offset, layout).astype(wanted)


def quantized(
    x: Array,
    scale: Array,
    zero_point: Array | None,
    to: integers.IntegerType | floats.FloatFormat,
    saturation: floats.Saturation,
    grouping: Grouping,
) -> Array:
    """The codes of x, of the type's dtype. ValueError where quantmath has none, as for NaN in integers."""
    layout, scale = _laid_out(x.shape, scale, grouping)
    if isinstance(to, floats.FloatFormat):
        return floats.quantize_float(x, scale, to, saturation, layout)
    offset = np.zeros(scale.shape, to.dtype) if zero_point is None else zero_point.reshape(scale.shape)
    return affine.quantize(x, scale, offset, to, layout)


def _laid_out(shape: tuple[int, ...], scale: Array, grouping: Grouping) -> tuple[Layout, Array]:
    """The layout of a scale, which quantmath wants to be a scalar where it is one of a vector."""
    if scale.dtype == ml_dtypes.float8_e8m0fnu:
        scale = scale.astype(np.float32)
    if scale.ndim == 0 or (scale.size == 1 and grouping.block == 0):
        return PerTensor(), scale.reshape(())
    if grouping.block > 0:
        return Blocked(grouping.axis, grouping.block), scale
    return PerAxis(grouping.axis), scale
