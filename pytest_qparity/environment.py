"""What a session ran on: versions and hardware, as they stand beside every verdict."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

LIBRARIES = (
    "pytest-qparity",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
    "pytest",
    "pytest-benchmark",
)
# What decides which integer kernels an engine takes on x86 and Arm.
CPU_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")


def environment() -> dict[str, Any]:
    """Versions of the libraries that are installed, the machine, its processor and when this was asked."""
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "libraries": {name: version for name in LIBRARIES if (version := version_of(name)) is not None},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        **_processor(),
    }


def version_of(library: str) -> str | None:
    """The version of a library that is installed; it is not imported."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> dict[str, Any]:
    """Model name and CPU_FEATURES of the first processor; nothing where the system does not tell."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {"processor": platform.processor()}
    first = text.partition("\n\n")[0]
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
    flags = set(facts.get("flags", facts.get("Features", "")).split())
    return {
        "processor": facts.get("model name", platform.processor()),
        "cpu_features": [feature for feature in CPU_FEATURES if feature in flags],
    }
