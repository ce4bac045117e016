"""What the page says first: may it ship, why not, and what is in the way."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import badness
from pytest_qparity.report.as_float import as_float_lines
from pytest_qparity.report.carried import carried_lines
from pytest_qparity.report.conformance import is_of_kernels
from pytest_qparity.report.extract import extract_lines
from pytest_qparity.report.html.anchors import check_anchor
from pytest_qparity.report.made_here import made_here_lines
from pytest_qparity.report.standing import Word, expired_lines, standing_of
from pytest_qparity.report.text import layers_command
from pytest_qparity.report.unneeded import unneeded_lines
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["Headline", "Obstacle", "Place", "headline", "obstacles"]

GOOD = (Outcome.PASS.value, Outcome.WAIVED.value)
_STATES = {Word.PASSES: "pass", Word.DOES_NOT_PASS: "fail"}
KERNELS = "conformance"  # the anchor of their section


@dataclass(frozen=True, slots=True)
class Headline:
    """`state` is "pass", "waived" (a check is) or "fail"; `sentences` say why, the gravest first, and on what it rests;
    `remarks`: what else a reader has to know, which may be long and changes no verdict."""

    state: str
    word: str
    sentences: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    planned: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A failure, and every check of a case that it fails: a golden that is missing is one thing to do, not six."""

    outcome: str
    code: str
    title: str
    sentence: str
    likely: str | None
    remedy: str
    layers: str | None
    reproduce: str
    case: str
    places: tuple[Place, ...]


def headline(ledger: Ledger, today: datetime.date | None = None) -> Headline:
    """`today`: the day on which its waivers have to hold; None: this one."""
    counts = Counter(str(event["outcome"]) for event in ledger.verdicts)
    told = tuple((outcome.value, counts[outcome.value]) for outcome in Outcome if counts[outcome.value])
    standing = standing_of(ledger, today)
    remarks = _sentences((*unneeded_lines(ledger), *as_float_lines(ledger)))
    said_of = (extract_lines, made_here_lines, carried_lines)
    rests_on = _sentences((*expired_lines(ledger, today), *(line for lines in said_of for line in lines(ledger))))
    state = _STATES.get(standing.word, "waived")
    return Headline(state, standing.heading, (*standing.sentences, *rests_on), told, len(ledger.planned), remarks)


def _sentences(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{line[0].upper()}{line[1:]}." for line in lines)


def obstacles(ledger: Ledger) -> tuple[Obstacle, ...]:
    """What fails and is not waived, worst first, then in the ledger's order."""
    grouped: dict[tuple[str, str, str], list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for event in ledger.verdicts:
        if event["outcome"] not in GOOD:
            for failure in event["failures"]:
                key = (event["case"], failure["code"], failure["sentence"])
                grouped.setdefault(key, []).append((event, failure))
    found = [_obstacle(members) for members in grouped.values()]
    return tuple(sorted(found, key=lambda each: -badness(each.outcome)))


def _obstacle(members: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Obstacle:
    event, failure = members[0]
    return Obstacle(
        outcome=max((str(each["outcome"]) for each, _ in members), key=badness),
        code=failure["code"],
        title=failure.get("title", ""),
        sentence=failure["sentence"],
        likely=failure.get("likely"),
        remedy=failure.get("remedy", ""),
        layers=layers_command(event, failure),
        reproduce=event.get("reproduce", ""),
        case=event["case"],
        places=tuple(_place(each) for each, _ in members),
    )


def _place(event: Mapping[str, Any]) -> Place:
    label = f"{event['run']}::{event['check']}"
    anchor = KERNELS if is_of_kernels(event) else check_anchor(event["case"], event["run"], event["check"])
    return Place(label, anchor)
