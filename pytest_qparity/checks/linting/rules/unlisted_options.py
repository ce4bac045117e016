"""Options that the parser's table does not list and its importers take all the same, and some that they do not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_qparity.checks.linting.rules.restrictions import integers, text

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.checks.linting.rules.restrictions import Restriction
    from pytest_qparity.checks.linting.view import Body, View

__all__ = ["UNLISTED_OPTIONS", "UNREAD"]


def _pool(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    if len(integers(node, "kernel_shape")) == 1:
        yield f"got {node.op_type} over 1 axis, should be over 2 or 3"


def _resize(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    mode = text(node, "mode", "nearest")
    if mode not in ("nearest", "linear"):
        yield f'got Resize with mode "{mode}", should be "nearest" or "linear"'


def _random(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    seed = next((each.f for each in node.attribute if each.name == "seed"), None)
    if seed is not None:
        yield f"got {node.op_type} with seed {seed:g}, should be without: it is not read"


UNLISTED_OPTIONS: Mapping[str, Restriction] = {
    "AveragePool": _pool,
    "MaxPool": _pool,
    "Resize": _resize,
}
UNREAD: Mapping[str, Restriction] = dict.fromkeys(
    ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"), _random
)
