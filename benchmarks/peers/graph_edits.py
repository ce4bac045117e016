"""Edits of ONNX graphs that planted faults are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def constant(model: onnx.ModelProto, name: str) -> np.ndarray:
    return numpy_helper.to_array(next(each for each in model.graph.initializer if each.name == name))


def with_constant(model: onnx.ModelProto, name: str, change: Callable[[np.ndarray], np.ndarray]) -> onnx.ModelProto:
    """A copy in which `change` has been applied to the initializer `name`, in the element type that it has."""
    copy = copied(model)
    tensor = next(each for each in copy.graph.initializer if each.name == name)
    before = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(np.asarray(change(before.copy())).astype(before.dtype), name))
    return copy


def behind(
    model: onnx.ModelProto,
    output: str,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray] | None = None,
    opset: int | None = None,
) -> onnx.ModelProto:
    """A copy with `nodes` behind the output: they read it as `sound` and give it again under its own name."""
    copy = copied(model)
    for node in copy.graph.node:
        node.output[:] = ["sound" if name == output else name for name in node.output]
        node.input[:] = ["sound" if name == output else name for name in node.input]
    copy.graph.node.extend(nodes)
    copy.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in (constants or {}).items())
    if opset is not None:
        copy.opset_import[0].version = opset
    return copy


def without_node(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """A copy in which the node's first input stands for its output."""
    copy = copied(model)
    gone = next(node for node in copy.graph.node if node.name == name)
    source, target = gone.input[0], gone.output[0]
    copy.graph.node.remove(gone)
    for node in copy.graph.node:
        node.input[:] = [source if each == target else each for each in node.input]
    return copy


def swapped_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which the two outputs have one another's contents."""
    copy = copied(model)
    other = {"logits": "values", "values": "logits"}
    for node in copy.graph.node:
        node.output[:] = [other.get(name, name) for name in node.output]
        node.input[:] = [other.get(name, name) for name in node.input]
    return copy


def reordered_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = copied(model)
    outputs = list(copy.graph.output)
    del copy.graph.output[:]
    copy.graph.output.extend(reversed(outputs))
    return copy


def without_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    copy = copied(model)
    copy.graph.output.remove(next(each for each in copy.graph.output if each.name == name))
    return copy


def renamed(model: onnx.ModelProto, before: str, after: str) -> onnx.ModelProto:
    """A copy in which an input or output has another name."""
    copy = copied(model)
    for each in [*copy.graph.input, *copy.graph.output]:
        if each.name == before:
            each.name = after
    for node in copy.graph.node:
        node.input[:] = [after if name == before else name for name in node.input]
        node.output[:] = [after if name == before else name for name in node.output]
    return copy


def two_highest_swapped(model: onnx.ModelProto, gap: float) -> onnx.ModelProto:
    """A copy that exchanges the two highest logits of a sample where they lie closer together than `gap`.

    So top-1 flips where it was near, and no logit moves by as much as `gap`: damage near the decision boundary.
    """
    make = helper.make_node
    nodes = [
        make("TopK", ["sound", "two"], ["high", "where"], axis=1),
        make("Slice", ["high", "at_0", "at_1", "axis_1"], ["first"]),
        make("Slice", ["high", "at_1", "at_2", "axis_1"], ["second"]),
        make("Sub", ["first", "second"], ["apart"]),
        make("Less", ["apart", "gap"], ["is_near"]),
        make("Concat", ["second", "first"], ["exchanged"], axis=1),
        make("Where", ["is_near", "exchanged", "high"], ["written"]),
        make("ScatterElements", ["sound", "where", "written"], ["logits"], axis=1),
    ]
    constants = {
        "two": np.array([2]),
        "gap": np.array([[gap]], np.float32),
        "at_0": np.array([0]),
        "at_1": np.array([1]),
        "at_2": np.array([2]),
        "axis_1": np.array([1]),
    }
    return behind(model, "logits", nodes, constants)


def slowed(model: onnx.ModelProto, width: int, products: int) -> onnx.ModelProto:
    """A copy that multiplies `products` square matrices on the way, whose result counts for nothing."""
    make = helper.make_node
    weight = np.random.default_rng(1).standard_normal((width, width)).astype(np.float32) / np.float32(width)
    nodes = [make("Flatten", ["input"], ["flat"]), make("MatMul", ["flat", "widen"], ["slow_0"])]
    nodes += [make("MatMul", [f"slow_{each}", "slow_w"], [f"slow_{each + 1}"]) for each in range(products)]
    nodes += [
        make("ReduceMean", [f"slow_{products}"], ["slow_mean"], axes=[1], keepdims=1),
        make("Mul", ["slow_mean", "nothing"], ["slow_nothing"]),
        make("Add", ["sound", "slow_nothing"], ["logits"]),
    ]
    widen = np.random.default_rng(2).standard_normal((64, width)).astype(np.float32) / np.float32(8)
    constants = {"slow_w": weight, "widen": widen, "nothing": np.array(1e-30, np.float32)}
    return behind(model, "logits", nodes, constants)
