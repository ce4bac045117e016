"""Memory of a device while a variant is loaded and run: the highest of many readings. Megabytes are 10**6 bytes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from types import TracebackType

INTERVAL_S = 0.005
OF_PROCESS = "of this process"
OF_DEVICE = "of the whole device, above what it held before"


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """`own_mb`: what this process holds, None where the driver does not name it (it may know processes by the numbers
    of the host, which are others inside a container). `all_mb`: what is held on the device. `processes`: that compute
    there, as far as the driver lists them."""

    own_mb: float | None
    all_mb: float
    processes: int


class DeviceMeter(Protocol):
    def read(self) -> DeviceReading:
        """Raises where the driver does not tell."""


@runtime_checkable
class MetersDevice(Protocol):
    """A backend whose sessions take memory of a device. One that computes on the CPU need not have it."""

    def device_meter(self) -> DeviceMeter:
        """Raises CannotJudge where there is nothing to read it with."""


@dataclass(frozen=True, slots=True)
class DevicePeak:
    peak_mb: float
    method: str


def peak_of(readings: Sequence[DeviceReading]) -> DevicePeak:
    """The most that this process held of the device; `readings[0]` is from before the variant was loaded.

    Where the driver does not name this process: the most that the device held above the first reading, as long as it
    lists no second process that may have taken some of it. Raises CannotJudge otherwise.
    """
    own = [reading.own_mb for reading in readings if reading.own_mb is not None]
    if own:
        return DevicePeak(max(own), OF_PROCESS)
    most = max(reading.processes for reading in readings)
    if most > 1:
        raise CannotJudge(
            Failure(
                Code.MEMORY_UNMEASURED,
                f"got {most} processes on the device, none of them known as this one; should be this one alone",
                "let nothing else run on the device, or give the container the host's process numbers (--pid=host)",
            )
        )
    return DevicePeak(max(reading.all_mb for reading in readings) - readings[0].all_mb, OF_DEVICE)


class Watch:
    """Reads a meter at the start, every INTERVAL_S in a thread of its own, whenever asked, and at the end.

    What an engine holds for less than the interval may be missed; what ONNX Runtime's arena or a TensorRT context takes
    stays until the session is closed.
    """

    def __init__(self, meter: DeviceMeter) -> None:
        self._meter = meter
        self._ended = threading.Event()
        self._failed: Exception | None = None
        self._readings: list[DeviceReading] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self.read()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def read(self) -> None:
        self._readings.append(self._meter.read())

    def peak(self) -> DevicePeak:
        """Raises what a reading raised: a peak that may have been missed is none."""
        if self._failed is not None:
            raise self._failed
        return peak_of(self._readings)

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL_S) and self._read_or_remember():
            pass

    def _read_or_remember(self) -> bool:
        try:
            self.read()
        except Exception as error:  # noqa: BLE001  raised again by `peak`, where it is told
            self._failed = error
        return self._failed is None
