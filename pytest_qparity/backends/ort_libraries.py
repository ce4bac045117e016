"""What ONNX Runtime's GPU providers link, and which of it is not here.

A provider is a shared library of its own. Where something that it links does not load, ONNX Runtime writes a line to
stderr and goes on without the provider; asked before, it is one sentence. The provider itself is never loaded for it:
it calls into its host while it is loaded, and there is none outside of a session.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import io
import re
import subprocess
from pathlib import Path
from typing import Any

from pytest_qparity.backends.gpu import Missing, missing_device, missing_provider

PROVIDER_FILES = {
    "CUDAExecutionProvider": "libonnxruntime_providers_cuda.so",
    "TensorrtExecutionProvider": "libonnxruntime_providers_tensorrt.so",
}
_DRIVER = "libcuda.so.1"  # `missing_device` tells of it
_NOT_FOUND = re.compile(r"^\s*(\S+) => not found$", re.MULTILINE)
_TENSORRT = re.compile(rb"lib(?:nvinfer|nvonnxparser)\.so\.(\d+)\0")
_TENSORRT_FOLDERS = ("tensorrt_libs", "tensorrt_cu13_libs", "tensorrt_cu12_libs")  # of NVIDIA's packages
_CUDA_INSTALL = 'pip install "onnxruntime-gpu[cuda,cudnn]"'


def missing_for(provider: str) -> list[Missing]:
    """All that a provider needs of this machine and that is not here."""
    return [*(missing_provider(provider) or missing_libraries(provider)), *missing_device()]


def missing_libraries(provider: str) -> list[Missing]:
    """Libraries that the provider links and that do not load, all at once. None where they cannot be listed (ldd)."""
    file = provider_file(provider)
    if file is None:
        return []
    _preload()
    needed = [name for name in _not_found(file) if name != _DRIVER]
    tensorrt = [name for name in needed if name.startswith(("libnvinfer", "libnvonnxparser"))]
    others = [name for name in needed if name not in tensorrt and not _loads(name)]
    missing = [Missing(f"{', '.join(others)} {_does(others)} not load", _CUDA_INSTALL)] if others else []
    unloaded = [name for name in tensorrt if not _loads(name)]
    if unloaded:
        missing.append(_without_tensorrt(unloaded, tensorrt_major(file)))
    return missing


def provider_file(provider: str) -> Path | None:
    """The provider's shared library, where the package has it."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "capi" / PROVIDER_FILES[provider]
    return file if file.is_file() else None


def tensorrt_major(file: Path) -> str:
    """The major version of TensorRT that a provider links, by the name of the library in it."""
    found = _TENSORRT.search(file.read_bytes())
    return found[1].decode() if found else "10"


def _without_tensorrt(names: list[str], major: str) -> Missing:
    other = next((str(each) for each in range(int(major) + 3, 7, -1) if _loads(f"libnvinfer.so.{each}")), None)
    beside = f" (TensorRT {other} is here, ONNX Runtime's provider takes {major} alone)" if other else ""
    remedy = f'pip install "tensorrt>={major},<{int(major) + 1}"'
    return Missing(f"{', '.join(names)} {_does(names)} not load{beside}", remedy)


def _does(names: list[str]) -> str:
    return "does" if len(names) == 1 else "do"


def _not_found(file: Path) -> list[str]:
    """What the dynamic linker does not find for a shared library; it is not loaded for it."""
    try:
        listed = subprocess.run(["ldd", str(file)], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []  # no ldd: ONNX Runtime itself will refuse, and say less
    return list(dict.fromkeys(_NOT_FOUND.findall(listed.stdout)))


def _loads(name: str) -> bool:
    """Whether a library loads by its name, or out of NVIDIA's packages; it then is found by name from here on."""
    for candidate in (name, *(str(folder / name) for folder in _tensorrt_folders())):
        with contextlib.suppress(OSError):
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
            return True
    return False


def _tensorrt_folders() -> list[Path]:
    specs = [importlib.util.find_spec(name) for name in _TENSORRT_FOLDERS]
    return [Path(place) for spec in specs if spec is not None for place in spec.submodule_search_locations or ()]


def _preload() -> None:
    """Let ONNX Runtime load CUDA and cuDNN out of NVIDIA's packages; what it prints of failures is told here."""
    runtime: Any = importlib.import_module("onnxruntime")
    if hasattr(runtime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):
            runtime.preload_dlls()
