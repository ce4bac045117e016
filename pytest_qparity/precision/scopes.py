"""Bodies of If, Loop and Scan: which nodes hold them, and names that no two of them share.

ONNX lets two bodies that do not see one another call different tensors alike. Ranges, patterns and converters know
tensors by name alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.precision.values import subgraphs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["bodies_of", "name_tensors_apart"]


def bodies_of(graph: GraphProto) -> Iterator[GraphProto]:
    """The bodies in a graph, outer ones first, and not the graph itself."""
    for node in graph.node:
        for body in subgraphs(node):
            yield body
            yield from bodies_of(body)


def name_tensors_apart(model: ModelProto) -> None:
    """Give another name to each tensor of a body whose name another tensor of the model has, in place.

    Those of the main graph keep theirs, and so does the first of several in bodies.
    """
    bodies = list(bodies_of(model.graph))
    if not bodies:
        return
    known = {name for graph in (model.graph, *bodies) for name in _own(graph)}
    _rename(model.graph, {}, set(_own(model.graph)), known)


def _rename(graph: GraphProto, outer: Mapping[str, str], taken: set[str], known: set[str]) -> None:
    """Give the bodies in a graph their names. `outer`: those that tensors have that the graph sees, by what they were;
    `taken`: names that belong to a tensor already; `known`: all that are in the model."""
    for node in graph.node:
        for body in subgraphs(node):
            seen = dict(outer)
            for name in _own(body):
                seen[name] = _new(name, known) if name in taken else name
                taken.add(seen[name])
            _apply(body, seen)
            _rename(body, seen, taken, known)


def _new(name: str, known: set[str]) -> str:
    more = 1
    while f"{name}_{more}" in known:
        more += 1
    known.add(f"{name}_{more}")
    return f"{name}_{more}"


def _own(graph: GraphProto) -> list[str]:
    """Names of the tensors that a graph makes or is given, each once."""
    given = [value.name for value in graph.input]
    held = [tensor.name for tensor in graph.initializer]
    held += [sparse.values.name for sparse in graph.sparse_initializer]
    made = [output for node in graph.node for output in node.output if output]
    return list(dict.fromkeys((*given, *held, *made)))


def _apply(graph: GraphProto, names: Mapping[str, str]) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = names.get(sparse.values.name, sparse.values.name)
    for node in graph.node:
        _apply_to(node, names)


def _apply_to(node: NodeProto, names: Mapping[str, str]) -> None:
    for sides in (node.input, node.output):
        for index, name in enumerate(sides):
            if names.get(name, name) != name:
                sides[index] = names[name]
