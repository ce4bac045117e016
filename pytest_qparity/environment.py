"""What a session ran on: versions and hardware, as they stand beside every verdict."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from pytest_qparity.hardware import this_hardware
from pytest_qparity.processor import this_processor

LIBRARIES = (
    "pytest-qparity",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
    "polygraphy",
    "nvidia-ml-py",
    "pytest",
    "pytest-benchmark",
)

_PROC_NVIDIA = Path("/proc/driver/nvidia")
_READ_BY_ENGINES = (
    "CUDA_",
    "CUDNN_",
    "GOMP_",
    "KMP_",
    "LD_",
    "MKL_",
    "NVIDIA_",
    "OMP_",
    "ONNX",
    "OPENBLAS_",
    "OPENVINO",
    "ORT_",
    "OV_",
    "TF32",
    "TRT_",
)


def environment() -> dict[str, Any]:
    """Versions of the libraries that are installed, machine, fingerprint, processor, and when this was asked."""
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "libraries": {name: version for name in LIBRARIES if (version := version_of(name)) is not None},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "hardware": this_hardware(),
        **_processor(),
    }


def version_of(library: str) -> str | None:
    """The version of a library that is installed; it is not imported."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def installed() -> dict[str, str]:
    """Every distribution that can be imported, by the name of its record: "numpy-2.3.5.dist-info". Of one that was
    installed from a folder or a repository, the content of the file that says which; "" of all others. Names of folders
    are read, and no metadata: that takes a hundred times as long."""
    found: dict[str, str] = {}
    for place in sys.path:
        folder = Path(place or ".")
        try:
            names = [name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info"))]  # noqa: PTH208
        except OSError:
            continue
        for name in names:
            origin = folder / name / "direct_url.json"
            found.setdefault(name, origin.read_text(encoding="utf-8") if origin.is_file() else "")
    return found


def engine_settings() -> dict[str, str]:
    """Environment variables that engines and their libraries read."""
    return {name: value for name, value in os.environ.items() if name.startswith(_READ_BY_ENGINES)}


def driver() -> str:
    """What NVIDIA's kernel module says of itself and its devices; empty where there is none."""
    told = [*_PROC_NVIDIA.glob("version"), *_PROC_NVIDIA.glob("gpus/*/information")]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in sorted(told))


def _processor() -> dict[str, Any]:
    """Its name, and those features that decide which quantized kernels run; nothing where the system does not tell."""
    processor = this_processor()
    told = {} if processor.features is None else {"cpu_features": list(processor.features)}
    return {"processor": processor.name, **told}


def commit_named(folder: Path, revision: str) -> str | None:
    """The commit that git takes a revision for in `folder`; None where git is absent or knows none."""
    if revision.startswith("-"):
        return None
    command = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5.0, check=False)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def commit_of(folder: Path) -> str | None:
    """The commit that is checked out around `folder`, with "-dirty" behind it where tracked files are changed; None
    where git is absent, knows of none, or takes longer than a session should wait for it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5.0, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
