"""That the rewritten float model computes what the float model does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.precision.calibration.observing import engine_for
from pytest_qparity.precision.table import PRECISIONS
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto

__all__ = ["SAMPLES", "Same"]

SAMPLES = 32  # of the calibration data: another graph shows in each of them
LEAST_DB = PRECISIONS["fp32"].tolerance.sqnr_db  # what a change of float rounding is allowed anywhere here
_FLOAT_TYPES = (1, 10, 11)  # of TensorProto: float, float16, double


class Same:
    """Both models over the first calibration samples; `require` says whether their float outputs agree."""

    def __init__(self, original: ModelProto, rewritten: ModelProto) -> None:
        self._names = tuple(
            value.name for value in original.graph.output if value.type.tensor_type.elem_type in _FLOAT_TYPES
        )
        self._engines = [engine_for(model, self._names)[0] for model in (original, rewritten) if self._names]
        self._signal = dict.fromkeys(self._names, 0.0)
        self._error = dict.fromkeys(self._names, 0.0)
        self._samples = 0

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> bool:
        """Whether more is wanted."""
        if not self._names:
            return False
        before, after = (engine.run(list(self._names), dict(feed)) for engine in self._engines)
        for name, one, other in zip(self._names, before, after, strict=True):
            self._signal[name] += float(np.sum(np.square(one, dtype=np.float64)))
            self._error[name] += float(np.sum(np.square(np.subtract(one, other, dtype=np.float64))))
        self._samples += samples
        return self._samples < SAMPLES

    @property
    def sqnr_db(self) -> float | None:
        """10·log10(Σ original² / Σ (original − rewritten)²) of the output where it is least, infinite where they are
        equal; None where no output is a float."""
        told = [_decibels(self._signal[name], self._error[name]) for name in self._names]
        return min(told) if told else None

    def require(self, keys: str) -> str:
        """A note. Raises CannotJudge where an output is further away than float rounding explains (LEAST_DB)."""
        least = self.sqnr_db
        if least is None:
            return f"{keys}: no output is a float, so that the rewritten model was not compared with the float model"
        if not least >= LEAST_DB:
            sentence = (
                f"{keys}: got outputs of the rewritten float model at {least:.1f} dB of the float model's "
                f"({self._samples} calibration samples), should be {LEAST_DB:g} dB or more."
            )
            likely = "outputs that are differences of much larger numbers: their digits are float rounding"
            raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, f"remove {keys}", likely=likely))
        near = "bit for bit" if math.isinf(least) else f"at {least:.0f} dB"
        return f"{keys}: the rewritten float model gives the float model's outputs {near}"


def _decibels(signal: float, error: float) -> float:
    if error == 0.0:
        return math.inf
    return 10.0 * math.log10(signal / error) if signal > 0.0 else -math.inf
