"""Small quantized files whose kernels are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import NodeProto

FLOAT = TensorProto.FLOAT


def cnn(activation: type = np.uint8, zero_point: int = 0, left_float: Sequence[str] = ()) -> onnx.ModelProto:
    """x (1, 4, 8, 8) → conv1 → relu1 → conv2 → relu2 → pool → flatten → classify (Gemm) → y (1, 4), opset 21.

    Weights are int8, activations `activation` with one zero point for all; each node stands between Q/DQ pairs but for
    those in `left_float`. Where the zero point is not the lowest code, the pair behind a Relu does not do its work.
    """
    random = np.random.default_rng(0)
    code = np.array(zero_point, activation)
    constants = {"s": np.float32(0.05), "sw": np.float32(0.01), "z": code, "zw": np.array(0, np.int8)}
    nodes: list[NodeProto] = []

    def pair(name: str) -> str:
        nodes.append(helper.make_node("QuantizeLinear", [name, "s", "z"], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", "s", "z"], [f"{name}_dq"]))
        return f"{name}_dq"

    def weighed(name: str, shape: tuple[int, ...], node: str) -> str:
        codes = random.integers(-60, 61, shape).astype(np.int8)
        if node in left_float:
            constants[name] = codes.astype(np.float32) / 100
            return name
        constants[name] = codes
        nodes.append(helper.make_node("DequantizeLinear", [name, "sw", "zw"], [f"{name}_dq"]))
        return f"{name}_dq"

    value = "x"
    for index in (1, 2):
        taken = value if f"conv{index}" in left_float else pair(value)
        weights = weighed(f"k{index}", (4, 4, 3, 3), f"conv{index}")
        nodes.append(helper.make_node("Conv", [taken, weights], [f"c{index}"], name=f"conv{index}", pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{index}"], [f"r{index}"], name=f"relu{index}"))
        value = f"r{index}"
    nodes.append(helper.make_node("GlobalAveragePool", [pair(value)], ["p"], name="pool"))
    nodes.append(helper.make_node("Flatten", [pair("p")], ["f"], name="flatten"))
    taken = "f" if "classify" in left_float else pair("f")
    nodes.append(helper.make_node("Gemm", [taken, weighed("w", (4, 4), "classify")], ["g"], name="classify"))
    nodes.append(helper.make_node("Identity", [pair("g")], ["y"], name="last"))
    return _model(nodes, ("x", (1, 4, 8, 8)), ("y", (1, 4)), constants)


def gemm_of_uint16() -> onnx.ModelProto:
    """x (1, 32) → Gemm with uint16 activations and int8 weights → y (1, 32)."""
    random = np.random.default_rng(0)
    constants = {
        "s": np.float32(1e-4),
        "sw": np.float32(0.01),
        "z": np.array(2**15, np.uint16),
        "zw": np.array(0, np.int8),
        "w": random.integers(-127, 128, (32, 32)).astype(np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["dw"]),
        helper.make_node("Gemm", ["d", "dw"], ["g"], name="gemm"),
        helper.make_node("QuantizeLinear", ["g", "s", "z"], ["gq"]),
        helper.make_node("DequantizeLinear", ["gq", "s", "z"], ["y"]),
    ]
    return _model(nodes, ("x", (1, 32)), ("y", (1, 32)), constants)


def dynamic_matmul() -> onnx.ModelProto:
    """x (1, 8) quantized as it comes, by int8 weights on integers, to y (1, 8)."""
    constants = {"w": np.arange(-32, 32, dtype=np.int8).reshape(8, 8), "sw": np.float32(0.01)}
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", "w", "z"], ["m"], name="matmul"),
        helper.make_node("Cast", ["m"], ["c"], to=FLOAT),
        helper.make_node("Mul", ["s", "sw"], ["scale"]),
        helper.make_node("Mul", ["c", "scale"], ["y"]),
    ]
    return _model(nodes, ("x", (1, 8)), ("y", (1, 8)), constants)


def in_a_branch() -> onnx.ModelProto:
    """The integer product of `dynamic_matmul` in both branches of an If."""
    inner = dynamic_matmul().graph
    del inner.input[:]
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["out"], then_branch=inner, else_branch=inner),
    ]
    return _model(nodes, ("x", (1, 8)), ("out", (1, 8)), {"zero": np.float32(0)})


def _model(nodes, taken, given, constants) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "quantized",
        [helper.make_tensor_value_info(taken[0], FLOAT, taken[1])],
        [helper.make_tensor_value_info(given[0], FLOAT, given[1])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model
