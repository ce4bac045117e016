"""What this process and all below it hold, pages that they share counted once. Megabytes are 10**6 bytes."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_qparity.worker import processes

_ROLLUP = Path("/proc/self/smaps_rollup")
_STATUS = Path("/proc/self/status")


def children() -> set[int]:
    """The processes below this one that hold memory of their own (Linux)."""
    return processes.with_own_memory(processes.descendants(os.getpid())) if processes.LINUX else set()


def held_mb(below: set[int]) -> float | None:
    """resident + Σ proportional(below) − what `below` and others share of this one's private and shared memory

    Its pages of files count in full, whoever else maps them: a session beside it that opens or ends the same library
    would move the figure. None where the system does not tell.
    """
    try:
        rollup, status = (_kilobytes(file) for file in (_ROLLUP, _STATUS))
        anonymous, shared = (rollup["Anonymous"], rollup["Pss_Anon"]), (status["RssShmem"], rollup["Pss_Shmem"])
    except (OSError, KeyError):  # Linux before 5.4
        return None
    own = rollup["Rss"] - (anonymous[0] - anonymous[1]) - (shared[0] - shared[1])
    return own * 1024 / 1e6 + processes.proportional_mb(below)


def _kilobytes(file: Path) -> dict[str, int]:
    fields = (line.split() for line in file.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in fields if words[-1] == "kB"}
