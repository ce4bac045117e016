"""The books of a session: what was planned, each verdict as it comes, and what is owed at the end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_qparity.digest import file_digest
from pytest_qparity.leaving import Leaving
from pytest_qparity.reporting import Reporting
from pytest_qparity.stash import (
    CASE_FILES,
    CASES_PLANNED,
    COLLECTED,
    NOT_ASKED_FOR,
    PAIR,
    PAYLOAD,
    SELECTION,
    SINCE,
    UNSEEN,
    not_asked_for,
    planned_case_files,
)
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger, LedgerWriter
    from pytest_qparity.since import Since

_LISTING = ("collectonly", "showfixtures", "show_fixtures_per_test", "cacheshow")  # pytest's options that run nothing


class Books:
    """Keeps the ledger of a session, in the process that controls it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._selection = config.stash[SELECTION]
        self._writer: LedgerWriter | None = None
        self._ledger: Ledger | None = None  # once the session has ended
        self._case_errors: dict[str, str] = {}
        self._planned_by_workers: frozenset[str] = frozenset()  # case files
        self._unseen = ""
        self._has_plan_of_workers = False
        self._not_asked_of_workers: list[str] | None = None  # until the first worker that ends well has told
        self._note = ""
        self._since = self._since_for_workers()
        self._leaving: Leaving | None = None
        selected = self._selection
        self._reporting = Reporting(selected.reports, config.rootpath, selected.sections, on_github=selected.on_github)
        self.owed = ""  # why the session must not end with status 0, whatever other plugins make of it

    def put_away(self) -> None:
        """The session is over, and what its process does next is its own affair."""
        if self._leaving is not None:
            self._leaving.stop()
        if self._since is not None:
            self._since.remove_copy()

    def _since_for_workers(self) -> Since | None:
        since = self._selection.since
        if since is None or since.earlier is None or not self._config.getoption("tx", None):
            return None
        try:
            return since.copied(self._selection.cache / "since")
        except OSError as error:
            raise pytest.UsageError(f"--qparity-since: got {error}, should be a cache to write in") from None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        """Begin the ledger before anything else: a process that dies while it collects, or that a plugin ends before it
        does, leaves no older one behind that passes."""
        if self._judges and self._expects_cases():
            self._begin()
        return (yield)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self._config.rootpath / report.nodeid in self._config.stash[CASE_FILES]:
            self._case_errors[report.nodeid] = report.longreprtext

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if COLLECTED in self._config.stash and self._judges:
            self._plan([item.nodeid for item in session.items if hasattr(item, PAYLOAD)], not_asked_for(session))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Workers read a copy of the earlier ledger: its place is this session's own by now."""
        if self._since is not None:
            node.workerinput[SINCE] = str(self._since.path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Under pytest-xdist the workers collect, each of them everything: the first one to tell is the plan."""
        files = {path.relative_to(self._config.rootpath).as_posix() for path in self._config.stash[CASE_FILES]}
        checks = [node_id for node_id in ids if node_id.partition("::")[0] in files]
        if checks and not self._has_plan:
            self._plan(checks, [])
            self._has_plan_of_workers = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {})
        self._unseen = told.get(UNSEEN, self._unseen)
        self._planned_by_workers |= frozenset(told.get(CASES_PLANNED, ()))
        if self._not_asked_of_workers is None and NOT_ASKED_FOR in told:
            self._not_asked_of_workers = list(told[NOT_ASKED_FOR])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Record a verdict before another plugin hears of it, which may end the process; let go of it when all have:
        pytest keeps all reports to the end, and ten thousand events are 100 MB."""
        self._record(report)
        try:
            return (yield)
        finally:
            if hasattr(report, PAYLOAD):
                setattr(report, PAYLOAD, None)

    def _record(self, report: pytest.TestReport) -> None:
        if self._writer is None:
            return
        event = getattr(report, PAYLOAD, None)
        with self._writing():
            if event is not None:
                self._writer.judged(event)
            if report.when != "teardown" and not report.passed and (event is None or event["outcome"] == Outcome.PASS):
                self._writer.not_judged(report.nodeid, _why(report))  # also what failed after it was judged

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """A session that owes a verdict, or holds one that is no pass, does not end with exit status 0: decided after
        what other plugins do here, and before the terminal summary, which is a wrapper further out."""
        try:
            return (yield)
        finally:
            if self._judges:
                self._finish(session)

    def _finish(self, session: pytest.Session) -> None:
        try:
            self._close(session)
        except OSError as error:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
            self._note = self.owed = self._unwritable(error)
            return
        if self._ledger is not None:
            self._reporting.write(self._ledger)
        if self._reporting.problems:
            self.owed = self.owed or self._reporting.problems[0]
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _close(self, session: pytest.Session) -> None:
        if (self._planned_by_workers or self._case_errors) and not self._has_plan:
            self._plan([], [])
        if self._writer is not None and self._not_asked_of_workers:
            self._writer.not_asked_for(self._not_asked_of_workers)
        if self._writer is not None:
            self._writer.not_collected(self._not_collected())
        debt = self._debt()
        if debt and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            self._note = debt
        elif self._writer is None or self._writer.owes:
            self._note = debt  # a failing verdict alone has been told
        if self._writer is not None:
            self._ledger = self._writer.close(int(session.exitstatus))
        self.owed = debt

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._ledger is None and not self._note:
            return
        from pytest_qparity.report.text import printable

        terminalreporter.section("qparity")
        if self._ledger is not None:
            from pytest_qparity.report.terminal import summary

            width = self._config.get_terminal_writer().fullwidth
            terminalreporter.write(summary(self._ledger, width=width, colour=terminalreporter.hasmarkup))
            if self._reporting.added:
                from pytest_qparity.report.added_text import added_text

                text = added_text(self._reporting.added, width=width, colour=terminalreporter.hasmarkup)
                terminalreporter.write(f"{text}\n")
            if self._config.getoption("qparity_advice"):
                from pytest_qparity.report.advice import advice_text

                terminalreporter.write(f"\n{advice_text(self._ledger)}\n")
        if PAIR in self._config.stash:
            for told in self._config.stash[PAIR].told:
                terminalreporter.write_line(printable(told))
        if self._note:
            terminalreporter.write_line(printable(self._note), red=True)
        if self._ledger is not None:
            terminalreporter.write_line(f"ledger: {self._short(self._selection.ledger)}")
            for path in self._reporting.written:
                terminalreporter.write_line(f"report: {printable(self._short(path))}")
            for problem in self._reporting.problems:
                terminalreporter.write_line(printable(problem), red=True)
            for command in self._reporting.annotations(self._ledger):
                terminalreporter.write_line(command)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str], session: pytest.Session) -> None:
        """pytest-html's page gets a section of ours. It is written before the books are closed."""
        if self._writer is None:
            return
        from pytest_qparity.report.section import section_html

        so_far = replace(
            self._writer.so_far(), exit_status=int(session.exitstatus), uncollected=tuple(self._not_collected())
        )
        prefix.append(
            section_html(so_far, self._config.rootpath, str(self._selection.ledger), self._reporting.added_to(so_far))
        )

    def _short(self, path: Path) -> str:
        start = self._config.invocation_params.dir
        return str(path.relative_to(start)) if path.is_relative_to(start) else str(path)

    def _not_collected(self) -> list[str]:
        """Case files of which this session knows neither checks nor what is wrong with them, whoever left them out and
        how: by a path on the command line, by --ignore, a conftest's collect_ignore, or a plugin that drops them."""
        known = {*planned_case_files(self._config), *self._planned_by_workers, *self._case_errors}
        files = (path.relative_to(self._config.rootpath).as_posix() for path in self._config.stash[CASE_FILES])
        return sorted(name for name in files if name not in known)

    @property
    def _has_plan(self) -> bool:
        return self._writer is not None and self._writer.has_plan

    @property
    def ledger(self) -> Ledger | None:
        """What was judged, once the session has ended; None before, and where nothing was to be judged."""
        return self._ledger

    @property
    def _judges(self) -> bool:
        """Whether this session runs what it collects; `--collect-only` and its like only list."""
        option = self._config.option
        return not any(getattr(option, name, None) for name in _LISTING)

    def _expects_cases(self) -> bool:
        """Whether what is to be collected holds case files: they lie under a path that is, and nothing ignores them."""
        start = self._config.invocation_params.dir
        named = [start / argument.partition("::")[0] for argument in self._config.args]
        paths = [Path(os.path.abspath(path)) for path in named]  # noqa: PTH100  pytest does not follow links here
        return any(self._is_under(path, case_file) for case_file in self._config.stash[CASE_FILES] for path in paths)

    def _is_under(self, path: Path, case_file: Path) -> bool:
        if not case_file.is_relative_to(path):
            return False
        between = [
            step for step in (*reversed(case_file.parents), case_file) if step != path and step.is_relative_to(path)
        ]
        ignores = self._config.hook.pytest_ignore_collect
        return not any(ignores(collection_path=step, config=self._config) for step in between)

    def _debt(self) -> str:
        """What this session owes although pytest may have found nothing wrong; empty where it owes nothing."""
        if self._unseen:
            return self._unseen
        if self._has_plan_of_workers and self._not_asked_of_workers is None:
            return (
                "No worker of pytest-xdist told which checks it left out, should be one at least: all of them ended "
                "early, see why above."
            )
        if self._writer is not None and self._has_plan:
            # That nothing was selected of cases that nobody asked for by name (-k test_mine) is no debt.
            return self._writer.debt() if self._writer.planned or self._selection.asked_for else ""
        found = self._config.stash[CASE_FILES]
        if self._selection.asked_for and not found:
            globs = " ".join(self._selection.case_globs)
            return f"Got no case to judge although one was asked for, should be a case file that {globs} finds."
        begun = self._writer is not None  # for cases that were to be collected
        if found and (begun or self._selection.asked_for or not _has_own_choice(self._config)):
            return (
                f"Got {len(found)} case files that were not collected, should be judged: name their folder on the "
                "command line, or add it to testpaths (it must not be in norecursedirs)."
            )
        return ""

    def _begin(self) -> LedgerWriter:
        from pytest_qparity.canary_set import OWN
        from pytest_qparity.environment import commit_of, environment
        from pytest_qparity.ledger import LedgerWriter

        canaries = self._selection.canary_files(self._config.rootpath)
        names = sorted(path.relative_to(self._config.rootpath).as_posix() for path in canaries)
        start = {
            "command": list(self._config.invocation_params.args),
            "backends": list(self._selection.backends),
            "precisions": None if self._selection.precisions is None else list(self._selection.precisions),
            "canaries": [OWN] if self._selection.has_own_canaries(self._config.rootpath) else names,
            "baseline": None if self._selection.baseline is None else self._selection.baseline.digest,
            "isolation": self._selection.isolation.value,
            **({} if self._selection.since is None else {"since": self._selection.since.as_json()}),
            "shard": self._shard(),
            "commit": commit_of(self._config.rootpath),
            **self._pair(),
            **environment(),
        }
        try:
            self._writer = LedgerWriter(self._selection.ledger, start)
        except OSError as error:
            pytest.exit(self._unwritable(error), returncode=pytest.ExitCode.USAGE_ERROR)
        self._reporting.forget_earlier()
        self.owed = "The session ended before its books were closed, should judge its cases."
        self._leaving = Leaving(lambda: self.owed)
        self._leaving.guard()
        return self._writer

    def _pair(self) -> dict[str, object]:
        """What was judged in place of case files, and what is to be known of its inputs and its golden."""
        if self._selection.pair is None or PAIR not in self._config.stash:
            return {}
        return {"pair": {**self._selection.pair.pair.as_json(), "told": list(self._config.stash[PAIR].told)}}

    def _shard(self) -> dict[str, Any] | None:
        shard, durations = self._selection.shard, self._selection.durations
        if shard is None:
            return None
        balanced_by = None if durations is None else durations.digest
        return {"index": shard.index, "of": shard.of, "balanced_by": balanced_by}

    def _plan(self, node_ids: list[str], not_asked: list[str]) -> None:
        writer = self._writer or self._begin()
        names = dict.fromkeys(node_id.partition("::")[0] for node_id in (*node_ids, *not_asked))
        case_files = {name: file_digest(self._config.rootpath / name) for name in names}
        with self._writing():
            writer.plan(node_ids, case_files)
            if not_asked:
                writer.not_asked_for(not_asked)
            for case_file, problem in {**self._case_errors, **self._vanished()}.items():
                writer.case_error(case_file, problem)

    def _vanished(self) -> dict[str, str]:
        """What is wrong with each case of the baseline that no case file has any more: a run vanished with it."""
        from pytest_qparity.selection import vanished_cases

        names = (path.stem for path in self._config.stash[CASE_FILES])
        return {
            f"case {name} of the baseline": f"got no case file {name}, should be there, or out of the baseline: "
            "qparity baseline save NAME"
            for name in vanished_cases(self._selection, names)
        }

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """End the session where the ledger cannot be written: what is judged without one is judged for nobody."""
        try:
            yield
        except OSError as error:
            pytest.exit(self._unwritable(error), returncode=pytest.ExitCode.INTERNAL_ERROR)

    def _unwritable(self, error: OSError) -> str:
        reason = f"got {error.strerror or error} for the ledger {self._selection.ledger}, should be a regular file"
        return f"{reason}: --qparity-ledger"


def _has_own_choice(config: pytest.Config) -> bool:
    """Whether the person at the command line chose what to collect: paths, or paths to leave out."""
    chosen = config.args_source is pytest.Config.ArgsSource.ARGS
    return chosen or bool(config.option.ignore or config.option.ignore_glob or config.option.deselect)


def _why(report: pytest.TestReport) -> str:
    """In one line, why a check ended without a verdict."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else getattr(report.longrepr, "errorstring", report.longreprtext)
    return (text.strip().splitlines() or [report.outcome])[0]
