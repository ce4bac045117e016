"""CUDA graphs on recording fakes: recorded after a run of a shape, replayed, recorded anew for another, given back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_qparity.backends.engine_options import EngineOptions
from pytest_qparity.verdict import CannotJudge, Code
from tests.contract.machine import ENGINE_MS, FakeEngine, Machine, Port

Load = Callable[..., Any]

GRAPHS = EngineOptions(cuda_graphs=True)
FEED = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}
OTHER = {"x": np.ones((4, 3), np.float32)}
_CALLS = (
    "cudaStreamBeginCapture",
    "cudaStreamEndCapture",
    "cudaGraphInstantiate",
    "cudaGraphDestroy",
    "cudaGraphLaunch",
    "cudaGraphExecDestroy",
)


@pytest.fixture
def load_with_graphs(load: Load) -> Load:
    return functools.partial(load, engine=GRAPHS)


def calls(gpu: Machine) -> list[str]:
    return [call.name for call in gpu.cuda.calls if call.name in _CALLS]


def test_without_being_asked_nothing_is_recorded(gpu: Machine, load: Load) -> None:
    session = load()
    for _ in range(3):
        session.run(FEED)

    assert calls(gpu) == []
    assert session.facts().settings["cuda_graphs"] == "off"


def test_the_first_run_of_a_shape_is_none_the_second_is_recorded_and_the_others_replay_it(
    gpu: Machine, load_with_graphs: Load
) -> None:
    session = load_with_graphs()
    assert session.facts().settings["cuda_graphs"] == "recorded in the second run of a shape"

    session.run(FEED)
    assert calls(gpu) == []
    session.run(FEED)
    assert calls(gpu) == [*_CALLS[:4], "cudaGraphLaunch"]
    session.run(FEED)

    assert calls(gpu) == [*_CALLS[:4], "cudaGraphLaunch", "cudaGraphLaunch"]
    assert len(gpu.recorder.of("IExecutionContext.execute_async_v3")) == 2
    (begun,) = gpu.cuda.of("cudaStreamBeginCapture")
    assert begun["mode"].name == "cudaStreamCaptureModeThreadLocal"


def test_between_a_run_and_its_recording_no_shape_is_set(gpu: Machine, load_with_graphs: Load) -> None:
    """TensorRT must have run once since a shape was set."""
    session = load_with_graphs()
    session.run(FEED)
    gpu.recorder.calls.clear()

    session.run({"x": FEED["x"] + 1})

    assert not gpu.recorder.of("IExecutionContext.set_input_shape")
    assert len(gpu.cuda.of("cudaStreamBeginCapture")) == 1


def test_a_replay_computes_what_it_is_fed_now(gpu: Machine, load_with_graphs: Load) -> None:
    session = load_with_graphs()

    for number in range(4):
        fed = FEED["x"] + np.float32(number)
        np.testing.assert_array_equal(session.run({"x": fed})["y"], 2 * fed)


def test_other_shapes_are_recorded_anew_and_the_graph_before_is_given_back(
    gpu: Machine, load_with_graphs: Load
) -> None:
    session = load_with_graphs()

    for feed in (FEED, FEED, OTHER, OTHER, OTHER, FEED, FEED):
        np.testing.assert_array_equal(session.run(feed)["y"], 2 * feed["x"])

    assert calls(gpu).count("cudaStreamBeginCapture") == 3
    assert calls(gpu).count("cudaGraphExecDestroy") == 2
    assert len(gpu.device.executables) == 1


@pytest.mark.parametrize(
    ("call", "answer"), [("IExecutionContext.infer_shapes", ["x"]), ("IExecutionContext.set_input_shape", False)]
)
def test_a_larger_feed_that_is_refused_leaves_no_graph_of_memory_that_is_gone(
    gpu: Machine, load_with_graphs: Load, call: str, answer: Any
) -> None:
    """Room was made for it before it was refused: what the graph before refers to is freed."""
    session = load_with_graphs()
    for _ in range(2):
        session.run(FEED)
    works = gpu.answers[call]
    gpu.answers[call] = answer
    with pytest.raises(CannotJudge):
        session.run(OTHER)
    gpu.answers[call] = works

    for number in range(3):
        fed = FEED["x"] + np.float32(number)
        np.testing.assert_array_equal(session.run({"x": fed})["y"], 2 * fed)


def test_closing_gives_all_graphs_back(gpu: Machine, load_with_graphs: Load) -> None:
    session = load_with_graphs()
    session.run(FEED)
    session.run(FEED)

    session.close()

    assert not gpu.device.executables
    assert not gpu.device.graphs
    assert not gpu.device.heap


def test_a_bound_feed_replays_and_is_timed_without_the_recording(gpu: Machine, load_with_graphs: Load) -> None:
    bound = load_with_graphs().bound(FEED)
    bound.run()
    gpu.cuda.calls.clear()

    bound.run()

    order = [call.name for call in gpu.cuda.calls]
    assert order.index("cudaGraphInstantiate") < order.index("cudaEventRecord") < order.index("cudaGraphLaunch")
    assert bound.device_ms == ENGINE_MS
    np.testing.assert_array_equal(bound.outputs()["y"], 2 * FEED["x"])


def test_an_output_of_a_shape_that_the_data_decide_upon_is_told_and_runs_without(
    gpu: Machine, load_with_graphs: Load
) -> None:
    content = np.array([[0, 1], [1, 2]]).tobytes()
    port = Port("INT64", (-1, 2), of_data=True)
    gpu.engine = FakeEngine({"x": Port("FLOAT", (-1, 3))}, {"y": port}, lambda fed: {"y": (content, (2, 2))})
    session = load_with_graphs()

    for _ in range(3):
        assert session.run(FEED)["y"].tolist() == [[0, 1], [1, 2]]

    assert session.facts().settings["cuda_graphs"] == 'refused: the shape of "y" depends on the data'
    assert calls(gpu) == []


def test_values_in_the_hosts_memory_are_told_and_run_without(gpu: Machine, load_with_graphs: Load) -> None:
    ports = {"x": Port("FLOAT", (-1, 3)), "sizes": Port("INT64", (2,), on_host=True)}
    gpu.engine = FakeEngine(ports, {"y": Port("INT64", (2,), on_host=True)}, lambda fed: {"y": fed["sizes"]})
    session = load_with_graphs()

    for number in range(3):
        assert session.run({**FEED, "sizes": np.array([number, 9])})["y"].tolist() == [number, 9]

    assert session.facts().settings["cuda_graphs"] == 'refused: "sizes" lies in the memory of the host'


def test_a_shape_that_turns_out_to_depend_on_the_data_is_not_run_as_asked(gpu: Machine, load_with_graphs: Load) -> None:
    session = load_with_graphs()
    gpu.engine = FakeEngine(
        {"x": Port("FLOAT", (-1, 3))},
        {"y": Port("FLOAT", (-1, 2), of_data=True)},
        lambda fed: {"y": (b"", (0, 2))},
    )

    with pytest.raises(CannotJudge) as caught:
        session.run(FEED)

    assert caught.value.failure.code is Code.BACKEND_RUN
    assert "shapes of y that depend on the data" in caught.value.failure.sentence


@pytest.mark.parametrize("call", ["cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate"])
def test_a_run_that_cuda_does_not_record_cannot_be_judged(gpu: Machine, load_with_graphs: Load, call: str) -> None:
    session = load_with_graphs()
    session.run(FEED)
    gpu.cuda.answers[call] = (gpu.runtime.cudaError_t.cudaErrorStreamCaptureInvalidated, None)
    gpu.cuda.answers["cudaGetErrorString"] = (gpu.runtime.cudaError_t.cudaSuccess, b"capture was invalidated")

    with pytest.raises(CannotJudge) as caught:
        session.run(FEED)

    failure = caught.value.failure
    assert failure.code is Code.BACKEND_RUN
    assert f"{call}: capture was invalidated (error 901) from recording a CUDA graph" in failure.sentence
    assert failure.remedy == "take cuda_graphs out of [backends.trt]"
    assert not gpu.device.graphs


def test_an_engine_that_fails_while_it_is_recorded_ends_the_recording(gpu: Machine, load_with_graphs: Load) -> None:
    session = load_with_graphs()
    session.run(FEED)
    gpu.answers["IExecutionContext.execute_async_v3"] = False

    with pytest.raises(CannotJudge) as caught:
        session.run(FEED)

    assert "from execute_async_v3" in caught.value.failure.sentence
    assert gpu.device.recording is None
    assert not gpu.device.graphs


def test_an_error_that_is_logged_during_a_replay_is_no_answer(gpu: Machine, load_with_graphs: Load) -> None:
    session = load_with_graphs()
    for _ in range(2):
        session.run(FEED)
    gpu.device.executables = {number: [lambda: gpu.say("ERROR", "CUDA error 700")] for number in gpu.device.executables}

    with pytest.raises(CannotJudge, match="CUDA error 700"):
        session.run(FEED)


def test_a_plan_is_the_same_with_and_without(gpu: Machine, load: Load, tmp_path: Any) -> None:
    load(cache=tmp_path / "cache")
    again = load(cache=tmp_path / "cache", engine=GRAPHS)

    assert again.facts().settings["plan_from"] == "cache"
