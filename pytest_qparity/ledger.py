"""The ledger: one JSON document with every planned check and its verdict, written as the run goes.

The file is a valid JSON document after every append: an event goes over the closing brackets and brings them along
in the same write. A reader of a file that was cut all the same (a full disk, a power cut) gets the events that are
whole. docs/ledger.md describes the format.
"""

from __future__ import annotations

import errno
import json
import math
import numbers
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_qparity.verdict import Code, Outcome, Verdict

FORMAT = 1
_CLOSING = b"\n]}\n"
_PLAIN_TYPES = frozenset((str, int, bool, type(None)))
_GOOD = frozenset((Outcome.PASS.value, Outcome.WAIVED.value))


@dataclass(frozen=True, slots=True)
class CheckId:
    """One planned check: a check of a run of a case, and the pytest item it is."""

    node_id: str
    case: str
    backend: str
    precision: str
    check: str

    @property
    def run(self) -> str:
        return f"{self.backend}-{self.precision}"


def verdict_event(check: CheckId, verdict: Verdict, reproduce: str, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The event that records a verdict: plain JSON values only, so that it may cross a process border."""
    return {
        "event": "verdict",
        "node_id": check.node_id,
        "case": check.case,
        "run": check.run,
        "backend": check.backend,
        "precision": check.precision,
        "check": check.check,
        "outcome": verdict.outcome.value,
        "deciding": verdict.deciding,
        "evidence": plain(verdict.evidence),
        "failures": [failure.as_json() for failure in verdict.failures],
        "notes": list(verdict.notes),
        "waiver": verdict.waiver,
        "reproduce": reproduce,
        "provenance": plain(provenance),
    }


def plain(value: Any) -> Any:
    """`value` as JSON holds it, in Python's own types: NumPy's numbers become Python's; NaN and infinities, which JSON
    lacks, become the strings "nan", "inf", "-inf"."""
    if type(value) in _PLAIN_TYPES:  # nearly all there is; the checks below cost ten times as much
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)  # of an enum of texts too: execnet sends no subclasses
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else str(float(value))
    kind = type(value)
    named = f"{kind.__module__}.{kind.__qualname__}"
    raise TypeError(f"got {named} as evidence, should be a number, a text, a list or a table")


class LedgerWriter:
    """Appends events to a new ledger file; the file is whole, valid JSON between any two calls.

    The file takes the place of an older one of its name at once. A second session that does the same takes the name,
    and each goes on writing a file of its own.
    """

    def __init__(self, path: Path, start: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._unjudged: dict[str, None] = {}
        self.planned = False  # whether any check was
        self._refused = False
        self._end = 0  # where the file ends
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
        self._descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.fchmod(self._descriptor, 0o644)
        first = json.dumps({"event": "start", **plain(start)}, allow_nan=False)
        self._write(f'{{"format": {FORMAT}, "events": [\n{first}'.encode() + _CLOSING)
        Path(fresh).replace(path)

    def append(self, event: Mapping[str, Any]) -> None:
        self._end -= len(_CLOSING)
        self._write(b",\n" + json.dumps(event, allow_nan=False).encode() + _CLOSING)

    def _write(self, content: bytes) -> None:
        while content:
            written = os.pwrite(self._descriptor, content, self._end)
            content = content[written:]
            self._end += written

    def plan(self, node_ids: Sequence[str]) -> None:
        self._unjudged.update(dict.fromkeys(node_ids))
        self.planned = self.planned or bool(node_ids)
        self.append({"event": "plan", "node_ids": list(node_ids)})

    def judged(self, event: Mapping[str, Any]) -> None:
        """Record a verdict event (see verdict_event)."""
        self._unjudged.pop(event["node_id"], None)
        self._refused = self._refused or event["outcome"] not in _GOOD
        self.append(event)

    def not_judged(self, node_id: str, reason: str) -> None:
        """Record that a planned check ended without a verdict; a node id that was not planned is passed over."""
        if node_id in self._unjudged:
            self.append({"event": "not-judged", "node_id": node_id, "code": Code.RUN_INCOMPLETE.code, "reason": reason})

    def case_error(self, case_file: str, error: str) -> None:
        """Record that a case file could not be planned."""
        self._refused = True
        self.append({"event": "case-error", "case_file": case_file, "error": error})

    @property
    def owes(self) -> bool:
        """Whether nothing was planned, or a planned check has no verdict yet."""
        return not self.planned or bool(self._unjudged)

    def debt(self) -> str:
        """Why this ledger cannot stand for a pass; empty where nothing speaks against it."""
        if not self.planned:
            return "No check was planned, should be at least one."
        if self._unjudged:
            first = next(iter(self._unjudged))
            return f"{len(self._unjudged)} planned checks have no verdict, should have one each; the first is {first}"
        return "The ledger holds a verdict that is no pass." if self._refused else ""

    def close(self, exit_status: int) -> Ledger:
        """Write the end; what was written, as a reader of the file would find it."""
        self.append({"event": "end", "exit_status": exit_status})
        os.fsync(self._descriptor)
        written = os.pread(self._descriptor, self._end, 0).decode()
        os.close(self._descriptor)
        return _parsed(written)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a ledger file says. `not_judged`: why a planned check ended without a verdict, by node id; `case_errors`:
    what is wrong with a case file that could not be planned; `exit_status` is None where the run did not come to its
    end, or the file is cut or damaged anywhere."""

    start: Mapping[str, Any]
    planned: Sequence[str]
    verdicts: Sequence[Mapping[str, Any]]
    not_judged: Mapping[str, str]
    case_errors: Mapping[str, str]
    exit_status: int | None

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Node ids that were planned and never judged."""
        judged = {verdict["node_id"] for verdict in self.verdicts}
        return tuple(node_id for node_id in self.planned if node_id not in judged)

    @property
    def passes(self) -> bool:
        """Whether the run came to its end, planned something, and every planned check passed or is waived."""
        outcomes = {verdict["outcome"] for verdict in self.verdicts}
        owed = self.unjudged or self.case_errors
        return self.exit_status == 0 and bool(self.planned) and not owed and outcomes <= _GOOD


class LedgerError(Exception):
    """The file is no ledger of a version that this library reads."""


def read_ledger(path: Path) -> Ledger:
    """Read a ledger, also one whose writer was killed or whose last event is cut.

    Raises LedgerError where the file is none, or of another format version.
    """
    return _parsed(path.read_text(encoding="utf-8", errors="replace"))


def _parsed(text: str) -> Ledger:
    if not text.startswith(f'{{"format": {FORMAT}, '):
        beginning = text.splitlines()[0][:40] if text else "an empty file"
        raise LedgerError(f"got {beginning!r}, should be a ledger of format {FORMAT}")
    found: list[Any]
    try:
        found, is_whole = json.loads(text)["events"], True
    except (json.JSONDecodeError, KeyError):
        found, is_whole = list(_whole_events(text)), False
    events = [event for event in found if isinstance(event, dict) and "event" in event]
    if not events or events[0]["event"] != "start":
        raise LedgerError("got a file without a start event, should be a ledger written by pytest --backend=…")
    ends = [event["exit_status"] for event in events if event["event"] == "end"]
    planned = [node_id for event in events if event["event"] == "plan" for node_id in event["node_ids"]]
    return Ledger(
        start=events[0],
        planned=planned,
        not_judged={event["node_id"]: event["reason"] for event in events if event["event"] == "not-judged"},
        case_errors={event["case_file"]: event["error"] for event in events if event["event"] == "case-error"},
        verdicts=[event for event in events if event["event"] == "verdict"],
        exit_status=ends[-1] if ends and is_whole else None,
    )


def _whole_events(text: str) -> Iterable[Any]:
    """The events of a cut file that can be read, which stand one a line."""
    for line in text.splitlines()[1:]:
        try:
            yield json.loads(line.removesuffix(","))
        except json.JSONDecodeError:
            continue  # the closing brackets, or the one event that was being written
