"""What runs over each feed in each phase of a measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pytest_qparity.diagnose.passes.tallies import ActivationTally, DistanceTally
from pytest_qparity.precision.pairs.light_model import OWN
from pytest_qparity.precision.pairs.running import Optimizing, Tapped

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.diagnose.pairs.models import Models
    from pytest_qparity.diagnose.passes.spool import Spool
    from pytest_qparity.precision.pairs.quantizers import ActivationQuantizer
    from pytest_qparity.precision.pairs.splicing import Splice

    Array = np.ndarray[Any, np.dtype[Any]]
    Feed = Mapping[str, Array]

__all__ = ["Calibrating", "Changed", "Group", "Optimized", "Phase", "Tallies"]

_BY_CHANNEL = frozenset({"BatchNormalization", "Conv", "ConvTranspose", "GlobalAveragePool", "MaxPool"})


class Phase(Protocol):
    """passes: how often a feed runs through the float model and the variant, by "float" and "variant"."""

    @property
    def passes(self) -> Mapping[str, float]: ...

    def take(self, feed: Feed, index: int) -> None: ...


class Tallies:
    """Sums that grow from phase to phase, by name of node, quantizer, tensor or output."""

    def __init__(self) -> None:
        self.own: dict[str, DistanceTally] = {}
        self.cumulative: dict[str, DistanceTally] = {}
        self.quantizers: dict[str, ActivationTally] = {}
        self.outputs: dict[str, DistanceTally] = {}
        self.reference_optimized: dict[str, DistanceTally] = {}
        self.variant_optimized: dict[str, DistanceTally] = {}
        self.calibration: dict[str, tuple[float, float]] = {}


class Group:
    """Some layers: their tensors in both models, and what their kernels make of the float model's."""

    def __init__(self, models: Models, layers: Sequence[NodeProto], tallies: Tallies, spool: Spool | None) -> None:
        """`spool`: where outputs are put, in the group that has them."""
        self._models, self._layers, self._tallies, self._spool = models, layers, tallies, spool
        tensors = {models.layer_tensor(node) for node in layers}
        self._quantizers = [each for each in models.quantizers if self._has(each, tensors)]
        outputs = models.targets if spool is not None else {}
        raws = [models.pairing.tensors[name] for name in sorted(tensors)]
        wanted = [name for name in dict.fromkeys((*raws, *outputs.values())) if name in models.variant.producers]
        graph = models.variant.graph(wanted)
        self._variant = Tapped(graph, models.variant.folder)
        own = [
            models.pairing.tensors[models.layer_tensor(node)] + OWN
            for node in layers
            if models.pairing.counterpart(node.name)
        ]
        cut_graph = models.variant.graph(dict.fromkeys(own), models.cut)
        self._cut = Tapped(cut_graph, models.variant.folder)
        self._cut_from = {name: models.stands_for[name] for name in self._cut.inputs if name in models.cut}
        mine = [
            *tensors,
            *self._cut_from.values(),
            *(each.tensor for each in self._quantizers),
            *(node.input[0] for node in layers if node.name in models.absent),
            *outputs,
        ]
        reference = models.reference.graph([each for each in dict.fromkeys(mine) if each in models.reference.producers])
        self._reference = Tapped(reference, models.reference.folder)
        variant_share = models.variant.share(graph) + models.variant.share(cut_graph)
        self.passes = {"float": models.reference.share(reference), "variant": variant_share}

    def _has(self, quantizer: ActivationQuantizer, tensors: set[str]) -> bool:
        """Inputs, and what no layer makes, go with the outputs."""
        made_by_layer = {self._models.layer_tensor(node) for node in self._models.layers}
        return quantizer.tensor in tensors or (self._spool is not None and quantizer.tensor not in made_by_layer)

    def take(self, feed: Feed, index: int) -> None:
        golden = {**feed, **self._reference.run(feed)}
        if self._spool is not None:
            self._spool.put("reference", index, {name: golden[name] for name in self._models.targets})
        for quantizer in self._quantizers:
            axis = self._channel_axis(quantizer)
            tally = self._tallies.quantizers.setdefault(quantizer.name, ActivationTally(quantizer, axis))
            tally.add(golden[quantizer.tensor])
        self._take_own(golden, feed)
        self._take_cumulative(golden, feed, index)

    def _take_own(self, golden: Feed, feed: Feed) -> None:
        models, tallies = self._models, self._tallies.own
        kinds = models.cut_types
        cut = {theirs: golden[mine].astype(kinds[theirs], copy=False) for theirs, mine in self._cut_from.items()}
        made = self._cut.run(cut, feed)
        for node in self._layers:
            tensor = models.layer_tensor(node)
            tally = tallies.setdefault(node.name, DistanceTally())
            if models.pairing.counterpart(node.name):
                tally.add(made.get(models.pairing.tensors[tensor] + OWN, np.zeros(0)), golden[tensor])
            else:
                tally.add(_left_out(golden[node.input[0]], golden[tensor], models.range_behind(node)), golden[tensor])

    def _take_cumulative(self, golden: Feed, feed: Feed, index: int) -> None:
        models = self._models
        made = {**feed, **self._variant.run(feed)}
        if self._spool is not None:
            outputs = {mine: made[theirs] for mine, theirs in models.targets.items()}
            self._spool.put("variant", index, outputs)
            for name, array in outputs.items():
                self._tallies.outputs.setdefault(name, DistanceTally()).add(array, golden[name])
        for node in self._layers:
            tensor = models.layer_tensor(node)
            values = made[models.pairing.tensors[tensor]]
            if node.name in models.absent:
                values = np.clip(values, *models.range_behind(node))
            self._tallies.cumulative.setdefault(node.name, DistanceTally()).add(values, golden[tensor])

    def _channel_axis(self, quantizer: ActivationQuantizer) -> int:
        nodes = self._models.reference.nodes
        around = {nodes[name].op_type for name in (*quantizer.reads, quantizer.made_by) if name in nodes}
        return 1 if around & _BY_CHANNEL else -1


def _left_out(values: Array, golden: Array, ends: tuple[float, float]) -> Array:
    """What stands for a Relu or Clip that a range may stand for: `golden` and what the range lets through besides. What
    the range takes of golden values is no error of the node that is not there, but of the range."""
    let_through: Array = golden + (np.clip(values, *ends) - np.clip(golden, *ends))
    return let_through


class Optimized:
    """Outputs with the optimizer on, against those of before with it off."""

    def __init__(self, models: Models, tallies: Tallies, spool: Spool) -> None:
        self._models, self._tallies, self._spool = models, tallies, spool
        self._sessions = {
            "reference": Tapped(models.reference.graph(list(models.targets)), models.reference.folder, Optimizing.ON),
            "variant": Tapped(models.variant.graph(models.targets.values()), models.variant.folder, Optimizing.ON),
        }
        self.passes = {"float": 1.0, "variant": 1.0}

    def take(self, feed: Feed, index: int) -> None:
        reference, variant = (self._sessions[name].run(feed) for name in ("reference", "variant"))
        before = {name: self._spool.get(name, index) for name in ("reference", "variant")}
        for mine, theirs in self._models.targets.items():
            tally = self._tallies.reference_optimized.setdefault(mine, DistanceTally())
            tally.add(reference[mine], before["reference"][mine])
            tally = self._tallies.variant_optimized.setdefault(mine, DistanceTally())
            tally.add(variant[theirs], before["variant"][mine])


class Calibrating:
    """What ranges the quantized tensors have over calibration data."""

    def __init__(self, models: Models, tallies: Tallies) -> None:
        self._tallies = tallies
        self._tensors = sorted({each.tensor for each in models.quantizers})
        made = [name for name in self._tensors if name in models.reference.producers]
        self._session = Tapped(models.reference.graph(made), models.reference.folder) if made else None
        self.passes = {"calibration": 1.0}

    def take(self, feed: Feed, index: int) -> None:
        values = dict(feed) if self._session is None else {**feed, **self._session.run(feed)}
        for name in self._tensors:
            finite = values[name][np.isfinite(values[name])]
            if finite.size:
                low, high = self._tallies.calibration.get(name, (np.inf, -np.inf))
                self._tallies.calibration[name] = min(low, float(finite.min())), max(high, float(finite.max()))


class Changed:
    """Outputs of the variant with something float again, against the float model's of before."""

    def __init__(self, models: Models, splice: Splice, spool: Spool) -> None:
        self._models, self._spool = models, spool
        graph = models.variant.graph(models.targets.values(), nodes=splice.nodes, constants=splice.constants)
        self._session = Tapped(graph, models.variant.folder)
        self.outputs = {name: DistanceTally() for name in models.targets}
        self.passes = {"shortlisted": 1.0}

    def take(self, feed: Feed, index: int) -> None:
        made, golden = self._session.run(feed), self._spool.get("reference", index)
        for mine, theirs in self._models.targets.items():
            self.outputs[mine].add(made[theirs], golden[mine])
