"""Sessions of ONNX Runtime on a device: nothing falls back to the CPU, and feeds can lie on the device while timed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.ort_session import SILENT
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.backends.kernels import Kernels, NotTold
    from pytest_qparity.backends.ort_session import OnnxRuntimeSession
    from pytest_qparity.backends.protocol import SessionFacts

_CPU = "CPUExecutionProvider"  # ONNX Runtime adds it to every session
_FALLBACK_REFUSED = "assigned to the default CPU EP"
_MOST_NAMED = 5


def starting(provider: str, provider_options: Mapping[str, str]) -> Callable[[Path, Any], Any]:
    """How an engine is made on `provider` alone. It raises where the provider does not start, or a node would run on
    the CPU: ONNX Runtime goes on there without a word unless it is told not to, three times over."""

    def start(model: Path, settings: Any) -> Any:
        import onnxruntime

        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        chosen = [(provider, dict(provider_options))]
        try:
            # Without enable_fallback = 0 a provider that fails is replaced by the CPU, and a notice is printed.
            engine = onnxruntime.InferenceSession(str(model), settings, providers=chosen, enable_fallback=0)
        except Exception as error:
            if _FALLBACK_REFUSED not in str(error):
                raise
            raise _not_all_there(model, provider, provider_options) from error
        engine.disable_fallback()  # the same for a run that fails
        require_provider(engine.get_providers(), provider)
        return engine

    return start


def require_provider(got: list[str], asked: str) -> None:
    """The provider that was asked for comes first. The CPU stands behind it in every session, and takes nothing where
    fallback is refused; any other is one too many."""
    if got not in ([asked], [asked, _CPU]):
        raise CannotJudge(
            Failure(
                Code.BACKEND_LOAD,
                f"got a session with providers {got}, should be {asked!r}",
                "qparity doctor says what the provider lacks; its log, at severity 0, says why it did not start",
            )
        )


def _not_all_there(model: Path, provider: str, provider_options: Mapping[str, str]) -> CannotJudge:
    """Which nodes have no kernel on the provider, told by a session that may fall back and is thrown away."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = SILENT
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    try:
        chosen = [(provider, dict(provider_options))]
        engine = onnxruntime.InferenceSession(str(model), settings, providers=chosen, enable_fallback=0)
        require_provider(engine.get_providers(), provider)
        placed = [
            (part.ep_name, node) for part in engine.get_provider_graph_assignment_info() for node in part.get_nodes()
        ]
    except CannotJudge as reason:
        return reason
    except Exception as error:  # noqa: BLE001  the border to the engine
        return _strayed(f"nodes of which it says no more ({said_by(error)})", provider)
    strayed = [f"{node.op_type} {node.name!r}" for place, node in placed if place != provider]
    named = ", ".join(strayed[:_MOST_NAMED]) + (", …" if len(strayed) > _MOST_NAMED else "")
    return _strayed(f"{len(strayed)} of {len(placed)} nodes on the CPU ({named})", provider)


def _strayed(got: str, provider: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.BACKEND_LOAD,
            f"got {got}, should be all on {provider}",
            "fix the dimensions that the file computes from shapes, which ONNX Runtime keeps on the CPU, and take "
            "another form of operators that the provider has no kernel for; or judge it on a backend that has them",
        )
    )


class OnnxRuntimeDeviceSession:
    """A session whose feeds can be bound. `kernels_told`: None where ONNX Runtime can write the optimized graph;
    `first_run`: what its first run is done within, since a provider may build engines then."""

    def __init__(
        self,
        session: OnnxRuntimeSession,
        device: str,
        *,
        remark: str = "",
        kernels_told: NotTold | None = None,
        first_run: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._session = session
        self._device = device
        self._remark = remark
        self._kernels_told = kernels_told
        self._first_run = first_run

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with self._first_run():
            outputs = self._session.run(feed)
        self._first_run = contextlib.nullcontext
        return outputs

    def facts(self) -> SessionFacts:
        return self._session.facts()

    def kernels(self) -> Kernels | NotTold:
        """`remark` is told where the file quantizes nodes that run as floats."""
        if self._kernels_told is not None:
            return self._kernels_told
        kernels = self._session.kernels()
        if self._remark and kernels.fell_back:
            return replace(kernels, remarks=(*kernels.remarks, self._remark))
        return kernels

    def bound(self, feed: Mapping[str, np.ndarray]) -> OnnxRuntimeBoundFeed:
        return OnnxRuntimeBoundFeed(self._session.open_engine(), feed, self._device)

    def close(self) -> None:
        self._session.close()


class OnnxRuntimeBoundFeed:
    """A feed on the device: a run is a call and the wait for its end, without copies."""

    def __init__(self, engine: Any, feed: Mapping[str, np.ndarray], device: str) -> None:
        from onnxruntime import OrtValue

        self._engine = engine
        self._binding = engine.io_binding()
        self._names = [output.name for output in engine.get_outputs()]
        for name, array in feed.items():
            self._binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(array, device, 0))
        for name in self._names:
            self._binding.bind_output(name, device, 0)  # ONNX Runtime allocates it there, whatever its shape
        self._binding.synchronize_inputs()

    def run(self) -> None:
        self._engine.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()

    def outputs(self) -> dict[str, np.ndarray]:
        return dict(zip(self._names, self._binding.copy_outputs_to_cpu(), strict=True))
