"""The comparison table as columns of text, each with the number that it is sorted by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.report.comparison import three_figures
from pytest_qparity.report.html.anchors import run_anchor
from pytest_qparity.report.html.facts import figure_text
from pytest_qparity.report.moved import moved_note
from pytest_qparity.report.runs import decibels_text

if TYPE_CHECKING:
    from pytest_qparity.report.comparison import ComparisonRow

__all__ = ["COLUMNS", "Line", "Table", "Value", "table_of"]

# Heading and what it means, in the order of the cells of a line.
COLUMNS = (
    ("score", "the metric of the variant"),
    ("points lost", "of the float model's"),
    ("SQNR dB", "the least of the outputs"),
    ("batch", "samples a call"),
    ("latency ms", "median of a call"),
    ("samples/s", "offline throughput"),
    ("speed-up", "over fp32 of the same backend"),
    ("peak MB", "over the idle engine"),
    ("file MB", "file and external data"),
)


HIGHEST_KEY = 1e9  # what is infinite is sorted there: scripts of a page read no infinity


@dataclass(frozen=True, slots=True)
class Value:
    text: str
    key: float | None  # None sorts last, in both directions


@dataclass(frozen=True, slots=True)
class Line:
    run: str
    anchor: str
    backend: str
    precision: str
    state: str
    values: tuple[Value, ...]
    covers: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`metric` and `covers` (what a latency holds) are empty where the rows do not share one. `notes` stand below."""

    metric: str
    covers: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def covers_differ(self) -> bool:
        return not self.covers and any(line.covers for line in self.lines)


def table_of(rows: Sequence[ComparisonRow]) -> Table:
    """Rows whose figures of speed cannot all be true show none of them, and say why. Other batch sizes of a run follow
    it as lines of their own, which have figures of speed alone."""
    lines = tuple(line for row in rows for line in (_line(row), *_sweep(row)))
    return Table(
        _shared(row.metric for row in rows), _shared(row.latency_covers for row in rows), lines, tuple(moved_note(rows))
    )


def _shared(texts: Iterable[str]) -> str:
    told = {text for text in texts if text}
    return told.pop() if len(told) == 1 else ""


def _line(row: ComparisonRow) -> Line:
    is_sound = not row.problems
    values = (
        _value(row.score, ".2f", " %" if row.is_percent else ""),
        _value(row.drop_points, "+.2f"),
        _decibels(row.sqnr_db),
        _value(row.batch, "d"),
        _cost(row.latency_ms if is_sound else None),
        _cost(row.samples_per_s if is_sound else None),
        _value(row.speed_up if is_sound else None, ".2f", "×"),
        _peak(row),
        _value(row.size_mb, ".3g"),
    )
    anchor = run_anchor(row.case, row.run)
    return Line(row.run, anchor, row.backend, row.precision, row.outcome, values, row.latency_covers, row.problems)


def _sweep(row: ComparisonRow) -> list[Line]:
    nothing = Value("", None)
    return [
        Line(
            row.run,
            run_anchor(row.case, row.run),
            row.backend,
            row.precision,
            row.outcome,
            (
                *(nothing,) * 3,
                _value(each.batch, "d"),
                _cost(each.latency_ms),
                _cost(each.samples_per_s),
                _value(each.speed_up, ".2f", "×"),
                *(nothing,) * 2,
            ),
            row.latency_covers,
            (),
        )
        for each in row.sweep
        if each.batch != row.batch and not row.problems
    ]


def _value(value: float | None, form: str, unit: str = "") -> Value:
    text = figure_text(value, form)
    return Value(f"{text}{unit}" if text else "", value)


def _decibels(value: float | None) -> Value:
    return Value("", None) if value is None else Value(decibels_text(value), min(value, HIGHEST_KEY))


def _cost(value: float | None) -> Value:
    return Value("" if value is None else three_figures(value), value)


def _peak(row: ComparisonRow) -> Value:
    if row.device_peak_mb is not None:
        return _value(row.device_peak_mb, ".4g", " (device)")
    return _value(row.peak_mb, ".4g")
