"""ONNX Runtime on the CPU. With one thread and the optimizer off it is the engine of the reference recipe."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import require_float32
from pytest_qparity.backends.cpu import cpu_device
from pytest_qparity.backends.ort_session import OnnxRuntimeSession, Place, opened
from pytest_qparity.backends.protocol import SessionOptions, Unavailable
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER = "CPUExecutionProvider"
_INSTALL = 'pip install "pytest-qparity[ort]"'


class OnnxRuntimeCpu:
    def unavailable(self) -> Unavailable | None:
        try:
            runtime = importlib.import_module("onnxruntime")
        except ImportError as error:
            return Unavailable(f"onnxruntime cannot be imported ({said_by(error)})", _INSTALL)
        # A folder left behind by two packages that share it (onnxruntime, onnxruntime-gpu) imports as an empty module.
        if not hasattr(runtime, "InferenceSession"):
            return Unavailable(
                "onnxruntime is installed and broken (it has no InferenceSession), as it is when onnxruntime and "
                "onnxruntime-gpu were installed together and one was removed",
                f"pip uninstall onnxruntime onnxruntime-gpu; {_INSTALL}",
            )
        if not hasattr(runtime.InferenceSession, "get_provider_graph_assignment_info"):
            return Unavailable(
                f"onnxruntime {runtime.__version__} cannot tell where nodes run, should be 1.31 or newer", _INSTALL
            )
        return None

    def load(self, model: Path, options: SessionOptions) -> OnnxRuntimeSession:
        require_float32("ort", options)
        # session.disable_cpu_ep_fallback is for other providers: beside an explicit CPU provider it is refused.
        return opened(Place(PROVIDER, cpu_device(), _engine), model, options)


def _engine(model: Path, settings: Any) -> Any:
    import onnxruntime

    engine = onnxruntime.InferenceSession(str(model), settings, providers=[PROVIDER])
    engine.disable_fallback()
    require_providers(engine.get_providers(), PROVIDER)
    return engine


def require_providers(got: list[str], asked: str) -> None:
    """ONNX Runtime leaves out a provider that it cannot start and goes on with the CPU: that must not pass."""
    if got != [asked]:
        raise CannotJudge(
            Failure(
                Code.BACKEND_LOAD,
                f"got a session with providers {got}, should be [{asked!r}] alone",
                "see why ONNX Runtime put another provider in its place (its log, at severity 0, says so)",
            )
        )
