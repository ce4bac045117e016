"""What ONNX Runtime's GPU backends say of a machine, with what is installed put in the place of what is here."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from pytest_qparity.backends import ort_libraries, ort_tensorrt
from pytest_qparity.backends.border import absent, load_session
from pytest_qparity.backends.engine_options import EngineOptions
from pytest_qparity.backends.gpu import Missing
from pytest_qparity.backends.onnx_kernels import read_graph
from pytest_qparity.backends.ort_cuda import OVERRIDE, OnnxRuntimeCuda
from pytest_qparity.backends.ort_libraries import missing_libraries, tensorrt_major
from pytest_qparity.backends.ort_tensorrt import OnnxRuntimeTensorrt, builder_flags, engine_settings
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.shapes import InputShapes
from pytest_qparity.verdict import CannotJudge, Code
from tests.backends.quantized import cnn
from tests.backends.stand_in_driver import linked, needs_compiler
from tests.backends.test_gpu import WITHOUT_A_GPU, Machine
from tests.models import mlp, save

BACKENDS = {"ort-cuda": OnnxRuntimeCuda, "ort-tensorrt": OnnxRuntimeTensorrt}
PROVIDERS = {"ort-cuda": "CUDAExecutionProvider", "ort-tensorrt": "TensorrtExecutionProvider"}

names = pytest.mark.parametrize("name", BACKENDS)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A GPU, a driver, onnxruntime-gpu, and all that its providers link."""
    monkeypatch.setenv(OVERRIDE, os.environ.get(OVERRIDE, ""))  # put back what a backend makes of it
    monkeypatch.setattr(ort_libraries, "provider_file", lambda provider: None)
    return Machine(monkeypatch)


@names
def test_where_all_is_there_it_works(machine: Machine, name: str) -> None:
    assert BACKENDS[name]().unavailable() is None


@names
@WITHOUT_A_GPU
def test_a_machine_without_a_gpu_says_so(machine: Machine, name: str, libraries: dict[str, object], said: str) -> None:
    machine.libraries(libraries)

    unavailable = BACKENDS[name]().unavailable()

    assert unavailable is not None
    assert said in unavailable.reason
    assert "NVIDIA GPU" in unavailable.remedy
    assert unavailable.waivable
    assert f'run = "{name}-*"' in absent(name, unavailable).failure.remedy


@names
def test_the_cpu_package_of_onnxruntime_lacks_the_provider(machine: Machine, name: str) -> None:
    machine.packages({"onnxruntime": "1.32.0"})
    machine.modules({"onnxruntime": Machine.runtime(["CPUExecutionProvider"])})

    unavailable = BACKENDS[name]().unavailable()

    assert unavailable is not None
    assert f"onnxruntime 1.31.0 has no {PROVIDERS[name]}" in unavailable.reason
    assert "pytest-qparity[ort-gpu]" in unavailable.remedy


@names
def test_both_packages_of_onnxruntime_at_once_are_one_error(machine: Machine, name: str) -> None:
    machine.packages({"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.0"})

    unavailable = BACKENDS[name]().unavailable()

    assert unavailable is not None
    assert unavailable.reason.startswith("onnxruntime and onnxruntime-gpu are both installed")
    assert ";" not in unavailable.reason
    assert "pip uninstall onnxruntime onnxruntime-gpu" in unavailable.remedy


@names
def test_without_onnxruntime_the_extra_is_named(machine: Machine, name: str) -> None:
    machine.packages({})
    machine.modules({"onnxruntime": None})

    unavailable = BACKENDS[name]().unavailable()

    assert unavailable is not None
    assert "onnxruntime-gpu cannot be imported" in unavailable.reason
    assert "pytest-qparity[ort-gpu]" in unavailable.remedy


def test_the_tensorrt_backend_turns_tf32_off_before_anything_is_loaded(machine: Machine) -> None:
    os.environ[OVERRIDE] = "1"

    OnnxRuntimeTensorrt().unavailable()

    assert os.environ[OVERRIDE] == "0"


def test_tf32_is_refused_where_it_cannot_be_had(machine: Machine, tmp_path: Path) -> None:
    model = save(mlp(), tmp_path / "mlp.onnx")
    os.environ[OVERRIDE] = "0"

    for name, backend in BACKENDS.items():
        with pytest.raises(CannotJudge, match=r"tf32|TF32") as caught:
            load_session(backend(), name, model, SessionOptions(tf32=True))
        assert caught.value.failure.code is Code.BACKEND_LOAD


EMPTY = "int qparity_stand_in(void) { return 0; }\n"


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shared library that links libnvinfer.so.10 and a part of CUDA, none of which is anywhere."""
    source = tmp_path / "empty.c"
    source.write_text(EMPTY)
    beside = [linked(tmp_path / name, source) for name in ("libnvinfer.so.10", "libqparity_cublas.so.13")]
    library = linked(tmp_path / "libprovider.so", source, *beside)
    for each in beside:
        each.unlink()
    monkeypatch.setattr(ort_libraries, "provider_file", lambda _: library)
    monkeypatch.setattr(ort_libraries, "_preload", lambda: None)
    return library


@needs_compiler
def test_libraries_that_a_provider_links_are_named_all_at_once(provider: Path) -> None:
    assert tensorrt_major(provider) == "10"
    assert missing_libraries("TensorrtExecutionProvider") == [
        Missing("libqparity_cublas.so.13 does not load", 'pip install "onnxruntime-gpu[cuda,cudnn]"'),
        Missing("libnvinfer.so.10 does not load", 'pip install "tensorrt>=10,<11"'),
    ]


@needs_compiler
def test_a_tensorrt_of_another_major_version_is_told(
    provider: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages").mkdir()
    linked(tmp_path / "packages" / "libnvinfer.so.11", tmp_path / "empty.c")
    monkeypatch.setattr(ort_libraries, "_tensorrt_folders", lambda: [tmp_path / "packages"])

    *_, tensorrt = missing_libraries("TensorrtExecutionProvider")

    assert (
        "libnvinfer.so.10 does not load (TensorRT 11 is here, ONNX Runtime's provider takes 10 alone)" in tensorrt.what
    )


@needs_compiler
def test_libraries_of_nvidias_packages_count_as_there(
    provider: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages").mkdir()
    for name in ("libnvinfer.so.10", "libqparity_cublas.so.13"):
        linked(tmp_path / "packages" / name, tmp_path / "empty.c")
    monkeypatch.setattr(ort_libraries, "_tensorrt_folders", lambda: [tmp_path / "packages"])

    assert missing_libraries("TensorrtExecutionProvider") == []


def typed(element_type: int) -> object:
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], ["h"], to=element_type), helper.make_node("Cast", ["h"], ["y"], to=1)],
        "casts",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param(mlp(), set(), id="float32"),
        pytest.param(typed(TensorProto.FLOAT16), {"trt_fp16_enable"}, id="float16"),
        pytest.param(typed(TensorProto.BFLOAT16), {"trt_bf16_enable"}, id="bfloat16"),
        pytest.param(typed(TensorProto.INT8), set(), id="a cast to int8 is no quantization"),
        pytest.param(cnn(), {"trt_int8_enable"}, id="Q/DQ pairs"),
    ],
)
def test_the_builder_is_allowed_the_types_of_the_file_and_no_others(model: object, expected: set[str]) -> None:
    flags = builder_flags(model)  # type: ignore[arg-type]

    assert {name for name, value in flags.items() if value == "1"} == expected
    assert flags.keys() == {"trt_fp16_enable", "trt_bf16_enable", "trt_int8_enable"}


def key(path: Path, device: str = "GPU", version: str = "10.16.1", **settings: str) -> str:
    return ort_tensorrt._key(path, read_graph(path), device, version, settings)


def test_engines_of_other_bytes_or_versions_have_a_folder_of_their_own(tmp_path: Path) -> None:
    """The provider would take them: it names engines by the graph's structure."""
    path, other = save(mlp(), tmp_path / "mlp.onnx"), save(mlp(seed=9), tmp_path / "other" / "mlp.onnx")

    keys = {
        key(path),
        key(other),
        key(path, "another GPU"),
        key(path, version="10.16.2"),
        key(path, trt_fp16_enable="1"),
    }

    assert len(keys) == 5
    assert key(path) == key(path)


def test_external_weights_are_bytes_of_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "mlp.onnx"
    onnx.save(mlp(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    before = key(path)

    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"\xff" + weights.read_bytes()[1:])

    assert key(path) != before


def test_what_a_case_says_of_the_engine_is_in_the_providers_names() -> None:
    assert engine_settings(EngineOptions(512, 5)) == {
        "trt_max_workspace_size": "512000000",
        "trt_builder_optimization_level": "5",
    }
    assert engine_settings(EngineOptions()) == {}


def test_the_shapes_of_a_case_become_the_range_of_one_engine() -> None:
    shapes = {"a": InputShapes((1, 3), (8, 3), (8, 3)), "b": InputShapes((1,), (8,), (9,))}

    assert ort_tensorrt._profile(shapes) == {
        "trt_profile_min_shapes": "a:1x3,b:1",
        "trt_profile_opt_shapes": "a:8x3,b:8",
        "trt_profile_max_shapes": "a:8x3,b:9",
    }
    assert ort_tensorrt._profile({}) == {}
