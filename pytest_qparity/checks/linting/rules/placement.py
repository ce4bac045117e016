"""Q/DQ nodes in places where TensorRT does not fuse them: the file is taken, and runs in float or slower."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from pytest_qparity.checks.linting.finding import Rule, Weight
from pytest_qparity.checks.linting.pairs import Layout, is_constant, pairs, weight_index
from pytest_qparity.checks.linting.view import attribute, input_name, named
from pytest_qparity.precision.graph import WEIGHTED
from pytest_qparity.precision.values import STANDARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import NodeProto

    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.linting.pairs import Pair
    from pytest_qparity.checks.linting.view import Body, View

__all__ = ["RULES", "check"]

PLACEMENT = "TensorRT documentation, Explicit Quantization: Q/DQ layer-placement recommendations"

SKIP = Rule(
    "TRT-FUSE-001",
    Weight.WARNED,
    "a residual Add that takes a float",
    "quantize the skip input of the Add too: the first float input makes the fused convolution give floats",
    f"{PLACEMENT} (residual input of skip connections)",
)
ACROSS_RELU = Rule(
    "TRT-FUSE-002",
    Weight.WARNED,
    "Q/DQ between a product and its Relu",
    "quantize behind the Relu: it is fused with the convolution or product in front of it",
    f"{PLACEMENT} (convolution, normalization and Relu fuse; Q belongs behind them)",
)
AXIS = Rule(
    "TRT-FUSE-003",
    Weight.WARNED,
    "weights with scales along another axis than their output channels",
    "quantize weights per output channel: axis 0 of Conv, 1 of ConvTranspose, the columns of MatMul and Gemm (rows "
    "with transB)",
    "TensorRT documentation, Working with Quantized Types: per-channel quantization of weights",
)
SHARED = Rule(
    "TRT-FUSE-004",
    Weight.WARNED,
    "a QuantizeLinear whose codes several nodes read",
    "give each DequantizeLinear a QuantizeLinear of its own, or let all readers share one pair",
    f"{PLACEMENT} (a Q fuses with one DQ and the layers around them)",
)
HALF = Rule(
    "TRT-FUSE-005",
    Weight.WARNED,
    "a product that is quantized on one side alone",
    "quantize activation and weight alike: with one of them in float the product runs in float",
    f"{PLACEMENT} (all inputs of weighted operators)",
)

RULES = (SKIP, ACROSS_RELU, AXIS, SHARED, HALF)

_FUSED = frozenset({"BatchNormalization", "Clip", "Relu"})
_EIGHT_BITS = frozenset({TensorProto.INT8, TensorProto.UINT8, TensorProto.FLOAT8E4M3FN})


def check(view: View) -> Iterator[Finding]:
    quantized = {id(pair.node): pair for pair in pairs(view)}
    for body, node in view.nodes():
        if node.op_type == "QuantizeLinear":
            yield from _shared(body, node)
            yield from _across_relu(body, node)
        elif node.domain not in STANDARD:
            continue
        elif node.op_type in WEIGHTED:
            yield from _sides(body, node, quantized)
        elif node.op_type == "Add":
            yield from _skip(body, node)


def _shared(body: Body, node: NodeProto) -> Iterator[Finding]:
    readers = body.readers.get(node.output[0], [])
    if len(readers) > 1:
        shown = ", ".join(f'"{named(reader)}"' for reader in readers[:3])
        yield SHARED.at(named(node), f"got {len(readers)} readers ({shown}), should be one")


def _across_relu(body: Body, node: NodeProto) -> Iterator[Finding]:
    maker = body.producer(node, 0)
    if maker is None or maker.op_type not in WEIGHTED | {"BatchNormalization"}:
        return
    dequantize = body.only_reader(node.output[0])
    if dequantize is None or dequantize.op_type != "DequantizeLinear":
        return
    reader = body.only_reader(dequantize.output[0])
    if reader is not None and reader.op_type in ("Clip", "Relu"):
        got = f'got Q/DQ between "{named(maker)}" and "{named(reader)}", should be behind the latter'
        yield ACROSS_RELU.at(named(node), got)


def _skip(body: Body, node: NodeProto) -> Iterator[Finding]:
    """An Add that goes to a Q, of what a quantized product gives and something in float."""
    if not _is_quantized_next(body, node):
        return
    names = [input_name(node, index) for index in (0, 1)]
    products = [_fused_product(body, name) for name in names]
    for index, product in enumerate(products):
        other = names[1 - index]
        if product is None or not _runs_quantized(body, product) or is_constant(body, other):
            continue
        maker = body.producers.get(other)
        if maker is None or maker.op_type != "DequantizeLinear":
            got = f'got "{other}" in float beside what "{named(product)}" gives, should be dequantized'
            yield SKIP.at(named(node), got)
        return


def _is_quantized_next(body: Body, node: NodeProto) -> bool:
    """Whether what a node gives is quantized, behind what is fused with it."""
    readers = body.readers.get(node.output[0], [])
    if len(readers) == 1 and readers[0].op_type in _FUSED:
        readers = body.readers.get(readers[0].output[0], [])
    return any(reader.op_type == "QuantizeLinear" for reader in readers)


def _fused_product(body: Body, name: str) -> NodeProto | None:
    """The product that gives a value, in front of a BatchNormalization that is fused with it."""
    maker = body.producers.get(name)
    if maker is not None and maker.op_type == "BatchNormalization":
        maker = body.producer(maker, 0)
    return maker if maker is not None and maker.op_type in WEIGHTED else None


def _runs_quantized(body: Body, node: NodeProto) -> bool:
    makers = [body.producer(node, index) for index in (0, 1)]
    return all(maker is not None and maker.op_type == "DequantizeLinear" for maker in makers)


def _sides(body: Body, node: NodeProto, quantized: dict[int, Pair]) -> Iterator[Finding]:
    makers = [body.producer(node, index) for index in (0, 1)]
    sides = [None if maker is None else quantized.get(id(maker)) for maker in makers]
    known = [side for side in sides if side is not None and side.quantized in _EIGHT_BITS]
    if len(known) == 1 and all(side is None or side in known for side in sides):
        index = sides.index(known[0])
        what = "weight" if index == weight_index(body, node) else "activation"
        yield HALF.at(named(node), f"got a quantized {what} beside a float, should both be quantized")
    weight = weight_index(body, node)
    side = None if weight is None else sides[weight]
    if side is not None and weight is not None and side.layout is Layout.PER_AXIS:
        yield from _axis(node, side, weight)


def _axis(node: NodeProto, side: Pair, index: int) -> Iterator[Finding]:
    rank = len(side.data.shape) if side.data.shape is not None else None
    wanted = _channel_axis(node, index, rank)
    if wanted is not None and side.axis != wanted:
        yield AXIS.at(named(node), f"got scales along axis {side.axis} of its weight, should be along axis {wanted}")


def _channel_axis(node: NodeProto, index: int, rank: int | None) -> int | None:
    """The axis of a weight's output channels; None where no axis is."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1
    if rank != 2:
        return None
    transposed = node.op_type == "Gemm" and bool(attribute(node, "transB" if index == 1 else "transA"))
    return 1 if (index == 1) != transposed else 0
