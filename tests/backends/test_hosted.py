"""A backend and its sessions as the gate sees them: calls to a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.backends.timing import Question
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.models import inputs_for_mlp, mlp, save

FEED = {"input": inputs_for_mlp(3)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(mlp(), tmp_path / "mlp.onnx")


@pytest.fixture(params=["process", "in process"])
def host(request: pytest.FixtureRequest) -> Iterator[EngineHost]:
    worker = WorkerProcess(Limits()) if request.param == "process" else InProcess(Limits())
    host = EngineHost(worker, backend_table()["ort"])
    yield host
    host.close()


def stub(engine: str, limits: Limits) -> EngineHost:
    return EngineHost(WorkerProcess(limits), BackendSpec("stub", f"tests.faults.engines:{engine}"))


def test_a_session_runs_states_its_facts_and_closes(host: EngineHost, model: Path) -> None:
    host.require_available()
    session = host.load(model, SessionOptions(optimizer=Optimizer.OFF))

    outputs, facts = session.run(FEED), session.facts()
    session.close()

    assert outputs["logits"].shape == (3, 4)
    assert facts.settings["optimizer"] == "off"
    assert facts.placement == {facts.expected_placement: 3}
    with pytest.raises(CannotJudge, match="closed session"):
        session.run(FEED)


def test_a_session_for_one_run_gives_the_same_bits_in_one_call(host: EngineHost, model: Path) -> None:
    session = host.load(model, SessionOptions(optimizer=Optimizer.OFF))

    alone = host.run_alone(model, SessionOptions(optimizer=Optimizer.OFF), FEED)

    np.testing.assert_array_equal(alone["logits"], session.run(FEED)["logits"])


def test_a_session_for_one_run_is_refused_as_others_are(host: EngineHost, model: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotJudge) as not_loaded:
        host.run_alone(tmp_path / "nowhere.onnx", SessionOptions(), FEED)
    with pytest.raises(CannotJudge) as not_run:
        host.run_alone(model, SessionOptions(), {"input": FEED["input"][:, :1]})

    assert not_loaded.value.failure.code is Code.BACKEND_LOAD
    assert not_run.value.failure.code is Code.BACKEND_RUN


def test_sessions_of_one_worker_do_not_mix(host: EngineHost, model: Path, tmp_path: Path) -> None:
    first = host.load(model, SessionOptions())
    second = host.load(save(mlp(seed=5), tmp_path / "other.onnx"), SessionOptions())

    before = first.run(FEED)["logits"]
    assert not np.array_equal(second.run(FEED)["logits"], before)

    second.close()
    third = host.load(model, SessionOptions())
    np.testing.assert_array_equal(third.run(FEED)["logits"], before)
    np.testing.assert_array_equal(first.run(FEED)["logits"], before)


def test_both_isolations_give_the_same_bits(model: Path) -> None:
    outputs = []
    for worker in (WorkerProcess(Limits()), InProcess(Limits())):
        outputs.append(EngineHost(worker, backend_table()["ort"]).load(model, SessionOptions()).run(FEED)["logits"])
        worker.close()

    assert outputs[0].tobytes() == outputs[1].tobytes()


def test_times_are_measured_beside_the_engine(host: EngineHost, model: Path) -> None:
    session, counterpart = (host.load(model, SessionOptions()) for _ in range(2))

    alone = session.time_alone(FEED, Question(0.01)).ms
    times = session.time_in_turn(counterpart, FEED, Question(0.01))

    assert len(alone) >= 20
    assert (alone > 0).all()
    assert times.variant_ms.shape == times.counterpart_ms.shape
    assert len(times.of_variant.ms) >= len(times.variant_ms)
    assert times.of_variant.conditions["cpus"] >= 1
    assert isinstance(times.sound, bool)


def test_sessions_of_two_processes_are_timed_in_turn(model: Path) -> None:
    hosts = [EngineHost(WorkerProcess(Limits()), backend_table()["ort"]) for _ in range(2)]
    first, second = (host.load(model, SessionOptions()) for host in hosts)

    times = first.time_in_turn(second, FEED, Question(0.05))
    for host in hosts:
        host.close()

    assert len(times.variant_ms) == len(times.counterpart_ms) >= 20
    assert times.variant_ms.min() > 0
    assert times.counterpart_ms.min() > 0
    assert times.of_variant.conditions["cpus"] >= 1


def test_the_first_run_has_a_deadline_of_its_own(model: Path) -> None:
    host = stub("SpinsInThirdRun", Limits(first_run_s=60, run_s=0.3))
    session = host.load(model, SessionOptions())
    session.run(FEED)
    session.run(FEED)

    with pytest.raises(CannotJudge, match=r"did not end its run within 0\.3 s") as caught:
        session.run(FEED)
    host.close()

    assert caught.value.failure.code is Code.WORKER_DEADLINE


def test_a_session_for_one_run_may_take_as_long_as_both_phases(model: Path) -> None:
    host = stub("SpinsInFirstRun", Limits(load_s=4, first_run_s=0.3))

    with pytest.raises(CannotJudge, match=r"load and first run within 4\.3 s") as reason:
        host.run_alone(model, SessionOptions(), FEED)

    assert reason.value.failure.code is Code.WORKER_DEADLINE


def test_a_first_run_that_spins_is_named_as_such(model: Path) -> None:
    host = stub("SpinsInFirstRun", Limits(first_run_s=0.3, run_s=60))
    session = host.load(model, SessionOptions())

    with pytest.raises(CannotJudge, match=r'"stub" with mlp\.onnx did not end its first run within 0\.3 s'):
        session.run(FEED)
    host.close()


def test_a_crash_in_one_session_is_the_failure_of_all_that_lived_there(model: Path) -> None:
    host = stub("SegfaultsInFirstRun", Limits())
    first, second = (host.load(model, SessionOptions()) for _ in range(2))

    for session in (first, second, first):
        with pytest.raises(CannotJudge, match="SIGSEGV"):
            session.run(FEED)
    host.close()


def test_a_backend_that_is_missing_something_says_what(host: EngineHost) -> None:
    missing = EngineHost(host.worker, BackendSpec("mine", "no_such_module_anywhere:Engine"))

    with pytest.raises(CannotJudge, match="no_such_module_anywhere") as caught:
        missing.require_available()

    assert caught.value.failure.code is Code.BACKEND_UNAVAILABLE
