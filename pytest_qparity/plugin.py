"""pytest's hooks: options, collection of case files, the ledger, the terminal summary. Nothing is decided here."""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_qparity.collection import CaseFile
    from pytest_qparity.gate import CaseMaterial, RunMaterial
    from pytest_qparity.ledger import Ledger, LedgerWriter
    from pytest_qparity.selection import Selection

SELECTION: pytest.StashKey[Selection] = pytest.StashKey()
CASE_FILES: pytest.StashKey[frozenset[Path]] = pytest.StashKey()
COLLECTED: pytest.StashKey[list[CaseFile]] = pytest.StashKey()
CASES_COLLECTED = "qparity_cases_collected"  # the key under which it tells how many case files it collected
UNSEEN = "qparity_unseen"  # the key under which a worker of pytest-xdist tells of a precision that no case has
PAYLOAD = "qparity_event"  # the attribute of a check item, and of its test report, that carries a verdict

ASKING = ("backend", "precision", "qparity_cases")  # a session with one of these options is there to judge cases
REPEATED = (  # options without which the command that repeats a check might judge something else
    "qparity_cases",
    "qparity_roots",
    "qparity_golden",
    "qparity_cache",
    "qparity_largest_data_mb",
    "qparity_limits",
)
CHECK_MARKERS = {
    "preflight": "the variant and its session are what they say they are",
    "parity": "outputs are close to the golden FP32 ones",
    "accuracy": "the task metric stays within its margin",
    "latency": "speed, and speed-up over other precisions",
    "memory": "peak memory of the session and size of the file",
}


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_qparity import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("qparity", "release gate for quantized ONNX models (qparity)")
    add = group.addoption
    add("--backend", metavar="A,B", help="backends to judge the case files on (ini qparity_backends; default ort)")
    add("--precision", metavar="A,B", help="precisions to judge (ini qparity_precisions; default all of a case)")
    add("--qparity-cases", metavar="GLOB", help="case files, from rootdir (ini qparity_cases; default cases/*.toml)")
    add(
        "--qparity-roots",
        metavar="DIR,DIR",
        help="more folders that case files may read from, beside rootdir and below (ini qparity_roots)",
    )
    add("--qparity-golden", metavar="DIR", help="where goldens live (ini qparity_golden; default golden)")
    add("--qparity-cache", metavar="DIR", help="where made variants live (ini qparity_cache; default .qparity/cache)")
    add("--qparity-ledger", metavar="FILE", help="the ledger (ini qparity_ledger; default .qparity/ledger.json)")
    add(
        "--qparity-latency-seconds",
        metavar="S",
        help="time a latency check measures for (ini qparity_latency_seconds; default 1.0)",
    )
    add(
        "--qparity-largest-data-mb",
        metavar="MB",
        help="what the .npz files of a case's data may hold once unpacked (ini qparity_largest_data_mb; default 4096)",
    )
    add(
        "--qparity-isolation",
        choices=("process", "none"),
        help="where engines run: each in a process of its own, or in this one, for debuggers (ini qparity_isolation)",
    )
    add(
        "--qparity-limits",
        metavar="NAME=N,...",
        help="when a worker process is killed: load_s, first_run_s, run_s, calibration_s, memory_mb; over what a case "
        "file says (ini qparity_limits: under it)",
    )
    add(
        "--qparity-accept",
        choices=("missing", "changed"),
        help="write goldens that are missing, or missing and changed ones; refused where CI is set",
    )
    parser.addini("qparity_backends", "backends to judge case files on", default="ort")
    parser.addini("qparity_precisions", "precisions to judge; empty: all of a case", default="")
    parser.addini("qparity_cases", "globs of case files, from rootdir", type="args", default=["cases/*.toml"])
    parser.addini("qparity_roots", "more folders that case files may read from", type="args", default=[])
    parser.addini("qparity_golden", "folder of the goldens, from rootdir", default="golden")
    parser.addini("qparity_cache", "folder of made variants, from rootdir", default=".qparity/cache")
    parser.addini("qparity_ledger", "the ledger file, from rootdir", default=".qparity/ledger.json")
    parser.addini("qparity_latency_seconds", "seconds a latency check measures for", default="1.0")
    parser.addini("qparity_largest_data_mb", "megabytes that .npz files may hold once unpacked", default="4096")
    parser.addini("qparity_isolation", "where engines run: process or none", default="")
    parser.addini("qparity_limits", "when a worker process is killed: NAME=N", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in CHECK_MARKERS.items():
        config.addinivalue_line("markers", f"{name}: a qparity check: {meaning}")
    if config.getoption("--help") or config.getoption("--version"):
        return
    from pytest_qparity.selection import SelectionError

    try:
        config.stash[SELECTION] = _selection(config)
        config.stash[CASE_FILES] = config.stash[SELECTION].case_files(config.rootpath)
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Books(config), "qparity-books")


def _selection(config: pytest.Config) -> Selection:
    from pytest_qparity.selection import (
        Selection,
        SelectionError,
        backends_among,
        isolation_of,
        known_backends,
        known_precisions,
        limits_of,
        megabytes_of,
        names_of,
        roots_of,
        seconds_of,
    )
    from pytest_qparity.worker.limits import Limits

    if config.getoption("qparity_accept") is not None:
        from pytest_qparity.golden.accept import ci_refusal

        refusal = ci_refusal(os.environ)
        if refusal is not None:
            raise SelectionError(refusal)
    known = known_backends(spec for specs in config.hook.pytest_qparity_backends(config=config) for spec in specs)
    backends = names_of(_value(config, "backend", "qparity_backends"), "--backend")
    precisions = config.getoption("precision")
    if precisions is None:
        precisions = config.getini("qparity_precisions") or None
    case_globs = config.getoption("qparity_cases")
    more_roots = config.getoption("qparity_roots")
    root = config.rootpath
    return Selection(
        backends=backends_among(backends, known),
        precisions=None if precisions is None else known_precisions(names_of(precisions, "--precision")),
        known_backends=known,
        case_globs=tuple(config.getini("qparity_cases") if case_globs is None else [case_globs]),
        roots=roots_of(root, config.getini("qparity_roots") if more_roots is None else more_roots.split(",")),
        golden_root=root / _value(config, "qparity_golden"),
        cache=root / _value(config, "qparity_cache"),
        ledger=root / _value(config, "qparity_ledger"),
        latency_seconds=seconds_of(_value(config, "qparity_latency_seconds"), "--qparity-latency-seconds"),
        largest_data_mb=megabytes_of(_value(config, "qparity_largest_data_mb"), "--qparity-largest-data-mb"),
        accept=config.getoption("qparity_accept"),
        isolation=isolation_of(_value(config, "qparity_isolation")),
        limits=Limits().but(**limits_of(config.getini("qparity_limits"), "qparity_limits")),
        demanded_limits=limits_of((config.getoption("qparity_limits") or "").split(","), "--qparity-limits"),
        asked_for=any(config.getoption(option) is not None for option in ASKING),
        repeat_options=tuple(
            f"--{option.replace('_', '-')}={shlex.quote(config.getoption(option))}"
            for option in REPEATED
            if config.getoption(option) is not None
        ),
    )


def _value(config: pytest.Config, option: str, ini: str | None = None) -> str:
    """An option's value, or its ini twin's."""
    value = config.getoption(option)
    return str(config.getini(ini or option) if value is None else value)


def pytest_report_header(config: pytest.Config) -> str | None:
    if not config.stash[CASE_FILES]:
        return None
    return f"qparity: backends {', '.join(config.stash[SELECTION].backends)}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseFile | None:
    if file_path not in parent.config.stash[CASE_FILES]:
        return None
    from pytest_qparity.collection import CaseFile

    case_file = CaseFile.from_parent(parent, path=file_path, selection=parent.config.stash[SELECTION])
    parent.config.stash.setdefault(COLLECTED, []).append(case_file)
    return case_file


def pytest_collection_finish(session: pytest.Session) -> None:
    """A precision that was asked for and that no case has would be a check that nobody misses."""
    case_files = session.config.stash.get(COLLECTED, [])
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[CASES_COLLECTED] = len(case_files)
    seen = {precision for case_file in case_files for precision in case_file.precisions}
    asked = session.config.stash[SELECTION].precisions or ()
    unseen = [precision for precision in asked if case_files and precision not in seen]
    if not unseen:
        return
    message = f"got precision {unseen[0]!r}, should be one that a case has: {', '.join(sorted(seen)) or 'none'}"
    if not hasattr(session.config, "workeroutput"):
        raise pytest.UsageError(message)
    session.config.workeroutput[UNSEEN] = message  # a worker that raises takes the session along with a traceback


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send a check's verdict along with its report: under pytest-xdist that is how it reaches the ledger."""
    report = yield
    event = getattr(item, PAYLOAD, None)
    if report.when == "call" and event is not None:
        setattr(report, PAYLOAD, event)
    return report


class Books:
    """Keeps the ledger of a session: what was planned, each verdict as it comes, and what is owed at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._selection = config.stash[SELECTION]
        self._writer: LedgerWriter | None = None
        self._ledger: Ledger | None = None  # once the session has ended
        self._case_errors: dict[str, str] = {}
        self._collected_by_workers = 0
        self._unseen = ""
        self._note = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self._config.rootpath / report.nodeid in self._config.stash[CASE_FILES]:
            self._case_errors[report.nodeid] = report.longreprtext

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if COLLECTED in self._config.stash and not self._config.option.collectonly:
            self._plan([item.nodeid for item in session.items if hasattr(item, PAYLOAD)])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Under pytest-xdist the workers collect, each of them everything: the first one to tell is the plan."""
        files = {path.relative_to(self._config.rootpath).as_posix() for path in self._config.stash[CASE_FILES]}
        checks = [node_id for node_id in ids if node_id.partition("::")[0] in files]
        if checks and self._writer is None:
            self._plan(checks)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {})
        self._unseen = told.get(UNSEEN, self._unseen)
        self._collected_by_workers = max(self._collected_by_workers, told.get(CASES_COLLECTED, 0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._writer is None:
            return
        event = getattr(report, PAYLOAD, None)
        if event is not None:
            self._writer.judged(event)
        elif report.when != "teardown" and not report.passed:
            self._writer.not_judged(report.nodeid, _why(report))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A session that owes a verdict, or holds one that is no pass, does not end with exit status 0."""
        if self._config.option.collectonly:
            return
        if self._writer is None and self._collected_by_workers:
            self._plan([])
        debt = self._debt()
        if debt and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            self._note = debt
        elif self._writer is None or self._writer.owes:
            self._note = debt  # a failing verdict alone has been told
        if self._writer is not None:
            self._ledger = self._writer.close(int(session.exitstatus))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._ledger is None and not self._note:
            return
        terminalreporter.section("qparity")
        if self._ledger is not None:
            from pytest_qparity.report.terminal import summary

            width = self._config.get_terminal_writer().fullwidth
            terminalreporter.write(summary(self._ledger, width=width, colour=terminalreporter.hasmarkup))
        if self._note:
            terminalreporter.write_line(self._note, red=True)
        if self._ledger is not None:
            shown = _short_path(self._selection.ledger, self._config.invocation_params.dir)
            terminalreporter.write_line(f"ledger: {shown}")

    def _debt(self) -> str:
        """What this session owes although pytest may have found nothing wrong; empty where it owes nothing."""
        if self._unseen:
            return self._unseen
        if self._writer is not None:
            # That nothing was selected of cases that nobody asked for by name (-k test_mine) is no debt.
            return self._writer.debt() if self._writer.planned or self._selection.asked_for else ""
        found = self._config.stash[CASE_FILES]
        if self._selection.asked_for and not found:
            globs = " ".join(self._selection.case_globs)
            return f"Got no case to judge although one was asked for, should be a case file that {globs} finds."
        if found and (self._selection.asked_for or not _has_own_choice(self._config)):
            return (
                f"Got {len(found)} case files that were not collected, should be judged: name their folder on the "
                "command line, or add it to testpaths (it must not be in norecursedirs)."
            )
        return ""

    def _plan(self, node_ids: list[str]) -> None:
        from pytest_qparity.environment import environment
        from pytest_qparity.ledger import LedgerWriter

        start = {
            "command": list(self._config.invocation_params.args),
            "backends": list(self._selection.backends),
            "precisions": None if self._selection.precisions is None else list(self._selection.precisions),
            **environment(),
        }
        try:
            self._writer = LedgerWriter(self._selection.ledger, start)
        except OSError as error:
            reason = f"got {error.strerror or error} for the ledger {self._selection.ledger}, should be a file to write"
            pytest.exit(f"{reason}: --qparity-ledger", returncode=pytest.ExitCode.USAGE_ERROR)
        self._writer.plan(node_ids)
        for case_file, problem in self._case_errors.items():
            self._writer.case_error(case_file, problem)


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


def _short_path(path: Path, start: Path) -> str:
    return str(path.relative_to(start)) if path.is_relative_to(start) else str(path)


@pytest.fixture(scope="module")
def qparity_case(request: pytest.FixtureRequest) -> Iterator[CaseMaterial]:
    """The case file's float model, test data and golden, made when first asked for."""
    from pytest_qparity.collection import material_of

    material = material_of(request.node)
    yield material
    material.close()


@pytest.fixture(scope="class")
def qparity_run(request: pytest.FixtureRequest, qparity_case: CaseMaterial) -> Iterator[RunMaterial]:
    """One backend and precision of the case: variant, session and outputs, made when first asked for."""
    from pytest_qparity.collection import run_of

    run = run_of(request.node, qparity_case)
    yield run
    run.close()
