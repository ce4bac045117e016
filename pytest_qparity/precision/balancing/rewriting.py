"""A float model on its way to one that computes the same and quantizes better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from pytest_qparity.precision.balancing.constants import Constants
from pytest_qparity.precision.balancing.equalizing import equalize
from pytest_qparity.precision.balancing.smoothing import Smoothed, places, smooth
from pytest_qparity.precision.calibration.observing import engine_for, not_finite
from pytest_qparity.precision.placement.writer import Writer
from pytest_qparity.precision.preparing import prepared, serialized
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from onnx import ModelProto

    from pytest_qparity.precision.balancing.balance import Balance

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Balancing", "Reach"]


class Reach:
    """max |X_j| of channels over calibration data, feed by feed."""

    def __init__(self, model: ModelProto, axes: Mapping[str, int]) -> None:
        """axes: that of the channels, by tensor."""
        self._axes = axes
        self._engine, inputs, _ = engine_for(model, tuple(axes))
        self._outputs = [name for name in axes if name not in inputs]
        self._samples = 0
        self.found: dict[str, Array] = {}

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> bool:
        """Raises CannotJudge for NaN or Inf. Whether more is wanted: always."""
        self._samples += samples
        arrays = dict(feed)
        if self._outputs:  # none asked for would be all
            arrays |= zip(self._outputs, self._engine.run(self._outputs, dict(feed)), strict=True)
        for name, axis in self._axes.items():
            values = arrays[name]
            if not values.size:
                continue
            reach = np.abs(np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)).max(axis=1).astype(np.float64)
            if not np.isfinite(reach).all():
                raise not_finite(name, values, self._samples)
            self.found[name] = np.maximum(self.found.get(name, 0.0), reach)
        return True


class Balancing:
    """First `reach`, where there is one, is given the calibration data, then `done` rewrites. `model` is used up."""

    def __init__(self, model: ModelProto, balance: Balance, kept_float: Collection[str]) -> None:
        self._balance = balance
        self._model, self.notes = prepared(model, kept_float)
        self._writer = Writer(self._model.graph)
        if balance.equalize:
            self._equalize()
        self.reach: Reach | None = None
        if balance.smooth is not None:
            axes = {str(joint.value.name): joint.axis for joint in places(self._model.graph)}
            if not axes:
                raise _without_effect("smooth", "products with a constant weight", "has none")
            self.reach = Reach(ir.serde.serialize_model(self._model), axes)

    def done(self) -> ModelProto:
        """The rewritten model. Raises CannotJudge where a key changed nothing."""
        if self.reach is not None:
            self._smooth(self.reach.found)
        return serialized(self._model)

    def _equalize(self) -> None:
        constants = Constants()
        pairs = equalize(self._model.graph, constants)
        if not pairs:
            likely = "has none that are not balanced already"
            raise _without_effect("equalize", "pairs of products with nothing or a Relu between them", likely)
        constants.write(self._writer, self._model.graph)
        self.notes += (f"equalize: {pairs} {_plural(pairs, 'pair')} of products balanced",)

    def _smooth(self, reaches: Mapping[str, Array]) -> None:
        balance, constants, graph = self._balance, Constants(), self._model.graph
        assert balance.smooth is not None
        told = smooth(graph, constants, self._writer, reaches, balance.smooth, multiply=balance.smooth_mul)
        if not told.folded + told.multiplied:
            what = "tensors whose scales a normalization, a product or a Mul ahead of them takes"
            raise _without_effect("smooth", what, f"has none among the {told.left} that products read")
        if balance.smooth_mul and not told.multiplied:
            raise _without_effect("smooth_mul", "tensors whose scales nothing ahead of them takes", "has none")
        constants.write(self._writer, graph)
        self.notes += (_smoothed(balance.smooth, told),)


def _smoothed(strength: float, told: Smoothed) -> str:
    parts = []
    if told.folded:
        parts.append(f"{told.folded} {_plural(told.folded, 'tensor')} folded into what makes them")
    if told.multiplied:
        parts.append(f"{told.multiplied} by a Mul that stays")
    if told.left:
        parts.append(f"{told.left} left as they are: nothing ahead of them takes their scales")
    return f"smooth {strength:g}: {', '.join(parts)}"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _without_effect(key: str, wanted: str, got: str) -> CannotJudge:
    sentence = f"{key}: got a float model that {got}, should have {wanted}: the key would change nothing."
    return CannotJudge(Failure(Code.VARIANT_DEAD_PATTERN, sentence, f"remove {key}"))
