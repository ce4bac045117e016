from __future__ import annotations

import ctypes
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.trt.backend import Tensorrt
from pytest_qparity.verdict import CannotJudge, Code

BACKENDS = {"trt": Tensorrt}
PROVIDERS = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


class Driver:
    """A libcuda that answers `status` and finds `devices`."""

    def __init__(self, devices: int, status: int = 0) -> None:
        self.devices, self.status = devices, status

    def cuInit(self, flags: int) -> int:  # noqa: N802 - the driver's name
        return self.status

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802 - the driver's name
        count._obj.value = self.devices
        return 0


class Machine:
    """What is installed on a machine, put in the place of what is installed on this one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.packages({"onnxruntime-gpu": "1.31.0"})
        self.modules({"onnxruntime": self.runtime(PROVIDERS), "tensorrt": self.tensorrt("11.4.0.106")})
        self.modules({name: ModuleType(name) for name in ("cuda", "cuda.bindings", "cuda.bindings.runtime")})
        self.libraries({"libcuda.so.1": Driver(1), "libnvinfer.so.10": object()})

    def packages(self, versions: dict[str, str]) -> None:
        def version(name: str) -> str:
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        self._monkeypatch.setattr(metadata, "version", version)

    def modules(self, modules: dict[str, ModuleType | None]) -> None:
        for name, module in modules.items():
            self._monkeypatch.setitem(sys.modules, name, module)
        self._monkeypatch.setattr(
            "importlib.util.find_spec", lambda name: None if sys.modules.get(name) is None else object()
        )

    def libraries(self, libraries: dict[str, Any]) -> None:
        def load(name: str) -> Any:
            if name not in libraries:
                raise OSError(f"{name}: cannot open shared object file")
            return libraries[name]

        self._monkeypatch.setattr(ctypes, "CDLL", load)

    @staticmethod
    def tensorrt(version: str) -> ModuleType:
        module = ModuleType("tensorrt")
        module.__version__ = version  # type: ignore[attr-defined]
        return module

    @staticmethod
    def runtime(providers: list[str]) -> ModuleType:
        module = ModuleType("onnxruntime")
        module.__version__ = "1.31.0"  # type: ignore[attr-defined]
        module.get_available_providers = lambda: providers  # type: ignore[attr-defined]
        return module


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.mark.parametrize("name", BACKENDS)
def test_loading_anyway_ends_in_a_refusal_and_not_on_the_cpu(machine: Machine, name: str) -> None:
    machine.libraries({})

    with pytest.raises(CannotJudge) as caught:
        BACKENDS[name]().load(Path("model.onnx"), SessionOptions())

    assert caught.value.failure.code is Code.BACKEND_UNAVAILABLE


WITHOUT_A_GPU = pytest.mark.parametrize(
    ("libraries", "said"),
    [
        pytest.param({}, "no NVIDIA driver", id="no driver"),
        pytest.param({"libcuda.so.1": Driver(0)}, "finds no GPU", id="no GPU"),
        pytest.param({"libcuda.so.1": Driver(0, status=999)}, "error 999", id="the driver fails"),
        pytest.param({"libcuda.so.1": Driver(0, status=100)}, "finds no GPU", id="no device"),
    ],
)


@pytest.mark.parametrize("name", BACKENDS)
@WITHOUT_A_GPU
def test_a_machine_without_a_gpu_says_so(machine: Machine, name: str, libraries: dict[str, Any], said: str) -> None:
    machine.libraries(libraries)

    unavailable = BACKENDS[name]().unavailable()

    assert said in unavailable.reason
    assert "NVIDIA GPU" in unavailable.remedy


def test_without_the_tensorrt_package_its_extra_is_named(machine: Machine) -> None:
    machine.modules({"tensorrt": None})

    unavailable = Tensorrt().unavailable()

    assert "tensorrt is not installed" in unavailable.reason
    assert "pytest-qparity[trt]" in unavailable.remedy


def test_bindings_without_libnvinfer_say_so(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tensorrt.py").write_text("raise ImportError('libnvinfer.so.11: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.delitem(sys.modules, "tensorrt")

    unavailable = Tensorrt().unavailable()

    assert "libnvinfer does not load" in unavailable.reason


def test_all_that_is_missing_is_said_at_once(machine: Machine) -> None:
    machine.modules({"tensorrt": None, "cuda.bindings.runtime": None})
    machine.libraries({})

    unavailable = Tensorrt().unavailable()

    assert "tensorrt is not installed; cuda-bindings cannot be imported" in unavailable.reason
    assert "; there is no NVIDIA driver" in unavailable.reason
    assert unavailable.remedy.count("pytest-qparity[trt]") == 1


def test_tensorrt_works_where_it_and_cuda_bindings_and_a_gpu_are_there(machine: Machine) -> None:
    assert Tensorrt().unavailable() is None


@pytest.mark.parametrize(
    ("version", "is_served"), [("10.16.1.11", True), ("11.4.0.106", True), ("9.3.0", False), ("1", False)]
)
def test_tensorrt_10_and_11_are_served(machine: Machine, version: str, is_served: bool) -> None:
    machine.modules({"tensorrt": Machine.tensorrt(version)})

    unavailable = Tensorrt().unavailable()

    assert (unavailable is None) == is_served
    assert is_served or f"tensorrt {version} is installed, should be one of 10.x and 11.x" in str(unavailable)
