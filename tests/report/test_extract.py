"""A ledger that holds one run of a larger one is named as such by each face, whatever the run's verdicts."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.cli import main
from pytest_qparity.ledger import Ledger
from pytest_qparity.report.badge import badge_of
from pytest_qparity.report.document import summary_json
from pytest_qparity.report.extract import with_extract
from pytest_qparity.report.html.headline import headline
from pytest_qparity.report.markdown import summary_markdown
from pytest_qparity.report.sarif import ledger_sarif
from pytest_qparity.report.table import comparison_markdown
from pytest_qparity.report.terminal import summary
from tests.report.ledgers import ALL_WAIVED, FAILING, PASSING, event, is_waived, ledger, whole_run
from tests.report.written_ledgers import START, write_ledger

NAME = "cases/mlp.toml::ort-int8"
SAID = f"extract: {NAME} alone; what else its session judged is not in this ledger"
OF_ONE_RUN = "extract of one run"
NOWHERE = Path("nowhere")


def extract(of: Ledger, told: Any = None) -> Ledger:
    return dataclasses.replace(of, start={**of.start, "extract": {"run": NAME} if told is None else told})


@pytest.mark.parametrize("of", [PASSING, FAILING, ALL_WAIVED], ids=["passing", "failing", "all waived"])
def test_each_face_says_that_it_is_an_extract_and_nothing_of_the_kind_of_a_whole_ledger(of: Ledger) -> None:
    faces = {
        "terminal": lambda each: summary(each, width=200, colour=False),
        "markdown": lambda each: summary_markdown(each, NOWHERE),
        "table": comparison_markdown,
        "page": lambda each: "\n".join(headline(each).sentences).replace("Extract:", "extract:"),
        "sarif": lambda each: ledger_sarif(each, NOWHERE),
        "json": lambda each: SAID if json.loads(summary_json(each, NOWHERE))["extract_of"] == NAME else "whole",
    }

    for name, face in faces.items():
        assert SAID in face(extract(of)).replace("Extract:", "extract:"), name
        assert "extract:" not in face(of), name


@pytest.mark.parametrize(
    "of",
    [PASSING, ALL_WAIVED, ledger([*whole_run(), event("regression", is_waived())])],
    ids=["passing", "all waived", "one waived"],
)
def test_no_face_begins_with_the_word_of_a_whole_ledger(of: Ledger) -> None:
    shown = extract(of)

    assert badge_of(shown).text == f"{badge_of(of).text}, {OF_ONE_RUN}"
    assert headline(shown).word == f"{headline(of).word}, {OF_ONE_RUN}"
    first, whole = (summary_markdown(each, NOWHERE).splitlines()[0] for each in (shown, of))
    assert first == f"{whole}, {OF_ONE_RUN}"
    assert not any("the cases ask for" in sentence for sentence in headline(shown).sentences)


def test_the_command_ends_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_ledger(tmp_path / "ledger.json", start={**START, "extract": {"run": NAME}})

    assert main(["report", str(path)]) == 0

    assert capsys.readouterr().out.splitlines()[-1].startswith(f"Passes, {OF_ONE_RUN}: ")


@pytest.mark.parametrize("told", [None, True, {}, {"run": 3}, {"run": ""}], ids=str)
def test_one_whose_run_is_not_told_is_no_whole_ledger_either(told: Any) -> None:
    shown = dataclasses.replace(PASSING, start={**PASSING.start, "extract": told})

    assert with_extract("passes", shown) == f"passes, {OF_ONE_RUN}"
