"""A seeded network of two layers, and inputs for it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES, HIDDEN, CLASSES = 16, 32, 4


def model() -> onnx.ModelProto:
    random = np.random.default_rng(0)
    weights = {
        "w1": random.standard_normal((FEATURES, HIDDEN)) / np.sqrt(FEATURES),
        "b1": random.standard_normal(HIDDEN) / 10,
        "w2": random.standard_normal((HIDDEN, CLASSES)) / np.sqrt(HIDDEN),
        "b2": random.standard_normal(CLASSES) / 10,
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["input", "w1", "b1"], ["hidden"], "first"),
            helper.make_node("Relu", ["hidden"], ["active"], "relu"),
            helper.make_node("Gemm", ["active", "w2", "b2"], ["logits"], "second"),
        ],
        "classifier",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", FEATURES])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_data() -> dict[str, np.ndarray]:
    return {"input": np.random.default_rng(1).standard_normal((120, FEATURES)).astype(np.float32)}


def calibration_data() -> dict[str, np.ndarray]:
    return {"input": np.random.default_rng(2).standard_normal((64, FEATURES)).astype(np.float32)}
