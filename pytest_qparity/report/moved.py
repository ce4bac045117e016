"""Latencies that do not compare with that of fp32: the machine ran otherwise when the one or the other was taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.report.comparison import ComparisonRow

__all__ = ["moved_note", "moved_rows"]

NAMED = 6  # of more the number is told


def moved_rows(rows: Sequence[ComparisonRow]) -> tuple[ComparisonRow, ...]:
    """Those whose latency and fp32's, taken one after the other, say another speed-up than the one that was taken in
    turn, by more than two sessions of one file differ. Of the three the speed-up is what stands."""
    from pytest_qparity.checks.speed_up import DIFFERENCE_BOUNDS

    floats = {(row.case, row.backend): row.latency_ms for row in rows if row.precision == "fp32"}
    moved: list[ComparisonRow] = []
    for row in rows:
        float_ms = floats.get((row.case, row.backend))
        if row.problems or row.latency_ms is None or row.speed_up is None or float_ms is None:
            continue
        if not DIFFERENCE_BOUNDS[0] <= float_ms / row.latency_ms / row.speed_up <= DIFFERENCE_BOUNDS[1]:
            moved.append(row)
    return tuple(moved)


def moved_note(rows: Sequence[ComparisonRow], speed_up: str = "× fp32") -> Iterator[str]:
    """Which those are, if any; `speed_up`: what the column of it is called."""
    names = [f"{row.case} {row.run}" for row in moved_rows(rows)]
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield (
            f"Of {', '.join(names[:NAMED])}{more} the latency does not compare with that of fp32, which was taken at "
            f"another time, when the machine ran otherwise: {speed_up}, measured in turn, is what stands."
        )
