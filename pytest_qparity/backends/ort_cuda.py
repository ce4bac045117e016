"""ONNX Runtime on an NVIDIA GPU, by its CUDA provider. It computes Q/DQ pairs as floats: it has no integer kernels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_qparity.backends.cuda_driver import gpu_device
from pytest_qparity.backends.gpu import explained
from pytest_qparity.backends.nvml import NvmlEnergy, NvmlMeter
from pytest_qparity.backends.ort_device import OnnxRuntimeDeviceSession, starting
from pytest_qparity.backends.ort_libraries import missing_for
from pytest_qparity.backends.ort_session import Place, opened
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.backends.device_memory import DeviceMeter
    from pytest_qparity.backends.energy import EnergyMeter
    from pytest_qparity.backends.protocol import SessionOptions, Unavailable

PROVIDER = "CUDAExecutionProvider"
OVERRIDE = "NVIDIA_TF32_OVERRIDE"  # "0" turns TF32 off in NVIDIA's libraries, whatever they are asked for
AS_FLOAT = "ONNX Runtime's CUDA provider has no integer kernels: it dequantizes, and computes as floats"


class OnnxRuntimeCuda:
    def unavailable(self) -> Unavailable | None:
        return explained(missing_for(PROVIDER))

    def load(self, model: Path, options: SessionOptions) -> OnnxRuntimeDeviceSession:
        settings = {"device_id": "0", "use_tf32": str(int(options.tf32))}
        if options.tf32 and os.environ.get(OVERRIDE) == "0":
            raise CannotJudge(
                Failure(
                    Code.BACKEND_LOAD,
                    f'Backend "ort-cuda" got {OVERRIDE}=0 in its environment, should be without for a session in TF32.',
                    f"unset {OVERRIDE}, or leave the precision tf32 out",
                )
            )
        stated = {"tf32": "on" if options.tf32 else "off", OVERRIDE: os.environ.get(OVERRIDE, "unset")}
        place = Place(PROVIDER, gpu_device(), starting(PROVIDER, settings), stated)
        session = opened(place, model, options)
        return OnnxRuntimeDeviceSession(session, "cuda", remark=AS_FLOAT)

    def device_meter(self) -> DeviceMeter:
        return NvmlMeter()

    def energy_meter(self) -> EnergyMeter:
        return NvmlEnergy()
