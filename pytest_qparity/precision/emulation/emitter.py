"""Nodes and constants that take the place of a node, in front of which they are put."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx_ir as ir

from pytest_qparity.verdict import CannotJudge, Code, Failure

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

PREFIX = "emulated"


class Emitter:
    """Makes nodes of the standard domain; `place` puts those made since into a graph in front of a node.

    Constants are initializers of the main graph, one for each value, whichever graph uses them.
    """

    def __init__(self, model: ir.Model) -> None:
        self.opset = model.opset_imports[""]
        self._main = model.graph
        self._names = {value.name for value in _values(model.graph) if value.name}
        self._count = 0
        self._made: list[ir.Node] = []
        self._constants: dict[tuple[Any, ...], ir.Value] = {}
        self._opaque: dict[float, ir.Value] = {}
        self._one: ir.Value | None = None
        self._last_in_front: ir.Node | None = None

    def op(
        self,
        op_type: str,
        *inputs: ir.Value | None,
        dtype: ir.DataType = ir.DataType.FLOAT,
        shape: ir.Shape | None = None,
        **attributes: Any,
    ) -> ir.Value:
        """The output of a new node; an input that is None is left out."""
        node = ir.node(op_type, list(inputs), attributes=attributes)
        output = node.outputs[0]
        output.name = self.fresh(op_type)
        node.name = output.name
        output.dtype, output.shape = dtype, shape
        self._made.append(node)
        return output

    def constant(self, value: Array | float | Sequence[int], dtype: Any = np.float32) -> ir.Value:
        """An initializer with this value; the same one for equal values."""
        array = np.asarray(value, dtype)
        key = (array.dtype.name, array.shape, hashlib.sha256(array.tobytes()).digest())
        if key not in self._constants:
            self._constants[key] = self.initializer(array, self.fresh("constant"))
        return self._constants[key]

    def initializer(self, array: Array, name: str) -> ir.Value:
        tensor = ir.tensor(array, name=name)
        value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor)
        self._main.register_initializer(value)
        self._names.add(name)
        return value

    def opaque(self, value: ir.Value | float) -> ir.Value:
        """`value` times a one that no optimizer can see to be one.

        OpenVINO merges chains of constant factors, which rounds once where the file rounds twice, and its product with
        a constant turns −0 into +0. Neither happens to what is not a constant.
        """
        if isinstance(value, ir.Value):
            return self.op("Mul", value, self._unknown_one(), shape=value.shape)
        if value not in self._opaque:
            self._opaque[value] = self._in_front(lambda: self.op("Mul", self.constant(value), self._unknown_one()))
        return self._opaque[value]

    def place(self, node: ir.Node) -> None:
        """Put what was made in front of `node`, in its graph."""
        graph = node.graph
        assert graph is not None
        made, self._made = self._made, []
        graph.insert_before(node, made)

    def place_after(self, node: ir.Node) -> None:
        """Put what was made behind `node`, in its graph."""
        graph = node.graph
        assert graph is not None
        made, self._made = self._made, []
        graph.insert_after(node, made)

    def replace(self, old: ir.Value, new: ir.Value) -> None:
        """`new` takes the place of `old` everywhere, and its name."""
        name = old.name
        old.replace_all_uses_with(new, replace_graph_outputs=True)
        old.name = self.fresh("replaced")
        new.name = name

    def replace_with(self, old: ir.Value, make: Callable[[ir.Value], ir.Value]) -> ir.Value:
        """What `make` makes of `old` takes its place and name everywhere but there."""
        uses = tuple(old.uses())
        output_of = old.graph if old.is_graph_output() else None
        new = make(old)
        for user, index in uses:
            user.replace_input_with(index, new)
        if output_of is not None:
            for index, output in enumerate(output_of.outputs):
                if output is old:
                    output_of.outputs[index] = new
        if not old.is_graph_input():
            old.name, new.name = self.fresh("replaced"), old.name
        return new

    def fresh(self, stem: str) -> str:
        """A name that no value of the model has."""
        while True:
            self._count += 1
            name = f"{PREFIX}/{stem}_{self._count}"
            if name not in self._names:
                self._names.add(name)
                return name

    def _in_front(self, make: Callable[[], ir.Value]) -> ir.Value:
        """Made once and put in front of all nodes of the main graph, so that every graph sees it."""
        outer, self._made = self._made, []
        value = make()
        made, self._made = self._made, outer
        last = self._last_in_front
        if last is None:
            self._main.insert_before(self._main[0], made)
        else:
            self._main.insert_after(last, made)
        self._last_in_front = made[-1]
        return value

    def _unknown_one(self) -> ir.Value:
        """max(t == t, 1) for the sum t of a graph input: 1 for every t, be it NaN or that of no elements."""
        if self._one is None:
            source = next((value for value in self._main.inputs if _is_number(value)), None)
            if source is None:  # a graph without inputs is folded to constants, whatever is done
                self._one = self.constant(1.0)
            else:
                self._one = self._in_front(lambda: self._one_from(source))
        return self._one

    def _one_from(self, source: ir.Value) -> ir.Value:
        numbers = source
        if source.dtype != ir.DataType.FLOAT:
            numbers = self.op("Cast", source, to=ir.DataType.FLOAT)
        total = self.op("ReduceSum", numbers, keepdims=0)
        equal = self.op("Equal", total, total, dtype=ir.DataType.BOOL)
        return self.op("Max", self.op("Cast", equal, to=ir.DataType.FLOAT), self.constant(1.0), shape=ir.Shape(()))


def refused(got: str, should: str, remedy: str = "judge this variant on a backend that runs the type") -> CannotJudge:
    """What cannot be emulated, as a failure."""
    sentence = f"Emulation: got {got}, should be {should}."
    return CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, remedy))


def graphs_of(graph: ir.Graph) -> Iterator[ir.Graph]:
    """A graph and those inside it, outer ones first."""
    yield graph
    for node in graph:
        for inner in subgraphs_of(node):
            yield from graphs_of(inner)


def subgraphs_of(node: ir.Node) -> list[ir.Graph]:
    inner: list[ir.Graph] = []
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            inner.append(attribute.as_graph())
        elif attribute.type == ir.AttributeType.GRAPHS:
            inner.extend(attribute.as_graphs())
    return inner


def attributes_of(node: ir.Node) -> Mapping[str, Any]:
    """Attributes by name, as plain values."""
    return {name: attribute.value for name, attribute in node.attributes.items()}


def _values(graph: ir.Graph) -> Iterator[ir.Value]:
    for each in graphs_of(graph):
        yield from each.inputs
        yield from each.initializers.values()
        for node in each:
            yield from node.outputs


def _is_number(value: ir.Value) -> bool:
    return isinstance(value.type, ir.TensorType) and value.dtype not in (None, ir.DataType.STRING)
