"""A model as rules look at it: nodes, who makes and who reads a value, types, shapes, constants."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import onnx
import onnx.inliner
from onnx import GraphProto, ModelProto, TensorProto

from pytest_qparity.precision.graph import nodes_of
from pytest_qparity.precision.large import without_weights
from pytest_qparity.precision.values import STANDARD, constant_of, load_graph, loaded, subgraphs
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from onnx import FunctionProto, NodeProto, ValueInfoProto

__all__ = ["Body", "Known", "View", "attribute", "damaged", "named", "type_name", "view_of"]

LARGEST_INFERRED = 1 << 16  # bytes of a constant that shape inference may read: shapes, axes, pads

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What the file says of a value, or inference finds: UNDEFINED and None where nothing does."""

    type: int = TensorProto.UNDEFINED
    shape: Shape | None = None
    constant: TensorProto | None = None


NOTHING = Known()


@dataclass(slots=True, eq=False)
class Body:
    """A graph, a subgraph or a function. `producers`: those around a subgraph too; `readers`: nodes of this body alone
    that take a value; `constants`: once `constants.constant_names` has looked."""

    nodes: list[NodeProto]
    outputs: frozenset[str]
    values: Mapping[str, Known]
    producers: dict[str, NodeProto] = field(default_factory=dict)
    readers: dict[str, list[NodeProto]] = field(default_factory=dict)
    outer: Body | None = None
    constants: frozenset[str] | None = None

    def __post_init__(self) -> None:
        for node in self.nodes:
            self.producers.update((name, node) for name in node.output if name)
            for name in dict.fromkeys(node.input):
                if name:
                    self.readers.setdefault(name, []).append(node)

    def known(self, node: NodeProto, index: int) -> Known:
        """What is known of an input of a node; nothing where it has none."""
        name = input_name(node, index)
        return self.values.get(name, NOTHING) if name else NOTHING

    def producer(self, node: NodeProto, index: int) -> NodeProto | None:
        return self.producers.get(input_name(node, index))

    def only_reader(self, name: str) -> NodeProto | None:
        """The node that alone takes a value which is no output."""
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.outputs else None


@dataclass(slots=True, eq=False)
class View:
    """`model`: as it was read, for rules that look at all of it; they change nothing of it. `inputs`: those that are
    fed; `functions`: names of local functions."""

    path: Path
    model: ModelProto
    opset: int
    inputs: tuple[ValueInfoProto, ...]
    outputs: tuple[ValueInfoProto, ...]
    functions: frozenset[str]
    bodies: list[Body]

    def nodes(self) -> Iterator[tuple[Body, NodeProto]]:
        for body in self.bodies:
            for node in body.nodes:
                yield body, node

    def array(self, known: Known) -> np.ndarray | None:
        """The values of a constant, those that lie beside the model too; None of anything else."""
        if known.constant is None:
            return None
        try:
            return loaded(known.constant, self.path)
        except ValueError as error:
            raise damaged(self.path, f"{error} in {known.constant.name!r}") from None


def view_of(path: Path) -> View:
    """Raises CannotJudge where the file is no model. Of external data only what a rule asks for is read."""
    model = load_graph(path)
    if any(isinstance(node.op_type, bytes) for node in nodes_of(model.graph)):  # protobuf's C code gives it as it is
        raise damaged(path, "an operator's name that is no UTF-8")
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    inferred = _inferred(model)
    bodies: list[Body] = []
    _collect(inferred.graph, None, constants, bodies)
    for function in inferred.functions:
        _collect(function, None, {}, bodies)
    return View(
        path,
        model,
        next((entry.version for entry in model.opset_import if entry.domain in STANDARD), 0),
        tuple(value for value in model.graph.input if value.name not in constants),
        tuple(model.graph.output),
        frozenset(function.name for function in model.functions),
        bodies,
    )


def attribute(node: NodeProto, name: str, default: int = 0) -> int:
    """An integer attribute."""
    return next((int(each.i) for each in node.attribute if each.name == name), default)


def input_name(node: NodeProto, index: int) -> str:
    return str(node.input[index]) if index < len(node.input) else ""


def named(node: NodeProto) -> str:
    """How a finding names a node: exporters leave names out."""
    return str(node.name or next((name for name in node.output if name), node.op_type))


def type_name(data_type: int) -> str:
    return TensorProto.DataType.Name(data_type).lower() if data_type in TensorProto.DataType.values() else "unknown"


def damaged(path: Path, got: str) -> CannotJudge:
    sentence = f"{path.name}: got {got}, should be an ONNX model."
    return CannotJudge(Failure(Code.MODEL_UNREADABLE, sentence, "export the model again; it may be damaged"))


def _inferred(model: ModelProto) -> ModelProto:
    """The model with the types and shapes that onnx finds, and without large constants: they would be copied thrice.

    Local functions are put in the place of their calls, as importers do: what they take is their caller's then.
    """
    light = without_weights(model, LARGEST_INFERRED)
    if model.functions:
        # Those that call themselves are refused there, and looked at as they are.
        with contextlib.suppress(onnx.checker.ValidationError, RuntimeError, ValueError):
            light = onnx.inliner.inline_local_functions(light)
    try:
        # Without data propagation: it computes Range and its like, whatever their sizes.
        return onnx.shape_inference.infer_shapes(light)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError):
        return light  # what the file itself says is enough for most rules; an engine that refuses it says why


def _collect(
    body: GraphProto | FunctionProto,
    outer: Body | None,
    constants: Mapping[str, TensorProto],
    bodies: list[Body],
) -> None:
    values = {**(outer.values if outer else {}), **_values(body, constants)}
    is_graph = isinstance(body, GraphProto)
    outputs = frozenset(each.name if is_graph else each for each in body.output)
    found = Body(list(body.node), outputs, values, dict(outer.producers) if outer else {}, outer=outer)
    bodies.append(found)
    for node in body.node:
        for graph in subgraphs(node):
            _collect(graph, found, {tensor.name: tensor for tensor in graph.initializer}, bodies)


def _values(body: GraphProto | FunctionProto, constants: Mapping[str, TensorProto]) -> dict[str, Known]:
    values: dict[str, Known] = {}
    stated = (*body.value_info, *((*body.input, *body.output) if isinstance(body, GraphProto) else ()))
    for value in stated:
        values[value.name] = Known(value.type.tensor_type.elem_type, shape_of(value))
    for name, tensor in constants.items():
        values[name] = Known(tensor.data_type, tuple(tensor.dims), tensor)
    for node in body.node:
        stated_here = constant_of(node) if node.op_type == "Constant" else None
        if stated_here is not None:
            values[node.output[0]] = Known(stated_here.data_type, tuple(stated_here.dims), stated_here)
        elif node.op_type == "Identity" and node.input and values.get(node.input[0], NOTHING).constant is not None:
            values[node.output[0]] = values[node.input[0]]
    return values


def shape_of(value: ValueInfoProto) -> Shape | None:
    """Sizes, None where one is not fixed; None altogether where the rank is not stated."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(
        each.dim_value if each.HasField("dim_value") and each.dim_value >= 0 else None for each in tensor.shape.dim
    )
