"""Memory that goes back when it is freed: what a diagnosis holds is then what it uses."""

from __future__ import annotations

import contextlib
import ctypes
import sys

__all__ = ["return_freed_memory"]

_MMAP_THRESHOLD, _LARGE = -3, 2**18  # M_MMAP_THRESHOLD of malloc.h; bytes


def return_freed_memory() -> None:
    """Have glibc map blocks of 256 KB and more by themselves, for this process and as long as it lives.

    It raises that limit by itself up to 32 MB as blocks are freed, and keeps tensors below it in a heap with holes:
    measured over twelve convolutions, 72 MB of 58 MB of tensors were still held after they were freed.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another libc
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)
