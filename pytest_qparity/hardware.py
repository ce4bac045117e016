"""The fingerprint of hardware: budgets in milliseconds or joules count only on that for which they were written.

The only place that makes one. It holds what decides how fast the same program is and what an operating system tells
without rights: the processor with its model numbers and telling features, how many cores may be used, and the device
that computes, where that is another. It holds no versions, no clock rates and no load: those vary on one machine, and
stand beside a verdict.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import platform
import re
from pathlib import Path

from pytest_qparity.processor import described, processor_model, processor_text

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # version 2 of cgroups: "<microseconds> <period>", or "max <period>"
_DIGITS = 8
_LONGEST_NAME = 40
_SAYS_NOTHING = frozenset({"r", "tm", "cpu", "processor", "with", "at"})


@functools.cache
def this_hardware(device: str = "") -> str:
    """Fingerprint of this machine; of `device` in it, as a session's facts name it, where it is not its processor.

    "intel-xeon-2c-1f0a93d2": a name to read, the cores that may be used, and the beginning of the SHA-256 of all.
    """
    return fingerprint(processor_text(), usable_cores(), device)


def fingerprint(told: str, cores: int, device: str = "") -> str:
    """The same from `processor_text`, which may be empty."""
    processor = described(told)
    features = "unknown" if processor.features is None else ",".join(processor.features)
    parts = (platform.machine(), processor.name, processor_model(told), features, str(cores), device)
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]
    return f"{_readable(device or processor.name)}-{cores}c-{digest}"


def usable_cores(quota: Path = _QUOTA) -> int:
    """Cores that this process may use: of its affinity, and of its container's share of time, rounded up."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    allowed, _, period = _read(quota).strip().partition(" ")
    if allowed.isdecimal() and period.isdecimal() and int(period) > 0:
        cores = min(cores, max(1, math.ceil(int(allowed) / int(period))))
    return cores


def _readable(name: str) -> str:
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word and word not in _SAYS_NOTHING]
    return "-".join(words)[:_LONGEST_NAME].rstrip("-") or "hardware"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
