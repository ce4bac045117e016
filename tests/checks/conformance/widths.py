"""How much a kernel's bounds leave open: where every answer is within, a kernel that passes says nothing.

python -m tests.checks.conformance.widths [globs] prints it as a table for 100 examples of each kernel.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.checks.conformance import kernels_by_id
from pytest_qparity.checks.conformance.sampling import draw_examples

if TYPE_CHECKING:
    from pytest_qparity.checks.conformance import Kernel
    from pytest_qparity.checks.conformance.example import Array, Example, Expected

ROUNDING = 0.25  # of an LSB: what DequantizeLinear's own roundings add to the distance of two codes of 16 bits


@dataclass(frozen=True, slots=True)
class Widths:
    """How wide the intervals of a kernel's judged elements are."""

    codes: tuple[Array, ...]  # in LSB: of each element, for each output of integers of each example
    floats: tuple[Array, ...]  # for each other output
    of_range: Array  # of each element, as a part of all that the output's type holds; empty for float outputs
    relative: Array  # of each element, as a part of its example's largest output; where that is not 0
    reach: Array  # of each example: how far from 0 its outputs get, as a part of the range; empty for float outputs

    @property
    def lsb(self) -> Array:
        return np.concatenate([*self.codes, *self.floats])

    @property
    def ambiguous(self) -> float:
        """Share of elements of which more than one code is right."""
        return self._share_beyond(ROUNDING)

    @property
    def wide(self) -> float:
        """Share of elements of which more than two codes are right."""
        return self._share_beyond(1.0 + ROUNDING)

    def _share_beyond(self, lsb: float) -> float:
        """Outputs count alike, whatever their size: scales that make ties of sums are drawn once for all elements.
        Those of floats count where there are no others: a scale beside codes has none."""
        return float(np.mean([(each > lsb).mean() for each in self.codes or self.floats]))

    @property
    def useless(self) -> float:
        """Share of elements whose interval is wider than a tenth of the range; of floats, of the largest output."""
        of = self.of_range if self.of_range.size else self.relative
        return float((of > 0.1).mean()) if of.size else 0.0

    def row(self, kernel_id: str) -> str:
        cells = [
            kernel_id,
            *(f"{np.quantile(self.lsb, quantile):.2g}" for quantile in (0.5, 0.95)),
            *(f"{100.0 * share:.1f} %" for share in (self.ambiguous, self.wide, self.useless)),
            *(f"{np.quantile(self.relative, quantile):.1e}" if self.relative.size else "" for quantile in (0.5, 0.95)),
            f"{100.0 * np.median(self.reach):.0f} %" if self.reach.size else "",
        ]
        return f"| {' | '.join(cells)} |"


HEADER = """\
| kernel | median LSB | 95 % LSB | > 1 code | > 2 codes | > 10 % of range | of largest | 95 % of largest | reach |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def widths_of(kernel: Kernel, examples: int = 100, seed: int = 0) -> Widths:
    codes, floats, of_range, relative, reach = [], [], [], [], []
    for example in draw_examples(kernel, examples, seed):
        for expected in example.expected.values():
            with np.errstate(invalid="ignore"):  # ∞, which is left out below
                width, middle = expected.highest - expected.lowest, np.abs(expected.lowest + expected.highest) / 2.0
            judged = np.ones(width.shape, bool) if expected.free is None else ~expected.free
            judged &= np.isfinite(expected.lowest) & np.isfinite(expected.highest)
            if not judged.any():
                continue
            steps = (width / expected.unit)[judged]
            levels = _levels(example, expected)
            (floats if levels is None else codes).append(steps)
            if levels is not None:
                of_range.append(steps / levels)
                reach.append((middle / expected.unit)[judged].max() / levels)
            if (largest := middle[judged].max()) > expected.unit[judged].max() / 2.0:
                relative.append(width[judged] / largest)
    joined = (np.concatenate([*parts, np.zeros(0)]) for parts in (of_range, relative))
    return Widths(tuple(codes), tuple(floats), *joined, np.asarray(reach))


def _levels(example: Example, expected: Expected) -> int | None:
    """The steps of the integer type that an output has, or had before it was dequantized."""
    zero = example.constants.get("y_zero")
    dtype = expected.dtype if zero is None else zero.dtype
    if dtype.kind not in "iu":
        return None
    return int(np.iinfo(dtype).max) - int(np.iinfo(dtype).min)


if __name__ == "__main__":
    globs = sys.argv[1:] or ["*"]
    print(HEADER)
    for kernel_id, kernel in kernels_by_id().items():
        if any(fnmatchcase(kernel_id, glob) for glob in globs):
            print(widths_of(kernel).row(kernel_id))
