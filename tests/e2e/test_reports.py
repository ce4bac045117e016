"""Reports of real sessions: at their end, by the command, beside other plugins' reports, and where they cannot be."""

from __future__ import annotations

import csv
import io
import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.cli import main
from tests.e2e.projects import CASE, write_project

pytest_plugins = ["pytester"]

FP32 = ("--precision=fp32", "--qparity-latency-seconds=0.01")
PREFLIGHT = ("--precision=fp32", "-k", "preflight")
FAILING = ("--precision=fp16", "-k", "parity")
TOO_STRICT = "\n[parity.fp16]\nsqnr_db = 190.0\n"
INTERRUPTS = """
def pytest_runtest_logreport(report):
    if report.when == "call" and report.nodeid.endswith("preflight"):
        raise KeyboardInterrupt
"""
IN_THE_WAY = """
from pathlib import Path

def pytest_sessionstart():
    Path("out").write_text("in the way")
"""


@pytest.fixture(autouse=True)
def on_no_forge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def properties(path: Path, check: str) -> dict[str, str]:
    cases = [each for each in ET.parse(path).iter("testcase") if each.get("name") == check]
    return {each.get("name", ""): each.get("value", "") for case in cases for each in case.iter("property")}


def test_a_session_writes_what_it_was_asked_for_and_the_command_writes_the_same(project, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "step.md"))
    with (project.path / "pytest.ini").open("a", encoding="utf-8") as ini:
        ini.write("qparity_report = out/ini.csv\nqparity_github = true\n")
    (project.path / "step.md").write_text("before\n", encoding="utf-8")

    result = project.runpytest(*FP32, "--junitxml=junit.xml")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["ledger: .qparity/ledger.json", "report: out/ini.csv"])
    assert "::error" not in result.stdout.str()
    assert (project.path / "step.md").read_text(encoding="utf-8").startswith("before\n## ✅ qparity: passes\n")
    told = rows(project.path / "out" / "ini.csv")
    assert [row["outcome"] for row in told] == ["pass"] * 5
    assert properties(project.path / "junit.xml", "accuracy")["qparity.evidence.metric"] == "top1"
    monkeypatch.chdir(project.path)
    assert main(["report", "-o", "again.csv", "-o", "b/badge.svg"]) == 0
    assert rows(project.path / "again.csv") == told
    assert main(["report", "--table"]) == 0
    assert "| `mlp` | `ort-fp32` | 100.00 % top1 |" in capsys.readouterr().out
    assert main(["report"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "Passes: Every check that the cases ask for has a verdict, and it is pass."


def test_a_failing_session_reports_annotates_and_keeps_its_exit_status(project, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (project.path / "cases" / "mlp.toml").write_text(CASE + TOO_STRICT, encoding="utf-8")
    reports = ("--qparity-report=a.md", "--qparity-report=b.sarif", "--junitxml=j.xml")

    result = project.runpytest(*FAILING, "--qparity-github", *reports, "-n1")

    assert result.ret == 1  # and not 3, although there is no step's summary to write to
    at_its_line = "::error file=cases/mlp.toml,line=11,title=QP-PAR-002 ort-fp16 parity::*"
    result.stdout.fnmatch_lines(["Got no GITHUB_STEP_SUMMARY, should be *", at_its_line])
    assert (project.path / "a.md").read_text(encoding="utf-8").startswith("## ❌ qparity: does not pass\n")
    assert json.loads((project.path / "b.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert properties(project.path / "j.xml", "parity")["qparity.codes"] == "QP-PAR-002"


def test_an_interrupted_session_reports_what_it_has(project):
    project.makeconftest(INTERRUPTS)

    result = project.runpytest_subprocess(*FP32, "--qparity-report=a.csv")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    told = rows(project.path / "a.csv")
    assert [row["outcome"] for row in told] == ["pass", *["no verdict"] * 4]
    assert {row["ledger_passes"] for row in told} == {"False"}


def test_a_report_that_cannot_be_written_is_no_success_and_the_ledger_stands(project):
    project.makeconftest(IN_THE_WAY)

    result = project.runpytest(*PREFLIGHT, "--qparity-report=out/a.csv", "--qparity-report=b.csv")

    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["report: b.csv", "The report *out/a.csv was not written (got *); the ledger stands*"])
    ledger = read_ledger(project.path / ".qparity" / "ledger.json")
    assert (ledger.exit_status, [verdict["outcome"] for verdict in ledger.verdicts]) == (0, ["pass"])


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--qparity-report=a.pdf"], "*should end in one of .html*"),
        (["--qparity-report=.qparity/ledger.json"], "*should be another file: it is the ledger*"),
        (["--qparity-report=a.csv", "--qparity-report=a.csv"], "*twice, should be one file each*"),
        (["--qparity-report=cases/mlp.csv"], "*Is a directory*"),
    ],
)
def test_a_report_that_cannot_be_is_refused_before_anything_is_judged(pytester, arguments, wrong):
    write_project(pytester.path)
    (pytester.path / "cases" / "mlp.csv").mkdir()

    result = pytester.runpytest(*PREFLIGHT, *arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([wrong])
    assert not (pytester.path / ".qparity").exists()


def test_a_session_that_dies_leaves_no_report_of_an_earlier_one(pytester):
    write_project(pytester.path)
    (pytester.path / "a.csv").write_text("an older one that passes", encoding="utf-8")
    pytester.makeconftest("import os\ndef pytest_runtest_setup():\n    os.kill(os.getpid(), 9)\n")

    pytester.runpytest_subprocess(*PREFLIGHT, "--qparity-report=a.csv")

    assert (pytester.path / ".qparity" / "ledger.json").exists()
    assert not (pytester.path / "a.csv").exists()


def test_a_session_without_a_case_does_not_write_a_report_and_passes_only_if_none_was_asked_for(pytester):
    pytester.makepyfile("def test_mine(): pass")

    assert pytester.runpytest("--qparity-report=a.csv").ret == pytest.ExitCode.TESTS_FAILED
    pytester.makeini("[pytest]\nqparity_report = a.csv\n")
    assert pytester.runpytest().ret == 0
    assert not (pytester.path / "a.csv").exists()


def test_pages_and_logs_of_other_plugins_hold_our_verdicts(project):
    pytest.importorskip("pytest_html")
    pytest.importorskip("pytest_reportlog")
    (project.path / "cases" / "mlp.toml").write_text(CASE + TOO_STRICT, encoding="utf-8")
    (project.path / "pytest.ini").write_text("[pytest]\nqparity_canaries =\n", encoding="utf-8")  # with all plugins

    project.runpytest(*FAILING, "--html=page.html", "--self-contained-html", "--report-log=log.jsonl")

    page = (project.path / "page.html").read_text(encoding="utf-8")
    assert '<section id="qparity">' in page
    assert "<strong>Does not pass:</strong>" in page
    assert "<strong>QP-PAR-002</strong>" in page
    log = [json.loads(line) for line in (project.path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    events = [entry["qparity_event"] for entry in log if entry.get("qparity_event")]
    assert [(event["check"], event["outcome"]) for event in events] == [("parity", "accuracy-fail")]
    assert ["qparity.codes", "QP-PAR-002"] in [pair for entry in log for pair in entry.get("user_properties", [])]


# The command alone


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["-o", "a.pdf"], "should end in"),
        (["ledger.json", "-o", "ledger.json"], "should be another file: it is the ledger"),
        (["nothing.json", "-o", "a.csv"], "should be a ledger"),
        (["ledger.json", "--csv"], "got --csv without --table, should be both"),
        (["none.json", "-o", "a.csv"], "should be a ledger of format 1"),
        (["odd.json", "-o", "a.csv"], "of which no report can be made (KeyError"),
    ],
)
def test_the_command_refuses(arguments, wrong, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none.json").write_text("{}", encoding="utf-8")
    odd = [{"event": "start"}, {"event": "verdict", "node_id": "a::b::c", "outcome": "pass"}]
    (tmp_path / "odd.json").write_text(json.dumps({"format": 1, "events": odd}), encoding="utf-8")

    assert main(["report", *arguments]) == 2
    assert wrong in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()


def test_a_table_that_cannot_be_true_is_no_success(tmp_path, capsys):
    evidence = {"median_ms": 4.2, "batch": 32, "samples_per_s": 238.0, "clock": "host"}
    verdict = {"event": "verdict", "node_id": "cases/r.toml::trt-fp32::latency", "case": "r", "run": "trt-fp32"}
    verdict |= {"backend": "trt", "precision": "fp32", "check": "latency", "outcome": "pass", "deciding": "4.2 ms"}
    verdict |= {"evidence": evidence, "failures": [], "notes": [], "waiver": None, "reproduce": "", "provenance": {}}
    plan = {"event": "plan", "node_ids": [verdict["node_id"]], "case_files": {}}
    events = ",\n".join(json.dumps(each) for each in ({"event": "start"}, plan, verdict))
    (tmp_path / "l.json").write_text(f'{{"format": 1, "events": [\n{events}', encoding="utf-8")  # killed here

    for form in ("--markdown", "--csv", "--latex"):
        assert main(["report", str(tmp_path / "l.json"), "--table", form]) == 1
        told = capsys.readouterr()
        assert "qparity: r trt-fp32: Got 238 samples a second at 4.2 ms a call of 32, should be about 7,619" in told.err
        assert "Does not pass: The session did not come to its end" in told.out or form == "--csv"
    assert main(["report", str(tmp_path / "l.json")]) == 0
    assert "did not come to its end" in capsys.readouterr().out
    assert os.listdir(tmp_path) == ["l.json"]  # noqa: PTH208
