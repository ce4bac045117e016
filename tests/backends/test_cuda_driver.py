"""NVIDIA's driver and NVML, asked through a dynamic linker: here of stand-ins, since there is no GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_qparity.backends import cuda_driver
from pytest_qparity.backends.cuda_driver import Driver, DriverError, Gpu, this_driver
from tests.backends.stand_in_driver import compiled, needs_compiler

METER = """
import os, pathlib, sys
held = pathlib.Path(os.environ["HELD"])
from pytest_qparity.backends.nvml import NvmlMeter, driver_version
from pytest_qparity.backends.device_memory import DeviceReading
meter = NvmlMeter()
held.write_text("0 0 500")
assert meter.read() == DeviceReading(None, 500.0, 0), meter.read()
held.write_text(f"{os.getpid()} 321 900")
assert meter.read() == DeviceReading(321.0, 900.0, 1), meter.read()
held.write_text("1 321 900")
assert meter.read() == DeviceReading(None, 900.0, 1), meter.read()
assert driver_version() == "580.65.06"
"""
ENERGY = """
import os, pathlib
held = pathlib.Path(os.environ["HELD"])
held.write_text("0 0 500")
from pytest_qparity.backends.nvml import NvmlEnergy
meter = NvmlEnergy()
assert meter.joules() == 0.0, meter.joules()
held.write_text("0 0 2750")
assert meter.joules() == 2.25, meter.joules()
"""


@needs_compiler
def test_a_gpu_is_told_by_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_driver, "LIBRARY", str(compiled(tmp_path) / "libcuda.so.1"))

    gpu = Gpu("Stand-in GPU 40", "9.0", 24_000.0, "00112233-4455-6677-8899-aabbccddeeff")
    assert this_driver() == Driver("13.2", (gpu,))
    assert cuda_driver.gpu_device() == "Stand-in GPU 40 (compute 9.0, driver CUDA 13.2)"


def test_a_machine_without_a_driver_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_driver, "LIBRARY", str(tmp_path / "libcuda.so.1"))

    with pytest.raises(DriverError, match="no NVIDIA driver"):
        this_driver()


@needs_compiler
@pytest.mark.parametrize("meter", [METER, ENERGY], ids=["memory", "energy"])
def test_memory_and_energy_are_those_of_the_gpu_that_cuda_calls_its_first(tmp_path: Path, meter: str) -> None:
    pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed: NVML cannot be asked")

    done = subprocess.run(
        [sys.executable, "-c", meter],
        env=os.environ | {"LD_LIBRARY_PATH": str(compiled(tmp_path)), "HELD": str(tmp_path / "held")},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_without_nvml_memory_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_qparity.backends.energy import Unreadable
    from pytest_qparity.backends.nvml import NvmlEnergy, NvmlMeter
    from pytest_qparity.verdict import CannotJudge, Code

    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(CannotJudge, match="no nvidia-ml-py") as caught:
        NvmlMeter()

    assert caught.value.failure.code is Code.MEMORY_UNMEASURED
    assert caught.value.failure.remedy == "pip install nvidia-ml-py"
    with pytest.raises(Unreadable, match="no nvidia-ml-py"):
        NvmlEnergy()
