"""What it costs to keep a node float."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.worker.protocol import Worker

__all__ = ["Costs", "costs_of", "measured_microseconds"]

_SERVING = "pytest_qparity.rescue.serving"


@dataclass(frozen=True, slots=True)
class Costs:
    """operators: of the float model's nodes, by name and in order, those in bodies behind the node that has them. macs:
    multiply-accumulates of those whose number is known. holders: of nodes in bodies that node of the main graph.
    time_shares: of the whole time of the float model on the engine at hand that of each node; empty where it was not
    measured."""

    operators: Mapping[str, str]
    macs: Mapping[str, int]
    holders: Mapping[str, str] = field(default_factory=dict)
    time_shares: Mapping[str, float] = field(default_factory=dict)

    def share(self, name: str, among: int) -> float:
        """(1/among + work of the node / work of all) / 2, over the `among` nodes that are quantized: half of it counts
        nodes, since each one that is float breaks a fusion, half counts work. Work is measured time, as a power of two
        of the whole, so that noise seldom changes an order; else MACs. A product whose work is not known has the first
        part twice."""
        each = 1.0 / among
        if name in self.time_shares:
            return (each + _power_of_two(self.time_shares[name])) / 2.0
        whole = sum(self.macs.values())
        if whole and (name in self.macs or not self.is_product(name)):
            return (each + self.macs.get(name, 0) / whole) / 2.0
        return each

    def timed(self, microseconds: Mapping[str, float]) -> Costs:
        """With what nodes were measured to take. The time of a node with bodies holds theirs, and counts once."""
        holders = set(self.holders.values())
        whole = math.fsum(taken for name, taken in microseconds.items() if name not in holders)
        return replace(self, time_shares={name: taken / whole for name, taken in microseconds.items() if whole})

    def is_product(self, name: str) -> bool:
        from pytest_qparity.precision.graph import WEIGHTED

        return self.operators.get(name) in WEIGHTED

    def macs_share(self, names: Iterable[str]) -> float:
        """Of all known multiply-accumulates those of `names`, 0 to 1."""
        whole = sum(self.macs.values())
        return sum(self.macs.get(name, 0) for name in names) / whole if whole else 0.0

    def work_share(self, names: Iterable[str]) -> float:
        """Of all work that of `names`, 0 to 1: measured time where it was measured, else multiply-accumulates."""
        if self.time_shares:
            return math.fsum(self.time_shares.get(name, 0.0) for name in names)
        return self.macs_share(names)


def costs_of(model: Path, shapes: Mapping[str, Sequence[int]], worker: Worker) -> Costs:
    """Those of a float model that is fed with inputs of `shapes`, told in `worker`; modelled, none is run."""
    arguments = {"model": str(model.absolute()), "shapes": {name: list(shape) for name, shape in shapes.items()}}
    told = worker.call(f"{_SERVING}:nodes", arguments, {}, f"Reading {model.name}", worker.limits.load).value
    operators = {str(name): str(kind) for name, kind, _, _ in told}
    macs = {str(name): int(macs) for name, _, macs, _ in told if macs is not None}
    return Costs(operators, macs, {str(name): str(holder) for name, _, _, holder in told if holder})


def measured_microseconds(model: Path, feed: Mapping[str, np.ndarray], worker: Worker) -> dict[str, float]:
    """Of the float model's nodes over one feed, by ONNX Runtime's profile; none where it cannot run the model."""
    arguments = {"model": str(model.absolute())}
    call, limit = f"{_SERVING}:profile", worker.limits.calibration
    try:
        return dict(worker.call(call, arguments, feed, f"Timing the nodes of {model.name}", limit).value)
    except CannotJudge:
        return {}  # what the search costs is modelled then; that the model does not run here is told by others


def _power_of_two(share: float) -> float:
    return 2.0 ** round(math.log2(share)) if share > 0.0 else 0.0
