"""What an ONNX file holds of quantization: counted nodes, and scales that no sound quantizer writes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, external_data_helper, numpy_helper

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

STANDARD = ("", "ai.onnx")
MICROSOFT = "com.microsoft"
QUANTIZE = frozenset({"QuantizeLinear", "DequantizeLinear"})

# Operators that compute on integers or on packed weights themselves, without Q/DQ around them.
_INTEGER_STANDARD = frozenset({"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"})
# Not every name with a Q: QuickGelu and GroupQueryAttention are float.
_INTEGER_MICROSOFT = re.compile(
    r"QLinear\w+|QOrdered\w+|QGemm|QAttention|QEmbedLayerNormalization|DynamicQuantize\w+|\w*Integer\w*"
)
_PACKED_MICROSOFT = re.compile(r"MatMulNBits\w*|MatMulBnb4|MatMulFpQ4|GatherBlockQuantized|QMoE")
_BITS = frozenset({"bits", "expert_weight_bits"})  # of packed operators; 4 where none is stated

# Where operators take scales, by index of input.
_SCALES: Mapping[str, tuple[int, ...]] = {
    "QuantizeLinear": (1,),
    "DequantizeLinear": (1,),
    "QLinearConv": (1, 4, 6),
    "QLinearMatMul": (1, 4, 6),
    "QLinearAdd": (1, 4, 6),
    "QLinearMul": (1, 4, 6),
    "QGemm": (1, 4, 7),
    "QLinearSigmoid": (1, 3),
    "QLinearLeakyRelu": (1, 3),
    "QLinearSoftmax": (1, 3),
    "QLinearAveragePool": (1, 3),
    "QLinearGlobalAveragePool": (1, 3),
}

_INT8 = frozenset({TensorProto.INT8, TensorProto.UINT8})
_INT16 = frozenset({TensorProto.INT16, TensorProto.UINT16})
_E4M3 = frozenset({TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ})
_E5M2 = frozenset({TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ})
_FLOAT8 = _E4M3 | _E5M2
_INT4 = frozenset({TensorProto.INT4, TensorProto.UINT4})
_FLOAT4 = frozenset({TensorProto.FLOAT4E2M1})
# What Q/DQ nodes, or for float types any node, must be typed as for a file to hold a precision.
TYPES: Mapping[str, frozenset[int]] = {
    "fp16": frozenset({TensorProto.FLOAT16}),
    "bf16": frozenset({TensorProto.BFLOAT16}),
    "int8": _INT8,
    "uint8": _INT8,
    "int16": _INT16,
    "fp8": _FLOAT8,
    "fp8-e4m3": _E4M3,
    "fp8-e5m2": _E5M2,
    "mxfp8": _FLOAT8,
    "int4": _INT4,
    "uint4": _INT4,
    "nvfp4": _FLOAT4,
    "mxfp4": _FLOAT4,
}
FLOAT_PRECISIONS = frozenset({"fp16", "bf16", "fp8", "fp8-e4m3", "fp8-e5m2", "mxfp8", "nvfp4", "mxfp4"})
NO_TRACE = frozenset({"fp32", "tf32"})  # a file says nothing about these


CASTS = frozenset({"Cast", "CastLike"})


@dataclass(frozen=True, slots=True)
class Content:
    """Counts over the nodes that lead to an output: of the graph, its subgraphs and the local functions it calls.

    `quantized`: Q/DQ nodes by the element type (a TensorProto.DataType) they quantize to or from, UNDEFINED where the
    file does not say; `typed`: other nodes that take or give a type, by type, as far as the file says; not Cast, which
    computes nothing. `integer_operators` counts those with packed weights too, of which `four_bit_operators` are some.
    `bad_scales`: names of nodes with a constant scale that is zero, negative, NaN or infinite.
    """

    nodes: int
    quantized: Mapping[int, int]
    typed: Mapping[int, int]
    integer_operators: int
    four_bit_operators: int
    opset: int
    bad_scales: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value by its name: its element type, and the tensor where it is a constant."""

    type: int
    constant: TensorProto | None = None


Scope = Mapping[str, Value]


def content_of(path: Path) -> Content:
    """Count what a model file holds; of external data only scales are read. Raises CannotJudge where it is no model."""
    model = load_graph(path)
    quantized: Counter[int] = Counter()
    typed: Counter[int] = Counter()
    operators: Counter[str] = Counter()
    bad_scales = []
    for node, scope in _all_nodes(model):
        operators[_kind(node)] += 1
        if _has_bad_scale(node, scope, path):
            bad_scales.append(node.name or node.output[0])
        if _is_quantize(node):
            quantized[quantized_type(node, scope)] += 1
        elif node.op_type not in CASTS:
            typed.update(_types_of(node, scope))
    return Content(
        nodes=operators.total(),
        quantized=dict(quantized),
        typed=dict(typed),
        integer_operators=operators["integer"] + operators["four-bit"],
        four_bit_operators=operators["four-bit"],
        opset=next((entry.version for entry in model.opset_import if entry.domain in STANDARD), 0),
        bad_scales=tuple(bad_scales),
    )


def examine(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """A worker's call: what the file `model` holds of the precision `base`."""
    content, base = content_of(Path(arguments["model"])), arguments["base"]
    return {
        "holds_precision": holds(content, base),
        "quantized_nodes": quantized_nodes(content, base),
        "nodes": content.nodes,
        "opset": content.opset,
        "own_operators": content.integer_operators > 0,
        "bad_scales": content.bad_scales,
    }, {}


def quantized_nodes(content: Content, base: str) -> int:
    """How many nodes hold the precision `base`; 0 for fp32 and tf32, which leave no trace in a file.

    An int32 DequantizeLinear (a bias) alone makes no int8 file.
    """
    types = TYPES.get(base, frozenset())
    count = sum(content.quantized.get(type_, 0) for type_ in types)
    if base in FLOAT_PRECISIONS:
        return count + sum(content.typed.get(type_, 0) for type_ in types)
    if base in ("int4", "uint4"):
        return count + content.four_bit_operators
    if base in ("int8", "uint8"):
        return count + content.integer_operators - content.four_bit_operators
    return count


def holds(content: Content, base: str) -> bool:
    """Whether the file holds what its precision says; fp32 and tf32 claim nothing of the file."""
    return base in NO_TRACE or quantized_nodes(content, base) > 0


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


def _all_nodes(model: ModelProto) -> Iterator[tuple[NodeProto, Scope]]:
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
            waiting.extend(name for graph in subgraphs(body.node[index]) for name in _names_used(graph))
    return [body.node[index] for index in sorted(live)]


def _names_used(graph: GraphProto) -> set[str]:
    """Names that a subgraph's nodes and outputs take, its own and those from around it."""
    names = {output.name for output in graph.output}
    for node in graph.node:
        names.update(node.input, *(_names_used(inner) for inner in subgraphs(node)))
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
    """Types of values that the file states, and constants, also behind Identity nodes."""
    values: dict[str, Value] = {}
    stated: Iterable[onnx.ValueInfoProto] = body.value_info
    if isinstance(body, onnx.GraphProto):
        stated = (*body.value_info, *body.input, *body.output)
    for value in stated:
        values[value.name] = Value(value.type.tensor_type.elem_type)
    if isinstance(body, onnx.GraphProto):
        values |= {tensor.name: Value(tensor.data_type, tensor) for tensor in body.initializer}
    for node in body.node:
        if node.op_type == "Constant" and (tensor := _constant(node)) is not None:
            values[node.output[0]] = Value(tensor.data_type, tensor)
        elif node.op_type == "Identity" and (known := values.get(node.input[0]) or outer.get(node.input[0])):
            values[node.output[0]] = known
        elif node.op_type == "Cast":
            values[node.output[0]] = Value(next((each.i for each in node.attribute if each.name == "to"), 0))
        elif node.op_type == "QuantizeLinear":
            values[node.output[0]] = Value(quantized_type(node, {**outer, **values}))
    return values


def _constant(node: NodeProto) -> TensorProto | None:
    for attribute in node.attribute:
        if attribute.name == "value":
            tensor: TensorProto = attribute.t
            return tensor
        if attribute.name in ("value_float", "value_floats"):
            numbers = [attribute.f] if attribute.name == "value_float" else list(attribute.floats)
            return numpy_helper.from_array(np.array(numbers, np.float32))
    return None


def _is_quantize(node: NodeProto) -> bool:
    return node.op_type in QUANTIZE and node.domain in (*STANDARD, MICROSOFT)


def _kind(node: NodeProto) -> str:
    if node.domain in STANDARD:
        return "integer" if node.op_type in _INTEGER_STANDARD else "other"
    if node.domain != MICROSOFT:
        return "other"
    if _PACKED_MICROSOFT.fullmatch(node.op_type):
        bits = next((attribute.i for attribute in node.attribute if attribute.name in _BITS), 4)
        return "four-bit" if bits == 4 else "integer"
    return "integer" if _INTEGER_MICROSOFT.fullmatch(node.op_type) else "other"


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


def computes_on_integers(node: NodeProto) -> bool:
    """Whether an operator takes integers or packed weights itself, without Q/DQ nodes around it."""
    return _kind(node) != "other"


def _has_bad_scale(node: NodeProto, scope: Scope, path: Path) -> bool:
    for index in _SCALES.get(node.op_type, ()):
        known = scope.get(node.input[index]) if index < len(node.input) else None
        if known is not None and known.constant is not None and not _is_sound(known.constant, path):
            return True
    return False


def _is_sound(scale: TensorProto, path: Path) -> bool:
    values = loaded(scale, path, "scale ").astype(np.float64)
    return bool(np.isfinite(values).all() and (values > 0).all())


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


def _types_of(node: NodeProto, scope: Scope) -> set[int]:
    """Element types that a node shows: of what it takes and gives, where the file says."""
    types = {scope[name].type for name in (*node.input, *node.output) if name in scope}
    return types - {TensorProto.UNDEFINED}
