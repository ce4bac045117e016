"""New nodes and constants in a graph and its bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
from onnx import TensorProto

from pytest_qparity.quantmath import Blocked, PerAxis, PerTensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from pytest_qparity.precision.placement.elements import Parameters
    from pytest_qparity.quantmath import Layout

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["QuantizedConstant", "Writer", "home_of"]


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedConstant:
    """The codes of a constant, with their scale and zero point."""

    of: ir.Value
    codes: Array
    parameters: Parameters
    layout: Layout


def home_of(value: ir.Value) -> ir.Graph:
    """The graph or body that makes, holds or is given a value; those inside of it see it, too."""
    graph = value.graph
    assert isinstance(graph, ir.Graph)
    return graph


class Writer:
    """New nodes and constants of a graph and its bodies, with names that none of them has yet.

    A node goes into the graph that is named, behind what it takes from there, or to its head.
    """

    def __init__(self, graph: ir.Graph) -> None:
        self._taken = _names_of(graph)
        self._dequantized: dict[tuple[QuantizedConstant, int], ir.Value] = {}  # by the identity of the graph

    def quantized(self, value: ir.Value, parameters: Parameters, data_type: int, graph: ir.Graph) -> ir.Value:
        """What Q/DQ nodes in `graph` make of the value."""
        scale = self.constant(f"{value.name}_scale", parameters.scale, graph)
        zero_point = self.constant(f"{value.name}_zero_point", parameters.zero_point, graph)
        quantize = ir.node("QuantizeLinear", [value, scale, zero_point], name=self._new(f"{value.name}_QuantizeLinear"))
        codes = self._named(quantize.outputs[0], f"{value.name}_quantized", data_type, value.shape)
        dequantize = ir.node(
            "DequantizeLinear", [codes, scale, zero_point], name=self._new(f"{value.name}_DequantizeLinear")
        )
        real = self._named(dequantize.outputs[0], f"{value.name}_dequantized", TensorProto.FLOAT, value.shape)
        _insert_behind(value, [quantize, dequantize], graph)
        return real

    def dequantized(self, constant: QuantizedConstant, graph: ir.Graph | ir.Function | None) -> ir.Value:
        """What takes the constant's place in nodes of `graph`: one DequantizeLinear there, of constants that are there.

        Engines fuse nodes of one graph alone, and ONNX Runtime (1.32) refuses 4-bit codes from around a body.
        """
        assert isinstance(graph, ir.Graph)
        key = constant, id(graph)
        if key not in self._dequantized:
            of, parameters = constant.of, constant.parameters
            scale = self.constant(f"{of.name}_scale", parameters.scale, graph)
            zero_point = self.constant(f"{of.name}_zero_point", parameters.zero_point, graph)
            codes = self.constant(f"{of.name}_quantized", constant.codes, graph)
            node = ir.node(
                "DequantizeLinear",
                [codes, scale, zero_point],
                _attributes(constant.layout),
                name=self._new(f"{of.name}_DequantizeLinear"),
            )
            real = self._named(node.outputs[0], f"{of.name}_dequantized", TensorProto.FLOAT, of.shape)
            graph.insert_before(graph[0], node)
            self._dequantized[key] = real
        return self._dequantized[key]

    def constant(self, name: str, array: Array, graph: ir.Graph) -> ir.Value:
        new = self._new(name)
        tensor = ir.tensor(array, name=new)
        value = ir.Value(name=new, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
        graph.register_initializer(value)
        return value

    def node(
        self,
        operator: str,
        inputs: Sequence[ir.Value],
        outputs: Sequence[tuple[str, int]],
        graph: ir.Graph,
        attributes: Mapping[str, int] | None = None,
        domain: str = "",
    ) -> tuple[ir.Value, ...]:
        """A node in `graph`, with outputs of these names (or near) and types."""
        node = ir.node(
            operator,
            list(inputs),
            attributes,
            domain=domain,
            num_outputs=len(outputs),
            name=self._new(f"{outputs[0][0]}_{operator}"),
        )
        for value, (name, data_type) in zip(node.outputs, outputs, strict=True):
            self._named(value, name, data_type, None)
        makers = [value for value in inputs if _is_made_in(value, graph)]
        last = max(makers, key=lambda value: graph.index(value.producer()), default=inputs[0])
        _insert_behind(last, [node], graph)
        return tuple(node.outputs)

    def cast(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        """A cast of the value, behind what makes it."""
        node = ir.node("Cast", [value], {"to": int(dtype)}, name=self._new(f"{value.name}_Cast"))
        result = self._named(node.outputs[0], f"{value.name}_{dtype.name.lower()}", int(dtype), value.shape)
        _insert_behind(value, [node], home_of(value))
        return result

    def widened(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        """The value becomes one of `dtype`, under another name; a cast back to float32 takes its name and readers."""
        node = ir.node("Cast", [value], {"to": int(ir.DataType.FLOAT)}, name=self._new(f"{value.name}_Cast"))
        wide = node.outputs[0]
        wide.type, wide.shape = ir.TensorType(ir.DataType.FLOAT), value.shape
        for user, index in list(value.uses()):
            if user is not node:
                user.replace_input_with(index, wide)
        home = home_of(value)
        _give(wide, value, home)
        name = str(value.name)
        value.name, value.type = self._new(f"{name}_{dtype.name.lower()}"), ir.TensorType(dtype)
        wide.name = name
        _insert_behind(value, [node], home)
        return wide

    def take_output(self, value: ir.Value, real: ir.Value) -> None:
        """The value's graph gives `real` in its place, under the name that its users know."""
        name = str(value.name)
        _give(real, value, home_of(value))
        value.name = self._new(f"{name}_float")
        real.name = name

    def _named(self, value: ir.Value, name: str, data_type: int, shape: ir.Shape | None) -> ir.Value:
        value.name = self._new(name)
        value.type = ir.TensorType(ir.DataType(data_type))
        value.shape = shape
        return value

    def _new(self, name: str) -> str:
        candidate, more = name, 0
        while candidate in self._taken:
            more += 1
            candidate = f"{name}_{more}"
        self._taken.add(candidate)
        return candidate


def _is_made_in(value: ir.Value, graph: ir.Graph) -> bool:
    producer = value.producer()
    return producer is not None and producer.graph is graph


def _insert_behind(value: ir.Value, nodes: list[ir.Node], graph: ir.Graph) -> None:
    producer = value.producer()
    if producer is not None and producer.graph is graph:
        graph.insert_after(producer, nodes)
    else:
        graph.insert_before(graph[0], nodes)


def _give(value: ir.Value, instead_of: ir.Value, graph: ir.Graph) -> None:
    for index, output in enumerate(graph.outputs):
        if output is instead_of:
            graph.outputs[index] = value


def _attributes(layout: Layout) -> dict[str, int]:
    match layout:
        case PerTensor():
            return {}
        case PerAxis(axis):
            return {"axis": axis}
        case Blocked(axis, block):
            return {"axis": axis, "block_size": block}


def _names_of(graph: ir.Graph) -> set[str]:
    """Names of nodes and tensors, those of subgraphs included: a name shadows none."""
    taken = {str(value.name) for value in (*graph.inputs, *graph.initializers.values())}
    for node in graph.all_nodes():
        taken.add(str(node.name))
        taken.update(str(output.name) for output in node.outputs)
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                subgraph = attribute.as_graph()
                taken.update(str(value.name) for value in (*subgraph.inputs, *subgraph.initializers.values()))
    return taken
