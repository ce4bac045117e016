"""The variant with one thing float again: an activation, a constant, a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from pytest_qparity.precision.pairs.folding import folded
from pytest_qparity.precision.pairs.pairing import sum_behind
from pytest_qparity.precision.pairs.quantizers import fold_of
from pytest_qparity.precision.values import subgraphs

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.precision.pairs.light_model import LightModel
    from pytest_qparity.precision.pairs.pairing import Pairing
    from pytest_qparity.precision.pairs.quantizers import ActivationQuantizer

__all__ = ["FLOAT_PREFIX", "Change", "Splice", "spliced"]

_BODIES = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
_OTHER_FLOATS = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)  # axes and shapes stay integers
FLOAT_PREFIX = "fp32 "  # in front of the name of what comes from the float model


@dataclass(frozen=True, slots=True)
class Change:
    """What is float again: all of it together.

    activations: names of QuantizeLinear nodes that are passed by. constants: (node of the float model, input) that are
    taken from there. nodes: of the float model, that take the place of theirs, with all that they read unrounded.
    """

    activations: tuple[str, ...] = ()
    constants: tuple[tuple[str, int], ...] = ()
    nodes: tuple[str, ...] = ()

    def __or__(self, other: Change) -> Change:
        """Both changes together."""
        return Change(
            tuple(dict.fromkeys((*self.activations, *other.activations))),
            tuple(dict.fromkeys((*self.constants, *other.constants))),
            tuple(dict.fromkeys((*self.nodes, *other.nodes))),
        )

    def as_json(self) -> dict[str, object]:
        return {
            "activations": list(self.activations),
            "constants": [list(each) for each in self.constants],
            "nodes": list(self.nodes),
        }

    @staticmethod
    def from_json(value: dict[str, list[object]]) -> Change:
        constants = tuple((str(each[0]), int(each[1])) for each in value["constants"])  # type: ignore[index]
        return Change(tuple(map(str, value["activations"])), constants, tuple(map(str, value["nodes"])))


@dataclass(frozen=True, slots=True)
class Splice:
    """Nodes in the place of the variant's, and constants that they need besides."""

    nodes: list[NodeProto]
    constants: list[TensorProto]


def spliced(
    change: Change,
    reference: LightModel,
    variant: LightModel,
    pairing: Pairing,
    quantizers: Sequence[ActivationQuantizer],
    types: Mapping[str, int],
) -> Splice:
    """The variant's nodes with a change. Both models' weights lie in one folder, so that either's are found.

    types: element types of the variant's tensors, where they are known. A node among float16 ones computes in float32
    behind and ahead of Cast nodes; a weight alone stays of the type that its node takes.
    """
    work = _Work(reference, variant, pairing, types)
    for quantizer in quantizers:
        if quantizer.name in change.activations:
            work.pass_by(quantizer)
    for name, index in change.constants:
        work.take_constant(reference.nodes[name], index)
    for name in change.nodes:
        work.take_node(reference.nodes[name], quantizers)
    return Splice(work.nodes, work.constants)


class _Work:
    def __init__(self, reference: LightModel, variant: LightModel, pairing: Pairing, types: Mapping[str, int]) -> None:
        self._reference, self._variant, self._pairing, self._types = reference, variant, pairing, types
        self._absent = frozenset(pairing.absent)
        self.nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in variant.proto.graph.node]
        self._by_name = {node.name: node for node in self.nodes}
        self.constants: list[TensorProto] = []
        self._brought: set[str] = set()

    def pass_by(self, quantizer: ActivationQuantizer) -> None:
        """Whoever read the dequantized tensor reads the float one."""
        real = self._float_tensor(quantizer.tensor)
        self._redirect(set(quantizer.dequantized), real)

    def take_constant(self, node: NodeProto, index: int) -> None:
        there = self._by_name[self._pairing.counterpart(node.name)]
        fold = fold_of(self._reference, node, self._absent)
        if fold is not None and index in (1, 2):
            arrays = folded(self._reference, node, fold)
            there.input.extend([""] * (index + 1 - len(there.input)))
            there.input[index] = self._own_constant(f"{FLOAT_PREFIX}{node.name} {index}", arrays[index - 1])
            return
        kind = next((self._types[name] for name in there.output if name in self._types), TensorProto.FLOAT)
        added = sum_behind(self._reference, node) if index >= len(node.input) else None
        inputs = node.input if added is None else [*node.input, *(set(added.input) - set(node.output))]
        there.input[index] = self._cast(self._bring(inputs[index]), kind)
        if index == 1 and there.op_type == "Gemm":  # a MatMul's weight is never turned
            _copy_attribute("transB", node, there)

    def take_node(self, node: NodeProto, quantizers: Sequence[ActivationQuantizer]) -> None:
        """The float model's node with what it reads unrounded; one that the variant passes by is put in again."""
        if node.op_type == "Add" and node.name in self._absent:  # it is in the bias of its product's Gemm
            node = next(maker for name in node.input if (maker := self._reference.producers.get(name)) is not None)
        if node.name in self._pairing.replaced:
            self._take_place(node)
            return
        if node.name not in self._pairing.nodes:
            self._put_in(node)
            return
        there = self._by_name[self._pairing.nodes[node.name]]
        fold = fold_of(self._reference, node, self._absent)
        for index, name in enumerate(node.input):
            if not name or index >= len(there.input):
                continue
            if name in self._reference.variable:
                there.input[index] = self._float_tensor(name) if name in self._pairing.tensors else there.input[index]
            elif fold is None or index not in (1, 2):
                there.input[index] = self._bring(name)
        if fold is not None:
            for index in (1, 2):
                self.take_constant(node, index)
        plain = {each.name for each in node.attribute if each.type not in _BODIES}  # bodies stay the variant's
        shared = plain & {each.name for each in there.attribute}
        for name in sorted(shared):  # of another opset a node has others: axes that became an input
            _copy_attribute(name, node, there)
        self._in_float(there)
        for quantizer in quantizers:  # what its output is rounded to, where that is nobody's operand
            if quantizer.made_by == node.name and not quantizer.reads:
                self.pass_by(quantizer)

    def _take_place(self, node: NodeProto) -> None:
        """The float model's node where the variant has another operator; a Gemm for a product and the sum that it took
        in."""
        there = self._by_name[self._pairing.replaced[node.name]]
        added = sum_behind(self._reference, node)
        if added is None or added.name not in self._absent:
            added = None
            there.op_type, there.domain = node.op_type, node.domain
        inputs = [
            "" if not name else self._float_tensor(name) if name in self._reference.variable else self._bring(name)
            for name in node.input
        ]
        if added is not None:
            inputs.append(next(self._bring(name) for name in added.input if name != node.output[0]))
        del there.input[:], there.attribute[:]
        there.input.extend(inputs)
        there.attribute.extend(node.attribute)
        self._in_float(there)

    def _in_float(self, there: NodeProto) -> None:
        """Let a node among float16 ones compute in float32."""
        for index, name in enumerate(there.input):
            if self._types.get(name) in _OTHER_FLOATS:
                there.input[index] = self._cast(name, TensorProto.FLOAT)
        for index, name in enumerate(there.output):
            kind = self._types.get(name)
            if kind in _OTHER_FLOATS:
                there.output[index] = f"{FLOAT_PREFIX}{name}"
                self.nodes.append(
                    onnx.helper.make_node("Cast", [f"{FLOAT_PREFIX}{name}"], [name], name=f"back {name}", to=kind)
                )

    def _cast(self, name: str, kind: int) -> str:
        """A tensor as another type; itself where a float32 one is asked to be that."""
        if kind == TensorProto.FLOAT and self._types.get(name, TensorProto.FLOAT) == TensorProto.FLOAT:
            return name
        made = f"{name} as {kind}"
        if made not in self._brought:
            self._brought.add(made)
            self.nodes.append(onnx.helper.make_node("Cast", [name], [made], name=made, to=kind))
        return made

    def _put_in(self, node: NodeProto) -> None:
        source = self._pairing.tensors[node.input[0]]
        made = self._copy(node, source)
        self._redirect({source}, made)

    def _copy(self, node: NodeProto, source: str) -> str:
        """A node of the float model on a tensor of the variant; the name of what it makes."""
        made = f"{FLOAT_PREFIX}{node.output[0]}"
        if made not in self._brought:
            self._brought.add(made)
            inputs = [source, *(self._bring(name) if name else "" for name in node.input[1:])]
            name_of_own = node.name if node.name not in self._by_name else f"{FLOAT_PREFIX}{node.name}"
            copy = onnx.NodeProto(op_type=node.op_type, domain=node.domain, name=name_of_own)
            copy.input.extend(inputs)
            copy.output.append(made)
            copy.attribute.extend(node.attribute)
            self.nodes.append(copy)
        return made

    def _float_tensor(self, name: str) -> str:
        """What stands for a tensor of the float model, unrounded: behind nodes that the variant passes by, theirs."""
        node = self._reference.producers.get(name)
        if node is not None and node.name in self._absent and node.op_type in ("Relu", "Clip"):
            return self._copy(node, self._float_tensor(node.input[0]))
        return self._pairing.tensors[name]

    def _bring(self, name: str) -> str:
        """A constant of the float model, with the nodes that make it."""
        if not name:
            return name
        own = f"{FLOAT_PREFIX}{name}"
        if own in self._brought:
            return own
        self._brought.add(own)
        producer = self._reference.producers.get(name)
        if producer is not None:
            copy = onnx.NodeProto.FromString(producer.SerializeToString())
            copy.name = f"{FLOAT_PREFIX}{producer.name}"
            for index, each in enumerate(producer.input):
                copy.input[index] = self._bring(each)
            for index, each in enumerate(producer.output):
                copy.output[index] = f"{FLOAT_PREFIX}{each}" if each else ""
                self._brought.add(copy.output[index])
            self.nodes.append(copy)
            return own
        tensor = TensorProto.FromString(self._reference.initializers[name].SerializeToString())
        tensor.name = own
        self.constants.append(tensor)
        return own

    def _own_constant(self, name: str, array: object) -> str:
        if name not in self._brought:
            self._brought.add(name)
            self.constants.append(numpy_helper.from_array(array, name))  # type: ignore[arg-type]
        return name

    def _redirect(self, names: set[str], to: str) -> None:
        """Every reader of `names` reads `to`, those in bodies too; an output of the model among them is made of it."""
        for node in self.nodes:
            if to not in node.output:
                _rename_inputs(node, names, to)
        for name in names & set(self._variant.outputs):
            producer = next(node for node in self.nodes if name in node.output)
            for index, each in enumerate(producer.output):
                if each == name:
                    producer.output[index] = f"{name} before"
            if to == name:
                raise ValueError(f"got {name} in the place of itself, should be another tensor")
            source = f"{name} before" if to in producer.output else to
            self.nodes.append(onnx.helper.make_node("Identity", [source], [name], name=f"{FLOAT_PREFIX}{name}"))


def _rename_inputs(node: NodeProto, names: set[str], to: str) -> None:
    """In a node and in the bodies that it holds: ONNX lets no body have a tensor of an outer one's name."""
    for index, each in enumerate(node.input):
        if each in names:
            node.input[index] = to
    for graph in subgraphs(node):
        for inner in graph.node:
            _rename_inputs(inner, names, to)


def _copy_attribute(name: str, source: NodeProto, target: NodeProto) -> None:
    kept = [each for each in target.attribute if each.name != name]
    del target.attribute[:]
    target.attribute.extend([*kept, *(each for each in source.attribute if each.name == name)])
