from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.protocol import Worker
from pytest_qparity.worker.renewed import RenewedWorker

PHASE = Phase("run", 30.0)


@pytest.fixture
def started() -> list[WorkerProcess]:
    return []


@pytest.fixture
def worker(started: list[WorkerProcess]) -> Iterator[Worker]:
    def start() -> Worker:
        started.append(WorkerProcess(Limits()))
        return started[-1]

    worker = RenewedWorker(start, Limits())
    yield worker
    worker.close()


def called(worker: Worker, name: str, **arguments: object) -> object:
    return worker.call(f"tests.worker.calls:{name}", arguments, {}, "W", PHASE).value


def refused(worker: Worker, name: str, **arguments: object) -> Failure:
    with pytest.raises(CannotJudge) as caught:
        called(worker, name, **arguments)
    return caught.value.failure


def test_another_call_finds_a_worker_after_one_has_ended(worker: Worker, started: list[WorkerProcess]) -> None:
    assert refused(worker, "segfault").code is Code.WORKER_CRASH

    assert called(worker, "count") == 1
    assert len(started) == 2


def test_the_call_that_ended_a_worker_is_not_tried_again(worker: Worker, started: list[WorkerProcess]) -> None:
    first = refused(worker, "leave_at_once", status=3)

    assert refused(worker, "leave_at_once", status=3) is first
    assert refused(worker, "leave_at_once", status=4) is not first
    assert len(started) == 2


def test_another_place_for_a_result_makes_no_other_call(worker: Worker) -> None:
    first = refused(worker, "segfault", target="/a/made.onnx")

    assert refused(worker, "segfault", target="/b/made.onnx") is first


def test_a_refusal_ends_no_worker(worker: Worker, started: list[WorkerProcess]) -> None:
    refused(worker, "refuse")

    assert called(worker, "count") == 1
    assert len(started) == 1


def test_no_worker_is_started_before_the_first_call(worker: Worker, started: list[WorkerProcess]) -> None:
    assert started == []
