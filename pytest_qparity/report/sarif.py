"""SARIF 2.1.0 (OASIS, errata 01) of what preflight and lint find in files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pytest_qparity.checks.linting.finding import Weight
from pytest_qparity.report.extract import extract_lines
from pytest_qparity.report.problems import Problem, problems_of
from pytest_qparity.version import __version__

if TYPE_CHECKING:
    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.ledger import Ledger
    from pytest_qparity.verdict import Failure

__all__ = ["failure_sarif", "findings_sarif", "ledger_sarif"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Weight.REFUSED: "error", Weight.WARNED: "warning"}


def ledger_sarif(ledger: Ledger, root: Path) -> str:
    """Failures of preflight, preflights without a verdict, and errors of case files; what checks of outputs and costs
    say is no finding in a file. The run is no success where the ledger does not pass. `root`: see problems_of."""
    found = [each for each in problems_of(ledger, root) if each.path and each.check in ("preflight", "")]
    rules = {each.code: {"id": each.code, "shortDescription": {"text": each.title or each.code}} for each in found}
    invocation: dict[str, Any] = {"executionSuccessful": ledger.passes}
    if ledger.exit_status is not None:
        invocation["exitCode"] = ledger.exit_status
    told = [{"level": "error", "message": {"text": each.sentence}} for each in ledger.objections]
    told += [{"level": "note", "message": {"text": line}} for line in extract_lines(ledger)]
    if told:
        invocation["toolExecutionNotifications"] = told
    return _document(rules.values(), [_of_problem(each, list(rules)) for each in found], invocation)


def findings_sarif(findings: Sequence[Finding], model: Path) -> str:
    """What `qparity lint` finds in a model."""
    rules = {
        each.rule.id: {
            "id": each.rule.id,
            "shortDescription": {"text": each.rule.title},
            "help": {"text": f"{each.rule.remedy} Source: {each.rule.source}"},
            "defaultConfiguration": {"level": _LEVELS[each.rule.weight]},
        }
        for each in findings
    }
    results = [
        {
            "ruleId": each.rule.id,
            "ruleIndex": list(rules).index(each.rule.id),
            "level": _LEVELS[each.rule.weight],
            "message": {"text": f"{each.node}: {each.sentence}"},
            "locations": [_location(model.as_posix(), 1, each.node)],
        }
        for each in findings
    ]
    return _document(rules.values(), results, {"executionSuccessful": True})


def failure_sarif(failure: Failure, model: Path) -> str:
    """Of a file that could not be looked at: a run without success is no clean one."""
    told = failure.as_json()
    code, text = failure.code.code, f"{told['sentence']} Try: {told['remedy']}"
    rule = {"id": code, "shortDescription": {"text": failure.code.title}}
    result = {"ruleId": code, "ruleIndex": 0, "level": "error", "message": {"text": text}}
    result["locations"] = [_location(model.as_posix(), 1, model.name)]
    notification = {"level": "error", "message": {"text": text}}
    invocation = {"executionSuccessful": False, "toolExecutionNotifications": [notification]}
    return _document([rule], [result], invocation)


def _of_problem(problem: Problem, rules: list[str]) -> dict[str, Any]:
    remedy = f" Try: {problem.remedy}" if problem.remedy else ""
    return {
        "ruleId": problem.code,
        "ruleIndex": rules.index(problem.code),
        "level": "error",
        "message": {"text": f"{problem.sentence}{remedy}"},
        "locations": [_location(problem.path, problem.line, problem.node_id)],
        "partialFingerprints": {"qparity/v1": f"{problem.node_id} {problem.code}"},
    }


def _location(path: str, line: int, name: str) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": {"startLine": line}},
        "logicalLocations": [{"fullyQualifiedName": name}],
    }


def _uri(path: str) -> str:
    """A relative reference, or file: (RFC 3986, 8089): other characters than ASCII by their UTF-8."""
    escaped = quote(path, safe="/", errors="replace")
    return f"file://{escaped}" if PurePath(path).is_absolute() else escaped


def _document(
    rules: Iterable[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], invocation: Mapping[str, Any]
) -> str:
    driver = {"name": "pytest-qparity", "version": __version__, "semanticVersion": __version__, "rules": list(rules)}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": list(results),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"
