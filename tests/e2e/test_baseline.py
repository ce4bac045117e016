"""A project, its baseline, and what becomes of it: one session that measures, others that judge little."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.backends.registry import backend_table, load_backend
from pytest_qparity.cli import main
from pytest_qparity.ledger import Ledger
from tests.e2e.projects import CASE, accept_golden, write_project

pytest_plugins = ["pytester"]

OPTIONS = ("--qparity-latency-seconds=0.2", "--qparity-baseline=baselines/main.json")
SHORT = (
    CASE.replace("[precisions.fp16]\n", "")
    + "\n[regression]\nslower_percent = 90\nlatency_percent = 1e6\nmemory_percent = 100\n"
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A project after a session that passes, with the baseline of its ledger."""
    root = tmp_path_factory.mktemp("project")
    accept_golden(write_project(root, SHORT))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("CI", raising=False)
        assert pytest.main(["--backend=ort", OPTIONS[0], "-q", "--rootdir", str(root), str(root / "cases")]) == 0
        assert main(["baseline", "save", "main"]) == 0
    return root


@pytest.fixture
def project(pytester: pytest.Pytester, saved: Path) -> pytest.Pytester:
    """A copy of it."""
    shutil.copytree(saved, pytester.path, dirs_exist_ok=True)
    return pytester


def judged(project: pytest.Pytester) -> Ledger:
    return read_ledger(project.path / ".qparity" / "ledger.json")


def regressions(project: pytest.Pytester) -> dict[str, list[str]]:
    return {
        event["run"]: [failure["code"] for failure in event["failures"]]
        for event in judged(project).verdicts
        if event["check"] == "regression"
    }


def edit(project: pytest.Pytester, pattern: str, text: str) -> None:
    """Change the baseline's line of int8."""
    path = project.path / "baselines" / "main.json"
    lines = path.read_text().splitlines()
    edited = [re.sub(pattern, text, line) if '"ort-int8"' in line else line for line in lines]
    assert edited != lines
    path.write_text("\n".join(edited) + "\n")


def test_a_run_is_held_against_the_baseline_of_its_own_check_results(project: pytest.Pytester) -> None:
    """Under -k, where only this check was asked for: what it needs is judged for it."""
    result = project.runpytest("--backend=ort", *OPTIONS, "-k", "int8 and regression")

    assert result.ret == 0
    assert regressions(project) == {"ort-int8": []}
    event = judged(project).verdicts[0]
    assert event["evidence"]["parity"]["loss_db"] == 0.0
    assert event["evidence"]["accuracy"]["lost"] == 0
    assert event["evidence"]["changed"] == {}


def test_what_is_worse_fails_with_what_was_before(project: pytest.Pytester) -> None:
    edit(project, r'"sqnr_db": {"logits": [\d.]+}', '"sqnr_db": {"logits": 90.0}')
    edit(project, r'"variant": "\w+"', '"variant": "0000"')

    result = project.runpytest("--backend=ort", *OPTIONS, "-k", "int8 and regression")

    assert result.ret == 1
    assert regressions(project) == {"ort-int8": ["QP-REG-001"]}
    result.stdout.fnmatch_lines(
        ["QP-REG-001*", "SQNR of output *baseline's 90.0 dB,", "Note: *changed since the baseline*variant*"]
    )


@pytest.mark.parametrize("asked_for", [(), ("--precision=fp32",)], ids=["all", "another precision"])
def test_a_run_and_a_case_that_vanished_are_no_pass(project: pytest.Pytester, asked_for: tuple[str, ...]) -> None:
    baseline = project.path / "baselines" / "main.json"
    line = next(line for line in baseline.read_text().splitlines() if '"ort-int8"' in line).removesuffix(",")
    gone = [
        json.dumps(json.loads(line) | told)
        for told in (
            {"run": "ort-int4-tiny", "precision": "int4-tiny"},
            {"run": "ort-own", "precision": "own"},
            {"run": "trt-own", "backend": "trt", "precision": "own"},
            {"case": "absent"},
        )
    ]
    baseline.write_text(baseline.read_text().replace('"runs": [\n', '"runs": [\n' + ",\n".join(gone) + ",\n"))

    result = project.runpytest("--backend=ort", *OPTIONS, *asked_for, "-k", "regression and not fp32 and not int8")

    assert result.ret == 1
    assert regressions(project) == {"ort-int4-tiny": ["QP-REG-008"], "ort-own": ["QP-REG-008"]}
    result.stdout.fnmatch_lines(["not planned: case absent of the baseline*"])
    assert judged(project).case_errors.keys() == {"case absent of the baseline"}


def test_without_the_option_there_is_no_such_check_and_with_a_file_that_is_none_it_is_usage(
    project: pytest.Pytester,
) -> None:
    listed = project.runpytest("--backend=ort", "--collect-only", "-q", "-p", "no:terminalreporter")
    assert "regression" not in listed.stdout.str()

    for name, said in (("absent.json", "*No such file*baseline save*"), ("pytest.ini", "*should be a file that*")):
        result = project.runpytest("--backend=ort", f"--qparity-baseline={name}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([said])


def test_a_variant_of_other_bytes_is_timed_beside_the_baseline_s_and_every_face_of_it_can_be_made(
    project: pytest.Pytester,
) -> None:
    ledger = project.path / ".qparity" / "ledger.json"
    old = project.path / "old.json"
    ledger.rename(old)
    assert main(["export", "cases/mlp.toml", "ort-int8", "-o", "releases/v1", "--ledger", str(old)]) == 0
    case = project.path / "cases" / "mlp.toml"
    case.write_text(case.read_text().replace("[precisions.int8]", '[precisions.int8]\nkeep_float = ["second"]'))
    shutil.rmtree(project.path / ".qparity" / "cache" / "variants")

    project.runpytest("--backend=ort", *OPTIONS, "--qparity-baseline-variants=releases", "-k", "int8")

    events = {event["check"]: event for event in judged(project).verdicts}
    latency = events["latency"]["evidence"]
    assert latency["baseline_variant"]["found"] == "releases"
    assert latency["speed_up_over"].keys() == {"fp32", "baseline"}
    beside = events["regression"]["evidence"]["latency"]["beside_baseline"]
    assert beside["sha256"] == latency["baseline_variant"]["sha256"]
    reports = [part for name in ("r.html", "r.md", "r.csv", "r.tex", "r.json") for part in ("-o", name)]
    for command in (["report", *reports], ["report", "--table"], ["diff", str(old), str(ledger)]):
        result = project.run(sys.executable, "-m", "pytest_qparity.cli", *command)
        assert (result.ret, command[0]) in {(0, "report"), (0, "diff"), (1, "diff")}
        assert "Traceback" not in result.stderr.str()


def test_a_folder_of_variants_that_is_none_is_usage(project: pytest.Pytester) -> None:
    result = project.runpytest("--backend=ort", *OPTIONS, "--qparity-baseline-variants=absent")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*got 'absent' as --qparity-baseline-variants, should be a folder*"])

    result = project.runpytest("--backend=ort", "--qparity-baseline-variants=baselines")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*got --qparity-baseline-variants without --qparity-baseline, should be with it*"])


def test_a_backend_that_is_not_there_fails_the_check_by_its_own_code(project: pytest.Pytester) -> None:
    """So that the waiver that is written for it covers this check, too."""
    if load_backend(backend_table()["trt"]).unavailable() is None:
        pytest.skip("TensorRT and a GPU are here")
    case = project.path / "cases" / "mlp.toml"
    waiver = '[[waivers]]\nrun = "trt-*"\nreason = "not here"\nexpires = 2099-01-01\ncodes = ["QP-BACKEND-001"]\n'
    case.write_text(case.read_text() + waiver)
    edit(project, '"run": "ort-int8", "backend": "ort"', '"run": "trt-int8", "backend": "trt"')

    result = project.runpytest("--backend=trt", *OPTIONS, "-k", "int8 and regression")

    assert regressions(project) == {"trt-int8": ["QP-BACKEND-001"]}
    assert judged(project).verdicts[0]["outcome"] == "waived"
    assert result.ret == 0
