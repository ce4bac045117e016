from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_qparity.backends.trt.nvml import DeviceMemory

PCI = "0000:17:00.0"


class Nvml(ModuleType):
    """pynvml's names, and a driver that counts what it is told to."""

    class NVMLError(Exception):
        pass

    def __init__(self, *processes: tuple[int, int | None], failing: bool = False) -> None:
        super().__init__("pynvml")
        self.processes, self.failing = list(processes), failing

    def nvmlInit(self) -> None:  # noqa: N802
        if self.failing:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByPciBusId(self, pci: str) -> str:  # noqa: N802
        return pci

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Any]:  # noqa: N802
        assert handle == PCI
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in self.processes]


def test_the_names_are_those_of_pynvml() -> None:
    pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py comes with pytest-qparity[trt]")

    assert {name for name in vars(Nvml) if name.startswith(("nvml", "NVML"))} <= set(dir(pynvml))


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Any:
    def looked(nvml: Nvml | None) -> DeviceMemory:
        monkeypatch.setitem(sys.modules, "pynvml", nvml)
        memory = DeviceMemory(PCI)
        memory.look()
        return memory

    return looked


def test_the_peak_is_the_highest_of_the_looks_at_this_process(look: Any) -> None:
    nvml = Nvml((1, 9_000_000_000), (os.getpid(), 300_000_000))
    memory = look(nvml)
    for used in (500_000_000, 100_000_000):
        nvml.processes = [(os.getpid(), used)]
        memory.look()

    assert memory.peak_mb == 500.0


@pytest.mark.parametrize(
    "nvml",
    [
        pytest.param(None, id="not installed"),
        pytest.param(Nvml(failing=True), id="no driver"),
        pytest.param(Nvml((1, 5)), id="other processes alone"),
        pytest.param(Nvml((os.getpid(), None)), id="a process without its memory"),
    ],
)
def test_what_is_not_told_stays_unknown(look: Any, nvml: Nvml | None) -> None:
    assert look(nvml).peak_mb is None
