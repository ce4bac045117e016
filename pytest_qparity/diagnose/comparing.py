"""A diagnosis as the gate sees it: feeds go to a worker that holds both models, sums come back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pytest_qparity.diagnose.measures import Distance, LayerMeasure, Measured, mean_relative
from pytest_qparity.diagnose.passes.measuring import CALIBRATION, ONE_GROUP_MB, OPTIMIZER
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_qparity.case.data import Feed
    from pytest_qparity.precision.pairs.splicing import Change
    from pytest_qparity.worker.protocol import Worker

__all__ = ["Comparison", "Floated"]

LOOKED_AT = 32  # layers whose nodes are run with nothing rounded
PLAIN = 1e-4  # NRMSE² of a layer's own error (40 dB), below which its node is not suspected
_SERVING = "pytest_qparity.diagnose.serving"


@dataclass(frozen=True, slots=True)
class Floated:
    """Outputs of the variant with something float again. relative: their mean NRMSE²."""

    outputs: dict[str, Distance]

    @property
    def relative(self) -> float:
        return mean_relative(self.outputs.values())


def _with_unrounded(layer: LayerMeasure, found: Sequence[Any] | None) -> LayerMeasure:
    if found is None:
        return layer
    return replace(layer, unrounded=Distance(**found[0]), constants_rounded=bool(found[1]))


class Comparison:
    """A float model and a variant in a worker, over feeds. Use it in a `with`: what lies on disk is removed then.

    `measure` comes first; `floated` compares with the outputs that it left. feeds: gone through more than once.
    calibration: feeds of the data that ranges were found on, where they are known. told: called with a phase's name
    and the share of it that is done. Raises CannotJudge where a model cannot be read or run.
    """

    def __init__(
        self,
        reference: Path,
        variant: Path,
        feeds: Sequence[Feed],
        worker: Worker,
        calibration: Sequence[Feed] = (),
        *,
        one_group_mb: float = ONE_GROUP_MB,
        told: Callable[[str, float], None] = lambda _, __: None,
    ) -> None:
        self._feeds, self._calibration, self._worker, self._told = feeds, calibration, worker, told
        arguments = {
            "reference": str(reference.absolute()),
            "variant": str(variant.absolute()),
            "one_group_mb": one_group_mb,
            "feeds": len(feeds),
        }
        self._phases = tuple(self._call("begin", arguments, feeds[0]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        # What ended the work in between (a worker that is gone, Ctrl-C) is what is told, not that nobody tidies up.
        with contextlib.suppress(*(() if kind is None else (CannotJudge,))):
            self._call("end", {})

    def measure(self) -> Measured:
        """All layers, quantizers and constants."""
        for phase in (*self._phases, OPTIMIZER):
            self._run(phase, self._feeds)
        if self._calibration:
            self._run(CALIBRATION, self._calibration)
        return self.measured()

    def measured(self) -> Measured:
        """What is known by now, with the worker's peak memory until now."""
        return Measured.from_json(self._call("measured", {}))

    def floated(self, change: Change) -> Floated:
        """The outputs' error where `change` is float again: one pass of the variant, none of the float model."""
        self._call("open_change", {"change": change.as_json()})
        self._feed(self._feeds, "float again")
        found = self._call("changed", {})
        self._call("close_phase", {})
        return Floated({name: Distance(**each) for name, each in found.items()})

    def with_unrounded(self, measured: Measured) -> Measured:
        """`measured`, with what is left of layers' own errors where the variant's nodes read the float model's tensors
        and constants, unrounded: over the first feed, of the `LOOKED_AT` layers of the largest own error."""
        layers = [each for each in measured.layers if each.own is not None and each.own.relative > PLAIN]
        layers = [each for each in layers if not each.absent and not each.differs]
        layers = sorted(layers, key=lambda each: -(each.own.relative if each.own else 0.0))[:LOOKED_AT]
        if not layers:
            return measured
        names = {each.node for each in layers}
        constants = [(each.node, each.index) for each in measured.constants if each.node in names]
        found: dict[str, Any] = {}
        for group in range(len(self._phases)):
            arguments = {"nodes": sorted(names), "constants": constants, "group": group}
            self._call("open_operators", arguments)
            self._feed(self._feeds[:1], "operators")
            found |= self._call("operators", {})
            self._call("close_phase", {})
        layers = [_with_unrounded(each, found.get(each.node)) for each in measured.layers]
        return replace(measured, layers=tuple(layers), passes=self._call("passes", {}))

    def islands(self) -> dict[str, Distance]:
        """Each quantized tensor with the optimizer on against off, its layer fed with the float model's values, over
        the first feed: one pass of the float model and two of the variant."""
        self._call("open_islands", {})
        self._feed(self._feeds[:1], "kernels")
        found = self._call("islands", {})
        self._call("close_phase", {})
        return {name: Distance(**each) for name, each in found.items()}

    def _run(self, phase: str, feeds: Sequence[Feed]) -> None:
        self._call("open_phase", {"phase": phase})
        self._feed(feeds, phase)
        self._call("close_phase", {})

    def _feed(self, feeds: Sequence[Feed], phase: str) -> None:
        for index in range(len(feeds)):
            feed = feeds[index]
            self._call("take", {"samples": feed.count}, feed)
            self._told(phase, (index + 1) / len(feeds))

    def _call(self, name: str, arguments: dict[str, Any], feed: Feed | None = None) -> Any:
        arrays = {} if feed is None else feed.arrays
        call, limits = f"{_SERVING}:{name}", self._worker.limits
        return self._worker.call(call, arguments, arrays, "Diagnosing", limits.calibration).value
