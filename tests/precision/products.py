"""Models of one integer product each, between uint8 (or int8) activations and given weights."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

UINT8, INT8, FLOAT = TensorProto.UINT8, TensorProto.INT8, TensorProto.FLOAT


def with_two(shape: tuple[int, ...], first: tuple[int, ...], second: tuple[int, ...], value: int = 127) -> np.ndarray:
    """int8 zeros of `shape`, but for two elements."""
    weights = np.zeros(shape, np.int8)
    weights[first] = weights[second] = value
    return weights


def _model(nodes, inputs, outputs, constants) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=8)


def matmul_integer(weights: np.ndarray, activation: int = UINT8) -> onnx.ModelProto:
    rows, columns = weights.shape
    nodes = [helper.make_node("MatMulInteger", ["x", "w"], ["y"], name="product")]
    inputs, outputs = [("x", activation, ["N", rows])], [("y", TensorProto.INT32, ["N", columns])]
    return _model(nodes, inputs, outputs, {"w": weights})


def qlinear_conv(weights: np.ndarray, group: int = 1, activation: int = UINT8) -> onnx.ModelProto:
    """Scales are 1 but for the output's, 1,024; zero points are 0."""
    zero = np.array(0, np.uint8 if activation == UINT8 else np.int8)
    constants = {"w": weights, "one": np.float32(1), "z": zero, "zw": np.array(0, np.int8), "s": np.float32(1024)}
    taken = ["x", "one", "z", "w", "one", "zw", "s", "z"]
    nodes = [helper.make_node("QLinearConv", taken, ["y"], name="product", group=group)]
    inputs = [("x", activation, [1, weights.shape[1] * group, 3, 3])]
    return _model(nodes, inputs, [("y", activation, None)], constants)


def between_pairs(
    weights: np.ndarray, activation: type = np.uint8, operator: str = "MatMul", shape=("N", 16), **attributes: object
) -> onnx.ModelProto:
    """x quantized and dequantized, by a weight that is dequantized, the product quantized and dequantized again.

    Scales are 1 but for the output's, 1,024; code 0, or −128, stands for 0.
    """
    zero = np.array(np.iinfo(activation).min, activation)
    constants = {"w": weights, "one": np.float32(1), "z": zero, "zw": np.array(0, weights.dtype), "s": np.float32(1024)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "one", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "one", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "one", "zw"], ["dw"]),
        helper.make_node(operator, ["d", "dw"], ["m"], name="product", **attributes),
        helper.make_node("QuantizeLinear", ["m", "s", "z"], ["qm"]),
        helper.make_node("DequantizeLinear", ["qm", "s", "z"], ["y"]),
    ]
    return _model(nodes, [("x", FLOAT, shape)], [("y", FLOAT, [None] * len(shape))], constants)
