"""Device memory as the driver counts it. ONNX Runtime and TensorRT tell no peak of their own."""

from __future__ import annotations

import importlib
import os
from typing import Any


class DeviceMemory:
    """What this process holds on one GPU, looked at when asked; the highest of the looks is the peak.

    Megabytes are 10**6 bytes. Where the driver does not tell processes apart (a container without the host's process
    numbers, Windows) nothing is told: what the whole GPU holds is other people's too.
    """

    def __init__(self, pci: str) -> None:
        self._pci = pci
        self._nvml: Any = None
        self._handle: Any = None
        self.peak_mb: float | None = None

    def look(self) -> None:
        used = self._used_bytes()
        if used is not None:
            self.peak_mb = max(self.peak_mb or 0.0, used / 1e6)

    def _used_bytes(self) -> int | None:
        try:
            if self._nvml is None:
                self._nvml = importlib.import_module("pynvml")
                self._nvml.nvmlInit()
                self._handle = self._nvml.nvmlDeviceGetHandleByPciBusId(self._pci)
            processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        except ImportError:
            return None
        except self._nvml.NVMLError:
            return None
        own = [process.usedGpuMemory for process in processes if process.pid == os.getpid()]
        return sum(own) if own and all(isinstance(used, int) for used in own) else None
