"""Canaries in a user's project: whichever way pytest is run, one that passes stops everything."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.ledger import Ledger
from tests.e2e.commands import qparity
from tests.e2e.projects import BARE, CASE, write_canary_files

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"
LOOKING_AWAY = """
from pytest_qparity.backends.ort import OnnxRuntimeCpu

class Engine(OnnxRuntimeCpu):
    def load(self, model, options):
        return super().load(model.with_name(model.name.replace("relu", "int8")), options)
"""
AWAY = """
from pytest_qparity import BackendSpec

def pytest_qparity_backends(config):
    return [BackendSpec("away", "looking_away:Engine")]
"""


@pytest.fixture
def project(project: pytest.Pytester) -> pytest.Pytester:
    """A project that says nothing of canaries."""
    (project.path / "pytest.ini").write_text(f"[pytest]\naddopts = {BARE}\n")
    return project


@pytest.fixture(scope="session")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This package's canaries and their golden, copied for each test."""
    root = tmp_path_factory.mktemp("canaries")
    write_canary_files(root)
    return root


@pytest.fixture
def guarded(project: pytest.Pytester, canaries: Path) -> pytest.Pytester:
    """The project with this package's canaries."""
    shutil.copytree(canaries, project.path, dirs_exist_ok=True)
    return project


@pytest.fixture
def blind(guarded: pytest.Pytester) -> pytest.Pytester:
    """A project in which a canary passes: its file is sound."""
    models = guarded.path / "cases" / "canaries" / "models"
    shutil.copy(models / "int8.onnx", models / "flipped.onnx")
    return guarded


def ledger(project: pytest.Pytester) -> Ledger:
    return read_ledger(project.path / ".qparity" / "ledger.json")


def codes(project: pytest.Pytester) -> set[str]:
    return {failure["code"] for event in ledger(project).verdicts for failure in event["failures"]}


def test_canaries_that_are_caught_are_one_line_and_stand_beside_each_verdict(guarded: pytest.Pytester) -> None:
    result = guarded.runpytest("--backend=ort,openvino", "--precision=fp32", FAST)

    result.assert_outcomes(passed=10)
    result.stdout.fnmatch_lines(["canaries: 10 of 10 caught on ort, openvino"])
    assert ledger(guarded).start["canaries"] == ["cases/canaries/canary.toml"]
    [record] = {str(event["provenance"]["canaries"]) for event in ledger(guarded).verdicts}
    assert record.startswith("{'planned': 10, 'caught': 10, 'sha256': ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-k", "fp32 and memory"],
        ["cases/mlp.toml::ort-int8::preflight"],
        ["-n", "2"],
        ["--precision=fp16"],
        ["--runxfail"],
    ],
    ids=["plain", "-k", "node id", "xdist", "--precision", "--runxfail"],
)
def test_one_that_passes_makes_every_check_cannot_judge(blind: pytest.Pytester, arguments: list[str]) -> None:
    result = blind.runpytest_subprocess(FAST, *arguments)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert {event["outcome"] for event in ledger(blind).verdicts} == {"cannot-judge"}
    assert codes(blind) == {"QP-CANARY-001"}
    assert not ledger(blind).passes
    result.stdout.fnmatch_lines(["QP-CANARY-001  cases/mlp.toml::*", "canaries: 9 of 10 caught on ort"])


def test_one_that_passes_on_one_backend_stops_that_backend(guarded: pytest.Pytester) -> None:
    guarded.makepyfile(looking_away=LOOKING_AWAY)
    guarded.makeconftest(AWAY)
    guarded.syspathinsert()

    result = guarded.runpytest("--backend=away,ort", "-m", "parity")

    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(["canaries: 9 of 10 caught on away; 10 of 10 caught on ort"])


@pytest.mark.parametrize("more", ["", 'codes = ["QP-CANARY-001"]'], ids=["whole run", "by its code"])
def test_no_waiver_covers_it(blind: pytest.Pytester, more: str) -> None:
    waiver = f'[[waivers]]\nrun = "ort-*"\nreason = "known"\nexpires = 2999-01-01\n{more}\n'
    (blind.path / "cases" / "mlp.toml").write_text(f"{CASE}\n{waiver}")

    result = blind.runpytest("-m", "parity")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(**({"errors": 1} if more else {"failed": 3}))


def test_canary_files_are_no_cases(guarded: pytest.Pytester) -> None:
    result = guarded.runpytest("--collect-only", "-q", "--qparity-cases=cases/**/*.toml")

    assert {line.split("::")[0] for line in result.outlines if "::" in line} == {"cases/mlp.toml"}


def test_a_backend_that_does_not_work_here_is_not_blamed_on_them(guarded: pytest.Pytester) -> None:
    result = guarded.runpytest("--backend=trt", "-m", "parity")

    assert codes(guarded) == {"QP-BACKEND-001"}
    result.stdout.fnmatch_lines(["canaries: none was run"])


def test_a_broken_canary_file_stops_everything(guarded: pytest.Pytester) -> None:
    (guarded.path / "cases" / "canaries" / "more.toml").write_text("model = \n")

    result = guarded.runpytest("-m", "parity")

    result.assert_outcomes(failed=3)
    assert codes(guarded) == {"QP-CANARY-002"}
    result.stdout.fnmatch_lines(["cases/canaries/more.toml:1: Got *", "canaries: could not be run on ort"])


def test_a_canary_file_of_a_cases_name_is_an_error(guarded: pytest.Pytester) -> None:
    shutil.copy(guarded.path / "cases" / "mlp.toml", guarded.path / "cases" / "canary.toml")

    result = guarded.runpytest("-m", "parity")

    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["QP-CASE-007  cases/canary.toml"])


class TestGlobs:
    def test_canaries_may_live_elsewhere(self, blind: pytest.Pytester) -> None:
        (blind.path / "cases" / "canaries").rename(blind.path / "birds")

        by_option = blind.runpytest("-m", "parity", "--qparity-canaries=birds/*.toml")
        assert codes(blind) == {"QP-CANARY-001"}
        by_ini = blind.runpytest("-m", "parity", "-o", "qparity_canaries=birds/*.toml")

        assert by_option.ret == by_ini.ret == pytest.ExitCode.TESTS_FAILED
        by_option.stdout.fnmatch_lines(["Repeat:*--qparity-canaries=*birds/[*].toml*"])

    @pytest.mark.parametrize(
        "arguments",
        [["--qparity-canaries=birds/*.toml"], ["-o", "qparity_canaries=birds/*.toml"]],
        ids=["option", "ini"],
    )
    def test_that_were_named_and_find_nothing_are_a_usage_error(
        self, guarded: pytest.Pytester, arguments: list[str]
    ) -> None:
        result = guarded.runpytest(*arguments)

        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*got no canary file by 'birds/[*].toml', should be at least one*"])

    def test_that_cannot_be_are_a_usage_error(self, guarded: pytest.Pytester) -> None:
        result = guarded.runpytest("--qparity-canaries=/birds/*.toml")

        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*got canary files '/birds/[*].toml'*"])

    @pytest.mark.parametrize("arguments", [["--qparity-canaries="], ["-o", "qparity_canaries="]], ids=["option", "ini"])
    def test_an_empty_setting_turns_them_off_and_says_so(self, blind: pytest.Pytester, arguments: list[str]) -> None:
        result = blind.runpytest("-m", "parity", *arguments)

        assert result.ret == 0
        result.stdout.fnmatch_lines(["no canaries: turned off by an empty qparity_canaries"])
        assert ledger(blind).start["canaries"] == []
        assert all("canaries" not in event["provenance"] for event in ledger(blind).verdicts)


class TestOwn:
    """What stands in where a project has none."""

    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
    def test_they_are_judged_first_and_leave_nothing_beside_the_cache(
        self, project: pytest.Pytester, workers: list[str]
    ) -> None:
        before = sorted((project.path / "golden").rglob("*")), sorted((project.path / "cases").rglob("*"))

        result = project.runpytest_subprocess("-m", "parity", *workers)

        result.assert_outcomes(passed=3)
        result.stdout.fnmatch_lines(["canaries: 10 of 10 caught on ort"])
        assert ledger(project).start["canaries"] == ["pytest_qparity/canary.toml"]
        after = sorted((project.path / "golden").rglob("*")), sorted((project.path / "cases").rglob("*"))
        assert after == before

    def test_an_engine_that_hides_what_is_broken_does_not_pass(self, project: pytest.Pytester) -> None:
        project.makepyfile(looking_away=LOOKING_AWAY)
        project.makeconftest(AWAY)
        project.syspathinsert()

        result = project.runpytest("--backend=away", "-m", "parity")

        result.assert_outcomes(failed=3)
        assert codes(project) == {"QP-CANARY-001"}
        result.stdout.fnmatch_lines(["*int8-relu of pytest_qparity/canary.toml passes on away*"])

    def test_a_case_may_have_their_name(self, project: pytest.Pytester) -> None:
        (project.path / "cases" / "mlp.toml").rename(project.path / "cases" / "canary.toml")
        (project.path / "golden" / "mlp").rename(project.path / "golden" / "canary")

        project.runpytest("-m", "parity").assert_outcomes(passed=3)

    def test_they_are_nobodys_to_accept(self, project: pytest.Pytester) -> None:
        project.runpytest("-m", "parity")

        shown = qparity(project.path, "accept")

        assert shown.returncode == 0
        assert "canary" not in shown.stdout

    def test_shards_behind_them_are_merged(self, project: pytest.Pytester) -> None:
        for name, chosen in (("a.json", "parity"), ("b.json", "not parity")):
            project.runpytest(FAST, "--precision=fp32", "-k", chosen, f"--qparity-ledger={name}")

        assert qparity(project.path, "merge", "a.json", "b.json", "--output", "whole.json").returncode == 0


class TestAccept:
    def test_goldens_of_canaries_are_accepted_and_no_orphans(self, project: pytest.Pytester) -> None:
        written = qparity(project.path, "canaries")
        shown = qparity(project.path, "accept")
        accepted = qparity(project.path, "accept", "--missing")

        assert written.returncode == 0, written.stderr
        assert "missing    canary" in shown.stdout
        assert accepted.returncode == 0, accepted.stderr
        assert "current    canary" in qparity(project.path, "accept").stdout
        project.runpytest("-m", "parity").stdout.fnmatch_lines(["canaries: 10 of 10 caught on ort"])

    def test_one_canary_file_may_be_named(self, guarded: pytest.Pytester) -> None:
        shutil.rmtree(guarded.path / "golden" / "canary")

        done = qparity(guarded.path, "accept", "cases/canaries/canary.toml", "--missing")

        assert done.returncode == 0, done.stderr
        assert "accepted   canary" in done.stdout

    def test_pytest_accepts_them_too_when_told(self, guarded: pytest.Pytester) -> None:
        shutil.rmtree(guarded.path / "golden" / "canary")

        guarded.runpytest("-m", "parity", "--qparity-accept=missing").assert_outcomes(passed=3)

        assert (guarded.path / "golden" / "canary" / "manifest.json").is_file()

    def test_two_files_of_one_name_are_a_usage_error(self, guarded: pytest.Pytester) -> None:
        shutil.copy(guarded.path / "cases" / "mlp.toml", guarded.path / "cases" / "canary.toml")

        done = qparity(guarded.path, "accept", "--changed")

        assert done.returncode == 2
        assert "two case files named 'canary'" in done.stderr

    def test_the_command_writes_nothing_over_what_is_there(self, guarded: pytest.Pytester) -> None:
        done = qparity(guarded.path, "canaries")
        elsewhere = qparity(guarded.path, "canaries", "birds")

        assert done.returncode == 2
        assert "cases/canaries/canary.toml" in done.stderr
        assert elsewhere.returncode == 0
        assert (guarded.path / "birds" / "models" / "flipped.onnx").is_file()
