"""Events that come faster than a disk go there together, and none is left out."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from pytest_qparity.ledger import LedgerWriter
from pytest_qparity.ledger.flushing import Flusher

NEVER_S = 3600.0
SOON_S = 0.001
PATIENCE_S = 60.0


class Disk:
    """os.fdatasync that tells how much was in the file when it was called."""

    def __init__(self) -> None:
        self.flushed: list[int] = []
        self.error: OSError | None = None
        self.was_asked = threading.Semaphore(0)

    def fdatasync(self, descriptor: int) -> None:
        self.flushed.append(os.fstat(descriptor).st_size)
        self.was_asked.release()
        if self.error is not None:
            raise self.error


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk.fdatasync)
    return disk


def test_events_in_a_row_are_in_the_file_at_once_and_on_disk_at_the_end_at_the_latest(
    disk: Disk, tmp_path: Path
) -> None:
    writer = LedgerWriter(tmp_path / "ledger.json", {}, flush_every_s=NEVER_S)
    writer.plan(["a"])

    assert len(disk.flushed) == 1  # of the start; the plan follows at once
    assert b'"plan"' in writer.path.read_bytes()
    writer.close(0)
    assert disk.flushed[1:] == [writer.path.stat().st_size]


def test_what_nothing_comes_after_is_flushed_by_itself(disk: Disk, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        flusher = Flusher(file.fileno(), SOON_S)
        flusher.wrote()
        assert disk.was_asked.acquire(timeout=PATIENCE_S)
        file.write(b"more")
        file.flush()
        flusher.wrote()

        while disk.flushed[-1] < len(b"more"):
            assert disk.was_asked.acquire(timeout=PATIENCE_S)
        flusher.close()


def test_a_flush_that_fails_later_is_an_error_of_the_next_append(disk: Disk, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        flusher = Flusher(file.fileno(), SOON_S)
        flusher.wrote()
        assert disk.was_asked.acquire(timeout=PATIENCE_S)
        disk.error = OSError(errno.EIO, "Input/output error")
        flusher._every_s = NEVER_S  # what comes now is for the thread,
        flusher.wrote()
        flusher._every_s = SOON_S  # which finds it due when it looks again
        with flusher._change:
            flusher._change.notify()
        assert disk.was_asked.acquire(timeout=PATIENCE_S)
        disk.error = None

        with pytest.raises(OSError, match="Input/output"):
            flusher.close()
