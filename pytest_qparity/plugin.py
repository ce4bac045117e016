"""pytest's hooks: options, collection of case files, the ledger, the terminal summary. Nothing is decided here."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_qparity.pair_options import pair_up
from pytest_qparity.stash import (
    BOOKS,
    CASE_FILES,
    CASES_PLANNED,
    COLLECTED,
    NOT_ASKED_FOR,
    PAYLOAD,
    REFUSAL,
    SELECTION,
    UNSEEN,
    not_asked_for,
    planned_case_files,
)

if TYPE_CHECKING:
    from pytest_qparity.collection import CaseFile
    from pytest_qparity.gate import CaseMaterial, KernelRun, RunMaterial

CHECK_MARKERS = {
    "preflight": "the variant and its session are what they say they are",
    "parity": "outputs are close to the golden FP32 ones",
    "accuracy": "the task metric stays within its margin",
    "invariance": "the same samples give the same outputs, however they are run",
    "latency": "speed, and speed-up over other precisions",
    "conformance": "a kernel gives what its operator's specification allows",
    "regression": "nothing is worse than in the baseline",
    "memory": "peak memory of the session and size of the file",
}


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_qparity import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    from pytest_qparity.options import add_options

    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in CHECK_MARKERS.items():
        config.addinivalue_line("markers", f"{name}: a qparity check: {meaning}")
    if config.getoption("--help") or config.getoption("--version"):
        return
    from pytest_qparity.selection import SelectionError
    from pytest_qparity.selection_options import selection_of

    try:
        config.stash[SELECTION] = selection_of(config)
        pair_up(config)
        config.stash[CASE_FILES] = config.stash[SELECTION].case_files(config.rootpath)
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None
    from pytest_qparity.spreading import Spreading

    config.pluginmanager.register(Spreading(config), "qparity-spreading")
    if not hasattr(config, "workerinput"):
        from pytest_qparity.books import Books

        books = config.stash[BOOKS] = Books(config)
        if config.pluginmanager.register(books, "qparity-books") is None:
            raise pytest.UsageError("got -p no:qparity-books, should be without: nothing is judged off the books")


def pytest_report_header(config: pytest.Config) -> str | None:
    if not config.stash[CASE_FILES]:
        return None
    return f"qparity: backends {', '.join(config.stash[SELECTION].backends)}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseFile | None:
    if file_path not in parent.config.stash[CASE_FILES]:
        return None
    from pytest_qparity.collection import CaseFile

    return CaseFile.from_parent(parent, path=file_path, selection=parent.config.stash[SELECTION])


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Plan a case file that was to be collected and that another plugin (--lf) passed over: its checks are not asked
    for, which is not the same as that there are none."""
    report = yield
    if collector.path in collector.config.stash[CASE_FILES] and isinstance(collector, pytest.Module):
        case_file = cast("CaseFile", collector)
        collector.config.stash.setdefault(COLLECTED, []).append(case_file)
        try:
            _ = case_file.is_planned or (report.passed and case_file.planned())
        except case_file.CollectError as error:
            report.outcome, report.longrepr = "failed", str(error)
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """A precision that was asked for and that no case has would be a check that nobody misses."""
    case_files = session.config.stash.get(COLLECTED, [])
    if case_files and not session.config.getoption("collectonly"):
        case_files[0].note_surroundings()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[CASES_PLANNED] = planned_case_files(session.config)
        session.config.workeroutput[NOT_ASKED_FOR] = not_asked_for(session)
    seen = {precision for case_file in case_files for precision in case_file.precisions}
    asked = session.config.stash[SELECTION].precisions or ()
    unseen = [precision for precision in asked if case_files and precision not in seen]
    message = session.config.stash.get(REFUSAL, "")
    if unseen:
        message = f"got precision {unseen[0]!r}, should be one that a case has: {', '.join(sorted(seen)) or 'none'}"
    if not message:
        return
    if not hasattr(session.config, "workeroutput"):
        raise pytest.UsageError(message)
    session.config.workeroutput[UNSEEN] = message  # a worker that raises takes the session along with a traceback


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send a check's verdict along with its report: under pytest-xdist that is how it reaches the ledger."""
    report = yield
    event = getattr(item, PAYLOAD, None)
    if report.when == "call" and event is not None:
        event.setdefault("seconds", round(report.duration, 6))
        setattr(report, PAYLOAD, event)
        setattr(item, PAYLOAD, None)  # were the item run again, and not judged, this would be sent again
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | pytest.ExitCode | None, Any]:
    """The last word on the exit status: other plugins may change it after the books were closed, or keep them open."""
    try:
        status = yield
    finally:
        books = config.stash.get(BOOKS, None)
        if books is not None:
            books.put_away()
    if status != pytest.ExitCode.OK or books is None:
        return status
    owed = books.owed if config.pluginmanager.is_registered(books) else "Got no books at the end, should be kept."
    if not owed:
        return status
    sys.stderr.write(f"qparity: {owed}\n")
    return pytest.ExitCode.TESTS_FAILED


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


@pytest.fixture(scope="class")
def qparity_kernels(request: pytest.FixtureRequest) -> Iterator[KernelRun]:
    """The kernels of one backend: its worker, what is known of it, and what was seen so far."""
    from pytest_qparity.collection import kernels_of

    run = kernels_of(request.node)
    yield run
    run.close()
