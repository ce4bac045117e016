"""What the page says first: may it ship, why not, and what is in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import badness
from pytest_qparity.report.as_float import as_float_lines
from pytest_qparity.report.carried import carried_lines
from pytest_qparity.report.conformance import is_of_kernels
from pytest_qparity.report.extract import extract_lines, with_extract
from pytest_qparity.report.html.anchors import check_anchor
from pytest_qparity.report.made_here import made_here_lines
from pytest_qparity.report.text import layers_command
from pytest_qparity.report.unneeded import unneeded_lines
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["Headline", "Obstacle", "Place", "counted", "headline", "obstacles"]

GOOD = (Outcome.PASS.value, Outcome.WAIVED.value)
KERNELS = "conformance"  # the anchor of their section


@dataclass(frozen=True, slots=True)
class Headline:
    """`state` is "pass", "waived" (every check that counts is) or "fail"; `sentences` say why, the gravest first;
    `remarks`: what else a reader has to know, which changes no verdict."""

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


def headline(ledger: Ledger) -> Headline:
    counts = Counter(str(event["outcome"]) for event in ledger.verdicts)
    told = tuple((outcome.value, counts[outcome.value]) for outcome in Outcome if counts[outcome.value])
    waived, planned = counts[Outcome.WAIVED.value], len(ledger.planned)
    told_of = (made_here_lines, unneeded_lines, as_float_lines, carried_lines)
    remarks = _sentences(line for lines in told_of for line in lines(ledger))
    extract = _sentences(extract_lines(ledger))
    if not ledger.passes:
        return Headline("fail", "Does not pass", (*_against(ledger), *extract), told, planned, remarks)
    if not counts[Outcome.PASS.value]:
        said = f"Nothing passed by itself: {counted(waived, 'check')}, all waived."
        return Headline("waived", with_extract("Waived", ledger), (said, *extract), told, planned, remarks)
    asking = "the cases ask for" if ledger.extract_of is None else "is in this extract"
    said = f"Every check that {asking} has a verdict"
    word, more = ("Passes, with waivers", f"; {waived} are waived.") if waived else ("Passes", ", and it is pass.")
    return Headline("pass", with_extract(word, ledger), (f"{said}{more}", *extract), told, planned, remarks)


def _sentences(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{line[0].upper()}{line[1:]}." for line in lines)


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _against(ledger: Ledger) -> Iterator[str]:
    """All that speaks against it; the ledger itself names the first."""
    yield ledger.against_it
    failing = sum(event["outcome"] not in GOOD for event in ledger.verdicts)
    if failing > 1:
        yield f"{failing} checks did not pass."
    if ledger.exit_status is None:
        yield "The session did not come to its end, or its ledger is cut: what else it would have said is not known."
    if ledger.unjudged:
        yield f"{counted(len(ledger.unjudged), 'check')} without a verdict."
    if ledger.deselected:
        yield f"{counted(len(ledger.deselected), 'check')} of these cases not asked for: nothing is known of them."
    if ledger.uncollected:
        yield f"{counted(len(ledger.uncollected), 'case file')} not collected: nothing is known of them."
    if ledger.case_errors:
        yield f"{counted(len(ledger.case_errors), 'case file')} could not be planned."


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
