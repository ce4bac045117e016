"""An engine that somebody built, given by a case: from the case file to preflight's verdict, on recording fakes."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.digest import bytes_digest
from pytest_qparity.gate.judging import judge
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.verdict import Code, Outcome, Verdict
from pytest_qparity.worker.protocol import Isolation
from tests.contract.machine import PLAN, FakeEngine, Machine, Port
from tests.e2e.projects import write_project

CASE = """
model = "models/mlp.onnx"
{top}
[data]
test = "data/test.npz"
batch = 40

[precisions.{name}]
file = "models/given.engine"
{more}
"""


def layer(name: str, takes: str, kind: str = "gemm", **more: Any) -> dict[str, Any]:
    tensor = {"Name": "t", "Dimensions": [1, 8], "Format/Datatype": takes}
    return {"Name": name, "LayerType": kind, "Inputs": [tensor], "Outputs": [tensor], **more}


def mlp_engine(inspector: str, dtype: str = "FLOAT", name: str = "input") -> FakeEngine:
    """Gives no bits twice, as an int8 engine gives others than FP32's."""
    runs = itertools.count(1)

    def compute(fed: Any) -> Any:
        content, shape = fed[name]
        values = np.frombuffer(content, np.float32).reshape(shape)[:, :4] * np.float32(1 + next(runs) / 1000)
        return {"logits": (np.ascontiguousarray(values).tobytes(), values.shape)}

    return FakeEngine({name: Port(dtype, (-1, 16))}, {"logits": Port("FLOAT", (-1, 4))}, compute, inspector)


INT8 = json.dumps({"Layers": [layer("first", "Int8"), layer("second", "Int8"), layer("relu", "Float", "PointWiseV2")]})
FP16 = json.dumps({"Layers": [layer("first", "Half"), layer("second", "Half")]})
MOVED = json.dumps({"Layers": [layer("move", "Int8", "Reformat"), layer("first", "Float"), layer("second", "Float")]})
NAMES = json.dumps({"Layers": ["first", "second"]})

Running = Callable[..., RunMaterial]
Preflight = Callable[..., Verdict]


@pytest.fixture
def running(gpu: Machine, tmp_path: Path) -> Iterator[Running]:
    gpu.answers["INetworkDefinition.get_input"] = lambda _, index: gpu.tensor("input", (-1, 16))
    with contextlib.ExitStack() as closing:

        def run_of(
            engine: FakeEngine, name: str = "int8", *, top: str = "", more: str = "", backend: str = "trt"
        ) -> RunMaterial:
            gpu.engine = engine
            case_file = write_project(tmp_path, CASE.format(name=name, top=top, more=more))
            (tmp_path / "cases/models/given.engine").write_bytes(PLAN)
            settings = dataclasses.replace(
                gate.default_settings(tmp_path), isolation=Isolation.NONE, canaries=gate.Canaries()
            )
            material = closing.enter_context(contextlib.closing(gate.CaseMaterial(load_case(case_file), settings, "x")))
            return closing.enter_context(contextlib.closing(RunMaterial(material, backend, name)))

        yield run_of


@pytest.fixture
def preflight(running: Running) -> Preflight:
    return lambda *given, **named: judge(running(*given, **named), "preflight")


def codes(verdict: Verdict) -> list[Code]:
    return [failure.code for failure in verdict.failures]


def test_the_inspector_proves_what_a_file_would(gpu: Machine, preflight: Preflight) -> None:
    verdict = preflight(mlp_engine(INT8), more="min_quantized = 1.0")

    assert (verdict.outcome, verdict.failures) == (Outcome.PASS, ())
    evidence = verdict.evidence
    assert (evidence["proven_by"], evidence["nodes"], evidence["quantized_nodes"]) == ("engine inspector", 3, 2)
    assert evidence["kernels"] == "2/2 MatMul int8"
    assert not {"opset", "bad_scales"} & evidence.keys()
    plans = [call["serialized_engine"] for call in gpu.recorder.of("Runtime.deserialize_cuda_engine")]
    assert plans[0] == PLAN


def test_a_float_engine_proves_its_type_too(preflight: Preflight) -> None:
    assert preflight(mlp_engine(FP16), "fp16").outcome is Outcome.PASS
    verdict = preflight(mlp_engine(INT8), "fp16")
    assert codes(verdict) == [Code.PREFLIGHT_NOT_QUANTIZED]


@pytest.mark.parametrize(("inspector", "name"), [(FP16, "int8"), (MOVED, "int8"), (INT8, "fp8"), (INT8, "nvfp4")])
def test_an_engine_without_a_layer_in_the_precision_is_none(preflight: Preflight, inspector: str, name: str) -> None:
    assert Code.PREFLIGHT_NOT_QUANTIZED in codes(preflight(mlp_engine(inspector), name))


def test_an_engine_that_tells_names_alone_proves_nothing(preflight: Preflight) -> None:
    verdict = preflight(mlp_engine(NAMES))

    assert codes(verdict) == [Code.PREFLIGHT_KERNELS_UNTOLD]
    assert "nothing else proves that it is int8" in verdict.failures[0].sentence
    assert "ProfilingVerbosity.DETAILED" in verdict.failures[0].remedy


@pytest.mark.parametrize("engine", [mlp_engine(INT8, dtype="HALF"), mlp_engine(INT8, name="x")])
def test_other_inputs_than_the_float_models_are_told(preflight: Preflight, engine: FakeEngine) -> None:
    verdict = preflight(engine)

    assert codes(verdict) == [Code.VARIANT_INTERFACE]
    assert "should be the float model's {'input': 'float32'}" in verdict.failures[0].sentence


def test_another_backend_says_that_it_loads_none(preflight: Preflight) -> None:
    verdict = preflight(mlp_engine(INT8), backend="ort")

    assert codes(verdict) == [Code.VARIANT_PLAN]
    said = "x:8: int8: got given.engine, an engine that TensorRT built, should be an ONNX file: this backend loads no"
    assert verdict.failures[0].sentence == f"{said} other."
    assert "judge the engine on trt" in verdict.failures[0].remedy


def test_no_check_for_any_cpu_and_no_emulation_opens_it(preflight: Preflight) -> None:
    assert preflight(mlp_engine(INT8), top='cpu = "any"').outcome is Outcome.PASS
    # TensorRT has no MXFP4, which would be lowered to float operators were it an ONNX file.
    assert Code.PREFLIGHT_NOT_QUANTIZED in codes(preflight(mlp_engine(INT8), "mxfp4"))


def test_what_it_warns_of_in_a_later_check_lands_beside_that_verdict(gpu: Machine, running: Running) -> None:
    run = running(mlp_engine(INT8))
    answer = gpu.answers["IExecutionContext.execute_async_v3"]

    def warn(context: Any, stream_handle: int) -> bool:
        gpu.say("WARNING", "of a run")
        return bool(answer(context, stream_handle))

    assert judge(run, "preflight").outcome is Outcome.PASS
    before = run.provenance()["engine"]
    gpu.answers["IExecutionContext.execute_async_v3"] = warn
    run.session.run({"input": np.zeros((40, 16), np.float32)})
    after = run.provenance()["engine"]
    run.session.close()

    assert before["settings"]["warnings"] == 0
    assert after["settings"]["warning_1"] == "of a run"
    assert {**after, "settings": None} == {**before, "settings": None}
    assert run.provenance()["engine"] == before


def test_an_empty_file_is_told_before_anything_loads(gpu: Machine, tmp_path: Path, preflight: Preflight) -> None:
    from pytest_qparity.case.plan_file import read_plan_file
    from pytest_qparity.verdict import CannotJudge

    (tmp_path / "a.engine").write_bytes(b"")
    with pytest.raises(CannotJudge, match=r"a\.engine: got an empty file, should be a TensorRT engine"):
        read_plan_file(tmp_path / "a.engine")
    (tmp_path / "a.engine").write_bytes(PLAN)
    assert read_plan_file(tmp_path / "a.engine").digest == bytes_digest(PLAN)
