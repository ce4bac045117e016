"""ONNX's own rules: onnx.checker, and its inference of types and shapes held strictly. Every target has them.

Engines take some of what onnx.checker refuses. A file that it refuses is held against it again without that
(`_without_what_engines_take`); refused is what it refuses then.
"""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from math import prod
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper

from pytest_qparity.checks.linting.finding import Rule, Weight
from pytest_qparity.checks.linting.view import LARGEST_INFERRED
from pytest_qparity.precision.content import QUANTIZE
from pytest_qparity.precision.graph import nodes_of, opset_of
from pytest_qparity.precision.values import STANDARD, load_graph, names_used, subgraphs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, ValueInfoProto

    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.linting.view import View

__all__ = ["INVALID", "RULES", "check"]

INVALID = Rule(
    "ONNX-VALID-001",
    Weight.REFUSED,
    "a file that is no valid ONNX",
    "export the model again, or mend what made it",
    "onnx.checker with strict inference of types and shapes (onnx 1.23), but for what engines take all the same",
)
RULES = (INVALID,)

_OWN = "pytest_qparity.unknown"  # a domain that onnx.checker does not know, and so does not look into
_CAST = "/as_float32"
_FIRST_IR_WITH_CONSTANTS_APART = 4  # before it, initializers had to be inputs too
_FIRST_OPSET_WITH_OTHER_SCALES = 19  # before it scales are float32; TensorRT's importer casts others itself
_REASON_LENGTH = 200
_PLACES = (re.compile(r"Name: (.+?) OpType: "), re.compile(r"node name: (.+?)\):"))


def check(target: str) -> Callable[[View], Iterator[Finding]]:
    def invalid(view: View) -> Iterator[Finding]:
        if _refusal(_without_large_constants(view.model)) is None:
            return
        # Engines but ONNX Runtime look operators up by name, whatever the opset, and pass over attributes they lack.
        said = _refusal(_without_what_engines_take(view.path, target))
        if said is not None:
            place = next((found[1] for each in _PLACES if (found := each.search(said))), "model")
            reason = (said.splitlines() or ["no reason"])[0][:_REASON_LENGTH].rstrip(". ")
            yield INVALID.at(place, f'got "{reason}" from onnx.checker, should be a model that it takes')

    return invalid


def _without_large_constants(model: ModelProto) -> ModelProto:
    """A copy whose large constants are inputs (`_take_constants_out`): as a whole it would be parsed and copied by
    onnx.checker, and models above 2 GB are not taken in one piece."""
    light = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions)
    light.metadata_props.extend(model.metadata_props)
    light.graph.name = model.graph.name
    for field in ("node", "input", "output", "value_info", "sparse_initializer", "quantization_annotation"):
        getattr(light.graph, field).extend(getattr(model.graph, field))
    inputs = {value.name for value in model.graph.input}
    for tensor in model.graph.initializer:
        if not _is_by_shape_alone(tensor):
            light.graph.initializer.append(tensor)
        elif tensor.name not in inputs:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return light


def _refusal(model: ModelProto) -> str | None:
    """What onnx.checker says of a model; None where it takes it."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        return str(error)
    return None


def _without_what_engines_take(path: Path, target: str) -> ModelProto:
    """The model without what onnx.checker refuses and engines take (tried on onnxruntime 1.32 and OpenVINO 2026.4).

    Inputs and outputs without a shape, shapes stated other than they are, nodes of the main graph in any order, own
    domains that are not imported, initializers that are no inputs in IR 3, a graph without a name, metadata said twice.
    For engines but ONNX Runtime also operators of other opsets, attributes that an operator does not have, and later IR
    versions. For TensorRT fp16 scales below opset 19, and operators that ONNX does not have: its plugins are found by
    name in any domain, and rules of their own look at them.
    """
    model = load_graph(path)
    model.ir_version = _ir_version(model.ir_version, target)
    model.graph.name = model.graph.name or "graph"
    del model.metadata_props[:]
    _take_constants_out(model.graph)
    _forget_shapes(model.graph)
    _sort(model.graph)
    _open_ends(model.graph)
    if target.startswith("trt") and opset_of(model) < _FIRST_OPSET_WITH_OTHER_SCALES:
        _cast_scales(model.graph)
    local = {(function.domain, function.name) for function in model.functions}
    bodies: list[ModelProto | FunctionProto] = [model, *model.functions]
    for body in bodies:
        graph = body.graph if isinstance(body, onnx.ModelProto) else body
        opset = next((entry.version for entry in body.opset_import if entry.domain in STANDARD), 0)
        if target != "ort":
            for node in nodes_of(graph):
                if node.domain in STANDARD and (node.domain, node.op_type) not in local:
                    _fit_operator(node, opset, any_name=target.startswith("trt"))
        imported = {entry.domain for entry in body.opset_import}
        used = {node.domain for node in nodes_of(graph)} - imported - set(STANDARD)
        body.opset_import.extend(helper.make_opsetid(domain, 1) for domain in sorted(used))
    return model


def _ir_version(stated: int, target: str) -> int:
    if stated == _FIRST_IR_WITH_CONSTANTS_APART - 1:
        return _FIRST_IR_WITH_CONSTANTS_APART
    return stated if target == "ort" else min(stated, int(onnx.IR_VERSION))


def _take_constants_out(graph: GraphProto) -> None:
    """Large constants become inputs: they would be copied, and nothing of them but type and shape is looked at. So do
    those beside the model, which are looked for from the current folder otherwise."""
    inputs = {value.name for value in graph.input}
    for index in reversed(range(len(graph.initializer))):
        tensor = graph.initializer[index]
        if _is_by_shape_alone(tensor):
            if tensor.name not in inputs:
                graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
            del graph.initializer[index]


def _is_by_shape_alone(tensor: TensorProto) -> bool:
    if tensor.data_location == TensorProto.EXTERNAL:
        return True
    return _bytes_of(tensor) > LARGEST_INFERRED and len(tensor.raw_data) == _bytes_of(tensor)


def _bytes_of(tensor: TensorProto) -> int:
    try:
        return int(helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * prod(tensor.dims))
    except (KeyError, TypeError, ValueError):
        return -1  # a type that is none: it stays for onnx.checker to say so


def _forget_shapes(graph: GraphProto) -> None:
    """Shapes that are stated of what nodes give: engines infer their own."""
    for value in (*graph.value_info, *graph.output):
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    for node in graph.node:
        for inner in subgraphs(node):
            _forget_shapes(inner)


def _open_ends(graph: GraphProto) -> None:
    """Ends of the main graph must have shapes: an input without one is given by a node, an output is an inner value."""
    for index in reversed(range(len(graph.input))):
        value = graph.input[index]
        if _lacks_shape(value):
            graph.node.insert(0, helper.make_node("Given", [], [value.name], domain=_OWN))
            graph.value_info.append(value)
            del graph.input[index]
    made = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    made.update(name for node in graph.node for name in node.output)
    for index in reversed(range(len(graph.output))):
        value = graph.output[index]
        if not _lacks_shape(value):
            continue
        if value.name in made:
            graph.value_info.append(value)
            del graph.output[index]
        else:  # which is what is to be said of it
            value.type.tensor_type.shape.SetInParent()


def _lacks_shape(value: ValueInfoProto) -> bool:
    return value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape")


def _fit_operator(node: NodeProto, opset: int, *, any_name: bool) -> None:
    try:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        schema = None
    if schema is None or schema.deprecated:
        if any_name or onnx.defs.has(node.op_type, ""):
            node.domain = _OWN
        return
    for index in reversed(range(len(node.attribute))):
        if node.attribute[index].name not in schema.attributes:
            del node.attribute[index]


def _cast_scales(main: GraphProto) -> None:
    """Scales of Q/DQ that are fp16 constants of the main graph, as the float32 that the importer makes of them."""
    halves = {each.name: each.dims for each in main.initializer if each.data_type == TensorProto.FLOAT16}
    cast: set[str] = set()
    for node in nodes_of(main):
        if node.op_type in QUANTIZE and len(node.input) > 1 and node.input[1] in halves:
            name = node.input[1]
            node.input[1] = f"{name}{_CAST}"
            cast.add(name)
    main.input.extend(
        helper.make_tensor_value_info(f"{name}{_CAST}", TensorProto.FLOAT, halves[name]) for name in sorted(cast)
    )


def _sort(graph: GraphProto) -> None:
    """Makers before readers, where there is such an order: in the main graph, for engines (the two that are
    here) sort neither branches nor functions."""
    producers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    order = {
        index: {producers[name] for name in _names_taken(node) if name in producers}
        for index, node in enumerate(graph.node)
    }
    if any(before >= index for index, needed in order.items() for before in needed):
        try:
            nodes = [graph.node[index] for index in TopologicalSorter(order).static_order()]
        except CycleError:
            return
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(copies)


def _names_taken(node: NodeProto) -> Iterator[str]:
    yield from node.input
    for graph in subgraphs(node):
        yield from names_used(graph)
