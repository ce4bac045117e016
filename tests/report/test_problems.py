"""What speaks against a ledger: all of it, the worst first, with lines of case files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.report.problems import problems_of
from pytest_qparity.verdict import Code
from tests.report.ledgers import ALL_WAIVED, EMPTY, FAILING, KILLED, PASSING, event, fails, ledger, passes, unjudged

CASE = 'model = "m.onnx"\n\n[precisions.fp16]\n[precisions.int8]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "mlp.toml").write_text(CASE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("of", [PASSING, ALL_WAIVED, KILLED, EMPTY, FAILING])
def test_there_is_a_problem_exactly_where_a_ledger_does_not_pass(of, tmp_path):
    assert (problems_of(of, tmp_path) == ()) == of.passes


def test_the_worst_come_first_each_with_its_line(root):
    budget = fails(Code.LATENCY_BUDGET, "too slow", "0.9x")
    of = ledger(
        [event("latency", unjudged(), precision="fp16"), event("memory", budget), event("parity", fails())],
        more_planned=["cases/mlp.toml::ort-fp16::parity"],
    )

    found = problems_of(of, root)

    assert [(each.code, each.outcome, each.line) for each in found] == [
        ("QP-PAR-002", "accuracy-fail", 4),
        ("QP-LAT-001", "budget-fail", 4),
        ("QP-GOLDEN-001", "cannot-judge", 3),
        ("QP-RUN-001", "no verdict", 3),
    ]
    assert {each.path for each in found} == {"cases/mlp.toml"}


def test_errors_of_a_case_file_keep_their_codes_and_lines(root):
    error = "QP-CASE-002  cases/bad.toml:7\nGot 'modle'.\nTry: model\n\nQP-CASE-004  cases/bad.toml\nNo file.\nTry: b"
    of = ledger([event("parity", passes())], case_errors={"cases/bad.toml": error, "cases/odd.toml": "no such thing"})

    assert [(each.path, each.line, each.code, each.sentence, each.remedy) for each in problems_of(of, root)] == [
        ("cases/bad.toml", 7, "QP-CASE-002", "Got 'modle'.", "model"),
        ("cases/bad.toml", 1, "QP-CASE-004", "No file.", "b"),
        ("cases/odd.toml", 1, "QP-CASE-003", "no such thing", ""),
    ]


@pytest.mark.parametrize("outside", ["../mlp.toml", "/etc/passwd"])
def test_a_ledger_leads_to_no_file_outside(outside, root, monkeypatch):
    opened = []
    monkeypatch.setattr(Path, "open", lambda path, **_: opened.append(path))

    of = ledger([{**event("parity", fails()), "node_id": f"{outside}::ort-int8::parity"}])

    assert problems_of(of, root)[0].line == 1
    assert opened == []
