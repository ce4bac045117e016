"""Traps of OpenVINO's CPU plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from pytest_qparity.checks.linting.finding import Rule, Weight
from pytest_qparity.checks.linting.pairs import Layout, block_of, blocked_axes, pairs
from pytest_qparity.checks.linting.view import attribute, input_name, named, type_name
from pytest_qparity.precision.values import STANDARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import NodeProto

    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.linting.pairs import Pair
    from pytest_qparity.checks.linting.view import Body, View

__all__ = ["RULES", "check"]

MEASURED = "measured with OpenVINO 2026.4 on x64, November 2026"

SIXTEEN_BITS = Rule(
    "OV-Q-001",
    Weight.WARNED,
    "16-bit Q/DQ, which the CPU plugin strips",
    "judge int16 emulated (the backend openvino does), or quantize to 8 bits",
    f"{MEASURED}: -8.6 dB",
)
BLOCKS = Rule(
    "OV-Q-002",
    Weight.REFUSED,
    "blocks that do not divide their axis",
    "choose a block size that divides the axis",
    f"{MEASURED}: known deviations, docs/conformance.md",
)
BLOCKED_OUTPUTS = Rule(
    "OV-Q-003",
    Weight.REFUSED,
    "integer weights of a product with blocks along its output channels",
    "block the axis that is summed up: the last but one of MatMul, that of Gemm (the last with transB)",
    f"{MEASURED}: refused while it is compiled, or the process ends by SIGFPE where both axes are equal",
)
PER_ROW = Rule(
    "OV-OP-001",
    Weight.REFUSED,
    "a QLinearMatMul with scales per row or per column, or of a vector",
    "quantize in QDQ form",
    f"{MEASURED}: known deviations, docs/conformance.md",
)
LSTM = Rule(
    "OV-OP-002",
    Weight.WARNED,
    "an LSTM with dequantized weights",
    "leave the weights of recurrent operators float",
    f"{MEASURED}: known deviations, docs/conformance.md",
)
FLOAT16 = Rule(
    "OV-TYPE-001",
    Weight.WARNED,
    "fp16, which is computed in float32 on CPUs",
    "judge fp16 on an engine that computes in it: this one rounds weights alone",
    "pytest-qparity, docs/backends.md: INFERENCE_PRECISION_HINT is f32",
)
SMALL_FLOATS = Rule(
    "OV-TYPE-002",
    Weight.WARNED,
    "float8 or float4, which the CPU plugin does not compute in",
    "judge the precision emulated, which the backend openvino does",
    "pytest-qparity, docs/emulation.md: precisions that the backend openvino does not compute in",
)

RULES = (SIXTEEN_BITS, BLOCKS, BLOCKED_OUTPUTS, PER_ROW, LSTM, FLOAT16, SMALL_FLOATS)

_SIXTEEN_BITS = frozenset({TensorProto.INT16, TensorProto.UINT16})
_SMALL = frozenset({TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E5M2, TensorProto.FLOAT4E2M1})
_INTEGERS = frozenset({TensorProto.INT4, TensorProto.UINT4, TensorProto.INT8, TensorProto.UINT8})
_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def check(view: View) -> Iterator[Finding]:
    quantized = {id(pair.node): pair for pair in pairs(view)}
    for pair in quantized.values():
        yield from _pair(pair)
    for body, node in view.nodes():
        if node.domain not in STANDARD:
            continue
        if node.op_type == "QLinearMatMul":
            yield from _qlinear(body, node)
        elif node.op_type == "LSTM":
            yield from _lstm(body, node)
        if node.op_type in ("Gemm", "MatMul"):
            yield from _blocked_outputs(body, node, quantized)
        if node.op_type in _PRODUCTS and body.known(node, 0).type == TensorProto.FLOAT16:
            yield FLOAT16.at(named(node), f"got {node.op_type} on float16, which is computed in float32")


def _pair(pair: Pair) -> Iterator[Finding]:
    if pair.quantized in _SIXTEEN_BITS and pair.is_quantize:
        yield SIXTEEN_BITS.at(named(pair.node), f"got {type_name(pair.quantized)} codes, should be of 8 bits")
    elif pair.quantized in _SMALL:
        yield SMALL_FLOATS.at(named(pair.node), f"got {type_name(pair.quantized)} codes, should be emulated")
    block = block_of(pair) if pair.layout is Layout.BLOCKED else None
    if block is None or pair.data.shape is None or block[0] >= len(pair.data.shape):
        return
    size = pair.data.shape[block[0]]
    if size is not None and size % block[1]:
        got = f"got blocks of {block[1]} on an axis of {size}, should divide it"
        yield BLOCKS.at(named(pair.node), got)


def _blocked_outputs(body: Body, node: NodeProto, quantized: dict[int, Pair]) -> Iterator[Finding]:
    maker = body.producer(node, 1)
    pair = None if maker is None else quantized.get(id(maker))
    if pair is None or pair.layout is not Layout.BLOCKED or pair.quantized not in _INTEGERS:
        return
    axes, rank = blocked_axes(pair), len(pair.data.shape or ())
    outputs = rank - (2 if attribute(node, "transB") else 1)
    if axes == (outputs,):
        yield BLOCKED_OUTPUTS.at(
            named(node), f'got blocks along axis {outputs} of "{pair.node.input[0]}", the output channels'
        )


def _qlinear(body: Body, node: NodeProto) -> Iterator[Finding]:
    for index, operand in ((1, 0), (4, 3)):
        scale, shape = body.known(node, index).shape, body.known(node, operand).shape
        if scale is not None and any(size != 1 for size in scale):
            yield PER_ROW.at(named(node), f'got several scales of "{input_name(node, operand)}", should be one')
        elif shape is not None and len(shape) == 1:
            yield PER_ROW.at(named(node), f'got the vector "{input_name(node, operand)}", should be a matrix')


def _lstm(body: Body, node: NodeProto) -> Iterator[Finding]:
    for index in (1, 2):
        maker = body.producer(node, index)
        if maker is not None and maker.op_type == "DequantizeLinear":
            yield LSTM.at(named(node), f'got dequantized "{input_name(node, index)}", should be a float constant')
