"""The sound pair: this repository's digits classifier with a second head, and ONNX Runtime's int8 of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from benchmarks.peers.fault import BATCH, Arrays, Pair

CASES = Path(__file__).parents[2] / "cases"
FEATURES = "/ReduceMean_output_0"  # what the classifier reads
SEED = 20261126


def sound_pair() -> Pair:
    with np.load(CASES / "data" / "digits_test.npz") as held:
        test = {name: held[name] for name in held.files}
    with np.load(CASES / "data" / "digits_calibration.npz") as held:
        calibration = {"input": held["input"]}
    model = two_headed(onnx.load(CASES / "models" / "digits_resnet.onnx"))
    return Pair(model, quantized(model, calibration["input"]), test, calibration)


def two_headed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The classifier with an output `values` beside `logits`, of the same shape: another Gemm on the same features."""
    width = _initializer(model, "classifier.weight").shape[1]
    weight = np.random.default_rng(SEED).standard_normal((10, width)).astype(np.float32) * np.float32(0.5)
    model.graph.initializer.append(numpy_helper.from_array(weight, "values_w"))
    model.graph.node.append(helper.make_node("Gemm", [FEATURES, "values_w"], ["values"], "values", transB=1))
    model.graph.output.append(helper.make_tensor_value_info("values", TensorProto.FLOAT, ["batch", 10]))
    return model


class _Samples(CalibrationDataReader):
    def __init__(self, samples: np.ndarray) -> None:
        self._left = iter([samples[start : start + 64] for start in range(0, len(samples), 64)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        feed = next(self._left, None)
        return None if feed is None else {"input": feed}


def quantized(model: onnx.ModelProto, samples: np.ndarray, **options: object) -> onnx.ModelProto:
    """`quantize_static` as ONNX Runtime's documentation has it for x64 with VNNI: QDQ, U8S8, a scale per channel."""
    chosen: dict[str, object] = {
        "quant_format": QuantFormat.QDQ,
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QInt8,
        "per_channel": True,
    }
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_static(source, target, _Samples(samples), **{**chosen, **options})
        return onnx.load(target)


def outputs_of(model: onnx.ModelProto, inputs: np.ndarray) -> Arrays:
    """The model's outputs by name over `inputs`, `BATCH` samples a call."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    parts = [session.run(names, {"input": inputs[start : start + BATCH]}) for start in range(0, len(inputs), BATCH)]
    return {name: np.concatenate([part[index] for part in parts]) for index, name in enumerate(names)}


def top1_percent(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(logits.argmax(axis=1) == labels) * 100)


def _initializer(model: onnx.ModelProto, name: str) -> np.ndarray:
    return numpy_helper.to_array(next(each for each in model.graph.initializer if each.name == name))
