"""When a ledger's events go to disk: at once, and where they come faster than a disk is, together a little later.

What is written outlives the process from then on, however it ends. Going to disk is for power cuts, and takes a disk 1
to 10 ms: ten thousand checks that take 3 ms each would wait longer for it than for all else.
"""

from __future__ import annotations

import errno
import os
import threading
import time

__all__ = ["FLUSH_EVERY_S", "Flusher"]

FLUSH_EVERY_S = 0.1


class Flusher:
    """Flushes one open file. An event that comes `every_s` after the last flush is flushed before `wrote` returns; of
    those in between a thread takes care, at most `every_s` after they were written."""

    def __init__(self, descriptor: int, every_s: float) -> None:
        self._descriptor = descriptor
        self._every_s = every_s
        self._last_s = float("-inf")
        self._change = threading.Condition()
        self._is_due = False
        self._is_closed = False
        self._error: OSError | None = None
        self._thread: threading.Thread | None = None

    def wrote(self) -> None:
        """Something was written. Raises OSError where flushing fails now."""
        with self._change:
            if time.monotonic() - self._last_s >= self._every_s:
                self._flush()
                return
            self._is_due = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._flush_later, name="qparity-ledger", daemon=True)
                self._thread.start()
            self._change.notify()

    def raise_what_went_wrong(self) -> None:
        """Raises the OSError of a flush that came later."""
        with self._change:
            error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Flush all and end the thread; the file is still open. Raises OSError where it fails, now or before."""
        with self._change:
            is_due, self._is_due, self._is_closed = self._is_due, False, True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()
        self.raise_what_went_wrong()
        if is_due:
            self._flush()

    def _flush(self) -> None:
        self._is_due = False
        try:
            flush(self._descriptor)
        finally:
            self._last_s = time.monotonic()

    def _flush_later(self) -> None:
        with self._change:
            while not self._is_closed:
                if not self._is_due:
                    self._change.wait()
                    continue
                left_s = self._last_s + self._every_s - time.monotonic()
                if left_s > 0:
                    self._change.wait(left_s)
                    continue
                self._is_due = False
                self._change.release()  # whoever judges goes on writing meanwhile
                error: OSError | None = None
                try:
                    flush(self._descriptor)
                except OSError as wrong:
                    error = wrong
                finally:
                    self._change.acquire()
                    self._last_s = time.monotonic()
                self._error = self._error or error


def flush(descriptor: int) -> None:
    """To disk, where the file is on one: a pipe or device has none to flush to."""
    try:
        os.fdatasync(descriptor) if hasattr(os, "fdatasync") else os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
