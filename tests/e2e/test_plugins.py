"""Plugins that answer nonsense, and sections that raise, in real sessions: told, and nothing else comes of them."""

from __future__ import annotations

import pytest

from pytest_qparity.cli import main
from tests.e2e.projects import CASE

pytest_plugins = ["pytester"]

NONSENSE = """
def pytest_qparity_{hook}(config):
    return [dict(name="acme")]
"""
SECTIONS = """
from pytest_qparity import ReportSection

def pytest_qparity_report_sections(config):
    return [ReportSection("Broken", "acme_sections:broken"), ReportSection("Sound", "acme_sections:sound")]
"""
FUNCTIONS = """
def broken(ledger):
    ledger.verdicts[0]["outcome"] = "pass"
    raise KeyError("no such luck")

def sound(ledger):
    return ledger.verdicts[0]["outcome"]
"""


@pytest.mark.parametrize(
    ("hook", "status"), [("precisions", pytest.ExitCode.USAGE_ERROR), ("metrics", pytest.ExitCode.INTERRUPTED)]
)
def test_a_hook_that_gives_nonsense_ends_the_session_with_its_file(
    project: pytest.Pytester, hook: str, status: pytest.ExitCode
) -> None:
    project.makeconftest(NONSENSE.format(hook=hook))

    result = project.runpytest("--collect-only")

    assert result.ret == status
    said = result.stderr.str() + result.stdout.str()
    assert (
        f"got a list with dict ({{'name': 'acme'}}) from pytest_qparity_{hook} of {project.path / 'conftest.py'}"
        in said
    )
    assert "got got" not in said
    assert "contributions.py" not in said  # a traceback is nothing for whoever has a plugin installed


def test_a_section_that_raises_is_told_and_the_verdict_stands(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.makeconftest(SECTIONS)
    project.makepyfile(acme_sections=FUNCTIONS)
    project.syspathinsert()
    (project.path / "cases" / "mlp.toml").write_text(f"{CASE}\n[parity.fp16]\nsqnr_db = 190.0\n")

    result = project.runpytest("--precision=fp16", "-m", "parity", "--qparity-report=r.md", "--qparity-report=r.html")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["Broken", "got KeyError ('no such luck') from acme_sections:broken, should*", "Sound", "accuracy-fail"]
    )
    assert "got KeyError" in (project.path / "r.md").read_text(encoding="utf-8")
    assert "no such luck" in (project.path / "r.html").read_text(encoding="utf-8")

    # Where the project cannot be configured, its ledger's report is made all the same.
    project.makeconftest("import no_such_module_anywhere")
    monkeypatch.chdir(project.path)
    capsys.readouterr()
    assert main(["report", "-o", "later.html"]) == 0
    assert "sections of plugins are left out" in capsys.readouterr().err
    assert "accuracy-fail" in (project.path / "later.html").read_text(encoding="utf-8").replace(" ", "-")
