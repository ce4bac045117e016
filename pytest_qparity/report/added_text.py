"""Sections that plugins add, as text for a terminal and as Markdown."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_qparity.report.added import ReportTable
from pytest_qparity.report.console import text_console
from pytest_qparity.report.markup import cut, markdown_text
from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from pytest_qparity.report.added import Added

__all__ = ["added_markdown", "added_text"]

_LONGEST_CELL = 120
_LONGEST_LINE = 400


def added_text(sections: Sequence[Added], *, width: int, colour: bool) -> str:
    """Text of at most `width` columns, ending in a newline; empty where there is no section."""
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = text_console(stream, width=width, colour=colour)
    for section in sections:
        console.print(Text(f"\n{one_line(section.title)}", style="bold"))
        if section.problem:
            console.print(Text(one_line(section.problem), style="bold magenta"))
        for part in section.parts:
            if isinstance(part, str):
                console.print(Text(one_line(part)))
                continue
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
            for header in part.headers:
                table.add_column(Text(one_line(header)), overflow="fold")
            for row in part.rows:
                table.add_row(*(Text(one_line(str(cell))) for cell in row))
            console.print(table)
    return stream.getvalue()


def added_markdown(sections: Sequence[Added], most_lines: int) -> Iterator[str]:
    """Lines of Markdown, `most_lines` at most: each section folded; what has no room is counted."""
    for at, section in enumerate(sections):
        lines = list(_lines_of(section))
        frame = ["", f"<details><summary>{markdown_text(cut(section.title, _LONGEST_CELL))}</summary>", ""]
        room = most_lines - len(frame) - 2  # for the end, and for what is left out
        if room < len(lines):
            yield ""
            yield f"{len(sections) - at} sections of plugins have no room here: they stand in the page."
            return
        yield from (*frame, *lines, "</details>")
        most_lines -= len(frame) + len(lines) + 1


def _lines_of(section: Added) -> Iterator[str]:
    if section.problem:
        yield markdown_text(cut(section.problem, _LONGEST_LINE))
        yield ""
    for part in section.parts:
        if isinstance(part, ReportTable):
            yield _row(part.headers)
            yield f"|{' --- |' * len(part.headers)}"
            yield from map(_row, part.rows)
        else:
            yield markdown_text(cut(part, _LONGEST_LINE))
        yield ""


def _row(cells: Sequence[str | int | float]) -> str:
    return f"| {' | '.join(markdown_text(cut(str(cell), _LONGEST_CELL)) for cell in cells)} |"
