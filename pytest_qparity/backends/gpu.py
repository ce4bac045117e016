"""What NVIDIA backends need of a machine, and what is missing."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass

from pytest_qparity.backends.cuda_driver import DriverError, require_gpu
from pytest_qparity.backends.protocol import Unavailable
from pytest_qparity.environment import version_of
from pytest_qparity.worker.message import said_by

SHARING = ("onnxruntime", "onnxruntime-gpu")  # packages that write into one folder


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is not there, and how to get it."""

    what: str
    remedy: str


def explained(missing: list[Missing]) -> Unavailable | None:
    """Everything that is missing at once; None where that is nothing."""
    if not missing:
        return None
    remedies = dict.fromkeys(part.remedy for part in missing)
    return Unavailable("; ".join(part.what for part in missing), "; ".join(remedies), waivable=True)


def missing_provider(provider: str) -> list[Missing]:
    """ONNX Runtime's GPU package with its provider. Two of its packages share one folder and break each other."""
    install = 'pip install "pytest-qparity[ort-gpu]"'
    installed = [name for name in SHARING if version_of(name) is not None]
    if len(installed) == len(SHARING):
        return [
            Missing(
                "onnxruntime and onnxruntime-gpu are both installed, should be one (they overwrite each other)",
                f"pip uninstall onnxruntime onnxruntime-gpu; {install}",
            )
        ]
    try:
        runtime = importlib.import_module("onnxruntime")
        providers: list[str] = runtime.get_available_providers()
    except (ImportError, AttributeError, OSError) as error:
        return [Missing(f"onnxruntime-gpu cannot be imported ({said_by(error)})", install)]
    if provider not in providers:
        which = f"{installed[0]} {runtime.__version__}" if installed else f"onnxruntime {runtime.__version__}"
        return [Missing(f"{which} has no {provider}", f"pip uninstall onnxruntime; {install}")]
    return []


def missing_tensorrt() -> list[Missing]:
    install = 'pip install "pytest-qparity[trt]"'
    if importlib.util.find_spec("tensorrt") is None:
        return [Missing("the package tensorrt is not installed", install)]
    try:
        importlib.import_module("tensorrt")
    except (ImportError, OSError, RuntimeError) as error:
        return [Missing(f"tensorrt cannot be imported ({said_by(error)}): libnvinfer does not load", install)]
    return []


def missing_device() -> list[Missing]:
    """A CUDA device, counted by the driver itself: packages list their providers on machines without a GPU too."""
    try:
        require_gpu()
    except DriverError as error:
        return [Missing(str(error), "run this backend on a machine with an NVIDIA GPU and its driver")]
    return []
