"""os._exit asks nobody: what calls it in pytest's process must not end a session well that owes verdicts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import NoReturn

STATUS = 70  # sysexits' EX_SOFTWARE: pytest ends with none like it


class Leaving:
    """Turns os._exit(0) of this process into a failure as long as `owed` says why; a fork of it leaves as it likes.

    It is Python's own name alone that is guarded: C code that calls _exit, and a process that becomes another one
    (exec), end as they will, and the ledger has no end then.
    """

    def __init__(self, owed: Callable[[], str]) -> None:
        self._owed = owed
        self._process = os.getpid()
        self._original = os._exit
        self._stderr: int | None = None

    def guard(self) -> None:
        # pytest's capturing takes descriptor 2 away while a test runs: a copy of it is made before.
        with contextlib.suppress(OSError):
            self._stderr = os.dup(2)
        self._original = os._exit
        os._exit = self._exit

    def stop(self) -> None:
        if os._exit == self._exit:  # whoever took the name over meanwhile keeps it
            os._exit = self._original
        if self._stderr is not None:
            os.close(self._stderr)
            self._stderr = None

    def _exit(self, status: int) -> NoReturn:
        owed = self._owed() if os.getpid() == self._process else ""
        if not owed or status & 0xFF:  # the system keeps eight bits of it
            self._original(status)
        with contextlib.suppress(OSError):
            os.write(2 if self._stderr is None else self._stderr, f"qparity: got os._exit({status}): {owed}\n".encode())
        self._original(STATUS)
