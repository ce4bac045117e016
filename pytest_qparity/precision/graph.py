"""The float model as recipes take it: functions inlined, initializers no inputs, every node with a name of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import onnx
from onnx import inliner

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.patterns import OPERATOR_PREFIX, matches
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import GraphProto, ModelProto, NodeProto

NAMES_LISTED = 8
FIRST_IR_WITH_CONSTANT_INITIALIZERS = 4  # below it each initializer must be listed as an input


def float_graph(path: Path) -> ModelProto:
    """Load a float model with its external data, as the recipes need it. Nodes keep the names they have."""
    model = onnx.load(path)
    if model.functions:  # quantizers and converters look past them
        model = inliner.inline_local_functions(model)
    _drop_initializer_inputs(model)
    name_nodes(model)
    return model


def name_nodes(model: ModelProto) -> None:
    """Give a name to each node without one, and another to each that shares one: makers know nodes by name alone."""
    taken = node_names(model)
    seen: set[str] = set()
    for index, node in enumerate(_nodes(model.graph)):
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
    return {node.name for node in _nodes(model.graph)}


def nodes_to_keep(model: ModelProto, patterns: tuple[str, ...], place: str = "keep_float") -> tuple[str, ...]:
    """Names of the nodes that match: `op:` and a glob on operator types, anything else a glob on node names.

    Nodes of subgraphs count: their names are given to the maker as all others. Raises CannotJudge where patterns match
    nothing; it says that of `place`.
    """
    nodes = list(_nodes(model.graph))
    matching = {pattern: [node.name for node in nodes if _is_match(pattern, node)] for pattern in patterns}
    dead = [pattern for pattern, names in matching.items() if not names]
    if dead:
        raise _dead_patterns(dead, nodes, place)
    return tuple(dict.fromkeys(name for names in matching.values() for name in names))


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


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)
            for nested in attribute.graphs:
                yield from _nodes(nested)


def _is_match(pattern: str, node: NodeProto) -> bool:
    if pattern.startswith(OPERATOR_PREFIX):
        return matches(pattern.removeprefix(OPERATOR_PREFIX), node.op_type)
    return matches(pattern, node.name)


def _dead_patterns(dead: list[str], nodes: list[NodeProto], place: str) -> CannotJudge:
    remedies = [_instead(pattern, nodes) for pattern in dead]
    if len(dead) == 1:
        got, remedy = f'"{dead[0]}", which matches', remedies[0]
    else:
        got = ", ".join(f'"{pattern}"' for pattern in dead) + ", which match"
        remedy = "; ".join(f'for "{pattern}" {instead}' for pattern, instead in zip(dead, remedies, strict=True))
    sentence = f"{place}: got {got} none of {len(nodes)} nodes, should match one or more."
    return CannotJudge(Failure(Code.VARIANT_DEAD_PATTERN, sentence, remedy))


def _instead(pattern: str, nodes: list[NodeProto]) -> str:
    if pattern.startswith(OPERATOR_PREFIX):
        known = {f"{OPERATOR_PREFIX}{node.op_type}" for node in nodes}
    else:
        known = {node.name for node in nodes}
    near = nearest(pattern, known)
    return f'write "{near}"' if near else f"choose among: {known_list(sorted(known)[:NAMES_LISTED])}"
