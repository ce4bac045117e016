"""Which quantized nodes do the harm, without labels and gradients: each is quantized alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.diagnose.comparing import Comparison
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    from pytest_qparity.case.data import Feed
    from pytest_qparity.diagnose.measures import Measured
    from pytest_qparity.worker.protocol import Worker

__all__ = ["Sensitivity", "measured_sensitivity", "rounded_nodes"]

Told = Callable[[str, float], None]
SOUND = 1e-6  # mean NRMSE² that is left where all nodes are float: above it the variant has lost more than digits
MENDED = 0.5  # of it, at most, is left where nodes that the variant dropped are there again


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """harm: by node that may stay float, the error of the outputs (mean NRMSE²) that it makes when all else is float,
    less what is left where it is float too. own: where there was no time for that, the error of its own output.
    nodes: how many are quantized in all."""

    harm: Mapping[str, float]
    own: Mapping[str, float]
    nodes: int

    def order(self, cost: Callable[[str], float] = lambda _: 1.0) -> tuple[str, ...]:
        """Most harm for its cost first; those known by their own error alone come last."""
        first = sorted(self.harm, key=lambda name: -self.harm[name] / cost(name))
        rest = sorted((name for name in self.own if name not in self.harm), key=lambda name: -self.own[name])
        return (*first, *rest)

    def as_json(self) -> dict[str, Any]:
        return {"harm": dict(self.harm), "own": dict(self.own), "nodes": self.nodes}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Sensitivity:
        return Sensitivity(value["harm"], value["own"], value["nodes"])


def measured_sensitivity(
    reference: Path,
    variant: Path,
    feeds: Sequence[Feed],
    worker: Worker,
    may_float: Callable[[str], bool],
    *,
    seconds: float,
    bodies: Mapping[str, Sequence[str]] | None = None,
    told: Told = lambda _, __: None,
) -> Sensitivity:
    """Quantize each node of the variant alone, those first whose own error is largest, for `seconds` at most.

    Where much is wrong with all of them float, nodes that the variant dropped for its quantizers' ranges (a Relu,
    a Clip) count as quantized if their return mends it: ONNX Runtime's quantizer drops a Relu that a branch's body
    reads too.

    bodies: nodes within the bodies of a node, by its name. What error is left where all else is float is theirs: each
    has an equal part of what its holder's own error is of all holders'.

    may_float: whether keeping a node float changes the variant at all. Costs the passes of `Comparison.measure` and one
    of the variant for each node. Raises CannotJudge as a diagnosis does.
    """
    until = time.monotonic() + seconds
    with Comparison(reference, variant, feeds, worker, told=told) as both:
        measured = both.measure()
        rounded = rounded_nodes(measured)
        floor = both.floated(Change(nodes=rounded)).relative
        clamping = tuple(layer.node for layer in measured.layers if layer.absent)
        if clamping and floor > SOUND:
            with_them = both.floated(Change(nodes=(*rounded, *clamping))).relative
            if with_them < MENDED * floor:
                rounded, floor = (*rounded, *clamping), with_them
        own = {layer.node: layer.own.relative for layer in measured.layers if layer.own is not None}
        chosen = sorted((name for name in rounded if may_float(name)), key=lambda name: -own.get(name, 0.0))
        harm = {}
        for index, name in enumerate(chosen):
            if time.monotonic() > until and index:
                break
            alone = Change(nodes=tuple(each for each in rounded if each != name))
            harm[name] = max(both.floated(alone).relative - floor, 0.0)
            told("each node alone", (index + 1) / len(chosen))
    inner = {holder: [name for name in names if may_float(name)] for holder, names in (bodies or {}).items()}
    harm |= _of_bodies({holder: names for holder, names in inner.items() if names}, own, floor)
    count = sum(map(len, inner.values())) if floor > SOUND else 0
    return Sensitivity(harm, {name: own.get(name, 0.0) for name in chosen}, len(rounded) + count)


def _of_bodies(bodies: Mapping[str, Sequence[str]], own: Mapping[str, float], floor: float) -> dict[str, float]:
    whole = sum(own.get(holder, 0.0) for holder in bodies)
    if floor <= SOUND or whole <= 0.0:
        return {}
    return {
        name: floor * own.get(holder, 0.0) / whole / len(names) for holder, names in bodies.items() for name in names
    }


def rounded_nodes(measured: Measured) -> tuple[str, ...]:
    """Nodes of the float model that read something rounded, have a rounded constant, or whose output is rounded and is
    nobody's operand."""
    found = {name: None for each in measured.activations for name in each.reads}
    found |= {each.made_by: None for each in measured.activations if each.made_by is not None and not each.reads}
    found |= {each.node: None for each in measured.constants if each.relative > 0.0}
    return tuple(name for name in found if name is not None)
