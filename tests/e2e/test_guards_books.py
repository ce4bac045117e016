"""What must never pass, of the books of a session: each of these is a way in which a careless gate says yes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_qparity import read_ledger
from tests.e2e.gate_runs import FAST

pytest_plugins = ["pytester"]

FP32 = ("--precision=fp32", FAST)


class TestBooks:
    def test_a_check_that_another_plugin_skips_has_no_verdict_and_fails(self, project: pytest.Pytester) -> None:
        result = project.runpytest("--benchmark-skip", *FP32)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        ledger = read_ledger(project.path / ".qparity" / "ledger.json")
        assert len(ledger.unjudged) == 1
        assert not ledger.passes

    def test_a_check_whose_item_was_not_run_has_no_verdict_and_fails(self, project: pytest.Pytester) -> None:
        project.makeconftest(
            """
            import pytest

            @pytest.hookimpl(tryfirst=True)
            def pytest_pyfunc_call(pyfuncitem):
                return True
            """
        )

        result = project.runpytest(FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["15 planned checks have no verdict*"])

    def test_a_failing_check_that_another_plugin_turns_green_fails(self, project: pytest.Pytester) -> None:
        shutil.rmtree(project.path / "golden")
        project.makeconftest(
            """
            import pytest

            @pytest.hookimpl(wrapper=True, tryfirst=True)
            def pytest_runtest_makereport(item, call):
                report = yield
                report.outcome = "passed"
                return report
            """
        )

        result = project.runpytest(*FP32)

        assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_the_ledger_of_a_killed_run_is_readable(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import os, signal, pytest

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(report):
            if report.when == "call" and "fp32::parity" in report.nodeid:
                os.kill(os.getpid(), signal.SIGKILL)
        """
    )

    project.runpytest_subprocess(*FP32)

    path = Path(project.path / ".qparity" / "ledger.json")
    assert json.loads(path.read_text())["format"] == 1
    ledger = read_ledger(path)
    assert len(ledger.planned) == 5
    assert len(ledger.verdicts) == 2
    assert not ledger.passes


class TestSessions:
    def test_case_files_that_testpaths_leave_out_are_not_passed_over(self, project: pytest.Pytester) -> None:
        (project.path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
        (project.path / "tests").mkdir()
        (project.path / "tests" / "test_it.py").write_text("def test_it(): pass\n")

        result = project.runpytest()

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["Got 1 case files that were not collected*"])

    def test_tests_that_were_named_may_pass_without_the_cases(self, project: pytest.Pytester) -> None:
        project.makepyfile("def test_it(): pass")

        assert project.runpytest("test_tests_that_were_named_may_pass_without_the_cases.py").ret == 0
        assert project.runpytest("-k", "test_it").ret == 0

    @pytest.mark.parametrize("arguments", [["-k", "nosuch"], ["-n", "2", "-k", "nosuch"]], ids=["alone", "xdist"])
    def test_a_session_that_judged_nothing_leaves_no_ledger_that_passes(
        self, project: pytest.Pytester, arguments: list[str]
    ) -> None:
        assert project.runpytest_subprocess(*FP32).ret == 0

        assert project.runpytest_subprocess(*arguments).ret != 0
        assert not read_ledger(project.path / ".qparity" / "ledger.json").passes

    def test_a_bad_case_file_is_in_the_ledger(self, project: pytest.Pytester) -> None:
        (project.path / "cases" / "bad.toml").write_text("model = 1")

        project.runpytest(*FP32)

        assert list(read_ledger(project.path / ".qparity" / "ledger.json").case_errors) == ["cases/bad.toml"]

    @pytest.mark.parametrize("ledger", ["cases", "/proc/nowhere/ledger.json"])
    def test_a_ledger_that_cannot_be_written_is_one_error(self, project: pytest.Pytester, ledger: str) -> None:
        result = project.runpytest(f"--qparity-ledger={ledger}")

        assert result.ret == pytest.ExitCode.USAGE_ERROR
        text = result.stdout.str() + result.stderr.str()
        assert "--qparity-ledger" in text
        assert "INTERNALERROR" not in text

    def test_plugins_that_ask_for_the_module_of_a_test_get_one(self, project: pytest.Pytester) -> None:
        """As pytest-randomly does."""
        project.makeconftest(
            """
            def pytest_collection_modifyitems(items):
                print("MODULES", {item.module.__name__ for item in items})
            """
        )

        result = project.runpytest("-s", *FP32)

        assert result.ret == 0
        assert "MODULES {'mlp'}" in result.stdout.str()

    def test_a_warning_is_no_error_of_ours(self, project: pytest.Pytester) -> None:
        shutil.rmtree(project.path / "golden")
        shutil.rmtree(project.path / "cases" / "data")

        result = project.runpytest("-W", "error", "-m", "latency", *FP32)

        assert "PytestBenchmarkWarning" not in result.stdout.str()
