"""Which tensor and node of a variant stands for which of the float model: by name, through Q/DQ, by structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from onnx import AttributeProto

from pytest_qparity.precision.pairs.light_model import LightModel, inputs_of

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["Pairing", "origin", "paired", "sum_behind"]

# What a variant may do without: a Relu that a quantizer's range stands for, a BatchNormalization in a kernel's weights.
_QUANTIZE = ("DynamicQuantizeLinear", "QuantizeLinear")
_GRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
_FUSED = "/MatMulAddFusion"  # what ONNX Runtime puts behind the name of a MatMul that it makes a Gemm of
_PASSED_BY = frozenset({"BatchNormalization", "Cast", "Clip", "Dropout", "Identity", "Relu"})


@dataclass(frozen=True, slots=True)
class Pairing:
    """tensors: the variant's tensor, ahead of any quantizer, for each of the float model's that has one.
    nodes: the variant's node for each of the float model's, by name. absent: nodes that the variant passes by, so that
    their output is paired with what stands for their input, as an Add is which a Gemm has taken in as its bias.
    unmatched: tensors that nothing stands for.
    replaced: the variant's node of another operator, for each that has one: it reads what stands for the node's inputs,
    and makes the tensor of its output's name or has its own name."""

    tensors: Mapping[str, str]
    nodes: Mapping[str, str]
    absent: tuple[str, ...]
    unmatched: tuple[str, ...]
    replaced: Mapping[str, str] = field(default_factory=dict)

    def counterpart(self, node: str) -> str:
        """The variant's node in the place of one of the float model's; empty where there is none."""
        return self.nodes.get(node) or self.replaced.get(node, "")


def origin(model: LightModel, name: str) -> str:
    """The tensor that a name stands for behind Q/DQ pairs, Identity and Cast nodes that change floats alone."""
    while (node := model.producers.get(name)) is not None and _is_transparent(model, node):
        name = node.input[0]
    return name


def sum_behind(reference: LightModel, node: NodeProto) -> NodeProto | None:
    """The Add of a constant that alone reads a MatMul: a Gemm computes both."""
    readers = reference.readers.get(node.output[0], ())
    if node.op_type != "MatMul" or len(readers) != 1 or node.output[0] in reference.outputs:
        return None
    (reader,) = readers
    other = [name for name in reader.input if name != node.output[0]]
    is_sum = reader.op_type == "Add" and len(other) == 1 and other[0] not in reference.variable
    return reader if is_sum else None


def paired(reference: LightModel, variant: LightModel) -> Pairing:
    """Pair two graphs in the order of the float model's nodes.

    A node's counterpart is what makes the tensor of its output's name; else the node of its own name and operator;
    else, of the nodes with its operator that read what its inputs are paired with, the first that no other has.
    """
    pairing = _Work(reference, variant)
    for node in reference.proto.graph.node:
        if any(name in reference.variable for name in inputs_of(node)):
            pairing.take(node)
    unmatched = [
        name
        for node in reference.proto.graph.node
        for name in node.output
        if name in reference.variable and name not in pairing.tensors
    ]
    return Pairing(pairing.tensors, pairing.nodes, tuple(pairing.absent), tuple(unmatched), pairing.replaced)


def _is_transparent(model: LightModel, node: NodeProto) -> bool:
    if node.op_type == "DequantizeLinear":
        made_by = model.producers.get(node.input[0])
        return made_by is not None and made_by.op_type in _QUANTIZE and made_by.input[0] in model.variable
    return node.op_type in (*_QUANTIZE, "Identity")


def _opset(model: LightModel) -> int:
    return next((each.version for each in model.proto.opset_import if not each.domain), 0)


class _Work:
    def __init__(self, reference: LightModel, variant: LightModel) -> None:
        self._reference, self._variant = reference, variant
        self.tensors: dict[str, str] = {name: name for name in reference.inputs if name in variant.inputs}
        self.nodes: dict[str, str] = {}
        self.absent: list[str] = []
        self.replaced: dict[str, str] = {}
        self._claimed: set[str] = set()
        self._same_opset = _opset(reference) == _opset(variant)
        self._reading: dict[str, list[NodeProto]] = {}
        for node in variant.proto.graph.node:
            if not _is_transparent(variant, node):
                for name in dict.fromkeys(origin(variant, each) for each in inputs_of(node)):
                    self._reading.setdefault(name, []).append(node)

    def take(self, node: NodeProto) -> None:
        there = self._by_tensor(node) or self._by_name(node) or self._by_structure(node)
        if there is not None:
            self.nodes[node.name] = there.name
            self._claimed.add(there.name)
            self.tensors.update(
                (mine, theirs) for mine, theirs in zip(node.output, there.output, strict=False) if mine and theirs
            )
        else:
            there = self._of_another_operator(node)
            if there is not None:
                self.replaced[node.name] = there.name
                self._claimed.add(there.name)
                self.tensors[node.output[0]] = there.output[0]
        for name in node.output:  # a tensor of its name is its own, whatever makes it now
            if name and name not in self.tensors and name in self._variant.producers:
                self.tensors[name] = origin(self._variant, name)
        if there is None and node.op_type == "Add":
            self._take_sum(node)
        if there is None and node.op_type in _PASSED_BY:
            source = self._passed_by(node)
            if source is not None:
                self.absent.append(node.name)
                self.tensors[node.output[0]] = source

    def _by_tensor(self, node: NodeProto) -> NodeProto | None:
        for name in node.output:
            found = self._variant.producers.get(origin(self._variant, name)) if name else None
            if found is not None and found.op_type == node.op_type and found.name not in self._claimed:
                return found
        return None

    def _by_name(self, node: NodeProto) -> NodeProto | None:
        found = self._variant.nodes.get(node.name)
        if found is None or found.op_type != node.op_type or found.name in self._claimed:
            return None
        wanted = self._wanted(node)
        return found if not wanted or wanted & {origin(self._variant, name) for name in inputs_of(found)} else None

    def _by_structure(self, node: NodeProto) -> NodeProto | None:
        wanted = self._wanted(node)
        if not wanted:
            return None
        candidates = [
            each
            for each in self._reading.get(min(wanted), ())
            if each.op_type == node.op_type
            and each.name not in self._claimed
            and wanted == self._variable_origins(each)
            and not set(each.output) & self._reference.producers.keys()
        ]
        shared = [each for each in candidates if set(each.input) & set(node.input)]
        return next(iter(shared or candidates), None)

    def _of_another_operator(self, node: NodeProto) -> NodeProto | None:
        """A node of ONNX with one output, as the float model's; of another opset its attributes would be others, but a
        MatMul has none in any."""
        added = sum_behind(self._reference, node)
        made = (*node.output, *(() if added is None else added.output))
        makers = (self._variant.producers.get(origin(self._variant, name)) for name in made if name)
        named = (self._variant.nodes.get(name) for name in (node.name, node.name + _FUSED))
        for found in (*makers, *named):
            if (
                (self._same_opset or node.op_type == "MatMul")
                and found is not None
                and found.op_type != node.op_type
                and found.domain == node.domain
                and found.name not in self._claimed
                and not _is_transparent(self._variant, found)
                and not any(each.type in _GRAPHS for each in (*node.attribute, *found.attribute))
                and len(node.output) == len(found.output) == 1
                and self._wanted(node) == self._variable_origins(found) != set()
            ):
                return found
        return None

    def _take_sum(self, node: NodeProto) -> None:
        """One that a Gemm has taken in: the MatMul's counterpart makes its output, and has a bias."""
        for name in node.input:
            product = self._reference.producers.get(name)
            there = None if product is None else self._variant.nodes.get(self.replaced.get(product.name, ""))
            if (
                product is not None
                and there is not None
                and there.op_type == "Gemm"
                and len(there.input) > 2
                and sum_behind(self._reference, product) is node
            ):
                self.absent.append(node.name)
                self.tensors[node.output[0]] = there.output[0]

    def _wanted(self, node: NodeProto) -> set[str]:
        """What a counterpart reads; empty where an input has none."""
        names = [name for name in inputs_of(node) if name in self._reference.variable]
        return {self.tensors[name] for name in names} if all(name in self.tensors for name in names) else set()

    def _variable_origins(self, node: NodeProto) -> set[str]:
        return {origin(self._variant, name) for name in inputs_of(node) if name in self._variant.variable}

    def _passed_by(self, node: NodeProto) -> str | None:
        """What stands for the output of a node that has no counterpart."""
        named = self.tensors.get(node.output[0])
        mine = self.tensors.get(node.input[0])
        if named is not None and (mine is None or named == mine):
            self.tensors.setdefault(node.input[0], named)
            return named
        return mine if named is None else None
