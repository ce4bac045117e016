"""What lowering makes outside of a Scan and reads inside, handed to its body as a state that does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import NodeProto, ValueInfoProto

from pytest_qparity.precision.emulation.emitter import PREFIX
from pytest_qparity.precision.scopes import bodies_of
from pytest_qparity.precision.values import STANDARD, subgraphs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onnx import GraphProto, ModelProto

__all__ = ["hand_into_scans"]


def hand_into_scans(model: ModelProto) -> None:
    """Let no body of a Scan read what a node around it computes of what lowering made, in place.

    ONNX allows it, and OpenVINO (2026.4) refuses such a Scan, which then has fewer inputs than it counts. Constants
    from around a body it takes.
    """
    _hand_into(model.graph, {})


def _hand_into(graph: GraphProto, around: Mapping[str, ValueInfoProto]) -> None:
    stated = {value.name: value for value in (*graph.value_info, *graph.input)}
    made = {name: stated.get(name) or ValueInfoProto(name=name) for node in graph.node for name in node.output}
    seen = {**around, **{name: value for name, value in made.items() if name.startswith(PREFIX)}}
    for node in graph.node:
        inner = seen
        for body in subgraphs(node):
            if node.op_type == "Scan" and node.domain in STANDARD:
                inner = {}
                for name in sorted(seen.keys() & set(_read(body))):
                    state = _as_state(node, body, seen[name], f"{name}/{node.name or node.output[0]}")
                    inner[state] = body.input[0]
            _hand_into(body, inner)


def _as_state(node: NodeProto, body: GraphProto, value: ValueInfoProto, given: str) -> str:
    """One more state, before all others: the name that it has in the body."""
    for each in (body, *bodies_of(body)):
        for reader in each.node:
            for index, name in enumerate(reader.input):
                if name == value.name:
                    reader.input[index] = given
        for output in each.output:
            if output.name == value.name:
                output.name = given
    after = f"{given}/after"
    inside, outside = ValueInfoProto(), ValueInfoProto()
    for info, name in ((inside, given), (outside, after)):
        info.CopyFrom(value)
        info.name = name
    node.input.insert(0, value.name)
    node.output.insert(0, f"{given}/last")
    body.input.insert(0, inside)
    body.output.insert(0, outside)
    body.node.append(NodeProto(op_type="Identity", name=after, input=[given], output=[after]))
    return given


def _read(body: GraphProto) -> Iterator[str]:
    """Names that nodes and outputs of a body, and of bodies in it, read."""
    for each in (body, *bodies_of(body)):
        for node in each.node:
            yield from node.input
        for output in each.output:
            yield output.name
