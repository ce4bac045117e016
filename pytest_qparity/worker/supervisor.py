"""The parent of an engine's process: it starts it, watches it, says how it ended, and leaves nothing behind.

It runs no foreign code and answers at once whatever the engine does. pytest holds one end of its lifeline: when that
closes, for whatever reason (an end, Ctrl-C, kill -9), everything that the engine started is killed. Should the
supervisor itself be killed, or not be able to end them all, it leaves with another status than 0, and pytest does it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.worker import processes
from pytest_qparity.worker.frames import frame_of

if TYPE_CHECKING:
    from collections.abc import Callable

WATCH_MS = 20  # between two looks at memory, at least
RARE_WATCH_MS = 200  # at most, and between two looks at all that the engine started
FASTEST_MB_PER_MS = 50.0  # no process fills memory as fast: a core clears new pages at some 10 GB/s
_TAIL_BYTES = 4096
DEADLINE = b"d"  # sent down the lifeline: time is up
DEAF = b"c"  # sent down the lifeline: the engine does not answer any more, whatever it does


@dataclass(frozen=True, slots=True)
class Charge:
    """What a supervisor is given on its command line. Descriptors are inherited."""

    lifeline: int
    control: int
    requests: int
    replies: int
    memory_mb: float
    scratch: str

    def as_argument(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Ending:
    """How an engine's process ended. `status` as os.waitstatus_to_exitcode gives it: below 0 a signal. `deadline`,
    `deaf`: whether it was told to end for that."""

    status: int
    deadline: bool
    deaf: bool
    memory_mb: float | None  # what it held when it was killed for it
    said: str  # the end of what it wrote to stdout and stderr

    @staticmethod
    def of(message: dict[str, Any]) -> Ending:
        return Ending(message["status"], message["deadline"], message["deaf"], message["memory_mb"], message["said"])


def main() -> None:
    charge = Charge(**json.loads(sys.argv[1]))
    processes.adopt_orphans()
    processes.wake_with_parent()
    awake, alarm = socket.socketpair()
    awake.setblocking(False)
    alarm.setblocking(False)
    signal.signal(signal.SIGCHLD, _nothing)  # without a handler it would wake nobody
    signal.set_wakeup_fd(alarm.fileno(), warn_on_full_buffer=False)
    said, saying = os.pipe()
    engine = os.fork()
    if engine == 0:
        _become_engine(charge, said, saying)
    os.close(saying)
    os.close(charge.control)
    os.set_blocking(said, False)
    watch = _Watch(charge, engine, said)
    ending = watch.until_the_end(awake)
    lifeline = socket.socket(fileno=charge.lifeline)
    with contextlib.suppress(OSError):  # nobody is left to hear it
        if ending is not None:
            lifeline.sendall(frame_of(asdict(ending)))
    all_ended = processes.end_children(engine)
    _remove(charge.scratch)
    os._exit(0 if all_ended else 1)


def next_look_ms(free_mb: float) -> int:
    """When memory is looked at again, so that what is still allowed is not filled in between:

    free_mb / FASTEST_MB_PER_MS, within WATCH_MS and RARE_WATCH_MS
    """
    return round(min(max(free_mb / FASTEST_MB_PER_MS, WATCH_MS), RARE_WATCH_MS))


class _Watch:
    """Looks after one engine's process until it has ended, or must."""

    def __init__(self, charge: Charge, engine: int, said: int) -> None:
        self._charge = charge
        self._engine = engine
        self._said = said
        self._tail = b""
        self._word = b""  # why pytest had it ended
        self._held_mb: float | None = None
        self._all_due = 0.0  # by the monotonic clock

    def until_the_end(self, awake: socket.socket) -> Ending | None:
        """How the engine ended; None where pytest let go of it."""
        poller = select.poll()
        poller.register(self._charge.lifeline, select.POLLIN)
        poller.register(self._said, select.POLLIN)
        poller.register(awake, select.POLLIN)
        while True:
            ready = dict(poller.poll(self._look_at_memory()))
            if awake.fileno() in ready:
                awake.recv(4096)
            if self._said in ready and not self._listen():
                poller.unregister(self._said)
            status = self._ended()
            if status is not None:
                self._listen()
                return self._ending(status)
            if self._charge.lifeline in ready:
                word = os.read(self._charge.lifeline, 1)
                if not word:
                    return None
                self._word = word
                self._kill()

    def _ending(self, status: int) -> Ending:
        said = self._tail.decode(errors="replace")
        return Ending(status, self._word == DEADLINE, self._word == DEAF, self._held_mb, said)

    def _look_at_memory(self) -> int:
        """Kill what holds too much; in how many milliseconds the next look is due."""
        now = time.monotonic()
        everything = now >= self._all_due
        if everything:
            self._all_due = now + RARE_WATCH_MS / 1e3
        pids = processes.descendants(os.getpid()) if everything else {self._engine}
        held_mb = processes.resident_mb(pids)
        if held_mb > self._charge.memory_mb and len(pids) > 1:
            held_mb = processes.proportional_mb(pids)
        if held_mb > self._charge.memory_mb and self._held_mb is None:
            self._held_mb = held_mb
            self._kill()
        return next_look_ms(self._charge.memory_mb - held_mb)

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._engine, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.kill(self._engine, signal.SIGKILL)

    def _ended(self) -> int | None:
        """The engine's exit status, once it has one; orphans that it left are reaped on the way."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 0
            if pid == self._engine:
                return os.waitstatus_to_exitcode(status)
            if pid == 0:
                return None

    def _listen(self) -> bool:
        """Keep the end of what was said; whether more may come."""
        while True:
            try:
                part = os.read(self._said, 65536)
            except BlockingIOError:
                return True
            if not part:
                return False
            self._tail = (self._tail + part)[-_TAIL_BYTES:]
            if len(part) < 65536:
                return True


def _become_engine(charge: Charge, said: int, saying: int) -> None:
    """The engine's own process: a session of its own, no core dump, its words to the supervisor."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    processes.end_with(os.getppid())
    os.setsid()
    processes.be_first_victim()
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(saying, 1)
    os.dup2(saying, 2)
    for descriptor in (charge.lifeline, said, saying, nothing):
        os.close(descriptor)
    serve: Callable[[int, int, int], None]
    from pytest_qparity.worker.server import serve

    try:
        serve(charge.control, charge.requests, charge.replies)
    except BaseException:  # noqa: BLE001  an interpreter that ends in order may hang in what foreign code left
        import traceback

        with contextlib.suppress(BaseException):  # what it prints to may be closed
            traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _nothing(*_: object) -> None: ...


def _remove(scratch: str) -> None:
    """Most leave nothing there: pytest waits for this, and shutil would have to be imported first."""
    try:
        os.rmdir(scratch)  # noqa: PTH106
    except OSError:
        import shutil

        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
