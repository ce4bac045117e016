"""Float models with places where scales of channels may be moved, and some where they may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, shape_inference

from pytest_qparity.precision.large import copied
from tests.precision.graphs import FLOAT, model_of, weights

FAR = 2.0 ** np.arange(-4, 4)  # scales of eight channels, a badly scaled tensor's


def chain(
    nodes: Sequence[tuple], constants: Mapping[str, np.ndarray], shape: Sequence[int | str], rank_out: int
) -> onnx.ModelProto:
    """Nodes as (operator, inputs, output, attributes); the last one's output is y. Shapes are inferred."""
    made = [
        helper.make_node(operator, inputs, [output], name=output, **attributes)
        for operator, inputs, output, attributes in nodes
    ]
    outputs = [("y", FLOAT, [None] * rank_out)]
    return shape_inference.infer_shapes(
        model_of(made, [("x", FLOAT, list(shape))], outputs, constants, opset=17), data_prop=True
    )


def convolutions() -> onnx.ModelProto:
    """Conv, Relu, depthwise Conv, LeakyRelu, MaxPool, grouped Conv, Relu, average, Flatten, Gemm: three pairs."""
    nodes = [
        ("Conv", ["x", "w1", "b1"], "c1", {"pads": [1, 1, 1, 1]}),
        ("Relu", ["c1"], "r1", {}),
        ("Conv", ["r1", "w2", "b2"], "c2", {"group": 8, "pads": [1, 1, 1, 1]}),
        ("LeakyRelu", ["c2"], "r2", {}),
        ("MaxPool", ["r2"], "p2", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Conv", ["p2", "w3"], "c3", {"group": 2}),
        ("Relu", ["c3"], "r3", {}),
        ("Flatten", ["r3"], "f3", {}),
        ("Gemm", ["f3", "w4", "b4"], "y", {"transB": 1}),
    ]
    constants = {
        "w1": weights(8, 3, 3, 3, seed=1),
        "b1": weights(8, seed=2),
        "w2": weights(8, 1, 3, 3, seed=3),
        "b2": weights(8, seed=4),
        "w3": weights(6, 4, 3, 3, seed=5),
        "w4": weights(5, 6 * 4, seed=6),
        "b4": weights(5, seed=7),
    }
    return chain(nodes, constants, ["N", 3, 8, 8], 2)


def badly_scaled() -> onnx.ModelProto:
    """The same, computing the same but for float rounding, with channels of the first tensor up to 128 times apart."""
    model = convolutions()
    for tensor, factor in (("w1", FAR.reshape(8, 1, 1, 1)), ("b1", FAR), ("w2", 1 / FAR.reshape(8, 1, 1, 1))):
        replace_constant(model, tensor, constant(model, tensor) * factor.astype(np.float32))
    return model


def attention_like() -> onnx.ModelProto:
    """LayerNormalization, two MatMuls that read it; MatMul, Add, Relu, MatMul, Add: two tensors take scales, and that
    behind a Softmax none. Channel 3 of the normalization is 50 times the others."""
    scale = np.ones(8, np.float32)
    scale[3] = 50.0
    nodes = [
        ("LayerNormalization", ["x", "scale", "offset"], "n", {}),
        ("MatMul", ["n", "wq"], "q", {}),
        ("MatMul", ["n", "wk"], "k", {}),
        ("Add", ["q", "k"], "s", {}),
        ("Softmax", ["s"], "p", {}),
        ("MatMul", ["p", "w1"], "m1", {}),
        ("Add", ["b1", "m1"], "a1", {}),
        ("Relu", ["a1"], "r1", {}),
        ("MatMul", ["r1", "w2"], "m2", {}),
        ("Add", ["m2", "b2"], "y", {}),
    ]
    constants = {
        "scale": scale,
        "offset": weights(8, seed=1),
        "wq": weights(8, 8, seed=2),
        "wk": weights(8, 8, seed=3),
        "w1": weights(8, 16, seed=4),
        "b1": weights(16, seed=5),
        "w2": weights(16, 4, seed=6),
        "b2": weights(1, seed=7),
    }
    return chain(nodes, constants, ["N", 5, 8], 3)


def normalized_pool() -> onnx.ModelProto:
    """BatchNormalization (of the input, so that nothing folds it), PRelu, ConvTranspose, Mul and Add by constants of
    each channel, Conv; a global average made a matrix by Reshape, Gemm."""
    nodes = [
        ("BatchNormalization", ["x", "g", "o", "m", "v"], "n", {}),
        ("PRelu", ["n", "slope"], "r", {}),
        ("ConvTranspose", ["r", "w1", "b1"], "c1", {}),
        ("Mul", ["c1", "each"], "s1", {}),
        ("Add", ["more", "s1"], "a1", {}),
        ("Conv", ["a1", "w2"], "c2", {}),
        ("GlobalAveragePool", ["c2"], "p2", {}),
        ("Reshape", ["p2", "to"], "f2", {}),
        ("Gemm", ["f2", "w3"], "y", {}),
    ]
    constants = {
        "g": weights(3, seed=1) + 1,
        "o": weights(3, seed=2),
        "m": weights(3, seed=3),
        "v": weights(3, seed=4) ** 2 + 1,
        "slope": np.full((3, 1, 1), 0.1, np.float32),
        "w1": weights(3, 4, 2, 2, seed=5),
        "b1": weights(4, seed=6),
        "each": weights(1, 4, 1, 1, seed=7),
        "more": weights(4, 1, 1, seed=8),
        "w2": weights(6, 4, 3, 3, seed=9),
        "to": np.array([-1, 6]),
        "w3": weights(6, 2, seed=10),
    }
    return chain(nodes, constants, ["N", 3, 6, 6], 2)


def written_out() -> onnx.ModelProto:
    """A normalization without its operator, as JAX exports it, twice as large and turned in front of a Conv; half of
    its result, turned back, as a matrix of rows into a MatMul."""
    nodes = [
        ("ReduceMean", ["x"], "mean", {"axes": [-1]}),
        ("Sub", ["x", "mean"], "centred", {}),
        ("Mul", ["centred", "centred"], "square", {}),
        ("ReduceMean", ["square"], "variance", {"axes": [-1]}),
        ("Sqrt", ["variance"], "deviation", {}),
        ("Reciprocal", ["deviation"], "inverse", {}),
        ("Mul", ["inverse", "scale"], "factor", {}),
        ("Mul", ["centred", "factor"], "scaled", {}),
        ("Add", ["scaled", "offset"], "normed", {}),
        ("Mul", ["normed", "two"], "doubled", {}),
        ("Transpose", ["doubled"], "turned", {"perm": [0, 2, 1]}),
        ("Conv", ["turned", "w1"], "c1", {}),
        ("Transpose", ["c1"], "back", {"perm": [0, 2, 1]}),
        ("Div", ["back", "two"], "halved", {}),
        ("Reshape", ["halved", "to"], "rows", {}),
        ("MatMul", ["rows", "w2"], "y", {}),
    ]
    constants = {
        "scale": weights(1, 8, seed=1) + 2,
        "offset": weights(1, 1, 8, seed=2),
        "two": np.float32(2),
        "w1": weights(6, 8, 1, seed=3),
        "w2": weights(6, 3, seed=4),
        "to": np.array([-1, 6]),
    }
    return chain(nodes, constants, ["N", 5, 8], 2)


def read_twice() -> onnx.ModelProto:
    """Gemm, Relu, Gemm, and a sum with what is between: another reader, so that no scale may be moved."""
    nodes = [
        ("Gemm", ["x", "w1", "b1"], "c1", {}),
        ("Relu", ["c1"], "r1", {}),
        ("Gemm", ["r1", "w2"], "c2", {}),
        ("Add", ["c2", "r1"], "y", {}),
    ]
    constants = {"w1": weights(8, 8, seed=1), "b1": weights(8, seed=2), "w2": weights(8, 8, seed=3)}
    return chain(nodes, constants, ["N", 8], 2)


def read_before() -> onnx.ModelProto:
    """The same with a sum of what is ahead of the Relu."""
    nodes = [
        ("Gemm", ["x", "w1", "b1"], "c1", {}),
        ("Relu", ["c1"], "r1", {}),
        ("Gemm", ["r1", "w2"], "c2", {}),
        ("Add", ["c2", "c1"], "y", {}),
    ]
    constants = {"w1": weights(8, 8, seed=1), "b1": weights(8, seed=2), "w2": weights(8, 8, seed=3)}
    return chain(nodes, constants, ["N", 8], 2)


def a_difference() -> onnx.ModelProto:
    """Gemm, Relu, Gemm less what the same weights give along another way: outputs that are float rounding alone."""
    nodes = [
        ("Gemm", ["x", "w1"], "c1", {}),
        ("Relu", ["c1"], "r1", {}),
        ("Gemm", ["r1", "w2"], "c2", {}),
        ("Gemm", ["x", "w1"], "d1", {}),
        ("Clip", ["d1", "zero"], "e1", {}),
        ("Gemm", ["e1", "w2"], "d2", {}),
        ("Sub", ["c2", "d2"], "y", {}),
    ]
    constants = {"w1": weights(8, 8, seed=1), "w2": weights(8, 8, seed=3) * 64, "zero": np.float32(0)}
    return chain(nodes, constants, ["N", 8], 2)


def only(model: onnx.ModelProto, tensor: str, rank: int) -> onnx.ModelProto:
    """A copy of the model up to a tensor."""
    model = copied(model)
    last = next(index for index, node in enumerate(model.graph.node) if tensor in node.output)
    del model.graph.node[last + 1 :]
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(tensor, FLOAT, [None] * rank))
    return model


def constant(model: onnx.ModelProto, name: str) -> np.ndarray:
    return onnx.numpy_helper.to_array(next(each for each in model.graph.initializer if each.name == name))


def operand(model: onnx.ModelProto, node: str, index: int) -> np.ndarray:
    """The constant that a node takes, whatever it is called by now."""
    taken = next(each for each in model.graph.node if each.name == node).input[index]
    return constant(model, taken)


def replace_constant(model: onnx.ModelProto, name: str, array: np.ndarray) -> None:
    index = next(at for at, each in enumerate(model.graph.initializer) if each.name == name)
    model.graph.initializer[index].CopyFrom(onnx.numpy_helper.from_array(array.astype(np.float32), name))
