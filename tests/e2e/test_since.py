"""`--qparity-since`: what nothing touches is carried over and says so; what a change touches is judged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity import read_ledger

pytest_plugins = ["pytester"]

QUICK = ("--backend=ort", "--precision=fp16", "--qparity-latency-seconds=0.05", "-q", "--qparity-isolation=none")
SINCE = (*QUICK, "--qparity-since=.qparity/ledger.json")
CHECKS = 5


def verdicts(root: Path) -> list[dict[str, Any]]:
    return [dict(event) for event in read_ledger(root / ".qparity/ledger.json").verdicts]


def figures(events: list[dict[str, Any]]) -> list[Any]:
    return sorted((event["node_id"], event["outcome"], json.dumps(event["evidence"])) for event in events)


def test_what_nothing_touches_is_carried_over_and_every_report_says_so(project: pytest.Pytester) -> None:
    shared = f"--qparity-remote-cache={(project.path / 'shared').as_uri()}"
    shutil.rmtree(project.path / ".qparity/cache")  # what is made is stored in the shared one
    project.runpytest_subprocess(*QUICK, shared).assert_outcomes(passed=CHECKS)
    judged = verdicts(project.path)
    first = read_ledger(project.path / ".qparity/ledger.json").start["session"]
    reports = [f"--qparity-report=r{ending}" for ending in (".html", ".md", ".csv")]

    # Workers of pytest-xdist read a ledger whose place the new one has taken.
    result = project.runpytest_subprocess(*SINCE, *reports, "--junitxml=j.xml", "-n1")

    result.assert_outcomes(passed=CHECKS)
    carried = verdicts(project.path)
    assert figures(carried) == figures(judged)  # the very milliseconds: nothing was timed again
    assert {event["carried"]["session"] for event in carried} == {first}
    result.stdout.fnmatch_lines([f"carried over: {CHECKS} of {CHECKS} verdicts, not judged in this session*"])
    for report in ("r.html", "r.md", "r.csv", "j.xml"):
        text = (project.path / report).read_text(encoding="utf-8")
        assert "arried over" in text or first in text, report
    assert not list((project.path / ".qparity/cache/since").iterdir())

    with (project.path / "cases/mlp.toml").open("a", encoding="utf-8") as stream:
        stream.write("# a comment touches it: a basis reads no TOML\n")
    shutil.rmtree(project.path / ".qparity/cache")  # another machine, say
    result = project.runpytest_subprocess(*SINCE, "-k", "preflight", shared)

    [event] = verdicts(project.path)
    assert "carried" not in event
    assert event["anew"] == ["case"]
    assert [judged[0]["provenance"]["variant_cache"], event["provenance"]["variant_cache"]] == ["made", "remote"]
    result.stdout.fnmatch_lines(["judged anew, checks by what changed: case (1)"])


def test_a_revision_that_git_does_not_know_is_a_usage_error(project: pytest.Pytester) -> None:
    result = project.runpytest(*QUICK, "--qparity-since=no-such-revision")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*got 'no-such-revision' as --qparity-since, should be a revision that git knows*"])
