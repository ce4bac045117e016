"""Layers as the variant's nodes compute them, with nothing rounded: which of them computes something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.diagnose.passes.tallies import DistanceTally
from pytest_qparity.precision.pairs.light_model import OWN, inputs_of
from pytest_qparity.precision.pairs.running import Tapped
from pytest_qparity.precision.pairs.splicing import FLOAT_PREFIX, Change, spliced

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto

    from pytest_qparity.diagnose.measures import Distance
    from pytest_qparity.diagnose.pairs.models import Models

    Feed = Mapping[str, np.ndarray[Any, np.dtype[Any]]]

__all__ = ["Operators", "Unrounded"]

_AS_IT_IS = frozenset({"Cast", "Constant", "Identity"})
_ROUNDING = frozenset({"DequantizeLinear", "QuantizeLinear"})


@dataclass(frozen=True, slots=True)
class Unrounded:
    """distance: of what the variant's node makes of the float model's values and constants. constants_rounded: whether
    a constant of it stayed the variant's."""

    distance: Distance
    constants_rounded: bool


class Operators:
    """The variant cut at every paired tensor and fed with the float model's values there, without a Q/DQ pair of an
    activation, and with the float model's constants: what then differs, the nodes themselves do.

    A layer with something else in front of it (blocks, an emulation) is not looked at: it may round.
    """

    def __init__(self, models: Models, nodes: Sequence[str], constants: Sequence[tuple[str, int]]) -> None:
        """nodes: of the float model, those that are looked at. constants: (node, input) that are the float model's."""
        quantizers = tuple(each.name for each in models.quantizers)
        change = Change(activations=quantizers, constants=tuple(constants))
        splice = spliced(change, models.reference, models.variant, models.pairing, models.quantizers, models.cut)
        self._plain = _Plain(models, splice.nodes)
        self._tensors: dict[str, str] = {}
        for name in nodes:
            if self._plain.is_plain(models.pairing.counterpart(name)):
                self._tensors[name] = models.layer_tensor(models.reference.nodes[name])
        self._made = {tensor: models.pairing.tensors[tensor] + OWN for tensor in self._tensors.values()}
        graph = models.variant.graph(dict.fromkeys(self._made.values()), models.cut, splice.nodes, splice.constants)
        self._cut = Tapped(graph, models.variant.folder) if self._tensors else None
        fed = () if self._cut is None else self._cut.inputs
        self._from = {name: models.stands_for[name] for name in fed if name in models.cut}
        self._kinds = models.cut_types
        wanted = dict.fromkeys((*self._from.values(), *self._tensors.values()))
        mine = [name for name in wanted if name in models.reference.producers]
        self._reference = Tapped(models.reference.graph(mine), models.reference.folder) if mine else None
        self._tallies = {name: DistanceTally() for name in self._tensors}
        self._counterparts = {name: models.pairing.counterpart(name) for name in self._tensors}
        self.passes = {"operators over one feed": models.variant.share(graph) if self._tensors else 0.0}

    def take(self, feed: Feed, index: int) -> None:
        if self._cut is None:
            return
        golden = {**feed, **({} if self._reference is None else self._reference.run(feed))}
        fed = {theirs: golden[mine].astype(self._kinds[theirs], copy=False) for theirs, mine in self._from.items()}
        made = self._cut.run(fed, feed)
        for node, tensor in self._tensors.items():
            self._tallies[node].add(made[self._made[tensor]], golden[tensor])

    def found(self) -> dict[str, Unrounded]:
        return {
            name: Unrounded(tally.distance(), self._plain.rounds_constants(self._counterparts[name]))
            for name, tally in self._tallies.items()
        }


class _Plain:
    """What stands in front of a node once nothing rounds there."""

    def __init__(self, models: Models, nodes: Sequence[NodeProto]) -> None:
        self._ends = {*models.cut, *models.variant.inputs}
        self._variable = models.variant.variable
        self._by_name = {node.name: node for node in nodes}
        self._makers = {name: node for node in nodes for name in node.output}

    def is_plain(self, name: str) -> bool:
        """Whether its variable inputs are tensors that are fed, and nothing else computes there."""
        node = self._by_name.get(name)
        if node is None:
            return False
        return all(self._is_fed(each) for each in inputs_of(node) if self._is_variable(each))

    def rounds_constants(self, name: str) -> bool:
        made_by = (self._makers.get(each) for each in self._by_name[name].input)
        return any(maker is not None and maker.op_type in _ROUNDING for maker in made_by)

    def _is_variable(self, name: str) -> bool:
        while name not in self._variable and (node := self._makers.get(name)) is not None and node.input:
            name = node.input[0]
        return name in self._variable

    def _is_fed(self, name: str) -> bool:
        while name not in self._ends:
            node = self._makers.get(name)
            # What comes from the float model may have its own name, but no tensor of it has.
            if node is None or not (node.op_type in _AS_IT_IS or name.startswith(FLOAT_PREFIX)):
                return False
            name = node.input[0]
        return True
