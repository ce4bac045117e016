"""Files of NVIDIA's ModelOpt, made by ModelOpt itself; run it by hand, in an environment of its own.

    pip install "nvidia-modelopt==0.47.0" onnx==1.21.0 "onnxruntime==1.24.*" onnxscript onnx-graphsurgeon \\
        onnxconverter-common onnxslim polygraphy lief cppimport
    python tests/checks/linting/modelopt/make.py FOLDER

The float model is ours: seeded weights, a residual block and a classifier.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 32
SHAPE = (8, CHANNELS, 8, 8)  # ModelOpt leaves products with a single row float
SAMPLES = 16
# File name: what quantize() is asked for beside the model.
MADE: dict[str, dict[str, Any]] = {
    "int8_max": {"quantize_mode": "int8", "calibration_method": "max", "high_precision_dtype": "fp32"},
    "int8_fp16": {"quantize_mode": "int8", "calibration_method": "max", "high_precision_dtype": "fp16"},
    "fp8": {"quantize_mode": "fp8", "calibration_method": "max", "high_precision_dtype": "fp32", "opset": 19},
    "fp8_fp16": {"quantize_mode": "fp8", "calibration_method": "max", "high_precision_dtype": "fp16", "opset": 19},
    "int4_rtn": {"quantize_mode": "int4", "calibration_method": "rtn_dq", "block_size": 32, "opset": 21},
    "int4_awq": {"quantize_mode": "int4", "calibration_method": "awq_clip", "block_size": 32, "opset": 21},
}


def float_model() -> onnx.ModelProto:
    """x float32 (8, 32, 8, 8) to y (8, 32): two convolutions with a residual, pooling, Gemm, MatMul."""
    random = np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        fan_in = int(np.prod(shape[1:]))
        return (random.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)

    constants = {
        "k1": weights(CHANNELS, CHANNELS, 3, 3),
        "b1": weights(CHANNELS, 1).ravel(),
        "k2": weights(CHANNELS, CHANNELS, 1, 1),
        "b2": weights(CHANNELS, 1).ravel(),
        "g": weights(CHANNELS, CHANNELS),
        "gb": weights(CHANNELS, 1).ravel(),
        "m": weights(CHANNELS, CHANNELS),
    }
    nodes = [
        helper.make_node("Conv", ["x", "k1", "b1"], ["c1"], "conv1", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("Conv", ["r1", "k2", "b2"], ["c2"], "conv2", kernel_shape=[1, 1]),
        helper.make_node("Add", ["c2", "x"], ["sum"], "add"),
        helper.make_node("Relu", ["sum"], ["r2"], "relu2"),
        helper.make_node("GlobalAveragePool", ["r2"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "g", "gb"], ["hidden"], "gemm", transB=1),
        helper.make_node("Relu", ["hidden"], ["r3"], "relu3"),
        helper.make_node("MatMul", ["r3", "m"], ["y"], "matmul"),
    ]
    graph = helper.make_graph(
        nodes,
        "block",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (SHAPE[0], CHANNELS))],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main(folder: Path) -> None:
    from modelopt.onnx.quantization import quantize

    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "float.onnx"
    onnx.save(float_model(), source)
    samples = np.random.default_rng(1).standard_normal((SAMPLES, *SHAPE[1:])).astype(np.float32)
    for name, options in MADE.items():
        target = folder / f"{name}.onnx"
        quantize(
            str(source),
            calibration_data={"x": samples},
            calibration_eps=["cpu"],
            output_path=str(target),
            log_level="ERROR",
            **options,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
