"""`qparity explain`: the paragraphs of docs/failures.md, from the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_qparity import cli
from pytest_qparity.report.explanations import explanation_text, explanations, parse_failures
from pytest_qparity.verdict import Code

PAGE = """# Failures

## Parity

What is compared.

### QP-PAR-002: a ratio below its limit

*accuracy-fail.* See [the limits](precisions.md#tolerances)
of [each](a.md).

Second.

Try: less.

## Runs

Not of the code above.

### QP-RUN-001: no verdict

*cannot-judge.* Skipped.

Try: again.
"""


def test_a_paragraph_ends_where_the_next_heading_begins() -> None:
    found = parse_failures(PAGE)

    assert list(found) == ["QP-PAR-002", "QP-RUN-001"]
    assert found["QP-PAR-002"].family == "Parity"
    assert explanation_text(found["QP-PAR-002"], width=79) == (
        "QP-PAR-002  a ratio below its limit (accuracy-fail)\n\nSee the limits of each.\n\nSecond.\n\nTry: less."
    )


def test_a_paragraph_without_an_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="without an outcome"):
        parse_failures("### QP-RUN-001: no verdict\n\nSkipped.\n")


def test_the_package_brings_a_paragraph_for_every_code() -> None:
    found = explanations()

    assert [(each.code, each.title, each.outcome) for each in found.values()] == [
        (code.code, code.title, code.outcome.value) for code in Code
    ]
    assert [each.code for each in found.values() if not (each.text and each.remedy)] == []


def test_the_command_explains_codes_however_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "qp-acc-001", "--json"]) == 0

    (said,) = json.loads(capsys.readouterr().out)
    assert said == explanations()["QP-ACC-001"].as_json()


def test_without_a_code_every_code_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain"]) == 0

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [code.code for code in Code]


def test_a_code_that_there_is_not_is_a_usage_error_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "QP-ACC-01"]) == 2

    said = capsys.readouterr()
    assert "did you mean QP-ACC-001?" in said.err
    assert not said.out


def test_the_page_in_the_package_is_the_one_in_docs() -> None:
    root = Path(__file__).parents[2]

    assert (root / "pytest_qparity" / "failures.md").resolve() == root / "docs" / "failures.md"
