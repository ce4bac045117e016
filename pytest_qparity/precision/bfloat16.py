"""bf16: a typed graph whose inputs and outputs stay float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
import onnx
import onnx_ir as ir
from onnx_ir.passes import common

from pytest_qparity.precision.cast import clipping_note
from pytest_qparity.precision.large import apart_from_weights
from pytest_qparity.precision.placement.selection import array_of, is_constant
from pytest_qparity.precision.placement.writer import Writer, home_of
from pytest_qparity.precision.preparing import at_opset, remove_unused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import ModelProto

    from pytest_qparity.precision.recipes import CastRecipe

__all__ = ["make_bf16"]

_FIRST_OPSET = 22  # convolutions, pooling and recurrent operators take bfloat16 from here on, most others from 13
_STATE_THEIR_TYPE = frozenset({"Cast", "CastLike"})
_BFLOAT16 = "tensor(bfloat16)"
_LARGEST = np.float32(ml_dtypes.finfo(ml_dtypes.bfloat16).max)  # type: ignore[no-untyped-call]


def make_bf16(model: ModelProto, recipe: CastRecipe) -> tuple[ModelProto, tuple[str, ...]]:
    """`model` with bfloat16 weights and nodes, and notes. It is used up.

    A node stays float32, with casts around it, where it is kept, or where its operator does not take bfloat16 at this
    opset (`onnx.defs`). What bodies of If, Loop and Scan are given and give stays float32, with casts inside. Weights
    are rounded to nearest, ties to even; what would become infinite (attention masks of −3.4e38 would) is clipped to
    the largest finite value.
    """
    model, converted = at_opset(model, _FIRST_OPSET, recipe.keep_float)
    ready = ir.serde.deserialize_model(apart_from_weights(model, onnx.shape_inference.infer_shapes))
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(ready)
    kept, opset = frozenset(recipe.keep_float), ready.graph.opset_imports.get("", 1)
    caster = _Caster(ready.graph)
    for node in list(ready.graph.all_nodes()):
        inputs = [] if node.name in kept else _castable_inputs(node, opset)
        if inputs:
            caster.cast(node, inputs)
    remove_unused(ready)
    clipped = clipping_note(caster.clipped, f"beyond ±{_LARGEST:.4g}, clipped to it")
    return ir.serde.serialize_model(ready), (*converted, *clipped)


def _castable_inputs(node: ir.Node, opset: int) -> list[int]:
    """Indices of the float32 inputs that can be bfloat16; none where the node cannot compute in it."""
    holds_graphs = any(
        each.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS) for each in node.attributes.values()
    )
    if node.domain != "" or holds_graphs or node.op_type in _STATE_THEIR_TYPE or not onnx.defs.has(node.op_type):
        return []
    schema = onnx.defs.get_schema(node.op_type, opset)
    variables = {each.type_param_str: each.allowed_type_strs for each in schema.type_constraints}
    taken = _float_types(node.inputs, schema.inputs)
    given = _float_types(node.outputs, schema.outputs)
    typed = [
        index for index, name in taken if name in variables
    ]  # the others are float32 whatever the node computes in
    names = {name for _, name in (*taken, *given) if name in variables}
    if any(name not in variables for _, name in given) or any(_BFLOAT16 not in variables[name] for name in names):
        return []
    return typed


def _float_types(
    values: Sequence[ir.Value | None], parameters: Sequence[onnx.defs.OpSchema.FormalParameter]
) -> list[tuple[int, str]]:
    """Index and stated type of each float32 value; the last parameter stands for all that come behind it."""
    return [
        (index, parameters[min(index, len(parameters) - 1)].type_str)
        for index, value in enumerate(values)
        if value is not None and value.dtype == ir.DataType.FLOAT
    ]


class _Caster:
    """Makes nodes compute in bfloat16; between two such nodes there is no cast."""

    def __init__(self, graph: ir.Graph) -> None:
        self._writer = Writer(graph)
        self.clipped: dict[str, int] = {}  # how many values of each constant
        self._halved: dict[int, ir.Value] = {}  # by the identity of the float32 value

    def cast(self, node: ir.Node, inputs: Sequence[int]) -> None:
        for index in inputs:
            value = node.inputs[index]
            assert value is not None
            if id(value) not in self._halved:
                self._halved[id(value)] = self._half_of(value)
            node.replace_input_with(index, self._halved[id(value)])
        for output in node.outputs:
            if output.dtype == ir.DataType.FLOAT:
                wide = self._writer.widened(output, ir.DataType.BFLOAT16)
                self._halved[id(wide)] = output

    def _half_of(self, value: ir.Value) -> ir.Value:
        if is_constant(value):
            return self._writer.constant(f"{value.name}_bf16", self._rounded(value), home_of(value))
        return self._writer.cast(value, ir.DataType.BFLOAT16)

    def _rounded(self, value: ir.Value) -> np.ndarray:
        exact = array_of(value)
        with np.errstate(over="ignore"):
            rounded = exact.astype(ml_dtypes.bfloat16)
        beyond = np.isinf(rounded) & np.isfinite(exact)
        if not beyond.any():
            return rounded
        self.clipped[str(value.name)] = int(beyond.sum())
        return np.where(beyond, np.copysign(_LARGEST, exact), exact).astype(ml_dtypes.bfloat16)
