"""Processes as the system shows them: whose child is whose, what they hold, and how to end them all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

LINUX = sys.platform == "linux"
_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_HAS_CHILDREN = (_PROC / "thread-self" / "children").exists()
_PATIENCE_S = 3.0
_FREEZES = 3  # looks before anything is killed: each finds what was started since the one before
_PR_SET_PDEATHSIG = 1  # prctl(2)
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of what this process's descendants leave behind, however they detach (Linux)."""
    if LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with(parent: int) -> None:
    """Let the kernel end this process when `parent` ends, whatever native code it is in (Linux)."""
    if LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it ended before this process asked


def wake_with_parent() -> None:
    """Let the kernel continue this process when its parent ends, should it be stopped then (Linux)."""
    if LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)


def be_first_victim() -> None:
    """Let a machine that runs out of memory take this process, not pytest (proc(5), oom_score_adj)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def resident_mb(pids: Iterable[int]) -> float:
    """Resident memory of processes together, in 10**6 bytes; one that is gone counts nothing.

    Pages that they share count once for each.
    """
    return sum(_resident_bytes(pid) for pid in pids) / 1e6


def proportional_mb(pids: Iterable[int]) -> float:
    """The same with shared pages counted once (Linux). It costs a hundred times as much to ask."""
    return sum(_proportional_bytes(pid) for pid in pids) / 1e6


def descendants(pid: int) -> set[int]:
    """All processes below `pid`, those that it adopted included."""
    if not LINUX:
        import psutil

        with contextlib.suppress(psutil.Error):
            return {child.pid for child in psutil.Process(pid).children(recursive=True)}
        return set()
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        children = _children(waiting.pop()) - found
        found |= children
        waiting += children
    return found


def with_own_memory(pids: Iterable[int]) -> set[int]:
    """Those whose memory is not their parent's, as it is between vfork and exec: it would count twice (Linux).

    That is told by the size of the address space: a fork that has mapped nothing since is taken for one.
    """
    return {pid for pid in pids if not _mapped(pid) or _mapped(pid) != _mapped(_parent(pid))}


def end_children(group: int | None) -> bool:
    """Kill and reap every child of this process and all they started; `group` goes first, in one call. False where
    some were left when patience ended.

    Each that is killed hands its children up to this process (`adopt_orphans`), so that none escapes. All that have
    ended are reaped before the next look: what keeps forking leaves thousands of them, and outruns a slower look.
    """
    if group is not None:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    end = time.monotonic() + _PATIENCE_S
    while _reap():
        if time.monotonic() > end:
            return False
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)
    return True


def end_marked(variable: str, value: str) -> None:
    """Kill every process that was started with this environment variable, whoever its parent is by now (Linux).

    It is handed down through forks, sessions and new programs, unless a program is started without its environment.
    """
    mark = f"{variable}={value}".encode()
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and _end_all(lambda: _marked(mark), end):
        pass


def end_below(pid: int) -> None:
    """Kill a process and all below it; itself last, so that they are known as its own until they have ended."""
    _signal_all({pid}, signal.SIGSTOP)
    end = time.monotonic() + _PATIENCE_S
    _end_all(lambda: descendants(pid), end)
    _signal_all({pid}, signal.SIGKILL)


def _end_all(look: Callable[[], set[int]], end: float) -> set[int]:
    """Kill what is found, once all of it is stopped and starts no more, and wait until it has ended."""
    found = look()
    for _ in range(_FREEZES):
        _signal_all(found, signal.SIGSTOP)
        found |= look()
    _signal_all(found, signal.SIGKILL)
    while any(map(_lives, found)) and time.monotonic() < end:
        time.sleep(0.001)
    return found


def _signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _reap() -> bool:
    """Reap all children that have ended; whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    if not LINUX:
        import psutil

        return bool(psutil.pid_exists(pid))
    return _fields(pid)[:1] not in ([], [b"Z"], [b"X"])


def _fields(pid: int) -> list[bytes]:
    """What proc(5) tells of a process behind its name, which stands in brackets and may hold anything; state, parent…
    Nothing where it is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []


def _marked(mark: bytes) -> set[int]:
    """Living processes, other than this one, whose first environment holds `mark`; one that has ended shows none."""
    if not LINUX:
        return set()
    found = set()
    for entry in os.listdir(_PROC):  # noqa: PTH208
        if entry.isdigit() and int(entry) != os.getpid():
            with contextlib.suppress(OSError):  # gone, or another user's
                if mark in (_PROC / entry / "environ").read_bytes().split(b"\0"):
                    found.add(int(entry))
    return found


def _resident_bytes(pid: int) -> int:
    if not LINUX:
        import psutil

        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
        return 0
    try:
        return int((_PROC / str(pid) / "statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _mapped(pid: int) -> bytes:
    """Pages of its address space; nothing where it is gone."""
    try:
        return (_PROC / str(pid) / "statm").read_bytes().split()[0]
    except (OSError, IndexError):
        return b""


def _parent(pid: int) -> int:
    return int((_fields(pid)[1:2] or [b"0"])[0])


def _proportional_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return _resident_bytes(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), _resident_bytes(pid))


def _children(pid: int) -> set[int]:
    """The children of all threads of a process (proc(5), CONFIG_PROC_CHILDREN); zombies count too."""
    children: set[int] = set()
    try:
        threads = os.listdir(_PROC / str(pid) / "task")  # noqa: PTH208  ten times as fast as Path.iterdir
    except OSError:
        return children
    for thread in threads:
        listed = _PROC / str(pid) / "task" / thread / "children"
        try:
            children.update(map(int, listed.read_bytes().split()))
        except FileNotFoundError:
            if _HAS_CHILDREN:
                continue  # a thread that has ended since
            return {child for child, parent in _parents().items() if parent == pid}
        except OSError:
            continue
    return children


def _parents() -> dict[int, int]:
    """The parent of each process, on a kernel that does not list children."""
    pids = [int(entry) for entry in os.listdir(_PROC) if entry.isdigit()]  # noqa: PTH208
    return {pid: int(fields[1]) for pid in pids if (fields := _fields(pid))}
