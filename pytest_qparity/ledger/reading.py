"""Reading a ledger, also one whose writer was killed or whose last event is cut."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_qparity.ledger.events import FORMAT, GOOD, badness
from pytest_qparity.verdict import counted

# What is read of each kind of event. A kind that is not here is of a later minor version, and passed over.
_FIELDS: Mapping[str, Mapping[str, type]] = {
    "plan": {"node_ids": list},
    "not-asked-for": {"node_ids": list},
    "not-collected": {"case_files": list},
    "verdict": {"node_id": str, "outcome": str},
    "flaky": {"node_id": str, "outcomes": list},
    "not-judged": {"node_id": str, "reason": str},
    "case-error": {"case_file": str, "error": str},
    "end": {"exit_status": int},
}

_MOST_DIGITS = 300  # of a whole number: beyond, none is a float
_SHOWN = 20


class Against(StrEnum):
    """What kind of thing keeps a ledger from standing for a pass."""

    REFUSED = "did not pass"
    NO_CASE = "could not be planned"
    UNJUDGED = "without a verdict"
    NOT_ASKED_FOR = "not asked for"
    NOT_COLLECTED = "not collected"
    EMPTY = "nothing planned"
    ENDED = "did not end well"


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that keeps a ledger from standing for a pass. `names`: of the checks or case files that it is about;
    none where it is about the session."""

    kind: Against
    sentence: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a ledger file says.

    `planned`: node ids of the checks that were asked for; `deselected`: those of the same cases that were not;
    `case_files`: SHA-256 by name; `uncollected`: names of case files that are there and were not collected. `verdicts`:
    one a node id, in the order of the plan, the worst where it was judged again; `flaky`: the outcomes of those that
    were repeated with another one. `not_judged`: why a planned check ended without a verdict, by node id, also where it
    passed when it was repeated; `case_errors`: what is wrong with a case file that could not be planned. `exit_status`
    is None where the run did not come to its end, or the file is cut or damaged anywhere.
    """

    start: Mapping[str, Any]
    planned: Sequence[str]
    deselected: Sequence[str]
    uncollected: Sequence[str]
    case_files: Mapping[str, str]
    verdicts: Sequence[Mapping[str, Any]]
    flaky: Mapping[str, Sequence[str]]
    not_judged: Mapping[str, str]
    case_errors: Mapping[str, str]
    exit_status: int | None

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Node ids that were planned and have no verdict that counts."""
        judged = {verdict["node_id"] for verdict in self.verdicts}
        return tuple(node_id for node_id in self.planned if node_id not in judged)

    @property
    def extract_of(self) -> str | None:
        """The one run that it holds of a larger ledger (`qparity export` writes such extracts); None where it is whole.
        The only place that tells them apart: an extract says nothing of what else its session judged."""
        if "extract" not in self.start:
            return None
        extract = self.start["extract"]
        name = extract.get("run") if isinstance(extract, Mapping) else None
        return name if isinstance(name, str) and name else "a run without a name"

    def case_of(self, case_file: str) -> str:
        """The name of a case by its file, of which no verdict need be there."""
        named = self.start.get("case_names")
        name = named.get(case_file) if isinstance(named, Mapping) else None
        return name if isinstance(name, str) else PurePosixPath(case_file).stem

    @property
    def passes(self) -> bool:
        """Whether the run came to its end and every check of every case was asked for, and passed or is waived."""
        return not self.objections

    @property
    def against_it(self) -> str:
        """The gravest of `objections`; empty where nothing speaks against it."""
        return self.objections[0].sentence if self.objections else ""

    @property
    def objections(self) -> tuple[Objection, ...]:
        """All that keeps this ledger from standing for a pass, one of a kind, the gravest first."""
        refused = [verdict for verdict in self.verdicts if verdict["outcome"] not in GOOD]
        names = tuple(str(verdict["node_id"]) for verdict in refused)
        unjudged = self.unjudged
        found: list[Objection] = []
        if refused:
            more = f"; {len(refused) - 1:,} more did not" if len(refused) > 1 else ""
            sentence = f"{names[0]} got {refused[0]['outcome']}, should pass{more}."
            found.append(Objection(Against.REFUSED, sentence, names))
        if self.case_errors:
            first, *others = self.case_errors
            more = f"; {len(others)} more could not" if others else ""
            sentence = f"{first} could not be planned, should be a case{more}."
            found.append(Objection(Against.NO_CASE, sentence, (first, *others)))
        lacking = {
            Against.UNJUDGED: unjudged,
            Against.NOT_ASKED_FOR: self.deselected,
            Against.NOT_COLLECTED: self.uncollected,
        }
        found += [_lacking(kind, of) for kind, of in lacking.items() if of]
        if not self.planned:
            found.append(Objection(Against.EMPTY, "No check was planned, should be at least one."))
        follows = {0, 1 if refused or self.case_errors or unjudged else 0, 0 if self.planned else 5}  # from the rest
        if self.exit_status not in follows:
            ended = "did not come to its end" if self.exit_status is None else f"ended with status {self.exit_status}"
            found.append(Objection(Against.ENDED, f"The session {ended}, should end with status 0."))
        return tuple(found)


# Of one, and of several: what is said of it, and what it should be.
_LACKING = {
    Against.UNJUDGED: ("check", "has no verdict", "have one", "have no verdict", "have one each"),
    Against.NOT_ASKED_FOR: ("check", "was not asked for", "be", "were not asked for", "all be"),
    Against.NOT_COLLECTED: ("case file", "was not collected", "be", "were not collected", "all be"),
}


def _lacking(kind: Against, names: Sequence[str]) -> Objection:
    noun, is_told, it_should, are_told, they_should = _LACKING[kind]
    if len(names) == 1:
        return Objection(kind, f"1 {noun} {is_told}, should {it_should}: {names[0]}.", tuple(names))
    sentence = f"{counted(len(names), noun)} {are_told}, should {they_should}; first {names[0]}."
    return Objection(kind, sentence, tuple(names))


class LedgerError(Exception):
    """The file is no ledger of a version that this library reads."""


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _no_number(text)
    return number


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise _no_number(text)
    return int(text)


def _no_number(text: str) -> LedgerError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return LedgerError(
        f'got the number {shown}, should be a finite one (an infinity is the text "inf", which pytest --backend=… '
        "writes): the file was edited, take the one that was written"
    )


def _no_constant(name: str) -> float:
    raise _no_number(name)


# JSON has no infinities and no NaN, and Python's reader takes them: what they reach cannot be written again.
_FINITE: Mapping[str, Any] = {"parse_constant": _no_constant, "parse_float": _finite, "parse_int": _whole}


def read_ledger(path: Path) -> Ledger:
    """Read a ledger, also one whose writer was killed or whose last event is cut.

    Raises LedgerError where the file is none, or of another format version.
    """
    return parsed(path.read_text(encoding="utf-8", errors="replace"))


def parsed(text: str) -> Ledger:
    if not text.startswith(f'{{"format": {FORMAT}, '):
        beginning = text.splitlines()[0][:40] if text else "an empty file"
        raise LedgerError(f"got {beginning!r}, should be a ledger of format {FORMAT}")
    found: list[Any]
    try:
        document, is_whole = json.loads(text, object_hook=_shared(), **_FINITE), True
        found = document["events"] if isinstance(document.get("events"), list) else []
    except (json.JSONDecodeError, RecursionError):
        found, is_whole = list(_whole_events(text)), False
    events = [event for event in found if isinstance(event, dict) and isinstance(event.get("event"), str)]
    if not events or events[0]["event"] != "start":
        raise LedgerError("got a file without a start event, should be a ledger written by pytest --backend=…")
    for event in events:
        _require_fields(event)
    ends = [event["exit_status"] for event in events if event["event"] == "end"]
    not_judged = {event["node_id"]: event["reason"] for event in events if event["event"] == "not-judged"}
    case_files: dict[str, str] = {}
    for event in events:
        if event["event"] == "plan" and isinstance(event.get("case_files"), dict):
            case_files |= event["case_files"]
    planned = _texts(events, "plan", "node_ids")
    return Ledger(
        start=events[0],
        planned=planned,
        deselected=_texts(events, "not-asked-for", "node_ids"),
        uncollected=_texts(events, "not-collected", "case_files"),
        case_files=case_files,
        not_judged=not_judged,
        case_errors={event["case_file"]: event["error"] for event in events if event["event"] == "case-error"},
        verdicts=_planned_first(
            _verdicts((event for event in events if event["event"] == "verdict"), not_judged), planned
        ),
        flaky={event["node_id"]: event["outcomes"] for event in events if event["event"] == "flaky"},
        exit_status=ends[-1] if ends and is_whole else None,
    )


def _shared() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Gives equal tables of texts as one object: what stands behind the checks of a run (its basis, its golden) is the
    same in all of them, and a third of what ten thousand events take."""
    known: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}

    def share(table: dict[str, Any]) -> dict[str, Any]:
        for value in table.values():
            if type(value) is not str:  # 1, 1.0 and True are equal, and not the same
                return table
        return known.setdefault(tuple(table.items()), table)

    return share


def _require_fields(event: Mapping[str, Any]) -> None:
    for field, kind in _FIELDS.get(event["event"], {}).items():
        if type(event.get(field)) is not kind:
            raise LedgerError(
                f"got {field} {event.get(field)!r} in an event {event['event']!r}, should be what pytest "
                "--backend=… writes"
            )
        if kind is list and not all(isinstance(item, str) for item in event[field]):
            raise LedgerError(f"got {field} of an event {event['event']!r} that are no texts, should be names")


def _texts(events: Iterable[Mapping[str, Any]], kind: str, field: str) -> list[str]:
    return [text for event in events if event["event"] == kind for text in event[field]]


def _verdicts(events: Iterable[Mapping[str, Any]], without: Collection[str]) -> list[Mapping[str, Any]]:
    """One for each node id, in the order of the first: the worst, so that no check is retried into a pass. One that
    passed and also ended without a verdict (`without`) has none."""
    kept: dict[str, Mapping[str, Any]] = {}
    for event in events:
        earlier = kept.setdefault(event["node_id"], event)
        if badness(event["outcome"]) > badness(earlier["outcome"]):
            kept[event["node_id"]] = event
    return [event for node_id, event in kept.items() if node_id not in without or event["outcome"] not in GOOD]


def _planned_first(verdicts: Iterable[Mapping[str, Any]], planned: Sequence[str]) -> list[Mapping[str, Any]]:
    """In the order of the plan: of several workers whoever is quicker writes first."""
    place = {node_id: index for index, node_id in enumerate(planned)}
    return sorted(verdicts, key=lambda verdict: place.get(verdict["node_id"], len(place)))


def _whole_events(text: str) -> Iterable[Any]:
    """The events of a cut file that can be read, which stand one a line."""
    for line in text.splitlines()[1:]:
        try:
            yield json.loads(line.removesuffix(","), **_FINITE)
        except (json.JSONDecodeError, RecursionError):
            continue  # the closing brackets, or the one event that was being written
