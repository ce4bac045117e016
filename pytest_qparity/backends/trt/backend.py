"""TensorRT as a backend: what it needs, and the way to a session. Imports nothing of TensorRT by itself."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import absent
from pytest_qparity.backends.gpu import Missing, explained, missing_device, missing_tensorrt
from pytest_qparity.backends.nvml import NvmlEnergy, NvmlMeter
from pytest_qparity.backends.protocol import Optimizer
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.backends.device_memory import DeviceMeter
    from pytest_qparity.backends.energy import EnergyMeter
    from pytest_qparity.backends.protocol import Session, SessionOptions, Unavailable

_INSTALL = 'pip install "pytest-qparity[trt]"'
_SERVED = (10, 11)  # majors whose bindings this backend is held against (tests/contract)


class Tensorrt:
    def __init__(self) -> None:
        self._log: Any = None  # one for all sessions of a process

    def unavailable(self) -> Unavailable | None:
        """All that is missing at once; None only where TensorRT, CUDA's bindings and a device are there."""
        missing = [*missing_tensorrt(), *_unserved_release(), *_missing_cuda_bindings(), *missing_device()]
        return explained(missing)

    def load(self, model: Path, options: SessionOptions) -> Session:
        """The session of an ONNX file, or of a plan (`.engine`, `.plan`)."""
        missing = self.unavailable()
        if missing is not None:
            raise absent("trt", missing)
        if options.optimizer is not Optimizer.ALL:
            raise CannotJudge(
                Failure(
                    Code.BACKEND_LOAD,
                    f'Backend "trt" got optimizer = {options.optimizer.value}, should be all: TensorRT has no switch '
                    "that leaves a graph as it is.",
                    "ask for the default optimizer; backend ort has both",
                )
            )
        from pytest_qparity.backends.trt.loading import loaded_session, new_log

        if self._log is None:
            self._log = new_log()
        return loaded_session(model, options, self._log)

    def device_meter(self) -> DeviceMeter:
        return NvmlMeter()

    def energy_meter(self) -> EnergyMeter:
        return NvmlEnergy()


def _unserved_release() -> list[Missing]:
    if missing_tensorrt():
        return []
    version = str(getattr(importlib.import_module("tensorrt"), "__version__", "of no version"))
    if version.partition(".")[0] in map(str, _SERVED):
        return []
    return [Missing(f"tensorrt {version} is installed, should be one of {_SERVED[0]}.x and {_SERVED[1]}.x", _INSTALL)]


def _missing_cuda_bindings() -> list[Missing]:
    try:
        importlib.import_module("cuda.bindings.runtime")
    except (ImportError, OSError, RuntimeError) as error:
        return [Missing(f"cuda-bindings cannot be imported ({said_by(error)})", _INSTALL)]
    return []
