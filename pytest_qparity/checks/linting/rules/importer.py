"""What TensorRT's ONNX importer takes of QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from pytest_qparity.checks.linting.constants import computed, constant_names
from pytest_qparity.checks.linting.pairs import FOUR_BITS, Layout, block_of, blocked_axes, pairs
from pytest_qparity.checks.linting.rules.importer_rules import (
    ACTIVATION_PER_AXIS,
    AXIS,
    BIAS,
    BLOCK_SIZE,
    BLOCKS,
    INT4_ACTIVATION,
    NOT_FLOAT,
    ODD,
    ODD_LAST_AXIS,
    OUTPUT_TYPE,
    PARAMETERS,
    RULES,
    SCALE,
    SCALE_COMPUTED,
    SCALE_TYPE,
    SCALES,
    TYPE,
    UINT8_READ_AS_INT8,
    UNREAD_ZERO_POINT,
    ZERO_POINT,
    ZERO_POINT_COMPUTED,
)
from pytest_qparity.checks.linting.view import attribute, input_name, named, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.linting.pairs import Pair
    from pytest_qparity.checks.linting.view import View

__all__ = ["RULES", "check", "check_of_10"]

_TYPES = frozenset({TensorProto.INT8, TensorProto.FLOAT8E4M3FN, TensorProto.INT4, TensorProto.FLOAT4E2M1})
_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})
_HALVES = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16})
_BLOCKABLE = frozenset({TensorProto.INT4, TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT4E2M1})
_BLOCKS: Mapping[int, int] = {TensorProto.FLOAT4E2M1: 16, TensorProto.FLOAT8E4M3FN: 32}  # NVFP4 and MXFP8
_FIRST_OPSET_WITH_FREE_SCALES = 19  # below it the importer casts a scale to the type of the input


def check(view: View) -> Iterator[Finding]:
    for pair in pairs(view):
        if not pair.is_quantize and pair.quantized == TensorProto.INT32:
            got = "got an int32 DequantizeLinear, should be a float initializer"
            yield BIAS.at(named(pair.node), got)
            continue  # whatever else it says, it is to go
        yield from _types(pair, view)
        yield from _zero_point(pair, view)
        yield from _scale(pair, view)
        yield from _layout(pair)


def check_of_10(view: View) -> Iterator[Finding]:
    """What the importer of TensorRT 10 refuses besides: of a DequantizeLinear, whose output_dtype is a float's, it asks
    what is asked of a QuantizeLinear."""
    for pair in pairs(view):
        if not pair.is_quantize:
            yield from _output_type(pair)


def _types(pair: Pair, view: View) -> Iterator[Finding]:
    node, name = pair.node, type_name(pair.quantized)
    if pair.quantized == TensorProto.UINT8:
        # The importer makes an int8 node of it; a tensor that is uint8 itself does not become one.
        if pair.is_quantize:
            said = "no zero point, which ONNX reads as uint8" if pair.zero_point is None else "a uint8 zero point"
            if not _shifts(pair, view):
                yield UINT8_READ_AS_INT8.at(
                    named(node), f"got {said}, should be int8: values beyond 127 steps saturate"
                )
        elif _is_uint8(pair):
            yield TYPE.at(named(node), "got uint8 elements, should be int8")
    elif pair.quantized not in (*_TYPES, TensorProto.UNDEFINED):
        yield TYPE.at(named(node), f"got {name} elements, should be int8, float8e4m3fn, int4 or float4e2m1")
    if pair.is_quantize:
        if pair.data.type not in (*_FLOATS, TensorProto.UNDEFINED):
            yield NOT_FLOAT.at(named(node), f"got {type_name(pair.data.type)} to quantize, should be a float")
        if pair.quantized == TensorProto.INT4 and not pair.is_constant:
            yield INT4_ACTIVATION.at(named(node), "got an activation that is quantized to int4, should be a weight")
        yield from _output_type(pair)
    yield from _scale_type(pair, view)


def _output_type(pair: Pair) -> Iterator[Finding]:
    stated, zero = attribute(pair.node, "output_dtype"), pair.zero_point
    if stated and zero is not None and zero.type not in (stated, TensorProto.UNDEFINED):
        got = f"got output_dtype {type_name(stated)}, should be {type_name(zero.type)} as the zero point, or alone"
        yield OUTPUT_TYPE.at(named(pair.node), got)


def _scale_type(pair: Pair, view: View) -> Iterator[Finding]:
    scale, data = pair.scale.type, pair.data.type
    if scale not in (*_FLOATS, TensorProto.UNDEFINED):
        yield SCALE_TYPE.at(named(pair.node), f"got a {type_name(scale)} scale, should be a float")
    elif not pair.is_quantize:
        return
    elif (
        view.opset >= _FIRST_OPSET_WITH_FREE_SCALES and scale in _HALVES and data not in (scale, TensorProto.UNDEFINED)
    ):
        yield SCALE_TYPE.at(
            named(pair.node), f"got a {type_name(scale)} scale of {type_name(data)} data, should be alike"
        )


def _shifts(pair: Pair, view: View) -> bool:
    """Whether its zero point is refused anyway: then that it saturates is no news."""
    if pair.zero_point is None:
        return False
    zero = _values(pair, 2, view)
    return zero is not None and bool(np.asarray(zero, np.float32).any())


def _is_uint8(pair: Pair) -> bool:
    """Whether the importer sees uint8 data: what a QuantizeLinear gave is int8 to it, through whatever follows."""
    maker = pair.body.producer(pair.node, 0)
    return maker is None or (maker.op_type == "Cast" and attribute(maker, "to") == TensorProto.UINT8)


def _values(pair: Pair, index: int, view: View) -> np.ndarray | None:
    """The scale (1) or zero point (2) where it is a constant, or made of constants alone."""
    array = view.array(pair.body.known(pair.node, index))
    return computed(view, pair.body, input_name(pair.node, index)) if array is None else array


def _zero_point(pair: Pair, view: View) -> Iterator[Finding]:
    if pair.zero_point is None:
        return
    zero = _values(pair, 2, view)
    if pair.quantized == TensorProto.FLOAT8E4M3FN:  # of which the importer takes the type alone
        if zero is not None and np.asarray(zero, np.float32).any():
            yield UNREAD_ZERO_POINT.at(named(pair.node), "got a zero point that is not 0, should be 0 as it is taken")
        return
    if zero is None:
        if input_name(pair.node, 2) not in constant_names(pair.body):
            yield ZERO_POINT_COMPUTED.at(named(pair.node), "got a computed zero point, should be a constant of zeros")
        return
    codes = np.asarray(zero, np.float32)
    if codes.any():
        largest = codes.flat[np.abs(codes).argmax()]
        shown = f"a zero point of {largest:g}" if codes.size == 1 else f"zero points up to {largest:g}"
        yield ZERO_POINT.at(named(pair.node), f"got {shown}, should be 0")
    shape = pair.scale.shape
    if shape is not None and None not in shape and math.prod(size or 0 for size in shape) != codes.size:
        scales = math.prod(size or 0 for size in shape)
        yield PARAMETERS.at(named(pair.node), f"got {codes.size} zero points, should be {scales} as the scales")


def _scale(pair: Pair, view: View) -> Iterator[Finding]:
    scale = _values(pair, 1, view)
    if scale is not None:
        values = np.asarray(scale, np.float64)
        wrong = ~(values > 0)  # NaN too
        if wrong.any():
            got = f"{int(wrong.sum())} of {values.size} scales" if values.size > 1 else "a scale"
            yield SCALE.at(named(pair.node), f"got {got} of {values[wrong].flat[0]:g}, should be above 0")
    elif input_name(pair.node, 1) not in constant_names(pair.body) and not _is_dynamic(pair):
        yield SCALE_COMPUTED.at(named(pair.node), "got a scale that is computed, should be an initializer")


def _is_dynamic(pair: Pair) -> bool:
    """Whether the scales come from TensorRT's own dynamic quantization, directly or dequantized."""
    maker = pair.body.producer(pair.node, 1)
    if maker is not None and maker.op_type == "DequantizeLinear":
        maker = pair.body.producer(maker, 0)
    return maker is not None and maker.op_type.startswith("TRT_") and maker.op_type.endswith("DynamicQuantize")


def _layout(pair: Pair) -> Iterator[Finding]:
    data, scale, node = pair.data.shape, pair.scale.shape, pair.node
    if scale is not None and 0 in scale:
        yield SCALES.at(named(node), "got no scale, should be one at least")
        return
    if data is not None and not 0 <= pair.axis <= len(data):
        got = "a scalar" if not data else f"{len(data)} axes"
        yield AXIS.at(named(node), f"got axis {pair.axis} of {got}, should be one of its own")
        return
    if data is not None and pair.quantized in FOUR_BITS and None not in data:
        if math.prod(size or 0 for size in data) % 2:
            yield ODD.at(named(node), f"got a tensor of shape {list(data)}, should have an even number of elements")
        elif data and (data[-1] or 0) % 2:
            yield ODD_LAST_AXIS.at(named(node), f"got a last axis of {data[-1]}, should be even")
    if pair.layout is Layout.PER_AXIS and scale is not None:
        if not pair.is_constant:
            got = f"got {scale[0]} scales along axis {pair.axis} of an activation, should be one"
            yield ACTIVATION_PER_AXIS.at(named(node), got)
        elif data is not None and not (pair.axis < len(data) and data[pair.axis] in (scale[0], None)):
            size = data[pair.axis] if pair.axis < len(data) else "no"
            got = f"got {scale[0]} scales for axis {pair.axis} of {size} elements, should be one each"
            yield SCALES.at(named(node), got)
    elif pair.layout is Layout.BLOCKED:
        yield from _blocks(pair)


def _blocks(pair: Pair) -> Iterator[Finding]:
    data, scale, node = pair.data.shape, pair.scale.shape, pair.node
    if pair.quantized not in (*_BLOCKABLE, TensorProto.UNDEFINED):
        got = f"got blocks of {type_name(pair.quantized)}, should be int4, float8e4m3fn or float4e2m1"
        yield BLOCKS.at(named(node), got)
        return
    if data is not None and scale is not None:
        if len(data) != len(scale):
            yield BLOCKS.at(
                named(node), f"got scales of rank {len(scale)} for data of rank {len(data)}, should be alike"
            )
            return
        blocked = blocked_axes(pair)
        if blocked is not None and len(blocked) != 1:
            along = f"along the axes {list(blocked)}" if blocked else "of one element"
            yield BLOCKS.at(named(node), f"got blocks {along}, should be along one axis")
            return
        if blocked is not None and len(data) == 1:
            got = f"got {scale[0]} scales of {data[0]} elements without another axis, should be one each"
            yield SCALES.at(named(node), got)
            return
        if blocked is not None and (data[blocked[0]] or 0) % (scale[blocked[0]] or 1):
            got = f"got {data[blocked[0]]} elements in {scale[blocked[0]]} blocks, should be a whole number in each"
            yield BLOCKS.at(named(node), got)
            return
    block = block_of(pair)
    if block is None:
        return
    axis, size = block
    if data is not None and axis < len(data) - 2:
        yield BLOCKS.at(
            named(node), f"got blocks along axis {axis} of {len(data)}, should be the last or the one before"
        )
    wanted = _BLOCKS.get(pair.quantized)
    if wanted is not None and size != wanted:
        yield BLOCK_SIZE.at(named(node), f"got blocks of {size} {type_name(pair.quantized)}, should be of {wanted}")
