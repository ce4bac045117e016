"""Conformance as a page of HTML: one file without scripts, which a browser, a printer and an archive take as it is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.conformance import SOME, Cell, conformance_lines, conformance_rows, findings
from pytest_qparity.report.pages import page_environment

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["conformance_html", "conformance_view"]

# What a cell says of its kernels, the worst first: it is coloured by the first that it has.
_WORDS = (
    ("fail", "fail"),
    ("deviate", "deviate as is known"),
    ("unsupported", "unsupported"),
    ("conform", "conform"),
)


def conformance_html(ledger: Ledger) -> str:
    """The page."""
    template = page_environment().get_template("conformance.html")
    return template.render(**conformance_view(ledger), level="h2", folds=False)


def conformance_view(ledger: Ledger) -> dict[str, Any]:
    """What `conformance_body.html` shows, on the page of its own and in the report."""
    backends, rows = conformance_rows(ledger)
    shown = findings(ledger)
    return {
        "backends": backends,
        "rows": rows,
        "lines": [line.removeprefix("conformance: ") for line in conformance_lines(ledger)],
        "findings": {
            backend: [finding for finding in shown if finding.backend == backend]
            for backend in Counter(finding.backend for finding in shown)
        },
        "some": SOME,
        "state": _state,
        "counts": _counts,
    }


def _state(cell: Cell) -> str:
    """The class of a cell: its worst answer, or "none"."""
    return next((name for name, _ in _WORDS if getattr(cell, name)), "none")


def _counts(cell: Cell) -> list[str]:
    """What its kernels do, the worst first: "2 deviate as is known"."""
    return [f"{getattr(cell, name)} {words}" for name, words in _WORDS if getattr(cell, name)]
