"""Accepting goldens: from the command and from pytest, only what is told, never where CI is set."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.commands import qparity
from tests.e2e.projects import CASE, accept_golden, write_project
from tests.models import mlp, save

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester.path)
    return pytester


def typed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as one types it, in a process of its own."""
    command = [sys.executable, "-m", "pytest_qparity.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_accept_shows_what_is_missing_and_writes_nothing(project: pytest.Pytester) -> None:
    done = qparity(project.path, "accept")

    assert done.returncode == 1
    assert done.stdout.startswith("missing    mlp")
    assert done.stdout.endswith("Try:       qparity accept cases/mlp.toml --missing\n")
    assert not (project.path / "golden").exists()


def test_accept_missing_writes_what_is_missing(project: pytest.Pytester) -> None:
    done = typed(project.path, "accept", "--missing")

    assert done.returncode == 0, done.stderr
    assert (project.path / "golden" / "mlp" / "manifest.json").is_file()
    assert qparity(project.path, "accept").stdout.startswith("current    mlp")


def test_accept_missing_leaves_a_changed_golden_alone(project: pytest.Pytester) -> None:
    manifest = accept_golden(project.path / "cases" / "mlp.toml") / "manifest.json"
    before = manifest.read_bytes()
    save(mlp(seed=5), project.path / "cases" / "models" / "mlp.onnx")

    done = qparity(project.path, "accept", "--missing")

    assert done.returncode == 1
    assert done.stdout.startswith("changed    mlp")
    assert "model" in done.stdout
    assert "Try:       qparity accept cases/mlp.toml --changed\n" in done.stdout
    assert manifest.read_bytes() == before


def test_accept_changed_writes_it_anew(project: pytest.Pytester) -> None:
    accept_golden(project.path / "cases" / "mlp.toml")
    save(mlp(seed=5), project.path / "cases" / "models" / "mlp.onnx")

    done = qparity(project.path, "accept", "cases/mlp.toml", "--changed")

    assert done.returncode == 0, done.stderr
    assert qparity(project.path, "accept").returncode == 0


def test_accept_changed_mends_a_damaged_golden(project: pytest.Pytester) -> None:
    [array] = accept_golden(project.path / "cases" / "mlp.toml").glob("*.npy")
    array.write_bytes(array.read_bytes()[:-4])

    assert qparity(project.path, "accept").stdout.startswith("corrupt    mlp")
    assert qparity(project.path, "accept", "--changed").returncode == 0
    assert qparity(project.path, "accept").returncode == 0


def test_orphans_are_shown_and_removed_when_told(project: pytest.Pytester) -> None:
    golden = accept_golden(project.path / "cases" / "mlp.toml")
    shutil.copytree(golden, golden.with_name("gone"))

    shown = qparity(project.path, "accept")
    removed = qparity(project.path, "accept", "--orphaned")

    assert shown.returncode == 1
    assert "orphaned   gone" in shown.stdout
    assert removed.returncode == 0
    assert not golden.with_name("gone").exists()
    assert golden.exists()


def test_the_command_writes_nothing_where_ci_is_set(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    done = qparity(project.path, "accept", "--missing")

    assert done.returncode == 2
    assert "CI" in done.stderr
    assert not (project.path / "golden").exists()


def test_a_file_that_is_no_case_is_a_usage_error(project: pytest.Pytester) -> None:
    done = qparity(project.path, "accept", "cases/mpl.toml", "--missing")

    assert done.returncode == 2
    assert "cases/mpl.toml" in done.stderr


def test_a_bad_case_file_is_told_without_a_traceback(project: pytest.Pytester) -> None:
    (project.path / "cases" / "bad.toml").write_text(CASE + "\nbatchh = 3\n")

    done = qparity(project.path, "accept", "--missing")

    assert done.returncode == 1
    assert "QP-CASE-002" in done.stderr
    assert "Traceback" not in done.stderr
    assert (project.path / "golden" / "mlp").exists()


def test_the_command_reads_the_ini_file_and_conftest_of_pytest(project: pytest.Pytester) -> None:
    (project.path / "pytest.ini").write_text("[pytest]\nqparity_golden = references\n")

    assert qparity(project.path, "accept", "--missing").returncode == 0
    assert (project.path / "references" / "mlp" / "manifest.json").is_file()


def test_pytest_accepts_missing_goldens_when_told(project: pytest.Pytester) -> None:
    result = project.runpytest("--qparity-accept=missing", FAST)

    result.assert_outcomes(passed=15)
    project.runpytest(FAST).assert_outcomes(passed=15)


def test_pytest_does_not_accept_changed_ones_when_told_missing(project: pytest.Pytester) -> None:
    accept_golden(project.path / "cases" / "mlp.toml")
    save(mlp(seed=5), project.path / "cases" / "models" / "mlp.onnx")

    result = project.runpytest("--qparity-accept=missing", FAST)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["QP-GOLDEN-002*"])


def test_pytest_accepts_nothing_where_ci_is_set(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    result = project.runpytest("--qparity-accept=changed", FAST)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*CI=true*"])
    assert not (project.path / "golden").exists()


def test_goldens_are_accepted_under_xdist_too(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--qparity-accept=missing", "-n", "2", FAST)

    result.assert_outcomes(passed=15)


def test_the_command_works_with_options_of_the_cache_plugin_and_leaves_no_cache(project: pytest.Pytester) -> None:
    (project.path / "pytest.ini").write_text("[pytest]\naddopts = --lf --stepwise\n")

    done = typed(project.path, "accept", "--missing")

    assert done.returncode == 0, done.stderr
    assert not (project.path / ".pytest_cache").exists()


def test_the_command_works_in_a_folder_below_and_its_remedy_too(project: pytest.Pytester) -> None:
    shown = qparity(project.path / "cases", "accept")
    accepted = typed(project.path / "cases", "accept", "mlp.toml", "--missing")

    assert "qparity accept mlp.toml --missing" in shown.stdout
    assert accepted.returncode == 0, accepted.stderr
    assert (project.path / "golden" / "mlp" / "manifest.json").is_file()


def test_orphans_are_not_removed_where_no_case_file_is_found(project: pytest.Pytester) -> None:
    golden = accept_golden(project.path / "cases" / "mlp.toml")
    (project.path / "pytest.ini").write_text("[pytest]\nqparity_cases = case/*.toml\n")

    done = qparity(project.path, "accept", "--orphaned")

    assert done.returncode == 2
    assert "no case file" in done.stderr
    assert (golden / "manifest.json").is_file()


def test_a_folder_without_case_files_is_a_usage_error(pytester: pytest.Pytester) -> None:
    done = qparity(pytester.path, "accept")

    assert done.returncode == 2
    assert "no case file" in done.stderr
