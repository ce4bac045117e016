"""What calibration data reach: the tensors of bodies, that a run may leave out, and the products that take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import onnx_ir as ir

__all__ = ["inside_bodies", "left_float", "named"]

NAMES_LISTED = 8


def inside_bodies(graph: ir.Graph) -> frozenset[str]:
    """Names of the tensors of the bodies in a graph: of a branch that is not taken, or a loop of no steps, there are no
    values."""
    return frozenset(
        str(value.name)
        for body in graph.subgraphs()
        for value in (*body.inputs, *(output for node in body for output in node.outputs))
    )


def left_float(wanted: Sequence[ir.Node], quantized: Collection[ir.Node]) -> tuple[str, ...]:
    """A note on the products that were to be quantized and have no ranges; none where that is none."""
    there = set(quantized)
    left = [node for node in wanted if node not in there]
    if not left:
        return ()
    count = f"{len(left)} products stay float" if len(left) > 1 else "1 product stays float"
    return (f"{count}: no calibration sample reaches the branch or loop that it is in: {named(left)}",)


def named(nodes: Sequence[ir.Node]) -> str:
    """The names of nodes, the first of them where there are many."""
    return ", ".join(str(node.name) for node in nodes[:NAMES_LISTED]) + (", …" if len(nodes) > NAMES_LISTED else "")
