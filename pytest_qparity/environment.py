"""What a session ran on: versions and hardware, as they stand beside every verdict."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
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


def _processor() -> dict[str, Any]:
    """Its name, and those features that decide which quantized kernels run; nothing where the system does not tell."""
    processor = this_processor()
    told = {} if processor.features is None else {"cpu_features": list(processor.features)}
    return {"processor": processor.name, **told}


def commit_of(folder: Path) -> str | None:
    """The commit that is checked out around `folder`, with "-dirty" behind it where tracked files are changed; None
    where git is absent, knows of none, or takes longer than a session should wait for it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5.0, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
