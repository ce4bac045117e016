"""Turns of the processes of a gate on one machine: what is timed is timed while no other of them has an engine at work.

Three files in the cache folder, locked by flock, so that the system lets go of what a killed process held:

    timing:  held by whoever times, so that timed runs wait for one another
    engines: shared by whoever has an engine at work, held alone by whoever times one
    queue:   passed through before `engines`; whoever times holds it while it waits, so that no new work goes first

A lock of filelock has no shared mode, or takes 0.8 ms to take (SQLite); these take 0.01 ms of each call.

Only calls to workers count as work: Python that compares outputs, another gate with a cache folder of its own and all
other processes of the machine do not know of these locks. The evidence says what others took of the processor.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.worker.limits import Limits, Phase
    from pytest_qparity.worker.protocol import Answer, Worker

try:
    import fcntl
except ImportError:  # Windows: engines run in pytest's own process there, and timed runs know nothing of others
    fcntl = None  # type: ignore[assignment]

WAITED_S = 30.0  # for the work of others: building an engine may take minutes
_POLL_S = 0.01


@dataclass(slots=True)
class Turns:
    """Of one process; `folder` is that of all. Where it cannot be written to, everybody works at once."""

    folder: Path
    waited_s: float = WAITED_S
    _is_timing: bool = field(default=False, init=False)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """An engine is at work; waits for whoever times one. Within `timed` it is that work, and waits for nobody."""
        with contextlib.ExitStack() as held:
            if not self._is_timing:
                with self._locked("queue", exclusive=False):
                    held.enter_context(self._locked("engines", exclusive=False))
            yield

    @contextlib.contextmanager
    def timed(self) -> Iterator[bool | None]:
        """Whether nobody else has an engine at work until this ends; None where that cannot be told.

        Timed runs wait for one another however long it takes; for other work `waited_s`, and then go on beside it.
        """
        with contextlib.ExitStack() as held:
            can_tell = held.enter_context(self._locked("timing", exclusive=True))
            with self._locked("queue", exclusive=True):
                is_alone = held.enter_context(self._engines()) if can_tell else None
            self._is_timing = True
            held.callback(setattr, self, "_is_timing", False)
            yield is_alone

    @contextlib.contextmanager
    def _engines(self) -> Iterator[bool]:
        """Held alone, where all others come to rest in time."""
        descriptor = self._opened("engines")
        if descriptor is None:
            yield False
            return
        end = time.monotonic() + self.waited_s
        try:
            while not (is_alone := _try_exclusive(descriptor)) and time.monotonic() < end:
                time.sleep(_POLL_S)
            yield is_alone
        finally:
            os.close(descriptor)  # and with it the lock

    @contextlib.contextmanager
    def _locked(self, name: str, *, exclusive: bool) -> Iterator[bool]:
        """Whether there is such a lock here; held until this ends."""
        descriptor = self._opened(name)
        if descriptor is None:
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield True
        finally:
            os.close(descriptor)

    def _opened(self, name: str) -> int | None:
        """The descriptor is no worker's: a process that is started does not inherit it."""
        if fcntl is None:
            return None
        path = os.path.join(self.folder, "turns", name)  # noqa: PTH118  twice a call: a Path takes longer than the lock
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
                return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            pass
        return None


def _try_exclusive(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class InTurn:
    """A worker whose calls wait while another process times an engine."""

    def __init__(self, worker: Worker, turns: Turns) -> None:
        self._worker = worker
        self._turns = turns

    @property
    def limits(self) -> Limits:
        return self._worker.limits

    def call(
        self,
        target: str,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        work: str,
        phase: Phase,
    ) -> Answer:
        with self._turns.working():
            return self._worker.call(target, arguments, arrays, work, phase)

    def close(self) -> None:
        self._worker.close()
