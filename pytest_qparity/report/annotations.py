"""Annotations of case files: GitHub's workflow commands, and GitLab's code quality report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.report.markup import cut, isolated
from pytest_qparity.report.problems import Problem, problems_of
from pytest_qparity.report.text import one_line
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["code_quality", "github_annotations"]

# GitHub shows ten of a kind for a step, and drops what is beyond without a word.
MOST_ANNOTATIONS = 10
_LONGEST = 1000
_SEVERITIES = {Outcome.ACCURACY_FAIL.value: "critical", Outcome.BUDGET_FAIL.value: "major"}


def github_annotations(ledger: Ledger, root: Path) -> Iterator[str]:
    """A command a problem, the worst first, ten at most: the last one says how many there are. `root`: see
    problems_of."""
    problems = problems_of(ledger, root)
    shown = problems if len(problems) <= MOST_ANNOTATIONS else problems[: MOST_ANNOTATIONS - 1]
    yield from map(_command, shown)
    if len(problems) > len(shown):
        message = f"{len(problems) - len(shown)} more problems: see the summary or the ledger"
        yield f"::error title={_property('qparity')}::{_data(message)}"


def _command(problem: Problem) -> str:
    title = " ".join(part for part in (problem.code, problem.run, problem.check) if part)
    place = f"file={_property(problem.path)},line={problem.line}," if problem.path else ""
    remedy = f"\nTry: {isolated(cut(problem.remedy, _LONGEST))}" if problem.remedy else ""
    message = f"{isolated(cut(problem.sentence, _LONGEST))}{remedy}"
    return f"::error {place}title={_property(isolated(cut(title, _LONGEST)))}::{_data(message)}"


def _data(text: str) -> str:
    """Of a command's message (GitHub's toolkit, escapeData)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Of a command's property (GitHub's toolkit, escapeProperty)."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def code_quality(ledger: Ledger, root: Path) -> str:
    """GitLab's `artifacts:reports:codequality`: a list, empty where the ledger passes. `root`: see problems_of.

    The fingerprint is of check and code and not of the figures: the same problem in two pipelines is one.
    """
    return json.dumps([_issue(problem) for problem in problems_of(ledger, root)], indent=1, ensure_ascii=False) + "\n"


def _issue(problem: Problem) -> dict[str, object]:
    where = f"{problem.run} {problem.check}: " if problem.run else ""
    # The sentence too where no check tells two problems apart: a case file may have several errors of one code.
    told = problem.sentence if not problem.check else ""
    identity = "\0".join((problem.path, problem.node_id, problem.code, told))
    return {
        "description": f"{one_line(where)} {problem.sentence}".strip(),
        "check_name": problem.code,
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest(),
        "severity": _SEVERITIES.get(problem.outcome, "major"),
        "location": {"path": problem.path or "cases", "lines": {"begin": problem.line}},
    }
