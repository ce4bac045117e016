"""onnxruntime-gpu itself, where it is installed and there is no GPU: it imports, lists CUDA, and would run on the CPU.

Not a part of CI's environment, which has onnxruntime (both at once break each other): in one with
`pip install onnxruntime-gpu` these run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from pytest_qparity.backends.border import load_session
from pytest_qparity.backends.cuda_driver import DriverError, this_driver
from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.ort_device import starting
from pytest_qparity.backends.ort_libraries import missing_libraries, provider_file, tensorrt_major
from pytest_qparity.backends.ort_session import session_settings
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table, load_backend
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.backends.stand_in_driver import compiled, needs_compiler
from tests.models import mlp, save

PROVIDERS = {"ort-cuda": "CUDAExecutionProvider", "ort-tensorrt": "TensorrtExecutionProvider"}


LOADED = """
import pathlib, sys
from pytest_qparity.backends.border import load_session
from pytest_qparity.backends.ort_cuda import OnnxRuntimeCuda
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.verdict import CannotJudge
backend = OnnxRuntimeCuda()
print(backend.unavailable() or "available")
try:
    load_session(backend, "ort-cuda", pathlib.Path(sys.argv[1]), SessionOptions())
except CannotJudge as reason:
    print(reason.failure.code.code, reason.failure.sentence)
"""


def has(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def has_gpu() -> bool:
    try:
        return bool(this_driver().gpus)
    except DriverError:
        return False


pytestmark = [
    pytest.mark.skipif(
        not has("onnxruntime-gpu"), reason="onnxruntime-gpu is not installed: its own words are not tested"
    ),
    pytest.mark.skipif(has_gpu(), reason="there is a GPU: the tests marked gpu are for it"),
]


def said(name: str) -> str:
    worker = WorkerProcess(Limits())
    try:
        with pytest.raises(CannotJudge) as caught:
            EngineHost(worker, backend_table()[name]).require_available()
    finally:
        worker.close()
    assert caught.value.failure.code is Code.BACKEND_UNAVAILABLE
    return f"{caught.value.failure.sentence} {caught.value.failure.remedy}"


def test_the_cuda_backend_says_what_does_not_load() -> None:
    """CUDA comes by NVIDIA's packages (onnxruntime-gpu[cuda,cudnn]), out of which it is loaded; the driver does not."""
    text = said("ort-cuda")

    assert "no NVIDIA driver" in text
    assert ("libcublas.so.13" in text) is not has("nvidia-cublas")
    assert ("onnxruntime-gpu[cuda,cudnn]" in text) is not has("nvidia-cublas")


def test_the_tensorrt_backend_says_that_its_tensorrt_is_not_here() -> None:
    text = said("ort-tensorrt")

    assert "libnvinfer.so.10" in text
    assert 'pip install "tensorrt>=10,<11"' in text


def test_the_provider_names_the_tensorrt_that_it_takes() -> None:
    file = provider_file("TensorrtExecutionProvider")

    assert file is not None
    assert tensorrt_major(file) == "10"
    assert missing_libraries("TensorrtExecutionProvider")


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_session_all_the_same_does_not_end_on_the_cpu(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")

    with pytest.raises(Exception, match=r"should be|TensorRT") as caught:
        starting(PROVIDERS[name], {})(path, session_settings(SessionOptions()))

    assert "Falling back" not in capfd.readouterr().out
    if isinstance(caught.value, CannotJudge):
        assert "got a session with providers ['CPUExecutionProvider']" in caught.value.failure.sentence


@needs_compiler
@pytest.mark.skipif(not has("nvidia-cublas"), reason="CUDA's packages are not installed: the provider lacks more")
def test_a_driver_that_is_none_ends_in_a_refusal_and_not_on_the_cpu(tmp_path: Path) -> None:
    """All that the provider links is there, and the driver that says so cannot compute: a stand-in."""
    path = save(mlp(), tmp_path / "mlp.onnx")

    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(path)],
        env=os.environ | {"LD_LIBRARY_PATH": str(compiled(tmp_path)), "HELD": str(tmp_path / "held")},
        capture_output=True,
        text=True,
    )

    assert (
        done.stdout == "available\nQP-BACKEND-002 got a session with providers ['CPUExecutionProvider'], should be "
        "'CUDAExecutionProvider'\n"
    )


@pytest.mark.parametrize("name", PROVIDERS)
def test_loading_without_asking_is_refused(name: str, tmp_path: Path) -> None:
    backend = load_backend(backend_table()[name])

    with pytest.raises(CannotJudge) as caught:
        load_session(backend, name, save(mlp(), tmp_path / "mlp.onnx"), SessionOptions())

    assert caught.value.failure.code is Code.BACKEND_LOAD


def test_the_cpu_provider_of_this_package_is_a_backend_like_any_other(tmp_path: Path) -> None:
    session = load_backend(backend_table()["ort"]).load(save(mlp(), tmp_path / "mlp.onnx"), SessionOptions())

    assert session.facts().strayed == 0
    assert session.facts().proven
