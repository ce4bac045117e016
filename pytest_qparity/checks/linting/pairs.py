"""What Q/DQ nodes say of themselves: types, scales, zero points, layout. Several subjects of rules ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from onnx import TensorProto

from pytest_qparity.checks.linting.constants import constant_names
from pytest_qparity.checks.linting.view import attribute, input_name
from pytest_qparity.precision.content import QUANTIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from onnx import NodeProto

    from pytest_qparity.checks.linting.view import Body, Known, Shape, View

__all__ = [
    "FIRST_OPSET_WITH_AXIS",
    "FOUR_BITS",
    "Layout",
    "Pair",
    "blocked_axes",
    "pairs",
    "scales_expected",
    "weight_index",
]

FOUR_BITS = frozenset({TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1})
FIRST_OPSET_WITH_AXIS = 13
_ROOTS_OF_CONSTANTS = frozenset({"Cast", "DequantizeLinear", "Identity", "QuantizeLinear", "Reshape", "Transpose"})


class Layout(Enum):
    PER_TENSOR = "per tensor"
    PER_AXIS = "per axis"
    BLOCKED = "in blocks"


@dataclass(frozen=True, slots=True)
class Pair:
    """A QuantizeLinear or DequantizeLinear: either half of a pair.

    `data`, `scale`, `zero_point`: what is known of its inputs, the last None where it has none. `quantized`: the
    element type it quantizes to or from (ONNX QuantizeLinear, DequantizeLinear 10 to 25; uint8 where nothing says);
    UNDEFINED where the file does not tell. `default_axis`: what the axis is where the node states none.
    """

    body: Body
    node: NodeProto
    data: Known
    scale: Known
    zero_point: Known | None
    quantized: int
    default_axis: int

    @property
    def is_quantize(self) -> bool:
        return self.node.op_type == "QuantizeLinear"

    @property
    def layout(self) -> Layout | None:
        """None where the scale's shape is not known."""
        shape = self.scale.shape
        if shape is None:
            return None
        if attribute(self.node, "block_size") or (len(shape) > 1 and _elements(shape) != 1):
            return Layout.BLOCKED
        return Layout.PER_TENSOR if _elements(shape) == 1 else Layout.PER_AXIS

    @property
    def axis(self) -> int:
        """The axis of scales, from the front where the rank of the data is known."""
        stated = attribute(self.node, "axis", self.default_axis)
        return stated + len(self.data.shape) if stated < 0 and self.data.shape is not None else stated

    @property
    def is_constant(self) -> bool:
        """Whether its data are a constant, or made of constants alone: a weight."""
        return input_name(self.node, 0) in constant_names(self.body)


def pairs(view: View) -> Iterator[Pair]:
    # Below opset 13 there is no axis, and TensorRT's importer takes the first (QuantDequantLinearHelper, 10.16).
    default_axis = 1 if view.opset >= FIRST_OPSET_WITH_AXIS else 0
    for body, node in view.nodes():
        if node.op_type in QUANTIZE and len(node.input) > 1:
            zero_point = body.known(node, 2) if input_name(node, 2) else None
            data = body.known(node, 0)
            yield Pair(body, node, data, body.known(node, 1), zero_point, _quantized(body, node), default_axis)


def is_constant(body: Body, name: str, depth: int = 8) -> bool:
    """Whether a value is a constant but for its layout and type: what fuses, and what importers take for a weight."""
    known = body.values.get(name)
    if known is not None and known.constant is not None:
        return True
    made_by = body.producers.get(name)
    if made_by is None or depth == 0 or made_by.op_type not in _ROOTS_OF_CONSTANTS:
        return False
    return all(is_constant(body, each, depth - 1) for each in made_by.input if each)


def block_of(pair: Pair) -> tuple[int, int] | None:
    """(axis, elements) of a block, from the attribute or from the shapes; None where they do not tell."""
    stated = attribute(pair.node, "block_size")
    if stated:
        return pair.axis, stated
    data, scale = pair.data.shape, pair.scale.shape
    if data is None or scale is None or len(data) != len(scale):
        return None
    for axis, (size, blocks) in enumerate(zip(data, scale, strict=True)):
        if size and blocks and size != blocks:
            return axis, size // blocks
    return None


def blocked_axes(pair: Pair) -> tuple[int, ...] | None:
    """The axes along which there are fewer scales than elements, by shape alone, as TensorRT and OpenVINO read them;
    None where the shapes do not tell."""
    data, scale = pair.data.shape, pair.scale.shape
    if data is None or scale is None or len(data) != len(scale) or None in data or None in scale:
        return None
    return tuple(axis for axis, (size, count) in enumerate(zip(data, scale, strict=True)) if size != count)


def scales_expected(pair: Pair) -> tuple[int, ...] | None:
    """The shape that scales have by `axis` and `block_size`: ⌈size / block⌉ along the axis, the data's otherwise (ONNX
    DequantizeLinear 21). None without a block_size, and where the data's shape is not known."""
    size, data = attribute(pair.node, "block_size"), pair.data.shape
    if size <= 0 or data is None or not 0 <= pair.axis < len(data) or pair.scale.shape is None:
        return None
    known = tuple(each for each in data if each is not None)
    if len(known) < len(data) or None in pair.scale.shape:
        return None
    return tuple(-(-each // size) if axis == pair.axis else each for axis, each in enumerate(known))


def weight_index(body: Body, node: NodeProto) -> int | None:
    """Which input of a weighted node is its constant operand, dequantized or not; None where neither is."""
    order = (1,) if node.op_type in ("Conv", "ConvTranspose") else (1, 0)
    return next((index for index in order if is_constant(body, input_name(node, index))), None)


def values(view: View, known: Known | None) -> np.ndarray | None:
    return None if known is None else view.array(known)


def _quantized(body: Body, node: NodeProto) -> int:
    if node.op_type == "DequantizeLinear":
        for index in (0, 2):
            known = body.known(node, index)
            if known.type != TensorProto.UNDEFINED:
                return known.type
        made_by = body.producer(node, 0)
        if made_by is not None and made_by.op_type == "QuantizeLinear":
            return _quantized(body, made_by)
        return int(TensorProto.UNDEFINED)
    if input_name(node, 2):
        return body.known(node, 2).type
    return attribute(node, "output_dtype") or int(TensorProto.UINT8)


def _elements(shape: Shape) -> int | None:
    count = 1
    for size in shape:
        if size is None:
            return None
        count *= size
    return count
