"""Faults of sessions: of the ledger they keep, of workers of pytest-xdist, and of the environment they run in."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping

from pytest_qparity.ledger import LedgerError, read_ledger
from tests.faults.bench import Bench, books_of
from tests.faults.fault import Area, Fault

ONE = ("--backend=ort", "--precision=int8", "-k", "parity")  # one check: what goes wrong is quick to see
RUN = ("--backend=ort", "--precision=int8")
XDIST = ("-n", "2", "--dist", "loadscope")


def _fault(area: Area, name: str, what: str, verdict: str, inject: Callable[[Bench], str]) -> Fault:
    return Fault(f"{area.value}-{name}", area, what, verdict, inject)


def _session(*arguments: str, hook: str = "", environment: Mapping[str, str] | None = None) -> Callable[[Bench], str]:
    """A session with `hook` in its conftest.py."""

    def inject(bench: Bench) -> str:
        if hook:
            (bench.root / "conftest.py").write_text(f"import os, signal, sys, pytest\n\n{hook}\n")
        return books_of(bench.session(*arguments, environment=environment))

    return inject


def _after_a_pass(*arguments: str, hook: str) -> Callable[[Bench], str]:
    """The same where an earlier session has left a ledger that passes."""

    def inject(bench: Bench) -> str:
        bench.session("--backend=ort", "--precision=fp32")
        if not read_ledger(bench.ledger).passes:
            raise AssertionError("got an earlier session that does not pass")
        return _session(*arguments, hook=hook)(bench)

    return inject


# The fixture's own teardown runs in the process that judges: under pytest-xdist, in a worker of it.
KILL_THE_JUDGE = """
@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item):
    if item.name == "accuracy":
        os.{how}
"""
KILL_THE_BOOKS = """
@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if report.when == "call" and report.nodeid.endswith("parity"):
        os.kill(os.getpid(), signal.SIGKILL)
"""
SEGFAULT_AT_COLLECTION = """
import ctypes
def pytest_collectstart(collector):
    if collector.path.suffix == ".toml":
        ctypes.string_at(0)
"""
SKIP_PARITY = """
def pytest_runtest_setup(item):
    if item.name == "parity":
        pytest.skip("not today")
"""
STOP_THE_SESSION = """
def pytest_runtest_logreport(report):
    if report.when == "call" and report.nodeid.endswith("preflight"):
        {how}
"""
INTERRUPT = STOP_THE_SESSION.replace("{how}", "os.kill(os.getpid(), signal.SIGINT)")
EXIT = STOP_THE_SESSION.replace("{how}", "pytest.exit('enough', returncode=0)")
SHOULD_STOP = """
def pytest_runtest_setup(item):
    item.session.shouldstop = "enough" if item.name == "accuracy" else False
"""
DROP_ITEMS = """
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.name != "accuracy"]
"""
ANOTHER_ANSWER = """
from pytest_qparity import collection
from pytest_qparity.verdict import Code, Failure, cannot_judge

def pytest_configure():
    judge, answers = collection.judge, [cannot_judge(Failure(Code.DATA_EMPTY, "Got nothing, should be more.", "wait"))]
    collection.judge = lambda run, check: answers.pop() if answers else judge(run, check)
"""
TURN_GREEN = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome = "passed"
    return report
"""


def _crashes_once(*more: str) -> Callable[[Bench], str]:
    """An engine that crashes in the first session of its life and never again, under --reruns."""

    def inject(bench: Bench) -> str:
        bench.add_engine("stub", "SegfaultsOnce")
        return books_of(bench.session("--backend=stub", "--precision=int8", "-k", "accuracy", "--reruns=2", *more))

    return inject


def _crashing_engine(*more: str) -> Callable[[Bench], str]:
    """An engine that aborts, beside one that is sound: the sound one is judged."""

    def inject(bench: Bench) -> str:
        bench.add_engine("stub", "AbortsInLoad")
        session = bench.session("--backend=stub,ort", "--precision=int8", "-m", "preflight or parity", *more)
        if session.ledger is None:
            return "no ledger"
        outcomes = {verdict["run"]: verdict["outcome"] for verdict in session.ledger.verdicts}
        return f"{books_of(session)}; ort {outcomes.get('ort-int8')}"

    return inject


def _spoiled_ledger(spoil: Callable[[bytes], bytes]) -> Callable[[Bench], str]:
    def inject(bench: Bench) -> str:
        bench.session("--backend=ort", "--precision=fp32", "-m", "parity or accuracy")
        bench.ledger.write_bytes(spoil(bench.ledger.read_bytes()))
        try:
            return "passes" if read_ledger(bench.ledger).passes else "does not pass"
        except LedgerError:
            return "no ledger"

    return inject


def _two_sessions_at_once(bench: Bench) -> str:
    sessions = [bench.start("--backend=ort", "--precision=fp32", "-m", "parity or preflight") for _ in range(2)]
    statuses = [session.communicate(timeout=100) and session.returncode for session in sessions]
    ledger = read_ledger(bench.ledger)
    return f"statuses {statuses}, {len(ledger.verdicts)} verdicts, {ledger.exit_status}"


def _merged(
    first: tuple[str, ...], second: tuple[str, ...], *, between: Callable[[Bench], None] | None = None
) -> Callable[[Bench], str]:
    """What `qparity merge` makes of two sessions."""

    def inject(bench: Bench) -> str:
        for name, arguments in (("a.json", first), ("b.json", second)):
            bench.session(*arguments, f"--qparity-ledger={name}")
            if between is not None:
                between(bench)
        merged = bench.command("merge", "a.json", "b.json", "--output", "whole.json")
        written = "written" if (bench.root / "whole.json").exists() else "nothing written"
        return f"status {merged.returncode}, {written}"

    return inject


def _another_golden(bench: Bench) -> None:
    case = bench.case_file.read_text()
    bench.case_file.write_text(case.replace("margin = 5.0", "margin = 6.0"))


def _limited(limit: int, value: int) -> Callable[[Bench], str]:
    """A session under a limit of the system."""

    def inject(bench: Bench) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "--backend=ort", "-m", "preflight or parity"],
            cwd=bench.root,
            env=bench.environment(),
            capture_output=True,
            timeout=100,
            preexec_fn=lambda: resource.setrlimit(limit, (value, value)),
        )
        return f"status {ended.returncode}"

    return inject


def _shadowed(module: str, body: str, *arguments: str) -> Callable[[Bench], str]:
    """A session in which `module` is another one."""

    def inject(bench: Bench) -> str:
        folder = bench.root / "shadow"
        folder.mkdir()
        (folder / f"{module}.py").write_text(body)
        path = os.pathsep.join([str(folder), bench.environment()["PYTHONPATH"]])
        return books_of(bench.session(*arguments, environment={"PYTHONPATH": path}))

    return inject


def _under_optimization(bench: Bench) -> str:
    """`python -O` drops assertions: no guard may be one."""
    for file in bench.golden.iterdir():
        file.unlink()
    return books_of(bench.session(*ONE, environment={"PYTHONOPTIMIZE": "2"}))


def _first_failure(bench: Bench) -> str:
    bench.add_engine("stub", "GivesZeros")
    return books_of(bench.session("--backend=stub", "--precision=fp32,int8", "-x"))


def _turned_green(bench: Bench) -> str:
    for file in bench.golden.iterdir():
        file.unlink()
    return _session("--backend=ort", "--precision=fp32", hook=TURN_GREEN)(bench)


LEDGER_FAULTS = tuple(
    _fault(Area.LEDGER, *row)
    for row in (
        (
            "killed",
            "pytest is killed in the middle",
            "status -9, unjudged, no end, does not pass",
            _session(*RUN, hook=KILL_THE_BOOKS),
        ),
        (
            "segfault-at-collection",
            "pytest segfaults while it collects; an older ledger passes",
            "status -11, no end, does not pass",
            _after_a_pass(*RUN, hook=SEGFAULT_AT_COLLECTION),
        ),
        (
            "interrupted",
            "Ctrl-C between two checks",
            "status 2, unjudged, does not pass",
            _session(*RUN, hook=INTERRUPT),
        ),
        (
            "exit-0",
            "a plugin ends the session with status 0",
            "status 1, unjudged, does not pass",
            _session(*RUN, hook=EXIT),
        ),
        (
            "should-stop",
            "a plugin stops the session",
            "status 2, unjudged, does not pass",
            _session(*RUN, hook=SHOULD_STOP),
        ),
        (
            "first-failure",
            "-x, and the first check fails",
            "status 1, QP-PAR-002, QP-PAR-003, unjudged, does not pass",
            _first_failure,
        ),
        (
            "skipped",
            "another plugin skips a check",
            "status 1, unjudged, does not pass",
            _session(*RUN, hook=SKIP_PARITY),
        ),
        (
            "dropped",
            "another plugin drops a check without a word",
            "status 0, not asked for, does not pass",
            _session(*RUN, hook=DROP_ITEMS),
        ),
        (
            "turned-green",
            "another plugin turns failures green",
            "status 1, QP-GOLDEN-001, does not pass",
            _turned_green,
        ),
        ("deselected", "-k leaves checks out", "status 0, not asked for, does not pass", _session(*ONE)),
        (
            "retried",
            "--reruns, and an engine that crashes once",
            "status 1, QP-WORKER-001, not asked for, does not pass",
            _crashes_once(),
        ),
        (
            "judged-again",
            "--reruns, and another answer the second time",
            "status 1, QP-DATA-004, not asked for, flaky, does not pass",
            _session(*ONE, "--reruns=1", hook=ANOTHER_ANSWER),
        ),
        (
            "cut",
            "the ledger is cut in the middle",
            "does not pass",
            _spoiled_ledger(lambda content: content[: len(content) // 2]),
        ),
        (
            "end-lost",
            "the ledger's last event is lost",
            "does not pass",
            _spoiled_ledger(lambda content: content[: content.rindex(b'{"event": "end"')]),
        ),
        (
            "garbage",
            "the ledger ends in garbage",
            "does not pass",
            _spoiled_ledger(lambda content: content + b"\x00" * 512),
        ),
        (
            "newer",
            "the ledger is of a newer version",
            "no ledger",
            _spoiled_ledger(lambda content: content.replace(b'"format": 1', b'"format": 2', 1)),
        ),
        (
            "two-sessions",
            "two sessions write one ledger at once",
            "statuses [0, 0], 2 verdicts, 0",
            _two_sessions_at_once,
        ),
        (
            "not-writable",
            "the ledger's place is a folder",
            "status 4, no ledger",
            lambda bench: books_of(bench.session(*ONE, "--qparity-ledger=cases")),
        ),
        ("full-disk", "no room is left for the ledger", "status 3", _limited(resource.RLIMIT_FSIZE, 6_000)),
        (
            "merge-shards",
            "two shards of one plan",
            "status 0, written",
            _merged(("--backend=ort", "-k", "int8"), ("--backend=ort", "-k", "not int8")),
        ),
        (
            "merge-missing",
            "a shard is missing",
            "status 2, nothing written",
            _merged(("--backend=ort", "-k", "int8"), ("--backend=ort", "-k", "fp16")),
        ),
        (
            "merge-plans",
            "the shards have different plans",
            "status 2, nothing written",
            _merged(("--backend=ort", "--precision=int8"), ("--backend=ort", "--precision=fp16")),
        ),
        (
            "merge-changed",
            "the case changed between two shards",
            "status 2, nothing written",
            _merged(("--backend=ort", "-k", "int8"), ("--backend=ort", "-k", "not int8"), between=_another_golden),
        ),
    )
)

XDIST_FAULTS = tuple(
    _fault(Area.XDIST, *row)
    for row in (
        (
            "killed",
            "a worker of pytest-xdist is killed",
            "status 1, unjudged, does not pass",
            _session(*RUN, *XDIST, hook=KILL_THE_JUDGE.replace("{how}", "kill(os.getpid(), signal.SIGKILL)")),
        ),
        (
            "left",
            "a worker of pytest-xdist calls _exit(0)",
            "status 1, unjudged, does not pass",
            _session(*RUN, *XDIST, hook=KILL_THE_JUDGE.replace("{how}", "_exit(0)")),
        ),
        (
            "no-restarts",
            "the same, and none may be restarted",
            "status 1, unjudged, does not pass",
            _session(*RUN, *XDIST, "--max-worker-restart=0", hook=KILL_THE_JUDGE.replace("{how}", "_exit(0)")),
        ),
        (
            "engine-crash",
            "an engine aborts; no worker of pytest-xdist is lost",
            "status 1, QP-WORKER-001, not asked for, does not pass; ort pass",
            _crashing_engine(*XDIST),
        ),
        ("deselected", "-k leaves checks out", "status 0, not asked for, does not pass", _session(*ONE, *XDIST)),
        (
            "retried",
            "--reruns, and an engine that crashes once",
            "status 1, QP-WORKER-001, not asked for, does not pass",
            _crashes_once(*XDIST),
        ),
    )
)

ENVIRONMENT_FAULTS = tuple(
    _fault(Area.ENVIRONMENT, *row)
    for row in (
        (
            "no-assertions",
            "python -O, and the golden is missing",
            "status 1, QP-GOLDEN-001, not asked for, does not pass",
            _under_optimization,
        ),
        (
            "plain-locale",
            "LC_ALL=C, TERM=dumb, no HOME",
            "status 0, not asked for, does not pass",
            _session(*ONE, environment={"LC_ALL": "C", "TERM": "dumb", "HOME": "/nowhere"}),
        ),
        (
            "no-engine",
            "onnxruntime does not import",
            "status 1, QP-BACKEND-001, not asked for, does not pass",
            _shadowed("onnxruntime", "raise ImportError('no such library')\n", *ONE),
        ),
        (
            "crashing-import",
            "an engine's library segfaults when it is imported",
            "status 1, QP-WORKER-001, not asked for, does not pass",
            _shadowed(
                "openvino",
                "import ctypes\nctypes.string_at(0)\n",
                "--backend=openvino",
                "--precision=int8",
                "-k",
                "parity",
            ),
        ),
        (
            "crashing-engine",
            "an engine aborts beside one that is sound",
            "status 1, QP-WORKER-001, not asked for, does not pass; ort pass",
            _crashing_engine(),
        ),
        (
            "in-ci",
            "--qparity-accept where CI is set",
            "status 4, no ledger",
            _session(*ONE, "--qparity-accept=changed", environment={"CI": "true"}),
        ),
        ("unknown-backend", "a backend that nobody knows", "status 4, no ledger", _session("--backend=otr")),
        (
            "unknown-limit",
            "a limit that nobody knows",
            "status 4, no ledger",
            _session(*ONE, "--qparity-limits=runs=3"),
        ),
    )
)
