"""Small seeded ONNX models, built in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def mlp(*, seed: int = 0, features: int = 16, hidden: int = 32, classes: int = 4, opset: int = 17) -> onnx.ModelProto:
    """input (N, features) → Gemm → Relu → Gemm → logits (N, classes); weights standard normal, scaled by fan-in."""
    random = np.random.default_rng(seed)
    weights = {
        "w1": random.standard_normal((features, hidden)) / np.sqrt(features),
        "b1": random.standard_normal(hidden) / 10,
        "w2": random.standard_normal((hidden, classes)) / np.sqrt(hidden),
        "b2": random.standard_normal(classes) / 10,
    }
    nodes = [
        helper.make_node("Gemm", ["input", "w1", "b1"], ["hidden"], name="first"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("Gemm", ["active", "w2", "b2"], ["logits"], name="second"),
    ]
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", features])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    return checked(graph, opset)


def small_cnn(*, seed: int = 0, channels: int = 8, classes: int = 4, opset: int = 17) -> onnx.ModelProto:
    """input (N, 1, 8, 8) → Conv → Relu → Conv → Relu → GlobalAveragePool → Flatten → Gemm → logits (N, classes)."""
    random = np.random.default_rng(seed)
    weights = {
        "k1": random.standard_normal((channels, 1, 3, 3)) / 3,
        "k2": random.standard_normal((channels, channels, 3, 3)) / np.sqrt(9 * channels),
        "w": random.standard_normal((channels, classes)),
        "b": random.standard_normal(classes) / 10,
    }
    nodes = [
        helper.make_node("Conv", ["input", "k1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
        helper.make_node("Conv", ["r1", "k2"], ["c2"], name="conv2", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"], name="relu2"),
        helper.make_node("GlobalAveragePool", ["r2"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "w", "b"], ["logits"], name="classify"),
    ]
    graph = helper.make_graph(
        nodes,
        "small_cnn",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    return checked(graph, opset)


def checked(graph: onnx.GraphProto, opset: int) -> onnx.ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def inputs_for_mlp(samples: int, *, seed: int = 1, features: int = 16) -> np.ndarray:
    """float32 (samples, features), standard normal."""
    return np.random.default_rng(seed).standard_normal((samples, features)).astype(np.float32)


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
