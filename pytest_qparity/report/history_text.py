"""A history as a terminal shows it, and as JSON: every series with its last value and where its level changed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pytest_qparity.report.console import text_console
from pytest_qparity.report.text import one_line, printable

if TYPE_CHECKING:
    from pytest_qparity.report.change_points import ChangePoint
    from pytest_qparity.report.history import Series

    Watched = tuple[Series, tuple[ChangePoint, ...]]

__all__ = ["history_json", "history_text"]

_COMMIT = 12  # characters that tell commits apart for a reader


def history_text(watched: Sequence[Watched], *, width: int, colour: bool) -> str:
    """A row for each series, the changes of its level below each other; text of at most `width` columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("case", "run", "figure"):
        table.add_column(name, overflow="fold")
    table.add_column("ledgers", justify="right", no_wrap=True)
    table.add_column("last", justify="right", no_wrap=True)
    table.add_column("changes of level", overflow="fold")
    has_several = len({series.hardware for series, _ in watched if series.hardware}) > 1
    for series, changes in watched:
        figure = f"{series.figure} on {series.hardware}" if has_several and series.hardware else series.figure
        last = _told(series.points[-1].value, series.unit) if series.points else ""
        cells = [Text(printable(one_line(text))) for text in (series.case, series.run, figure)]
        table.add_row(*cells, str(len(series.points)), last, _changes(series, changes))
    stream = io.StringIO()
    console = text_console(stream, width=width, colour=colour)
    console.print(table)
    return stream.getvalue()


def _changes(series: Series, changes: Sequence[ChangePoint]) -> Text:
    lines = [
        Text(_sentence(series, change), style="bold red" if change.is_worse else "green")
        for change in reversed(changes)
    ]
    return Text("\n").join(lines)


def _sentence(series: Series, change: ChangePoint) -> str:
    percent = "" if change.change_percent is None else f" ({change.change_percent:+.1f} %)"
    at = "" if change.point.commit is None else f" at {printable(change.point.commit[:_COMMIT])}"
    how = "worse" if change.is_worse else "better"
    levels = f"{_told(change.before, series.unit)} to {_told(change.after, series.unit)}"
    return f"{how} since {printable(change.point.time[:16])}{at}: {levels}{percent}"


def _told(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()


def history_json(watched: Sequence[Watched]) -> list[dict[str, Any]]:
    """The same with all points, in plain JSON values."""
    return [
        {
            "case": series.case,
            "run": series.run,
            "figure": series.figure,
            "unit": series.unit,
            "lower_is_better": series.lower_is_better,
            "hardware": series.hardware,
            "points": [
                {"time": point.time, "commit": point.commit, "value": point.value, "outcome": point.outcome}
                for point in series.points
            ],
            "changes": [_change_json(change) for change in changes],
        }
        for series, changes in watched
    ]


def _change_json(change: ChangePoint) -> Mapping[str, Any]:
    return {
        "index": change.index,
        "time": change.point.time,
        "commit": change.point.commit,
        "before": change.before,
        "after": change.after,
        "change_percent": change.change_percent,
        "is_worse": change.is_worse,
    }
