"""Where the labels of a plot's dots stand: beside their dot, within the plot, over no other label."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Place", "Placing"]

CHARACTER = 7.2  # px, of a label's font; names are mostly of narrow letters
LINE = 15.0
APART = 8.0
_SIDES = ((1, -6.0), (1, 14.0), (-1, -6.0), (-1, 14.0))  # to the right or left, above or below


@dataclass(frozen=True, slots=True)
class Place:
    x: float
    y: float
    anchor: str


@dataclass(slots=True)
class Placing:
    """Labels of one plot of `width` px, in the order in which they are asked for."""

    width: float
    _taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    def take(self, x: float, y: float, radius: float) -> None:
        """A dot, which no label may cover."""
        self._taken.append((x - radius, y - radius, x + radius, y + radius))

    def beside(self, x: float, y: float, characters: int) -> Place | None:
        """The first free side of a dot; None where there is none: that dot is named when pointed at, and in tables."""
        long = characters * CHARACTER
        for side, down in _SIDES:
            left = x + APART if side > 0 else x - APART - long
            box = (left, y + down - LINE, left + long, y + down)
            inside = left >= 0 and box[2] <= self.width * 0.9
            if inside and not any(_cover(box, other) for other in self._taken):
                self._taken.append(box)
                return Place(x + side * APART, y + down, "start" if side > 0 else "end")
        return None


def _cover(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
