"""What calibration data reach: the tensors of bodies, that a run may leave out, and the products that take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

__all__ = ["hidden", "inside_bodies", "left_float"]

NAMES_LISTED = 8
_OBSERVED = frozenset({"If", "Loop", "Scan"})


def inside_bodies(graph: ir.Graph) -> frozenset[str]:
    """Names of the tensors of the bodies in a graph: of a branch that is not taken, or a loop of no steps, there are no
    values."""
    return frozenset(name for body in graph.subgraphs() for name in _own(body))


def hidden(graph: ir.Graph) -> frozenset[str]:
    """Those of them that calibration cannot see: of bodies that another node than If, Loop and Scan runs (SequenceMap),
    and of bodies in these."""
    found: set[str] = set()
    for node in graph:
        for body in _bodies(node):
            if node.op_type in _OBSERVED and node.domain == "":
                found |= hidden(body)
            else:
                found.update(name for each in (body, *body.subgraphs()) for name in _own(each))
    return frozenset(found)


def left_float(wanted: Sequence[ir.Node], quantized: Collection[ir.Node]) -> tuple[str, ...]:
    """A note on the products that were to be quantized and have no ranges; none where that is none."""
    there = set(quantized)
    left = [str(node.name) for node in wanted if node not in there]
    if not left:
        return ()
    count = f"{len(left)} products stay float" if len(left) > 1 else "1 product stays float"
    named = ", ".join(left[:NAMES_LISTED]) + (", …" if len(left) > NAMES_LISTED else "")
    return (f"{count}, as no calibration sample reaches what it takes in its branch or loop: {named}",)


def _own(body: ir.Graph) -> Iterator[str]:
    for value in (*body.inputs, *(output for node in body for output in node.outputs)):
        yield str(value.name)


def _bodies(node: ir.Node) -> Iterator[ir.Graph]:
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            yield attribute.as_graph()
        elif attribute.type == ir.AttributeType.GRAPHS:
            yield from attribute.as_graphs()
