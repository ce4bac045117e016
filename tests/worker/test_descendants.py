"""No process outlives the worker that it belongs to, whoever of them is killed or stopped, and in whatever order."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from pytest_qparity.verdict import Code
from pytest_qparity.worker import process as process_module
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from tests.worker import leftovers
from tests.worker.calling import PROMPT_S, called, refused

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def test_a_detached_grandchild_ends_with_its_worker(worker: WorkerProcess) -> None:
    pid = called(worker, "detach_a_child")
    assert leftovers.exists(pid)

    worker.close()

    assert not leftovers.exists(pid)


def test_a_detached_grandchild_ends_with_a_worker_that_crashed(worker: WorkerProcess) -> None:
    pid = called(worker, "detach_a_child")

    refused(worker, "segfault")

    assert not leftovers.exists(pid)


def test_a_supervisor_that_is_killed_takes_its_engine_along(worker: WorkerProcess) -> None:
    engine = called(worker, "identity")

    os.kill(engine["parent"], signal.SIGKILL)

    failure = refused(worker, "sleep", seconds=30)
    assert failure.code is Code.WORKER_CRASH
    assert not _outlives(engine["pid"])


def test_a_detached_grandchild_ends_though_the_supervisor_was_killed(worker: WorkerProcess) -> None:
    engine, detached = called(worker, "identity"), called(worker, "detach_a_child")

    os.kill(engine["parent"], signal.SIGKILL)
    refused(worker, "sleep", seconds=30)

    assert not leftovers.exists(detached)


def test_a_supervisor_that_was_killed_unnoticed_leaves_nothing_at_the_close(worker: WorkerProcess) -> None:
    engine, detached = called(worker, "identity"), called(worker, "detach_a_child")

    os.kill(engine["parent"], signal.SIGKILL)
    worker.close()

    assert not leftovers.exists(detached)


def test_a_supervisor_that_was_stopped_keeps_the_deadline(worker: WorkerProcess) -> None:
    detached = called(worker, "stop_the_supervisor")

    start = time.monotonic()
    failure = refused(worker, "hold_the_gil", Phase("run", 0.5))
    took_s = time.monotonic() - start

    assert failure.code is Code.WORKER_DEADLINE
    assert took_s < 0.5 + PROMPT_S
    assert not leftovers.exists(detached)


def test_a_supervisor_that_is_stopped_again_and_again_is_awaited_once(worker: WorkerProcess) -> None:
    called(worker, "count")

    start = time.monotonic()
    failure = refused(worker, "stop_the_supervisor_again_and_again", Phase("run", 0.5))
    took_s = time.monotonic() - start

    assert failure.code is Code.WORKER_DEADLINE
    assert took_s < 0.5 + process_module._GRACE_S + PROMPT_S


def test_a_supervisor_that_was_stopped_names_a_crash(worker: WorkerProcess) -> None:
    called(worker, "count")

    assert "SIGSEGV" in refused(worker, "stop_the_supervisor_and_segfault").sentence


def test_a_supervisor_that_was_stopped_delays_no_close(worker: WorkerProcess) -> None:
    detached = called(worker, "stop_the_supervisor")

    start = time.monotonic()
    worker.close()

    assert time.monotonic() - start < PROMPT_S
    assert not leftovers.exists(detached)


def test_processes_that_fork_without_end_are_ended(worker: WorkerProcess) -> None:
    for _ in range(24):
        called(worker, "keep_forking")

    start = time.monotonic()
    worker.close()

    assert time.monotonic() - start < 2 * PROMPT_S


def test_what_an_engine_starts_holds_nothing_of_the_workers_open(worker: WorkerProcess) -> None:
    """Its helpers may outlive its crash: they must not keep its channel and its memory open with them."""
    opened = called(worker, "what_a_program_inherits")["open"]

    assert [each for each in opened if "memfd:qparity" in each or each.startswith("socket:")] == []


def test_an_engine_and_what_it_starts_are_the_first_that_a_system_short_of_memory_ends(worker: WorkerProcess) -> None:
    assert called(worker, "what_a_program_inherits")["oom_score_adj"] == 1000


def test_an_engine_and_what_it_starts_leave_no_core_dump() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("this system allows no core dump at all")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        allowed = WorkerProcess(Limits())
        assert called(allowed, "what_a_program_inherits")["core"] == 0
        allowed.close()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def _outlives(pid: int) -> bool:
    """Whether a process is there still after it had five seconds to go."""
    end = time.monotonic() + 5
    while leftovers.exists(pid) and time.monotonic() < end:
        os.sched_yield()
    return leftovers.exists(pid)


OWNER = """
import os, sys
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess

worker = WorkerProcess(Limits())
call = lambda name, **arguments: worker.call(f"tests.worker.calls:{name}", arguments, {}, "W", Phase("run", 60)).value
print(call("identity")["pid"], call("identity")["parent"], call("detach_a_child"), flush=True)
{then}
"""


def owner(then: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A process with a worker; its engine, its supervisor and the engine's detached grandchild."""
    program = OWNER.replace("{then}", textwrap.dedent(then))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    assert started.stdout is not None
    return started, [int(pid) for pid in started.stdout.readline().split()]


@pytest.mark.parametrize(
    "then",
    [
        "call('hold_the_gil')",
        "call('stop_itself')",
        "import time; time.sleep(60)",
    ],
)
def test_nothing_outlives_an_owner_that_is_killed(then: str) -> None:
    killed, pids = owner(then)

    killed.kill()
    killed.wait()

    assert [pid for pid in pids if _outlives(pid)] == []


def test_nothing_outlives_an_owner_that_is_killed_while_the_supervisor_is_stopped() -> None:
    killed, pids = owner("call('stop_the_supervisor'); call('hold_the_gil')")
    supervisor = psutil.Process(pids[1])
    while supervisor.status() != psutil.STATUS_STOPPED:
        os.sched_yield()

    killed.kill()
    killed.wait()

    assert [pid for pid in pids if _outlives(pid)] == []


@pytest.mark.parametrize(
    "then", ["", "raise SystemExit(3)", "os._exit(1)", "import signal; os.kill(os.getpid(), signal.SIGTERM)"]
)
def test_nothing_outlives_an_owner_that_ends_without_closing(then: str) -> None:
    ended, pids = owner(then)

    ended.wait(30)

    assert [pid for pid in pids if _outlives(pid)] == []


def test_a_fork_of_the_owner_ends_nothing(worker: WorkerProcess) -> None:
    called(worker, "count")

    child = os.fork()
    if child == 0:
        worker.close()
        os._exit(0)
    os.waitpid(child, 0)

    assert called(worker, "count") == 2
