"""Two ledgers side by side: what is worse, what cannot be told, and what only changed."""

from __future__ import annotations

import json
from dataclasses import replace
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


def over_another(low: float, estimate: float, high: float) -> dict[str, dict[str, Any]]:
    over = EVIDENCE["latency"]["speed_up_over"]
    told = {"openvino-fp32": {"low": low, "estimate": estimate, "high": high}}
    return evidence(latency={"speed_up_over": {**over, **told}, "counterparts": {"openvino-fp32": {"pairs": 60}}})


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
        pytest.param({"told": over_another(0.7, 0.75, 0.8)}, State.UNKNOWN, False, id="speed over another backend"),
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
    difference = found(tmp_path, after, {"told": over_another(2.9, 3.0, 3.1)})

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
    assert difference.against_it == ("The session ended with status 1, should end with status 0.",)
    assert not difference.is_same_or_better


FAILING = {"outcomes": {"parity": "accuracy-fail"}}


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (
            [{"event": "not-collected", "case_files": ["cases/b.toml"]}],
            "1 case file was not collected, should be: cases/b.toml.",
        ),
        (
            [{"event": "case-error", "case_file": "cases/c.toml", "error": "no"}],
            "cases/c.toml could not be planned, should be a case.",
        ),
        ([{"event": "end", "exit_status": 3}], "The session ended with status 3, should end with status 0."),
        ([{"event": "end"}], "The session did not come to its end, should end with status 0."),
    ],
    ids=["not collected", "case error", "status", "killed"],
)
def test_of_two_that_do_not_pass_the_later_may_be_worse(
    tmp_path: Path, events: list[dict[str, Any]], sentence: str
) -> None:
    old, new = (write_ledger(tmp_path / name, **FAILING) for name in ("old.json", "new.json"))
    document = json.loads(new.read_text())
    document["events"][-1:] = [*events, *document["events"][-1:]][: 1 if events[0]["event"] == "end" else 2]
    if events == [{"event": "end"}]:
        document["events"].pop()
    lines = ",\n".join(json.dumps(event) for event in document["events"])
    new.write_text(f'{{"format": 1, "events": [\n{lines}\n]}}')

    worse, back = difference(read_ledger(old), read_ledger(new)), difference(read_ledger(new), read_ledger(old))

    assert worse.against_it == (sentence,)
    assert [run.state for run in worse.runs] == [State.SAME]
    assert worse.still == back.still == ("cases/digits.toml::ort-int8::parity got accuracy-fail, should pass.",)
    assert not worse.is_same_or_better
    assert back.is_same_or_better
    assert difference(read_ledger(new), read_ledger(new)).is_same_or_better


LIMIT = {"sqnr_db": 20.0, "cosine": None, "max_mismatched": None, "closeness": {"atol": 1e-8, "rtol": 1e-5}}
PROMISED = evidence(
    parity={"limit": LIMIT},
    accuracy={"margin_points": 0.5, "level": 0.05},
    latency={"budgets": {"fp32": 2.0}, "absolute_budgets": {"latency_ms": 9.0, "samples_per_s": 5.0}},
    memory={"budgets": {"memory_mb": 64.0, "ratio_to.fp32.size": 0.3}},
)


def promised(check: str, **changed: Any) -> dict[str, Any]:
    return {**PROMISED, check: {**PROMISED[check], **changed}}


@pytest.mark.parametrize(
    ("told", "limit", "is_looser"),
    [
        (promised("parity", limit={**LIMIT, "sqnr_db": 1.0}), ("sqnr_db", 20.0, 1.0), True),
        (promised("parity", limit={**LIMIT, "sqnr_db": None}), ("sqnr_db", 20.0, None), True),
        (promised("parity", limit={**LIMIT, "sqnr_db": 30.0}), ("sqnr_db", 20.0, 30.0), False),
        (promised("parity", limit={**LIMIT, "cosine": 0.9}), ("cosine", None, 0.9), False),
        (promised("accuracy", margin_points=5.0), ("margin_points", 0.5, 5.0), True),
        (promised("accuracy", margin_points=0.501), ("margin_points", 0.5, 0.501), None),
        (promised("accuracy", level=0.2), ("level", 0.05, 0.2), True),
        (promised("accuracy", method="exact test of flips"), ("method", "census", "exact test of flips"), None),
        (promised("latency", budgets={"fp32": 1.0}), ("fp32", 2.0, 1.0), True),
        (promised("latency", budgets={}), ("fp32", 2.0, None), True),
        (promised("latency", absolute_budgets={"latency_ms": 9.0}), ("samples_per_s", 5.0, None), True),
        (
            promised("latency", absolute_budgets={"latency_ms": 12.0, "samples_per_s": 5.0}),
            ("latency_ms", 9.0, 12.0),
            True,
        ),
        (
            promised("latency", absolute_budgets={"latency_ms": 9.0, "samples_per_s": 6.0}),
            ("samples_per_s", 5.0, 6.0),
            False,
        ),
        (
            promised("memory", budgets={"memory_mb": 99.0, "ratio_to.fp32.size": 0.3}),
            ("memory_mb", 64.0, 99.0),
            True,
        ),
    ],
)
def test_a_promise_that_is_another_is_told_and_a_looser_one_is_worse(
    tmp_path: Path, told: dict[str, Any], limit: tuple[str, Any, Any], is_looser: bool | None
) -> None:
    found_between = found(tmp_path, {"told": told}, {"told": PROMISED})

    (promise,) = found_between.runs[0].promises
    assert (promise.limit, promise.before, promise.after) == limit
    assert promise.is_looser is is_looser
    assert found_between.runs[0].state is (State.WORSE if is_looser else State.CHANGED)
    assert found_between.is_same_or_better is not bool(is_looser)


def test_who_could_not_judge_has_not_loosened_a_promise(tmp_path: Path) -> None:
    before = {"told": {**PROMISED, "parity": {}}, "outcomes": {"parity": "cannot-judge"}}
    now = {"told": {**PROMISED, "parity": {"limit": {}, "outputs": {}}}}

    assert found(tmp_path, before, {"told": PROMISED}).runs[0].promises == ()
    assert found(tmp_path, {"told": PROMISED}, before).runs[0].promises == ()
    assert [each.is_looser for each in found(tmp_path, now, {"told": PROMISED}).runs[0].promises] == [True]


def rewritten(path: Path, **parts: Any) -> Path:
    """The ledger with keys of its events set: `plan`, `provenance`, `start`."""
    document = json.loads(path.read_text())
    for event in document["events"]:
        event.update(parts.get(event["event"], {}))
        if event["event"] == "verdict":
            event["provenance"] = {**event["provenance"], **parts.get("provenance", {})}
    path.write_text(json.dumps({"format": 1, "events": document["events"]}))
    return path


def test_other_bytes_behind_the_same_figures_are_told(tmp_path: Path) -> None:
    basis = {"golden": "g1", "calibration": "c", "code": "x", "files": "f", "settings": "s", "case": "k", "data": "d"}
    golden_key = {"model": "m2" * 32, "data": "d2" * 32, "recipe": "r" * 64}
    old, new = (write_ledger(tmp_path / name) for name in ("old.json", "new.json"))
    rewritten(old, plan={"case_files": {"cases/digits.toml": "1" * 64}}, provenance={"basis": basis})
    later = {"basis": {**basis, "golden": "g2"}, "golden_key": golden_key}
    rewritten(new, plan={"case_files": {"cases/digits.toml": "2" * 64}}, provenance=later)

    (run,) = difference(read_ledger(old), read_ledger(new)).runs

    assert list(run.changed) == ["model", "data", "golden", "case"]
    assert run.state is State.CHANGED


def test_figures_of_other_hardware_are_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = evidence(latency={"median_ms": 100.0, **speed(0.9, 1.0, 1.1)}, memory={"peak_mb": 900.0})
    old = write_ledger(tmp_path / "old.json")
    new = write_ledger(tmp_path / "new.json", told, start={**START, "hardware": "another-cpu"})

    assert main(["diff", str(old), str(new)]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert "  median_ms    2 -> 100  not compared: of other hardware" in lines
    assert "  speed_up     3 -> 1  not compared: of other hardware" in lines
    assert "  hardware     some-cpu-2c-00000000 -> another-cpu" in lines
    (run,) = difference(read_ledger(old), read_ledger(new)).runs
    assert run.not_compared == ("median_ms", "speed_up", "peak_mb")


def test_canaries_that_a_session_no_longer_has_are_missed(tmp_path: Path) -> None:
    canaries = {"start": {**START, "canaries": ["cases/canaries/a.toml", "cases/canaries/b.toml"]}}

    lost = found(tmp_path, {}, canaries)

    assert lost.against_it == (
        "The session lacks 2 canary files of before, should have all; first cases/canaries/a.toml.",
    )
    assert not lost.is_same_or_better
    assert found(tmp_path, canaries, {}).is_same_or_better


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


def test_one_more_case_file_that_is_not_collected_is_worse(tmp_path: Path) -> None:
    ledger = read_ledger(write_ledger(tmp_path / "l.json"))
    one, two = (
        replace(ledger, uncollected=["cases/a.toml"]),
        replace(ledger, uncollected=["cases/a.toml", "cases/b.toml"]),
    )

    assert difference(one, two).against_it == ("2 case files were not collected, should all be; first cases/a.toml.",)
    assert difference(two, one).is_same_or_better
