"""`pytest --backend=trt,ort` where there is no TensorRT: nothing of it passes, and what can be judged is."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu_summary import ran
from pytest_qparity.backends.registry import backend_table, load_backend
from pytest_qparity.ledger import Ledger, read_ledger
from tests.e2e.projects import CASE, session

pytest_plugins = ["pytester"]
FAST = "--qparity-latency-seconds=0.05"
WAIVER = """
[[waivers]]
run = "trt-*"
codes = ["QP-BACKEND-001"]
reason = "no GPU on this runner"
expires = {expires}
"""
# Figures that differ from one session to the next.
MEASURED = ("latency", "memory")


@pytest.fixture(autouse=True)
def without_tensorrt() -> None:
    if load_backend(backend_table()["trt"]).unavailable() is None:
        pytest.skip("TensorRT and a GPU are here")


def ledger_of(project: pytest.Pytester) -> Ledger:
    return read_ledger(project.path / ".qparity" / "ledger.json")


def evidence_of(ledger: Ledger) -> Mapping[str, Any]:
    return {
        event["node_id"]: (event["outcome"], event["evidence"])
        for event in ledger.verdicts
        if event["backend"] == "ort" and event["check"] not in MEASURED
    }


@pytest.fixture(scope="module")
def judged(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[subprocess.CompletedProcess[str], Ledger, Path]:
    """A session of `--backend=trt,ort`, its ledger and its folder `.qparity`."""
    root = tmp_path_factory.mktemp("absent")
    shutil.copytree(template, root, dirs_exist_ok=True)
    done = session(root, "--backend=trt,ort")
    return done, read_ledger(root / ".qparity" / "ledger.json"), root / ".qparity"


def test_every_run_of_it_cannot_be_judged_in_one_sentence(
    judged: tuple[subprocess.CompletedProcess[str], Ledger, Path],
) -> None:
    done, ledger, _ = judged

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "= 15 failed, 15 passed in " in done.stdout
    assert not ledger.passes
    events = [event for event in ledger.verdicts if event["backend"] == "trt"]
    assert len(events) == 15
    assert {event["outcome"] for event in events} == {"cannot-judge"}
    [failure] = {tuple(failure.items()) for event in events for failure in event["failures"]}
    told = dict(failure)
    assert told["code"] == "QP-BACKEND-001"
    assert told["sentence"].startswith('Backend "trt" does not work here: ')
    assert told["sentence"].count(". ") == 0
    assert "tensorrt" in told["sentence"]
    assert "pip install" in told["remedy"]
    assert 'run = "trt-*", codes = ["QP-BACKEND-001"]' in told["remedy"]


def test_the_other_backend_is_judged_as_it_is_by_itself(
    project: pytest.Pytester, judged: tuple[subprocess.CompletedProcess[str], Ledger, Path]
) -> None:
    project.runpytest_subprocess("--backend=ort", "-m", "not latency and not memory", FAST)
    alone = evidence_of(ledger_of(project))

    assert len(alone) == 9
    assert evidence_of(judged[1]) == alone


def test_with_the_waiver_of_the_case_it_passes_and_says_what_was_waived(project: pytest.Pytester) -> None:
    waive(project, CASE)

    result = project.runpytest_subprocess("--backend=trt,ort", "--precision=fp32,int8", FAST)

    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=10, xfailed=10)
    result.stdout.fnmatch_lines(["waived: mlp trt-fp32, trt-int8 (10 checks; QP-BACKEND-001): no GPU on *"])
    result.stdout.fnmatch_lines(["20 checks planned: 10 pass, 10 waived"])
    assert ledger_of(project).passes


def waive(project: pytest.Pytester, case: str) -> None:
    tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=2)
    (project.path / "cases" / "mlp.toml").write_text(case + WAIVER.format(expires=tomorrow))


def test_a_file_that_tensorrt_will_refuse_is_no_pass_with_that_waiver(project: pytest.Pytester) -> None:
    """As `quantize_static` writes it: uint8 activations, int32 biases. What is judged of it on the other backend is the
    accuracy on these samples: they are too few to tell of all that it loses at most 5 points where it loses some."""
    case = CASE.replace("[precisions.int8]", '[precisions.int8]\ntarget = "ort"')
    waive(project, case.replace("batch = 40", "batch = 40\npopulation = false"))

    result = project.runpytest_subprocess("--backend=trt,ort", "--precision=int8", FAST)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=5, xfailed=4, failed=1)
    [refused] = [event for event in ledger_of(project).verdicts if event["outcome"] == "cannot-judge"]
    assert refused["node_id"] == "cases/mlp.toml::trt-int8::preflight"
    assert [failure["code"] for failure in refused["failures"]] == ["QP-BACKEND-001", "QP-PRE-009", "QP-PRE-009"]
    assert refused["evidence"]["lint"]["TRT-Q-013"]["nodes"] == ["b2_DequantizeLinear", "b1_DequantizeLinear"]
    assert refused["provenance"]["variant"]["sha256"]
    result.stdout.fnmatch_lines(['TRT-Q-013 at "b2_DequantizeLinear" (and 1 more): got an int32 DequantizeLinear*'])


def test_the_summary_of_a_gpu_lane_claims_no_run_of_it(
    judged: tuple[subprocess.CompletedProcess[str], Ledger, Path],
) -> None:
    folder = judged[2]
    (folder / "tables.md").write_text(
        "| trt-fp32 | QP-BACKEND-001: no | - | - |\n| ort-fp32 (not passed: latency) | 3 nodes | 135.0 | - |\n"
    )
    (folder / "tests.xml").write_text("<testsuite><testcase><skipped/></testcase><testcase/></testsuite>")

    lines = ran(folder).splitlines()

    assert lines[0] == "- trt: 0 of 15 checks; no session"
    assert lines[1].startswith("- ort: 15 of 15 checks; ")
    assert lines[2:] == ["- tests: 1 passed, 0 failed, 1 skipped (not run)", "- tables: 1 of 2 runs measured"]
