"""One pass of both models over the data: errors of every layer, own and cumulative, and what quantizers meet.

Three graphs run over each feed: the float model with its tensors as outputs; the variant likewise, for the cumulative
error; and the variant cut at every paired tensor, each fed with the float model's values, for each layer's own error:
exactly the variant's kernels, all of them in one pass. Where the tensors of a feed are large they are taken in three
groups, each of which runs as much of the graphs as leads to it: two passes, and of both models' tensors two thirds of
one model's are there at once. Then outputs come once more with the optimizer on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.diagnose.measures import Distance, LayerMeasure, Measured
from pytest_qparity.diagnose.pairs.constants import constant_measures
from pytest_qparity.diagnose.pairs.models import Models
from pytest_qparity.diagnose.passes.islands import Islands
from pytest_qparity.diagnose.passes.operators import Operators, Unrounded
from pytest_qparity.diagnose.passes.phases import Calibrating, Changed, Group, Optimized, Phase, Tallies
from pytest_qparity.diagnose.passes.spool import Spool
from pytest_qparity.precision.pairs.running import Tapped
from pytest_qparity.precision.pairs.splicing import Change, spliced

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto

    Feed = Mapping[str, np.ndarray[Any, np.dtype[Any]]]

__all__ = ["CALIBRATION", "ONE_GROUP_MB", "OPTIMIZER", "Measurer"]

CALIBRATION, OPTIMIZER = "calibration", "optimizer"
ONE_GROUP_MB = 16.0  # tensors of one feed in one model: above it they are taken in groups
GROUPS = 3  # passes grow with (groups + 1) / 2, and four of each model is what a diagnosis may cost


class Measurer:
    """Both models, and what was found so far: `plan`, then for each phase `open`, `take` each feed, `close`."""

    def __init__(self, reference: Path, variant: Path, folder: Path, one_group_mb: float = ONE_GROUP_MB) -> None:
        """`folder`: a scratch folder, removed by whoever made it. Raises as `Models` does."""
        self.models = Models(reference, variant, folder)
        self._one_group_mb = one_group_mb
        self._spool = Spool(folder)
        self._tallies = Tallies()
        self._groups: list[list[NodeProto]] = []
        self._phase: Phase | None = None
        self._index = self._samples = 0
        self._passes: dict[str, float] = {}
        self._is_first = False

    def plan(self, feed: Feed, feeds: int) -> tuple[str, ...]:
        """Names of the phases that compare tensors. Runs the float model over one of the `feeds` to see their sizes."""
        models = self.models
        self._passes["float"] = 1.0 / feeds
        session = Tapped(models.reference.graph(sorted(models.shown)), models.reference.folder)
        sizes = session.sizes(feed)
        whole, layers = sum(sizes.values()), list(models.layers)
        self._groups = [layers]
        if whole > self._one_group_mb * 1e6 and len(layers) >= GROUPS:
            self._groups = _grouped(layers, sizes)
        return tuple(f"tensors {index}" for index in range(len(self._groups)))

    def open(self, phase: str) -> None:
        """Get ready for a phase: one of `plan`, OPTIMIZER, or CALIBRATION, which is fed with calibration data."""
        if phase == OPTIMIZER:
            self._start(Optimized(self.models, self._tallies, self._spool))
        elif phase == CALIBRATION:
            self._start(Calibrating(self.models, self._tallies))
        else:
            index = int(phase.rpartition(" ")[2])
            is_last = index == len(self._groups) - 1
            spool = self._spool if is_last else None
            self._start(Group(self.models, self._groups[index], self._tallies, spool))
            self._is_first = is_last

    def open_change(self, change: Change) -> None:
        """Get the variant with a change ready; `changed` compares its outputs with the float model's."""
        models = self.models
        splice = spliced(change, models.reference, models.variant, models.pairing, models.quantizers, models.cut)
        self._start(Changed(models, splice, self._spool))

    def take(self, feed: Feed, samples: int) -> None:
        assert self._phase is not None
        self._phase.take(feed, self._index)
        self._index += 1
        if self._is_first:
            self._samples += samples

    def close(self) -> None:
        if self._phase is not None:
            for kind, passes in self._phase.passes.items():
                self._passes[kind] = self._passes.get(kind, 0.0) + passes
        self._phase, self._is_first = None, False

    def open_islands(self) -> None:
        """Get each layer ready between its own Q/DQ pairs, with the optimizer on and off; `islands` compares them."""
        self._start(Islands(self.models))

    def islands(self) -> dict[str, Distance]:
        """Rounded tensors with the optimizer on against off, by name in the float model."""
        assert isinstance(self._phase, Islands)
        return {name: tally.distance() for name, tally in self._phase.outputs.items()}

    def open_operators(self, nodes: Collection[str], constants: Sequence[tuple[str, int]], group: int) -> None:
        """Get those of a group that are among `nodes` ready with nothing rounded; `operators` compares them."""
        chosen = [node.name for node in self._groups[group] if node.name in nodes]
        self._start(Operators(self.models, chosen, [each for each in constants if each[0] in chosen]))

    def operators(self) -> dict[str, Unrounded]:
        """What the variant's nodes make of the float model's values and constants, by node of the float model."""
        assert isinstance(self._phase, Operators)
        return self._phase.found()

    def changed(self) -> dict[str, Distance]:
        """Outputs of the variant with the change that is open, over the feeds that were taken."""
        assert isinstance(self._phase, Changed)
        return {name: tally.distance() for name, tally in self._phase.outputs.items()}

    @property
    def passes(self) -> dict[str, float]:
        """By kind: of the float model, of the variant, of what was tried."""
        return dict(self._passes)

    def measured(self, peak_mb: float = 0.0) -> Measured:
        models, tallies = self.models, self._tallies
        activations = []
        for quantizer in models.quantizers:
            tally = tallies.quantizers.get(quantizer.name)
            measure = None if tally is None else tally.measure(tallies.calibration.get(quantizer.tensor))
            if measure is not None:
                activations.append(measure)
        return Measured(
            layers=tuple(self._layer(node) for node in models.layers),
            activations=tuple(activations),
            constants=tuple(constant_measures(models.reference, models.variant, models.pairing)),
            outputs={name: tally.distance() for name, tally in tallies.outputs.items()},
            unmatched=models.pairing.unmatched,
            unread=models.unread,
            samples=self._samples,
            passes=self.passes,
            engine=self._engine(),
            peak_mb=peak_mb,
        )

    def _engine(self) -> tuple[Distance, Distance] | None:
        theirs = {name: tally.distance() for name, tally in self._tallies.variant_optimized.items()}
        if not theirs:
            return None
        worst = max(theirs, key=lambda name: theirs[name].relative)
        return self._tallies.reference_optimized[worst].distance(), theirs[worst]

    def _layer(self, node: NodeProto) -> LayerMeasure:
        own, cumulative = self._tallies.own.get(node.name), self._tallies.cumulative.get(node.name)
        return LayerMeasure(
            node=node.name,
            op_type=node.op_type,
            tensor=self.models.layer_tensor(node),
            reads=tuple(name for name in node.input if name in self.models.reference.variable),
            own=None if own is None else own.distance(),
            cumulative=None if cumulative is None else cumulative.distance(),
            absent=node.name in self.models.absent,
            differs=self.models.differences(node),
            counterpart=self.models.pairing.counterpart(node.name),
            stand_in=self.models.stand_in(node),
        )

    def _start(self, phase: Phase) -> None:
        self._phase, self._index = phase, 0


def _grouped(layers: list[NodeProto], sizes: Mapping[str, int]) -> list[list[NodeProto]]:
    """The layers in their order in GROUPS parts of about the same size, none of which is empty."""
    made = [sum(sizes.get(name, 0) for name in node.output) for node in layers]
    parts: list[list[NodeProto]] = [[]]
    so_far, whole = 0, sum(made)
    for index, (node, size) in enumerate(zip(layers, made, strict=True)):
        is_full = so_far * GROUPS >= whole * len(parts) or len(layers) - index == GROUPS - len(parts)
        if parts[-1] and is_full and len(parts) < GROUPS:
            parts.append([])
        parts[-1].append(node)
        so_far += size
    return parts
