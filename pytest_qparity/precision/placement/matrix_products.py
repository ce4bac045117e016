"""Products with a sum behind them, written so that what ONNX Runtime makes of them runs on integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.convenience import replace_nodes_and_values

from pytest_qparity.precision.placement.selection import array_of, is_constant, weight_of
from pytest_qparity.precision.placement.writer import Writer, home_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pytest_qparity.precision.placement.planning import Scheme

__all__ = ["gemms_instead"]

_MATRIX = 2


def gemms_instead(
    graph: ir.Graph, nodes: Sequence[ir.Node], scheme: Scheme, kept_float: Collection[str], *, integer_bias: bool
) -> list[ir.Node]:
    """`nodes`, with a Gemm for each MatMul of two matrices that an Add alone reads, in place; it has the MatMul's name.

    ONNX Runtime (1.32, MatMulAddFusion) makes a Gemm of both before it looks for Q/DQ nodes, and runs one on integers
    only where its bias is int32 or it has none. So a constant with an element for each column becomes the Gemm's bias,
    which placement makes int32; anything else that is added stays an Add, which is not fused with a Gemm. Where one
    operand is no matrix and the shape is known, the fusion wants a bias of rank 1: it is given another there.
    """
    writer = Writer(graph)
    return [
        _gemm(node, add, writer, is_bias_free=add.name in kept_float or not integer_bias)
        if _runs_on_bytes(node, scheme) and (add := _sum_behind(node)) is not None
        else node
        for node in nodes
    ]


def _runs_on_bytes(node: ir.Node, scheme: Scheme) -> bool:
    """ONNX Runtime makes a MatMulNBits, which rounds to int8, of a Gemm with activations of 16 bits."""
    activation = scheme.activation_of(node)
    return activation.is_integer and activation.data_type in (ir.DataType.INT8, ir.DataType.UINT8)


def _sum_behind(node: ir.Node) -> ir.Node | None:
    if node.op_type != "MatMul" or node.outputs[0].is_graph_output():
        return None
    uses = node.outputs[0].uses()
    if len(uses) != 1:
        return None
    (use,) = uses
    add = use.node
    return add if add.op_type == "Add" and add.domain == "" and add.graph is node.graph else None


def _gemm(node: ir.Node, add: ir.Node, writer: Writer, *, is_bias_free: bool) -> ir.Node:
    left, right, product = node.inputs[0], node.inputs[1], node.outputs[0]
    added = add.inputs[1] if add.inputs[0] is product else add.inputs[0]
    assert left is not None
    assert right is not None
    assert added is not None
    ranks = [None if value.shape is None else value.shape.rank() for value in (left, right)]
    columns = _columns(added, right)
    if ranks != [_MATRIX, _MATRIX]:
        if columns and ranks[0] is not None and ranks[0] > _MATRIX:
            wide = array_of(added).reshape([1] * (ranks[0] - 1) + [-1])
            other = writer.constant(f"{added.name}_of_{add.name}", wide, home_of(added))
            add.replace_input_with(0 if add.inputs[0] is added else 1, other)
        return node
    if not columns or is_bias_free or weight_of(node) is None:  # a bias is int32 in steps of its weight
        return _replaced([node], node, ir.node("Gemm", [left, right], name=node.name))
    bias = added
    if len(array_of(added).shape) != 1:
        bias = writer.constant(f"{added.name}_of_{add.name}", array_of(added).reshape(-1), home_of(added))
    return _replaced([node, add], add, ir.node("Gemm", [left, right, bias], name=node.name))


def _columns(added: ir.Value, right: ir.Value) -> bool:
    """Whether a constant has one element for each column of the product, and none for its rows."""
    if not is_constant(added) or right.shape is None or added.dtype != ir.DataType.FLOAT:
        return False
    shape = array_of(added).shape
    return len(shape) in (1, _MATRIX) and shape in ((right.shape[-1],), (1, right.shape[-1]))


def _replaced(old: list[ir.Node], last: ir.Node, gemm: ir.Node) -> ir.Node:
    graph = last.graph
    assert isinstance(graph, ir.Graph)
    before, after = last.outputs[0], gemm.outputs[0]
    after.name, after.type, after.shape = before.name, before.type, before.shape
    replace_nodes_and_values(graph, last, old, [gemm], [before], [after])
    return gemm
