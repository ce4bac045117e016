from __future__ import annotations

import pytest

from pytest_qparity.backends.device_memory import (
    OF_DEVICE,
    OF_PROCESS,
    DevicePeak,
    DeviceReading,
    MetersDevice,
    Watch,
    peak_of,
)
from pytest_qparity.verdict import CannotJudge, Code


class Meter:
    """Tells `readings` one after the other, and the last from then on."""

    def __init__(self, *readings: DeviceReading | Exception) -> None:
        self.readings = list(readings)

    def read(self) -> DeviceReading:
        told = self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]
        if isinstance(told, Exception):
            raise told
        return told


IDLE = DeviceReading(None, 500.0, 0)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param([IDLE, DeviceReading(300.0, 900.0, 1)], DevicePeak(300.0, OF_PROCESS), id="this process"),
        pytest.param(
            [IDLE, DeviceReading(300.0, 900.0, 3), DeviceReading(100.0, 990.0, 3)],
            DevicePeak(300.0, OF_PROCESS),
            id="others beside it",
        ),
        pytest.param([IDLE, DeviceReading(None, 900.0, 1)], DevicePeak(400.0, OF_DEVICE), id="one without a name"),
        pytest.param([IDLE, DeviceReading(None, 900.0, 0)], DevicePeak(400.0, OF_DEVICE), id="none listed"),
        pytest.param([IDLE, IDLE], DevicePeak(0.0, OF_DEVICE), id="nothing taken"),
    ],
)
def test_the_peak_is_of_this_process_or_else_of_a_device_that_it_has_for_itself(
    readings: list[DeviceReading], expected: DevicePeak
) -> None:
    assert peak_of(readings) == expected


def test_two_processes_that_cannot_be_told_apart_are_no_figure() -> None:
    with pytest.raises(CannotJudge, match="2 processes") as caught:
        peak_of([IDLE, DeviceReading(None, 900.0, 2)])

    assert caught.value.failure.code is Code.MEMORY_UNMEASURED


def test_a_watch_reads_before_and_whenever_asked() -> None:
    watch = Watch(Meter(IDLE, DeviceReading(300.0, 800.0, 1)))

    with watch:
        watch.read()

    assert watch.peak() == DevicePeak(300.0, OF_PROCESS)


def test_a_reading_that_failed_on_its_way_leaves_no_peak() -> None:
    watch = Watch(Meter(IDLE, RuntimeError("the GPU is lost")))

    with watch:
        watch._thread.join()  # which ends by its failure

    with pytest.raises(RuntimeError, match="lost"):
        watch.peak()


def test_a_backend_on_the_cpu_has_no_meter() -> None:
    from pytest_qparity.backends.ort import OnnxRuntimeCpu
    from pytest_qparity.backends.ort_cuda import OnnxRuntimeCuda

    assert not isinstance(OnnxRuntimeCpu(), MetersDevice)
    assert isinstance(OnnxRuntimeCuda(), MetersDevice)
