from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.bench import Bench, copied
from tests.worker import leftovers


@pytest.fixture
def bench(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A project of the row's own; afterwards no process, shared memory or temporary file may be left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("QPARITY_FAULT_FLOAT_MODEL", str(tmp_path / "project" / "cases" / "models" / "mlp.onnx"))
    monkeypatch.setenv("QPARITY_FAULT_MARKER", str(tmp_path / "project" / "running"))
    monkeypatch.delenv("CI", raising=False)
    before = leftovers.children()
    arenas, descriptors = leftovers.open_arenas(), leftovers.descriptors()
    with copied(template, tmp_path / "project") as bench:
        yield bench
    leftovers.wait_for_supervisors(temporary)
    assert leftovers.children() - before == set()
    assert leftovers.started_by_workers(temporary) == set()
    assert leftovers.open_arenas() == arenas
    assert leftovers.descriptors() <= descriptors
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("pytest-of-")] == []
    left = [path.name for path in bench.root.rglob("*.tmp")]
    assert left == []
