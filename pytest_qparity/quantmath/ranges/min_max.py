"""The range of everything."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pytest_qparity.quantmath.ranges import estimator

if TYPE_CHECKING:
    import numpy as np

__all__ = ["MinMax"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class MinMax:
    """[min(0, min x), max(0, max x)], exact, whatever the order and the partition of the batches.

    Source: Jacob et al. 2018, §3.1 (weights); ONNX DynamicQuantizeLinear-11 has the same range.
    """

    def __init__(self) -> None:
        self._low, self._high = math.inf, -math.inf

    def add(self, batch: _Array) -> None:
        values = estimator.finite_values(batch)
        self._low = min(self._low, values.smallest)
        self._high = max(self._high, values.largest)

    def merge(self, other: Self) -> None:
        self._low = min(self._low, other._low)
        self._high = max(self._high, other._high)

    def range(self) -> estimator.Range:
        if self._low > self._high:
            raise ValueError("got no value, should be at least one")
        return estimator.range_with_zero(self._low, self._high)
