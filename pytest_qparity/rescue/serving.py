"""What a worker does for a rescue: what the nodes of a float model are and cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from pytest_qparity.precision.graph import WEIGHTED, float_structure
from pytest_qparity.precision.large import without_weights
from pytest_qparity.precision.values import subgraphs
from pytest_qparity.rescue.profiling import node_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from onnx import ModelProto, NodeProto

    Held = dict[str, Any]
    Arguments = Mapping[str, Any]
    Arrays = Mapping[str, np.ndarray]
    Result = tuple[Any, Arrays]

    Shapes = Mapping[str, tuple[int, ...]]

__all__ = ["nodes", "profile"]


def nodes(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Nodes of `model` in order, as [name, operator, multiply-accumulates or None, name of the node of the main graph
    that has it in a body, or ""]; `shapes`: of its inputs. None where the operator multiplies nothing, or shape
    inference does not tell, as it does of no body."""
    model = float_structure(Path(arguments["model"]))
    shapes = _shapes(model, arguments["shapes"])
    told: list[list[Any]] = []
    for node in model.graph.node:
        told.append([node.name, node.op_type, _macs(node, shapes), ""])
        told += [[inner.name, inner.op_type, None, node.name] for inner in _within(node)]
    return told, {}


def profile(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """What each node of `model` takes over the feed `arrays`, in microseconds by name."""
    return node_microseconds(Path(arguments["model"]), arrays), {}


def _within(node: NodeProto) -> Iterator[NodeProto]:
    for graph in subgraphs(node):
        for inner in graph.node:
            yield inner
            yield from _within(inner)


def _shapes(model: ModelProto, fed: Mapping[str, Sequence[int]]) -> Shapes:
    light = without_weights(model)
    for value in light.graph.input:
        shape = value.type.tensor_type.shape
        for index, size in enumerate(fed.get(value.name, ())):
            if index < len(shape.dim):
                shape.dim[index].dim_value = size
    try:
        inferred = onnx.shape_inference.infer_shapes(light, data_prop=True)
    except onnx.shape_inference.InferenceError:
        inferred = light
    graph = inferred.graph
    found = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        sizes = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(size.HasField("dim_value") for size in sizes):
            found[value.name] = tuple(size.dim_value for size in sizes)
    return found


def _macs(node: NodeProto, shapes: Shapes) -> int | None:
    """Conv: Π out · Π W[1:]; ConvTranspose: Π in · Π W[1:]; Gemm and MatMul: Π out · the axis of summation."""
    if node.op_type not in WEIGHTED or len(node.input) < 2:
        return None
    left, right, out = (shapes.get(name) for name in (node.input[0], node.input[1], node.output[0]))
    if left is None or right is None or not left or not right:
        return None
    if node.op_type == "ConvTranspose":
        return _product(left) * _product(right[1:])
    if out is None:
        return None
    if node.op_type == "Conv":
        return _product(out) * _product(right[1:])
    transposed = any(each.name == "transA" and each.i for each in node.attribute)
    return _product(out) * (left[0] if transposed else left[-1])


def _product(sizes: Sequence[int]) -> int:
    whole = 1
    for size in sizes:
        whole *= size
    return whole
