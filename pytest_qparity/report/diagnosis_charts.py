"""Charts of a diagnosis as shapes with coordinates: what a template draws. No drawing library: lines and bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.diagnose.diagnosing import Diagnosis
    from pytest_qparity.diagnose.measures import ActivationMeasure, Distance

__all__ = ["Bars", "Curve", "curve_of", "histogram_of"]

WIDTH, HEIGHT = 960.0, 260.0  # of the plot, in pixels
LEFT, TOP = 48.0, 12.0
HIGHEST_DB = 80.0  # what is better is drawn there
STEP_DB = 20.0
BARS_WIDTH, BARS_HEIGHT = 300.0, 90.0
DRAWN_BINS = 128


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding's place: `rank` above the layer at `x`."""

    x: float
    rank: int
    node: str


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    said: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Error along the graph: layers from left to right in the float model's order, decibels upwards."""

    own: tuple[Dot, ...]
    cumulative: tuple[Dot, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    line: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram, square roots of counts upwards, with the ends of the codes' range and of the data."""

    bars: tuple[Bar, ...]
    low_x: float
    high_x: float
    left: str
    right: str
    measure: ActivationMeasure
    low_is_outside: bool
    high_is_outside: bool


def curve_of(diagnosis: Diagnosis, ranks: int) -> Curve:
    """Of the first `ranks` findings each has its mark."""
    layers = diagnosis.measured.layers
    lowest = min((_bounded(each.cumulative) for each in layers if each.cumulative is not None), default=0.0)
    bottom = min(0.0, STEP_DB * math.floor(lowest / STEP_DB))
    places = {layer.node: _x(index, len(layers)) for index, layer in enumerate(layers)}
    own: list[Dot] = []
    cumulative: list[Dot] = []
    for layer in layers:
        for distance, dots, word in ((layer.own, own, "own"), (layer.cumulative, cumulative, "cumulative")):
            if distance is not None:
                said = f"{layer.node} ({layer.op_type}): {word} {_said(distance)}"
                dots.append(Dot(places[layer.node], _y(_bounded(distance), bottom), said))
    marks = [
        Mark(places[finding.suspect.node], rank, finding.suspect.node)
        for rank, finding in enumerate(diagnosis.findings[:ranks], start=1)
        if finding.suspect.node in places
    ]
    ticks = [
        (_y(db, bottom), f"{db:.0f}")
        for db in (bottom + STEP_DB * index for index in range(int((HIGHEST_DB - bottom) / STEP_DB) + 1))
    ]
    line = " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in cumulative)
    return Curve(tuple(own), tuple(cumulative), tuple(marks), tuple(ticks), line)


def histogram_of(measure: ActivationMeasure) -> Bars:
    """Over the data and the codes' range, but at most four times as wide as the data: a mark beyond stands at the edge
    and says so."""
    low, high = min(measure.smallest, 0.0), max(measure.largest, 0.0)
    span = (high - low) or 1.0
    left, right = max(min(low, measure.low), low - 1.5 * span), min(max(high, measure.high), high + 1.5 * span)
    wide = (right - left) or 1.0

    def x_of(value: float) -> float:
        return min(max((value - left) / wide, 0.0), 1.0) * BARS_WIDTH

    tallest = math.sqrt(max((count for count, _, _ in _coarser(measure)), default=1) or 1)
    bars = []
    for count, start, stop in _coarser(measure):
        if count and stop > left and start < right:
            height = BARS_HEIGHT * math.sqrt(count) / tallest
            x = x_of(start)
            bars.append(Bar(x, BARS_HEIGHT - height, max(x_of(stop) - x, 0.5), height))
    return Bars(
        bars=tuple(bars),
        low_x=x_of(measure.low),
        high_x=x_of(measure.high),
        left=f"{left:.4g}",
        right=f"{right:.4g}",
        measure=measure,
        low_is_outside=measure.low < left,
        high_is_outside=measure.high > right,
    )


def _coarser(measure: ActivationMeasure) -> list[tuple[int, float, float]]:
    """(count, from, to) of bins that are wide enough to be seen."""
    group = max(len(measure.counts) // DRAWN_BINS, 1)
    edges = measure.edges
    return [
        (sum(measure.counts[i : i + group]), edges[i], edges[min(i + group, len(measure.counts))])
        for i in range(0, len(measure.counts), group)
    ]


def _x(index: int, count: int) -> float:
    return LEFT + WIDTH * (index + 0.5) / max(count, 1)


def _y(db: float, bottom: float) -> float:
    return TOP + HEIGHT * (HIGHEST_DB - db) / (HIGHEST_DB - bottom)


def _bounded(distance: Distance) -> float:
    return max(min(distance.sqnr_db, HIGHEST_DB), -STEP_DB)


def _said(distance: Distance) -> str:
    return f"{distance.sqnr_db:.1f} dB" if math.isfinite(distance.sqnr_db) else "exact"
