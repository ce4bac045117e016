"""What case files may read, told to pytest and to the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def elsewhere(project: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside rootdir, to which the case's test data have moved; a link leads there."""
    folder = tmp_path_factory.mktemp("elsewhere")
    data = project.path / "cases" / "data" / "test.npz"
    data.replace(folder / "test.npz")
    data.symlink_to(folder / "test.npz")
    return folder


def collected(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest("--collect-only", "-q", *arguments)


def test_data_outside_rootdir_are_refused_while_collecting(project: pytest.Pytester, elsewhere: Path) -> None:
    result = collected(project)

    assert result.ret != 0
    assert "QP-CASE-008  cases/mlp.toml:6\n" in result.stdout.str()
    assert f"which leads to {elsewhere / 'test.npz'}, should be below {project.path}." in result.stdout.str()


def test_the_option_names_more_folders_and_wins_over_the_ini_value(project: pytest.Pytester, elsewhere: Path) -> None:
    with (project.path / "pytest.ini").open("a") as ini:
        ini.write(f"qparity_roots = none {os.path.relpath(elsewhere, project.path)}\n")

    assert collected(project).ret == 0
    assert collected(project, "--qparity-roots=").ret != 0
    assert collected(project, f"--qparity-roots=none,{elsewhere}").ret == 0


def test_accept_holds_case_files_to_the_same_folders(project: pytest.Pytester, elsewhere: Path) -> None:
    command = [sys.executable, "-m", "pytest_qparity.cli", "accept"]

    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr.startswith("QP-CASE-008  cases/mlp.toml:6\n")
