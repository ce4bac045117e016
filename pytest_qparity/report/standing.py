"""Where a ledger stands, in one word: the same one in every report."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.waivers import expired, reason_and_day, today_utc
from pytest_qparity.report.extract import with_extract
from pytest_qparity.verdict import Outcome, counted

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["Standing", "Word", "expired_lines", "standing_of"]


class Word(StrEnum):
    """Only PASSES is without a waiver. EXPIRED: a waiver that it needs has ended since, so that it passed and would not
    today."""

    PASSES = "passes"
    WITH_WAIVERS = "passes with waivers"
    ALL_WAIVED = "all waived"
    EXPIRED = "waivers expired"
    DOES_NOT_PASS = "does not pass"


@dataclass(frozen=True, slots=True)
class Standing:
    """`said`: the word, with what it is said of where that is one run alone. `sentences`: why, the gravest first."""

    word: Word
    said: str
    sentences: tuple[str, ...]

    @property
    def heading(self) -> str:
        return f"{self.said[0].upper()}{self.said[1:]}"


def standing_of(ledger: Ledger, today: datetime.date | None = None) -> Standing:
    """`today`: the day on which its waivers have to hold; None: this one. The only place that decides it."""
    word, sentences = _word_of(ledger, today or today_utc())
    said = word.value if word is Word.DOES_NOT_PASS else with_extract(word.value, ledger)
    return Standing(word, said, sentences)


def _word_of(ledger: Ledger, today: datetime.date) -> tuple[Word, tuple[str, ...]]:
    objections = ledger.objections
    if objections:
        return Word.DOES_NOT_PASS, tuple(each.sentence for each in objections)
    waived = sum(event["outcome"] == Outcome.WAIVED for event in ledger.verdicts)
    asking = "the cases ask for" if ledger.extract_of is None else "is in this extract"
    of_all = f"{waived:,} of {counted(len(ledger.verdicts), 'check')} {'is' if waived == 1 else 'are'} waived"
    ended = expired(ledger.verdicts, today)
    if ended:
        waivers = dict.fromkeys((event["case"], event["waiver"]) for event in ended)
        told = f"{counted(len(waivers), 'waiver')} expired since: it passed then, and would not today"
        return Word.EXPIRED, (f"{of_all}, and {told}.",)
    if waived == len(ledger.verdicts):
        return Word.ALL_WAIVED, (f"Nothing passed by itself: {counted(waived, 'check')}, all waived.",)
    if waived:
        return Word.WITH_WAIVERS, (f"Every check that {asking} has a verdict; {of_all}.",)
    return Word.PASSES, (f"Every check that {asking} has a verdict, and it is pass.",)


def expired_lines(ledger: Ledger, today: datetime.date | None = None) -> Iterator[str]:
    """One line for each waiver of a case that has ended since it was used."""
    day = today or today_utc()
    used: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for event in expired(ledger.verdicts, day):
        used.setdefault((event["case"], event["waiver"]), []).append(event)
    for (case, waiver), events in used.items():
        last = reason_and_day(waiver)[1]
        ago = "" if last is None else f" {counted((day - last).days, 'day')} ago"
        runs = ", ".join(dict.fromkeys(str(event["run"]) for event in events))
        yield f"expired{ago}: the waiver of {case} {runs} ({counted(len(events), 'check')}): {waiver}"
