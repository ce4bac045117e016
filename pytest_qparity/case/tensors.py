"""The constants of a model wherever they stand, and the files beside it in which some of them lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

__all__ = ["external_places", "tensors_of"]


def tensors_of(model: ModelProto) -> Iterator[tuple[str, TensorProto]]:
    """Initializers, and tensors in attributes of nodes (by the name of the node), of the graph, its subgraphs and local
    functions; the parts of sparse ones too. An attribute that holds none gives an empty one."""
    yield from _of_graph(model.graph)
    for function in model.functions:
        yield from _of_nodes(function.node)


def external_places(model: ModelProto) -> list[str]:
    """Where a model says that its external data lie, sorted; nothing of it is believed here."""
    found: set[str] = set()
    for _, tensor in tensors_of(model):
        if tensor.data_location == tensor.EXTERNAL:
            found.update(entry.value for entry in tensor.external_data if entry.key == "location")
    return sorted(found)


def _of_graph(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for sparse in graph.sparse_initializer:
        yield from ((sparse.values.name, part) for part in (sparse.values, sparse.indices))
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Sequence[NodeProto]) -> Iterator[tuple[str, TensorProto]]:
    for node in nodes:
        for attribute in node.attribute:
            yield from ((node.name, tensor) for tensor in (attribute.t, *attribute.tensors))
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from ((node.name, part) for part in (sparse.values, sparse.indices))
            for graph in (attribute.g, *attribute.graphs):
                yield from _of_graph(graph)
