"""A worker in a process of its own: calls go there, arrays through shared memory, and no ending goes unnamed."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge, Failure
from pytest_qparity.version import __version__
from pytest_qparity.worker import failures, processes
from pytest_qparity.worker.arena import Arena, LayoutError
from pytest_qparity.worker.frames import PROGRESS, ChannelClosed, FrameError, frame_of, read_frame
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.memory import answer_limit_mb, memory_limit_mb
from pytest_qparity.worker.message import said_by
from pytest_qparity.worker.protocol import LONGEST_TOLD, Answer, Watch
from pytest_qparity.worker.supervisor import DEADLINE, DEAF, Charge, Ending

if TYPE_CHECKING:
    import numpy as np

START = Phase("start", 30.0)
_GRACE_S = 0.5  # how long a process whose channel has ended may take to end itself
_LAST_WORDS_S = 5.0  # how long a supervisor may take to say how an engine ended, and to clean up
_MARK = "QPARITY_WORKER"  # in the environment of a worker and of all that it starts: by it they are found again


class WorkerProcess:
    """Runs calls in a process of its own, within limits. It starts at once, and its start is awaited by the first call.

    The first failure that ends the process is the failure of every later call: nothing is tried again.
    """

    def __init__(self, limits: Limits, watch: Watch | None = None) -> None:
        """`watch` hears how far long calls are, and when one of which it heard has ended."""
        self.limits = limits
        self._watch = watch
        self._ended: Failure | None = None
        self._number = 0
        self._greeted = False
        with contextlib.ExitStack() as held:
            try:
                self._memory_mb = memory_limit_mb(limits)
                self._acquire(held)
            except OSError as error:
                raise CannotJudge(failures.not_started(f"{error.strerror} ({type(error).__name__})")) from error
            resources = held.pop_all()
        self._answer_mb = answer_limit_mb(limits, self._memory_mb)
        self._awaited = select.poll()
        self._awaited.register(self._channel, select.POLLIN)
        self._awaited.register(self._lifeline, select.POLLIN)
        held_by_this = _Held(os.getpid(), self._supervisor, self._lifeline, _mark_of(self._scratch), resources)
        self._close = weakref.finalize(self, held_by_this.release)

    def _acquire(self, held: contextlib.ExitStack) -> None:
        """Start the supervisor; `held` lets go of all that this process then holds."""
        self._scratch = tempfile.mkdtemp(prefix="qparity-worker-")
        held.callback(shutil.rmtree, self._scratch, ignore_errors=True)  # where the supervisor was killed, it is there
        self._requests, self._replies = _arena(held), _arena(held)
        self._lifeline, theirs = socket.socketpair()
        held.callback(self._lifeline.close)
        with theirs:
            self._channel, channel = socket.socketpair()
            held.callback(self._channel.close)
            with channel:
                descriptors = (theirs.fileno(), channel.fileno(), self._requests.descriptor, self._replies.descriptor)
                self._supervisor = _started(Charge(*descriptors, self._memory_mb, self._scratch))

    def call(
        self,
        target: str,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        work: str,
        phase: Phase,
    ) -> Answer:
        """What `target` ("package.module:function") gives there. `work` is who does it, for failures.

        Raises CannotJudge with what the function raised, or with how the process ended instead.
        """
        if self._ended is not None:
            raise CannotJudge(self._ended)
        try:
            return self._exchange(target, arguments, arrays, work, phase)
        except CannotJudge:
            raise
        except BaseException:  # Ctrl-C in the middle of a call: its answer must not be taken for that of another
            self.close()
            raise

    def close(self) -> None:
        """End the process and all it started; nothing of it is left when this returns."""
        if self._ended is None:
            self._ended = failures.not_started("closed before this call")
        self._close()

    def _exchange(
        self,
        target: str,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        work: str,
        phase: Phase,
    ) -> Answer:
        self._greet()
        self._number += 1
        try:
            layout = self._requests.write(arrays)
        except OSError as error:  # no room for shared memory
            raise self._failed(failures.failed_inside(work, phase, said_by(error))) from error
        request = {"number": self._number, "call": target, "arguments": arguments, "arrays": layout}
        end = time.monotonic() + phase.deadline_s
        self._send(frame_of(request), end, work, phase)
        reply = self._answered(end, work, phase)
        if reply.get("number") != self._number:
            raise self._failed(failures.no_answer(work, phase, f"an answer to call {str(reply.get('number'))[:40]}"))
        return self._answer(reply, work, phase)

    def _answered(self, end: float, work: str, phase: Phase) -> dict[str, Any]:
        """The next frame that does not only tell how far the call is. Telling moves no deadline."""
        told = False
        try:
            while (reply := self._received(end, work, phase)).keys() == {PROGRESS}:
                if time.monotonic() > end:
                    raise self._failed(self._ending_of(work, phase, overtime=True))
                if self._watch is not None:
                    told = True
                    self._watch(work, "".join(filter(str.isprintable, str(reply[PROGRESS])[:LONGEST_TOLD])))
            return reply
        finally:
            if told and self._watch is not None:
                self._watch(work, "")

    def _greet(self) -> None:
        """Await the first frame, in which the process says which version of this package it runs."""
        if self._greeted:
            return
        greeting = self._received(time.monotonic() + START.deadline_s, "A worker process", START)
        if greeting.get("version") != __version__:
            got = f"version {str(greeting.get('version'))[:40]} of pytest-qparity, should be {__version__}"
            raise self._failed(failures.not_started(got))
        self._greeted = True

    def _answer(self, reply: Mapping[str, Any], work: str, phase: Phase) -> Answer:
        if "failure" in reply:
            try:
                failure = failures.failure_from_json(reply["failure"])
            except ValueError as error:
                raise self._failed(failures.no_answer(work, phase, str(error))) from None
            raise CannotJudge(failure)
        if "error" in reply:
            raise CannotJudge(failures.failed_inside(work, phase, str(reply["error"])))
        try:
            arrays = self._replies.read(reply.get("arrays"), self._answer_mb * 1e6)
        except LayoutError as error:
            raise self._failed(failures.no_answer(work, phase, str(error))) from None
        return Answer(reply.get("value"), arrays)

    def _send(self, frame: bytes, end: float, work: str, phase: Phase) -> None:
        self._channel.settimeout(max(end - time.monotonic(), 0.001))
        try:
            self._channel.sendall(frame)
        except TimeoutError:
            raise self._failed(self._ending_of(work, phase, overtime=True)) from None
        except ConnectionError:
            raise self._failed(self._ending_of(work, phase, overtime=False)) from None

    def _received(self, end: float, work: str, phase: Phase) -> dict[str, Any]:
        def read(count: int) -> bytes:
            self._await_data(end, work, phase)
            return self._channel.recv(count)

        try:
            return read_frame(read)
        except (ChannelClosed, ConnectionError):
            raise self._failed(self._ending_of(work, phase, overtime=False)) from None
        except FrameError as error:
            raise self._failed(failures.no_answer(work, phase, str(error))) from None

    def _await_data(self, end: float, work: str, phase: Phase) -> None:
        """Until there is something to read; raises where the engine ended, or time is up."""
        ready = dict(self._awaited.poll(max(0.0, end - time.monotonic()) * 1e3))
        if self._channel.fileno() in ready and ready[self._channel.fileno()] & select.POLLIN:
            return
        raise self._failed(self._ending_of(work, phase, overtime=not ready))

    def _ending_of(self, work: str, phase: Phase, *, overtime: bool) -> Failure:
        """How the engine ended, in its supervisor's words; it is made to end where time is up, or where it has closed
        its channel and lives on.

        An engine may have stopped its supervisor: that is continued first. One that is silent all the same is killed
        with all below it: after this, nobody waits for it again.
        """
        self._supervisor.send_signal(signal.SIGCONT)
        poller = select.poll()
        poller.register(self._lifeline, select.POLLIN)
        is_deaf = not overtime and not poller.poll(_GRACE_S * 1e3)
        if overtime or is_deaf:
            with contextlib.suppress(OSError):
                self._lifeline.sendall(DEADLINE if overtime else DEAF)
        self._lifeline.settimeout(_GRACE_S if overtime else _LAST_WORDS_S)
        try:
            ending = Ending.of(read_frame(self._lifeline.recv))
        except (ChannelClosed, OSError, FrameError, KeyError):
            ending = Ending(_killed(self._supervisor), overtime, is_deaf, None, "")
        return failures.ended(work, phase, ending, self._memory_mb)

    def _failed(self, failure: Failure) -> CannotJudge:
        self._ended = failure
        self._close()
        return CannotJudge(failure)


def _started(charge: Charge) -> subprocess.Popen[bytes]:
    """The supervisor finds modules where this process does. What it writes itself goes where pytest's stderr goes."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
        "TMPDIR": charge.scratch,
        _MARK: _mark_of(charge.scratch),
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "pytest_qparity.worker.supervisor", charge.as_argument()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        pass_fds=(charge.lifeline, charge.control, charge.requests, charge.replies),
        start_new_session=True,
    )


def _mark_of(scratch: str) -> str:
    return Path(scratch).name


def _killed(supervisor: subprocess.Popen[bytes]) -> int:
    """The status of a supervisor that says nothing more: its own, where it is gone, else that of its end now."""
    if supervisor.poll() is None:
        processes.end_below(supervisor.pid)
    return supervisor.wait()


@dataclass(frozen=True, slots=True)
class _Held:
    """What a worker's owner holds of it."""

    owner: int
    supervisor: subprocess.Popen[bytes]
    lifeline: socket.socket
    mark: str
    resources: contextlib.ExitStack

    def release(self) -> None:
        """Let go of the lifeline, at which the supervisor ends everything, and then of what this process holds. What a
        supervisor that was killed has left behind is found by its mark.

        A fork of the owner holds copies of it all, and ends nothing.
        """
        if os.getpid() != self.owner:
            return
        self.lifeline.close()
        self.supervisor.send_signal(signal.SIGCONT)
        try:
            status = self.supervisor.wait(_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            status = _killed(self.supervisor)
        if status != 0:
            processes.end_marked(_MARK, self.mark)
        self.resources.close()


def _arena(held: contextlib.ExitStack) -> Arena:
    arena = Arena()
    held.callback(arena.close)
    return arena
