"""Feeds in, arrays out, on recording fakes of both releases with device memory in the host's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.backends.shapes import InputShapes
from pytest_qparity.backends.timed_calls import Clock
from pytest_qparity.backends.timing import Question
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.contract.device import COPY_MS
from tests.contract.fakes import made_inside
from tests.contract.machine import ENGINE_MS, PLAN, FakeEngine, Machine, Port, model_file

Load = Callable[..., Any]

FEED = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}


def refusal(session: Any, feed: dict[str, np.ndarray] = FEED) -> Failure:
    with pytest.raises(CannotJudge) as caught:
        session.run(feed)
    return caught.value.failure


def giving(name: str, port: Port, content: bytes, shape: tuple[int, ...]) -> FakeEngine:
    """An engine that gives the same whatever it is fed."""
    return FakeEngine({"x": Port("FLOAT", (-1, 3))}, {name: port}, lambda fed: {name: (content, shape)})


def test_outputs_come_from_the_addresses_that_were_set(gpu: Machine, load: Load) -> None:
    outputs = load().run(FEED)

    np.testing.assert_array_equal(outputs["y"], 2 * FEED["x"])
    assert outputs["y"].dtype == np.float32


def test_the_whole_way_from_the_gate_and_back(gpu: Machine, tmp_path: Path) -> None:
    host = EngineHost(InProcess(Limits()), backend_table()["trt"])
    options = SessionOptions(tf32=True, shapes={"x": InputShapes((2, 3), (2, 3), (2, 3))}, cache=tmp_path / "cache")

    session = host.load(model_file(tmp_path), options)

    np.testing.assert_array_equal(session.run(FEED)["y"], 2 * FEED["x"])
    facts = session.facts()
    assert (facts.engine, facts.version, facts.strayed, facts.proven) == ("tensorrt", gpu.trt.__version__, 0, True)
    assert facts.device == "NVIDIA Test GPU (compute 9.0, driver CUDA 13.4)"
    assert facts.settings["cuda_runtime"] == "12.9"
    assert (facts.settings["tf32"], facts.settings["plan_from"]) == ("on", "built")
    session.close()


def test_an_engine_has_the_size_of_its_plan(gpu: Machine, load: Load) -> None:
    assert load().engine_bytes() == len(PLAN)


def test_another_batch_is_another_shape(gpu: Machine, load: Load) -> None:
    session = load()
    larger = {"x": np.ones((4, 3), np.float32)}

    assert session.run(FEED)["y"].shape == (2, 3)
    assert session.run(larger)["y"].shape == (4, 3)
    np.testing.assert_array_equal(session.run(FEED)["y"], 2 * FEED["x"])


def test_a_buffer_that_grows_gives_the_smaller_one_back(gpu: Machine, load: Load) -> None:
    session = load()
    session.run(FEED)

    session.run({"x": np.ones((4, 3), np.float32)})

    assert sorted(len(room) for room in gpu.device.heap.values()) == [48, 48]


def test_runs_of_one_shape_allocate_once(gpu: Machine, load: Load) -> None:
    session = load()

    for _ in range(3):
        session.run(FEED)

    assert len(gpu.cuda.of("cudaMalloc")) == 2


def test_outputs_are_nobody_elses(gpu: Machine, load: Load) -> None:
    session = load()
    first = session.run(FEED)["y"]

    session.run({"x": np.zeros((2, 3), np.float32)})

    np.testing.assert_array_equal(first, 2 * FEED["x"])


def test_closing_gives_all_device_memory_back_and_ends_the_session(gpu: Machine, load: Load) -> None:
    session = load()
    session.run(FEED)

    session.close()
    session.close()

    assert not gpu.device.heap
    assert len(gpu.cuda.of("cudaStreamDestroy")) == 1
    with pytest.raises(ValueError, match="closed session"):
        session.run(FEED)


@pytest.mark.parametrize(
    "feed",
    [
        pytest.param({}, id="no input"),
        pytest.param({"x": np.ones((2, 3))}, id="another type"),
        pytest.param({"x": np.ones((2, 4), np.float32)}, id="another size"),
    ],
)
def test_what_the_engine_does_not_declare_is_refused(gpu: Machine, load: Load, feed: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="should be"):
        load().run(feed)

    assert not gpu.recorder.of("IExecutionContext.execute_async_v3")


def test_a_shape_outside_of_the_profile_is_told(gpu: Machine, load: Load) -> None:
    gpu.answers["IExecutionContext.set_input_shape"] = False

    failure = refusal(load())

    assert failure.code is Code.BACKEND_RUN
    assert 'a refusal of shape (2, 3) for input "x"' in failure.sentence


def test_shapes_that_stay_open_are_told(gpu: Machine, load: Load) -> None:
    gpu.answers["IExecutionContext.infer_shapes"] = ["x"]

    assert "inputs ['x'] that leave shapes open" in refusal(load()).sentence


def test_an_address_that_is_refused_is_told(gpu: Machine, load: Load) -> None:
    gpu.answers["IExecutionContext.set_tensor_address"] = False

    assert 'a refusal of an address for "x"' in refusal(load()).sentence


def test_a_run_that_fails_says_what_tensorrt_says(gpu: Machine, load: Load) -> None:
    def fail(context: Any, stream_handle: int) -> bool:
        gpu.say("ERROR", "CUDA error 700")
        return False

    gpu.answers["IExecutionContext.execute_async_v3"] = fail

    failure = refusal(load())

    assert failure.code is Code.BACKEND_RUN
    assert '"CUDA error 700" from execute_async_v3' in failure.sentence


def test_an_error_that_is_only_logged_is_no_answer(gpu: Machine, load: Load) -> None:
    def mutter(context: Any, stream_handle: int) -> bool:
        gpu.say("INTERNAL_ERROR", "assertion failed")
        return True

    gpu.answers["IExecutionContext.execute_async_v3"] = mutter

    assert '"assertion failed" in its log during a run' in refusal(load()).sentence


def test_an_error_counts_however_many_were_logged_before(gpu: Machine, load: Load) -> None:
    from pytest_qparity.backends.trt.log import MOST_KEPT

    session, spoken = load(), iter(range(3 * MOST_KEPT))

    def mutter(context: Any, stream_handle: int) -> bool:
        gpu.say("INTERNAL_ERROR", f"assertion {next(spoken)} failed")
        return True

    gpu.answers["IExecutionContext.execute_async_v3"] = mutter
    for _ in range(MOST_KEPT):
        refusal(session)

    assert f'"assertion {MOST_KEPT} failed" in its log during a run' in refusal(session).sentence


def test_an_error_of_an_earlier_run_is_not_told_again(gpu: Machine, load: Load) -> None:
    session = load()
    gpu.say("ERROR", "of another session")

    assert session.run(FEED)["y"].shape == (2, 3)


def test_a_call_of_cuda_that_fails_is_named(gpu: Machine, load: Load) -> None:
    session = load()
    gpu.cuda.answers["cudaMalloc"] = (gpu.runtime.cudaError_t.cudaErrorMemoryAllocation, None)

    with pytest.raises(RuntimeError, match=r"cudaMalloc: out of memory \(error 2\)"):
        session.run(FEED)


def test_the_device_time_is_that_of_the_engine_without_the_copies(gpu: Machine, load: Load) -> None:
    session = load()
    assert session.device_ms is None

    session.run(FEED)

    assert session.device_ms == ENGINE_MS
    assert gpu.device.clock_ms == ENGINE_MS + 2 * COPY_MS


class TestBoundFeeds:
    def test_a_bound_feed_is_copied_once_however_often_it_runs(self, gpu: Machine, load: Load) -> None:
        bound = load().bound(FEED)

        for _ in range(3):
            bound.run()

        assert len(gpu.recorder.of("IExecutionContext.execute_async_v3")) == 3
        assert len(gpu.cuda.of("cudaMemcpyAsync")) == 1
        np.testing.assert_array_equal(bound.outputs()["y"], 2 * FEED["x"])

    def test_another_run_between_does_not_change_what_it_gives(self, gpu: Machine, load: Load) -> None:
        session = load()
        bound = session.bound(FEED)
        bound.run()
        session.run({"x": np.zeros((4, 3), np.float32)})

        bound.run()

        np.testing.assert_array_equal(bound.outputs()["y"], 2 * FEED["x"])

    def test_a_run_copies_its_feed_each_time(self, gpu: Machine, load: Load) -> None:
        session, feed = load(), {"x": FEED["x"].copy()}
        session.run(feed)
        feed["x"][:] = 0

        assert not session.run(feed)["y"].any()

    def test_latency_is_by_cudas_events_and_end_to_end_beside_them(self, gpu: Machine, tmp_path: Path) -> None:
        gpu.cuda.answers["cudaEventElapsedTime"] = (gpu.runtime.cudaError_t.cudaSuccess, 0.001)
        host = EngineHost(InProcess(Limits()), backend_table()["trt"])
        shapes = {"x": InputShapes((2, 3), (2, 3), (2, 3))}
        variant, counterpart = (host.load(model_file(tmp_path), SessionOptions(shapes=shapes)) for _ in range(2))

        times = variant.time_in_turn(counterpart, FEED, Question(0.01))

        assert times.of_variant.clock is Clock.DEVICE
        assert set(times.variant_ms) == set(times.counterpart_ms) == {0.001}
        assert times.of_variant.end_to_end_ms is not None
        assert (times.of_variant.end_to_end_ms > 0.001).all()

    def test_a_bound_run_that_fails_is_told(self, gpu: Machine, load: Load) -> None:
        bound = load().bound(FEED)
        gpu.answers["IExecutionContext.execute_async_v3"] = False

        with pytest.raises(CannotJudge):
            bound.run()


def test_outputs_stand_in_the_order_of_the_file(gpu: Machine, load: Load, tmp_path: Path) -> None:
    from onnx import TensorProto, helper, load_model, save

    path = model_file(tmp_path)
    model = load_model(path)
    model.graph.node.append(helper.make_node("Neg", ["y"], ["a"]))
    model.graph.output.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, ["batch", 3]))
    save(model, path)
    ports = {"a": Port("FLOAT", (-1, 3)), "y": Port("FLOAT", (-1, 3))}
    gpu.engine = FakeEngine({"x": Port("FLOAT", (-1, 3))}, ports, lambda fed: {"a": fed["x"], "y": fed["x"]})

    assert list(load(path).run(FEED)) == ["y", "a"]


class TestShapesOfTheData:
    @pytest.fixture(autouse=True)
    def engine(self, gpu: Machine) -> None:
        port = Port("INT64", (-1, 2), of_data=True)
        gpu.engine = giving("y", port, np.array([[0, 1], [1, 2], [1, 0]]).tobytes(), (3, 2))

    def test_memory_and_shape_come_by_the_allocator(self, gpu: Machine, load: Load) -> None:
        outputs = load().run(FEED)

        np.testing.assert_array_equal(outputs["y"], [[0, 1], [1, 2], [1, 0]])
        assert outputs["y"].dtype == np.int64

    def test_another_run_may_give_none(self, gpu: Machine, load: Load) -> None:
        session = load()
        session.run(FEED)
        assert gpu.engine is not None
        gpu.engine.compute = lambda fed: {"y": (b"", (0, 2))}

        assert session.run(FEED)["y"].shape == (0, 2)

    def test_a_gpu_without_room_for_it_is_told(self, gpu: Machine, load: Load) -> None:
        session = load()
        session.run(FEED)
        room = np.zeros((10_000, 2), np.int64)
        gpu.engine.compute = lambda fed: {"y": (room.tobytes(), room.shape)}  # type: ignore[union-attr]
        gpu.cuda.answers["cudaMalloc"] = (gpu.runtime.cudaError_t.cudaErrorMemoryAllocation, None)

        failure = refusal(session)

        assert failure.code is Code.BACKEND_RUN
        assert 'out of memory (error 2) for 160,000 bytes of output "y"' in failure.sentence

    def test_a_shape_that_never_comes_is_told(self, gpu: Machine, load: Load) -> None:
        session = load()
        gpu.answers["IExecutionContext.execute_async_v3"] = True

        assert 'no shape of output "y"' in refusal(session).sentence

    def test_the_shape_of_an_earlier_run_is_not_taken_for_this_ones(self, gpu: Machine, load: Load) -> None:
        session = load()
        session.run(FEED)
        gpu.answers["IExecutionContext.execute_async_v3"] = True

        assert 'no shape of output "y"' in refusal(session).sentence

    def test_an_alignment_that_cuda_does_not_promise_is_told(self, gpu: Machine, load: Load) -> None:
        def run(context: Any, stream_handle: int) -> bool:
            allocator = gpu.allocators["y"]
            assert allocator.reallocate_output("y", 0, 48, 512) == 0
            allocator.notify_shape("y", gpu.dims(3, 2))
            return True

        gpu.answers["IExecutionContext.execute_async_v3"] = run

        assert 'alignment 512 of output "y", should be at most 256' in refusal(load()).sentence

    def test_an_allocator_that_is_refused_is_told(self, gpu: Machine, load: Load) -> None:
        gpu.answers["IExecutionContext.set_output_allocator"] = False

        assert 'a refusal of an allocator for "y"' in refusal(load()).sentence


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("FLOAT", np.array([[1.5, -2.0, 3.0]], np.float32)),
        ("HALF", np.array([[1.5, -2.0, 3.0]], np.float16)),
        ("BF16", np.array([[1.5, -2.0, 3.0]], ml_dtypes.bfloat16)),
        ("FP8", np.array([[1.5, -448.0, 3.0]], ml_dtypes.float8_e4m3fn)),
        ("INT8", np.array([[1, -128, 3]], np.int8)),
        ("UINT8", np.array([[1, 255, 3]], np.uint8)),
        ("INT32", np.array([[1, -(2**31), 3]], np.int32)),
        ("INT64", np.array([[1, -(2**63), 3]], np.int64)),
        ("BOOL", np.array([[True, False, True]])),
    ],
)
def test_outputs_of_each_type(gpu: Machine, load: Load, kind: str, values: np.ndarray) -> None:
    gpu.engine = giving("y", Port(kind, (1, 3)), values.tobytes(), (1, 3))

    outputs = load().run(FEED)

    assert outputs["y"].dtype == values.dtype
    assert outputs["y"].tobytes() == values.tobytes()


@pytest.mark.parametrize(("kind", "dtype"), [("INT4", ml_dtypes.int4), ("FP4", ml_dtypes.float4_e2m1fn)])
def test_outputs_of_four_bits_lie_two_in_a_byte(gpu: Machine, load: Load, kind: str, dtype: Any) -> None:
    gpu.engine = giving("y", Port(kind, (1, 3)), bytes([0x21, 0x03]), (1, 3))

    outputs = load().run(FEED)

    expected = {"INT4": [[1, 2, 3]], "FP4": [[0.5, 1.0, 1.5]]}[kind]
    assert outputs["y"].dtype == dtype
    np.testing.assert_array_equal(outputs["y"].astype(np.float32), expected)


def test_values_that_decide_upon_shapes_stay_in_the_hosts_memory(gpu: Machine, load: Load) -> None:
    ports = {"x": Port("FLOAT", (-1, 3)), "sizes": Port("INT64", (2,), on_host=True)}
    gpu.engine = FakeEngine(ports, {"y": Port("INT64", (2,), on_host=True)}, lambda fed: {"y": fed["sizes"]})

    outputs = load().run({**FEED, "sizes": np.array([7, 9])})

    np.testing.assert_array_equal(outputs["y"], [7, 9])
    assert len(gpu.cuda.of("cudaMemcpyAsync")) == 1


def test_warnings_of_the_build_are_evidence(gpu: Machine, load: Load, tmp_path: Path) -> None:
    def warn(builder: Any, network: Any, config: Any) -> Any:
        for _ in range(2):
            gpu.say("WARNING", "Detected subnormal FP16 values.")
        gpu.say("INFO", "Total time: 3 s")
        return made_inside(gpu.trt.IHostMemory)

    gpu.answers["Builder.build_serialized_network"] = warn
    cache = tmp_path / "cache"

    built, cached = (load(cache=cache).facts().settings for _ in range(2))

    assert (built["plan_from"], cached["plan_from"]) == ("built", "cache")
    for settings in (built, cached):
        assert settings["warnings"] == 1
        assert settings["warning_1"] == "Detected subnormal FP16 values."


@pytest.mark.parametrize(
    "call",
    [
        "Runtime.deserialize_cuda_engine",
        "ICudaEngine.create_execution_context",
        "IExecutionContext.execute_async_v3",
        "EngineInspector.get_engine_information",
    ],
)
def test_warnings_outside_of_a_build_are_evidence_too(gpu: Machine, load: Load, tmp_path: Path, call: str) -> None:
    """Of an engine that somebody else built there are no others."""
    answer = gpu.answers[call]

    def warn(*given: Any, **named: Any) -> Any:
        gpu.say("WARNING", "Using an engine plan file across releases")
        return answer(*given, **named)

    gpu.answers[call] = warn
    given = tmp_path / "given.engine"
    given.write_bytes(PLAN)

    for file in (model_file(tmp_path), given):
        session = load(file)
        for _ in range(2):
            session.run(FEED)
        session.kernels()

        settings = session.facts().settings
        assert (settings["warnings"], settings["warning_1"]) == (1, "Using an engine plan file across releases")


def test_what_a_run_that_fails_warned_of_is_evidence(gpu: Machine, load: Load) -> None:
    def fail(context: Any, stream_handle: int) -> bool:
        gpu.say("WARNING", "running out of memory")
        return False

    session = load()
    gpu.answers["IExecutionContext.execute_async_v3"] = fail
    refusal(session)

    assert session.facts().settings["warning_1"] == "running out of memory"


def test_warnings_of_one_session_are_none_of_another(gpu: Machine, load: Load) -> None:
    first, second = load(), load()
    answer = gpu.answers["IExecutionContext.execute_async_v3"]

    def warn(context: Any, stream_handle: int) -> bool:
        gpu.say("WARNING", "of a run")
        return bool(answer(context, stream_handle))

    gpu.answers["IExecutionContext.execute_async_v3"] = warn
    first.run(FEED)

    assert [session.facts().settings["warnings"] for session in (first, second)] == [1, 0]


def test_warnings_of_one_build_are_bounded_and_those_of_the_next_are_its_own(gpu: Machine, load: Load) -> None:
    from pytest_qparity.backends.trt.log import LONGEST, MOST_KEPT

    def warn_by_layer(builder: Any, network: Any, config: Any) -> Any:
        for layer in range(2 * MOST_KEPT):
            gpu.say("WARNING", f"layer {layer}: {'x' * LONGEST}")
        return made_inside(gpu.trt.IHostMemory)

    def warn(builder: Any, network: Any, config: Any) -> Any:
        gpu.say("WARNING", "of the second build")
        return made_inside(gpu.trt.IHostMemory)

    gpu.answers["Builder.build_serialized_network"] = warn_by_layer
    first = load().facts().settings
    gpu.answers["Builder.build_serialized_network"] = warn
    second = load().facts().settings

    assert first["warnings"] == MOST_KEPT
    assert len(first["warning_1"]) == LONGEST + len(" …")
    assert (second["warnings"], second["warning_1"]) == (1, "of the second build")


def test_kernels_come_from_the_inspector_for_the_shapes_of_the_run(gpu: Machine, load: Load) -> None:
    assert gpu.engine is not None
    gpu.engine.inspector = '{"Layers": [{"Name": "double", "LayerType": "PointWiseV2", "Inputs": [], "Outputs": []}]}'
    session = load()
    session.run(FEED)

    kernels = session.kernels()

    assert kernels.counts == {}  # the file has no compute node
    assert "1 layers in TensorRT's engine: 1 PointWiseV2" in kernels.remarks
    assert gpu.recorder.of("EngineInspector.execution_context =")
    assert gpu.recorder.of("EngineInspector.get_engine_information") == [
        {"format": gpu.trt.LayerInformationFormat.JSON}
    ]
