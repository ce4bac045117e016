"""Models of full size for benchmarks, built on the fly with seeded weights: nothing is downloaded."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["SeededGraph", "images", "resnet50"]

_STAGES = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))  # blocks, width, stride of the first block
_EXPANSION = 4


def resnet50(seed: int = 0) -> onnx.ModelProto:
    """ResNet-50 v1.5 (He et al. 2016, table 1; a block's stride is in its 3×3 convolution), batch norms folded.

    `image` (N, 3, 224, 224) float32 to `logits` (N, 1000); 53 convolutions, 25.5 million weights. Weights are normal
    with He's variance, the last convolution of a block at a quarter of it, so that activations keep their size through
    the sums.
    """
    graph = SeededGraph(seed)
    value = graph.convolution("image", 3, 64, 7, 2, relu=True)
    value = graph.node("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for blocks, width, stride in _STAGES:
        for index in range(blocks):
            value = _bottleneck(graph, value, channels, width, stride if index == 0 else 1)
            channels = width * _EXPANSION
    value = graph.node("GlobalAveragePool", [value])
    value = graph.node("Flatten", [value])
    weight = graph.weight((1000, channels), channels)
    graph.node("Gemm", [value, weight, graph.constant(np.zeros(1000, np.float32))], ["logits"], transB=1)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 224, 224])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])
    return graph.model("resnet50", [image], [logits])


def images(count: int, seed: int = 1) -> np.ndarray:
    """`count` images (count, 3, 224, 224) in float32, normalized: smooth fields with noise, brighter or darker."""
    random = np.random.default_rng(seed)
    coarse = random.standard_normal((count, 3, 14, 14)).astype(np.float32)
    smooth = coarse.repeat(16, axis=2).repeat(16, axis=3)
    noise = random.standard_normal((count, 3, 224, 224), dtype=np.float32)
    return smooth + np.float32(0.3) * noise + random.uniform(-0.5, 0.5, (count, 1, 1, 1)).astype(np.float32)


def _bottleneck(graph: SeededGraph, value: str, channels: int, width: int, stride: int) -> str:
    inner = graph.convolution(value, channels, width, 1, 1, relu=True)
    inner = graph.convolution(inner, width, width, 3, stride, relu=True)
    inner = graph.convolution(inner, width, width * _EXPANSION, 1, 1, relu=False, gain=0.25)
    if stride != 1 or channels != width * _EXPANSION:
        value = graph.convolution(value, channels, width * _EXPANSION, 1, stride, relu=False)
    return graph.node("Relu", [graph.node("Add", [inner, value])])


class SeededGraph:
    """A graph as it is built, with weights from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def node(
        self, operator: str, inputs: list[str], outputs: list[str] | None = None, scope: str = "", **attributes: object
    ) -> str:
        name = f"{scope}/{operator}_{len(self._nodes)}"
        outputs = outputs or [f"{name}_output_0"]
        self._nodes.append(helper.make_node(operator, inputs, outputs, name, **attributes))
        return outputs[0]

    def convolution(
        self, value: str, channels: int, features: int, size: int, stride: int, *, relu: bool, gain: float = 1.0
    ) -> str:
        weight = self.weight((features, channels, size, size), channels * size * size, gain)
        bias = self.constant(self._random.normal(0.0, 0.1, features).astype(np.float32))
        pads = [size // 2] * 4
        result = self.node("Conv", [value, weight, bias], kernel_shape=[size, size], strides=[stride] * 2, pads=pads)
        return self.node("Relu", [result]) if relu else result

    def weight(self, shape: tuple[int, ...], inputs: int, gain: float = 1.0) -> str:
        deviation = np.float32(np.sqrt(2.0 * gain / inputs))
        return self.constant(self._random.standard_normal(shape, dtype=np.float32) * deviation)

    def constant(self, array: np.ndarray) -> str:
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(array, name))
        return name

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, name, inputs, outputs, self._weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
