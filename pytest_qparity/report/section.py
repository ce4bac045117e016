"""A section for pytest-html's page: what pytest's own outcomes do not say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.report.comparison import comparison_rows
from pytest_qparity.report.pages import page_environment
from pytest_qparity.report.problems import problems_of
from pytest_qparity.report.table import HEADERS, table_cells

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger
    from pytest_qparity.report.added import Added

__all__ = ["section_html"]

MOST_PROBLEMS = 20


def section_html(ledger: Ledger, root: Path, ledger_name: str, sections: Sequence[Added] = ()) -> str:
    """Never says that a session passes: pytest-html asks before the session's exit status is final."""
    problems = problems_of(ledger, root)
    return (
        page_environment()
        .get_template("section.html")
        .render(
            ledger=ledger,
            ledger_name=ledger_name,
            headers=HEADERS,
            rows=[(row, cells) for row in comparison_rows(ledger) for cells in table_cells(row)],
            problems=problems[:MOST_PROBLEMS],
            more=max(len(problems) - MOST_PROBLEMS, 0),
            added=sections,
        )
    )
