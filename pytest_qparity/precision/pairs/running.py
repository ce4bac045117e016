"""Sessions of ONNX Runtime on graphs cut from a model, for tensors that no backend hands out. In the worker."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = ["Optimizing", "Tapped"]

_SILENT = 4


class Optimizing(Enum):
    OFF = "off"  # each node runs as it is written
    ON = "on"  # what a user's session does


class Tapped:
    """A graph that runs on one thread, without an arena: what an output takes is free when it is dropped."""

    def __init__(self, model: bytes, folder: Path, optimizing: Optimizing = Optimizing.OFF) -> None:
        """`folder`: where its weights lie. Raises CannotJudge where ONNX Runtime refuses the graph."""
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        level = onnxruntime.GraphOptimizationLevel
        is_off = optimizing is Optimizing.OFF
        settings.graph_optimization_level = level.ORT_DISABLE_ALL if is_off else level.ORT_ENABLE_ALL
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.enable_cpu_mem_arena = settings.enable_mem_pattern = False
        settings.log_severity_level = _SILENT
        settings.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
        try:
            self._engine: Any = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own kinds derive from Exception alone
            raise _refused(error, "a graph that ONNX Runtime loads") from error
        self.inputs = tuple(value.name for value in self._engine.get_inputs())
        self.types = {value.name: str(value.type) for value in self._engine.get_outputs()}
        self.outputs = tuple(self.types)

    def run(self, *feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs; each input is taken from the first of `feeds` that has it."""
        feed = {name: next(each[name] for each in feeds if name in each) for name in self.inputs}
        try:
            arrays = self._engine.run(self.outputs, feed)
        except Exception as error:
            raise _refused(error, "values of the graph's tensors") from error
        return dict(zip(self.outputs, arrays, strict=True))


def _refused(error: Exception, should: str) -> CannotJudge:
    sentence = f"ONNX Runtime's CPU kernels, which a diagnosis runs: got {said_by(error)}, should be {should}."
    remedy = "see what `qparity lint FILE --target ort` says; operators of other engines are not run here"
    return CannotJudge(Failure(Code.DIAGNOSE_REFUSED, sentence, remedy))
