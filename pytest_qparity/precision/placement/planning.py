"""The plan of a placement: which activations, weights and biases are quantized, before any range is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import onnx_ir as ir

from pytest_qparity.precision.graph import WEIGHTED
from pytest_qparity.precision.placement.elements import ELEMENTS, Element
from pytest_qparity.precision.placement.selection import Weight, is_constant, root_of, weight_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from pytest_qparity.precision.placement.targets import Target

__all__ = ["Activation", "Plan", "QuantizedNode", "Scheme", "planned"]

_Key = tuple[str, str, int]  # name of a tensor, element type, identity of the graph that reads it
_FUSED = frozenset({"Relu", "Clip"})  # activation functions that a kernel applies before it requantizes


@dataclass(frozen=True, slots=True)
class Scheme:
    """The element types of a recipe. `overrides`: the activation type of nodes by name, where it is another.

    `weight_bits`: 7 where 8-bit weights leave their outer half of codes unused.
    """

    activation: Element
    weight: Element
    symmetric: bool
    per_channel: bool = True
    weight_bits: int = 8
    overrides: Mapping[str, str] = field(default_factory=dict)

    def activation_of(self, node: ir.Node) -> Element:
        name = self.overrides.get(node.name or "")
        return self.activation if name is None else ELEMENTS[name]


@dataclass(slots=True, eq=False)
class Activation:
    """A tensor that is quantized to `element` for some of its readers, or for all (`everywhere`).

    `root`: the tensor whose range it has. `graph`: the one, or body, that its readers are in, which may see the tensor
    from inside; where it is quantized everywhere, the one that makes it. `apart`: nodes that read it as it is even so.
    """

    value: ir.Value
    element: Element
    root: ir.Value
    graph: ir.Graph
    readers: list[tuple[ir.Node, int]]
    everywhere: bool = False
    apart: frozenset[ir.Node] = frozenset()


@dataclass(frozen=True, slots=True)
class QuantizedNode:
    """A weighted node with its constant operand, and the input whose scale its bias shares."""

    node: ir.Node
    weight: Weight | None
    bias: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    activations: tuple[Activation, ...]
    nodes: tuple[QuantizedNode, ...]

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the tensors whose ranges are needed, each once."""
        return tuple(dict.fromkeys(str(activation.root.name) for activation in self.activations))

    def where_known(self, found: Collection[str]) -> Plan:
        """The plan less the nodes that take a tensor whose range is not among those `found`: they stay float."""
        known = [each for each in self.activations if str(each.root.name) in found]
        lost = {id(node) for each in self.activations if each not in known for node, _ in each.readers}
        readers = [[reader for reader in each.readers if id(reader[0]) not in lost] for each in known]
        return Plan(
            tuple(
                replace(each, readers=left)
                for each, left in zip(known, readers, strict=True)
                if left or each.everywhere
            ),
            tuple(each for each in self.nodes if id(each.node) not in lost),
        )


def planned(
    nodes: Sequence[ir.Node], scheme: Scheme, target: Target, kept_float: Collection[str] = frozenset()
) -> Plan:
    """What is quantized so that `nodes` run on quantized operands in the way that the target fuses.

    `kept_float`: names of nodes beside `nodes` that are not taken along either. One whose result is quantized reads
    what it takes unrounded: between two quantized tensors an engine runs it on integers, which a node with weights,
    that are float then, is safe from.
    """
    activations: dict[_Key, Activation] = {}

    def quantize(value: ir.Value, element: Element, node: ir.Node) -> Activation:
        graph = node.graph
        assert isinstance(graph, ir.Graph)
        key = (str(value.name), element.name, id(graph))
        return activations.setdefault(key, Activation(value, element, root_of(value), graph, []))

    quantized = [_quantized_node(node) for node in nodes]
    for each in quantized:
        element = scheme.activation_of(each.node)
        for index, value in enumerate(each.node.inputs[:2]):
            if value is not None and (each.weight is None or index != each.weight.index):
                quantize(value, element, each.node).readers.append((each.node, index))
    if target.fused_outputs:
        taken = {(str(each.root.name), each.element.name) for each in activations.values()}

        def of_other_type(value: ir.Value, element: Element) -> bool:
            # A reader that takes another type would have values that were rounded to this one before.
            return any(root == str(root_of(value).name) and name != element.name for root, name in taken)

        for node in nodes:
            value, element = _behind_activation(node.outputs[0]), scheme.activation_of(node)
            if node.op_type in ("Conv", "ConvTranspose") and not of_other_type(value, element):
                quantize(value, element, node).everywhere = True
        for pool, element in _pools(activations.values()):
            source = pool.inputs[0]
            if pool.name not in kept_float and source is not None and not of_other_type(source, element):
                quantize(source, element, pool).readers.append((pool, 0))
                quantize(pool.outputs[0], element, pool).everywhere = True
    if target.quantized_skips:
        _take_skips(nodes, activations, kept_float)
    apart = _between_quantized(activations.values(), kept_float)
    for activation in activations.values():
        activation.apart = apart
    return Plan(tuple(activations.values()), tuple(quantized))


def _quantized_node(node: ir.Node) -> QuantizedNode:
    has_bias = len(node.inputs) > 2 and node.inputs[2] is not None and is_constant(node.inputs[2])
    return QuantizedNode(node, weight_of(node), 2 if has_bias else None)


def _behind_activation(value: ir.Value) -> ir.Value:
    """The output of an activation function that alone reads the value, which is fused with what makes it."""
    readers = value.uses()
    if len(readers) != 1 or value.is_graph_output():
        return value
    (reader,) = readers
    node = reader.node
    if node.domain != "" or node.op_type not in _FUSED or node.graph is not _graph_of(value):
        return value
    if node.op_type == "Clip" and not all(bound is None or is_constant(bound) for bound in node.inputs[1:]):
        return value
    return node.outputs[0]


def _pools(activations: Iterable[Activation]) -> list[tuple[ir.Node, Element]]:
    """Global average pools whose result is quantized, maybe behind what moves its elements: their kernel takes and
    gives integers, so that a residual sum before the pool runs on integers as well."""
    made_by = [(activation.root.producer(), activation.element) for activation in activations]
    return [
        (node, element)
        for node, element in made_by
        if node is not None and node.domain == "" and node.op_type == "GlobalAveragePool"
    ]


def _between_quantized(activations: Iterable[Activation], kept_float: Collection[str]) -> frozenset[ir.Node]:
    """Nodes without weights that are to stay float, and whose result is quantized, maybe behind what moves its elements
    and an activation function."""
    found = set()
    for activation in activations:
        node = activation.root.producer()
        while node is not None and node.domain == "" and node.op_type in _FUSED and node.name not in kept_float:
            source = node.inputs[0]
            node = None if source is None else source.producer()
        if node is not None and node.name in kept_float and node.op_type not in WEIGHTED:
            found.add(node)
    return frozenset(found)


def _graph_of(value: ir.Value) -> object:
    producer = value.producer()
    return None if producer is None else producer.graph


def _take_skips(nodes: Sequence[ir.Node], activations: Mapping[_Key, Activation], kept_float: Collection[str]) -> None:
    """Let sums of a quantized node's output and a quantized tensor read the latter's dequantized values."""
    by_value = {(id(activation.value), id(activation.graph)): activation for activation in activations.values()}
    for node in nodes:
        for use in node.outputs[0].uses():
            if use.node.op_type != "Add" or use.node.domain != "" or use.node.name in kept_float:
                continue
            for index, value in enumerate(use.node.inputs):
                skip = None if value is None else by_value.get((id(value), id(use.node.graph)))
                if skip is not None and value is not node.outputs[0] and (use.node, index) not in skip.readers:
                    skip.readers.append((use.node, index))
