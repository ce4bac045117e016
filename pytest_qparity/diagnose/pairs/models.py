"""A float model and its variant side by side: what stands for what, and where they can be looked into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from onnx import AttributeProto, helper

from pytest_qparity.precision.pairs.expanding import expanded
from pytest_qparity.precision.pairs.light_model import LightModel
from pytest_qparity.precision.pairs.pairing import paired
from pytest_qparity.precision.pairs.quantizers import activation_quantizers
from pytest_qparity.precision.pairs.running import Tapped
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["Models"]

_TYPES = {"tensor(float)": (1, np.float32), "tensor(float16)": (10, np.float16), "tensor(double)": (11, np.float64)}
_GRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
_CLAMPING = ("Clip", "Relu")
# Absent nodes whose output is their input's layer.
_THROUGH = ("Add", "BatchNormalization", "Cast", "Dropout", "Identity")


class Models:
    """targets: float outputs that both have, the float model's name to the variant's; else the last tensor of both.
    layers: the float model's nodes whose float output is paired, in its order. cut: element types of the variant's
    tensors that its own error is seen at when they are fed (`stands_for`: with which of the float model's)."""

    def __init__(self, reference: Path, variant: Path, folder: Path) -> None:
        """`folder`: scratch, where weights are put. Raises CannotJudge where the files are no models, or share
        nothing."""
        self.reference = LightModel(reference, folder, "reference")
        self.variant = LightModel(variant, folder, "variant", expanded)
        missing = [name for name in self.variant.inputs if name not in self.reference.inputs]
        if missing:
            raise _unpaired(f'The variant: got an input "{missing[0]}", should have the float model\'s inputs.')
        self.pairing = paired(self.reference, self.variant)
        self.absent = frozenset(name for name in self.pairing.absent if self.reference.nodes[name].op_type in _CLAMPING)
        self.quantizers, self.unread = activation_quantizers(self.reference, self.variant, self.pairing)
        raws = set(self.pairing.tensors.values()) & self.variant.producers.keys()
        types = _types(self.variant, sorted(raws))
        self.shown = _types(self.reference, sorted(self.pairing.tensors.keys() & self.reference.producers.keys()))
        comparable = {
            mine: theirs
            for mine, theirs in self.pairing.tensors.items()
            if mine in self.shown and (theirs in types or theirs in self.variant.inputs)
        }
        self.stands_for = {theirs: mine for mine, theirs in comparable.items()}
        self.cut = {theirs: _TYPES[types[theirs]][0] for theirs in self.stands_for if theirs in types}
        self.cut_types = {theirs: _TYPES[types[theirs]][1] for theirs in self.cut}
        self._comparable = comparable
        self._layer_tensors: dict[str, str] = {}
        self.layers = [node for node in self.reference.proto.graph.node if self._is_layer(node)]
        for node in self.layers:
            self._layer_tensors[node.name] = self._layer_tensor(node)
        self.targets = self._targets()

    def layer_tensor(self, node: NodeProto) -> str:
        """The tensor at which a layer's error is seen: behind nodes that its kernel has taken in."""
        return self._layer_tensors[node.name]

    def differences(self, node: NodeProto) -> tuple[str, ...]:
        """Names of attributes that both nodes have with other values, and of inputs that the variant's lacks."""
        if node.name not in self.pairing.nodes:
            return ()
        there = self.variant.nodes[self.pairing.nodes[node.name]]
        values = {each.name: helper.get_attribute_value(each) for each in there.attribute if each.type not in _GRAPHS}
        differing = [
            each.name
            for each in node.attribute
            if each.name in values and each.name != "transB" and helper.get_attribute_value(each) != values[each.name]
        ]
        lacking = [name for name in node.input[len(there.input) :] if name]
        return (*differing, *lacking)

    def stand_in(self, node: NodeProto) -> str:
        """The operator of the variant's node, where it is another."""
        there = self.pairing.replaced.get(node.name)
        return "" if there is None else str(self.variant.nodes[there].op_type)

    def range_behind(self, node: NodeProto) -> tuple[float, float]:
        """Between what a tensor is clamped that lacks its Relu or Clip: the widest range of what quantizes it; without
        bounds where something reads it unquantized."""
        raw = self.pairing.tensors[node.output[0]]
        own = [each for each in self.quantizers if each.raw == raw]
        unquantized = any(each.op_type != "QuantizeLinear" for each in self.variant.readers.get(raw, []))
        if not own or unquantized or raw in self.variant.outputs:
            return -np.inf, np.inf
        return min(float(each.low.min()) for each in own), max(float(each.high.max()) for each in own)

    def _is_layer(self, node: NodeProto) -> bool:
        is_there = bool(self.pairing.counterpart(node.name)) or node.name in self.absent
        return is_there and any(name in self._comparable for name in node.output)

    def _layer_tensor(self, node: NodeProto) -> str:
        name: str = next(each for each in node.output if each in self._comparable)
        gone = set(self.pairing.absent)
        while len(readers := self.reference.readers.get(name, [])) == 1 and name not in self.reference.outputs:
            (reader,) = readers
            if reader.name not in gone or reader.op_type not in _THROUGH or reader.output[0] not in self._comparable:
                break
            name = reader.output[0]
        return name

    def _targets(self) -> dict[str, str]:
        names = [name for name in self.reference.outputs if name in self.variant.outputs and name in self.shown]
        if names:
            return {name: name for name in names}
        if not self.layers:
            raise _unpaired("got no float tensor that both models have, should be one or more.")
        last = self.layer_tensor(self.layers[-1])
        return {last: self.pairing.tensors[last]}


def _types(model: LightModel, names: Sequence[str]) -> dict[str, str]:
    """ONNX Runtime's names of the element types of those that are float."""
    if not names:
        return {}
    session = Tapped(model.graph(names), model.folder)
    return {name: kind for name, kind in session.types.items() if kind in _TYPES}


def _unpaired(sentence: str) -> CannotJudge:
    remedy = "name the float model that the variant was made from"
    return CannotJudge(Failure(Code.DIAGNOSE_UNPAIRED, sentence, remedy))
