"""fp16: a typed graph whose inputs and outputs stay float32."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from pytest_qparity.case.tensors import tensors_of
from pytest_qparity.precision.graph import in_order, node_names, nodes_of
from pytest_qparity.precision.large import apart_from_weights
from pytest_qparity.precision.scopes import bodies_of
from pytest_qparity.precision.values import subgraphs

if TYPE_CHECKING:
    import onnx_ir as ir
    from onnx import ModelProto

    from pytest_qparity.precision.recipes import CastRecipe

NAMES_LISTED = 5


def make_fp16(model: ModelProto, recipe: CastRecipe) -> tuple[ModelProto, tuple[str, ...]]:
    """`model` with float16 weights and nodes, and notes for a reader of its verdict. `model` is used up.

    Between two nodes that stay float32, values do: beyond 65504 they would not come through float16.
    """
    nodes = node_names(model)
    holders = {node.name for node in nodes_of(model.graph) if any(True for _ in subgraphs(node))}
    float16 = importlib.import_module("onnxruntime.transformers.float16")
    clipped = [(name, *_beyond(tensor, recipe)) for name, tensor in tensors_of(model)]
    converted = float16.convert_float_to_float16(
        apart_from_weights(model, onnx.shape_inference.infer_shapes),
        min_positive_val=recipe.smallest,
        max_finite_val=recipe.largest,
        keep_io_types=True,
        disable_shape_infer=True,
        node_block_list=[name for name in recipe.keep_float if name not in holders],  # what they hold is named itself
    )
    _put_into_bodies(converted, nodes)
    half = {name for name, tensor in tensors_of(converted) if tensor.data_type == TensorProto.FLOAT16}
    too_large = {name: large for name, large, _ in clipped if large and name in half}
    too_small = {name: small for name, _, small in clipped if small and name in half}
    notes = (
        *clipping_note(too_large, f"beyond ±{recipe.largest:g}, clipped to it"),
        *clipping_note(too_small, f"nearer to 0 than {recipe.smallest:g}, raised to it"),
    )
    # The converter appends its casts at the end, which onnx.checker and some engines refuse.
    return in_order(_without_round_trips(converted, nodes)), notes


def _put_into_bodies(model: ModelProto, nodes: Collection[str]) -> None:
    """Put casts of what a body makes into it: the converter adds all to the main graph, where they see none of that.

    `nodes`: names of those of the float model.
    """
    bodies = list(bodies_of(model.graph))
    homes = {name: body for body in bodies for node in body.node for name in node.output if name}
    homes |= {value.name: body for body in bodies for value in body.input}
    added = [node for node in model.graph.node if node.op_type == "Cast" and node.name not in nodes]
    while inside := [cast for cast in added if cast.input[0] in homes]:
        for cast in inside:
            body = homes[cast.input[0]]
            body.node.append(cast)
            homes[cast.output[0]] = body  # another cast may take it
            model.graph.node.remove(cast)
        added = [cast for cast in added if cast not in inside]


def _without_round_trips(model: ModelProto, nodes: Collection[str]) -> ModelProto:
    """The model without the converter's casts to float16 and back: `nodes` are those of the float model, which stay."""
    import onnx_ir as ir

    ready = ir.serde.deserialize_model(model)
    added = [node for node in ready.graph.all_nodes() if node.op_type == "Cast" and node.name not in nodes]
    for widening in added:
        between, back = widening.inputs[0], widening.outputs[0]
        narrowing = None if between is None else between.producer()
        if (
            narrowing not in added
            or _cast_to(widening) != ir.DataType.FLOAT
            or _cast_to(narrowing) != ir.DataType.FLOAT16
        ):
            continue
        source = narrowing.inputs[0]
        assert source is not None
        is_output, name = back.is_graph_output(), back.name
        if is_output and (source.is_graph_input() or source.is_graph_output()):
            continue  # it has a name that users know already
        back.replace_all_uses_with(source, replace_graph_outputs=True)
        assert widening.graph is not None
        widening.graph.remove(widening, safe=True)
        if is_output:
            source.name = name
    for cast in added:
        if cast.graph is not None and not cast.outputs[0].uses() and not cast.outputs[0].is_graph_output():
            cast.graph.remove(cast, safe=True)
    return ir.serde.serialize_model(ready)


def _cast_to(node: ir.Node) -> int:
    return node.attributes.get_int("to", 0)


def _beyond(tensor: TensorProto, recipe: CastRecipe) -> tuple[int, int]:
    """How many finite values of a float32 tensor are too large for float16, and how many too small."""
    if tensor.data_type != TensorProto.FLOAT:
        return 0, 0
    magnitude = np.abs(numpy_helper.to_array(tensor))
    large = np.count_nonzero(np.isfinite(magnitude) & (magnitude > recipe.largest))
    return int(large), int(np.count_nonzero((magnitude > 0) & (magnitude < recipe.smallest)))


def clipping_note(counts: dict[str, int], what: str) -> tuple[str, ...]:
    """What was done to how many constants, and in which tensors (or nodes); none where that is none."""
    if not counts:
        return ()
    named = ", ".join(sorted(counts)[:NAMES_LISTED]) + (", …" if len(counts) > NAMES_LISTED else "")
    return (f"{sum(counts.values()):,} float32 constants {what}, in: {named}",)
