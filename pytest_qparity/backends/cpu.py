"""What the CPU is: kernels choose by its features, so the same file can give other outputs on another machine."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

# U8S8 kernels saturate in int16 on x64 without VNNI; bf16, fp16 and AMX change what an engine does by default.
_TELLING = (
    *("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16"),
    *("asimddp", "i8mm", "bf16", "sve"),
)


@functools.cache
def cpu_device() -> str:
    """ "AMD EPYC (avx2, avx512f, avx512_vnni)": the model and those of its features that change quantized kernels."""
    try:
        return described_cpu(Path("/proc/cpuinfo").read_text())
    except OSError:
        return described_cpu("")


def described_cpu(cpuinfo: str) -> str:
    """The same from the text of /proc/cpuinfo; without it, what Python knows and no features."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip().lower(), value.strip())
    name = fields.get("model name") or platform.processor() or platform.machine() or "CPU"
    present = fields.get("flags", fields.get("features", "")).split()
    features = [feature for feature in _TELLING if feature in present]
    return f"{name} ({', '.join(features)})" if features else f"{name} (features unknown)"
