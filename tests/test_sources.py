"""Which files the local code lies in."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

import pytest_qparity
from pytest_qparity.sources import local_sources


def module(name: str, file: Path | None) -> ModuleType:
    made = ModuleType(name)
    made.__file__ = None if file is None else str(file)
    return made


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def test_local_files_are_told_and_no_others(tmp_path: Path) -> None:
    local = [written(tmp_path / "project" / name) for name in ("conftest.py", "plugin.py")]
    modules = [
        *(module(path.stem, path) for path in local),
        module("installed", written(tmp_path / "site-packages" / "installed.py")),
        module("gone", tmp_path / "project" / "gone.py"),
        module("built_in", None),
        json,
        pytest_qparity,
    ]

    assert local_sources({each.__name__: each for each in modules}) == {path.resolve() for path in local}


@pytest.mark.parametrize(
    ("place", "found"),
    [("real/a.py", "a.py"), ("linked/b.py", "b.py"), ("file.py", "a.py"), ("linked/../real/b.py", "b.py")],
    ids=["itself", "in a linked folder", "a linked file", "up from a linked folder"],
)
def test_a_module_is_known_by_the_file_that_links_lead_to(tmp_path: Path, place: str, found: str) -> None:
    real = written(tmp_path / "real" / "a.py").parent
    written(real / "b.py")
    (tmp_path / "linked").symlink_to(real)
    (tmp_path / "file.py").symlink_to(real / "a.py")

    assert local_sources({"m": module("m", tmp_path / place)}) == {real.resolve() / found}


def test_links_are_followed_to_where_the_code_lies(tmp_path: Path) -> None:
    """A file that is linked into site-packages is local, and one that is linked out of it is installed."""
    local = written(tmp_path / "project" / "edited.py")
    installed = written(tmp_path / "site-packages" / "package" / "module.py")
    (tmp_path / "site-packages" / "edited.py").symlink_to(local)
    (tmp_path / "project" / "package").symlink_to(installed.parent, target_is_directory=True)

    modules = {
        "edited": module("edited", tmp_path / "site-packages" / "edited.py"),
        "package.module": module("package.module", tmp_path / "project" / "package" / "module.py"),
    }

    assert local_sources(modules) == {local.resolve()}
