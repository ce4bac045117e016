"""A page of thousands of runs is built from millions of objects that all live until it stands."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_collection"]


@contextmanager
def no_collection() -> Iterator[None]:
    """Python's search for cycles is paused: it found none here, and took a fifth of the time that 2,000 runs take."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
