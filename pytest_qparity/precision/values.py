"""What a graph says of its values ahead of any run: element types, constants, and what dequantizes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, external_data_helper, numpy_helper

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

STANDARD = ("", "ai.onnx")
MICROSOFT = "com.microsoft"
TENSORRT = "trt"


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value by its name: its element type, the constant that it is, the node that makes it."""

    type: int
    constant: TensorProto | None = None
    maker: NodeProto | None = None


Scope = Mapping[str, Value]


def load_graph(path: Path) -> ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise _not_a_model(path, f"{type(error).__name__} from reading it") from None
    if not model.graph.output:
        raise _not_a_model(path, "a graph without outputs")
    return model


def _not_a_model(path: Path, got: str) -> CannotJudge:
    sentence = f"{path.name}: got {got}, should be an ONNX model."
    return CannotJudge(Failure(Code.MODEL_UNREADABLE, sentence, "make or fetch the file again"))


def all_nodes(model: ModelProto) -> Iterator[tuple[NodeProto, Scope]]:
    """Nodes that lead to an output, those of subgraphs and of called functions included, with the values each sees."""
    functions = {(function.domain, function.name): function for function in model.functions}
    waiting: list[GraphProto | FunctionProto] = [model.graph]
    while waiting:
        for node, scope in _nested(waiting.pop(), {}):
            yield node, scope
            called = functions.pop((node.domain, node.op_type), None)
            if called is not None:
                waiting.append(called)


def live_nodes(body: GraphProto | FunctionProto) -> list[NodeProto]:
    """The nodes whose outputs lead to an output, in their order: a quantized node that leads nowhere quantizes nothing.

    They may stand in any order: ONNX Runtime's quantizer leaves a branch in front of what it takes, and ONNX Runtime
    runs that.
    """
    producers = {output: index for index, node in enumerate(body.node) for output in node.output if output}
    waiting = [output if isinstance(output, str) else output.name for output in body.output]
    live: set[int] = set()
    while waiting:
        index = producers.get(waiting.pop())
        if index is not None and index not in live:
            live.add(index)
            waiting.extend(body.node[index].input)
            waiting.extend(name for graph in subgraphs(body.node[index]) for name in names_used(graph))
    return [body.node[index] for index in sorted(live)]


def names_used(graph: GraphProto) -> set[str]:
    """Names that a subgraph's nodes and outputs take, its own and those from around it."""
    names = {output.name for output in graph.output}
    for node in graph.node:
        names.update(node.input, *(names_used(inner) for inner in subgraphs(node)))
    return names


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _nested(body: GraphProto | FunctionProto, outer: Scope) -> Iterator[tuple[NodeProto, Scope]]:
    """Nodes of a graph or function and of the subgraphs in it, each with the values it can see."""
    scope = {**outer, **values_in(body, outer)}
    for node in live_nodes(body):
        yield node, scope
        for graph in subgraphs(node):
            yield from _nested(graph, scope)


def values_in(body: GraphProto | FunctionProto, outer: Scope) -> dict[str, Value]:
    """Types of values that the file states, their makers, and constants, also behind Identity nodes."""
    values: dict[str, Value] = {}
    stated: Iterable[onnx.ValueInfoProto] = body.value_info
    if isinstance(body, onnx.GraphProto):
        stated = (*body.value_info, *body.input, *body.output)
    for value in stated:
        values[value.name] = Value(value.type.tensor_type.elem_type)
    if isinstance(body, onnx.GraphProto):
        values |= {tensor.name: Value(tensor.data_type, tensor) for tensor in body.initializer}
    for node in body.node:
        if node.op_type == "Constant" and (tensor := constant_of(node)) is not None:
            values[node.output[0]] = Value(tensor.data_type, tensor)
        elif node.op_type == "Identity" and (known := values.get(node.input[0]) or outer.get(node.input[0])):
            if known.type != TensorProto.UNDEFINED:
                values[node.output[0]] = known
        elif node.op_type == "Cast":
            values[node.output[0]] = Value(next((each.i for each in node.attribute if each.name == "to"), 0))
        elif node.op_type == "QuantizeLinear":
            values[node.output[0]] = Value(quantized_type(node, {**outer, **values}))
        for output in node.output:
            values[output] = replace(values.get(output, Value(TensorProto.UNDEFINED)), maker=node)
    return values


def constant_of(node: NodeProto) -> TensorProto | None:
    for attribute in node.attribute:
        if attribute.name == "value":
            tensor: TensorProto = attribute.t
            return tensor
        if attribute.name in ("value_float", "value_floats"):
            numbers = [attribute.f] if attribute.name == "value_float" else list(attribute.floats)
            return numpy_helper.from_array(np.array(numbers, np.float32))
    return None


def quantized_type(node: NodeProto, scope: Scope) -> int:
    """The element type that a Q/DQ node quantizes to or from (ONNX QuantizeLinear, DequantizeLinear 10 to 25)."""
    telling = [*node.input[2:3], *(node.input[:1] if node.op_type == "DequantizeLinear" else ())]
    for name in telling:
        if name in scope and scope[name].type != TensorProto.UNDEFINED:
            return scope[name].type
    if node.op_type == "DequantizeLinear" or any(telling):
        return TensorProto.UNDEFINED
    stated = next((attribute.i for attribute in node.attribute if attribute.name == "output_dtype"), 0)
    return stated or TensorProto.UINT8


def loaded(tensor: TensorProto, path: Path, kind: str = "") -> np.ndarray:
    """A constant's values, read from beside the model file where they lie there; `kind` names it in a failure."""
    if tensor.data_location == TensorProto.EXTERNAL:
        tensor = TensorProto.FromString(tensor.SerializeToString())
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
        except (OSError, ValueError, onnx.checker.ValidationError) as error:
            sentence = f"{path.name}: got {type(error).__name__} from the external data of {kind}{tensor.name!r}"
            raise CannotJudge(
                Failure(Code.MODEL_EXTERNAL_DATA, f"{sentence}, should be readable.", "fetch all files of the model")
            ) from None
    array: np.ndarray = numpy_helper.to_array(tensor)
    return array
