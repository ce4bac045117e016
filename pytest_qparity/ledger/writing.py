"""Writing a ledger: one JSON document with every planned check and its verdict, written as the run goes.

The file is a valid JSON document after every append, and on disk: an event goes over the closing brackets and brings
them along in the same write. A reader of a file that was cut all the same (a full disk, a power cut) gets the events
that are whole. docs/ledger.md describes the format.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_qparity.ledger.events import FORMAT, GOOD, plain
from pytest_qparity.ledger.reading import Ledger, parsed
from pytest_qparity.verdict import Code

_CLOSING = b"\n]}\n"


class LedgerWriter:
    """Appends events to a new ledger file; the file is whole, valid JSON between any two calls.

    The file takes the place of an older one of its name at once. A second session that does the same takes the name,
    and each goes on writing a file of its own.
    """

    def __init__(self, path: Path, start: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._unjudged: dict[str, None] = {}
        self._outcomes: dict[str, list[str]] = {}  # of each node id that was judged
        self.has_plan = False
        self.planned = False  # whether any check was
        self._refused = False
        self._end = 0  # where the file ends
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
        self._descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.fchmod(self._descriptor, 0o644)
        first = json.dumps({"event": "start", "session": uuid.uuid4().hex, **plain(start)}, allow_nan=False)
        self._write(f'{{"format": {FORMAT}, "events": [\n{first}'.encode() + _CLOSING)
        Path(fresh).replace(path)

    def append(self, event: Mapping[str, Any]) -> None:
        """Add an event; it is on disk when this returns."""
        content = b",\n" + json.dumps(event, allow_nan=False).encode() + _CLOSING
        self._end -= len(_CLOSING)
        self._write(content)

    def _write(self, content: bytes) -> None:
        while content:
            written = os.pwrite(self._descriptor, content, self._end)
            content = content[written:]
            self._end += written
        _flush(self._descriptor)

    def plan(self, node_ids: Sequence[str], case_files: Mapping[str, str] | None = None) -> None:
        """Record the checks that were asked for, and the SHA-256 of the case files that they come from."""
        self._unjudged.update(dict.fromkeys(node_ids))
        self.has_plan = True
        self.planned = self.planned or bool(node_ids)
        self.append({"event": "plan", "node_ids": list(node_ids), "case_files": dict(case_files or {})})

    def not_asked_for(self, node_ids: Sequence[str]) -> None:
        """Record checks of the same cases that were deselected: nothing is known of them."""
        self.append({"event": "not-asked-for", "node_ids": list(node_ids)})

    def judged(self, event: Mapping[str, Any]) -> None:
        """Record a verdict event (see verdict_event). One that is judged again keeps what it got before."""
        self._unjudged.pop(event["node_id"], None)
        self._refused = self._refused or event["outcome"] not in GOOD
        self.append(event)
        outcomes = self._outcomes.setdefault(event["node_id"], [])
        outcomes.append(event["outcome"])
        if len(set(outcomes)) > 1:
            self.append({"event": "flaky", "node_id": event["node_id"], "outcomes": list(outcomes)})

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
        written = os.pread(self._descriptor, self._end, 0).decode()
        os.close(self._descriptor)
        return parsed(written)


def _flush(descriptor: int) -> None:
    """To disk, where the file is on one: a pipe or device has none to flush to."""
    try:
        os.fdatasync(descriptor) if hasattr(os, "fdatasync") else os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
