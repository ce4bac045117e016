"""A float model and a variant side by side, for tests of the diagnosis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader

from pytest_qparity.case.data import Feeds, Samples, make_feeds
from pytest_qparity.case.model import read_model_file
from pytest_qparity.diagnose.comparing import Comparison
from pytest_qparity.gate.quantizing import Order, quantize
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import save


def feeds_of(path: Path, arrays: dict[str, np.ndarray], batch: int = 8) -> Feeds:
    return make_feeds(Samples(arrays, None, "", "made"), read_model_file(path, InProcess(Limits())).inputs, batch)


def quantized(
    model: onnx.ModelProto, arrays: dict[str, np.ndarray], folder: Path, target: str = "ort"
) -> tuple[Path, Path]:
    """Paths of the float model and its int8 variant, calibrated on `arrays`."""
    reference, variant, data = save(model, folder / "float.onnx"), folder / "int8.onnx", folder / "calibration.npz"
    np.savez(data, **arrays)
    quantize(Order(reference, variant, calibration=data, target=target, batch=8), InProcess(Limits()))
    return reference, variant


class Reader(CalibrationDataReader):
    """One feed for ONNX Runtime's quantizer."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._feeds = iter([arrays])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def comparison(reference: Path, variant: Path, arrays: dict[str, np.ndarray], **options) -> Comparison:
    return Comparison(reference, variant, feeds_of(reference, arrays), InProcess(Limits()), **options)


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def set_constant(model: onnx.ModelProto, name: str, array: np.ndarray) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(array, name))


def quantize_node(model: onnx.ModelProto, tensor: str) -> onnx.NodeProto:
    return next(n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == tensor)


def with_outputs(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """A copy that gives tensors as outputs too."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    there = {value.name for value in copy.graph.output}
    copy.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names if name not in there)
    return copy
