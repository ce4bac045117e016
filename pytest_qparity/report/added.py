"""Sections of reports that plugins add: a title, and text and tables that a function makes of the ledger.

A section is told, and decides nothing: its function gets a copy of the ledger once all is decided, and what it raises
or gives amiss stands in its place.
"""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["Added", "ReportSection", "ReportTable", "added_sections"]

LONGEST_TEXT = 2_000
LONGEST_TITLE = 80
MOST_PARTS = 20
MOST_ROWS = 100
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SHOULD = "text, a ReportTable, or a list of these"


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section by its title; `target`: the "package.module:function" that is given a `Ledger` and gives text, a
    ReportTable, or a list of these (an empty one: no section). Raises ValueError at what cannot be."""

    title: str
    target: str

    def __post_init__(self) -> None:
        if not isinstance(self.title, str) or not self.title.strip() or len(self.title) > LONGEST_TITLE:
            raise ValueError(
                f"got title {self.title!r} of a report section, should be 1 to {LONGEST_TITLE} characters of text"
            )
        if not isinstance(self.target, str) or not _TARGET.fullmatch(self.target):
            raise ValueError(
                f'got target {self.target!r} of the section "{self.title}", should be "package.module:function"'
            )


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table: headers, and rows of as many cells, text or numbers. Raises ValueError at what cannot be."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", tuple(self.headers))
        object.__setattr__(self, "rows", tuple(tuple(row) for row in self.rows))
        for cells in (self.headers, *self.rows):
            if len(cells) != len(self.headers) or not cells:
                raise ValueError(f"got {len(cells)} cells, should be {len(self.headers) or 'one'} or more as headers")
            wrong = [cell for cell in cells if not isinstance(cell, str | int | float)]
            if wrong:
                raise ValueError(f"got a cell that is {type(wrong[0]).__name__}, should be text or a number")


Part: TypeAlias = "str | ReportTable"


@dataclass(frozen=True, slots=True)
class Added:
    """A section as it is shown: each text on one line, tables of `MOST_ROWS` rows at most. `problem`: why there is
    nothing to show; empty where there is."""

    title: str
    parts: tuple[Part, ...]
    problem: str = ""


def added_sections(ledger: Ledger, sections: Iterable[ReportSection]) -> tuple[Added, ...]:
    """What the sections' functions make of a ledger, those left out that have nothing to say. Never raises, but for
    KeyboardInterrupt."""
    return tuple(added for section in sections if (added := _added(ledger, section)).parts or added.problem)


def _added(ledger: Ledger, section: ReportSection) -> Added:
    title = one_line(section.title)
    try:
        module, _, name = section.target.partition(":")
        made = getattr(importlib.import_module(module), name)(copy.deepcopy(ledger))
        parts = _parts_of(made)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  foreign code; its SystemExit or pytest.skip ends no report
        said = one_line(str(error))[:LONGEST_TEXT]
        got = f"got {type(error).__name__}{f' ({said})' if said else ''} from {section.target}, should give {_SHOULD}"
        return Added(title, (), got)
    return Added(title, parts)


def _parts_of(made: object) -> tuple[Part, ...]:
    parts = list(made) if isinstance(made, list | tuple) else [made]
    shown: list[Part] = []
    for part in parts[:MOST_PARTS]:
        if isinstance(part, ReportTable):
            shown += _cut(part)
        elif isinstance(part, str):
            text = one_line(part)
            shown += [text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"] if text else []
        else:
            raise TypeError(f"a part that is {type(part).__name__}")
    if len(parts) > MOST_PARTS:
        shown.append(f"{len(parts) - MOST_PARTS} more parts are left out")
    return tuple(shown)


def _cut(table: ReportTable) -> Iterable[Part]:
    def cells(row: tuple[str | int | float, ...]) -> tuple[str, ...]:
        return tuple(one_line(str(cell))[:LONGEST_TEXT] for cell in row)

    yield ReportTable(cells(table.headers), tuple(cells(row) for row in table.rows[:MOST_ROWS]))
    if len(table.rows) > MOST_ROWS:
        yield f"{len(table.rows) - MOST_ROWS} more rows are left out"
