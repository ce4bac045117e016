"""The float model as recipes take it: functions inlined, initializers no inputs, every node and tensor with a name of
its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import onnx
from onnx import inliner

from pytest_qparity.precision.large import apart_from_weights
from pytest_qparity.precision.scopes import name_tensors_apart
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

_QUANTIZED = frozenset(
    {"DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "MatMulNBits"}
)
PRODUCTS = frozenset({"Gemm", "MatMul"})
WEIGHTED = PRODUCTS | {"Conv", "ConvTranspose"}
LAYOUT = frozenset({"Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})  # the same elements elsewhere
FIRST_IR_WITH_CONSTANT_INITIALIZERS = 4  # below it each initializer must be listed as an input


def opset_of(model: ModelProto) -> int:
    """The version of ONNX's own operators that a model imports."""
    return int(next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")))


def float_graph(path: Path) -> ModelProto:
    """Load a float model with its external data, as the recipes need it. Nodes keep the names they have."""
    return _made_ready(onnx.load(path))


def float_structure(path: Path) -> ModelProto:
    """`float_graph` without external data: nodes and tensors by the same names."""
    return _made_ready(onnx.load(path, load_external_data=False))


def _made_ready(model: ModelProto) -> ModelProto:
    if model.functions:  # quantizers and converters look past them
        model = apart_from_weights(model, inliner.inline_local_functions)
    _drop_initializer_inputs(model)
    name_nodes(model)
    name_tensors_apart(model)
    return model


def require_float(model: ModelProto, extend: bool) -> None:
    """Raises CannotJudge where a model holds quantization already and the recipe was not told to extend it."""
    found = sum(node.op_type in _QUANTIZED for node in nodes_of(model.graph))
    if found and not extend:
        sentence = f"The float model holds {found} quantized nodes, should hold none: it was quantized before."
        remedy = "name the float model it was made from, or say extend = true to quantize what is float in it"
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, remedy))


def name_nodes(model: ModelProto) -> None:
    """Give a name to each node without one, and another to each that shares one: makers know nodes by name alone."""
    taken = node_names(model)
    seen: set[str] = set()
    for index, node in enumerate(nodes_of(model.graph)):
        if not node.name or node.name in seen:
            stem = f"{node.name or node.op_type}_{index}"
            name, more = stem, 0
            while name in taken:
                more += 1
                name = f"{stem}_{more}"
            node.name = name
            taken.add(name)
        seen.add(node.name)


def node_names(model: ModelProto) -> set[str]:
    """Names of all nodes, those of subgraphs included."""
    return {node.name for node in nodes_of(model.graph)}


def in_order(model: ModelProto) -> ModelProto:
    """The model with its nodes topologically sorted, as ONNX demands and as makers leave them not."""
    import onnx_ir
    from onnx_ir.passes import common

    sorted_model = onnx_ir.serde.deserialize_model(model)
    common.TopologicalSortPass()(sorted_model)
    return onnx_ir.serde.serialize_model(sorted_model)


def _drop_initializer_inputs(model: ModelProto) -> None:
    """An initializer that is an input too can be overridden: quantizers leave the input, the cast leaves it float32."""
    initializers = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initializers]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, FIRST_IR_WITH_CONSTANT_INITIALIZERS)


def nodes_of(graph: GraphProto | FunctionProto) -> Iterator[NodeProto]:
    """All nodes of a graph or a local function, those of subgraphs included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from nodes_of(attribute.g)
            for nested in attribute.graphs:
                yield from nodes_of(nested)
