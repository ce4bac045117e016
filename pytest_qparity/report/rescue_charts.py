"""The Pareto front of a rescue as shapes with coordinates, which a template draws. No drawing library: dots, a line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.rescue.evaluation import Evaluation
    from pytest_qparity.rescue.result import Rescue

__all__ = ["Front", "front_chart"]

WIDTH, HEIGHT = 820.0, 300.0  # of the plot, in pixels
LEFT, TOP = 64.0, 16.0
TICKS = 6
LEAST_SPAN = {"dB": 1.0, "points": 0.1}  # upwards, so that noise of evaluations that are alike does not fill the plot


@dataclass(frozen=True, slots=True)
class Dot:
    """An evaluation. kind: "pass", "fail" or "best"; is_front: whether it is a row of the front."""

    x: float
    y: float
    kind: str
    is_front: bool
    said: str


@dataclass(frozen=True, slots=True)
class Front:
    """Nodes that are float to the right, accuracy upwards: `unit` is "points", what the metric loses (less is higher),
    or "dB", the least SQNR of the outputs, where no metric was judged. line: steps along the front's dots."""

    dots: tuple[Dot, ...]
    line: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    unit: str


def front_chart(found: Rescue, seen: Iterable[Evaluation]) -> Front | None:
    """All evaluations that measured an accuracy; None where none did."""
    every = list(seen)
    unit = "points" if any(each.drop_points is not None for each in every) else "dB"
    measured = [(each, _accuracy(each, unit)) for each in every]
    known = [(each, value) for each, value in measured if value is not None and math.isfinite(value)]
    if not known:
        return None
    most = max(1, *(len(each.candidate.keep_float) for each, _ in known))
    low, high = _ends([value for _, value in known], LEAST_SPAN[unit])

    def x_of(count: float) -> float:
        return LEFT + WIDTH * (0.03 + 0.94 * count / most)

    def y_of(value: float) -> float:
        return TOP + HEIGHT * (high - value) / (high - low)

    front = {row.evaluation.candidate.key for row in found.rows}
    dots = []
    for each, value in known:
        key, count = each.candidate.key, len(each.candidate.keep_float)
        is_best = key == found.best.candidate.key
        kind = "best" if is_best else "pass" if each.passes else "fail"
        dots.append(Dot(x_of(count), y_of(value), kind, key in front, _said(each)))
    steps = sorted({(dot.x, dot.y) for dot in dots if dot.is_front}, key=lambda place: (place[0], -place[1]))
    counts = range(0, most + 1, max(1, int(_step(most))))
    sign, step = -1.0 if unit == "points" else 1.0, _step(high - low)
    values = [step * index for index in range(math.ceil(low / step), math.floor(high / step) + 1)]
    decimals = max(0, -math.floor(math.log10(step)))
    return Front(
        dots=tuple(sorted(dots, key=lambda dot: (dot.is_front, dot.kind == "best"))),  # those that matter on top
        line=_stairs(steps),
        x_ticks=tuple((x_of(count), f"{count}") for count in counts),
        y_ticks=tuple((y_of(value), f"{sign * value + 0.0:.{decimals}f}") for value in values),
        unit=unit,
    )


def _accuracy(each: Evaluation, unit: str) -> float | None:
    """More is better."""
    if unit == "dB":
        return each.sqnr_db
    return None if each.drop_points is None else -each.drop_points


def _ends(values: Sequence[float], least: float) -> tuple[float, float]:
    middle = (max(values) + min(values)) / 2
    half = max(max(values) - min(values), least) / 2 * 1.08
    return middle - half, middle + half


def _step(span: float) -> float:
    """1, 2 or 5 times a power of ten, so that about TICKS of them make up the span."""
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power * TICKS >= span)


def _stairs(places: Sequence[tuple[float, float]]) -> str:
    """Along the front nothing is gained until its next dot."""
    parts: list[str] = []
    for index, (x, y) in enumerate(places):
        if index:
            parts.append(f"{x:.1f},{places[index - 1][1]:.1f}")
        parts.append(f"{x:.1f},{y:.1f}")
    return " ".join(parts)


def _said(each: Evaluation) -> str:
    changes = ", ".join(f"{key} = {value}" for key, value in each.candidate.changes if value is not None)
    gate = "passes" if each.passes else "undecided" if each.is_undecided else "fails"
    told = [f"{len(each.candidate.keep_float)} nodes float", changes, gate]
    told.append("" if each.sqnr_db is None else f"{each.sqnr_db:.1f} dB")
    told.append("" if each.drop_points is None else f"{each.drop_points:.2f} lost")
    told.append("" if each.speed_up is None else f"{each.speed_up:.2f}x as fast")
    told.append("" if each.size_mb is None else f"{each.size_mb:.2f} MB")
    return "; ".join(part for part in told if part)
