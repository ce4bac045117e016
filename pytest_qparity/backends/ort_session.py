"""A session of ONNX Runtime, whatever provider runs it: feeds in, outputs, facts and kernels out."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.protocol import Optimizer, SessionFacts, SessionOptions

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.backends.kernels import Kernels

SILENT = 4  # what it would print as an error it also raises, in runs as well


@dataclass(frozen=True, slots=True)
class Place:
    """Where nodes shall run. `start` makes an engine of a file and ONNX Runtime's settings on that provider alone, or
    raises; `settings` is what it was asked for besides. The provider's own settings are read back from the engine."""

    provider: str
    device: str
    start: Callable[[Path, Any], Any]
    settings: Mapping[str, str | int] = field(default_factory=dict)


def opened(place: Place, model: Path, options: SessionOptions) -> OnnxRuntimeSession:
    settings = session_settings(options)
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return OnnxRuntimeSession(place.start(model, settings), place, options, model)


class OnnxRuntimeSession:
    def __init__(self, engine: Any, place: Place, options: SessionOptions, model: Path) -> None:
        self._engine = engine
        self._place = place
        self._options = options
        self._model = model
        self._names = [output.name for output in engine.get_outputs()]

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        arrays = self.open_engine().run(self._names, dict(feed))
        return dict(zip(self._names, arrays, strict=True))

    def facts(self) -> SessionFacts:
        import onnxruntime

        engine, provider = self.open_engine(), self._place.provider
        placed = Counter({provider: 0})
        for subgraph in engine.get_provider_graph_assignment_info():
            placed[subgraph.ep_name] += len(subgraph.get_nodes())
        return SessionFacts(
            engine="onnxruntime",
            version=onnxruntime.__version__,
            device=self._place.device,
            settings={
                "threads": self._options.threads,
                "inter_op_threads": 1,
                "execution": "sequential",
                "optimizer": self._options.optimizer.value,
                "providers": ", ".join(engine.get_providers()),
                **self._place.settings,
            },
            placement=dict(placed),
            expected_placement=provider,
        )

    def kernels(self) -> Kernels:
        """From the graph that ONNX Runtime's optimizer makes of the file, written by a second session of the same
        options: where nodes are placed is told before they are fused, and writing would slow the session that is
        timed. Weights go to a file beside it, so that a graph beyond 2 GB can be written as well."""
        from pytest_qparity.backends.kernels import counted
        from pytest_qparity.backends.onnx_kernels import compute_nodes, read_graph, rounding_nodes

        self.open_engine()
        settings = session_settings(self._options)
        with tempfile.TemporaryDirectory() as folder:
            optimized = Path(folder) / "optimized.onnx"
            settings.optimized_model_filepath = str(optimized)
            settings.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.bin")
            self._place.start(self._model, settings)
            graph = read_graph(optimized)
        rounding = rounding_nodes(graph) - rounding_nodes(read_graph(self._model))
        remark = f"activations of {rounding} MatMulNBits nodes are rounded to int8 by ONNX Runtime (accuracy level 4)"
        return counted(compute_nodes(graph), remarks=(remark,) if rounding > 0 else ())

    def close(self) -> None:
        self._engine = None

    def open_engine(self) -> Any:
        if self._engine is None:
            raise ValueError("got a closed session, should be an open one")
        return self._engine


def session_settings(options: SessionOptions) -> Any:
    """ONNX Runtime's SessionOptions for ours; nothing of a provider."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    settings.graph_optimization_level = graph_optimization_level(options.optimizer)
    settings.log_severity_level = SILENT
    return settings


def graph_optimization_level(optimizer: Optimizer) -> Any:
    """ONNX Runtime's own name for a level."""
    from onnxruntime import GraphOptimizationLevel

    return {
        Optimizer.OFF: GraphOptimizationLevel.ORT_DISABLE_ALL,
        Optimizer.BASIC: GraphOptimizationLevel.ORT_ENABLE_BASIC,
        Optimizer.EXTENDED: GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        Optimizer.ALL: GraphOptimizationLevel.ORT_ENABLE_ALL,
    }[optimizer]
