"""Writing a ledger: one JSON document with every planned check and its verdict, written as the run goes.

The file is a valid JSON document after every append: an event goes over the closing brackets and brings
them along in the same write. A reader of a file that was cut all the same (a full disk, a power cut) gets the events
that are whole. docs/ledger.md describes the format.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_qparity.durable import flush_folder, require_room
from pytest_qparity.ledger.events import FORMAT, GOOD, NO_VERDICT, plain
from pytest_qparity.ledger.flushing import FLUSH_EVERY_S, Flusher
from pytest_qparity.ledger.reading import Ledger, parsed
from pytest_qparity.verdict import Code

_CLOSING = b"\n]}\n"


class LedgerWriter:
    """Appends events to a new ledger file; the file is whole, valid JSON between any two calls.

    The file takes the place of an older one of its name at once. A second session that does the same takes the name,
    and each goes on writing a file of its own.
    """

    def __init__(self, path: Path, start: Mapping[str, Any], flush_every_s: float = FLUSH_EVERY_S) -> None:
        """`flush_every_s`: events that come faster go to disk together, at most so much later (`flushing`)."""
        require_room(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._outcomes: dict[str, list[str]] = {}  # of each check that was planned or judged, one an attempt
        self.has_plan = False
        self._planned: dict[str, None] = {}
        self._refused = False
        self._end = 0  # where the last event ends, and the closing brackets begin
        self._descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.fchmod(self._descriptor, 0o644)
        self._flusher = Flusher(self._descriptor, flush_every_s)
        first = json.dumps({"event": "start", "session": uuid.uuid4().hex, **plain(start)}, allow_nan=False)
        self._add(f'{{"format": {FORMAT}, "events": [\n{first}'.encode())
        Path(fresh).replace(path)
        flush_folder(path.parent)  # else a power cut may bring back the older ledger, which passes

    def append(self, *events: Mapping[str, Any]) -> None:
        """Add events in one write: they are in the file when this returns, and not where it raises OSError."""
        self._add(b"".join(b",\n" + json.dumps(event, allow_nan=False).encode() for event in events))

    def _add(self, content: bytes) -> None:
        try:
            self._flusher.raise_what_went_wrong()
            self._put(content + _CLOSING)
            self._flusher.wrote()
        except OSError:
            with contextlib.suppress(OSError):  # a disk that is full has room for what stood there before
                self._put(_CLOSING)
            raise
        self._end += len(content)

    def _put(self, content: bytes) -> None:
        """Let the file end in `content`, after the last event that was added whole: what an append left there that was
        interrupted (Ctrl-C, a full disk) is written over or cut off."""
        position = self._end
        while content:
            written = os.pwrite(self._descriptor, content, position)
            content = content[written:]
            position += written
        if os.fstat(self._descriptor).st_size > position:
            os.ftruncate(self._descriptor, position)

    def plan(self, node_ids: Sequence[str], case_files: Mapping[str, str] | None = None) -> None:
        """Record the checks that were asked for, and the SHA-256 of the case files that they come from."""
        self.append({"event": "plan", "node_ids": list(node_ids), "case_files": dict(case_files or {})})
        self.has_plan = True
        self._planned.update(dict.fromkeys(node_ids))

    def not_asked_for(self, node_ids: Sequence[str]) -> None:
        """Record checks of the same cases that were deselected: nothing is known of them."""
        self.append({"event": "not-asked-for", "node_ids": list(node_ids)})

    def not_collected(self, case_files: Sequence[str]) -> None:
        """Record case files that are there and were not collected: nothing is known of them."""
        if case_files:
            self.append({"event": "not-collected", "case_files": list(case_files)})

    def judged(self, event: Mapping[str, Any]) -> None:
        """Record a verdict event (see verdict_event). A check that is judged again keeps what it got before."""
        self._refused = self._refused or event["outcome"] not in GOOD
        self._attempted(event, event["outcome"])

    def not_judged(self, node_id: str, reason: str) -> None:
        """Record that a planned check ended without a verdict; a node id that was not planned is passed over.

        This too is an answer that stands: a crash is not retried into a pass.
        """
        if node_id in self._planned:
            code = Code.RUN_INCOMPLETE.code
            self._attempted({"event": "not-judged", "node_id": node_id, "code": code, "reason": reason}, NO_VERDICT)

    def _attempted(self, event: Mapping[str, Any], outcome: str) -> None:
        node_id = event["node_id"]
        outcomes = [*self._outcomes.get(node_id, ()), outcome]
        is_flaky = len(set(outcomes)) > 1
        self.append(event, *([{"event": "flaky", "node_id": node_id, "outcomes": outcomes}] if is_flaky else []))
        self._outcomes[node_id] = outcomes

    def case_error(self, case_file: str, error: str) -> None:
        """Record that a case file could not be planned."""
        self._refused = True
        self.append({"event": "case-error", "case_file": case_file, "error": error})

    @property
    def planned(self) -> bool:
        """Whether any check was."""
        return bool(self._planned)

    @property
    def owes(self) -> bool:
        """Whether nothing was planned, or a planned check has no verdict, or once ended without one."""
        return not self.planned or any(not self._is_judged(node_id) for node_id in self._planned)

    def _is_judged(self, node_id: str) -> bool:
        outcomes = self._outcomes.get(node_id, ())
        return bool(outcomes) and NO_VERDICT not in outcomes

    def debt(self) -> str:
        """Why this ledger cannot stand for a pass; empty where nothing speaks against it."""
        if not self.planned:
            return "No check was planned, should be at least one."
        unjudged = [node_id for node_id in self._planned if not self._is_judged(node_id)]
        if unjudged:
            if len(unjudged) == 1:
                return f"1 planned check has no verdict, should have one: {unjudged[0]}"
            return f"{len(unjudged):,} planned checks have no verdict, should have one each; the first is {unjudged[0]}"
        return "The ledger holds a verdict that is no pass." if self._refused else ""

    def close(self, exit_status: int) -> Ledger:
        """Write the end; what was written, as a reader of the file would find it."""
        self.append({"event": "end", "exit_status": exit_status})
        self._flusher.close()
        written = self.so_far()
        os.close(self._descriptor)
        return written

    def so_far(self) -> Ledger:
        """What a reader of the file would find now."""
        return parsed(os.pread(self._descriptor, self._end + len(_CLOSING), 0).decode())
