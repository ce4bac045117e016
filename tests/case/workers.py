"""Workers for tests of what calls them: one that must not be called, one that does something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.protocol import Answer


class Unemployed:
    """A worker that must not be called."""

    limits = Limits()

    def call(self, target: str, *_: object) -> NoReturn:
        raise AssertionError(f"should not have called {target}")

    def close(self) -> None: ...


class Misled:
    """Another worker's calls, all of them to `target`: what foreign code may do in the midst of ours."""

    def __init__(self, worker: WorkerProcess, target: str) -> None:
        self._worker = worker
        self._target = target
        self.limits = worker.limits

    def call(self, target: str, arguments: Mapping[str, Any], arrays: Any, work: str, phase: Phase) -> Answer:
        return self._worker.call(self._target, arguments, arrays, work, phase)

    def close(self) -> None:
        self._worker.close()


@contextmanager
def misled(target: str, **limits: float) -> Iterator[Misled]:
    """A real worker process that does `target` whatever it is asked for."""
    worker = Misled(WorkerProcess(Limits(memory_mb=2000).but(**limits)), target)
    try:
        yield worker
    finally:
        worker.close()
