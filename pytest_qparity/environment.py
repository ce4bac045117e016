"""What a session ran on: versions and hardware, as they stand beside every verdict."""

from __future__ import annotations

import datetime
import hashlib
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
# By who reads them, each with the page that names some.
_READ_BY_ENGINES = (
    "ORT_",  # ONNX Runtime, and "ONNX": onnxruntime.ai/docs/execution-providers
    "ONNX",
    "OPENVINO",  # OpenVINO: docs.openvino.ai, and its own options of old, OV_…
    "OV_",
    "ONEDNN_",  # oneDNN, in both engines' CPU kernels: "CPU Dispatcher Control"; DNNL_ up to its version 2
    "DNNL_",
    "TBB_",  # oneTBB, OpenVINO's threads: "Configuring the Memory Allocator"
    "HWLOC_",  # which processors oneTBB sees: open-mpi.org/projects/hwloc/doc, "Environment Variables"
    "GOMP_",  # GCC's OpenMP: gcc.gnu.org/onlinedocs/libgomp, "Environment Variables"
    "KMP_",  # LLVM's and Intel's OpenMP: openmp.llvm.org/design/Runtimes.html
    "OMP_",
    "MKL_",  # oneMKL's developer guide, "Environment Variables for Threading Control"
    "OPENBLAS_",  # OpenBLAS, in NumPy: openmathlib.org/OpenBLAS/docs/runtime_variables; GOTO_ of old
    "GOTO_",
    "CUDA_",  # docs.nvidia.com/cuda/cuda-c-programming-guide, "CUDA Environment Variables"
    "CUBLAS",  # and CUBLASLT_: docs.nvidia.com/cuda/cublas
    "CUDNN_",  # docs.nvidia.com/deeplearning/cudnn
    "NVIDIA_",  # NVIDIA_TF32_OVERRIDE, and what a container is given of a GPU
    "TF32",
    "TRT_",  # TensorRT
    "LD_",  # which libraries are loaded: man 8 ld.so
    "DYLD_",
    "GLIBC_",  # where memory comes from: gnu.org/software/libc/manual, "Tunables" and "Malloc Tunable Parameters"
    "MALLOC_",
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
    """Every distribution that can be imported, by the name of its record: "numpy-2.3.5.dist-info". Of each the digest
    of what its installer recorded of its files: one version may be built in two ways. Of one that was installed from a
    folder or a repository, the content of the file that says which as well. No metadata are parsed: that takes long."""
    found: dict[str, str] = {}
    for place in sys.path:
        folder = Path(place or ".")
        try:
            names = [name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info"))]  # noqa: PTH208
        except OSError:
            continue
        for name in names:
            if name not in found:
                origin = folder / name / "direct_url.json"
                found[name] = _recorded(folder / name) + (origin.read_text("utf-8") if origin.is_file() else "")
    return found


def _recorded(record: Path) -> str:
    """SHA-256 over what RECORD says of a distribution's own files; "" where it has none. Scripts, which name the Python
    that they are for, bytecode and what the installer added are left out: they differ from machine to machine."""
    try:
        lines = (record / "RECORD").read_bytes().splitlines()
    except OSError:
        return ""
    own = (
        line for line in lines if not line.startswith(b"../") and b".dist-info/" not in line and b".pyc," not in line
    )
    return hashlib.sha256(b"\n".join(sorted(own))).hexdigest()


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
