"""Traps of ONNX Runtime on CPUs: files that it refuses, and files that it runs otherwise than they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from pytest_qparity.checks.linting.finding import Rule, Weight
from pytest_qparity.checks.linting.pairs import Layout, pairs, scales_expected
from pytest_qparity.checks.linting.view import attribute, named, type_name
from pytest_qparity.precision.values import STANDARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import NodeProto

    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.linting.pairs import Pair
    from pytest_qparity.checks.linting.view import Body, View

__all__ = ["RULES", "check"]

MEASURED = "measured with onnxruntime 1.32 on x64, November 2026"

NO_KERNEL = Rule(
    "ORT-TYPE-001",
    Weight.REFUSED,
    "bfloat16 or float4, for which the CPU provider has no kernels",
    "judge the file emulated (backend ort, precision bf16 or nvfp4), or run it on another engine",
    MEASURED,
)
FLOAT8 = Rule(
    "ORT-TYPE-002",
    Weight.WARNED,
    "float8, which is computed in float32",
    "expect no speed: 0.14 of float32 for products, 0.32 for convolutions",
    MEASURED,
)
PER_CHANNEL = Rule(
    "ORT-Q-001",
    Weight.REFUSED,
    "scales per channel below opset 13",
    "convert the float model to opset 13 or later before it is quantized",
    f"ONNX operator changelog: DequantizeLinear has its axis since 13; {MEASURED}",
)
SCALE = Rule(
    "ORT-Q-002",
    Weight.WARNED,
    "a scale that is zero, negative or NaN",
    "calibrate again: ONNX Runtime runs such a node without a word, and its output is zeros or nonsense",
    MEASURED,
)
RELU_DROPPED = Rule(
    "ORT-Q-003",
    Weight.WARNED,
    "a Relu in front of float8 or int4 quantization",
    "run with graph_optimization_level = ORT_ENABLE_BASIC: from EXTENDED on the Relu is dropped, though these types "
    "hold negative values",
    f"{MEASURED}: an fp8 MLP at -8.3 dB, where another engine has 22.6",
)
SIXTEEN_BITS = Rule(
    "ORT-Q-004",
    Weight.WARNED,
    "16-bit activations of a Gemm or MatMul with 8-bit weights",
    'set session.qdq_matmulnbits_accuracy_level = "0": it is rewritten to MatMulNBits, which rounds activations',
    MEASURED,
)
SATURATE = Rule(
    "ORT-Q-005",
    Weight.WARNED,
    "float8 that does not saturate",
    "leave saturate at 1: with 0 values near the largest come out wrong",
    MEASURED,
)
UNQUANTIZED_OUTPUT = Rule(
    "ORT-FUSE-001",
    Weight.WARNED,
    "a quantized convolution whose output is not quantized",
    "quantize what leaves it, behind its Relu: without it there is no QLinearConv, and the convolution runs in float",
    "onnxruntime, QDQ selectors: Conv needs Q behind it; " + MEASURED,
)
SIGNED = Rule(
    "ORT-FUSE-002",
    Weight.WARNED,
    "int8 activations",
    "take uint8 activations and int8 weights for speed: 3.3 times float32 on ResNet-50, where int8 has 1.5",
    MEASURED,
)
DYNAMIC = Rule(
    "ORT-Q-006",
    Weight.WARNED,
    "dynamic quantization",
    "fix the batch that is judged: scales come from the whole batch, so a sample has other outputs in another one",
    MEASURED,
)
BLOCKS = Rule(
    "ORT-Q-007",
    Weight.REFUSED,
    "blocks of other shapes than their scales have",
    "make axis, block_size and the shape of the scales one: ONNX Runtime loads the file, and its first run fails",
    f"ONNX operator DequantizeLinear 21: a scale for each block along axis; {MEASURED}",
)

RULES = (
    NO_KERNEL,
    FLOAT8,
    PER_CHANNEL,
    SCALE,
    RELU_DROPPED,
    SIXTEEN_BITS,
    SATURATE,
    DYNAMIC,
    BLOCKS,
    UNQUANTIZED_OUTPUT,
    SIGNED,
)

_PER_AXIS_OPSET = 13
_FLOAT8 = frozenset(
    {
        TensorProto.FLOAT8E4M3FN,
        TensorProto.FLOAT8E4M3FNUZ,
        TensorProto.FLOAT8E5M2,
        TensorProto.FLOAT8E5M2FNUZ,
    }
)
_WITHOUT_KERNELS = frozenset({TensorProto.BFLOAT16, TensorProto.FLOAT4E2M1})
_SIXTEEN_BITS = frozenset({TensorProto.INT16, TensorProto.UINT16})
_EIGHT_BITS = frozenset({TensorProto.INT8, TensorProto.UINT8})
_FUSED = frozenset({"Clip", "Relu"})


def check(view: View) -> Iterator[Finding]:
    quantized = {id(pair.node): pair for pair in pairs(view)}
    for pair in quantized.values():
        yield from _pair(pair, view)
    for body, node in view.nodes():
        if node.domain not in STANDARD:
            continue
        yield from _types(body, node)
        if node.op_type == "DynamicQuantizeLinear":
            yield DYNAMIC.at(named(node), "got a scale made of each batch, should be fixed to be compared")
        elif node.op_type == "Conv":
            yield from _conv(body, node, quantized)
        elif node.op_type in ("Gemm", "MatMul"):
            yield from _product(body, node, quantized)
        elif node.op_type == "Cast" and _FLOAT8 & {attribute(node, "to")} and not attribute(node, "saturate", 1):
            yield SATURATE.at(named(node), "got a Cast to float8 with saturate = 0, should be 1")


def _pair(pair: Pair, view: View) -> Iterator[Finding]:
    node = pair.node
    if pair.layout is Layout.PER_AXIS and view.opset < _PER_AXIS_OPSET:
        yield PER_CHANNEL.at(named(node), f"got scales per channel at opset {view.opset}, should be at 13 or later")
    expected = scales_expected(pair)
    if expected is not None and pair.scale.shape != expected:
        got = f"got scales of shape {list(pair.scale.shape or ())}, should be {list(expected)} by axis and block_size"
        yield BLOCKS.at(named(node), got)
    scale = view.array(pair.scale)
    if scale is not None:
        values = np.asarray(scale, np.float64)
        wrong = ~(values > 0) | ~np.isfinite(values)
        if wrong.any():
            yield SCALE.at(named(node), f"got a scale of {values[wrong].flat[0]:g}, should be finite and above 0")
    if not pair.is_quantize:
        return
    if pair.quantized in _FLOAT8 and not attribute(node, "saturate", 1):
        yield SATURATE.at(named(node), "got float8 with saturate = 0, should be 1")
    maker = pair.body.producer(node, 0)
    if maker is None or maker.op_type != "Relu":
        return
    if pair.quantized in _FLOAT8 | {TensorProto.INT4} and not _is_shifted(pair, view):
        got = f'got "{named(maker)}" in front of {type_name(pair.quantized)}, should be kept'
        yield RELU_DROPPED.at(named(node), got)


def _is_shifted(pair: Pair, view: View) -> bool:
    zero = None if pair.zero_point is None else view.array(pair.zero_point)
    return zero is not None and bool(np.asarray(zero, np.float32).any())


def _types(body: Body, node: NodeProto) -> Iterator[Finding]:
    if node.op_type == "Cast":
        return
    types = {body.values[name].type for name in (*node.input, *node.output) if name in body.values}
    lacking = next(iter(sorted(types & _WITHOUT_KERNELS)), None)
    if lacking is not None:
        yield NO_KERNEL.at(named(node), f"got {node.op_type} on {type_name(lacking)}, should be on a type with kernels")
    elif node.op_type == "DequantizeLinear" and types & _FLOAT8:
        yield FLOAT8.at(named(node), "got float8 codes, which are turned into float32 to compute")


def _conv(body: Body, node: NodeProto, quantized: dict[int, Pair]) -> Iterator[Finding]:
    sides = _sides(body, node, quantized)
    if len(sides) < 2 or not all(side.quantized in _EIGHT_BITS for side in sides):
        return
    if sides[0].quantized == TensorProto.INT8:
        yield SIGNED.at(named(node), "got int8 activations, should be uint8 for the fastest kernels")
    readers = body.readers.get(node.output[0], [])
    if len(readers) == 1 and readers[0].op_type in _FUSED:
        readers = body.readers.get(readers[0].output[0], [])
    if not any(reader.op_type == "QuantizeLinear" for reader in readers):
        yield UNQUANTIZED_OUTPUT.at(named(node), "got a float output, should be quantized")


def _product(body: Body, node: NodeProto, quantized: dict[int, Pair]) -> Iterator[Finding]:
    sides = _sides(body, node, quantized)
    if len(sides) == 2 and sides[0].quantized in _SIXTEEN_BITS and sides[1].quantized in _EIGHT_BITS:
        yield SIXTEEN_BITS.at(named(node), f"got {type_name(sides[0].quantized)} activations, should stay exact")


def _sides(body: Body, node: NodeProto, quantized: dict[int, Pair]) -> list[Pair]:
    makers = (body.producer(node, index) for index in (0, 1))
    return [quantized[id(maker)] for maker in makers if maker is not None and id(maker) in quantized]
