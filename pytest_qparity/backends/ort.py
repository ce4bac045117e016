"""ONNX Runtime on the CPU. With one thread and the optimizer off it is the engine of the reference recipe."""

from __future__ import annotations

import importlib
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.cpu import cpu_device
from pytest_qparity.backends.protocol import Optimizer, SessionFacts, SessionOptions, Unavailable
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.kernels import Kernels

PROVIDER = "CPUExecutionProvider"
_INSTALL = 'pip install "pytest-qparity[ort]"'
_SILENT = 4  # what it would print as an error it also raises, in runs as well


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
        settings = _settings(options)
        # session.disable_cpu_ep_fallback is for other providers: beside an explicit CPU provider it is refused.
        settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        return OnnxRuntimeSession(_engine(model, settings), options, model)


def graph_optimization_level(optimizer: Optimizer) -> Any:
    """ONNX Runtime's own name for a level."""
    from onnxruntime import GraphOptimizationLevel

    return {
        Optimizer.OFF: GraphOptimizationLevel.ORT_DISABLE_ALL,
        Optimizer.BASIC: GraphOptimizationLevel.ORT_ENABLE_BASIC,
        Optimizer.EXTENDED: GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        Optimizer.ALL: GraphOptimizationLevel.ORT_ENABLE_ALL,
    }[optimizer]


class OnnxRuntimeSession:
    def __init__(self, engine: Any, options: SessionOptions, model: Path) -> None:
        self._engine = engine
        self._options = options
        self._model = model
        self._names = [output.name for output in engine.get_outputs()]

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        arrays = self._open().run(self._names, dict(feed))
        return dict(zip(self._names, arrays, strict=True))

    def facts(self) -> SessionFacts:
        import onnxruntime

        engine = self._open()
        placed = Counter({PROVIDER: 0})  # it is the only provider of the session: none can be elsewhere unseen
        for subgraph in engine.get_provider_graph_assignment_info():
            placed[subgraph.ep_name] += len(subgraph.get_nodes())
        return SessionFacts(
            engine="onnxruntime",
            version=onnxruntime.__version__,
            device=cpu_device(),
            settings={
                "threads": self._options.threads,
                "inter_op_threads": 1,
                "execution": "sequential",
                "optimizer": self._options.optimizer.value,
                "providers": ", ".join(engine.get_providers()),
            },
            placement=dict(placed),
            expected_placement=PROVIDER,
        )

    def kernels(self) -> Kernels:
        """From the graph that ONNX Runtime's optimizer makes of the file, written by a second session of the same
        options: where nodes are placed is told before they are fused, and writing would slow the session that is
        timed. Weights go to a file beside it, so that a graph beyond 2 GB can be written as well."""
        from pytest_qparity.backends.kernels import counted
        from pytest_qparity.backends.onnx_kernels import compute_nodes, read_graph, rounding_nodes

        self._open()
        settings = _settings(self._options)
        with tempfile.TemporaryDirectory() as folder:
            optimized = Path(folder) / "optimized.onnx"
            settings.optimized_model_filepath = str(optimized)
            settings.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.bin")
            _engine(self._model, settings)
            graph = read_graph(optimized)
        rounding = rounding_nodes(graph) - rounding_nodes(read_graph(self._model))
        remark = f"activations of {rounding} MatMulNBits nodes are rounded to int8 by ONNX Runtime (accuracy level 4)"
        return counted(compute_nodes(graph), remarks=(remark,) if rounding > 0 else ())

    def close(self) -> None:
        self._engine = None

    def _open(self) -> Any:
        if self._engine is None:
            raise ValueError("got a closed session, should be an open one")
        return self._engine


def _settings(options: SessionOptions) -> Any:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    settings.graph_optimization_level = graph_optimization_level(options.optimizer)
    settings.log_severity_level = _SILENT
    return settings


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
