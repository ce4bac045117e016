"""The tiny files of the linter's table: each has one thing that an engine refuses or takes amiss."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.checks.linting.files import (
    FLOAT,
    FP4,
    FP8,
    INT4,
    STEP,
    UINT8,
    ZERO,
    model_of,
    node,
    one,
    pair,
    scalar,
    weights,
)

FP16, BF16, INT32, BOOL = TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT32, TensorProto.BOOL
UINT8_TYPE = np.uint8


def computed_scale() -> onnx.ModelProto:
    nodes = [node("Abs", "x", "a"), node("ReduceMax", "a", "m", keepdims=0), node("Mul", "m k", "s"), *pair("x", "y")]
    return model_of(nodes, {"k": scalar(1 / 127), "z": ZERO})


def computed_zero_point() -> onnx.ModelProto:
    nodes = [node("Cast", "n", "z", to=TensorProto.INT8), *pair("x", "y")]
    return model_of(nodes, {"s": STEP}, inputs=[("x", FLOAT, (2, 4)), ("n", FLOAT, ())])


def made(parameter: str, *nodes: onnx.NodeProto, **constants: np.ndarray) -> onnx.ModelProto:
    """x → Q → DQ → y, whose scale (s) or zero point (z) is made by nodes of constants."""
    given = {name: array for name, array in (("s", STEP), ("z", ZERO)) if name != parameter}
    return model_of([*nodes, *pair("x", "y")], given | constants, inputs=[("x", FLOAT, (2, 4))])


def zero_point_behind_cast(value: float) -> onnx.ModelProto:
    return made("z", node("Cast", "n", "z", to=TensorProto.INT8), n=scalar(value))


def zero_point_of_a_sum(value: int) -> onnx.ModelProto:
    return made("z", node("Add", "a b", "z"), a=scalar(2, np.int8), b=scalar(value, np.int8))


def scale_of_a_range(largest: float) -> onnx.ModelProto:
    """As quantization in training is exported without folding: largest / 127, of another rank and type."""
    return made(
        "s",
        node("Cast", "a", "wide", to=FLOAT),
        node("Div", "wide n", "step"),
        node("Unsqueeze", "step zeroth", "s"),
        a=scalar(largest, np.float16),
        n=scalar(127),
        zeroth=np.array([0]),
    )


def scale_at_random() -> onnx.ModelProto:
    return made("s", helper.make_node("RandomUniform", [], ["s"], shape=[1]))


def scale_of_a_shape() -> onnx.ModelProto:
    return made("s", node("Size", "x", "n"), node("Cast", "n", "s", to=FLOAT))


def scalar_constant(zero: np.ndarray | None = None, codes: int = 7, **attributes: int) -> onnx.ModelProto:
    """As `quantize_static` writes the factor of a Mul."""
    constants = {"w": scalar(codes, np.int8), "s": STEP} | ({} if zero is None else {"z": zero})
    undo = node("DequantizeLinear", " ".join(constants), "wd", "w_DQ", **attributes)
    return model_of([undo, node("Mul", "x wd")], constants)


def dequantized_to(zero: str) -> onnx.ModelProto:
    """A DequantizeLinear that states the float it gives, which opset 23 allows."""
    nodes = [
        node("QuantizeLinear", "x s z", "q", "Q"),
        node("DequantizeLinear", f"q s {zero}".strip(), "y", "DQ", output_dtype=FLOAT),
    ]
    return model_of(nodes, {"s": STEP, "z": ZERO}, opset=23)


def cast_to_uint8() -> onnx.ModelProto:
    nodes = [node("Cast", "x", "q", to=UINT8), node("DequantizeLinear", "q s", "y", "DQ")]
    return model_of(nodes, {"s": STEP})


def double_quantized() -> onnx.ModelProto:
    """NVFP4 weights: block scales in fp8, themselves dequantized."""
    nodes = [
        node("DequantizeLinear", "ws g", "wr", "scale_DQ"),
        node("DequantizeLinear", "w wr", "wd", "w_DQ", axis=0, block_size=16),
        node("MatMul", "x wd", "y", "product"),
    ]
    constants = {"w": weights(32, 4, dtype=FP4), "ws": weights(2, 4, dtype=FP8), "g": scalar(0.01)}
    constants["ws"] = np.ones((2, 4), FP8)
    return model_of(nodes, constants, opset=23, inputs=[("x", FLOAT, (2, 32))])


def dynamic_fp4() -> onnx.ModelProto:
    """As ModelOpt writes NVFP4 activations."""
    nodes = [
        node("TRT_FP4DynamicQuantize", "x g", "xq xs", domain="trt", axis=-1, block_size=16, scale_type=17),
        node("DequantizeLinear", "xs g", "xr", "scale_DQ"),
        node("DequantizeLinear", "xq xr", "y", "x_DQ", axis=-1, block_size=16),
    ]
    return model_of(nodes, {"g": scalar(0.01)}, opset=23, inputs=[("x", FLOAT, (2, 32))])


def blocked_product(*, axis: int, stated: int | None = None) -> onnx.ModelProto:
    """A MatMul of int4 weights (32, 64) in blocks of 16 along an axis, which the node may state otherwise."""
    scales = np.full((2, 64) if axis == 0 else (32, 4), 0.1, np.float32)
    undo = node("DequantizeLinear", "w s", "wd", "w_DQ", axis=axis if stated is None else stated, block_size=16)
    constants = {"w": weights(32, 64, dtype=INT4), "s": scales}
    return model_of([undo, node("MatMul", "x wd", "y", "product")], constants, inputs=[("x", FLOAT, (2, 32))])


def shared_codes() -> onnx.ModelProto:
    nodes = [
        node("QuantizeLinear", "x s z", "q", "x_Q"),
        node("DequantizeLinear", "q s z", "a", "first"),
        node("DequantizeLinear", "q s z", "b", "second"),
        node("Add", "a b"),
    ]
    return model_of(nodes, {"s": STEP, "z": ZERO})


def uint8_reaching_a_reshape() -> onnx.ModelProto:
    nodes = [node("Reshape", "x n", "r"), node("Cast", "r", "y", to=FLOAT)]
    return model_of(nodes, {"n": np.array([8, 32])}, inputs=[("x", UINT8, (1, 4, 8, 8))])


def cast_uint8_input() -> onnx.ModelProto:
    return one("Cast", type_=UINT8, gives=FLOAT, to=FLOAT)


def in_function() -> onnx.ModelProto:
    body = [node("DequantizeLinear", "a s", "b", "inner")]
    constant = helper.make_node("Constant", [], ["s"], value=onnx.numpy_helper.from_array(scalar(-1.0)))
    function = helper.make_function("own", "Undo", ["a"], ["b"], [constant, *body], [helper.make_opsetid("", 21)])
    nodes = [node("QuantizeLinear", "x s z", "q", "x_Q"), node("Undo", "q", "y", domain="own")]
    return model_of(nodes, {"s": STEP, "z": ZERO}, functions=[function])


def parameters_of_the_caller(zero: np.ndarray = ZERO, scale: np.ndarray = STEP) -> onnx.ModelProto:
    """A function that quantizes and dequantizes by what it is given."""
    body = [node("QuantizeLinear", "a s z", "q", "inner_Q"), node("DequantizeLinear", "q s z", "b", "inner_DQ")]
    function = helper.make_function("own", "Pair", ["a", "s", "z"], ["b"], body, [helper.make_opsetid("", 21)])
    nodes = [node("Pair", "x step zero", "y", domain="own")]
    return model_of(nodes, {"step": scale, "zero": zero}, functions=[function])


def scale_made_around_a_branch() -> onnx.ModelProto:
    """A constant behind a Cast that stands in front of the branches."""
    outputs = [helper.make_tensor_value_info("b", FLOAT, None)]
    branch = helper.make_graph(pair("x", "b"), "branch", [], outputs)
    nodes = [node("Cast", "half", "s", to=FLOAT), node("If", "c", "y", then_branch=branch, else_branch=branch)]
    constants = {"half": scalar(0.05, np.float16), "z": ZERO}
    return model_of(nodes, constants, inputs=[("c", BOOL, ()), ("x", FLOAT, (4, 4))])


def in_branch() -> onnx.ModelProto:
    def branch(name: str, kind: str) -> onnx.GraphProto:
        inner = helper.make_node(kind, ["x"], [name], name=f"{name}_{kind}")
        return helper.make_graph([inner], name, [], [helper.make_tensor_value_info(name, FLOAT, None)])

    condition = ("c", BOOL, ())
    nodes = [node("If", "c", "y", then_branch=branch("t", "Relu"), else_branch=branch("e", "Bernoulli"))]
    return model_of(nodes, inputs=[condition, ("x", FLOAT, (4, 4))])


def scale_from_around_a_branch() -> onnx.ModelProto:
    def branch(name: str) -> onnx.GraphProto:
        inner = helper.make_node("DequantizeLinear", ["q", "s"], [name], name=f"{name}_DQ")
        return helper.make_graph([inner], name, [], [helper.make_tensor_value_info(name, FLOAT, None)])

    nodes = [
        node("QuantizeLinear", "x k z", "q", "x_Q"),
        node("If", "c", "y", then_branch=branch("t"), else_branch=branch("e")),
    ]
    constants = {"k": STEP, "z": ZERO, "s": scalar(-0.05)}
    return model_of(nodes, constants, inputs=[("c", BOOL, ()), ("x", FLOAT, (4, 4))])


def codes_that_move() -> onnx.ModelProto:
    nodes = [
        node("QuantizeLinear", "x s z", "q", "x_Q"),
        node("Transpose", "q", "t"),
        node("DequantizeLinear", "t s z", "y", "x_DQ"),
    ]
    return model_of(nodes, {"s": STEP, "z": ZERO})


def gru_of_matrix() -> onnx.ModelProto:
    constants = {"w": weights(1, 12, 4), "r": weights(1, 12, 4)}
    return one("GRU", constants, shape=(3, 2, 4), hidden_size=4)


def lstm(quantized: bool = False, **attributes: int) -> onnx.ModelProto:
    constants = {"w": weights(1, 16, 4, dtype=np.int8 if quantized else np.float32), "r": weights(1, 16, 4)}
    nodes = [node("LSTM", "x wd r" if quantized else "x w r", "y", hidden_size=4, **attributes)]
    if quantized:
        nodes.insert(0, node("DequantizeLinear", "w ws", "wd", "w_DQ"))
        constants["ws"] = STEP
    return model_of(nodes, constants, inputs=[("x", FLOAT, (3, 2, 4))])


def relu_then(dtype: type, zero: int = 0, opset: int = 21) -> onnx.ModelProto:
    return model_of(
        [node("Relu", "x", "r", "relu"), *pair("r", "y")], {"s": STEP, "z": scalar(zero, dtype)}, opset=opset
    )


def products_of_16_bits() -> onnx.ModelProto:
    nodes = [*pair("x", "xd"), node("DequantizeLinear", "w s", "wd", "w_DQ"), node("MatMul", "xd wd", "y", "product")]
    constants = {"s": STEP, "z": scalar(0, np.int16), "w": weights(8, 4, dtype=np.int8)}
    return model_of(nodes, constants, inputs=[("x", FLOAT, (2, 8))])


def qlinear(shape: tuple[int, ...], scales: int) -> onnx.ModelProto:
    constants = {
        "xs": STEP,
        "xz": scalar(0, UINT8_TYPE),
        "w": weights(8, 4, dtype=np.uint8),
        "ws": np.full(scales, 0.1, np.float32) if scales > 1 else STEP,
        "wz": np.zeros(scales, np.uint8) if scales > 1 else scalar(0, UINT8_TYPE),
        "ys": STEP,
        "yz": scalar(0, UINT8_TYPE),
    }
    return model_of(
        [node("QLinearMatMul", "x xs xz w ws wz ys yz")],
        constants,
        inputs=[("x", UINT8, shape)],
        outputs=[("y", UINT8, None)],
    )


def weight_in_training(dtype: type) -> onnx.ModelProto:
    """A float weight, quantized by nodes of its own per channel, as exports of quantization-aware training have it."""
    nodes = [
        node("QuantizeLinear", "w s z", "wq", "w_Q", axis=0),
        node("DequantizeLinear", "wq s z", "wd", "w_DQ", axis=0),
        node("Add", "x wd"),
    ]
    constants = {"w": weights(6, 4), "s": np.full(6, 0.1, np.float32), "z": np.zeros(6, dtype)}
    return model_of(nodes, constants, inputs=[("x", FLOAT, (6, 4))])
