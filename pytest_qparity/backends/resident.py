"""Resident memory of this process: by the system's own high-water mark, and sampled. Megabytes are 10**6 bytes."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.backends import family

if TYPE_CHECKING:
    from types import TracebackType

INTERVAL_S = 0.005
BLOCK_BYTES = 131_072  # glibc's limit at the start
SAMPLED = "sampled"
WITH_CHILDREN = "sampled, with child processes"
_M_MMAP_THRESHOLD = -3  # malloc.h
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class ResidentPeak:
    """`peak_mb`: the most above `idle_mb`; the larger of the system's figure and `sampled_mb`. `method`: whose it is.

    "VmHWM"; "VmHWM since start" where the kernel cannot reset it; "ru_maxrss" where there is no /proc; "sampled". The
    second and third miss what stays below an earlier peak, sampling what is held for less than INTERVAL_S. "sampled,
    with child processes" where these make it larger (`backends.family`). `allocator`: what gives large blocks
    (`give_blocks_back`).
    """

    idle_mb: float
    peak_mb: float
    sampled_mb: float
    method: str
    allocator: str


class ResidentWatch:
    """The peak of a block. What was free before is given back first: a model cannot live in what imports left over.
    The process must be one that ends afterwards: its allocator stays as it is set here."""

    def __enter__(self) -> ResidentWatch:
        self._allocator = give_blocks_back()
        settle()
        self._method = restart_peak()
        self._idle_mb, self._marked_mb = resident_mb(), highest_mb()
        self._sampled_mb = self._idle_mb
        self._idle_family_mb = self._family_mb = family.held_mb(family.children())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._highest_mb = highest_mb()
        self._look()
        self._ended.set()
        self._thread.join()

    @property
    def peak(self) -> ResidentPeak:
        marked, own = self._highest_mb - self._marked_mb, self._sampled_mb - self._idle_mb
        sampled = max(own, (self._family_mb or 0.0) - (self._idle_family_mb or 0.0))
        # Counters of one process differ by some pages from one another: what is about equal is the system's figure.
        is_hidden = sampled > max(1.01 * marked, marked + 1.0)
        by_sampling = SAMPLED if sampled == own else WITH_CHILDREN
        method = by_sampling if is_hidden else self._method
        return ResidentPeak(self._idle_mb, max(marked, sampled), sampled, method, self._allocator)

    def _sample(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            self._look()

    def _look(self) -> None:
        self._sampled_mb = max(self._sampled_mb, resident_mb())
        if self._family_mb is not None and (below := family.children()):
            self._family_mb = max(self._family_mb, family.held_mb(below) or 0.0)


def give_blocks_back() -> str:
    """Let glibc map each block of at least BLOCK_BYTES by itself, and unmap it when it is freed; tells what is so.

    By default that limit grows up to 32 MB with what was freed before (mallopt(3), M_MMAP_THRESHOLD), and large blocks
    live in a heap that keeps its holes. What a session takes then depends on what was imported in which order:
    ResNet-50 at batch 8 took 322 to 379 MB in scripts that differ in that alone, and 231.4 MB with this.
    """
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, BLOCK_BYTES) == 1:
            return f"glibc, blocks from {BLOCK_BYTES // 1024} KiB mapped"
    return "the system's, as it is"


def settle() -> None:
    """Give freed memory back to the system."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def restart_peak() -> str:
    """Let the peak begin at what is resident now, where the kernel can; tells what `highest_mb` reads."""
    try:
        _CLEAR.write_text("5")  # proc(5): sets the peak resident size to the current one
    except OSError:
        return "VmHWM since start" if _STATUS.exists() else "ru_maxrss"
    return "VmHWM"


def highest_mb() -> float:
    """VmHWM where there is /proc: Linux hands ru_maxrss down from the parent, so that a large one would hide us."""
    import resource

    if _STATUS.exists():
        return _status_mb("VmHWM")
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / 1e6 if sys.platform == "darwin" else highest * 1024 / 1e6


def resident_mb() -> float:
    """What is resident now."""
    if _STATUS.exists():
        return _status_mb("VmRSS")
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


def _status_mb(key: str) -> float:
    fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    return int(fields[key].split()[0]) * 1024 / 1e6
