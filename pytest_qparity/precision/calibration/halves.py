"""One tensor's estimators: each half of the feeds has its own, so that they can be compared and put together."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.precision.calibration.method import Method
    from pytest_qparity.quantmath.ranges import RangeEstimator

__all__ = ["Halves"]

_ORDERED = "moving-average"  # depends on the order of the batches, which merging two halves changes


class Halves:
    """Every second batch goes to the other half. Halves merge into the whole exactly, so that they cost no second pass.

    Every second one, since data often lie sorted by class or recording: the first and the last half of such data
    differ however many there are.
    """

    def __init__(self, method: Method) -> None:
        self._first, self._second = method.estimator(), method.estimator()
        self._ordered = method.estimator() if method.name == _ORDERED else None
        self._batches = 0
        self.empty = True

    def add(self, batch: np.ndarray) -> None:
        """Take a batch; ValueError, with nothing taken, for NaN or infinity."""
        (self._second if self._batches % 2 else self._first).add(batch)
        if self._ordered is not None:
            self._ordered.add(batch)
        self._batches += 1
        self.empty = self.empty and not batch.size

    def whole(self) -> RangeEstimator:
        if self._ordered is not None:
            return self._ordered
        whole = copy.deepcopy(self._first)
        whole.merge(self._second)
        return whole

    def both(self) -> tuple[RangeEstimator, RangeEstimator]:
        return self._first, self._second
