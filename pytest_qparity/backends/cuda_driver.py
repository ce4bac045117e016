"""The NVIDIA driver by its own C interface (cuda.h): which GPUs there are. It needs no package."""

from __future__ import annotations

import ctypes
import re
import uuid
from dataclasses import asdict, dataclass
from typing import Any

LIBRARY = "libcuda.so.1"
_NO_GPU = "the NVIDIA driver finds no GPU"
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
_NAME_BYTES = 256
_MAJOR, _MINOR = 75, 76  # CUdevice_attribute: compute capability


@dataclass(frozen=True, slots=True)
class Gpu:
    """`uuid` as NVML writes it, without its "GPU-" or "MIG-"; memory in 10**6 bytes."""

    name: str
    capability: str
    memory_mb: float
    uuid: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Driver:
    """`cuda`: the newest CUDA that the driver runs, such as 13.0. GPUs in the order of CUDA's own numbers."""

    cuda: str
    gpus: tuple[Gpu, ...]

    @property
    def device(self) -> str:
        """The first GPU, as the facts of a session say it: "NVIDIA H100 (compute 9.0, driver CUDA 13.0)". Backends run
        on it, and on no other."""
        first = self.gpus[0]
        return f"{first.name} (compute {first.capability}, driver CUDA {self.cuda})"

    def as_json(self) -> dict[str, Any]:
        return {"cuda": self.cuda, "gpus": [gpu.as_json() for gpu in self.gpus]}


class DriverError(Exception):
    """The driver is not there, or answers with an error."""


def hardware_of(device: str) -> str:
    """What of a session's device is hardware: the driver is none, and another one next month."""
    return re.sub(r", driver CUDA [^)]*", "", device)


def require_gpu() -> None:
    """Raises DriverError where there is no driver, or no GPU."""
    _counted()


def this_driver() -> Driver:
    """Raises DriverError where there is none, or no GPU."""
    library, count = _counted()
    version = ctypes.c_int(0)
    _ask(library, "cuDriverGetVersion", ctypes.byref(version))
    gpus = tuple(_gpu(library, number) for number in range(count))
    return Driver(version_text(version.value), gpus)


def gpu_device() -> str:
    return this_driver().device


def version_text(number: int) -> str:
    """CUDA's 13040 as 13.4."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _counted() -> tuple[Any, int]:
    """The driver's library, and how many GPUs it finds: one at least."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        raise DriverError(f"there is no NVIDIA driver ({LIBRARY} does not load)") from None
    count = ctypes.c_int(0)
    _ask(library, "cuInit", ctypes.c_uint(0))
    _ask(library, "cuDeviceGetCount", ctypes.byref(count))
    if count.value < 1:
        raise DriverError(_NO_GPU)
    return library, count.value


def _gpu(library: Any, number: int) -> Gpu:
    device, memory, identity = ctypes.c_int(0), ctypes.c_size_t(0), (ctypes.c_ubyte * 16)()
    name = ctypes.create_string_buffer(_NAME_BYTES)
    _ask(library, "cuDeviceGet", ctypes.byref(device), ctypes.c_int(number))
    _ask(library, "cuDeviceGetName", name, ctypes.c_int(_NAME_BYTES), device)
    _ask(library, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    _ask(library, "cuDeviceGetUuid_v2", ctypes.byref(identity), device)
    capability = [_attribute(library, which, device) for which in (_MAJOR, _MINOR)]
    return Gpu(
        name.value.decode(errors="replace"),
        f"{capability[0]}.{capability[1]}",
        memory.value / 1e6,
        str(uuid.UUID(bytes=bytes(identity))),
    )


def _attribute(library: Any, which: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int(0)
    _ask(library, "cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(which), device)
    return value.value


def _ask(library: Any, function: str, *arguments: Any) -> None:
    status = getattr(library, function)(*arguments)
    if status == _NO_DEVICE:
        raise DriverError(_NO_GPU)
    if status != 0:
        raise DriverError(f"the NVIDIA driver answers {function} with error {status}")
