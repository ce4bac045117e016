"""Runs of the gate in a user's project that must not pass, and what leads there."""

from __future__ import annotations

import datetime

import onnx
import pytest

from pytest_qparity import read_ledger
from tests.e2e.projects import CASE
from tests.models import save

FAST = "--qparity-latency-seconds=0.01"


def codes(project: pytest.Pytester, check: str | None = None) -> set[str]:
    """The failure codes in the ledger, of one check where it is named."""
    ledger = read_ledger(project.path / ".qparity" / "ledger.json")
    return {
        failure["code"]
        for event in ledger.verdicts
        if check is None or event["check"] == check
        for failure in event["failures"]
    }


def refused(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the gate, which must not pass."""
    result = project.runpytest(FAST, *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert not read_ledger(project.path / ".qparity" / "ledger.json").passes
    assert "Traceback" not in result.stdout.str()
    return result


def waive(project: pytest.Pytester, *, run: str, expires: datetime.date, more: str = "") -> None:
    case_file = project.path / "cases" / "mlp.toml"
    case_file.write_text(f'{CASE}\n[[waivers]]\nrun = "{run}"\nreason = "known"\nexpires = {expires}\n{more}\n')


def give(project: pytest.Pytester, precision: str, model: onnx.ModelProto) -> None:
    """Let the case have a given file as one of its precisions."""
    save(model, project.path / "cases" / "models" / "shipped.onnx")
    case_file = project.path / "cases" / "mlp.toml"
    case_file.write_text(f'{CASE}\n[precisions.{precision}]\nfile = "models/shipped.onnx"\n')
