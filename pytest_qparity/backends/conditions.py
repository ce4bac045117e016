"""What a machine was like while something was timed on it: who else computed, how fast its clock ran."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_THROTTLE_COUNTS = "cpu[0-9]*/thermal_throttle/core_throttle_count"
_CPUS = Path("/sys/devices/system/cpu")
MHZ_EVERY_S = 0.1


@dataclass(slots=True)
class Observer:
    """Looks at the machine from `begun` on; `seen` tells what it saw. `used_s`: processor time of what is timed, which
    is not others'.

    Figures that this system does not tell are left out. `look` is for moments in which nothing is timed.
    """

    mhz: list[float] = field(default_factory=list)
    used_s: Callable[[], float] = time.process_time
    _started: float = 0.0
    _looked: float = 0.0
    _used_s: float = 0.0
    _machine: tuple[float, float] = (0.0, 0.0)
    _throttled: int | None = None

    @classmethod
    def begun(cls, used_s: Callable[[], float] = time.process_time) -> Observer:
        observer = cls(used_s=used_s, _used_s=used_s(), _machine=_machine_s(), _throttled=_throttle_count())
        observer._started = time.perf_counter()
        observer._see_mhz()
        return observer

    def look(self) -> None:
        if time.perf_counter() - self._looked >= MHZ_EVERY_S:
            self._see_mhz()

    def seen(self) -> dict[str, Any]:
        """`cpus`: that this process may use; `load`: runnable processes, the last minute; `others_percent`: of all CPU
        time, what other processes took, and `stolen_percent` what the host gave to other machines; `throttled`: times
        that a core was slowed down for its heat."""
        self._see_mhz()
        elapsed = time.perf_counter() - self._started
        busy, stolen = (now - then for now, then in zip(_machine_s(), self._machine, strict=True))
        whole = max(elapsed * (os.cpu_count() or 1), 1e-9)
        others = busy - (self.used_s() - self._used_s)
        told: dict[str, Any] = {
            "cpus": _usable_cpus(),
            "others_percent": round(min(max(100.0 * others / whole, 0.0), 100.0), 1),
            "stolen_percent": round(min(max(100.0 * stolen / whole, 0.0), 100.0), 1),
        }
        if hasattr(os, "getloadavg"):
            told["load"] = round(os.getloadavg()[0], 2)
        if self.mhz:
            told |= {"cpu_mhz_low": round(min(self.mhz)), "cpu_mhz_high": round(max(self.mhz))}
        throttled = _throttle_count()
        if throttled is not None and self._throttled is not None:
            told["throttled"] = throttled - self._throttled
        return told

    def _see_mhz(self) -> None:
        mhz = _mhz()
        if mhz is not None:
            self.mhz.append(mhz)
        self._looked = time.perf_counter()


def drift_percent(times_ms: Any) -> float | None:
    """100 · (median of the last quarter / median of the first quarter − 1) of times in their order, float64 (calls,);
    None of fewer than 16 calls. Positive: it became slower."""
    import numpy as np

    quarter = len(times_ms) // 4
    if quarter < 4:
        return None
    first, last = float(np.median(times_ms[:quarter])), float(np.median(times_ms[-quarter:]))
    return round(100.0 * (last / first - 1.0), 1) if first > 0 else None


def _usable_cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _machine_s() -> tuple[float, float]:
    """Seconds that all CPUs were busy, and that they were taken from this machine by its host, since it was started."""
    import psutil

    times = psutil.cpu_times()
    busy = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
    return busy, getattr(times, "steal", 0.0)


def _mhz() -> float | None:
    """The mean over the CPUs now; None where the system does not tell."""
    import psutil

    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError, AttributeError, RuntimeError):
        return None
    return float(frequency.current) if frequency is not None and frequency.current > 0 else None


def _throttle_count() -> int | None:
    try:
        counts = [int(path.read_text()) for path in _CPUS.glob(_THROTTLE_COUNTS)]
    except (OSError, ValueError):
        return None
    return sum(counts) if counts else None
