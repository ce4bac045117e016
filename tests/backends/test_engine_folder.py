from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from pytest_qparity.backends.engine_folder import EngineFolder


@pytest.fixture
def folder(tmp_path: Path) -> EngineFolder:
    folder = EngineFolder(tmp_path / "engines" / "key")
    with folder.held():
        (folder.path / "a.engine").write_bytes(b"built")
    return folder


def test_what_was_built_is_there_for_the_next_session(folder: EngineFolder) -> None:
    with folder.held():
        assert (folder.path / "a.engine").read_bytes() == b"built"


def test_an_engine_that_was_changed_is_gone(folder: EngineFolder) -> None:
    (folder.path / "a.engine").write_bytes(b"buil")

    with folder.held():
        assert not (folder.path / "a.engine").exists()


def test_an_engine_that_nobody_recorded_is_gone_with_the_others(folder: EngineFolder) -> None:
    (folder.path / "b.engine").write_bytes(b"left by a killed process")

    with folder.held():
        assert list(folder.path.iterdir()) == []


def test_a_session_that_failed_leaves_nothing_for_the_next(folder: EngineFolder) -> None:
    with contextlib.suppress(RuntimeError), folder.held():
        (folder.path / "b.engine").write_bytes(b"half of it")
        raise RuntimeError("no room")

    with folder.held():
        assert list(folder.path.iterdir()) == []


def test_a_later_session_may_add_to_it(folder: EngineFolder) -> None:
    with folder.held():
        (folder.path / "b.engine").write_bytes(b"of another shape")

    with folder.held():
        assert sorted(path.name for path in folder.path.iterdir()) == ["a.engine", "b.engine"]
