"""The tree that pytest sees, and the ways to choose from it."""

from __future__ import annotations

import shutil

import pytest

from pytest_qparity import read_ledger
from tests.e2e.projects import CASE, write_project

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"
CHECKS = ("preflight", "parity", "accuracy", "latency", "memory")


def node_ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


def test_a_case_is_collected_as_backend_and_precision_and_check(project: pytest.Pytester) -> None:
    result = project.runpytest("--collect-only", "-q", "--backend=ort,openvino")

    assert node_ids(result) == [
        f"cases/mlp.toml::{backend}-{precision}::{check}"
        for backend in ("ort", "openvino")
        for precision in ("fp32", "fp16", "int8")
        for check in CHECKS
    ]


def test_case_files_are_judged_on_ort_when_no_backend_is_named(project: pytest.Pytester) -> None:
    result = project.runpytest("--collect-only", "-q")

    assert {line.split("::")[1] for line in node_ids(result)} == {"ort-fp32", "ort-fp16", "ort-int8"}


def test_the_ini_value_names_backends_where_the_option_does_not(project: pytest.Pytester) -> None:
    result = project.runpytest("--collect-only", "-q", "-o", "qparity_backends=reference")

    assert {line.split("::")[1].split("-")[0] for line in node_ids(result)} == {"reference"}


def test_a_case_without_accuracy_has_no_accuracy_check(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, CASE.replace("[accuracy]\nmargin = 5.0", ""))

    result = pytester.runpytest("--collect-only", "-q", "--precision=fp16")

    assert node_ids(result) == [
        f"cases/mlp.toml::ort-fp16::{check}" for check in ("preflight", "parity", "latency", "memory")
    ]


def test_precision_chooses_precisions(project: pytest.Pytester) -> None:
    result = project.runpytest("--collect-only", "-q", "--precision=int8,fp16")

    assert {line.split("::")[1] for line in node_ids(result)} == {"ort-fp16", "ort-int8"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (["-k", "int8 and parity"], ["cases/mlp.toml::ort-int8::parity"]),
        (["-m", "memory", "--precision=fp16"], ["cases/mlp.toml::ort-fp16::memory"]),
        (["cases/mlp.toml::ort-fp32::accuracy"], ["cases/mlp.toml::ort-fp32::accuracy"]),
        (["cases/mlp.toml::ort-fp32"], [f"cases/mlp.toml::ort-fp32::{check}" for check in CHECKS]),
    ],
    ids=["-k", "-m", "node id", "node id of a run"],
)
def test_pytest_own_ways_to_choose_work(project: pytest.Pytester, choice: list[str], expected: list[str]) -> None:
    result = project.runpytest("--collect-only", "-q", *choice)

    assert node_ids(result) == expected


def test_every_check_of_a_good_variant_passes(project: pytest.Pytester) -> None:
    result = project.runpytest("--backend=ort,openvino", FAST)

    result.assert_outcomes(passed=30)
    assert result.ret == 0
    assert read_ledger(project.path / ".qparity" / "ledger.json").passes


def test_runs_are_spread_by_xdist_and_the_ledger_is_the_same(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-n", "2", "--dist", "loadscope", FAST)

    result.assert_outcomes(passed=15)
    ledger = read_ledger(project.path / ".qparity" / "ledger.json")
    assert ledger.passes
    assert len(ledger.planned) == len(ledger.verdicts) == 15


def test_last_failed_runs_what_failed(project: pytest.Pytester) -> None:
    case_file = project.path / "cases" / "mlp.toml"
    case_file.write_text(CASE + "\n[parity.int8]\nsqnr_db = 90.0\n", encoding="utf-8")
    (project.path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    project.runpytest(FAST).assert_outcomes(passed=14, failed=1)

    result = project.runpytest("--lf", FAST)

    result.assert_outcomes(failed=1)
    assert [event["node_id"] for event in read_ledger(project.path / ".qparity" / "ledger.json").verdicts] == [
        "cases/mlp.toml::ort-int8::parity"
    ]


def test_the_golden_is_read_once_for_a_case_and_a_session_opened_once_for_a_run(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        from pytest_qparity import gate
        made = []

        def counted(owner, name):
            original = owner.__dict__[name]
            compute = original._compute
            original._compute = lambda instance: made.append(name) or compute(instance)

        counted(gate.CaseMaterial, "golden")
        counted(gate.RunMaterial, "session")

        def pytest_sessionfinish():
            print("MADE", sorted(made))
        """
    )

    result = project.runpytest_subprocess("-s", FAST)

    assert "MADE ['golden', 'session', 'session', 'session']" in result.stdout.str()


def test_samples_of_the_latency_check_are_in_the_benchmark_json(project: pytest.Pytester) -> None:
    result = project.runpytest("--precision=int8", "--benchmark-json=bench.json", "--benchmark-autosave", FAST)

    import json

    [benchmark] = json.loads((project.path / "bench.json").read_text())["benchmarks"]
    [latency] = [
        event
        for event in read_ledger(project.path / ".qparity" / "ledger.json").verdicts
        if event["check"] == "latency"
    ]
    assert result.ret == 0
    assert benchmark["group"] == "mlp"
    assert "benchmark 'mlp': 1 tests" in result.stdout.str()  # an option of pytest-benchmark brings its table
    assert len(list(project.path.glob(".benchmarks/*/0001_*.json"))) == 1
    assert benchmark["fullname"] == "cases/mlp.toml::ort-int8::latency"
    assert benchmark["stats"]["rounds"] == latency["evidence"]["calls"]
    assert benchmark["stats"]["median"] * 1e3 == pytest.approx(latency["evidence"]["median_ms"])


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--backend=", ["--backend", "at least one"]),
        ("--backend=ortt", ["'ortt'", "ort-cuda", "openvino", "reference", "trt", "did you mean 'ort'?"]),
        ("--precision=", ["--precision", "at least one"]),
        ("--precision=init8", ["'init8'", "fp16", "int8", "did you mean 'int8'?"]),
        ("--qparity-latency-seconds=soon", ["soon", "above 0"]),
    ],
)
def test_an_option_that_names_nothing_known_is_a_usage_error(
    project: pytest.Pytester, option: str, words: list[str]
) -> None:
    result = project.runpytest(option)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stderr.str()
    assert all(word in text for word in words), text
    assert "Traceback" not in text


def test_a_precision_that_no_case_has_is_refused(project: pytest.Pytester) -> None:
    result = project.runpytest("--precision=fp16,int8-mixde", FAST)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "int8-mixde" in result.stderr.str()


def test_a_choice_that_selects_nothing_does_not_pass(project: pytest.Pytester) -> None:
    result = project.runpytest("-k", "no_such_run")

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not read_ledger(project.path / ".qparity" / "ledger.json").passes


def test_tables_of_latency_are_left_out_and_those_of_other_tests_are_not(project: pytest.Pytester) -> None:
    project.makepyfile(test_mine="def test_mine(benchmark): benchmark(int)")

    result = project.runpytest("cases", "test_mine.py", "--precision=fp32", "-k", "latency or mine", FAST)

    result.assert_outcomes(passed=2, deselected=4)
    assert "benchmark: 1 tests" in result.stdout.str()
    assert "benchmark 'mlp'" not in result.stdout.str()


def test_two_cases_of_one_name_are_refused(project: pytest.Pytester) -> None:
    more = project.path / "cases" / "more"
    more.mkdir()
    (more / "mlp.toml").write_text(CASE.replace('"models', '"../models').replace('"data', '"../data'))

    globs = "cases/*.toml cases/more/*.toml"
    result = project.runpytest("-o", f"qparity_cases={globs}", FAST)
    alone = project.runpytest(
        "-o", f"qparity_cases={globs}", FAST, "cases/more"
    )  # their golden would be one all the same

    assert result.ret != 0
    assert alone.ret != 0
    result.stdout.fnmatch_lines(
        ["*Got a second case named 'mlp' beside cases/more/mlp.toml*", "*find both by one glob*"]
    )
    alone.stdout.fnmatch_lines(["*Got a second case named 'mlp' beside cases/mlp.toml*"])


def test_cases_of_one_file_name_are_called_by_the_folders_in_which_their_glob_varies(project: pytest.Pytester) -> None:
    (project.path / "cases").rename(project.path / "shop")
    shutil.copytree(project.path / "shop", project.path / "trust")
    globs = ("-o", "qparity_cases=*/mlp.toml", "-o", "testpaths=shop trust")
    (project.path / "golden" / "mlp").rename(project.path / "golden" / "shop")

    result = project.runpytest(*globs, FAST, "-m", "parity", "--precision=fp32")

    ledger = read_ledger(project.path / ".qparity" / "ledger.json")
    told = {event["case"]: [failure["code"] for failure in event["failures"]] for event in ledger.verdicts}
    assert told == {"shop": [], "trust": ["QP-GOLDEN-001"]}
    assert ledger.case_of("trust/mlp.toml") == "trust"
    assert "Try:    qparity accept trust/mlp.toml --missing" in result.stdout.str()


def test_a_project_without_cases_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")

    result = pytester.runpytest()

    result.assert_outcomes(passed=1)
    assert "qparity" not in result.stdout.str().replace("plugins:", "").replace("qparity-0", "")
    assert not (pytester.path / ".qparity").exists()


def test_cases_that_were_asked_for_and_are_not_there_do_not_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")

    result = pytester.runpytest("--backend=ort")

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["Got no case to judge*cases/[*].toml*"])


@pytest.mark.parametrize("glob", ["/cases/*.toml", "cases/**.toml", ""])
def test_a_glob_that_cannot_be_is_a_usage_error(project: pytest.Pytester, glob: str) -> None:
    result = project.runpytest(f"--qparity-cases={glob}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "from rootdir" in result.stderr.str()


def test_a_precision_that_no_case_has_is_refused_under_xdist_too(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--precision=fp16,int8-mixde", "-n", "2", FAST)

    assert result.ret != 0
    assert "int8-mixde" in result.stdout.str() + result.stderr.str()
