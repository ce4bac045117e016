"""TensorRT's quantization nodes (domain `trt`), as NVIDIA ModelOpt exports them and TensorRT's ONNX parser reads them.

Names, attributes and defaults are those of the parser (onnx-tensorrt, `onnxOpImporters.cpp`) and of ModelOpt's exporter
(`export_onnx.py`, `mxfp8_exporter.py`). What the nodes compute is not published to the last bit: block scales of MXFP8
are taken to round up, as ModelOpt computes those of weights (`compute_e8m0`) and cuDNN's block scaling documents them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from pytest_qparity.precision.emulation import layouts, rounding
from pytest_qparity.precision.emulation.constants import constant_of
from pytest_qparity.precision.emulation.emitter import attributes_of, graphs_of, refused
from pytest_qparity.precision.emulation.layouts import Grouping
from pytest_qparity.quantmath.blocks import MX_BLOCK, NVFP4_BLOCK, ScaleRule
from pytest_qparity.quantmath.floats import E2M1, E4M3FN, FloatFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_qparity.precision.emulation.emitter import Emitter
    from pytest_qparity.precision.emulation.state import State

DOMAIN = "trt"
FP4, FP8, E8M0 = ir.DataType.FLOAT4E2M1, ir.DataType.FLOAT8E4M3FN, ir.DataType.FLOAT8E8M0

_ELEMENTS = {FP4: E2M1, FP8: E4M3FN}
_QUANTIZERS = {
    "QuantizeLinear": ("QuantizeLinear", None),
    "DequantizeLinear": ("DequantizeLinear", None),
    "TRT_FP8QuantizeLinear": ("QuantizeLinear", FP8),
    "TRT_FP8DequantizeLinear": ("DequantizeLinear", FP8),
    "TRT_INT4QuantizeLinear": ("QuantizeLinear", ir.DataType.INT4),
    "TRT_INT4DequantizeLinear": ("DequantizeLinear", ir.DataType.INT4),
    "TRT_MXFP8QuantizeLinear": ("QuantizeLinear", FP8),
    "TRT_MXFP8DequantizeLinear": ("DequantizeLinear", FP8),
}
_MX = ("TRT_MXFP8QuantizeLinear", "TRT_MXFP8DequantizeLinear")


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A dynamic quantization: elements of a type with block scales of a type, computed from the data.

    `tensor_scale`: the second-level scale of NVFP4; None for MX. `scales`: the node that stands for the scales.
    """

    element: ir.DataType
    scale: ir.DataType
    grouping: Grouping
    tensor_scale: ir.Value | None
    scales: ir.Node


@dataclass(frozen=True, slots=True)
class Prepared:
    """Stand-ins of dynamic quantizations by the node of their elements, and types of values."""

    dynamic: Mapping[ir.Node, Dynamic]
    types: Mapping[ir.Value, ir.DataType]


def prepare(model: ir.Model, emit: Emitter, emulates: Callable[[ir.DataType], bool]) -> Prepared:
    """Put standard nodes in place of TensorRT's, so that types and shapes can be inferred.

    Q/DQ nodes become those of ONNX. A dynamic quantization becomes two Identities, for its elements and its scales, of
    the right shape for what follows; `lower_dynamic` puts in what it computes.
    """
    found: dict[ir.Node, Dynamic] = {}
    typed: dict[ir.Value, ir.DataType] = {}
    for graph in graphs_of(model.graph):
        for node in list(graph):
            if node.domain != DOMAIN:
                continue
            if node.op_type in _QUANTIZERS:
                _as_standard(graph, node, emit, emulates, typed)
            elif node.op_type in _DYNAMIC:
                stated = _DYNAMIC[node.op_type](node)
                if emulates(stated.element):
                    elements = _stand_in(graph, node, 0, emit)
                    scales = _stand_in(graph, node, 1, emit)
                    graph.remove(node, safe=True)
                    typed[elements.outputs[0]], typed[scales.outputs[0]] = stated.element, stated.scale
                    found[elements] = Dynamic(
                        stated.element, stated.scale, stated.grouping, stated.tensor_scale, scales
                    )
    return Prepared(found, typed)


@dataclass(frozen=True, slots=True)
class _Stated:
    element: ir.DataType
    scale: ir.DataType
    grouping: Grouping
    tensor_scale: ir.Value | None


def lower_dynamic(state: State, node: ir.Node, dynamic: Dynamic) -> None:
    """Elements and scales of each block, as float32 values.

    MX: `quantmath.blocks.quantize_mx` with ScaleRule.CEIL. NVFP4: s = E4M3(max / 6 / tensor_scale), elements
    E2M1(x / (s · tensor_scale)), each quotient and product rounded to float32, 0 where s is; `quantize_nvfp4` forms
    them in float64, which differs where a quotient is within 3 · 2⁻²⁴ of itself from a tie.
    """
    emit = state.emit
    x = node.inputs[0]
    assert x is not None
    state.count(dynamic.element)
    real = state.as_float(x)
    if real.shape is None:
        real.shape = x.shape
    blocks = layouts.blocks_of(emit, real, dynamic.grouping)
    within = layouts.LAST if blocks.shape is None else dynamic.grouping.axis % (blocks.shape.rank() - 1) + 1
    maximum = _maximum(emit, emit.op("Abs", blocks, shape=blocks.shape), within)
    element = _ELEMENTS[dynamic.element]
    if dynamic.tensor_scale is None:
        scales = rounding.mx_scale(emit, maximum, element, ScaleRule.CEIL)
        divisor = scales
    else:
        scales, divisor = _nvfp4_scales(state, maximum, dynamic.tensor_scale, element)
    quotient = emit.op("Div", blocks, divisor, shape=blocks.shape)
    elements = layouts.joined(emit, rounding.round_to(emit, quotient, element), real)
    squeezed = None
    if blocks.shape is not None:
        squeezed = ir.Shape([size for at, size in enumerate(blocks.shape) if at != within])
    scales = emit.op("Squeeze", scales, emit.constant([within], np.int64), shape=squeezed)

    for user, _ in dynamic.scales.outputs[0].uses():
        if user.op_type == "DequantizeLinear":
            user.outputs[0].shape = squeezed  # what was inferred is the shape of the stand-in
    emit.replace(dynamic.scales.outputs[0], state.as_type(scales, dynamic.scale))
    emit.replace(node.outputs[0], state.as_type(elements, dynamic.element))
    emit.place(node)


def _nvfp4_scales(
    state: State, maximum: ir.Value, tensor_scale: ir.Value, element: FloatFormat
) -> tuple[ir.Value, ir.Value]:
    """Block scales, and what to divide elements by: the scale times the tensor's, infinite where that is 0."""
    emit = state.emit
    scalar = emit.op("Reshape", state.as_float(tensor_scale), emit.constant(np.zeros(0), np.int64))
    scalar.shape = ir.Shape(())
    factor = emit.opaque(scalar)
    share = emit.op("Div", maximum, emit.opaque(element.largest), shape=maximum.shape)
    scales = rounding.round_to(emit, emit.op("Div", share, factor, shape=maximum.shape), E4M3FN)
    product = emit.op("Mul", scales, factor, shape=maximum.shape)
    positive = emit.op("Greater", product, emit.constant(0.0), dtype=ir.DataType.BOOL)
    return scales, emit.op("Where", positive, product, emit.constant(np.inf), shape=maximum.shape)


def _maximum(emit: Emitter, x: ir.Value, axis: int) -> ir.Value:
    shape = None if x.shape is None else ir.Shape([1 if at == axis else size for at, size in enumerate(x.shape)])
    if emit.opset < 18:
        return emit.op("ReduceMax", x, axes=[axis], keepdims=1, shape=shape)
    return emit.op("ReduceMax", x, emit.constant([axis], np.int64), keepdims=1, shape=shape)


def _fp4_dynamic(node: ir.Node) -> _Stated:
    attributes = attributes_of(node)
    block = attributes.get("block_size", 0) or NVFP4_BLOCK
    return _Stated(FP4, FP8, Grouping(attributes.get("axis", 1), block), node.inputs[1])


def _mxfp8_dynamic(node: ir.Node) -> _Stated:
    attributes = attributes_of(node)
    return _Stated(FP8, E8M0, Grouping(attributes.get("axis", -1), attributes.get("block_size", MX_BLOCK)), None)


def _dynamic(node: ir.Node) -> _Stated:
    """The general node: `block_shape` has one dimension that is no 1, the block."""
    attributes = attributes_of(node)
    shape = [int(size) for size in attributes["block_shape"]]
    element = ir.DataType(attributes.get("output_type", 0))
    scale = ir.DataType(attributes.get("scale_type", 0))
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    if len(axes) != 1 or shape[axes[0]] < 1 or element not in _ELEMENTS or scale not in (FP8, E8M0):
        raise refused(
            f"blocks of {shape}, {element.name} with scales of {scale.name}, in {node.op_type} {node.name!r}",
            "blocks along one axis, float4 or float8 with scales of float8",
        )
    tensor_scale = node.inputs[1] if len(node.inputs) > 1 else None
    if (scale == FP8) == (tensor_scale is None):
        raise refused(f"{scale.name} scales in {node.op_type} {node.name!r}", "E4M3 with a second scale, or E8M0")
    return _Stated(element, scale, Grouping(axes[0], shape[axes[0]]), tensor_scale)


_DYNAMIC = {
    "TRT_FP4DynamicQuantize": _fp4_dynamic,
    "TRT_MXFP8DynamicQuantize": _mxfp8_dynamic,
    "TRT_DynamicQuantize": _dynamic,
}


def _stand_in(graph: ir.Graph, node: ir.Node, index: int, emit: Emitter) -> ir.Node:
    identity = ir.node("Identity", [node.inputs[0]], name=f"{node.name}_{index}")
    graph.insert_before(node, identity)
    if index < len(node.outputs):
        emit.replace(node.outputs[index], identity.outputs[0])
    else:
        identity.outputs[0].name = emit.fresh("unused")
    return identity


def _as_standard(
    graph: ir.Graph,
    node: ir.Node,
    emit: Emitter,
    emulates: Callable[[ir.DataType], bool],
    typed: dict[ir.Value, ir.DataType],
) -> None:
    op_type, type_ = _QUANTIZERS[node.op_type]
    known = type_ if type_ is not None else ir.DataType.INT8
    if type_ is not None and not emulates(type_):
        return
    attributes = dict(attributes_of(node))
    inputs = list(node.inputs)
    if node.op_type in _MX:
        inputs[1] = _reinterpreted(emit, inputs[1], E8M0)
        attributes = {"axis": 1, "output_dtype": ir.DataType.FLOAT, **attributes}
    if op_type == "QuantizeLinear":
        attributes["output_dtype"] = known
        if inputs[2:] and inputs[2] is not None:
            attributes.pop("output_dtype")
    elif type_ is not None:
        inputs[0] = _reinterpreted(emit, inputs[0], type_)
    standard = ir.node(op_type, inputs, attributes=attributes, name=node.name)
    graph.insert_before(node, standard)
    emit.replace(node.outputs[0], standard.outputs[0])
    if op_type == "QuantizeLinear":
        typed[standard.outputs[0]] = known
    graph.remove(node, safe=True)


def _reinterpreted(emit: Emitter, value: ir.Value | None, dtype: ir.DataType) -> ir.Value | None:
    """A uint8 constant of codes as what it stands for; other values have, or get, their type elsewhere."""
    if value is None or value.dtype != ir.DataType.UINT8:
        return value
    codes = constant_of(value)
    if codes is None:
        producer = value.producer()
        if producer is not None and producer.domain == DOMAIN:
            return value
        raise refused(f"{value.name!r}, uint8 codes of {dtype.name} that are no constant", "a constant")
    if dtype.bitwidth != 8:
        raise refused(f"{value.name!r}, packed uint8 codes of {dtype.name}", f"a constant of {dtype.name}")
    return emit.initializer(codes.view(dtype.numpy()), emit.fresh("codes"))
