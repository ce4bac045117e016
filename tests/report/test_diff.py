"""Two ledgers side by side: what is worse, what cannot be told, and what only changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.cli import main
from pytest_qparity.report.diff import LedgerDifference, State, difference
from tests.report.written_ledgers import EVIDENCE, START, evidence, write_ledger


def speed(low: float, estimate: float, high: float) -> dict[str, Any]:
    return {"speed_up_over": {"fp32": {"low": low, "estimate": estimate, "high": high}}}


def found(tmp_path: Path, after: dict[str, Any], before: dict[str, Any] | None = None) -> LedgerDifference:
    old = write_ledger(tmp_path / "old.json", **(before or {}))
    return difference(read_ledger(old), read_ledger(write_ledger(tmp_path / "new.json", **after)))


FEWER = {check: told for check, told in EVIDENCE.items() if check != "accuracy"}


@pytest.mark.parametrize(
    ("after", "state", "is_fine"),
    [
        pytest.param({}, State.SAME, True, id="the same"),
        pytest.param({"outcomes": {"parity": "accuracy-fail"}}, State.WORSE, False, id="an outcome"),
        pytest.param(
            {"told": evidence(parity={"outputs": {"logits": {"sqnr_db": 20.0}}})}, State.WORSE, False, id="dB"
        ),
        pytest.param({"told": evidence(latency=speed(2.0, 2.1, 2.2))}, State.WORSE, False, id="speed"),
        pytest.param({"told": evidence(latency=speed(2.0, 3.0, 4.0))}, State.UNKNOWN, False, id="a wide interval"),
        pytest.param({"told": evidence(latency={"median_ms": 4.0})}, State.CHANGED, True, id="milliseconds alone"),
        pytest.param({"told": evidence(latency={"median_ms": 9.0})}, State.UNKNOWN, False, id="milliseconds, far"),
        pytest.param({"told": evidence(memory={"peak_mb": 50.0})}, State.WORSE, False, id="memory"),
        pytest.param(
            {"told": evidence(memory={"peak_mb": 50.0}), "start": {**START, "hardware": "another-cpu-2c-00000001"}},
            State.CHANGED,
            True,
            id="memory of another machine",
        ),
        pytest.param({"told": FEWER}, State.WORSE, False, id="a check that is gone"),
        pytest.param({"runs": (("digits", "fp16"),)}, State.VANISHED, False, id="a run that is gone"),
    ],
)
def test_the_worst_run_comes_first(tmp_path: Path, after: dict[str, Any], state: State, is_fine: bool) -> None:
    difference = found(tmp_path, after)

    assert difference.runs[0].state is state
    assert difference.is_same_or_better is is_fine


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(evidence(latency={"speed_up_over": {"fp32": {"decision": "cannot tell"}}}), id="unbounded"),
        pytest.param(evidence(latency=speed(1.0, 3.0, 9.0)), id="a wide interval"),
        pytest.param(evidence(parity={"outputs": {"logits": {"sqnr_db": "nan"}}}), id="no number"),
        pytest.param(evidence(memory={"peak_mb": 0.0}), id="0 MB"),
    ],
)
def test_equal_figures_are_equal_however_little_is_known_of_them(tmp_path: Path, told: dict[str, Any]) -> None:
    difference = found(tmp_path, {"told": told}, {"told": told})

    assert [run.state for run in difference.runs] == [State.SAME]
    assert difference.is_same_or_better


def test_what_failed_before_and_passes_is_better(tmp_path: Path) -> None:
    difference = found(tmp_path, {}, {"outcomes": {"parity": "cannot-judge"}})

    assert [run.state for run in difference.runs] == [State.BETTER]
    assert difference.is_same_or_better


def test_a_new_run_is_fine_and_one_that_fails_is_not(tmp_path: Path) -> None:
    runs = (("digits", "int8"), ("digits", "fp16"))
    failing = {"outcomes": {"parity": "accuracy-fail"}}

    assert found(tmp_path, {"runs": runs}).is_same_or_better
    states = [run.state for run in found(tmp_path, {"runs": runs, **failing}, failing).runs]
    assert states == [State.WORSE, State.SAME]


def test_a_check_without_a_verdict_is_told(tmp_path: Path) -> None:
    old = read_ledger(write_ledger(tmp_path / "old.json"))
    path = write_ledger(tmp_path / "new.json")
    path.write_text(path.read_text()[: path.read_text().rindex('{"event": "verdict"')])

    difference_found = difference(old, read_ledger(path))

    (change,) = difference_found.runs[0].checks
    assert (change.check, change.before, change.after) == ("memory", "pass", "no verdict")
    assert not difference_found.is_same_or_better


def test_cases_that_are_called_by_their_folder_make_no_second_run(tmp_path: Path) -> None:
    start = {**START, "case_names": {"cases/digits.toml": "models/digits"}}
    runs = (("digits", "int8"),)
    path = write_ledger(tmp_path / "new.json", runs=runs, start=start)
    text = path.read_text().replace('"case": "digits"', '"case": "models/digits"')
    path.write_text(text[: text.rindex('{"event": "verdict"')])

    ledger = read_ledger(path)

    assert [run.case for run in difference(ledger, ledger).runs] == ["models/digits"]


def test_what_gave_no_figure_before_and_passes_is_better(tmp_path: Path) -> None:
    before = {"told": {**EVIDENCE, "latency": {}}, "outcomes": {"latency": "cannot-judge"}}

    assert [run.state for run in found(tmp_path, {}, before).runs] == [State.BETTER]


def test_a_ledger_that_no_longer_passes_is_worse_whatever_its_runs_say(tmp_path: Path) -> None:
    difference = found(tmp_path, {"exit_status": 1})

    assert [run.state for run in difference.runs] == [State.SAME]
    assert "ended with status 1" in difference.against_it
    assert not difference.is_same_or_better


def test_the_command_tells_versions_figures_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = str(write_ledger(tmp_path / "old.json"))
    told = evidence(parity={"outputs": {"logits": {"sqnr_db": 20.0}}})
    start = {**START, "libraries": {"onnxruntime": "1.33.0", "pytest-qparity": "0.1.0"}, "commit": "b" * 40}
    new = str(write_ledger(tmp_path / "new.json", told, start=start))

    assert main(["diff", old, new]) == 1
    shown = capsys.readouterr().out
    assert shown == (
        "before     2026-11-26T10:00:00+00:00  aaaaaaaaaaaa  passes\n"
        "after      2026-11-26T10:00:00+00:00  bbbbbbbbbbbb  passes\n"
        "onnxruntime 1.32.0 -> 1.33.0\n"
        "\n"
        "worse       digits ort-int8\n"
        '  because      SQNR of output "logits" is 20.0 dB, 10.0 dB less than the\n'
        "               baseline's 30.0 dB, should be at most 1 dB less.\n"
        "  sqnr_db      30 -> 20\n"
        "  onnxruntime  1.32.0 -> 1.33.0\n"
        "\n"
        "1 worse\n"
    )
    assert main(["diff", old, old]) == 0
    capsys.readouterr()
    assert main(["diff", old, new, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["runs"][0]["figures"] == {"sqnr_db": [30.0, 20.0]}
    assert main(["diff", old, str(tmp_path / "absent.json")]) == 2
