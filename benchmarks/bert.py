"""BERT-base (Devlin et al. 2019) as a classifier, with seeded weights: nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper

from benchmarks.models import SeededGraph

_MASKED = -10_000.0


@dataclass(frozen=True)
class BertSize:
    """Of BERT-base; the sequence is of fixed length, so that the file computes no shapes."""

    layers: int = 12
    hidden: int = 768
    heads: int = 12
    inner: int = 3072
    vocabulary: int = 30_522
    sequence: int = 128


def bert(size: BertSize = BertSize(), seed: int = 0) -> onnx.ModelProto:
    """`input_ids`, `attention_mask` (N, sequence) int64 to `logits` (N, 2) float32; 110 million weights at full size.

    Nodes of layer 3's attention are named /layer.3/attention/….
    """
    graph = SeededGraph(seed)
    mask = graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    mask = graph.node("Mul", [graph.node("Sub", [_scalar(graph, 1.0), mask]), _scalar(graph, _MASKED)])
    mask = graph.node("Unsqueeze", [mask, _integers(graph, [1, 2])])  # (N, 1, 1, sequence)
    value = graph.node("Gather", [_weight(graph, (size.vocabulary, size.hidden)), "input_ids"])
    value = _normalized(graph, graph.node("Add", [value, _weight(graph, (1, size.sequence, size.hidden))]), size, "")
    for layer in range(size.layers):
        scope = f"/layer.{layer}"
        attended = _attention(graph, value, mask, size, f"{scope}/attention")
        value = _normalized(graph, graph.node("Add", [attended, value], scope=scope), size, scope)
        inner = _dense(graph, value, size.hidden, size.inner, f"{scope}/intermediate")
        inner = _dense(graph, _gelu(graph, inner, scope), size.inner, size.hidden, f"{scope}/output")
        value = _normalized(graph, graph.node("Add", [inner, value], scope=scope), size, scope)
    first = graph.node("Gather", [value, graph.constant(np.array(0, np.int64))], axis=1)
    pooled = graph.node("Tanh", [_dense(graph, first, size.hidden, size.hidden, "/pooler")])
    graph.node(
        "Gemm", [pooled, _weight(graph, (size.hidden, 2), 0.2), graph.constant(np.zeros(2, np.float32))], ["logits"]
    )
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", size.sequence]) for name in _INPUTS]
    return graph.model("bert", inputs, [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])])


_INPUTS = ("input_ids", "attention_mask")


def sentences(count: int, size: BertSize = BertSize(), seed: int = 1) -> dict[str, np.ndarray]:
    """`count` sequences of random words, of half the length at least and padded to it: int64 (count, sequence) each."""
    random = np.random.default_rng(seed)
    lengths = random.integers(size.sequence // 2, size.sequence + 1, (count, 1))
    mask = (np.arange(size.sequence) < lengths).astype(np.int64)
    return {"input_ids": random.integers(1, size.vocabulary, (count, size.sequence)) * mask, "attention_mask": mask}


def _attention(graph: SeededGraph, value: str, mask: str, size: BertSize, scope: str) -> str:
    width = size.hidden // size.heads

    def parted(kind: str, order: list[int]) -> str:
        made = _dense(graph, value, size.hidden, size.hidden, f"{scope}/{kind}")
        made = graph.node("Reshape", [made, _integers(graph, [0, 0, size.heads, width])], scope=scope)
        return graph.node("Transpose", [made], scope=scope, perm=order)

    scores = graph.node("MatMul", [parted("query", [0, 2, 1, 3]), parted("key", [0, 2, 3, 1])], scope=scope)
    scores = graph.node("Mul", [scores, _scalar(graph, float(width**-0.5))], scope=scope)
    shares = graph.node("Softmax", [graph.node("Add", [scores, mask], scope=scope)], scope=scope, axis=-1)
    mixed = graph.node("MatMul", [shares, parted("value", [0, 2, 1, 3])], scope=scope)
    mixed = graph.node("Transpose", [mixed], scope=scope, perm=[0, 2, 1, 3])
    mixed = graph.node("Reshape", [mixed, _integers(graph, [0, 0, size.hidden])], scope=scope)
    return _dense(graph, mixed, size.hidden, size.hidden, f"{scope}/output")


def _gelu(graph: SeededGraph, value: str, scope: str) -> str:
    """x · (1 + erf(x / √2)) / 2."""
    erf = graph.node("Erf", [graph.node("Mul", [value, _scalar(graph, float(0.5**0.5))], scope=scope)], scope=scope)
    half = graph.node("Mul", [value, _scalar(graph, 0.5)], scope=scope)
    return graph.node("Mul", [half, graph.node("Add", [erf, _scalar(graph, 1.0)], scope=scope)], scope=scope)


def _dense(graph: SeededGraph, value: str, inputs: int, outputs: int, scope: str) -> str:
    product = graph.node("MatMul", [value, _weight(graph, (inputs, outputs))], scope=scope)
    return graph.node("Add", [product, graph.constant(np.zeros(outputs, np.float32))], scope=scope)


def _normalized(graph: SeededGraph, value: str, size: BertSize, scope: str) -> str:
    ones, zeros = np.ones(size.hidden, np.float32), np.zeros(size.hidden, np.float32)
    return graph.node(
        "LayerNormalization", [value, graph.constant(ones), graph.constant(zeros)], scope=scope, axis=-1, epsilon=1e-12
    )


def _weight(graph: SeededGraph, shape: tuple[int, ...], deviation: float = 0.04) -> str:
    return graph.weight(shape, 1, deviation**2 / 2)  # its deviation is √(2 · gain / inputs)


def _scalar(graph: SeededGraph, value: float) -> str:
    return graph.constant(np.array(value, np.float32))


def _integers(graph: SeededGraph, values: list[int]) -> str:
    return graph.constant(np.array(values, np.int64))
