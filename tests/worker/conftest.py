from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.worker import leftovers


@pytest.fixture
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test does to its workers: no process, no shared memory, no temporary file stays."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    arenas, before = leftovers.open_arenas(), leftovers.children()
    yield
    assert leftovers.children() - before == set()
    assert leftovers.started_by_workers(temporary) == set()
    assert leftovers.open_arenas() == arenas
    assert leftovers.temporary_files() == []


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    worker = WorkerProcess(Limits(memory_mb=2000))
    yield worker
    worker.close()
