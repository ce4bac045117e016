"""Memory and energy of a GPU by NVML (nvidia-ml-py): ONNX Runtime and TensorRT have no figure for their peak there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.cuda_driver import DriverError, this_driver
from pytest_qparity.backends.device_memory import DeviceReading
from pytest_qparity.backends.energy import Unreadable
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    import numpy as np


class NvmlMeter:
    """Reads the GPU that CUDA calls its first, which is not always NVML's: they are matched by UUID, so that
    CUDA_VISIBLE_DEVICES holds, and a MIG instance is meant where one is visible."""

    def __init__(self) -> None:
        """Raises CannotJudge where there is no NVML or no GPU."""
        try:
            import pynvml
        except ImportError as error:
            raise _unread(f"no nvidia-ml-py ({said_by(error)})", "pip install nvidia-ml-py") from None
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._handle = _handle_of(pynvml, this_driver().gpus[0].uuid)
        except (pynvml.NVMLError, DriverError) as error:
            raise _unread(f"{said_by(error)} from NVML", "see that nvidia-smi works on this machine") from None

    def read(self) -> DeviceReading:
        """Raises NVMLError where NVML does not tell."""
        running = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        own = [process.usedGpuMemory for process in running if process.pid == os.getpid()]
        own_bytes = own[0] if own else None  # and None where the driver does not tell it (Windows)
        used = self._nvml.nvmlDeviceGetMemoryInfo(self._handle).used
        return DeviceReading(None if own_bytes is None else own_bytes / 1e6, used / 1e6, len(running))


class NvmlEnergy:
    """What the GPU that CUDA calls its first took since this was made, all that runs on it together (Volta and newer;
    a MIG instance has no counter of its own)."""

    method = "NVML, the whole GPU"

    def __init__(self) -> None:
        """Raises Unreadable where there is no NVML, no GPU, or it does not count its energy."""
        try:
            import pynvml
        except ImportError as error:
            raise Unreadable(f"no nvidia-ml-py ({said_by(error)})") from None
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{this_driver().gpus[0].uuid}")
        except (pynvml.NVMLError, DriverError) as error:
            raise Unreadable(f"NVML has no such GPU ({said_by(error)})") from None
        self._before = self._total_mj()

    def joules(self) -> float:
        return (self._total_mj() - self._before) / 1e3

    def _total_mj(self) -> int:
        """Millijoules since the driver was loaded."""
        try:
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except self._nvml.NVMLError as error:
            raise Unreadable(f"NVML does not count this GPU's energy ({said_by(error)})") from None


def driver_version() -> str | None:
    """Of the kernel's driver, such as 580.65.06; None where NVML or its package is not here."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def told(
    held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """A worker's call: the driver and its GPUs, or {"no_gpu": why}."""
    try:
        driver = this_driver()
    except DriverError as error:
        return {"no_gpu": str(error)}, {}
    return {**driver.as_json(), "driver": driver_version() or "", "no_gpu": ""}, {}


def _handle_of(nvml: Any, identity: str) -> Any:
    """CUDA's UUID has no prefix, NVML's tells a whole GPU from an instance of one."""
    try:
        return nvml.nvmlDeviceGetHandleByUUID(f"GPU-{identity}")
    except nvml.NVMLError:
        return nvml.nvmlDeviceGetHandleByUUID(f"MIG-{identity}")


def _unread(got: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.MEMORY_UNMEASURED, f"got {got}, should be a reading of the GPU's memory", remedy))
