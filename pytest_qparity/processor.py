"""What the processor is, and those of its features that decide which quantized kernels an engine takes.

The only place that says so: the same file can give other outputs, and other times, on another processor.
"""

from __future__ import annotations

import functools
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# U8S8 kernels saturate in int16 on x64 without VNNI; Arm has its dot products and matrix products (asimddp, i8mm);
# bf16, fp16 and AMX change what an engine does by default.
TELLING = (
    *("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16"),
    *("asimddp", "i8mm", "bf16", "sve"),
)
_MODEL = (
    *("cpu family", "model", "stepping"),
    *("cpu implementer", "cpu architecture", "cpu variant", "cpu part", "cpu revision"),
)


@dataclass(frozen=True, slots=True)
class Processor:
    """`features`: those of TELLING that it has; None where the system does not tell."""

    name: str
    features: tuple[str, ...] | None

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "features": "unknown" if self.features is None else list(self.features)}


@functools.cache
def this_processor() -> Processor:
    """The first processor of this machine."""
    try:
        return described(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return described("")


def described(cpuinfo: str) -> Processor:
    """The same from the text of /proc/cpuinfo; without it, what Python knows of the name."""
    fields = _first(cpuinfo)
    stated = fields.get("flags", fields.get("features"))
    features = None if stated is None else tuple(each for each in TELLING if each in stated.split())
    return Processor(fields.get("model name") or platform.processor() or platform.machine() or "CPU", features)


def processor_model(cpuinfo: str) -> str:
    """Numbers of the design, "6-167-1", which tell apart what clouds call by one name; empty where nobody tells them.

    x64: family, model, stepping. Arm: implementer, architecture, variant, part, revision.
    """
    fields = _first(cpuinfo)
    return "-".join(fields[key] for key in _MODEL if key in fields)


def _first(cpuinfo: str) -> dict[str, str]:
    """What /proc/cpuinfo says of its first processor."""
    fields: dict[str, str] = {}
    for line in cpuinfo.partition("\n\n")[0].splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip().lower(), value.strip())
    return fields
