"""A badge: one word of a ledger. It is green only where the ledger passes, and nothing of it is waived."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.report.carried import number_carried
from pytest_qparity.report.extract import with_extract
from pytest_qparity.report.standing import Word, standing_of
from pytest_qparity.verdict import Outcome, counted

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


def badge_of(ledger: Ledger, today: datetime.date | None = None) -> Badge:
    """`today`: the day on which its waivers have to hold; None: this one."""
    word = standing_of(ledger, today).word
    counts = Counter(event["outcome"] for event in ledger.verdicts)
    failed = counts[Outcome.ACCURACY_FAIL.value] + counts[Outcome.BUDGET_FAIL.value]
    if word is Word.PASSES:
        carried = number_carried(ledger)
        shown = f"{word}, {carried} carried over" if carried else word.value
        return Badge(with_extract(shown, ledger), GREEN)
    if word is not Word.DOES_NOT_PASS:
        shown = f"{word}: {counted(counts[Outcome.WAIVED.value], 'check')}" if word is Word.WITH_WAIVERS else word.value
        return Badge(with_extract(shown, ledger), YELLOW)
    return Badge(f"{word}: {_why(ledger, counts, failed)}", RED if failed else GREY)


def _why(ledger: Ledger, counts: Counter[str], failed: int) -> str:
    if failed:
        return f"{failed} failed"
    if not ledger.planned and not ledger.case_errors:
        return "nothing judged"
    if ledger.exit_status is None:
        return "not finished"
    return "cannot judge" if counts[Outcome.CANNOT_JUDGE.value] or ledger.case_errors else "incomplete"


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
