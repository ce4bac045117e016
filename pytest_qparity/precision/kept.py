"""That the nodes which a recipe was to leave float are float in the file it made, whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto

from pytest_qparity.precision.content import computes_on_integers
from pytest_qparity.precision.graph import LAYOUT, WEIGHTED, nodes_of
from pytest_qparity.precision.large import without_weights
from pytest_qparity.precision.recipes import give_it
from pytest_qparity.precision.values import subgraphs
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["require_kept"]

NAMES_LISTED = 5
_HALVES = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16})


def require_kept(made: ModelProto, source: ModelProto, kept: Collection[str], precision: str) -> None:
    """Raises CannotJudge where a node of `source` that is named in `kept` is quantized, or half precision, in `made`.

    A node that has its name and operator still is looked at itself. One that makers took apart, as ONNX Runtime's
    quantizer takes a Gemm, is what leads to its outputs from the nearest tensors of the float model.
    """
    if not kept:
        return
    before, after = _Sight(source), _Sight(made)
    wrong = [
        f"{node.name} ({node.op_type}): {what}"
        for node in nodes_of(source.graph)
        # What holds bodies computes nothing itself.
        if node.name in kept and not any(True for _ in subgraphs(node)) and (what := _what_became(node, before, after))
    ]
    if wrong:
        named = ", ".join(wrong[:NAMES_LISTED]) + (", …" if len(wrong) > NAMES_LISTED else "")
        sentence = (
            f"{precision}: got {len(wrong)} nodes that its recipe did not leave float ({named}), should be float."
        )
        raise CannotJudge(
            Failure(
                Code.VARIANT_RECIPE,
                sentence,
                f"name other nodes in keep_float, only or edges_float, or {give_it(precision)}",
                likely="the maker of this recipe gave the nodes other names before it looked for them",
            )
        )


class _Sight:
    """Nodes and types of a model, its subgraphs included."""

    def __init__(self, model: ModelProto) -> None:
        try:
            inferred = onnx.shape_inference.infer_shapes(without_weights(model))
        except onnx.shape_inference.InferenceError:
            inferred = model  # with the types that the file states
        self.types: dict[str, int] = {}
        self.constants: set[str] = set()
        self.nodes: dict[str, NodeProto] = {}
        self.makers: dict[str, NodeProto] = {}
        for graph in _graphs(inferred.graph):
            stated = (*graph.value_info, *graph.input, *graph.output)
            self.types |= {value.name: value.type.tensor_type.elem_type for value in stated}
            self.types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
            self.constants |= {tensor.name for tensor in graph.initializer}
        for node in nodes_of(model.graph):
            self.nodes[node.name] = node
            self.makers |= dict.fromkeys(node.output, node)
            if node.op_type == "Constant":
                self.constants.update(node.output)

    def is_tensor(self, name: str) -> bool:
        return name in self.makers or name in self.types

    def is_constant(self, name: str) -> bool:
        """Whether a value is known ahead, behind whatever computes it."""
        maker = self.makers.get(name)
        if maker is None:
            return name in self.constants
        return name in self.constants or (bool(maker.input) and all(map(self.is_constant, filter(None, maker.input))))

    def is_dequantized_constant(self, name: str) -> bool:
        """Whether a value is what a DequantizeLinear gives of constants, at once or behind a change of layout."""
        maker = self.makers.get(name)
        while maker is not None and maker.op_type in LAYOUT:
            maker = self.makers.get(maker.input[0])
        return maker is not None and "DequantizeLinear" in maker.op_type and self.is_constant(maker.input[0])


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from _graphs(inner)


def _what_became(node: NodeProto, before: _Sight, after: _Sight) -> str:
    """What is wrong with what became of a node; empty where it is float."""
    same = after.nodes.get(node.name)
    if same is not None and same.op_type == node.op_type and same.domain == node.domain:
        return _what_is_taken(node, same, before, after)
    parts = list(_parts(node, before, after))
    if any(map(computes_on_integers, parts)):
        return "computes on integers"
    if any(after.is_dequantized_constant(name) for part in parts for name in part.input):
        return "has a quantized weight"
    if not parts and node.op_type in WEIGHTED:
        return "is gone"  # what makes its outputs cannot be told: not found is not float
    return ""


def _what_is_taken(node: NodeProto, same: NodeProto, before: _Sight, after: _Sight) -> str:
    for was, is_ in zip(node.input, same.input, strict=False):
        if before.is_constant(was) and not before.is_dequantized_constant(was) and after.is_dequantized_constant(is_):
            return "has a quantized weight"
        if after.types.get(is_) in _HALVES and before.types.get(was) != after.types[is_]:
            return "takes 16 bits"
    return ""


def _parts(node: NodeProto, before: _Sight, after: _Sight) -> Iterator[NodeProto]:
    """The nodes of the made file on the way from tensors of the float model to the outputs of one of its nodes."""
    waiting, seen = [output for output in node.output if output], set()
    while waiting:
        maker = after.makers.get(waiting.pop())
        if maker is None or id(maker) in seen:
            continue
        seen.add(id(maker))
        yield maker
        waiting.extend(name for name in maker.input if not before.is_tensor(name))
