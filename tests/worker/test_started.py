"""Workers that start while others do."""

from __future__ import annotations

import os

import pytest

from pytest_qparity.verdict import CannotJudge
from pytest_qparity.worker import failures
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.protocol import Worker
from pytest_qparity.worker.started import StartedWorkers

SHORT, LONG = Limits(run_s=10.0), Limits(run_s=20.0)


class Idle:
    """A worker that does nothing, and tells whether it was closed."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_whoever_asks_takes_one_that_waits_with_the_same_limits() -> None:
    started = StartedWorkers()

    with started.ahead(Idle, [SHORT, LONG, LONG]):
        taken = [started.taken(LONG), started.taken(SHORT), started.taken(LONG)]

        assert [worker is not None and worker.limits for worker in taken] == [LONG, SHORT, LONG]
        assert len({id(worker) for worker in taken}) == 3
        assert started.taken(LONG) is None
    assert not any(worker.is_closed for worker in taken)


def test_one_with_other_limits_is_not_given_out() -> None:
    started = StartedWorkers()

    with started.ahead(Idle, [SHORT]):
        assert started.taken(LONG) is None


def test_what_nobody_took_is_closed_at_the_end_of_the_block() -> None:
    started, made = StartedWorkers(), []

    def start(limits: Limits) -> Idle:
        made.append(Idle(limits))
        return made[-1]

    with pytest.raises(KeyboardInterrupt), started.ahead(start, [SHORT, SHORT]):
        raise KeyboardInterrupt

    assert [worker.is_closed for worker in made] == [True, True]
    assert started.taken(SHORT) is None


def test_one_that_does_not_start_is_told_to_whoever_asks_and_not_before() -> None:
    started, made = StartedWorkers(), []

    def start(limits: Limits) -> Idle:
        if made:
            raise CannotJudge(failures.not_started("no room"))
        made.append(Idle(limits))
        return made[-1]

    with started.ahead(start, [SHORT, SHORT]):
        assert started.taken(SHORT) is made[0]
        assert started.taken(SHORT) is None


def test_processes_that_nobody_took_are_gone() -> None:
    started, workers = StartedWorkers(), []

    def start(limits: Limits) -> Worker:
        workers.append(WorkerProcess(limits))
        return workers[-1]

    with started.ahead(start, [SHORT, SHORT]):
        taken = started.taken(SHORT)
        assert taken is not None
        assert taken.call("tests.worker.calls:count", {}, {}, "W", Phase("run", 30.0)).value == 1
    taken.close()

    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker._supervisor.pid, 0)
