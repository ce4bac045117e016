"""What workers may leave behind: processes, shared memory, temporary files."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import psutil


def exists(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children() -> set[str]:
    """Every process below this one, zombies included; some are none of ours (multiprocessing's resource tracker)."""
    return {f"{child.pid} {child.name()}" for child in psutil.Process().children(recursive=True)}


def started_by_workers(temporary: Path) -> set[int]:
    """Every process whose worker has its folder in `temporary`, whoever its parent is by now."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"TMPDIR={temporary}/qparity-worker-" in (entry / "environ").read_text():
                found.add(int(entry.name))
        except (OSError, UnicodeDecodeError):
            continue
    return found


def open_arenas() -> int:
    """How many descriptors of this process are shared memory of workers."""
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(entry.readlink()))
        except OSError:
            continue
    return sum("memfd:qparity" in name for name in names)


def temporary_files() -> list[str]:
    folder = Path(tempfile.gettempdir())
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("qparity-"))


def descriptors() -> int:
    """How many descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def wait_for_supervisors(temporary: Path, patience_s: float = 10.0) -> None:
    """A session that was killed leaves its cleaning to supervisors, which are no children of this process."""
    end = time.monotonic() + patience_s
    while _is_being_cleaned(temporary) and time.monotonic() < end:
        os.sched_yield()


def _is_being_cleaned(temporary: Path) -> bool:
    """A supervisor removes its folder, and ends after that."""
    folders = any(path.name.startswith("qparity-") for path in temporary.iterdir())
    return folders or bool(started_by_workers(temporary))
