"""Faults of the worker itself and of whoever holds it: processes killed, versions mixed, resources denied."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

from pytest_qparity.verdict import CannotJudge
from pytest_qparity.worker import process
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from tests.faults.bench import Bench
from tests.faults.fault import Area, Fault
from tests.worker import leftovers

CALLS = "tests.worker.calls"
PHASE = Phase("run", 5.0)
PATIENCE_S = 10.0


def _fault(name: str, what: str, verdict: str, inject: Callable[[Bench], str]) -> Fault:
    return Fault(f"worker-{name}", Area.WORKER, what, verdict, inject)


def _ending(worker: WorkerProcess, call: str, **arguments: Any) -> str:
    """What a call comes to: "answered", or the code of its failure."""
    try:
        worker.call(f"{CALLS}:{call}", arguments, {}, "The worker", PHASE)
    except CannotJudge as reason:
        return reason.failure.code.code
    finally:
        worker.close()
    return "answered"


def _identity(worker: WorkerProcess) -> dict[str, int]:
    told: dict[str, int] = worker.call(f"{CALLS}:identity", {}, {}, "The worker", PHASE).value
    return told


def _killed(which: str) -> Callable[[Bench], str]:
    def inject(bench: Bench) -> str:
        worker = WorkerProcess(Limits())
        os.kill(_identity(worker)[which], signal.SIGKILL)
        return _ending(worker, "sleep", seconds=30)

    return inject


def _another_version(bench: Bench) -> str:
    """Half an upgrade: the package on disk is not the one that pytest runs."""
    original = process.__version__
    process.__version__ = "0.0.9"
    try:
        return _ending(WorkerProcess(Limits()), "count")
    finally:
        process.__version__ = original


def _no_python(bench: Bench) -> str:
    original, sys.executable = sys.executable, str(bench.root / "gone" / "python")
    try:
        WorkerProcess(Limits()).close()
    except CannotJudge as reason:
        return reason.failure.code.code
    finally:
        sys.executable = original
    return "started"


def _broken_package(bench: Bench) -> str:
    """A package of its name that comes first on the path and does not import."""
    shadow = bench.root / "shadow" / "pytest_qparity"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("raise ImportError('half an installation')\n")
    sys.path.insert(0, str(shadow.parent))
    try:
        return _ending(WorkerProcess(Limits()), "count")
    finally:
        sys.path.remove(str(shadow.parent))


def _few_descriptors(bench: Bench) -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (leftovers.descriptors() + 1, hard))
    try:
        WorkerProcess(Limits()).close()
    except CannotJudge as reason:
        return reason.failure.code.code
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return "started"


def _no_memfd(bench: Bench) -> str:
    original = os.memfd_create

    def refused(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    os.memfd_create = refused
    try:
        return _ending(WorkerProcess(Limits()), "count")
    finally:
        os.memfd_create = original


def _small_shared_memory(bench: Bench) -> str:
    """Containers have 64 MB in /dev/shm; here it takes nothing at all, and 80 MB cross all the same."""
    program = (
        "import os, sys, ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "if os.getuid() == 0 and libc.unshare(0x20000) == 0:\n"
        "    libc.mount(b'none', b'/', None, 0x44000, None)\n"
        "    libc.mount(b'tmpfs', b'/dev/shm', b'tmpfs', 0, b'size=65536')\n"
        "import numpy as np\n"
        "from pytest_qparity.worker.limits import Limits, Phase\n"
        "from pytest_qparity.worker.process import WorkerProcess\n"
        "worker = WorkerProcess(Limits())\n"
        "x = np.ones(10**7)\n"
        "answer = worker.call('tests.worker.calls:echo', {}, {'x': x}, 'W', Phase('run', 60))\n"
        "worker.close()\n"
        "print('answered' if (answer.arrays['x'] == x).all() else 'another array')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=bench.environment(), timeout=60
    )
    return ended.stdout.strip() or ended.stderr[-200:]


def _fork_of_the_owner(bench: Bench) -> str:
    worker = WorkerProcess(Limits())
    _identity(worker)
    child = os.fork()
    if child == 0:
        worker.close()
        os._exit(0)
    os.waitpid(child, 0)
    return _ending(worker, "count")


def _outlived(pids: set[int]) -> set[int]:
    """Those that are there still after they had time to go."""
    end = time.monotonic() + PATIENCE_S
    while any(leftovers.exists(pid) for pid in pids) and time.monotonic() < end:
        os.sched_yield()
    return {pid for pid in pids if leftovers.exists(pid)}


def _session_in_a_hang(bench: Bench, engine: str) -> tuple[subprocess.Popen[str], set[int]]:
    """A session of pytest whose engine is in the middle of a run that never ends, and all its processes."""
    bench.add_engine("stub", engine)
    running = bench.start("--backend=stub", "--precision=int8", "-k", "parity")
    marker = bench.root / "running"
    end = time.monotonic() + 60
    while not marker.exists() and running.poll() is None and time.monotonic() < end:
        os.sched_yield()
    processes = {child.pid for child in psutil.Process(running.pid).children(recursive=True)}
    if len(processes) < 3:
        raise AssertionError(f"got {len(processes)} processes below pytest, should be supervisors and engines")
    return running, processes


def _pytest_ended_by(number: signal.Signals) -> Callable[[Bench], str]:
    def inject(bench: Bench) -> str:
        running, processes = _session_in_a_hang(bench, "SaysItRunsAndSpins")
        running.send_signal(number)
        output, _ = running.communicate(timeout=60)
        session = bench.ended(running, output)
        left = _outlived(processes)
        if left or session.status == 0 or session.ledger is None or session.ledger.passes:
            return f"status {session.status}, {len(left)} processes left, ledger {session.ledger}"
        return "not 0, nothing left"

    return inject


GONE = "not 0, nothing left"

WORKER_FAULTS = (
    _fault("engine-killed", "the engine's process is killed (SIGKILL)", "QP-WORKER-001", _killed("pid")),
    _fault("supervisor-killed", "the supervisor is killed (SIGKILL)", "QP-WORKER-001", _killed("parent")),
    _fault("another-version", "the worker runs another version of the package", "QP-WORKER-004", _another_version),
    _fault("no-python", "the interpreter is gone", "QP-WORKER-004", _no_python),
    _fault("broken-package", "the package does not import there", "QP-WORKER-001", _broken_package),
    _fault("few-descriptors", "no descriptor is left (ulimit -n)", "QP-WORKER-004", _few_descriptors),
    _fault("no-memfd", "the system has no memfd", "answered", _no_memfd),
    _fault("small-shared-memory", "/dev/shm holds next to nothing; 80 MB cross", "answered", _small_shared_memory),
    _fault("fork-of-the-owner", "pytest forks, and the fork closes the worker", "answered", _fork_of_the_owner),
    _fault("pytest-killed", "pytest is killed while an engine spins", GONE, _pytest_ended_by(signal.SIGKILL)),
    _fault("pytest-terminated", "pytest gets SIGTERM while an engine spins", GONE, _pytest_ended_by(signal.SIGTERM)),
    _fault("ctrl-c", "Ctrl-C while an engine spins", GONE, _pytest_ended_by(signal.SIGINT)),
)
