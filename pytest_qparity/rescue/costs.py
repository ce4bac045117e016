"""What it costs to keep a node float."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.worker.protocol import Worker

__all__ = ["Costs", "costs_of"]

_CALL = "pytest_qparity.rescue.serving:nodes"


@dataclass(frozen=True, slots=True)
class Costs:
    """operators: of the float model's nodes, by name and in order. macs: multiply-accumulates of those whose number is
    known."""

    operators: Mapping[str, str]
    macs: Mapping[str, int]

    def share(self, name: str, among: int) -> float:
        """(1/among + MACs of the node / MACs of all) / 2, over the `among` nodes that are quantized: half of it counts
        nodes, since each one that is float breaks a fusion, half counts work. A product whose MACs are not known has
        the first part twice."""
        each, whole = 1.0 / among, sum(self.macs.values())
        if whole and (name in self.macs or not self.is_product(name)):
            return (each + self.macs.get(name, 0) / whole) / 2.0
        return each

    def is_product(self, name: str) -> bool:
        from pytest_qparity.precision.graph import WEIGHTED

        return self.operators.get(name) in WEIGHTED

    def macs_share(self, names: Iterable[str]) -> float:
        """Of all known multiply-accumulates those of `names`, 0 to 1."""
        whole = sum(self.macs.values())
        return sum(self.macs.get(name, 0) for name in names) / whole if whole else 0.0


def costs_of(model: Path, shapes: Mapping[str, Sequence[int]], worker: Worker) -> Costs:
    """Those of a float model that is fed with inputs of `shapes`, told in `worker`."""
    arguments = {"model": str(model.absolute()), "shapes": {name: list(shape) for name, shape in shapes.items()}}
    told = worker.call(_CALL, arguments, {}, f"Reading {model.name}", worker.limits.load).value
    operators = {str(name): str(kind) for name, kind, _ in told}
    return Costs(operators, {str(name): int(macs) for name, _, macs in told if macs is not None})
