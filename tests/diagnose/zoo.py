"""Seeded float models of several kinds and sizes, with data that fit them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.models import checked

FLOAT = TensorProto.FLOAT


@dataclass
class Net:
    """A graph while it grows; `last` is the tensor that the next layer reads."""

    random: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    last: str = "input"

    def add(self, kind: str, name: str, *operands: str, **attributes) -> str:
        output = f"{name}_out"
        self.nodes.append(helper.make_node(kind, [self.last, *operands], [output], name=name, **attributes))
        self.last = output
        return output

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants[name] = np.asarray(array, np.float32 if array.dtype.kind == "f" else array.dtype)
        return name

    def weight(self, name: str, *shape: int, fan_in: int) -> str:
        """Standard normal over √fan_in, each output channel of a gain of its own in [0.6, 1.6]."""
        return self.constant(name, self.random.standard_normal(shape) * np.sqrt(2.0 / fan_in))

    def conv(self, name: str, inputs: int, outputs: int, size: int = 3, **attributes) -> str:
        weight = self.weight(f"{name}_w", outputs, inputs, size, size, fan_in=inputs * size * size)
        bias = self.constant(f"{name}_b", self.random.standard_normal(outputs) * 0.1)
        return self.add("Conv", name, weight, bias, pads=[size // 2] * 4, **attributes)

    def gemm(self, name: str, inputs: int, outputs: int) -> str:
        weight = self.weight(f"{name}_w", outputs, inputs, fan_in=inputs)
        bias = self.constant(f"{name}_b", self.random.standard_normal(outputs) * 0.1)
        return self.add("Gemm", name, weight, bias, transB=1)

    def matmul(self, name: str, inputs: int, outputs: int) -> str:
        self.add("MatMul", name, self.weight(f"{name}_w", inputs, outputs, fan_in=2 * inputs))
        return self.add("Add", f"{name}_bias", self.constant(f"{name}_b", self.random.standard_normal(outputs) * 0.1))

    def model(self, shape: list[int | str], outputs: list[int | str]) -> onnx.ModelProto:
        self.nodes[-1].output[0] = "logits"
        graph = helper.make_graph(
            self.nodes,
            "zoo",
            [helper.make_tensor_value_info("input", FLOAT, shape)],
            [helper.make_tensor_value_info("logits", FLOAT, outputs)],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        return checked(graph, 17)


def mlp(seed: int) -> onnx.ModelProto:
    """3 to 5 Gemm with Relu between them, 16 to 48 wide."""
    random = np.random.default_rng(seed)
    net, width = Net(random), int(random.integers(16, 48))
    depth = int(random.integers(3, 6))
    net.gemm("fc0", 12, width)
    for index in range(1, depth):
        net.add("Relu", f"relu{index}")
        net.gemm(f"fc{index}", width, width if index < depth - 1 else 6)
    return net.model(["N", 12], ["N", 6])


def cnn(seed: int) -> onnx.ModelProto:
    """3 or 4 Conv with Relu, one MaxPool, a classifier."""
    random = np.random.default_rng(seed)
    net, channels = Net(random), int(random.integers(6, 16))
    depth = int(random.integers(3, 5))
    net.conv("conv0", 2, channels)
    for index in range(1, depth):
        net.add("Relu", f"relu{index}")
        if index == 2:
            net.add("MaxPool", "pool", kernel_shape=[2, 2], strides=[2, 2])
        net.conv(f"conv{index}", channels, channels)
    net.add("Relu", "relu_last")
    net.add("GlobalAveragePool", "average")
    net.add("Flatten", "flatten")
    net.gemm("classify", channels, 5)
    return net.model(["N", 2, 8, 8], ["N", 5])


def residual(seed: int) -> onnx.ModelProto:
    """A stem and 2 or 3 blocks of two Conv with a skip, a classifier."""
    random = np.random.default_rng(seed)
    net, channels = Net(random), int(random.integers(6, 14))
    net.conv("stem", 2, channels)
    net.add("Relu", "stem_relu")
    for index in range(int(random.integers(2, 4))):
        skip = net.last
        net.conv(f"block{index}_a", channels, channels)
        net.add("Relu", f"block{index}_relu")
        net.conv(f"block{index}_b", channels, channels)
        net.add("Add", f"block{index}_add", skip)
        net.add("Relu", f"block{index}_out")
    net.add("GlobalAveragePool", "average")
    net.add("Flatten", "flatten")
    net.gemm("classify", channels, 5)
    return net.model(["N", 2, 8, 8], ["N", 5])


def branches(seed: int) -> onnx.ModelProto:
    """A stem, a sum with a Clip behind it, two branches in a Concat with Relu and MaxPool, a classifier."""
    random = np.random.default_rng(seed)
    net, channels = Net(random), int(random.integers(6, 14))
    net.conv("stem", 2, channels)
    skip = net.add("Relu", "stem_relu")
    net.conv("body", channels, channels)
    net.add("Add", "sum", skip)
    split = net.add("Clip", "clip", net.constant("clip_low", np.zeros(())), net.constant("clip_high", np.full((), 3.0)))
    first = net.conv("branch_a", channels, channels)
    net.last = split
    second = net.conv("branch_b", channels, channels)
    net.last = first
    net.add("Concat", "joined", second, axis=1)
    net.add("Relu", "joined_relu")
    net.add("MaxPool", "pool", kernel_shape=[2, 2], strides=[2, 2])
    net.conv("late", 2 * channels, channels)
    net.add("Relu", "late_relu")
    net.add("GlobalAveragePool", "average")
    net.add("Flatten", "flatten")
    net.gemm("classify", channels, 5)
    return net.model(["N", 2, 8, 8], ["N", 5])


def transformer(seed: int) -> onnx.ModelProto:
    """1 or 2 blocks of one-headed attention and a feed-forward part with Relu, LayerNormalization ahead of both."""
    random = np.random.default_rng(seed)
    net, width = Net(random), 8 * int(random.integers(2, 5))
    net.matmul("embed", 10, width)
    for index in range(int(random.integers(1, 3))):
        skip = net.last
        _norm(net, f"norm{index}_a", width)
        normed, parts = net.last, {}
        for part in ("query", "key", "value"):
            net.last = normed
            parts[part] = net.matmul(f"{part}{index}", width, width)
        net.last = parts["key"]
        key = net.add("Transpose", f"transpose{index}", perm=[0, 2, 1])
        net.last = parts["query"]
        net.add("MatMul", f"scores{index}", key)
        net.add("Mul", f"scale{index}", net.constant(f"scale{index}_c", np.array(width**-0.5)))
        net.add("Softmax", f"softmax{index}", axis=-1)
        net.add("MatMul", f"context{index}", parts["value"])
        net.matmul(f"output{index}", width, width)
        skip = net.add("Add", f"add{index}_a", skip)
        _norm(net, f"norm{index}_b", width)
        net.matmul(f"up{index}", width, 2 * width)
        net.add("Relu", f"relu{index}")
        net.matmul(f"down{index}", 2 * width, width)
        net.add("Add", f"add{index}_b", skip)
    net.add("ReduceMean", "mean", axes=[1], keepdims=0)
    net.gemm("classify", width, 5)
    return net.model(["N", 6, 10], ["N", 5])


def _norm(net: Net, name: str, width: int) -> None:
    scale = net.constant(f"{name}_scale", 1.0 + 0.1 * net.random.standard_normal(width))
    bias = net.constant(f"{name}_bias", 0.1 * net.random.standard_normal(width))
    net.add("LayerNormalization", name, scale, bias, axis=-1)


KINDS: dict[str, Callable[[int], onnx.ModelProto]] = {
    "mlp": mlp,
    "cnn": cnn,
    "residual": residual,
    "transformer": transformer,
    "branches": branches,
}
SHAPES = {"mlp": (12,), "cnn": (2, 8, 8), "residual": (2, 8, 8), "transformer": (6, 10), "branches": (2, 8, 8)}


def samples(kind: str, seed: int, count: int = 32) -> np.ndarray:
    """float32 (count, …): standard normal."""
    return np.random.default_rng([seed, 77]).standard_normal((count, *SHAPES[kind])).astype(np.float32)
