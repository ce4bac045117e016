"""The integer codes behind a constant operand of a variant's node, at once or behind a change of layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.pairs.quantizers import constant
from pytest_qparity.precision.weights.agreement import Rounded
from pytest_qparity.quantmath import INTEGER_TYPES, Blocked, Layout, PerAxis, PerTensor, quantize, spread, unpack

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.precision.pairs.light_model import LightModel

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["PACKED", "UNREAD", "packed_codes", "quantized_constant", "source_of", "states_codes"]

PACKED = "MatMulNBits"  # of com.microsoft
UNREAD = {  # operators whose integer weights are not read here, where `expanded` left them: at which inputs they are
    "ConvInteger": (1,),
    "DynamicQuantizeLSTM": (1, 2),
    "DynamicQuantizeMatMul": (1,),
    "GatherBlockQuantized": (0,),
    "MatMulBnb4": (1,),
    "MatMulFpQ4": (1,),
    "MatMulInteger": (1,),
    "QAttention": (1,),
    "QGemm": (3,),
    "QLinearConv": (3,),
    "QLinearMatMul": (3,),
    "QMoE": (2, 5, 8),
}
_BIAS = "int32"


def source_of(model: LightModel, name: str) -> NodeProto | None:
    """The DequantizeLinear that a value comes from, behind Identity and Transpose; None where there is none."""
    node = model.producers.get(name)
    while node is not None and node.op_type in ("Identity", "Transpose"):
        node = model.producers.get(node.input[0])
    return node if node is not None and node.op_type == "DequantizeLinear" else None


def states_codes(model: LightModel, name: str, fewest_axes: int) -> bool:
    """Whether a value is integer codes of a weight that the file states: of so many axes or more, and no bias."""
    codes = constant(model, name)
    is_weight = codes is not None and codes.ndim >= fewest_axes and codes.dtype.name in INTEGER_TYPES
    return codes is not None and is_weight and codes.dtype.name != _BIAS


def quantized_constant(model: LightModel, name: str) -> Rounded | None:
    """Of a value, in the layout that it has; None where it is no constant of integer codes, or has a scale that is no
    constant above 0 (a bad scale is a failure of its own), or is a bias (int32)."""
    node = model.producers.get(name)
    if node is None:
        return None
    if node.op_type in ("Identity", "Transpose"):
        inner = quantized_constant(model, node.input[0])
        if inner is None or node.op_type == "Identity":
            return inner
        axes = next((list(each.ints) for each in node.attribute if each.name == "perm"), None)
        codes, zeros, steps = (np.transpose(each, axes) for each in (inner.codes, inner.zeros, inner.steps))
        return Rounded(codes, zeros, steps, inner.bits)
    return _dequantized(model, node) if node.op_type == "DequantizeLinear" else None


def _dequantized(model: LightModel, node: NodeProto) -> Rounded | None:
    scale, codes = constant(model, node.input[1]), _codes(model, node.input[0])
    if scale is None or codes is None or codes.dtype.name not in INTEGER_TYPES or codes.dtype.name == _BIAS:
        return None
    zero = constant(model, node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros(scale.shape)
    layout = _layout(node, scale, codes)
    steps = scale.astype(np.float64)
    if zero is None or layout is None or not (np.isfinite(steps).all() and (steps > 0).all()):
        return None
    try:
        zeros, by_element = (
            spread(each.reshape(() if layout == PerTensor() else each.shape), codes.shape, layout)
            for each in (zero.astype(np.float64), steps)
        )
        return Rounded(codes.astype(np.int32), zeros, by_element, INTEGER_TYPES[codes.dtype.name].bits)
    except ValueError:  # shapes that do not fit: the engine refuses them
        return None


def _layout(node: NodeProto, scale: Array, codes: Array) -> Layout | None:
    attributes = {each.name: each.i for each in node.attribute}
    if scale.size == 1:
        return PerTensor()
    axis = attributes.get("axis", 1)
    if attributes.get("block_size"):
        return Blocked(axis, attributes["block_size"])
    return PerAxis(axis) if scale.ndim == 1 and codes.ndim else None


def _codes(model: LightModel, name: str) -> Array | None:
    """Stated, or a float constant with a QuantizeLinear behind it, as exports of QAT have it."""
    node = model.producers.get(name)
    if node is None or node.op_type != "QuantizeLinear":
        return constant(model, name)
    parts = [constant(model, each) for each in node.input if each]
    if len(parts) < 3 or any(part is None for part in parts):
        return None
    value, scale, zero = (np.asarray(part) for part in parts)
    layout = _layout(node, scale, value)
    if zero.dtype.name not in INTEGER_TYPES or layout is None or not np.isfinite(value).all():
        return None
    shape = () if layout == PerTensor() else scale.shape
    try:
        return quantize(value, scale.reshape(shape), zero.reshape(shape), INTEGER_TYPES[zero.dtype.name], layout)
    except ValueError:  # a scale that is not above 0
        return None


def packed_codes(model: LightModel, node: NodeProto) -> Rounded | None:
    """Of a MatMulNBits of 4 or 8 bits, as (K, N), what the MatMul of floats reads; None where its parts are no
    constants or its zero points are floats.

    Source: ONNX Runtime's ContribOperators.md, MatMulNBits: B is uint8 (N, ⌈K/block⌉, block · bits / 8), low bits
    first; without zero points they are 2^(bits−1). Its symmetric quantizer gives a block the scale that takes the
    largest weight to −2^(bits−1), so that half of the scales are negative, and a block of zeros the scale 0.
    """
    held = {each.name: each.i for each in node.attribute}
    bits, k, n, block = held.get("bits", 4), held.get("K", 0), held.get("N", 0), held.get("block_size", 0)
    packed, scales, points, group_index = (
        constant(model, name) if name else None for name in [*node.input, *[""] * 3][1:5]
    )
    has_points = len(node.input) > 3 and bool(node.input[3])
    if packed is None or scales is None or bits not in (4, 8) or not block or group_index is not None:
        return None
    blocks = -(-k // block)
    steps = scales.astype(np.float64).reshape(-1)
    if steps.size != n * blocks or packed.size * 8 != n * blocks * block * bits or not np.isfinite(steps).all():
        return None
    zeros = np.full((n, blocks), 2.0 ** (bits - 1))
    if has_points:
        if points is None or points.dtype != np.uint8:
            return None
        zeros = np.stack([_unpacked(row, bits, blocks) for row in points.reshape(n, -1)]).astype(np.float64)
    codes = _unpacked(packed.reshape(-1), bits, n * blocks * block).reshape(n, -1)[:, :k].astype(np.int32)
    points_of, steps_of = (np.repeat(each.reshape(n, blocks), block, axis=1)[:, :k].T for each in (zeros, steps))
    is_zero = steps_of == 0  # whatever the codes are: as zeros in some step that there is
    some = float(np.abs(steps).max()) or 1.0
    return Rounded(
        np.where(is_zero, points_of, codes.T).astype(np.int32), points_of, np.where(is_zero, some, steps_of), bits
    )


def _unpacked(packed: Array, bits: int, size: int) -> Array:
    if bits == 8:
        return packed[:size]
    return unpack(packed[: -(-size // 2)], INTEGER_TYPES["uint4"], (size,))
