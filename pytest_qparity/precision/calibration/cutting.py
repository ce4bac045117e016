"""What ranges cut off: values of the calibration data that lie beyond them, where they are far beyond."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.precision.calibration.ranges import largest_magnitude

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.precision.calibration.halves import Halves
    from pytest_qparity.quantmath import Range
    from pytest_qparity.quantmath.ranges.histogram import Histogram

__all__ = ["FARTHEST", "Cut", "cut_peaks", "cuts_peaks", "peaks_note"]

FARTHEST = 2.0  # times the range's larger end: nearer ones lose less than they are, farther ones more than half
_NOTE = "The ranges cut peaks off"


@dataclass(frozen=True, slots=True)
class Cut:
    """A tensor of whose `values` calibration values `beyond` lie outside of [low, high], the farthest at `peak`."""

    tensor: str
    beyond: int
    values: int
    low: float
    high: float
    peak: float

    @property
    def ratio(self) -> float:
        """|peak| / max(−low, high); inf of a range of zero."""
        reach = max(-self.low, self.high)
        return abs(self.peak) / reach if reach else math.inf


def cut_peaks(halves: Mapping[str, Halves], ranges: Mapping[str, Range]) -> tuple[Cut, ...]:
    """The tensors with a calibration value more than FARTHEST times as far from zero as the range that was chosen, the
    farthest first.

    Only methods that have a histogram cut at all; how many values are beyond is known to its bins, at least so many.
    """
    found = []
    for name, half in halves.items():
        taken: Histogram | None = getattr(half.both()[0], "histogram", None)
        if taken is None or name not in ranges or half.empty:
            continue
        taken = half.whole().histogram  # type: ignore[attr-defined]  # the halves' own kind
        chosen = ranges[name]
        peak = taken.largest if taken.largest >= -taken.smallest else taken.smallest
        if abs(peak) <= FARTHEST * largest_magnitude(chosen):
            continue
        beyond = _beyond(taken.positive, taken.width, chosen.high) + _beyond(taken.negative, taken.width, -chosen.low)
        found.append(Cut(name, max(beyond, 1), taken.count, chosen.low, chosen.high, peak))
    return tuple(sorted(found, key=lambda each: -each.ratio))


def peaks_note(cuts: tuple[Cut, ...], method: str) -> tuple[str, ...]:
    """What a reader of the verdict must know of them, as one sentence; nothing where there are none."""
    if not cuts:
        return ()
    worst = cuts[0]
    more = "" if len(cuts) == 1 else f" (and of {len(cuts) - 1} more)"
    said = (
        f'{_NOTE} ({method}): {worst.beyond:,} of {worst.values:,} values of "{worst.tensor}"{more} lie beyond '
        f"[{worst.low:.4g}, {worst.high:.4g}], the farthest at {worst.peak:.4g}, {worst.ratio:.3g} times as far; "
        'calibration = "minmax" keeps them, where they are rare and matter.'
    )
    return (said,)


def cuts_peaks(notes: Iterable[str]) -> bool:
    """Whether a variant's notes have that sentence."""
    return any(note.startswith(_NOTE) for note in notes)


def _beyond(counts: np.ndarray, width: float, end: float) -> int:
    """Values in bins that begin at `end` or beyond."""
    return int(counts[math.ceil(end / width) :].sum()) if width else 0
