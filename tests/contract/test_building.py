"""From an ONNX file to an engine, on recording fakes of both releases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.backends.engine_options import EngineOptions
from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.backends.shapes import InputShapes
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.contract.fakes import made_inside
from tests.contract.machine import PLAN, Machine, model_file

Load = Callable[..., Any]


def refusal(load: Load, **options: Any) -> Failure:
    with pytest.raises(CannotJudge) as caught:
        load(**options)
    return caught.value.failure


def flags(gpu: Machine, name: str) -> list[str]:
    return [call["flag"].name for call in gpu.recorder.of(f"IBuilderConfig.{name}")]


def test_networks_are_strongly_typed(gpu: Machine, load: Load) -> None:
    load()

    asked = gpu.recorder.of("Builder.create_network")
    strongly_typed = 1 << int(gpu.trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    assert asked == [{"flags": strongly_typed if gpu.release == "10.16" else 0}]


def test_no_flag_of_precision_is_set(gpu: Machine, load: Load) -> None:
    load()

    assert flags(gpu, "set_flag") == ["STRICT_NANS"]
    assert flags(gpu, "clear_flag") == ["TF32", "REFIT", "VERSION_COMPATIBLE"]


def test_tf32_is_on_where_it_is_asked_for_alone(gpu: Machine, load: Load) -> None:
    asked = load(tf32=True).facts().settings

    assert "TF32" in flags(gpu, "set_flag")
    assert (asked["tf32"], load().facts().settings["tf32"]) == ("on", "off")


def test_a_flag_that_cannot_be_chosen_is_told(gpu: Machine, load: Load) -> None:
    gpu.answers["IBuilderConfig.get_flag"] = True

    failure = refusal(load)

    assert failure.code is Code.BACKEND_LOAD
    assert "TF32 on, should be off" in failure.sentence


def test_the_configuration_is_what_the_facts_say(gpu: Machine, load: Load) -> None:
    settings = load().facts().settings

    assert gpu.recorder.of("IBuilderConfig.builder_optimization_level =") == [
        {"value": settings["builder_optimization_level"]}
    ]
    assert gpu.recorder.of("IBuilderConfig.profiling_verbosity =") == [{"value": gpu.trt.ProfilingVerbosity.DETAILED}]
    assert not gpu.recorder.of("IBuilderConfig.set_memory_pool_limit")
    assert settings["workspace_mb"] == "all of the GPU"


def test_what_a_case_says_of_the_engine_reaches_the_configuration_and_the_facts(gpu: Machine, load: Load) -> None:
    settings = load(engine=EngineOptions(512, 5, strict_nans=False)).facts().settings

    (limit,) = gpu.recorder.of("IBuilderConfig.set_memory_pool_limit")
    assert limit == {"pool": gpu.trt.MemoryPoolType.WORKSPACE, "pool_size": 512_000_000}
    assert gpu.recorder.of("IBuilderConfig.builder_optimization_level =") == [{"value": 5}]
    assert "STRICT_NANS" in flags(gpu, "clear_flag")
    stated = {key: settings[key] for key in ("workspace_mb", "builder_optimization_level", "strict_nans")}
    assert stated == {"workspace_mb": 512, "builder_optimization_level": 5, "strict_nans": "off"}


def test_the_file_itself_is_parsed_so_that_external_data_are_found(gpu: Machine, load: Load, tmp_path: Path) -> None:
    load()

    assert gpu.recorder.of("OnnxParser.parse_from_file") == [{"model": str(tmp_path / "double.onnx")}]


def test_every_error_of_the_parser_is_told(gpu: Machine, load: Load) -> None:
    gpu.answers |= {
        "OnnxParser.parse_from_file": False,
        "OnnxParser.num_errors": 4,
        "OnnxParser.get_error": lambda _, index: made_inside(gpu.trt.ParserError),
        "ParserError.node_name": "/conv/QuantizeLinear",
        "ParserError.node_operator": "QuantizeLinear",
        "ParserError.desc": "zero point must be zero,\n  got 128",
    }

    failure = refusal(load)

    assert failure.code is Code.BACKEND_LOAD
    assert "4 errors of its ONNX parser from double.onnx" in failure.sentence
    assert "node /conv/QuantizeLinear (QuantizeLinear): zero point must be zero, got 128" in failure.sentence
    assert f"qparity lint double.onnx --target trt{gpu.release.partition('.')[0]}" in failure.remedy


def test_a_node_without_a_name_is_told_by_its_number(gpu: Machine, load: Load) -> None:
    gpu.answers |= {
        "OnnxParser.parse_from_file": False,
        "OnnxParser.num_errors": 1,
        "OnnxParser.get_error": lambda _, index: made_inside(gpu.trt.ParserError),
        "ParserError.node": 12,
        "ParserError.desc": "no importer",
    }

    assert "node 12: no importer" in refusal(load).sentence


def test_errors_of_the_parser_count_though_it_says_that_all_is_well(gpu: Machine, load: Load) -> None:
    gpu.answers |= {
        "OnnxParser.num_errors": 1,
        "OnnxParser.get_error": lambda _, index: made_inside(gpu.trt.ParserError),
    }

    assert "1 errors" in refusal(load).sentence


def test_a_build_without_an_engine_says_where_it_ended_and_why(gpu: Machine, load: Load) -> None:
    def fail(builder: Any, network: Any, config: Any) -> None:
        config.progress_monitor.phase_start("Building engine", None, 4)
        config.progress_monitor.phase_start("Timing", "Building engine", 9)
        config.progress_monitor.phase_finish("Timing")
        assert config.progress_monitor.step_complete("Building engine", 1) is True
        gpu.say("ERROR", "Could not find any implementation\nfor node double.")

    gpu.answers["Builder.build_serialized_network"] = fail

    failure = refusal(load)

    assert failure.code is Code.BACKEND_LOAD
    assert "no engine of double.onnx (Building engine (2 of 4 steps))" in failure.sentence
    assert '"Could not find any implementation for node double."' in failure.sentence


def test_how_far_a_build_is_reaches_whoever_watches(gpu: Machine, tmp_path: Path) -> None:
    def build(builder: Any, network: Any, config: Any) -> Any:
        config.progress_monitor.phase_start("Building engine", None, 4)
        for step in range(4):  # in far less time than INTERVAL_S: one of five is told
            assert config.progress_monitor.step_complete("Building engine", step) is True
        return made_inside(gpu.trt.IHostMemory)

    gpu.answers["Builder.build_serialized_network"] = build
    heard: list[tuple[str, str]] = []
    host = EngineHost(InProcess(Limits(), lambda *said: heard.append(said)), backend_table()["trt"])

    host.load(model_file(tmp_path), SessionOptions(shapes={"x": InputShapes((1, 3), (4, 3), (4, 3))}))

    work = 'Backend "trt" with double.onnx'
    assert heard == [(work, "Building engine (0 of 4 steps)"), (work, "")]


class TestShapes:
    def test_the_profile_is_over_the_shapes_of_the_case(self, gpu: Machine, load: Load) -> None:
        settings = load(shapes={"x": InputShapes((1, 3), (8, 3), (9, 3))}).facts().settings

        (asked,) = gpu.recorder.of("IOptimizationProfile.set_shape")
        sizes = [tuple(asked[name]._arguments["shape"]) for name in ("min", "opt", "max")]
        assert (asked["input"], sizes) == ("x", [(1, 3), (8, 3), (9, 3)])
        assert len(gpu.recorder.of("IBuilderConfig.add_optimization_profile")) == 1
        assert settings["profile"] == "x 1x3 to 9x3"

    def test_a_network_of_fixed_shapes_gets_none(self, gpu: Machine, load: Load) -> None:
        gpu.answers["INetworkDefinition.get_input"] = lambda _, index: gpu.tensor("x", (4, 3))

        load(shapes={})

        assert not gpu.recorder.of("IBuilderConfig.add_optimization_profile")

    def test_an_open_input_of_unknown_shapes_is_told(self, gpu: Machine, load: Load) -> None:
        assert 'input "x" of shape (-1, 3) without shapes to build for' in refusal(load, shapes={}).sentence

    @pytest.mark.parametrize(
        "shapes",
        [InputShapes((1, 4), (2, 4), (2, 4)), InputShapes((3,), (3,), (3,)), InputShapes((1, 3), (2, 3), (2, 5))],
    )
    def test_shapes_that_the_input_cannot_have_are_told(self, gpu: Machine, load: Load, shapes: InputShapes) -> None:
        assert 'for input "x", should get (-1, 3)' in refusal(load, shapes={"x": shapes}).sentence

    def test_a_profile_that_tensorrt_refuses_is_told(self, gpu: Machine, load: Load) -> None:
        gpu.answers["IBuilderConfig.add_optimization_profile"] = -1

        assert "a refusal of the optimization profile x 1x3 to 4x3" in refusal(load).sentence

    def test_an_input_whose_values_decide_upon_shapes_is_told(self, gpu: Machine, load: Load) -> None:
        gpu.answers["INetworkDefinition.get_input"] = lambda _, index: gpu.tensor("x", (2,), decides_shapes=True)

        assert 'input "x", whose values decide upon shapes' in refusal(load).sentence


def test_a_plan_of_another_release_says_what_tensorrt_says(gpu: Machine, load: Load, tmp_path: Path) -> None:
    said = (
        "The engine plan file is not compatible with this version of TensorRT, expecting library version 11.4 got 10.9"
    )

    def refuse(runtime: Any, serialized_engine: bytes) -> None:
        gpu.say("ERROR", said)

    gpu.answers["Runtime.deserialize_cuda_engine"] = refuse
    given = tmp_path / "given.engine"
    given.write_bytes(PLAN)

    failure = refusal(load, file=given)

    assert failure.code is Code.BACKEND_LOAD
    assert said in failure.sentence
    assert f"build it with TensorRT {gpu.trt.__version__} on this GPU" in failure.remedy


def test_a_plan_of_another_gpu_is_refused_though_tensorrt_only_warns(gpu: Machine, load: Load) -> None:
    def warn(runtime: Any, serialized_engine: bytes) -> Any:
        gpu.say("WARNING", "Using an engine plan file across different models of devices is not recommended")
        return made_inside(gpu.trt.ICudaEngine)

    gpu.answers["Runtime.deserialize_cuda_engine"] = warn

    assert "should be a plan for this model of GPU" in refusal(load).sentence


@pytest.mark.parametrize("in_this_read", [False, True])
def test_a_plan_of_another_gpu_is_refused_whatever_was_warned_of_before(
    gpu: Machine, load: Load, *, in_this_read: bool
) -> None:
    from pytest_qparity.backends.trt.log import LONGEST, MOST_KEPT

    load()  # from here on there is a log

    def warn_much() -> None:
        for number in range(MOST_KEPT):
            gpu.say("WARNING", f"warning {number}")

    def warn(runtime: Any, serialized_engine: bytes) -> Any:
        if in_this_read:
            warn_much()
        where = "x" * LONGEST
        gpu.say("WARNING", f"{where}: Using an engine plan file across different models of devices is not recommended")
        return made_inside(gpu.trt.ICudaEngine)

    if not in_this_read:
        warn_much()
    gpu.answers["Runtime.deserialize_cuda_engine"] = warn

    assert "should be a plan for this model of GPU" in refusal(load).sentence


def test_a_given_plan_is_loaded_and_nothing_is_built(gpu: Machine, load: Load, tmp_path: Path) -> None:
    given = tmp_path / "given.engine"
    given.write_bytes(b"somebody's plan")

    facts = load(given).facts()

    assert not gpu.recorder.of("Builder.__init__")
    assert gpu.recorder.of("Runtime.deserialize_cuda_engine") == [{"serialized_engine": b"somebody's plan"}]
    assert (facts.settings["plan_from"], facts.settings["tf32"]) == ("file", "not known")


def test_no_context_is_told(gpu: Machine, load: Load) -> None:
    gpu.answers["ICudaEngine.create_execution_context"] = None

    assert "no execution context" in refusal(load).sentence


def test_tensors_that_are_not_linear_are_refused(gpu: Machine, load: Load) -> None:
    gpu.answers["ICudaEngine.get_tensor_format"] = gpu.trt.TensorFormat.CHW32

    assert 'tensor "x" as FLOAT in format' in refusal(load).sentence


def test_an_engine_with_other_outputs_than_the_file_is_refused(gpu: Machine, load: Load) -> None:
    assert gpu.engine is not None
    gpu.engine.outputs["z"] = gpu.engine.outputs.pop("y")

    assert "an engine with outputs ['z'], should have ['y']" in refusal(load).sentence


def test_leaving_the_graph_as_it_is_is_refused(gpu: Machine, load: Load) -> None:
    assert "optimizer = off, should be all" in refusal(load, optimizer=Optimizer.OFF).sentence


def test_a_release_that_is_not_served_is_no_backend(gpu: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_qparity.backends.trt.backend import Tensorrt

    monkeypatch.setattr(gpu.trt, "__version__", "9.3.0")

    unavailable = Tensorrt().unavailable()

    assert unavailable is not None
    assert "tensorrt 9.3.0 is installed, should be one of 10.x and 11.x" in unavailable.reason


def test_where_all_is_there_the_backend_works(gpu: Machine) -> None:
    from pytest_qparity.backends.trt.backend import Tensorrt

    assert Tensorrt().unavailable() is None


def test_without_cuda_bindings_it_says_so(gpu: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    from pytest_qparity.backends.trt.backend import Tensorrt

    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)

    unavailable = Tensorrt().unavailable()

    assert unavailable is not None
    assert "cuda-bindings cannot be imported" in unavailable.reason
    assert "pytest-qparity[trt]" in unavailable.remedy
    with pytest.raises(CannotJudge) as caught:
        Tensorrt().load(model_file(tmp_path), SessionOptions())
    assert caught.value.failure.code is Code.BACKEND_UNAVAILABLE
