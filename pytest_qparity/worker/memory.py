"""How much memory a worker may hold where nobody says."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.worker.limits import Limits

MEMORY_SHARE = 0.75
_NO_LIMIT = 2**60  # what version 1 of cgroups says where there is none
_CGROUP = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def memory_limit_mb(limits: Limits) -> float:
    """The stated limit, else MEMORY_SHARE of what is free now on this machine and in this container."""
    return limits.memory_mb if limits.memory_mb is not None else MEMORY_SHARE * _free_bytes() / 1e6


def answer_limit_mb(limits: Limits, memory_mb: float) -> float:
    """How much of an answer's arrays may be copied out of a worker that may hold `memory_mb`.

    While it is copied an answer is there twice. Where nobody states a limit, its copy has to fit into what the worker's
    own share leaves: MEMORY_SHARE and this together are all that was free.
    """
    return memory_mb if limits.memory_mb is not None else memory_mb * (1 - MEMORY_SHARE) / MEMORY_SHARE


def _free_bytes() -> int:
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used in _CGROUP:
        with contextlib.suppress(OSError, ValueError):  # no such version of cgroups, or "max"
            allowed = int(limit.read_text())
            if allowed < _NO_LIMIT:
                free = min(free, allowed - int(used.read_text()))
    return max(free, 1)
