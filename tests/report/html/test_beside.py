"""What a page shows beside its ledger comes from files of the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_qparity.cli import main
from pytest_qparity.report.history import add_ledger
from tests.report.written_ledgers import START, evidence, write_ledger

DIAGNOSIS = {
    "subject": "cases/digits.toml ort-int8",
    "findings": [
        {"cause": "flipped-channel", "node": "conv_7", "impact": 0.9, "sentence": "Channel 3 is −w.", "remedy": "look"}
    ],
    "layers": [],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for night, db in enumerate((30.0, 29.0), start=1):
        told = evidence(parity={"outputs": {"logits": {"sqnr_db": db}}})
        start = {**START, "time": f"2026-11-{night:02}T01:00:00+00:00"}
        add_ledger(write_ledger(tmp_path / "ledger.json", told, start=start), tmp_path / "history.jsonl")
    (tmp_path / "diagnosis.json").write_text(json.dumps(DIAGNOSIS), encoding="utf-8")
    return tmp_path


def test_a_page_shows_the_diagnosis_and_the_history_that_it_is_given(folder: Path) -> None:
    arguments = ["--diagnosis", "diagnosis.json", "--history", "history.jsonl", "-o", "page.html"]

    assert main(["report", "ledger.json", *arguments]) == 0

    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "flipped-channel" in page
    assert "conv_7" in page
    assert "29 dB, no change found" in page


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--diagnosis", "diagnosis.json", "-o", "a.csv"], "without a page, should be beside -o FILE.html"),
        (["--diagnosis", "gone.json", "-o", "a.html"], "should be what qparity diagnose --json printed"),
        (["--diagnosis", "ledger.json", "-o", "a.html"], "without subject and findings"),
        (["--history", "gone.jsonl", "-o", "a.html"], "should be a history: qparity history add LEDGER"),
        (["--history", "ledger.json", "-o", "a.html"], "line 1"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_no_page(
    arguments: list[str], wrong: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "ledger.json", *arguments]) == 2

    assert wrong in capsys.readouterr().err
    assert not (folder / "a.html").exists()
