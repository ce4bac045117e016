"""Where a variant came from, and what its owner can do to bring it nearer to the float model.

Nobody calibrates a file that they were given, and nothing is quantized in the float model: a remedy must be one that
the reader has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from pytest_qparity.verdict import Verdict

__all__ = ["BY_ORIGIN", "Origin", "fitted"]


class Origin(Enum):
    """How a variant came to be."""

    CALIBRATED = "made here with ranges of calibration data"
    RANGES = "made here with ranges of a file"
    UNCALIBRATED = "made here by a recipe without ranges"
    CAST = "cast here to 16 bits"
    FLOAT = "the float model itself"
    GIVEN = "given"
    ENGINE = "given as a built engine"
    COMMAND = "made by a command or a maker of the case"


_FAR_FROM_FLOAT = frozenset((Code.PARITY_SQNR, Code.PARITY_COSINE, Code.PARITY_MISMATCHED, Code.ACCURACY_DROP))
BY_ORIGIN = _FAR_FROM_FLOAT | {Code.PREFLIGHT_SCALE}  # whose remedy it decides
_KEEP_FLOAT = "keep sensitive nodes float (keep_float; qparity rescue CASE RUN finds them)"
# Of what is calibrated here the checks themselves say what to do.
_NEARER: Mapping[Origin, str] = {
    Origin.RANGES: "check that the file of ranges is of this model and of data prepared as the test data are, or "
    f"{_KEEP_FLOAT}",
    Origin.UNCALIBRATED: f"{_KEEP_FLOAT}, or give weights a scale for fewer of them (granularity, block)",
    Origin.CAST: f"{_KEEP_FLOAT}, or take the other of fp16 (finer steps) and bf16 (the range of float32)",
    Origin.FLOAT: "nothing is quantized here: look at what the engine does to float models (its optimizer, fast math, "
    "TF32), and whether the golden is of this very model",
    Origin.GIVEN: "the file is given: ask its maker whether it was calibrated with data prepared as the test data are, "
    f"or {_KEEP_FLOAT}, also in a given file",
    Origin.ENGINE: "the engine is built: build it anew of an ONNX file that is nearer, and judge that file first",
    Origin.COMMAND: "check what its maker does with its calibration data, which must be prepared as the test data are, "
    "and whether it can keep sensitive nodes float",
}
_SCALES: Mapping[Origin, str] = {
    Origin.GIVEN: "the file is given: have its maker calibrate again, with data that reach these nodes",
    Origin.COMMAND: "have its maker calibrate again, with data that reach these nodes",
    Origin.UNCALIBRATED: "see whether the weights there are all zero, and keep these nodes float (keep_float)",
}


def fitted(verdict: Verdict, origin: Origin) -> Verdict:
    """`verdict` with remedies that are those of a variant of this `origin`."""
    failures = []
    for failure in verdict.failures:
        remedy = failure.remedy
        if failure.code in _FAR_FROM_FLOAT:
            remedy = _NEARER.get(origin, remedy)
        elif failure.code is Code.PREFLIGHT_SCALE:
            remedy = _SCALES.get(origin, remedy)
        failures.append(replace(failure, remedy=remedy))
    return replace(verdict, failures=tuple(failures))
