"""A badge: one word of a ledger. It is green only where the ledger passes, and nothing of it is waived."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.report.carried import number_carried
from pytest_qparity.report.extract import with_extract
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["Badge", "badge_of", "badge_svg"]

# Dark enough for white text by WCAG's ratio of 4.5.
GREEN, YELLOW, RED, GREY = "#2e7d32", "#8a6100", "#c62828", "#57606a"
_WIDEST = 7.2  # pixels of a character at 11 px, about
_LABEL = "qparity"


@dataclass(frozen=True, slots=True)
class Badge:
    text: str
    colour: str


def badge_of(ledger: Ledger) -> Badge:
    counts = Counter(event["outcome"] for event in ledger.verdicts)
    waived = counts[Outcome.WAIVED.value]
    if ledger.passes:
        carried = number_carried(ledger)
        if not waived:
            text = f"passes, {carried} carried over" if carried else "passes"
            return Badge(with_extract(text, ledger), GREEN)
        text = "all waived" if waived == len(ledger.planned) else f"passes, {waived} waived"
        return Badge(with_extract(text, ledger), YELLOW)
    failed = counts[Outcome.ACCURACY_FAIL.value] + counts[Outcome.BUDGET_FAIL.value]
    if failed:
        return Badge(f"{failed} failed", RED)
    if not ledger.planned and not ledger.case_errors:
        return Badge("nothing judged", GREY)
    if ledger.exit_status is None:
        return Badge("not finished", GREY)
    return Badge("cannot judge" if counts[Outcome.CANNOT_JUDGE.value] or ledger.case_errors else "incomplete", GREY)


def badge_svg(ledger: Ledger) -> str:
    """SVG with a title for screen readers. Its words are ours: no name of a ledger is in it."""
    badge = badge_of(ledger)
    left, right = (round(len(text) * _WIDEST + 12) for text in (_LABEL, badge.text))
    width = left + right
    texts = "".join(
        f'<text x="{x:g}" y="14" textLength="{span - 12}">{text}</text>'
        for x, span, text in ((left / 2, left, _LABEL), (left + right / 2, right, badge.text))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img">'
        f"<title>{_LABEL}: {badge.text}</title>"
        f'<rect width="{width}" height="20" rx="3" fill="#444c56"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="{badge.colour}"/>'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g>'
        "</svg>\n"
    )
