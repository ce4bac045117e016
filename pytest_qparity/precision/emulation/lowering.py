"""A file's emulated types, lowered to float32 operators that round alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
from onnx import inliner

from pytest_qparity.precision.emulation import quantizers, tensorrt
from pytest_qparity.precision.emulation.constants import values_of
from pytest_qparity.precision.emulation.emitter import PREFIX, Emitter, attributes_of, graphs_of, refused, subgraphs_of
from pytest_qparity.precision.emulation.inference import infer, is_quantizer, state_small_types, values_in
from pytest_qparity.precision.emulation.rounding import round_to
from pytest_qparity.precision.emulation.scans import hand_into_scans
from pytest_qparity.precision.emulation.state import COMPUTED, FORMATS, INTEGERS, SHARED, STANDARD, State

if TYPE_CHECKING:
    from onnx import ModelProto

LOWEST_OPSET = 13
SCALES = ir.DataType.FLOAT8E8M0
MX_ELEMENTS = frozenset({ir.DataType.FLOAT8E4M3FN, ir.DataType.FLOAT8E5M2, ir.DataType.FLOAT4E2M1})

# They give elements of their inputs as they are, whatever these stand for.
MOVERS = frozenset(
    {
        "Compress", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity",
        "If", "Loop", "MaxPool", "Pad", "Reshape", "ReverseSequence", "Scan", "ScatterElements", "ScatterND", "Slice",
        "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Where",
    }
)  # fmt: skip
READERS = frozenset({"Shape", "Size"})
# They give values of their inputs' type for such values, so that nothing is to be rounded.
EXACT = MOVERS | {"Abs", "Constant", "Max", "Min", "Neg", "Relu", "Sign"}
# Attributes that name a type to compute or to answer in.
TYPE_ATTRIBUTES = ("dtype", "output_dtype", "precision", "softmax_precision", "stash_type", "to")


def lowered(
    model: ModelProto, types: Collection[int] | Callable[[int], bool], blocked: Collection[int] = ()
) -> tuple[ModelProto, Mapping[str, int]]:
    """`model` without the element types in `types`, and how many nodes were lowered, by the type's name.

    types: TensorProto.DataType values that an engine cannot execute, or what tells them; `blocked`: those that it can,
    but not with blocked scales. What other types need is left as it is; where nothing is to be done, the model comes
    back itself. Quantized tensors become float32 tensors of the values of their codes, so that what only moves elements
    may stand between Q and DQ. Dequantized constants become initializers. bfloat16 and float16 graphs become float32
    ones with a rounding after each node that computes, and float32 inputs and outputs.

    Raises CannotJudge for what cannot be emulated: an operator that computes on codes, codes as inputs or outputs of
    the graph, a cast to integers, an opset below 13.
    """
    emulates = _predicate(types)
    named = inliner.inline_local_functions(model) if model.functions else model
    lowering = _Lowering(ir.from_proto(named), emulates, frozenset(ir.DataType(each) for each in blocked))
    counts = lowering.run()
    if not counts:
        return model, {}
    made = ir.to_proto(lowering.model)
    hand_into_scans(made)
    return made, counts


def _predicate(types: Collection[int] | Callable[[int], bool]) -> Callable[[ir.DataType], bool]:
    asked = types if callable(types) else frozenset(types).__contains__
    chosen = {each for each in (*FORMATS, *INTEGERS) if asked(each.value)}
    if chosen & MX_ELEMENTS:
        chosen.add(SCALES)  # no engine has the scales without the elements
    return chosen.__contains__


class _Lowering:
    def __init__(
        self, model: ir.Model, emulates: Callable[[ir.DataType], bool], blocked: frozenset[ir.DataType]
    ) -> None:
        from onnx_ir.passes import common

        self.model = model
        common.RemoveInitializersFromInputsPass()(model)
        emit = Emitter(model)
        prepared = tensorrt.prepare(model, emit, emulates)
        for value, dtype in prepared.types.items():
            value.dtype = dtype
        state_small_types(model.graph)
        self._idle = not any(
            value.dtype is not None and (emulates(value.dtype) or value.dtype in blocked)
            for value in values_in(model.graph)
        )
        self._dynamic = prepared.dynamic
        self._state = State(emit, emulates, blocked)

    def run(self) -> Mapping[str, int]:
        if self._idle:
            return {}
        infer(self.model)
        state = self._state
        for value in (*self.model.graph.inputs, *self.model.graph.outputs):
            if state.is_held(value) and value.dtype not in COMPUTED:
                raise refused(f"{value.name!r}, {value.dtype} at the graph's border", "inside of it")
        for value in self.model.graph.inputs:
            if state.is_held(value) and value.uses():
                state.emit.replace_with(value, self._rounded)
                state.emit.place(self.model.graph[0])
        self._visit(self.model.graph)
        if state.counts and state.emit.opset < LOWEST_OPSET:
            raise refused(f"opset {state.emit.opset}", f"at least {LOWEST_OPSET}", "convert the model to opset 17")
        for graph in graphs_of(self.model.graph):
            self._make_float(graph)
        for graph in reversed(list(graphs_of(self.model.graph))):  # inner ones use what outer ones hold
            _remove_unused(graph)
        return dict(sorted(state.counts.items()))

    def _visit(self, graph: ir.Graph) -> None:
        for node in list(graph):
            if node.graph is None:
                continue
            if node in self._dynamic:
                self._lower_dynamic(node)
            elif is_quantizer(node):
                if quantizers.concerns(self._state, node):
                    lower = {
                        "QuantizeLinear": quantizers.lower_quantize,
                        "DequantizeLinear": quantizers.lower_dequantize,
                    }[node.op_type]
                    self._replace(node, lower(self._state, node))
            elif node.op_type in ("Cast", "CastLike") and node.domain in STANDARD:
                self._cast(node)
            else:
                self._other(node)

    def _replace(self, node: ir.Node, result: ir.Value) -> None:
        state, old = self._state, node.outputs[0]
        if result.producer() is None or result.name == old.name:
            # An initializer keeps its name, since others may share it.
            held = result.dtype
            result = state.emit.op("Identity", result, dtype=held or ir.DataType.FLOAT, shape=result.shape)
            if held is not None and state.emulates(held):
                state.hold(result, held)
        if result.shape is None:
            result.shape = old.shape
        state.emit.replace(old, result)
        state.emit.place(node)
        assert node.graph is not None
        node.graph.remove(node, safe=True)

    def _lower_dynamic(self, node: ir.Node) -> None:
        dynamic = self._dynamic[node]
        tensorrt.lower_dynamic(self._state, node, dynamic)
        assert node.graph is not None
        node.graph.remove([node, dynamic.scales], safe=True)

    def _cast(self, node: ir.Node) -> None:
        state = self._state
        if node.op_type == "Cast":
            to = ir.DataType(attributes_of(node)["to"])
        else:
            like = node.inputs[1]
            if like is None or like.dtype is None:
                return
            to = like.dtype
        small = to not in SHARED and (to in FORMATS or to in INTEGERS)
        if state.is_held(node.inputs[0]) or (small and state.emulates(to)):
            self._replace(node, quantizers.lower_cast(state, node, to))

    def _other(self, node: ir.Node) -> None:
        state = self._state
        held = [value for value in node.inputs if state.is_held(value)]
        moved = [value for value in held if value is not None and value.dtype not in COMPUTED]
        moves = node.op_type in MOVERS and node.domain in STANDARD
        if moved and not moves and node.op_type not in READERS:
            raise refused(
                f"{moved[0].dtype.name if moved[0].dtype else ''} codes as input of {node.op_type} {node.name!r}",
                "a DequantizeLinear, or what moves elements",
            )
        if moved and moves and not subgraphs_of(node):
            for output in node.outputs[: 1 if node.op_type == "MaxPool" else None]:
                state.hold(output, moved[0].dtype or ir.DataType.FLOAT)
        for graph in subgraphs_of(node):
            self._visit(graph)
        if held and any(output.dtype is None and output.uses() for output in node.outputs):
            raise refused(f"{node.op_type} {node.name!r} with an output of unknown type", "one that inference knows")
        exact = node.op_type in EXACT and node.domain in STANDARD
        for output in node.outputs:
            if not state.is_held(output) or exact:
                continue
            assert output.dtype is not None
            if output.dtype not in COMPUTED:
                raise refused(f"{output.dtype.name} from {node.op_type} {node.name!r}", "from a QuantizeLinear")
            state.count(output.dtype)
            state.emit.replace_with(output, self._rounded)
            state.emit.place_after(node)
        if held or any(state.is_held(output) for output in node.outputs):
            self._retype(node)

    def _rounded(self, value: ir.Value) -> ir.Value:
        dtype = value.dtype
        assert dtype is not None
        return self._state.hold(round_to(self._state.emit, value, FORMATS[dtype]), dtype)

    def _retype(self, node: ir.Node) -> None:
        """What a node's attributes say of emulated types, said of float32."""
        for name in TYPE_ATTRIBUTES:
            stated = attributes_of(node).get(name)
            if isinstance(stated, int) and stated and self._state.emulates(ir.DataType(stated)):
                node.attributes[name] = ir.AttrInt64(name, ir.DataType.FLOAT)
        value = node.attributes.get("value")
        if value is not None and value.type == ir.AttributeType.TENSOR:
            tensor = value.as_tensor()
            if self._state.emulates(tensor.dtype):
                node.attributes["value"] = ir.AttrTensor("value", ir.tensor(values_of(np.asarray(tensor.numpy()))))

    def _make_float(self, graph: ir.Graph) -> None:
        """Give float32 to all that is held; up to here the types told what is."""
        for value in (*graph.inputs, *graph.initializers.values(), *(out for node in graph for out in node.outputs)):
            if not self._state.is_held(value):
                continue
            value.dtype = ir.DataType.FLOAT
            tensor = value.const_value
            if tensor is not None and value.is_initializer() and tensor.dtype != ir.DataType.FLOAT:
                value.const_value = ir.tensor(values_of(np.asarray(tensor.numpy())), name=value.name)


def _remove_unused(graph: ir.Graph) -> None:
    """Constants that only fed what is gone, and what was made for nothing."""
    for node in reversed(list(graph)):
        made = node.op_type == "Constant" or (node.name or "").startswith(PREFIX)
        if made and not any(output.uses() or output.is_graph_output() for output in node.outputs):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output():
            del graph.initializers[name]
