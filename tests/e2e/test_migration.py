"""The migration of a TensorRT cache in docs/calibration.md is what the commands there print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.migration import COMMANDS, write_inputs
from pytest_qparity.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8")
DIGEST = re.compile(r"SHA-256 [0-9a-f]{12}")  # of a file in which versions of libraries stand


def documented(command: str) -> list[list[str]]:
    """What stands below the command on the page: runs of lines, parted where it leaves some out."""
    block = next(text for text in PAGE.split("```") if f"$ {command}\n" in text)
    below = block.split(f"$ {command}\n")[1].split("$ ")[0]
    return [DIGEST.sub("", part).splitlines() for part in below.split("…\n")]


def test_the_commands_of_the_page_print_what_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)

    for command in COMMANDS:
        main(command.split()[1:])
        said = [line for line in DIGEST.sub("", capsys.readouterr().out).splitlines() if line]
        for lines in documented(command):
            assert lines == [line for line in said if line in lines]


def test_the_cache_begins_as_the_page_shows(tmp_path: Path) -> None:
    write_inputs(tmp_path)

    first = "\n".join((tmp_path / "calib.cache").read_text(encoding="utf-8").splitlines()[:3])

    assert f"$ head -3 calib.cache\n{first}\n" in PAGE
