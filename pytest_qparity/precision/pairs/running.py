"""Sessions of ONNX Runtime on graphs cut from a model, for tensors that no backend hands out. In the worker."""

from __future__ import annotations

import math
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Optimizing", "Tapped"]

_SILENT = 4
_BYTES = {"tensor(float16)": 2, "tensor(float)": 4, "tensor(double)": 8}  # of an element


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

    def sizes(self, feed: Mapping[str, np.ndarray]) -> dict[str, int]:
        """Bytes of each output, all of which are floats, without a copy of any."""
        return {
            name: math.prod(value.shape()) * _BYTES[value.data_type()]
            for name, value in zip(self.outputs, self._values(feed), strict=True)
        }

    def run(self, *feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs; each input is taken from the first of `feeds` that has it.

        ONNX Runtime copies what it hands out: one after the other, so that one tensor is there twice and not all.
        """
        values, arrays = self._values(*feeds), {}
        for index, name in enumerate(self.outputs):
            arrays[name] = values[index].numpy()
            values[index] = None
        return arrays

    def _values(self, *feeds: Mapping[str, np.ndarray]) -> list[Any]:
        import onnxruntime

        given = {name: next(each[name] for each in feeds if name in each) for name in self.inputs}
        feed = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array)) for name, array in given.items()
        }
        try:
            return list(self._engine.run_with_ort_values(self.outputs, feed))
        except Exception as error:
            raise _refused(error, "values of the graph's tensors") from error


def _refused(error: Exception, should: str) -> CannotJudge:
    sentence = f"ONNX Runtime's CPU kernels, which a diagnosis runs: got {said_by(error)}, should be {should}."
    remedy = "see what `qparity lint FILE --target ort` says; operators of other engines are not run here"
    return CannotJudge(Failure(Code.DIAGNOSE_REFUSED, sentence, remedy))
