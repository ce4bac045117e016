"""A model's main graph while it is mended: its constants by name, and what takes their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, numpy_helper

from pytest_qparity.precision.values import names_used, subgraphs

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Editor", "names_in_subgraphs"]


class Editor:
    """The main graph, with its constants by name. New constants do not change those that others read."""

    def __init__(self, graph: GraphProto) -> None:
        self.graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                self._constants[node.output[0]] = node.attribute[0].t
        self._fed = {value.name for value in graph.input}
        self._outputs = {value.name for value in graph.output}
        self._taken = {*self._constants, *self._fed, *(name for node in graph.node for name in node.output)}
        self._removed: list[NodeProto] = []
        self._readers: dict[str, list[NodeProto]] = {}
        for node in graph.node:
            for name in dict.fromkeys(node.input):
                self._readers.setdefault(name, []).append(node)

    def array(self, node: NodeProto, index: int) -> Array | None:
        """The constant that a node takes; None where it has none, or one that a feed may replace."""
        name = node.input[index] if index < len(node.input) else ""
        if name in self._fed or name not in self._constants:
            return None
        return numpy_helper.to_array(self._constants[name])

    def replace(self, node: NodeProto, index: int, array: Array) -> None:
        node.input[index] = self.constant(node.input[index], array)

    def constant(self, like: str, array: Array) -> str:
        name, more = f"{like}_fixed", 0
        while name in self._taken:
            more += 1
            name = f"{like}_fixed_{more}"
        self._taken.add(name)
        tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
        self.graph.initializer.append(tensor)
        self._constants[name] = self.graph.initializer[-1]
        return name

    def become(self, node: NodeProto, array: Array) -> None:
        """A constant takes the place of what the node gives, in subgraphs too: it takes its name."""
        tensor = numpy_helper.from_array(np.ascontiguousarray(array), node.output[0])
        self._removed.append(node)
        self.graph.initializer.append(tensor)

    def is_removed(self, node: NodeProto) -> bool:
        return any(node is each for each in self._removed)

    def is_output(self, name: str) -> bool:
        return name in self._outputs

    def readers(self, name: str) -> list[NodeProto]:
        return self._readers.get(name, [])

    def finish(self) -> None:
        """Take out what was replaced, and constants that nobody reads any more."""
        for node in self._removed:
            self.graph.node.remove(node)
        read = _names_read(self.graph) | self._outputs
        kept = [tensor for tensor in self.graph.initializer if tensor.name in read]
        if len(kept) < len(self.graph.initializer):
            copies = [TensorProto.FromString(tensor.SerializeToString()) for tensor in kept]
            del self.graph.initializer[:]
            self.graph.initializer.extend(copies)


def _names_read(graph: GraphProto) -> set[str]:
    return {name for node in graph.node for name in node.input} | names_in_subgraphs(graph)


def names_in_subgraphs(graph: GraphProto) -> set[str]:
    """Names that subgraphs take, from around them as well as their own."""
    return {name for node in graph.node for inner in subgraphs(node) for name in names_used(inner)}
