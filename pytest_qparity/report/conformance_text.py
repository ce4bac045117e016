"""Conformance for a terminal: the rows of the Markdown page and its findings, wrapped, and with nothing to escape."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pytest_qparity.report.conformance import LEGEND, SOME, Finding, conformance_rows, findings
from pytest_qparity.report.console import text_console
from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from pytest_qparity.ledger import Ledger

__all__ = ["conformance_text"]


def conformance_text(ledger: Ledger, *, width: int, colour: bool) -> str:
    """Text of at most `width` columns, ending in a newline."""
    stream = io.StringIO()
    console = text_console(stream, width=width, colour=colour)
    backends, rows = conformance_rows(ledger)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("operator", "types", *backends):
        table.add_column(Text(one_line(heading)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(text)) for text in (row.operator, row.types, *map(str, row.cells))))
    console.print(table)
    console.print(Text(f"\n{LEGEND}", style="dim"))
    shown = findings(ledger)
    for backend in dict.fromkeys(finding.backend for finding in shown):
        console.print(Text(f"\nWhat does not conform on {one_line(backend)}", style="bold"))
        for finding in shown:
            if finding.backend == backend:
                _print_finding(console, finding)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _print_finding(console: Console, finding: Finding) -> None:
    console.print(Text(f"\n{one_line(finding.said)}"))
    console.print(_indented(f"{', '.join(finding.kernels[:SOME])}{finding.more}", "dim"))
    if finding.script:
        console.print(_indented(finding.script, ""))


def _indented(text: str, style: str) -> Padding:
    return Padding(Text(one_line(text), style=style, overflow="fold"), (0, 0, 0, 4))
