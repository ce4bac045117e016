"""Which nodes of a float model are quantized: weighted operators, less those that the recipe keeps float."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from pytest_qparity.precision.graph import WEIGHTED

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["MOVING", "Weight", "array_of", "bounds_of", "is_constant", "quantizable", "root_of", "weight_of"]

# Their output holds values of their first input and no others: it is quantized as that is.
MOVING = frozenset(
    {
        "DepthToSpace",
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "MaxPool",
        "Reshape",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)

_BOUNDS = {"Relu": (0.0, math.inf), "Sigmoid": (0.0, 1.0), "HardSigmoid": (0.0, 1.0), "Softmax": (0.0, 1.0)}


@dataclass(frozen=True, slots=True)
class Weight:
    """A constant operand: its index among the node's inputs, the axis of its output channels (None: per tensor), and
    that along which products are summed (None: more than one)."""

    index: int
    channel_axis: int | None
    reduction_axis: int | None


def quantizable(graph: ir.Graph, kept_float: Collection[str]) -> list[ir.Node]:
    """Weighted nodes of the graph and its bodies, in order, that compute in float32 and are not named to be kept."""
    return [node for node in graph.all_nodes() if node.name not in kept_float and _is_weighted(node)]


def weight_of(node: ir.Node) -> Weight | None:
    """The constant operand of a weighted node; None where it multiplies two activations."""
    if node.op_type in ("Conv", "ConvTranspose"):
        grouped = node.attributes.get_int("group", 1) != 1
        if node.op_type == "Conv":
            return Weight(1, 0, None)
        return Weight(1, None if grouped else 1, None)  # the channels of groups share their indices on axis 1
    for index in (1, 0):
        operand = node.inputs[index]
        if operand is not None and is_constant(operand):
            return _matrix(node, operand, index)
    return None


def _matrix(node: ir.Node, operand: ir.Value, index: int) -> Weight:
    rank = len(operand.shape) if operand.shape is not None else 0
    if rank != 2:
        return Weight(index, None, rank - 2 if index == 1 and rank > 2 else (0 if rank == 1 else None))
    name = "transB" if index == 1 else "transA"
    transposed = node.op_type == "Gemm" and bool(node.attributes.get_int(name, 0))
    last_is_channel = (index == 1) != transposed
    if index == 0:  # scales along the rows of a left operand: no engine fuses them
        return Weight(index, None, 0 if transposed else 1)
    return Weight(index, 1 if last_is_channel else 0, 0 if last_is_channel else 1)


def root_of(value: ir.Value) -> ir.Value:
    """The tensor whose values this one holds: what it is behind nodes that only move elements."""
    producer = value.producer()
    while producer is not None and producer.domain == "" and producer.op_type in MOVING:
        source = producer.inputs[0]
        if source is None or is_constant(source):
            break
        value, producer = source, source.producer()
    return value


def array_of(constant: ir.Value) -> Array:
    """The elements of a constant."""
    assert constant.const_value is not None
    return constant.const_value.numpy()


def bounds_of(value: ir.Value) -> tuple[float, float]:
    """The smallest and the largest number that what makes a tensor can give; infinite where it does not tell."""
    producer = value.producer()
    if producer is None or producer.domain != "":
        return -math.inf, math.inf
    if producer.op_type != "Clip":
        return _BOUNDS.get(producer.op_type, (-math.inf, math.inf))
    ends = [producer.inputs[index] if len(producer.inputs) > index else None for index in (1, 2)]
    low, high = (None if end is None or end.const_value is None else float(end.const_value.numpy()) for end in ends)
    return -math.inf if low is None else low, math.inf if high is None else high


def is_constant(value: ir.Value) -> bool:
    return value.is_initializer() and not value.is_graph_input()


def _is_weighted(node: ir.Node) -> bool:
    if node.domain != "" or node.op_type not in WEIGHTED:
        return False
    left, right = node.inputs[0], node.inputs[1]
    if left is None or right is None or not (_is_float32(left) and _is_float32(right)):
        return False
    if is_constant(left) and is_constant(right):
        return False
    if _is_dequantized(left) or _is_dequantized(right):  # by whoever quantized the model before
        return False
    if node.op_type in ("Conv", "ConvTranspose"):
        return is_constant(right) and not is_constant(left)
    return True


def _is_dequantized(value: ir.Value) -> bool:
    producer = value.producer()
    return producer is not None and producer.op_type == "DequantizeLinear"


def _is_float32(value: ir.Value) -> bool:
    """Where the file does not say, a weighted operator's operand is taken for float32: its other one must be."""
    return value.dtype in (None, ir.DataType.FLOAT)
