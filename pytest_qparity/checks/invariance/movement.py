"""Movement: how far outputs of one way of running are from those of another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.quantmath.measures import sqnr_db

if TYPE_CHECKING:
    from pytest_qparity.case.data import Array


@dataclass(frozen=True, slots=True)
class Movement:
    """One output over all that was compared; `moved` is what was given the second way, `still` the first way.

    `misfit`: why values could not be compared, "" where they could. `worst_unit`: where the largest difference is, None
    where nothing moved.
    """

    is_float: bool
    elements: int = 0
    power: float = 0.0  # Σ still², float64
    error: float = 0.0  # Σ (moved − still)², float64; of integers the count of those that differ
    max_abs: float = 0.0  # max |moved − still|
    nonfinite: int = 0  # NaN or infinite, in one of the two or both
    differing: int = 0  # elements that are not equal
    worst_unit: int | None = None
    misfit: str = ""

    @property
    def sqnr_db(self) -> float:
        """10·log10(Σ still² / Σ (moved − still)²); +inf where nothing moved, −inf where nothing can be said."""
        sums = (self.power, self.error)
        if self.misfit or self.nonfinite or not all(math.isfinite(each) for each in sums):
            return -math.inf
        return sqnr_db(*sums)

    @property
    def is_still(self) -> bool:
        return not self.misfit and not self.nonfinite and self.differing == 0

    def mean(self, total: float) -> float:
        """One of the sums above over the number of elements; 0 where there are none."""
        return total / self.elements if self.elements else 0.0

    def and_also(self, moved: Array, still: Array, unit: int) -> Movement:
        """With one more pair of arrays."""
        if self.misfit:
            return self
        if (moved.dtype, moved.shape) != (still.dtype, still.shape):
            got, should = (f"{each.dtype} {list(each.shape)}" for each in (moved, still))
            return Movement(self.is_float, misfit=f"is {got}, should be {should}", worst_unit=unit)
        if self.is_float:
            return self._with_floats(moved.astype(np.float64), still.astype(np.float64), unit)
        differing = int(np.count_nonzero(moved != still))
        return Movement(
            False,
            self.elements + still.size,
            float(self.elements + still.size),
            self.error + differing,
            max(self.max_abs, float(differing > 0)),
            0,
            self.differing + differing,
            unit if differing and self.worst_unit is None else self.worst_unit,
        )

    def _with_floats(self, moved: Array, still: Array, unit: int) -> Movement:
        finite = np.isfinite(moved) & np.isfinite(still)
        bad = int(finite.size - np.count_nonzero(finite))
        with np.errstate(all="ignore"):
            difference = np.where(finite, moved - still, 0.0)
            power = float(np.sum(np.square(np.where(finite, still, 0.0))))
            error = float(np.sum(np.square(difference)))
        largest = float(np.abs(difference).max(initial=0.0))
        is_worst = (bad > 0 and self.nonfinite == 0) or (largest > self.max_abs and self.nonfinite == 0)
        return Movement(
            True,
            self.elements + still.size,
            self.power + power,
            self.error + error,
            max(self.max_abs, largest),
            self.nonfinite + bad,
            self.differing + bad + int(np.count_nonzero(difference)),
            unit if is_worst else self.worst_unit,
        )


def is_float(array: Array) -> bool:
    return array.dtype.kind not in "iub"
