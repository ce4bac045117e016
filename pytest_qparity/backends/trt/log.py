"""What TensorRT says while it works: errors become sentences, warnings stand as evidence in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorrt as trt

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_KEPT = 200  # messages of one kind: a build can warn of each layer
LONGEST = 300


class Log(trt.ILogger):
    """Errors and warnings in their order, each once. TensorRT keeps the first logger of a process for all that comes
    after it, so that a process has one of these and each piece of work is told apart by `mark`."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self._errors: list[str] = []
        self._warnings: list[str] = []

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        """Called by TensorRT, from several threads; what is raised here would be lost."""
        if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
            _keep(self._errors, msg)
        elif severity == trt.ILogger.Severity.WARNING:
            _keep(self._warnings, msg)

    def mark(self) -> Mark:
        return Mark(self, len(self._errors), len(self._warnings))

    def errors(self, start: int) -> tuple[str, ...]:
        return _each_once(self._errors[start:])

    def warnings(self, start: int) -> tuple[str, ...]:
        return _each_once(self._warnings[start:])


class Mark:
    """What was said since."""

    def __init__(self, log: Log, errors: int, warnings: int) -> None:
        self._log, self._errors, self._warnings = log, errors, warnings

    def errors(self) -> tuple[str, ...]:
        return self._log.errors(self._errors)

    def warnings(self) -> tuple[str, ...]:
        return self._log.warnings(self._warnings)


def _keep(kept: list[str], message: str) -> None:
    if len(kept) < MOST_KEPT:
        line = " ".join(message.split())
        kept.append(line if len(line) <= LONGEST else f"{line[:LONGEST]} …")


def _each_once(messages: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(messages))
