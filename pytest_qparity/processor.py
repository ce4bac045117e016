"""What the processor is, and those of its features that decide which quantized kernels an engine takes.

The only place that says so: the same file can give other outputs, and other times, on another processor.
"""

from __future__ import annotations

import functools
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# U8S8 kernels saturate in int16 on x64 without VNNI; Arm has its dot products and matrix products (asimddp, i8mm);
# bf16, fp16 and AMX change what an engine does by default.
TELLING = (
    *("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16"),
    *("asimddp", "i8mm", "bf16", "sve"),
)
_NAME = ("model name", "machdep.cpu.brand_string", "processornamestring")
_MODEL = (
    *("cpu family", "model", "stepping"),
    *("cpu implementer", "cpu architecture", "cpu variant", "cpu part", "cpu revision"),
    *("machdep.cpu.family", "machdep.cpu.model", "machdep.cpu.stepping", "hw.cpufamily", "hw.cpusubfamily"),
    "identifier",
)
# macOS tells of Arm's by these names. Of x64's it leaves out VNNI: there they are not known, rather than absent.
_APPLE = "hw.optional.arm.feat_"
_OF_APPLE = {"asimddp": "dotprod", "i8mm": "i8mm", "bf16": "bf16", "sve": "sve"}
_CPUINFO = Path("/proc/cpuinfo")
_SYSCTL = ("/usr/sbin/sysctl", "machdep.cpu", "hw.cpufamily", "hw.cpusubfamily", "hw.optional")
_REGISTRY = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"


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
    return described(processor_text())


def processor_text() -> str:
    """What the system says of its processors in lines of "key: value": Linux's /proc/cpuinfo, macOS's sysctl, Windows'
    registry. Empty where it says nothing."""
    try:
        return _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return told_by(_SYSCTL) if platform.system() == "Darwin" else _registry()


def told_by(command: Sequence[str]) -> str:
    """What a command prints, whatever its exit status: sysctl ends with 1 where it does not know one of several keys,
    and prints the others. Empty where there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=5.0, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")


def _registry() -> str:
    if sys.platform == "win32":
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _REGISTRY) as key:
                told = {name: winreg.QueryValueEx(key, name)[0] for name in ("ProcessorNameString", "Identifier")}
        except OSError:
            return ""
        return "\n".join(f"{name}: {value}" for name, value in told.items())
    return ""


def described(text: str) -> Processor:
    """The same from `processor_text`; without it, what Python knows of the name."""
    fields = _first(text)
    name = next((fields[key] for key in _NAME if fields.get(key)), "")
    return Processor(name or platform.processor() or platform.machine() or "CPU", _features(fields))


def _features(fields: dict[str, str]) -> tuple[str, ...] | None:
    stated = fields.get("flags", fields.get("features"))
    if stated is not None:
        return tuple(each for each in TELLING if each in stated.split())
    if any(key.startswith(_APPLE) for key in fields):
        return tuple(each for each in TELLING if fields.get(f"{_APPLE}{_OF_APPLE.get(each)}") == "1")
    return None


def processor_model(text: str) -> str:
    """Numbers of the design, "6-167-1", which tell apart what clouds call by one name; empty where nobody tells them.

    x64: family, model, stepping. Arm: implementer, architecture, variant, part, revision; of Apple's, its family.
    """
    fields = _first(text)
    return "-".join(fields[key] for key in _MODEL if key in fields)


def _first(text: str) -> dict[str, str]:
    """What `processor_text` says of the first processor."""
    fields: dict[str, str] = {}
    for line in text.partition("\n\n")[0].splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip().lower(), value.strip())
    return fields
