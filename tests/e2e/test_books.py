"""The books close: what was planned has a verdict or the exit status is not 0, whatever becomes of the session."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.ledger import Ledger, LedgerWriter
from tests.e2e.projects import CASE, write_project

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"
FP32 = ("--precision=fp32", FAST)
NODE = "cases/mlp.toml::ort-fp32::parity"
RAISE = "raise RuntimeError('no')"
FAILS_ONCE = """
import os, pytest

@pytest.hookimpl({order}=True)
def pytest_runtest_{phase}(item):
    if item.name == "parity" and not os.path.exists("failed"):
        open("failed", "w").close()
        {how}
"""


def ledger(project: pytest.Pytester) -> Ledger:
    return read_ledger(project.path / ".qparity" / "ledger.json")


@pytest.fixture
def passing(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with the ledger of an earlier session, which passes."""
    write_project(pytester.path)
    writer = LedgerWriter(pytester.path / ".qparity" / "ledger.json", {})
    writer.plan([NODE])
    writer.judged({"event": "verdict", "node_id": NODE, "outcome": "pass"})
    assert writer.close(0).passes
    return pytester


class TestRepeats:
    @pytest.mark.parametrize(
        ("phase", "order", "how", "arguments"),
        [
            pytest.param("setup", "trylast", RAISE, [], id="a setup that fails"),
            pytest.param("call", "tryfirst", RAISE, [], id="a call that fails before it is judged"),
            pytest.param("call", "tryfirst", RAISE, ["-n", "2"], id="the same under xdist"),
            pytest.param("call", "tryfirst", "os._exit(3)", ["-n", "2"], id="a worker of xdist that is lost"),
        ],
    )
    def test_what_ended_without_a_verdict_is_not_retried_into_a_pass(
        self, project: pytest.Pytester, phase: str, order: str, how: str, arguments: list[str]
    ) -> None:
        project.makeconftest(FAILS_ONCE.format(phase=phase, order=order, how=how))

        result = project.runpytest_subprocess("--reruns=2", *arguments, *FP32)

        result.assert_outcomes(passed=5)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert ledger(project).flaky == {NODE: ["no verdict", "pass"]}
        assert ledger(project).unjudged == (NODE,)
        assert not ledger(project).passes
        result.stdout.fnmatch_lines(["5 checks planned: 4 pass, 1 without a verdict", f"flaky: {NODE} *"])

    def test_what_failed_after_it_was_judged_is_not_retried_into_a_pass(self, project: pytest.Pytester) -> None:
        project.makeconftest(FAILS_ONCE.format(phase="call", order="trylast", how=RAISE))

        result = project.runpytest_subprocess("--reruns=2", *FP32)

        result.assert_outcomes(passed=5)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert ledger(project).flaky == {NODE: ["pass", "no verdict", "pass"]}
        assert not ledger(project).passes

    @pytest.mark.parametrize("arguments", [[], ["-n", "2"]], ids=["alone", "xdist"])
    @pytest.mark.parametrize("asked_by", ["option", "marker"])
    def test_a_verdict_is_not_retried_into_a_pass(
        self, project: pytest.Pytester, arguments: list[str], asked_by: str
    ) -> None:
        """By --reruns, or by @flaky, which a conftest can put on a check as on any test."""
        project.makeconftest(
            """
            import os, pytest
            from pytest_qparity import collection
            from pytest_qparity.verdict import Code, Failure, cannot_judge

            judge, failure = collection.judge, Failure(Code.DATA_EMPTY, "Got nothing, should be more.", "wait")

            def judge_in_the_end(run, check):
                if check == "parity" and not os.path.exists("failed"):
                    open("failed", "w").close()
                    return cannot_judge(failure)
                return judge(run, check)

            def pytest_configure():
                collection.judge = judge_in_the_end

            def pytest_collection_modifyitems(items):
                for item in items:
                    if "--reruns=2" not in item.config.invocation_params.args:
                        item.add_marker(pytest.mark.flaky(reruns=2))
            """
        )

        result = project.runpytest_subprocess(*(["--reruns=2"] if asked_by == "option" else []), *arguments, *FP32)

        result.assert_outcomes(passed=5)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert ledger(project).flaky == {NODE: ["cannot-judge", "pass"]}
        assert ledger(project).against_it == f"{NODE} got cannot-judge, should pass."
        result.stdout.fnmatch_lines(["5 checks planned: 4 pass, 1 cannot-judge", f"flaky: {NODE} *"])

    def test_a_verdict_is_not_told_again_by_an_attempt_that_was_not_judged(self, project: pytest.Pytester) -> None:
        project.makeconftest(
            """
            import pytest
            from _pytest.runner import runtestprotocol

            def pytest_runtest_protocol(item, nextitem):
                for _ in range(2):
                    for report in runtestprotocol(item, nextitem=nextitem, log=False):
                        item.ihook.pytest_runtest_logreport(report=report)
                return True

            calls = []

            @pytest.hookimpl(tryfirst=True)
            def pytest_runtest_call(item):
                calls.append(item.nodeid)
                if calls.count(item.nodeid) == 2:
                    raise RuntimeError("before it was judged")
            """
        )

        project.runpytest(*FP32)

        assert ledger(project).flaky[NODE] == ["pass", "no verdict"]
        assert ledger(project).unjudged == tuple(ledger(project).planned)


class TestExitStatus:
    @pytest.mark.parametrize(
        "hook",
        [
            pytest.param("def pytest_sessionstart(): {exit}", id="exit at the start"),
            pytest.param("def pytest_collectstart(): {exit}", id="exit while collecting"),
            pytest.param("def pytest_collection_modifyitems(): {exit}", id="exit after collecting"),
            pytest.param("def pytest_runtest_setup(): {exit}", id="exit at a check"),
            pytest.param(
                "def pytest_runtest_setup(): pytest.skip('x')\ndef pytest_sessionfinish(): {exit}", id="exit at the end"
            ),
            pytest.param("def pytest_runtestloop(): return True", id="nothing was run"),
            pytest.param("def pytest_collection(): return True", id="nothing was collected"),
            pytest.param(
                "def pytest_runtest_setup(): pytest.skip('x')\n"
                "@pytest.hookimpl(trylast=True)\n"
                "def pytest_sessionfinish(session): session.exitstatus = 0",
                id="status 0 as the last",
            ),
            pytest.param(
                "def pytest_runtest_setup(): pytest.skip('x')\n"
                "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
                "def pytest_sessionfinish(session):\n    yield\n    session.exitstatus = 0",
                id="status 0 around all others",
            ),
        ],
    )
    @pytest.mark.parametrize("arguments", [["cases"], []], ids=["named", "found"])
    def test_no_plugin_makes_it_0_of_a_session_that_judged_nothing(
        self, passing: pytest.Pytester, hook: str, arguments: list[str]
    ) -> None:
        passing.makeconftest("import pytest\n\n" + hook.format(exit="pytest.exit('enough', returncode=0)"))

        result = passing.runpytest_subprocess(FAST, *arguments)

        assert result.ret not in (0, pytest.ExitCode.INTERNAL_ERROR)
        assert not ledger(passing).passes

    def test_the_ledger_is_closed_where_another_plugin_fails_at_the_end(self, project: pytest.Pytester) -> None:
        project.makeconftest(
            """
            import pytest

            @pytest.hookimpl(tryfirst=True)
            def pytest_sessionfinish():
                raise RuntimeError("no")
            """
        )

        assert project.runpytest_subprocess(*FP32).ret != 0
        assert ledger(project).exit_status is not None

    def test_workers_that_do_not_tell_what_they_left_out_are_no_pass(self, project: pytest.Pytester) -> None:
        project.makeconftest(
            """
            import os

            def pytest_sessionfinish(session):
                if hasattr(session.config, "workerinput"):
                    os._exit(0)
            """
        )

        result = project.runpytest_subprocess("-n", "2", "-k", "parity", *FP32)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert not ledger(project).passes
        result.stdout.fnmatch_lines(["No worker of pytest-xdist told which checks it left out*"])

    def test_a_worker_that_is_lost_leaves_the_word_to_the_others(self, project: pytest.Pytester) -> None:
        project.makeconftest(
            """
            import os

            def pytest_sessionfinish(session):
                if getattr(session.config, "workerinput", {}).get("workerid") == "gw0":
                    os._exit(0)
            """
        )

        project.runpytest_subprocess("-n", "2", "-k", "parity", *FP32)

        assert len(ledger(project).deselected) == 4


class TestLeaving:
    """os._exit(0) in pytest's process: a conftest's hook, a metric, a data function."""

    @pytest.mark.parametrize(
        "hook",
        [
            "pytest_collection_modifyitems",
            "pytest_runtest_setup",
            "pytest_runtest_call",
            "pytest_sessionfinish",
            "pytest_unconfigure",
        ],
    )
    def test_is_no_pass_of_a_session_that_owes_verdicts(self, passing: pytest.Pytester, hook: str) -> None:
        passing.makeconftest(f"import os\n\ndef {hook}():\n    os._exit(0)\n")

        result = passing.runpytest_subprocess(FAST)

        assert result.ret == 70
        result.stderr.fnmatch_lines(["qparity: got os._exit(0): *"])
        assert not ledger(passing).passes

    def test_is_left_alone_where_all_was_judged(self, project: pytest.Pytester) -> None:
        project.makeconftest("import os\n\ndef pytest_unconfigure():\n    os._exit(0)\n")

        assert project.runpytest_subprocess(*FP32).ret == 0

    def test_is_itself_again_after_the_session(self, project: pytest.Pytester) -> None:
        before = os._exit

        project.runpytest(*FP32)

        assert os._exit is before


class TestWithoutBooks:
    """Whoever takes the books away opens no gate."""

    def test_blocking_them_is_a_usage_error(self, passing: pytest.Pytester) -> None:
        result = passing.runpytest_subprocess("-p", "no:qparity-books", FAST)

        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*got -p no:qparity-books, should be without*"])

    @pytest.mark.parametrize("hook", ["pytest_sessionstart", "pytest_collection_modifyitems", "pytest_sessionfinish"])
    def test_a_plugin_that_takes_them_away_does_not_pass(self, project: pytest.Pytester, hook: str) -> None:
        project.makeconftest(
            f"""
            import pytest

            class Thief:
                @pytest.hookimpl(tryfirst=True)
                def {hook}(self, {"config" if "modify" in hook else "session"}):
                    config = {"config" if "modify" in hook else "session.config"}
                    config.pluginmanager.unregister(name="qparity-books")

            def pytest_configure(config):
                config.pluginmanager.register(Thief())
            """
        )

        result = project.runpytest_subprocess(*FP32)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stderr.fnmatch_lines(["qparity: Got no books at the end, should be kept."])


class TestNotCollected:
    """A case file that is there and was left out is no reason to fail a session, and no ledger passes without it."""

    @pytest.fixture
    def two(self, project: pytest.Pytester) -> pytest.Pytester:
        """A project with two cases."""
        shutil.copy(project.path / "cases" / "mlp.toml", project.path / "cases" / "other.toml")
        shutil.copytree(project.path / "golden" / "mlp", project.path / "golden" / "other")
        return project

    @pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
    @pytest.mark.parametrize(
        ("conftest", "arguments"),
        [
            pytest.param("", ["--ignore=cases/other.toml"], id="--ignore"),
            pytest.param("", ["cases/mlp.toml"], id="another is named"),
            pytest.param("", ["cases/mlp.toml::ort-fp32"], id="a node id of another"),
            pytest.param("collect_ignore = ['cases/other.toml']", [], id="collect_ignore"),
            pytest.param(
                "import pytest\n\n"
                "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
                "def pytest_collect_file(file_path):\n"
                "    found = yield\n"
                "    return [] if file_path.name == 'other.toml' else found\n",
                [],
                id="dropped when it is found",
            ),
            pytest.param(
                "import pytest\n\n"
                "class Dropping:\n"
                "    @pytest.hookimpl(wrapper=True, tryfirst=True)\n"
                "    def pytest_make_collect_report(self, collector):\n"
                "        report = yield\n"
                "        report.result = [node for node in report.result or () if node.name != 'other.toml']\n"
                "        return report\n\n"
                "def pytest_configure(config):\n"
                "    config.pluginmanager.register(Dropping())\n",
                [],
                id="dropped from its folder",
            ),
        ],
    )
    def test_a_case_file_that_was_left_out_stands_in_the_ledger(
        self, two: pytest.Pytester, conftest: str, arguments: list[str], workers: list[str]
    ) -> None:
        two.makeconftest(conftest)

        result = two.runpytest_subprocess(*arguments, *workers, *FP32)

        result.assert_outcomes(passed=5)
        assert result.ret == 0
        assert ledger(two).uncollected == ["cases/other.toml"]
        assert ledger(two).against_it == "1 case file was not collected, should be: cases/other.toml."
        result.stdout.fnmatch_lines(["1 case file was not collected: nothing is known of it: cases/other.toml"])

    @pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
    def test_one_that_has_none_of_the_precisions_was_collected(self, two: pytest.Pytester, workers: list[str]) -> None:
        (two.path / "cases" / "other.toml").write_text(CASE.replace("[precisions.fp32]\n", ""))

        assert two.runpytest_subprocess(*workers, *FP32).ret == 0
        assert ledger(two).passes

    @pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
    def test_one_that_is_wrong_was_collected(self, two: pytest.Pytester, workers: list[str]) -> None:
        (two.path / "cases" / "other.toml").write_text("model = \n")

        assert two.runpytest_subprocess(*workers, *FP32).ret == pytest.ExitCode.TESTS_FAILED
        assert list(ledger(two).case_errors) == ["cases/other.toml"]
        assert not ledger(two).uncollected

    def test_where_all_of_them_were_dropped_the_session_fails(self, two: pytest.Pytester) -> None:
        two.makeconftest(
            "import pytest\n\n"
            "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
            "def pytest_collect_file():\n"
            "    yield\n"
            "    return []\n"
        )

        assert two.runpytest_subprocess("cases", FAST).ret != 0
        assert ledger(two).uncollected == ["cases/mlp.toml", "cases/other.toml"]


class TestOlderLedger:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["tests"],
            ["--ignore=cases"],
            ["--ignore-glob=*.toml"],
            ["-o", "norecursedirs=cases", "."],
            ["--collect-only"],
            ["--fixtures"],
            ["--cache-show", "-o", "addopts="],
        ],
        ids=" ".join,
    )
    def test_is_left_alone_by_a_session_that_judges_no_cases(
        self, passing: pytest.Pytester, arguments: list[str]
    ) -> None:
        (passing.path / "tests").mkdir()
        (passing.path / "tests" / "test_it.py").write_text("def test_it(): pass\n")
        before = (passing.path / ".qparity" / "ledger.json").read_bytes()

        assert passing.runpytest_subprocess(*arguments).ret == 0
        assert (passing.path / ".qparity" / "ledger.json").read_bytes() == before

    @pytest.mark.parametrize("arguments", [["tests", "cases"], ["-n", "1"], []], ids=" ".join)
    def test_is_gone_when_a_process_dies_while_it_collects(
        self, passing: pytest.Pytester, arguments: list[str]
    ) -> None:
        (passing.path / "tests").mkdir()
        (passing.path / "tests" / "test_it.py").write_text("import os\nos._exit(0)\n")

        passing.runpytest_subprocess(*arguments)

        assert not ledger(passing).passes
        assert not ledger(passing).planned


class TestLastFailed:
    @pytest.fixture
    def mixed(self, project: pytest.Pytester) -> pytest.Pytester:
        """A project whose last session failed in a test beside the cases: --lf then passes the case file over."""
        (project.path / "pytest.ini").write_text("[pytest]\n")
        (project.path / "tests").mkdir()
        (project.path / "tests" / "test_it.py").write_text("def test_it(): assert False\n")
        assert project.runpytest(*FP32).ret == pytest.ExitCode.TESTS_FAILED
        return project

    @pytest.mark.parametrize("arguments", [[], ["-n", "1"]], ids=["alone", "xdist"])
    def test_checks_of_a_case_file_that_was_passed_over_were_not_asked_for(
        self, mixed: pytest.Pytester, arguments: list[str]
    ) -> None:
        result = mixed.runpytest_subprocess("--lf", *arguments, *FP32)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert len(ledger(mixed).deselected) == 5
        assert not ledger(mixed).planned
        result.stdout.fnmatch_lines(["5 checks of these cases were not asked for*"])

    def test_a_case_file_that_was_passed_over_and_is_wrong_is_an_error(self, mixed: pytest.Pytester) -> None:
        (mixed.path / "cases" / "mlp.toml").write_text(CASE.replace("batch = 40", 'batch = "40"'))

        result = mixed.runpytest_subprocess("--lf", FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["QP-CASE-003  cases/mlp.toml:8"])
        assert list(ledger(mixed).case_errors) == ["cases/mlp.toml"]


@pytest.mark.parametrize("kind", ["pipe", "link to a device", "link to a file"])
@pytest.mark.parametrize("arguments", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_a_ledger_takes_the_place_of_regular_files_alone(
    project: pytest.Pytester, kind: str, arguments: list[str]
) -> None:
    place = project.path / "place"
    (project.path / "file").write_text("mine")
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/null" if kind == "link to a device" else "file")
    before = place.lstat()

    result = project.runpytest_subprocess("--qparity-ledger=place", *arguments, *FP32)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    got = "a device, pipe or socket" if kind == "pipe" else "a link"
    assert f"got {got} for the ledger {place}, should be a regular file: --qparity-ledger" in text
    assert place.lstat() == before
    assert (project.path / "file").read_text() == "mine"


def test_a_disk_that_is_full_ends_the_session_with_one_sentence(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite

    def full(to: int, content: bytes, position: int) -> int:
        if NODE.encode() in content and b'"verdict"' in content:
            write(to, content[:50], position)
            raise OSError(28, "No space left on device")
        return write(to, content, position)

    monkeypatch.setattr(os, "pwrite", full)

    result = project.runpytest(*FP32)

    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert "got No space left on device for the ledger" in text
    assert "INTERNALERROR" not in text
    assert [verdict["check"] for verdict in ledger(project).verdicts] == ["preflight"]
    assert ledger(project).exit_status == 3
    assert list(Path(project.path / ".qparity").glob(".ledger*")) == []
