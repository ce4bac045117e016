"""Which files imported modules lie in: local ones, without links."""

from __future__ import annotations

import types
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity.sources import local_sources


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A folder with two modules, to which `linked` leads, and to one of them `file.py`."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.py").touch()
    (real / "b.py").touch()
    (tmp_path / "linked").symlink_to(real)
    (tmp_path / "file.py").symlink_to(real / "a.py")
    return real


def module(file: Path | None) -> types.ModuleType:
    made = types.ModuleType("made")
    if file is not None:
        made.__file__ = str(file)
    return made


@pytest.mark.parametrize(
    ("place", "found"),
    [("real/a.py", "a.py"), ("linked/b.py", "b.py"), ("file.py", "a.py"), ("linked/../real/b.py", "b.py")],
    ids=["itself", "in a linked folder", "a linked file", "up from a linked folder"],
)
def test_a_module_is_known_by_the_file_that_links_lead_to(real: Path, place: str, found: str) -> None:
    assert local_sources({"m": module(real.parent / place)}) == {real / found}


def test_what_is_installed_is_not_there_or_has_no_file_is_left_out(real: Path) -> None:
    modules = {"numpy": np, "gone": module(real / "gone.py"), "none": module(None), "types": types}

    assert local_sources(modules) == set()
