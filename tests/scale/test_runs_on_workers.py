from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_qparity.scale.costs import Durations

pytest.importorskip("xdist")

from pytest_qparity.scale.runs_on_workers import RunScheduling

CHECKS = ("a", "b", "c", "d")
NODE_IDS = [f"x.toml::{run}::{check}" for run in ("cheap", "dear", "other") for check in CHECKS]
COLLECTION = [*NODE_IDS, "test_own.py::test_1", "test_own.py::test_2"]


class Worker:
    """What the scheduler needs of a worker: keeps what it was sent."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.sent: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent += indices

    def shutdown(self) -> None:
        self.shutting_down = True


@pytest.fixture
def workers() -> tuple[Worker, Worker]:
    return Worker("gw0"), Worker("gw1")


@pytest.fixture
def scheduling(workers: tuple[Worker, Worker]) -> Any:
    config: Any = SimpleNamespace(
        getvalue=lambda name: ["popen", "popen"] if name == "tx" else None,
        option=SimpleNamespace(loadscopereorder=True),
    )
    durations = Durations({"x.toml::dear::a": 9.0, "x.toml::cheap::a": 0.1}, "")
    made = RunScheduling(config, None, ["x.toml"], durations)
    for worker in workers:
        made.add_node(worker)
    for worker in workers:
        made.add_node_collection(worker, COLLECTION)
    made.schedule()
    return made


def told(worker: Worker) -> list[str]:
    return [COLLECTION[index] for index in worker.sent]


def test_runs_stay_whole_and_the_costliest_is_first(scheduling: Any, workers: tuple[Worker, Worker]) -> None:
    first, second = workers
    assert told(first)[:4] == [f"x.toml::dear::{check}" for check in CHECKS]

    for _ in range(len(COLLECTION)):
        for worker in workers:
            for index in worker.sent:
                if not scheduling.registered_collections[worker] or index in done(worker):
                    continue
                done(worker).add(index)
                scheduling.mark_test_complete(worker, index)

    assert sorted(told(first) + told(second)) == sorted(COLLECTION)
    for run in ("cheap", "dear", "other"):
        assert len({worker for worker in workers for node_id in told(worker) if f"::{run}::" in node_id}) == 1
    assert scheduling.tests_finished


def done(worker: Worker) -> set[int]:
    return worker.__dict__.setdefault("done", set())


def test_a_check_whose_worker_is_lost_is_begun_again_only_when_asked_for(
    scheduling: Any, workers: tuple[Worker, Worker]
) -> None:
    first, second = workers
    scheduling.mark_test_complete(first, first.sent[0])

    lost = scheduling.remove_node(first)

    assert lost == "x.toml::dear::b"
    for index in list(second.sent):
        scheduling.mark_test_complete(second, index)
    assert "x.toml::dear::b" not in told(second)
    assert told(second).count("x.toml::dear::c") == 1

    scheduling.mark_test_pending(lost)
    while pending := [index for index in second.sent if index not in done(second)]:
        for index in pending:
            done(second).add(index)
            scheduling.mark_test_complete(second, index)
    assert told(second).count("x.toml::dear::b") == 1
