"""Case files with something wrong: one clear error each, no traceback, and the other cases are judged."""

from __future__ import annotations

import pytest

from pytest_qparity import read_ledger
from tests.e2e.projects import CASE

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"
FP32 = ("--precision=fp32", FAST)  # of the case that is good


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_a_name_that_would_be_another_node_id_is_an_error_and_the_others_are_judged(
    project: pytest.Pytester, workers: list[str]
) -> None:
    (project.path / "cases" / "a::b.toml").write_text(CASE, encoding="utf-8")

    result = project.runpytest_subprocess(*FP32, *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=5, errors=1)
    result.stdout.fnmatch_lines(["QP-CASE-007  cases/a::b.toml"])
    ledger = read_ledger(project.path / ".qparity" / "ledger.json")
    assert list(ledger.case_errors) == ["cases/a::b.toml"]
    assert len(ledger.planned) == len(ledger.verdicts) == 5


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        (CASE.replace("[data]", "[data"), "QP-CASE-001", 5, ["[data"]),
        (CASE + "\n[parity.int8]\nsqnr_dbb = 20.0\n", "QP-CASE-002", 18, ["sqnr_dbb", "sqnr_db"]),
        (CASE.replace("batch = 40", 'batch = "40"'), "QP-CASE-003", 8, ["batch", '"40"']),
        (CASE.replace("models/mlp.onnx", "models/mpl.onnx"), "QP-CASE-004", 2, ["models/mpl.onnx"]),
        (CASE.replace("data/test.npz", "data/tset.npz"), "QP-CASE-004", 6, ["data/tset.npz"]),
        (
            CASE.replace("[precisions.int8]", '[precisions.int8]\nkeep_float = ["first["]'),
            "QP-CASE-003",
            13,
            ["first[", "bad glob"],
        ),
        (CASE.replace("data/test.npz", "nowhere:samples"), "QP-CASE-006", 6, ["nowhere"]),
        (CASE.replace("int8", "init8"), "QP-CASE-005", 12, ["init8", "int8"]),
        (CASE.replace("[precisions.int8]", "[precisions.int8]\nblock = 32"), "QP-CASE-003", 13, ["block", "int8"]),
        (CASE + "\n[budgets.otr.int8]\nmemory_mb = 64\n", "QP-CASE-005", 17, ["otr", "ort"]),
        (CASE.replace("margin = 5.0", 'metric = "topp1"'), "QP-CASE-005", 15, ["topp1", "top1"]),
        (
            CASE.replace("[precisions.fp32]\n[precisions.fp16]\n[precisions.int8]\n", ""),
            "QP-CASE-003",
            None,
            ["precisions"],
        ),
    ],
    ids=[
        "syntax",
        "unknown key",
        "wrong type",
        "missing model",
        "missing data",
        "bad glob",
        "unknown module",
        "unknown precision",
        "key that its recipe does not take",
        "budget of an unknown backend",
        "unknown metric",
        "no precision",
    ],
)
def test_a_bad_case_file_is_one_error_with_its_line_and_the_others_are_judged(
    project: pytest.Pytester, text: str, code: str, line: int | None, words: list[str]
) -> None:
    (project.path / "cases" / "bad.toml").write_text(text, encoding="utf-8")

    result = project.runpytest(*FP32)

    result.assert_outcomes(passed=5, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = result.stdout.str()
    place = "cases/bad.toml" if line is None else f"cases/bad.toml:{line}"
    assert f"{code}  {place}\n" in said, said
    assert all(word in said for word in words), said
    assert "Traceback" not in said
    assert "pydantic" not in said
    assert {event["case"] for event in read_ledger(project.path / ".qparity" / "ledger.json").verdicts} == {"mlp"}


def test_a_bad_case_file_does_not_stop_xdist(project: pytest.Pytester) -> None:
    (project.path / "cases" / "bad.toml").write_text("model = 1", encoding="utf-8")

    result = project.runpytest_subprocess("-n", "2", *FP32)

    result.assert_outcomes(passed=5, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise OSError('the disk is gone')", ["OSError", "the disk is gone", "samples.py"]),
        ("return [1, 2]", ["list", "dict"]),
        ("raise SystemExit(3)", ["SystemExit"]),
    ],
    ids=["raises", "gives no dict", "exits"],
)
def test_a_data_function_that_fails_is_one_error_and_the_other_cases_are_judged(
    project: pytest.Pytester, body: str, words: list[str]
) -> None:
    (project.path / "cases" / "samples.py").write_text(f"def test_data():\n    {body}\n", encoding="utf-8")
    text = CASE.replace("data/test.npz", "samples:test_data")
    (project.path / "cases" / "bad.toml").write_text(text, encoding="utf-8")

    result = project.runpytest(FAST)

    ledger = read_ledger(project.path / ".qparity" / "ledger.json")
    # The preflight of FP32 needs no data: it is judged all the same.
    bad = [event for event in ledger.verdicts if event["case"] == "bad" and event["outcome"] != "pass"]
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len(bad) == 14
    assert {event["outcome"] for event in bad} == {"cannot-judge"}
    assert {failure["code"] for event in bad for failure in event["failures"]} == {"QP-DATA-001"}
    assert {event["outcome"] for event in ledger.verdicts if event["case"] == "mlp"} == {"pass"}
    said = result.stdout.str()
    assert all(word in said for word in words), said
    assert said.count("Try: ") == 1
    assert "Traceback" not in said


def test_collecting_calls_no_function_and_opens_no_model(project: pytest.Pytester) -> None:
    (project.path / "cases" / "samples.py").write_text("raise SystemExit('imported')\ndef test_data(): ...\n")
    (project.path / "cases" / "models" / "mlp.onnx").write_bytes(b"no model")
    (project.path / "cases" / "mlp.toml").write_text(CASE.replace("data/test.npz", "samples:test_data"))

    result = project.runpytest("--collect-only", "-q")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["15 tests collected*"])
