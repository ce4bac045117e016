"""Calibration data that cannot be calibrated with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.feeding import FeedSource

__all__ = ["require_range"]


def require_range(calibration: FeedSource) -> None:
    """Raises CannotJudge where there are no feeds, or every float input is zero in every feed."""
    if not len(calibration):
        raise CannotJudge(
            Failure(Code.DATA_EMPTY, "The calibration data: got 0 samples, should be 1 or more.", "add some")
        )
    floats = False
    for feed in calibration:
        for array in feed.arrays.values():
            if array.dtype.kind == "f":
                floats = True
                if np.any(array):
                    return
    if floats:
        raise CannotJudge(
            Failure(
                Code.CALIBRATION_ZEROS,
                f"The calibration data: got zeros in every float input ({calibration.samples} samples), "
                "should have the range of the test data.",
                "prepare calibration data as the test data are",
                likely="a preprocessing step that was left out, or done twice",
            )
        )
