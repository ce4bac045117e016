"""pytest's hooks: options, collection of case files, the ledger, the terminal summary. Nothing is decided here."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_qparity.pair_options import pair_up, place_of
from pytest_qparity.stash import (
    BOOKS,
    CASE_FILES,
    CASE_NAMES,
    CASES_PLANNED,
    COLLECTED,
    NOT_ASKED_FOR,
    PAYLOAD,
    REFUSAL,
    SELECTION,
    SINCE,
    UNSEEN,
    not_asked_for,
    planned_case_files,
)

if TYPE_CHECKING:
    from pytest_qparity.baseline.file import Baseline
    from pytest_qparity.collection import CaseFile
    from pytest_qparity.gate import CaseMaterial, KernelRun, RunMaterial
    from pytest_qparity.precision.remote import RemoteCache
    from pytest_qparity.selection import Selection
    from pytest_qparity.since import Since

# A session with one of these options is there to judge cases.
ASKING = ("backend", "precision", "qparity_cases", "qparity_report", "qparity_model")
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

    try:
        config.stash[SELECTION] = _selection(config)
        pair_up(config)
        names = config.stash[SELECTION].case_files(config.rootpath)
        config.stash[CASE_NAMES], config.stash[CASE_FILES] = names, frozenset(names)
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None
    from pytest_qparity.benchmarking import Tables
    from pytest_qparity.spreading import Spreading

    config.pluginmanager.register(Tables(config), "qparity-benchmark-tables")
    config.pluginmanager.register(Spreading(config), "qparity-spreading")
    if not hasattr(config, "workerinput"):
        from pytest_qparity.books import Books

        books = config.stash[BOOKS] = Books(config)
        if config.pluginmanager.register(books, "qparity-books") is None:
            raise pytest.UsageError("got -p no:qparity-books, should be without: nothing is judged off the books")


def _selection(config: pytest.Config) -> Selection:
    from pytest_qparity.options import REPEATED
    from pytest_qparity.selection import (
        Selection,
        SelectionError,
        backends_among,
        count_of,
        durations_in,
        isolation_of,
        known_backends,
        known_precisions,
        limits_of,
        megabytes_of,
        names_of,
        ray_of,
        roots_of,
        seconds_of,
        shard_named,
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
    more_roots = config.getoption("qparity_roots")
    root = config.rootpath
    pair = place_of(config, backends_among(backends, known))
    roots = roots_of(root, config.getini("qparity_roots") if more_roots is None else more_roots.split(","))
    return Selection(
        backends=backends_among(backends, known),
        precisions=None if precisions is None else known_precisions(names_of(precisions, "--precision")),
        known_backends=known,
        case_globs=_globs(config, "qparity_cases"),
        canary_globs=tuple(glob for glob in _globs(config, "qparity_canaries") if glob),
        roots=roots if pair is None else (*roots, *pair.roots),
        golden_root=root / _value(config, "qparity_golden") if pair is None else pair.golden_root,
        cache=root / _value(config, "qparity_cache"),
        ledger=root / _value(config, "qparity_ledger"),
        latency_seconds=seconds_of(_value(config, "qparity_latency_seconds"), "--qparity-latency-seconds"),
        largest_data_mb=megabytes_of(_value(config, "qparity_largest_data_mb"), "--qparity-largest-data-mb"),
        accept=config.getoption("qparity_accept") if pair is None else "changed",
        examples=count_of(_value(config, "qparity_examples"), "--qparity-examples", lowest=1),
        seed=count_of(_value(config, "qparity_seed"), "--qparity-seed", lowest=0),
        isolation=isolation_of(_value(config, "qparity_isolation")),
        limits=Limits().but(**limits_of(config.getini("qparity_limits"), "qparity_limits")),
        demanded_limits=limits_of((config.getoption("qparity_limits") or "").split(","), "--qparity-limits"),
        reports=_reports(config, root / _value(config, "qparity_ledger")),
        on_github=_on_github(config),
        baseline=_baseline(root, _value(config, "qparity_baseline")),
        pair=pair,
        since=_since(config, root),
        remote_cache=_remote_cache(_value(config, "qparity_remote_cache")),
        shard=None if config.getoption("qparity_shard") is None else shard_named(config.getoption("qparity_shard")),
        durations=durations_in(root, _value(config, "qparity_durations")),
        ray=ray_of(
            _value(config, "qparity_ray"),
            _value(config, "qparity_ray_storage"),
            _values(config, "qparity_ray_files"),
            _values(config, "qparity_ray_resources"),
            known,
        ),
        asked_for=any(config.getoption(option) is not None for option in ASKING),
        repeat_options=tuple(
            f"--{option.replace('_', '-')}={shlex.quote(config.getoption(option))}"
            for option in REPEATED
            if config.getoption(option) is not None
        ),
    )


def _baseline(root: Path, name: str) -> Baseline | None:
    if not name:
        return None
    from pytest_qparity.baseline.file import BaselineError
    from pytest_qparity.report.baselines import baseline_at
    from pytest_qparity.selection import SelectionError

    try:
        return baseline_at(root / name)
    except OSError as error:
        reason = f"got {error.strerror or error} for the baseline {name}, should be a file: qparity baseline save NAME"
        raise SelectionError(reason) from None
    except BaselineError as error:
        raise SelectionError(f"--qparity-baseline: {error}") from None


def _remote_cache(url: str) -> RemoteCache | None:
    if not url:
        return None
    from pytest_qparity.precision.remote import RemoteCache, RemoteCacheError
    from pytest_qparity.selection import SelectionError

    try:
        return RemoteCache(url)
    except RemoteCacheError as error:
        raise SelectionError(f"--qparity-remote-cache: {error}") from None


def _since(config: pytest.Config, root: Path) -> Since | None:
    """A worker of pytest-xdist is told where its controller found it: the ledger has been begun anew by then."""
    told = getattr(config, "workerinput", {}).get(SINCE)
    asked = told or _value(config, "qparity_since")
    if not asked:
        return None
    from pytest_qparity.since import since_named

    return since_named(asked, root, root / _value(config, "qparity_ledger"))


def _value(config: pytest.Config, option: str, ini: str | None = None) -> str:
    """An option's value, or its ini twin's."""
    value = config.getoption(option)
    return str(config.getini(ini or option) if value is None else value)


def _values(config: pytest.Config, option: str) -> list[str]:
    """A repeatable option's values, or those of its ini twin."""
    values: list[str] | None = config.getoption(option)
    return list(config.getini(option)) if values is None else values


def _globs(config: pytest.Config, option: str) -> tuple[str, ...]:
    """The option's one glob, or those of its ini twin."""
    glob = config.getoption(option)
    return tuple(config.getini(option) if glob is None else [glob])


def _reports(config: pytest.Config, ledger: Path) -> tuple[Path, ...]:
    """The option's files, or those of its ini twin."""
    names = _values(config, "qparity_report")
    if not names:
        return ()
    from pytest_qparity.report.faces import FaceError, reports_of

    try:
        return reports_of(config.rootpath, names, ledger)
    except FaceError as error:
        raise pytest.UsageError(f"{error}: --qparity-report") from None


def _on_github(config: pytest.Config) -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true" and bool(
        config.getoption("qparity_github") or config.getini("qparity_github")
    )


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
