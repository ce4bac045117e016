"""Which ledger `--qparity-since` names."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pytest_qparity.selection import SelectionError
from pytest_qparity.since import since_named


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A git repository with one commit, tagged v1; gives the commit too."""
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")

    def git(*words: str) -> str:
        done = subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    git("tag", "v1")
    return tmp_path, git("rev-parse", "HEAD")


def write_ledger(path: Path, commit: str | None) -> Path:
    start = {"event": "start", "session": "s", "commit": commit, "time": "t", "canaries": []}
    events = [start, {"event": "plan", "node_ids": []}, {"event": "end", "exit_status": 0}]
    path.write_text('{"format": 1, "events": ' + json.dumps(events) + "}", encoding="utf-8")
    return path


def test_a_revision_takes_the_last_ledger_where_it_is_of_that_commit(repository: tuple[Path, str]) -> None:
    root, commit = repository
    last = write_ledger(root / "ledger.json", commit)

    since = since_named("v1", root, last)

    assert since.earlier is not None
    assert since.earlier.commit == commit


@pytest.mark.parametrize("commit", ["0" * 40, None, "{}-dirty"], ids=["another commit", "none told", "changed files"])
def test_a_last_ledger_of_anything_else_carries_nothing(repository: tuple[Path, str], commit: str | None) -> None:
    root, of = repository
    last = write_ledger(root / "ledger.json", None if commit is None else commit.format(of))

    since = since_named("v1", root, last)

    assert since.earlier is None
    assert f"not of {of[:12]}" in since.why_not


def test_without_a_last_ledger_all_is_judged(repository: tuple[Path, str]) -> None:
    assert "no ledger" in since_named("HEAD", repository[0], repository[0] / "ledger.json").why_not


def test_a_file_is_taken_whatever_its_commit(tmp_path: Path) -> None:
    write_ledger(tmp_path / "nightly.json", None)

    assert since_named("nightly.json", tmp_path, tmp_path / "none.json").earlier is not None


def test_a_file_that_is_no_ledger_carries_nothing(tmp_path: Path) -> None:
    (tmp_path / "nightly.json").write_text("[]", encoding="utf-8")

    assert "cannot be read" in since_named("nightly.json", tmp_path, tmp_path / "none.json").why_not


@pytest.mark.parametrize("asked", ["v2", "--all", "missing.json"])
def test_what_is_neither_revision_nor_file_is_refused(repository: tuple[Path, str], asked: str) -> None:
    with pytest.raises(SelectionError, match="should be a revision that git knows"):
        since_named(asked, *[repository[0]] * 2)
