"""Energy that a machine took, by counters of its own: RAPL of the processors, NVML of the GPU. In joules."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

POWERCAP = Path("/sys/class/powercap")
WINDOW_S = 0.5  # RAPL counts every ms, NVML's counter moves every 20 to 100 ms


class Unreadable(Exception):  # noqa: N818
    """Why there is no figure of energy here, as one sentence without its full stop."""


class EnergyMeter(Protocol):
    method: str  # whose counters these are

    def joules(self) -> float:
        """What was taken since the meter was made. Raises Unreadable where a counter does not tell."""


@runtime_checkable
class MetersEnergy(Protocol):
    """A backend whose sessions run on a device that counts its energy. One on the CPU need not have it."""

    def energy_meter(self) -> EnergyMeter:
        """Raises Unreadable where there is nothing to read it with."""


@dataclass(slots=True)
class _Zone:
    """A counter in µJ that begins anew at 0 once it was at `greatest` (`max_energy_range_uj`)."""

    path: Path
    greatest: int
    before: int
    taken: int = 0

    def read(self) -> int:
        """µJ since the zone was opened; it must be read before the counter has gone round once (minutes at least)."""
        now = _number(self.path / "energy_uj")
        self.taken += now - self.before if now >= self.before else self.greatest - self.before + now
        self.before = now
        return self.taken


class RaplMeter:
    """All processors with what counts beside them, their memory: zones "package-…" and their parts "dram", as Linux's
    powercap has them for Intel and AMD. What else runs on the machine is in it too."""

    def __init__(self, root: Path) -> None:
        """`root`: a folder with the zones. Raises Unreadable where there are none, or they may not be read."""
        packages = [zone for zone in _zones(root) if _text(zone / "name").startswith("package-")]
        if not packages:
            raise Unreadable(f"{root} has no zone of a processor")
        memory = [zone for zone in _zones(root) if _text(zone / "name") == "dram"]
        self._zones = [
            _Zone(zone, _number(zone / "max_energy_range_uj"), _number(zone / "energy_uj"))
            for zone in (*packages, *memory)
        ]
        self.method = f"RAPL, {len(packages)} package{'s' if len(packages) > 1 else ''}{' and dram' if memory else ''}"

    def joules(self) -> float:
        return sum(zone.read() for zone in self._zones) / 1e6


class Together:
    """Several meters as one: a GPU and the processors that feed it."""

    def __init__(self, meters: Sequence[EnergyMeter]) -> None:
        self._meters = meters
        self.method = "; ".join(meter.method for meter in meters)

    def joules(self) -> float:
        return sum(meter.joules() for meter in self._meters)


def joules_per_run(run: Callable[[], object], meter: EnergyMeter) -> float:
    """Of runs one after the other for WINDOW_S, at least one; what the machine takes at rest meanwhile is in it.

    Raises Unreadable where a counter fails or stands still: so little is no measurement.
    """
    runs, before, end = 0, meter.joules(), time.monotonic() + WINDOW_S
    while runs == 0 or time.monotonic() < end:
        run()
        runs += 1
    taken = meter.joules() - before
    if not taken > 0:
        raise Unreadable(f"{meter.method}: the counter stood still over {runs} runs")
    return taken / runs


def meter_for(backend: object) -> EnergyMeter:
    """Of the device that a backend computes on, with the processors where they can be read; of one on the CPU, theirs.

    Raises Unreadable where what computes cannot be read: the processors alone are not what a run on a GPU takes.
    """
    if not isinstance(backend, MetersEnergy):
        return RaplMeter(POWERCAP)
    device = backend.energy_meter()
    try:
        return Together((device, RaplMeter(POWERCAP)))
    except Unreadable:
        return device


def _zones(root: Path) -> list[Path]:
    """ "intel-rapl:0" and "intel-rapl:0:0"; the MMIO interface ("intel-rapl-mmio:0") counts the same packages again."""
    try:
        return sorted(path for path in root.iterdir() if path.name.startswith("intel-rapl:"))
    except OSError as error:
        raise Unreadable(f"{root} cannot be read ({error.strerror})") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror})") from None


def _number(path: Path) -> int:
    text = _text(path)
    if not text.isdecimal():
        raise Unreadable(f"{path} holds {text[:20]!r}, should hold a count")
    return int(text)
