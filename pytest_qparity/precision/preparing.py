"""A float model made ready for placement: a late enough opset, constants as initializers, batch norms folded."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import version_converter
from onnx_ir.passes import common

from pytest_qparity.precision.graph import node_names, opset_of
from pytest_qparity.precision.large import apart_from_weights
from pytest_qparity.precision.placement.selection import array_of, is_constant
from pytest_qparity.precision.placement.writer import Writer
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Collection

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["at_opset", "constants_folded", "prepared", "remove_unused", "serialized"]

LARGEST_FOLDED = 2**26  # elements of a constant that is computed ahead: beyond it a file grows, and time is spent
_FOLDED = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


def prepared(model: onnx.ModelProto, kept_float: Collection[str]) -> tuple[ir.Model, tuple[str, ...]]:
    """The model as placement takes it, equal in what it computes but for rounding; and notes for a reader.

    Constant nodes become initializers, what merely reorders constants is computed ahead, and a BatchNormalization
    behind a convolution that alone feeds it is folded into its weights, where both are float32 and neither is to stay
    float: Q/DQ nodes between both cost decibels.
    """
    typed = apart_from_weights(model, partial(onnx.shape_inference.infer_shapes, data_prop=True))
    ready = ir.serde.deserialize_model(typed)
    writer = _with_constants_folded(ready)
    folded = sum(_fold_batch_norms(graph, writer, kept_float) for graph in ready.graphs())
    remove_unused(ready)
    return ready, (f"{folded} BatchNormalization folded into convolutions",) if folded else ()


def constants_folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model as ONNX Runtime's quantizers take it, which look for weights among initializers alone: constant nodes
    are initializers, and what merely reorders constants is computed ahead. `model` is used up."""
    ready = ir.serde.deserialize_model(model)
    _with_constants_folded(ready)
    return serialized(ready)


def at_opset(model: onnx.ModelProto, least: int, named: Collection[str]) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The model at an opset of at least `least`, and a note where it was converted.

    Raises CannotJudge where a node of those that are `named`, to be kept float or of a type of their own, is gone then.
    """
    opset = opset_of(model)
    if opset >= least:
        return model, ()
    converted = apart_from_weights(model, lambda light: version_converter.convert_version(light, least))
    lost = set(named) - node_names(converted)
    if lost:  # names that are not found would be passed over, and the nodes quantized
        missing = ", ".join(sorted(lost))
        raise CannotJudge(
            Failure(
                Code.VARIANT_RECIPE,
                f"Converting the model from opset {opset} to {least}: got a model without {missing}, "
                "should have every node of keep_float and types.",
                f"convert the float model to opset {least} yourself and name its nodes in keep_float and types",
            )
        )
    return converted, (f"converted from opset {opset} to {least} before quantization",)


def serialized(model: ir.Model) -> onnx.ModelProto:
    """The model without nodes and constants that lead to no output: float weights whose codes took their place."""
    remove_unused(model)
    return ir.serde.serialize_model(model)


def remove_unused(model: ir.Model) -> None:
    """Remove nodes and constants that lead to no output, of bodies too: onnx-ir's pass leaves the constants there."""
    common.RemoveUnusedNodesPass()(model)
    for body in model.graph.subgraphs():
        for name, value in list(body.initializers.items()):
            if not (value.uses() or value.is_graph_output() or value.is_graph_input()):
                del body.initializers[name]


def _with_constants_folded(ready: ir.Model) -> Writer:
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(ready)
    writer = Writer(ready.graph)
    for graph in ready.graphs():
        _fold_constants(graph, writer, ready.opset_imports[""])
    return writer


def _fold_constants(graph: ir.Graph, writer: Writer, opset: int) -> None:
    """Compute ahead what reorders constants: a weight behind a Transpose is none that placement sees."""
    from onnx.reference import ReferenceEvaluator

    for node in list(graph):
        inputs = [value for value in node.inputs if value is not None]
        if node.domain != "" or node.op_type not in _FOLDED or not inputs or not all(map(is_constant, inputs)):
            continue
        output = node.outputs[0]
        if output.is_graph_output() or any(_size(value) > LARGEST_FOLDED for value in inputs):
            continue
        single = ir.serde.serialize_node(node)
        feeds = {str(value.name): array_of(value) for value in inputs}
        (computed,) = ReferenceEvaluator(_alone(single, feeds, opset)).run(None, feeds)
        _become(graph, output, writer.constant(f"{output.name}_constant", np.asarray(computed), graph))


def _alone(node: onnx.NodeProto, feeds: dict[str, Array], version: int) -> onnx.ModelProto:
    inputs = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    output = onnx.ValueInfoProto(name=node.output[0])
    graph = onnx.helper.make_graph([node], "constant", inputs, [output])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", version)])


def _fold_batch_norms(graph: ir.Graph, writer: Writer, kept_float: Collection[str]) -> int:
    """W' = W · γ/√(σ² + ε) per output channel, b' = (b − μ) · γ/√(σ² + ε) + β, in float64. How many were folded.

    Source: Jacob et al. 2018, §3.2 and eq. 14.
    """
    folded = 0
    for node in list(graph):
        if node.op_type != "BatchNormalization" or node.domain != "" or node.name in kept_float:
            continue
        source = node.inputs[0]
        convolution = None if source is None else source.producer()
        if source is None or convolution is None or not _is_foldable(convolution, source, node, kept_float):
            continue
        gamma, beta, mean, variance = (array_of(value).astype(np.float64) for value in node.inputs[1:5])  # type: ignore[arg-type]
        factor = gamma / np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
        weight, bias = convolution.inputs[1], convolution.inputs[2] if len(convolution.inputs) > 2 else None
        assert weight is not None
        kernel = array_of(weight)
        spread = factor.reshape(-1, *[1] * (kernel.ndim - 1))
        offset = (0.0 if bias is None else array_of(bias).astype(np.float64)) - mean
        new_weight = writer.constant(f"{weight.name}_folded", (kernel * spread).astype(np.float32), graph)
        new_bias = writer.constant(f"{node.inputs[2].name}_folded", (offset * factor + beta).astype(np.float32), graph)  # type: ignore[union-attr]
        convolution.replace_input_with(1, new_weight)
        if bias is None:
            convolution.resize_inputs(3)
        convolution.replace_input_with(2, new_bias)
        normed, name = node.outputs[0], node.outputs[0].name
        normed.replace_all_uses_with(source, replace_graph_outputs=True)
        graph.remove(node, safe=True)
        source.name = name  # it has the values of that tensor now, and its range
        folded += 1
    return folded


def _is_foldable(convolution: ir.Node, between: ir.Value, norm: ir.Node, kept_float: Collection[str]) -> bool:
    if convolution.op_type != "Conv" or convolution.domain != "" or convolution.name in kept_float:
        return False
    if len(between.uses()) != 1 or between.is_graph_output() or any(output.uses() for output in norm.outputs[1:]):
        return False
    constants = [*convolution.inputs[1:], *norm.inputs[1:5]]
    return all(value is None or (is_constant(value) and value.dtype == ir.DataType.FLOAT) for value in constants)


def _become(graph: ir.Graph, output: ir.Value, constant: ir.Value) -> None:
    node = output.producer()
    output.replace_all_uses_with(constant)
    if node is not None:
        graph.remove(node, safe=True)


def _size(value: ir.Value) -> int:
    return 0 if value.const_value is None else int(value.const_value.size)
