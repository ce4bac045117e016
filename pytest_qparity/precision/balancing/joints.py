"""Where scales of channels may be moved through a float model: a tensor that products read, and what makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from pytest_qparity.precision.placement.selection import array_of, is_constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Joint", "Operand", "joints"]

# f(x / s) = f(x) / s for s > 0 (a maximum and a mean are among them), and a channel stays where it is.
_HOMOGENEOUS = frozenset(
    {"AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Identity", "LeakyRelu", "MaxPool", "PRelu", "Relu"}
)
_LINES_UP = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})  # the same elements in the same order
PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True, slots=True)
class Operand:
    """A constant operand of a node, in which a channel is one index of `axis`; a convolution's weight has its input
    channels in `groups` (axis 1 of each), where `axis` is None."""

    node: ir.Node
    index: int
    axis: int | None
    groups: int = 1

    @property
    def array(self) -> Array:
        """float32, of the shape that the file states."""
        value = self.node.inputs[self.index]
        assert value is not None
        return array_of(value)

    def by_channel(self, array: Array) -> Array:
        """(channels, everything else of the channel), a view or a copy."""
        if self.axis is None:
            outputs, inputs = array.shape[:2]
            grouped = array.reshape(self.groups, outputs // self.groups, inputs, -1)
            return np.moveaxis(grouped, 2, 1).reshape(self.groups * inputs, -1)
        return np.moveaxis(array, self.axis, 0).reshape(array.shape[self.axis], -1)

    def scaled(self, array: Array, factor: Array) -> Array:
        """array · factor, channel by channel. A constant of one element becomes one of `factor`'s channels."""
        if self.axis is None:
            outputs, inputs = array.shape[:2]
            grouped = array.reshape(self.groups, outputs // self.groups, inputs, -1)
            return (grouped * factor.reshape(self.groups, 1, inputs, 1)).reshape(array.shape)
        spread = [1] * max(array.ndim, 1)
        spread[self.axis] = -1
        return array * factor.reshape(spread)


@dataclass(frozen=True, slots=True)
class Joint:
    """A tensor, each channel of which may be divided by a number of its own.

    `readers`: weights that take the numbers: their products read nothing else. `axis`: of the channels, 1 or −1.
    `givers`: constants which, divided, divide the tensor; empty where nothing ahead of it can. `source`: the node that
    has the givers' weight. `inner`: how many channels of the readers are one of the givers'. `alone`: nobody else reads
    the tensor.
    """

    value: ir.Value
    axis: int
    channels: int
    readers: tuple[Operand, ...]
    givers: tuple[Operand, ...] = ()
    source: ir.Node | None = None
    inner: int = 1
    alone: bool = True


@dataclass(frozen=True, slots=True)
class _Makers:
    givers: tuple[Operand, ...]
    source: ir.Node
    inner: int = 1


def joints(graph: ir.Graph) -> Iterator[Joint]:
    """Those of the main graph, in order of their tensors; what bodies of branches and loops read is left alone."""
    seen: set[int] = set()
    for node in graph:
        value = node.inputs[0] if node.op_type in PRODUCTS and node.inputs else None
        if value is None or id(value) in seen or is_constant(value):
            continue
        seen.add(id(value))
        joint = _joint(value, graph)
        if joint is not None:
            yield joint


def _joint(value: ir.Value, graph: ir.Graph) -> Joint | None:
    readers, axes, channels = [], set(), set()
    uses = value.uses()
    for use in uses:
        found = _reader(use.node, use.idx) if use.node.graph is graph else None
        if found is not None:
            readers.append(found)
            axes.add(1 if use.node.op_type.startswith("Conv") else -1)
            channels.add(len(found.by_channel(found.array)))
    if not readers or len(axes) > 1 or len(channels) > 1:
        return None
    (axis,), (count,) = axes, channels
    alone = len(readers) == len(uses) and not value.is_graph_output()
    makers = _makers(value, axis, count, graph) if alone else None
    if makers is None:
        return Joint(value, axis, count, tuple(readers), alone=alone)
    return Joint(value, axis, count, tuple(readers), makers.givers, makers.source, makers.inner)


def _reader(node: ir.Node, index: int) -> Operand | None:
    """The weight that a product multiplies the channels of its first input with."""
    if node.domain != "" or node.op_type not in PRODUCTS or index != 0:
        return None
    weight = node.inputs[1]
    if not _is_floats(weight):
        return None
    rank = array_of(weight).ndim  # type: ignore[arg-type]
    if node.op_type == "Conv":
        return Operand(node, 1, None, node.attributes.get_int("group", 1))
    if node.op_type == "ConvTranspose":
        return Operand(node, 1, 0)
    if node.op_type == "Gemm":
        if node.attributes.get_int("transA", 0):
            return None
        return Operand(node, 1, 1 if node.attributes.get_int("transB", 0) else 0)
    return Operand(node, 1, 0) if rank == 2 else None


def _makers(value: ir.Value, axis: int, channels: int, graph: ir.Graph) -> _Makers | None:
    """The constants which, divided by a number for each channel of `axis`, divide the value by it."""
    node = value.producer()
    if (
        node is None
        or node.domain != ""
        or node.graph is not graph
        or any(output.uses() for output in node.outputs[1:])
    ):
        return None
    source = node.inputs[0]
    if node.op_type in _HOMOGENEOUS:
        return _makers_ahead(source, axis, channels, graph)
    if node.op_type == "Transpose":
        moved = _axis_ahead(node, axis)
        return None if moved is None else _makers_ahead(source, moved, channels, graph)
    if node.op_type in _LINES_UP and source is not None:
        if axis == -1 and _last(source) == _last(value) == channels:  # the same rows, in other numbers
            return _makers_ahead(source, -1, channels, graph)
        ahead = _channels_ahead(source, value, channels)
        found = None if ahead is None else _makers_ahead(source, 1, ahead, graph)
        return None if found is None or ahead is None else _Makers(found.givers, found.source, channels // ahead)
    if node.op_type in ("Div", "Mul") and _by_one_number(node):
        return _makers_ahead(source, axis, channels, graph)
    if node.op_type in ("Add", "Mul"):
        return _elementwise(node, axis, channels, graph)
    givers = _givers(node, axis, channels)
    return None if givers is None else _Makers(givers, node)


def _makers_ahead(source: ir.Value | None, axis: int, channels: int, graph: ir.Graph) -> _Makers | None:
    if source is None or len(source.uses()) != 1 or source.is_graph_output():
        return None
    return _makers(source, axis, channels, graph)


def _elementwise(node: ir.Node, axis: int, channels: int, graph: ir.Graph) -> _Makers | None:
    for index, other in ((1, 0), (0, 1)):
        constant = _spread(node, index, axis, channels)
        if constant is None:
            continue
        if node.op_type == "Mul":
            return _Makers((constant,), node)
        ahead = _makers_ahead(node.inputs[other], axis, channels, graph)
        return None if ahead is None else _Makers((constant, *ahead.givers), ahead.source, ahead.inner)
    if node.op_type == "Mul" and axis == -1:  # x · (1/σ · scale): a normalization as some exporters write it out
        found = (_makers_ahead(value, axis, channels, graph) for value in node.inputs)
        return next((makers for makers in found if makers is not None), None)
    return None


def _by_one_number(node: ir.Node) -> bool:
    """Whether a tensor is multiplied by one number, which stays one: kernels of GELU are known by it."""
    number = node.inputs[1]
    return _is_floats(number) and array_of(number).size == 1  # type: ignore[arg-type]


def _spread(node: ir.Node, index: int, axis: int, channels: int) -> Operand | None:
    """A constant of one element for each channel, or of one for all, that a node spreads along the rest."""
    value = node.inputs[index]
    if not _is_floats(value):
        return None
    shape = array_of(value).shape  # type: ignore[arg-type]
    other = node.inputs[1 - index]
    rank = None if other is None or other.shape is None else len(other.shape)
    if axis == -1:
        at = len(shape) - 1
    elif rank is None:
        return None
    else:
        at = len(shape) - rank + 1
    size = int(np.prod(shape))
    if size == channels and 0 <= at < len(shape) and shape[at] == channels:
        return Operand(node, index, at)
    # One for all becomes one for each by broadcasting, where the channels are the last axis.
    return Operand(node, index, 0) if size == 1 and axis == -1 and len(shape) == 1 else None


def _givers(node: ir.Node, axis: int, channels: int) -> tuple[Operand, ...] | None:
    """What of a product or a normalization is divided: weight and bias, scale and offset."""
    named = _giving_axes(node, axis)
    if named is None:
        return None
    found = []
    for index, at in named:
        value = node.inputs[index] if len(node.inputs) > index else None
        if value is None:
            continue
        if not _is_floats(value):
            return None
        shape = array_of(value).shape
        operand = Operand(node, index, at if at >= 0 else len(shape) + at)
        is_bias = index > 1
        if is_bias and len(shape) > 1 and int(np.prod(shape)) != channels:
            return None
        if not shape or shape[operand.axis or 0] not in ((1, channels) if is_bias else (channels,)):
            return None
        found.append(operand)
    return tuple(found) or None


def _giving_axes(node: ir.Node, axis: int) -> tuple[tuple[int, int], ...] | None:
    operator, attributes = node.op_type, node.attributes
    first = axis == 1
    if operator == "Conv" and first:
        return (1, 0), (2, 0)
    if operator == "ConvTranspose" and first and attributes.get_int("group", 1) == 1:
        return (1, 1), (2, 0)
    if operator == "BatchNormalization" and first:
        return (1, 0), (2, 0)
    if operator == "Gemm":  # of a matrix the second axis is the last
        return (1, 0 if attributes.get_int("transB", 0) else 1), (2, -1)
    if operator == "MatMul" and not first and node.inputs[1] is not None and len(node.inputs[1].shape or ()) == 2:
        return ((1, 1),)
    rank = len(node.inputs[0].shape or ()) if node.inputs and node.inputs[0] is not None else 0
    is_last = attributes.get_int("axis", -1) in (-1, rank - 1)
    if operator == "LayerNormalization" and not first and is_last:
        return (1, 0), (2, 0)
    return None


def _channels_ahead(source: ir.Value, value: ir.Value, channels: int) -> int | None:
    """How many channels (axis 1) become the last axis of a matrix; None where shapes do not tell that they do."""
    before, after = source.shape, value.shape
    if before is None or after is None or len(before) < 2 or len(after) != 2:
        return None
    sizes = [size for size in before[1:] if isinstance(size, int)]
    if len(sizes) != len(before) - 1 or int(np.prod(sizes)) != channels or after[1] != channels:
        return None
    return sizes[0]


def _axis_ahead(transpose: ir.Node, axis: int) -> int | None:
    """Where the axis was before, if that is axis 1 or the last."""
    order = transpose.attributes.get_ints("perm", ())
    if not order:
        return None
    before, last = order[axis], len(order) - 1
    return -1 if before == last else 1 if before == 1 else None


def _last(value: ir.Value) -> int | None:
    size = value.shape[-1] if value.shape else None
    return size if isinstance(size, int) else None


def _is_floats(value: ir.Value | None) -> bool:
    return value is not None and is_constant(value) and value.dtype == ir.DataType.FLOAT
