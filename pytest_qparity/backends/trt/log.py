"""What TensorRT says while it works: errors become sentences, warnings stand as evidence in the ledger."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING
from weakref import WeakSet

import tensorrt as trt

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_KEPT = 200  # messages of one kind, of one piece of work: a build can warn of each layer
LONGEST = 300


class Log(trt.ILogger):
    """TensorRT keeps the first logger of a process for all that comes after it, so that a process has one of these,
    and each piece of work hears by a `mark` of its own: what one hears bounds no other."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self._marks: WeakSet[Mark] = WeakSet()
        # Messages come from several threads, and from within one another: what is freed while one is told may log.
        self._lock = RLock()

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        """Called by TensorRT, from several threads; what is raised here would be lost."""
        is_error = severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)
        if is_error or severity == trt.ILogger.Severity.WARNING:
            line = " ".join(msg.split())
            with self._lock:
                for mark in tuple(self._marks):
                    mark.hear(line, is_error=is_error)

    def mark(self, watched: str | None = None) -> Mark:
        """Hears what is said from here on, as long as it is held. `watched`: what a guard looks for in warnings."""
        mark = Mark(watched)
        with self._lock:
            self._marks.add(mark)
        return mark


class Mark:
    """What was said since: the first MOST_KEPT errors and warnings, each once, cut at LONGEST characters. Of guards,
    none looks at what such bounds leave out: the first error is always kept, and watched warnings are kept apart."""

    def __init__(self, watched: str | None = None) -> None:
        self._watched = watched
        self._errors: dict[str, None] = {}
        self._warnings: dict[str, None] = {}
        self._found: dict[str, None] = {}

    def hear(self, line: str, *, is_error: bool) -> None:
        _keep(self._errors if is_error else self._warnings, line)
        if not is_error and self._watched is not None and self._watched in line:
            _keep(self._found, line)

    def errors(self) -> tuple[str, ...]:
        return tuple(self._errors)

    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    def watched_warnings(self) -> tuple[str, ...]:
        """Those that hold what is watched for, wherever in them and however many came before."""
        return tuple(self._found)


class Warnings:
    """What a session was warned of from its build on, each once, the first MOST_KEPT: of its runs what they say that
    nothing before has said."""

    def __init__(self, before: Iterable[str]) -> None:
        self._kept: dict[str, None] = dict.fromkeys(before)

    def add(self, mark: Mark) -> None:
        for line in mark.warnings():
            _keep(self._kept, line)

    def told(self) -> tuple[str, ...]:
        return tuple(self._kept)


def _keep(kept: dict[str, None], line: str) -> None:
    if len(kept) < MOST_KEPT:
        kept[line if len(line) <= LONGEST else f"{line[:LONGEST]} …"] = None
