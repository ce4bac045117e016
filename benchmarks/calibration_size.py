"""How many calibration samples are enough: int8's loss against how far the ranges of the two halves are apart.

    python -m benchmarks.calibration_size [draws]

For each of this repository's image models and each number of samples, drawn `draws` times at random: the SQNR of an
int8 variant (U8S8, per channel, ranges put into ONNX Runtime's quantizer) against FP32 on the test data, less that with
all calibration samples, beside the changes over the tensors. What `too_few` calls too few is read off.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, version_converter
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from pytest_qparity.precision.calibration.evidence import relative_changes
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.observing import Observer
from pytest_qparity.quantmath.measures import PowerSums

CASES = Path(__file__).parent.parent / "cases"
MODELS = {
    "digits_resnet": ("models/digits_resnet.onnx", "data/digits", (2, 4, 8, 16, 32, 64, 128, 256)),
    "ultraface": ("models/ultraface_rfb320/model.onnx", "data/ultraface_rfb320", (2, 4, 8, 12, 16, 24)),
}
METHODS = ("minmax", "percentile", "entropy", "mse")
OPERATORS = ["Conv", "Gemm", "MatMul", "Add", "MaxPool", "Concat", "GlobalAveragePool", "Relu"]


def main() -> None:
    logging.getLogger().setLevel(logging.ERROR)
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for name, (file, data, sizes) in MODELS.items():
        model = onnx.shape_inference.infer_shapes(version_converter.convert_version(onnx.load(CASES / file), 17))
        calibration, test = (np.load(CASES / f"{data}_{kind}.npz") for kind in ("calibration", "test"))
        tensors = float_tensors(model)
        samples, probes = (feeds(model, arrays) for arrays in (calibration, test))
        golden = outputs(model, probes)
        for method in METHODS:
            everything = observed(model, tensors, samples, method)
            best = sqnr(model, everything, golden, probes)
            print(f"\n{name}, {method}: {best:.2f} dB with {len(samples)}", flush=True)
            for size in (size for size in sizes if size <= len(samples)):
                rows = []
                for draw in range(draws):
                    chosen = np.random.default_rng(draw).choice(len(samples), size, replace=False)
                    observer = observed(model, tensors, [samples[index] for index in chosen], method)
                    changes = list(relative_changes(observer.halves()).values())
                    loss = best - sqnr(model, observer, golden, probes)
                    rows.append((loss, np.median(changes), np.quantile(changes, 0.9), max(changes)))
                loss, median, ninth, largest = np.mean(rows, axis=0)
                worst = max(row[0] for row in rows)
                print(
                    f"{size:5} samples  loss {loss:6.2f} dB (worst {worst:6.2f})  change: median {median:.3f}, "
                    f"9th decile {ninth:.3f}, largest {largest:.3f}",
                    flush=True,
                )


def feeds(model: onnx.ModelProto, arrays) -> list[dict[str, np.ndarray]]:
    constants = {tensor.name for tensor in model.graph.initializer}
    (name,) = [value.name for value in model.graph.input if value.name not in constants]
    rank = len(next(value for value in model.graph.input if value.name == name).type.tensor_type.shape.dim)
    array = arrays[name]
    return [{name: sample if array.ndim > rank else sample[np.newaxis]} for sample in array[:128]]


def float_tensors(model: onnx.ModelProto) -> list[str]:
    constants = {tensor.name for tensor in model.graph.initializer}
    graph = model.graph
    values = [*graph.input, *graph.value_info, *graph.output]
    floats = [value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT]
    return [name for name in floats if name not in constants]


def observed(model, tensors, chosen, method) -> Observer:
    observer = Observer(model, tensors, Method(method))
    for feed in chosen:
        observer.take(feed)
    return observer


def sqnr(model, observer, golden, probes) -> float:
    ranges = {
        name: TensorData(lowest=np.float32(found.whole.low), highest=np.float32(found.whole.high))
        for name, found in observer.ranges().tensors.items()
    }
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    quantizer = QDQQuantizer(
        copy,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, ranges),
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=OPERATORS,
        extra_options={},
    )
    quantizer.quantize_model()
    made = outputs(quantizer.model.model, probes)
    found = []
    for name, expected in golden.items():
        sums = PowerSums()
        sums.add(made[name].reshape(-1), expected.reshape(-1))
        found.append(sums.sqnr_db())
    return min(found)


def outputs(model, probes) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    found = [session.run(names, feed) for feed in probes]
    return {name: np.stack([each[index] for each in found]) for index, name in enumerate(names)}


if __name__ == "__main__":
    main()
