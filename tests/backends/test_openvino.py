from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import openvino
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.backends.openvino import OpenVinoCpu
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import checked, inputs_for_mlp, mlp, save

if TYPE_CHECKING:
    from pathlib import Path


def casts_to(element_type: int, path: Path) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], ["y"], to=element_type)],
        "cast",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", element_type, ["N", 4])],
    )
    return save(checked(graph, 19), path)


def test_settings_are_read_back_from_the_engine(tmp_path: Path) -> None:
    settings = OpenVinoCpu().load(save(mlp(), tmp_path / "mlp.onnx"), SessionOptions()).facts().settings

    assert settings["inference_precision"] == "f32"
    assert settings["performance_hint"] == "LATENCY"
    assert (settings["threads"], settings["streams"], settings["pinned"]) == (1, 1, 0)
    assert str(settings["executed_types"]).startswith("f32 ")


def test_a_large_product_is_computed_in_float32_and_not_in_bfloat16(tmp_path: Path) -> None:
    """bfloat16 keeps 8 bits: its error here is above 1e-3, that of float32 below 1e-5."""
    weights = np.random.default_rng(5).standard_normal((256, 64)).astype(np.float32) / 16
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 256])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(weights, "w")],
    )
    session = OpenVinoCpu().load(save(checked(graph, 17), tmp_path / "product.onnx"), SessionOptions())
    x = inputs_for_mlp(8, features=256)

    np.testing.assert_allclose(session.run({"x": x})["y"], x.astype(np.float64) @ weights, rtol=0, atol=1e-5)


def test_a_precision_that_is_not_taken_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")
    compile_model = openvino.Core.compile_model

    def otherwise(core: Any, model: Any, device: str, config: dict[str, Any]) -> Any:
        return compile_model(core, model, device, config | {"INFERENCE_PRECISION_HINT": "bf16"})

    monkeypatch.setattr(openvino.Core, "compile_model", otherwise)

    with pytest.raises(CannotJudge, match=r"inference precision bf16, .*should be .*inference precision f32") as caught:
        OpenVinoCpu().load(path, SessionOptions())

    assert caught.value.failure.code is Code.BACKEND_LOAD


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EXECUTION_DEVICES", ["GPU.0"], "device GPU.0"),
        ("EXECUTION_DEVICES", ["CPU", "GPU.0"], "device CPU, GPU.0"),
        ("NUM_STREAMS", 4, "streams 4"),
        ("INFERENCE_NUM_THREADS", 4, "threads 4"),
    ],
)
def test_what_the_engine_made_of_the_options_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, said: str
) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")
    get_property = openvino.CompiledModel.get_property
    monkeypatch.setattr(
        openvino.CompiledModel,
        "get_property",
        lambda model, asked: value if asked == name else get_property(model, asked),
    )

    with pytest.raises(CannotJudge, match=f"got a session with .*{said}.*should be device CPU"):
        OpenVinoCpu().load(path, SessionOptions())


def test_more_threads_than_the_engine_takes_are_refused(tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")

    with pytest.raises(CannotJudge, match="threads 100000"):
        OpenVinoCpu().load(path, SessionOptions(threads=100_000))


@pytest.mark.parametrize(
    ("element_type", "dtype"),
    [
        (TensorProto.FLOAT16, np.dtype(np.float16)),
        (TensorProto.BFLOAT16, np.dtype(ml_dtypes.bfloat16)),
        (TensorProto.DOUBLE, np.dtype(np.float64)),
        (TensorProto.INT64, np.dtype(np.int64)),
        (TensorProto.BOOL, np.dtype(np.bool_)),
    ],
    ids=str,
)
def test_outputs_have_the_type_of_the_file(tmp_path: Path, element_type: int, dtype: np.dtype) -> None:
    session = OpenVinoCpu().load(casts_to(element_type, tmp_path / "cast.onnx"), SessionOptions())
    x = np.array([[0, 1, -3, 100]], np.float32)

    y = session.run({"x": x})["y"]

    assert y.dtype == dtype
    np.testing.assert_array_equal(y, x.astype(dtype))


def test_an_output_type_that_numpy_would_misread_is_refused(tmp_path: Path) -> None:
    path = casts_to(TensorProto.FLOAT8E4M3FN, tmp_path / "cast.onnx")

    with pytest.raises(CannotJudge, match='output "y" of type f8e4m3'):
        OpenVinoCpu().load(path, SessionOptions())


def test_an_input_type_that_numpy_does_not_have_is_refused(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)],
        "cast",
        [helper.make_tensor_value_info("x", TensorProto.BFLOAT16, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
    )
    path = save(checked(graph, 17), tmp_path / "cast.onnx")

    with pytest.raises(CannotJudge, match='input "x" of type bf16'):
        OpenVinoCpu().load(path, SessionOptions())


def test_without_openvino_the_backend_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)

    unavailable = OpenVinoCpu().unavailable()

    assert unavailable is not None
    assert "cannot be imported" in unavailable.reason
    assert "pytest-qparity[openvino]" in unavailable.remedy


def test_without_a_cpu_device_the_backend_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino.Core, "available_devices", [])

    unavailable = OpenVinoCpu().unavailable()

    assert unavailable is not None
    assert "should find CPU" in unavailable.reason
