"""Second moments of the rows of a float model's tensors, from calibration data in one pass. Works in the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.precision.calibration.observing import engine_for, not_finite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto

__all__ = ["MomentObserver"]


class MomentObserver:
    """Σ xᵀ·x / rows over all rows x of each tensor, float64, and nothing of the data themselves."""

    def __init__(self, model: ModelProto, widths: Mapping[str, int]) -> None:
        """`widths`: the length of the last axis of each tensor, of the main graph or of a body of If, Loop or Scan."""
        self._widths = widths
        self._engine, inputs, self._taps = engine_for(model, tuple(widths))
        self._inputs = tuple(name for name in widths if name in inputs)
        self._outputs = tuple(name for name in widths if name not in inputs)
        self._sums = {name: np.zeros((width, width)) for name, width in widths.items()}
        self._rows = dict.fromkeys(widths, 0)
        self._samples = 0

    def take(self, feed: Mapping[str, np.ndarray], samples: int = 1) -> None:
        """Run one feed, which holds `samples`. Raises CannotJudge for NaN or Inf."""
        self._samples += samples
        for name in self._inputs:
            self._add(name, feed[name])
        if self._outputs:
            arrays = self._engine.run([self._taps.get(name, name) for name in self._outputs], dict(feed))
            for name, values in zip(self._outputs, arrays, strict=True):
                self._add(name, values)

    def moments(self) -> dict[str, np.ndarray]:
        """By tensor; one of a body that the data never reached has none."""
        return {name: self._sums[name] / rows for name, rows in self._rows.items() if rows}

    def _add(self, name: str, values: np.ndarray) -> None:
        if not np.isfinite(values).all():
            raise not_finite(name, values, self._samples)
        rows = values.reshape(-1, self._widths[name]).astype(np.float64)
        self._sums[name] += rows.T @ rows
        self._rows[name] += len(rows)
