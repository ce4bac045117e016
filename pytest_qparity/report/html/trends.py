"""Series over time as small plots, worst first: where accuracy or speed broke, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_qparity.report.html.charts import Dot, Drawn, Plot

__all__ = ["Trend", "shown_trends", "trend_of", "trend_plot"]

MOST_TRENDS = 60  # plots in a page; those with a change come first


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure of one run over time, the oldest first: `points` are (when, value). `changes`: at which point a new
    level begins, and whether it is worse. `hardware`: of speed and memory, which have a series for each."""

    case: str
    run: str
    figure: str
    unit: str
    points: tuple[tuple[str, float], ...]
    changes: tuple[tuple[int, bool], ...] = ()
    hardware: str = ""

    @property
    def about(self) -> str:
        """The figure, and the machine that it is of: two of them are two plots."""
        return f"{self.figure} on {self.hardware}" if self.hardware else self.figure

    @property
    def is_worse(self) -> bool:
        return any(is_worse for _, is_worse in self.changes)

    @property
    def said(self) -> str:
        """Where it changed last, or what it stands at."""
        stands = f"{self.points[-1][1]:.4g} {self.unit}".rstrip()
        if not self.changes:
            return f"{stands}, no change found"
        index, is_worse = self.changes[-1]
        return f"{stands}; {'worse' if is_worse else 'better'} since {self.points[index][0]}"


class _Point(Protocol):
    @property
    def time(self) -> str: ...
    @property
    def value(self) -> float: ...


class _Change(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def is_worse(self) -> bool: ...


class _Series(Protocol):
    """One figure of one run over time, as a history holds it."""

    @property
    def case(self) -> str: ...
    @property
    def run(self) -> str: ...
    @property
    def figure(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def hardware(self) -> str: ...
    @property
    def points(self) -> Sequence[_Point]: ...


def trend_of(series: _Series, changes: Sequence[_Change] = ()) -> Trend:
    """What the page draws of a series and of the changes of level that were found in it."""
    points = tuple((point.time, point.value) for point in series.points)
    marked = tuple((change.index, change.is_worse) for change in changes)
    return Trend(series.case, series.run, series.figure, series.unit, points, marked, series.hardware)


def shown_trends(trends: Sequence[Trend]) -> tuple[tuple[Trend, ...], int]:
    """What is drawn, and how many are not: what got worse first, then what changed, then the rest."""
    able = [trend for trend in trends if trend.points]
    ordered = sorted(able, key=lambda trend: (not trend.is_worse, not trend.changes))
    return tuple(ordered[:MOST_TRENDS]), max(len(ordered) - MOST_TRENDS, 0)


def trend_plot(trend: Trend) -> Plot:
    dots = [
        Dot(float(index), value, f"{when}: {value:.4g} {trend.unit}".rstrip())
        for index, (when, value) in enumerate(trend.points)
    ]
    worse, better = (
        [dots[index] for index, is_worse in trend.changes if is_worse is wanted] for wanted in (True, False)
    )
    marked = [Drawn("worse since", "worse", worse), Drawn("better since", "better", better)]
    ends = [(0.0, trend.points[0][0][5:10]), (float(len(dots) - 1), trend.points[-1][0][5:10])]
    return Plot(
        title=f"{trend.about} of {trend.run}, {trend.case}: {trend.said}",
        x_title="",
        y_title="",
        series=[Drawn(trend.figure, "trend", dots, True), *(each for each in marked if each.dots)],
        is_small=True,
        x_labels=ends if len(dots) > 1 else ends[:1],
    )
