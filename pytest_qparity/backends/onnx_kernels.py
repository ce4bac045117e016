"""Compute nodes of an ONNX graph, as a file or an engine's optimizer wrote it: on integers or as floats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from pytest_qparity.backends.kernels import ComputeNode, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

    Body = GraphProto | FunctionProto
    Producers = Mapping[str, NodeProto]

_STANDARD = ("", "ai.onnx")
_MICROSOFT = "com.microsoft"
_LAYOUT_DOMAINS = ("com.microsoft.nchwc", "com.ms.internal.nhwc")
_DOMAINS = (*_STANDARD, _MICROSOFT, *_LAYOUT_DOMAINS)

# By the kind that a user knows from the float model.
_INTEGER = {
    "QLinearConv": "Conv",
    "ConvInteger": "Conv",
    "QLinearConvTranspose": "ConvTranspose",
    "QLinearMatMul": "MatMul",
    "MatMulInteger": "MatMul",
    "MatMulInteger16": "MatMul",
    "MatMulIntegerToFloat": "MatMul",
    "DynamicQuantizeMatMul": "MatMul",
    "QOrderedMatMul": "MatMul",
    "GemmFloat8": "Gemm",
    "QGemm": "Gemm",
    "DynamicQuantizeLSTM": "LSTM",
    "QAttention": "Attention",
    "QOrderedAttention": "Attention",
}
_PACKED_WEIGHTS = {"MatMulNBits": "MatMul", "MatMulBnb4": "MatMul", "MatMulFpQ4": "MatMul", "QMoE": "MoE"}
_FLOAT = {
    "Conv": "Conv",
    "FusedConv": "Conv",
    "NhwcConv": "Conv",
    "NhwcFusedConv": "Conv",
    "DeformConv": "Conv",
    "ConvTranspose": "ConvTranspose",
    "ConvTransposeWithDynamicPads": "ConvTranspose",
    "MatMul": "MatMul",
    "FusedMatMul": "MatMul",
    "FusedMatMulActivation": "MatMul",
    "TransposeMatMul": "MatMul",
    "Gemm": "Gemm",
    "FusedGemm": "Gemm",
    "LSTM": "LSTM",
    "GRU": "GRU",
    "RNN": "RNN",
    "Einsum": "Einsum",
    "Attention": "Attention",
    "MultiHeadAttention": "Attention",
    "DecoderMaskedMultiHeadAttention": "Attention",
    "GroupQueryAttention": "Attention",
    "PackedAttention": "Attention",
    "PackedMultiHeadAttention": "Attention",
    "SparseAttention": "Attention",
    "MoE": "MoE",
}
# What stands between a DequantizeLinear and the node it is for without computing anything.
_LAYOUT = frozenset({"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast"})

_DEQUANTIZE = frozenset({"DequantizeLinear", "TRT_MXFP8DequantizeLinear"})

ROUNDED_TO_INT8 = 4  # accuracy_level of MatMulNBits (ONNX Runtime's contrib operators): activations become int8


def read_graph(path: Path) -> ModelProto:
    """A model without its external data."""
    return onnx.load(path, load_external_data=False)


def compute_nodes(model: ModelProto) -> list[ComputeNode]:
    """The compute nodes of a graph, its subgraphs and its local functions, each as the graph says that it runs.

    `in_file`: a float node that takes what a DequantizeLinear gives, at once or behind a change of layout. That is how
    a quantized node looks that an engine did not fuse.
    """
    return [_described(node, producers) for node, producers in nested_nodes(model) if _computes(node)]


def in_file(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """A worker's call: what a file itself says of its compute nodes, where no engine can be asked."""
    others = frozenset(arguments["others"])
    nodes = [
        (_described(node, producers), node.output[0] in others)
        for node, producers in nested_nodes(read_graph(Path(arguments["model"])))
        if _computes(node)
    ]
    told = (replace(node, quantized=node.in_file and not other, otherwise=other) for node, other in nodes)
    return counted(told).as_json(), {}


def _computes(node: NodeProto) -> bool:
    return node.op_type in {**_INTEGER, **_PACKED_WEIGHTS, **_FLOAT} and node.domain in _DOMAINS


def rounding_nodes(model: ModelProto) -> int:
    """How many nodes of a graph take float activations and round them to int8 themselves."""
    return sum(
        node.op_type == "MatMulNBits"
        and any(each.name == "accuracy_level" and each.i == ROUNDED_TO_INT8 for each in node.attribute)
        for node, _ in nested_nodes(model)
    )


def quantized_names(model: ModelProto) -> frozenset[str]:
    """Names of the compute nodes that a file quantizes, and of their outputs."""
    return frozenset(
        name
        for node, producers in nested_nodes(model)
        if _is_quantized(node, producers)
        for name in (node.name, *node.output)
        if name
    )


def nested_nodes(model: ModelProto) -> Iterator[tuple[NodeProto, Producers]]:
    """Nodes of a graph, its subgraphs and the local functions, each with the nodes that make the values it can see."""
    for body in (model.graph, *model.functions):
        yield from _nested(body, {})


def _nested(body: Body, outer: Producers) -> Iterator[tuple[NodeProto, Producers]]:
    producers = {**outer, **{output: node for node in body.node for output in node.output}}
    for node in body.node:
        yield node, producers
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nested(attribute.g, producers)
            for graph in attribute.graphs:
                yield from _nested(graph, producers)


def _described(node: NodeProto, producers: Producers) -> ComputeNode:
    name = node.name or next(iter(node.output), "")
    if node.op_type in _INTEGER:
        return ComputeNode(_INTEGER[node.op_type], name, quantized=True, in_file=True)
    if node.op_type in _PACKED_WEIGHTS:
        return ComputeNode(_PACKED_WEIGHTS[node.op_type], name, quantized=True, weights_only=True, in_file=True)
    return ComputeNode(_FLOAT[node.op_type], name, quantized=False, in_file=_takes_dequantized(node, producers))


def _is_quantized(node: NodeProto, producers: Producers) -> bool:
    if node.op_type in _INTEGER or node.op_type in _PACKED_WEIGHTS:
        return node.domain in _DOMAINS
    return node.op_type in _FLOAT and node.domain in _DOMAINS and _takes_dequantized(node, producers)


def _takes_dequantized(node: NodeProto, producers: Producers) -> bool:
    """Whether one of the first two inputs is dequantized: a bias alone quantizes nothing."""
    return any(_is_dequantized(name, producers) for name in node.input[:2])


def _is_dequantized(name: str, producers: Producers) -> bool:
    for _ in range(len(_LAYOUT)):  # chains of layout changes are short, and a broken file may run in a circle
        node = producers.get(name)
        if node is None:
            return False
        if node.op_type in _DEQUANTIZE:
            return True
        if node.op_type not in _LAYOUT or not node.input:
            return False
        name = node.input[0]
    return False
