"""What is wrong with a file of ranges: the only place that makes this failure."""

from __future__ import annotations

from pytest_qparity.verdict import CannotJudge, Code, Failure

__all__ = ["unusable"]


def unusable(file: str, entry: str, got: str, should: str, remedy: str) -> CannotJudge:
    """`entry`: where in the file, "line 3" or "tensors.x"; empty for the file as a whole."""
    where = f"{file}: {entry}" if entry else file
    return CannotJudge(Failure(Code.CALIBRATION_RANGES, f"{where}: got {got}, should be {should}.", remedy))
