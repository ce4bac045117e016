"""Types and shapes of a graph whose quantized types may be younger than its opset.

onnx's inference refuses a float8 constant in a file of opset 17, which TensorRT's exporters write. It is asked about a
likeness of the graph instead: Q/DQ nodes are Identity and Cast there, small types float32, and constants have shapes
only, but for the short integer ones that shapes are computed from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper

from pytest_qparity.precision.emulation.emitter import attributes_of, graphs_of, refused, subgraphs_of
from pytest_qparity.precision.emulation.state import COMPUTED, FORMATS, INTEGERS, QUANTIZERS, SHARED, STANDARD

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL = frozenset({*FORMATS, *INTEGERS}) - SHARED - COMPUTED
LARGEST_KEPT = 1_024  # elements of an integer constant
_Known = dict[str, onnx.TypeProto]


def infer(model: ir.Model) -> None:
    """State the types and shapes of all values that the file does not; of small types only where a node says them.

    CannotJudge where the file contradicts itself.
    """
    state_small_types(model.graph)
    likeness = _Likeness(model)
    proto = helper.make_model(
        likeness.of(model.graph, True),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in model.opset_imports.items()],
        ir_version=model.ir_version,
    )
    try:
        inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError) as error:
        first = str(error).strip().splitlines()[0]
        raise refused(f"{first} from inferring types", "a file whose types and shapes fit") from error
    likeness.take(model.graph, inferred.graph)


def quantized_type(node: ir.Node) -> ir.DataType | None:
    """The type that a Q/DQ node quantizes to or from (ONNX QuantizeLinear and DequantizeLinear 13 to 25)."""
    zero_point = node.inputs[2] if len(node.inputs) > 2 else None
    if node.op_type == "DequantizeLinear" and node.inputs[0] is not None and node.inputs[0].dtype is not None:
        return node.inputs[0].dtype
    if zero_point is not None:
        return zero_point.dtype
    if node.op_type == "DequantizeLinear":
        return None
    stated = attributes_of(node).get("output_dtype", 0)
    return ir.DataType(stated) if stated else ir.DataType.UINT8


def is_quantizer(node: ir.Node) -> bool:
    return node.op_type in ("QuantizeLinear", "DequantizeLinear") and node.domain in QUANTIZERS


def state_small_types(graph: ir.Graph) -> None:
    """Types of outputs that a node itself tells: of QuantizeLinear, Cast and Constant."""
    for each in graphs_of(graph):
        for node in each:
            if is_quantizer(node) and node.op_type == "QuantizeLinear":
                node.outputs[0].dtype = quantized_type(node) or ir.DataType.UINT8
            elif node.domain in STANDARD and node.op_type == "Cast":
                node.outputs[0].dtype = ir.DataType(attributes_of(node)["to"])
            elif node.domain in STANDARD and node.op_type == "Constant":
                tensor = ir.convenience.get_const_tensor(node.outputs[0])
                if tensor is not None:
                    node.outputs[0].dtype = tensor.dtype


class _Likeness:
    """Makes the likeness and reads it. bfloat16 is float16 there, which more operators take, if that is free."""

    def __init__(self, model: ir.Model) -> None:
        used = {value.dtype for value in values_in(model.graph)}
        self._types: Mapping[ir.DataType, ir.DataType] = dict.fromkeys(SMALL, ir.DataType.FLOAT)
        self._meant: Mapping[int, ir.DataType] = {}
        if ir.DataType.BFLOAT16 in used and ir.DataType.FLOAT16 not in used:
            self._types = {**self._types, ir.DataType.BFLOAT16: ir.DataType.FLOAT16}
            self._meant = {TensorProto.FLOAT16: ir.DataType.BFLOAT16}

    def of(self, graph: ir.Graph, is_main: bool) -> onnx.GraphProto:
        constants = [value for value in graph.initializers.values() if value.const_value is not None]
        kept = [value for value in constants if self._is_kept(value) or not is_main]
        shaped = [self._value_info(value) for value in constants if is_main and not self._is_kept(value)]
        return helper.make_graph(
            [each for node in graph for each in self._nodes(node)],
            graph.name or "graph",
            [*(self._value_info(value) for value in graph.inputs), *shaped],
            [self._value_info(value) for value in graph.outputs],
            [self._tensor(value.const_value, value.name or "") for value in kept],
            value_info=[
                self._value_info(value)
                for node in graph
                for value in node.outputs
                if value.type is not None and value.name and not value.is_graph_output()
            ],
        )

    def take(self, graph: ir.Graph, inferred: onnx.GraphProto) -> None:
        known: _Known = {value.name: value.type for value in (*inferred.value_info, *inferred.output)}
        nodes = {output: node for node in inferred.node for output in node.output}
        for node in graph:
            for value in node.outputs:
                if value.name in known:
                    self._state(value, known[value.name])
            for index, inner in enumerate(subgraphs_of(node)):
                like = nodes[next(output.name for output in node.outputs if output.name)]
                self.take(inner, list(_subgraphs(like))[index])

    def _state(self, value: ir.Value, known: onnx.TypeProto) -> None:
        if not known.HasField("tensor_type"):
            return
        if value.type is None and known.tensor_type.elem_type:
            type_ = known.tensor_type.elem_type
            value.dtype = self._meant.get(type_, ir.DataType(type_))
        shape = ir.serde.deserialize_type_proto_for_shape(known)
        if shape is not None:
            value.shape = shape

    def _nodes(self, node: ir.Node) -> Iterator[onnx.NodeProto]:
        name, output = node.name or "", (node.outputs[0].name or "") if node.outputs else ""
        source = (node.inputs[0].name or "") if node.inputs and node.inputs[0] is not None else ""
        if is_quantizer(node) and node.op_type == "QuantizeLinear":
            to = self._like(node.outputs[0].dtype)
            yield helper.make_node("Cast", [source], [output], name, to=to)
        elif is_quantizer(node):
            scale = node.inputs[1].dtype if node.inputs[1] is not None else None
            wide = scale if scale in (ir.DataType.FLOAT, *COMPUTED) else ir.DataType.FLOAT
            to = ir.DataType(attributes_of(node).get("output_dtype", 0)) or wide
            yield helper.make_node("Cast", [source], [output], name, to=self._like(to))
        elif node.domain in STANDARD and (node.op_type == "Cast" or _is_stand_in(node)):
            yield helper.make_node("Cast", [source], [output], name, to=self._like(node.outputs[0].dtype))
        else:
            yield self._alike(node)

    def _alike(self, node: ir.Node) -> onnx.NodeProto:
        proto: onnx.NodeProto = ir.serde.serialize_node(node)
        inner = iter(subgraphs_of(node))
        for attribute in proto.attribute:
            if attribute.HasField("g"):
                attribute.g.CopyFrom(self.of(next(inner), False))
            elif attribute.graphs:
                like = [self.of(next(inner), False) for _ in attribute.graphs]
                del attribute.graphs[:]
                attribute.graphs.extend(like)
            elif attribute.HasField("t") and ir.DataType(attribute.t.data_type) in self._types:
                attribute.t.CopyFrom(self._tensor(ir.serde.deserialize_tensor(attribute.t), attribute.t.name))
            elif attribute.name in ("dtype", "output_dtype") and ir.DataType(attribute.i) in self._types:
                attribute.i = self._like(ir.DataType(attribute.i))
        return proto

    def _is_kept(self, value: ir.Value) -> bool:
        tensor = value.const_value
        return (
            tensor is not None
            and tensor.dtype in (ir.DataType.INT64, ir.DataType.INT32)
            and (tensor.size <= LARGEST_KEPT)
        )

    def _tensor(self, tensor: Any, name: str) -> onnx.TensorProto:
        """A constant; of a type that has none like it, zeros."""
        if tensor.dtype not in self._types:
            return ir.serde.serialize_tensor(ir.tensor(tensor.numpy(), dtype=tensor.dtype, name=name))
        zeros = np.zeros(tuple(tensor.shape), self._types[tensor.dtype].numpy())
        return onnx.numpy_helper.from_array(zeros, name)

    def _value_info(self, value: ir.Value) -> onnx.ValueInfoProto:
        proto = ir.serde.serialize_value(value)
        if proto.type.HasField("tensor_type"):
            proto.type.tensor_type.elem_type = self._like(ir.DataType(proto.type.tensor_type.elem_type))
        return proto

    def _like(self, dtype: ir.DataType | None) -> int:
        known = dtype if dtype is not None else ir.DataType.UNDEFINED
        return int(self._types.get(known, known))


def _is_stand_in(node: ir.Node) -> bool:
    """Whether an Identity stands for a dynamic quantization: it gives another type than it takes."""
    return node.op_type == "Identity" and node.outputs[0].dtype in SMALL


def values_in(graph: ir.Graph) -> Iterator[ir.Value]:
    """All values of a graph and those inside it."""
    for each in graphs_of(graph):
        yield from (*each.inputs, *each.initializers.values(), *(out for node in each for out in node.outputs))


def _subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
