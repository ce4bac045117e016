"""Q/DQ pairs, QLinear operators and packed weights whose parameters make no sense, or none that anyone agrees on."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

from tests.faults.hostile.building import FLOAT, UINT8, array, from_shape, ints, model, node, to_float
from tests.faults.hostile.entry import of_model

_entry = partial(of_model, "quantization")
_INFINITY = float("inf")
_NAN = float("nan")
_MICROSOFT = "com.microsoft"


def _pair(scale: TensorProto, zero: TensorProto | None = None, opset: int = 21, **attributes: Any) -> ModelProto:
    """x → Q → DQ → y with one scale and one zero point for both."""
    zero = array("zero", 0, np.int8) if zero is None else zero
    quantize = node("QuantizeLinear", "x scale zero", "q", **attributes)
    return model([quantize, node("DequantizeLinear", "q scale zero", "y", **attributes)], scale, zero, opset=opset)


def _scaled(scale: Any) -> ModelProto:
    return _pair(array("scale", scale))


def _zero(zero: TensorProto) -> ModelProto:
    return _pair(array("scale", 0.1), zero)


def _along(axis: int, channels: int = 4) -> ModelProto:
    return _pair(array("scale", [0.1] * channels), array("zero", [0] * channels, np.int8), axis=axis)


def _blocked(size: int, scales: tuple[int, ...]) -> ModelProto:
    """Blocks along the last axis of x (1, 4)."""
    return _pair(
        array("scale", np.full(scales, 0.1)), array("zero", np.zeros(scales), np.int8), axis=1, block_size=size
    )


def _weight(size: int, scales: tuple[int, ...]) -> ModelProto:
    """A blocked int8 weight (4, 4), as weight-only files have it."""
    dequantize = node("DequantizeLinear", "w scale", "w_float", axis=0, block_size=size)
    return model(
        [dequantize, node("MatMul", "x w_float", "y")],
        array("w", np.arange(16).reshape(4, 4), np.int8),
        array("scale", np.full(scales, 0.1)),
    )


def _mixed(quantize_zero: TensorProto, dequantize_zero: TensorProto) -> ModelProto:
    """Q with one zero point, DQ with the other."""
    return model(
        [
            node("QuantizeLinear", f"x scale {quantize_zero.name}", "q"),
            node("DequantizeLinear", f"q scale {dequantize_zero.name}", "y"),
        ],
        array("scale", 0.1),
        quantize_zero,
        dequantize_zero,
    )


def _at_run_time() -> ModelProto:
    """scale = max |x|: a constant for no calibrator, and 0 where x is 0."""
    return model(
        [
            node("Abs", "x", "magnitude"),
            node("ReduceMax", "magnitude", "scale", keepdims=0),
            node("QuantizeLinear", "x scale zero", "q"),
            node("DequantizeLinear", "q scale zero", "y"),
        ],
        array("zero", 0, np.int8),
    )


def _divided_to_nan() -> ModelProto:
    """scale = (x − x) / (x − x): NaN, and no initializer shows it."""
    return model(
        [
            node("Sub", "x x", "nothing"),
            node("Div", "nothing nothing", "nans"),
            node("ReduceMean", "nans", "scale", keepdims=0),
            node("QuantizeLinear", "x scale zero", "q"),
            node("DequantizeLinear", "q scale zero", "y"),
        ],
        array("zero", 0, np.int8),
    )


def _dequantized(weight: TensorProto, zero: TensorProto, *, scale: float = 0.1) -> ModelProto:
    return model(
        [node("DequantizeLinear", "w scale zero", "v"), node("Add", "x v", "y")], weight, array("scale", scale), zero
    )


def _output_type(element: int) -> ModelProto:
    """output_dtype says one type, the zero point another."""
    quantize = node("QuantizeLinear", "x scale zero", "q", output_dtype=element)
    return model([quantize, to_float("q")], array("scale", 0.1), array("zero", 0, np.int8))


def _saturated(saturate: int) -> ModelProto:
    quantize = node("QuantizeLinear", "x scale", "q", output_dtype=TensorProto.FLOAT8E4M3FN, saturate=saturate)
    return model([quantize, node("DequantizeLinear", "q scale", "y")], array("scale", 1e-30))


def _convolution(**changed: TensorProto) -> ModelProto:
    """x as an image (1, 1, 2, 2) → QLinearConv with a 1×1 weight of two channels; `changed` replaces parameters."""
    image, shape = from_shape("image", (1, 1, 2, 2))
    parameters = {
        "x_scale": array("x_scale", 0.1),
        "x_zero": array("x_zero", 128, np.uint8),
        "w": array("w", np.full((2, 1, 1, 1), 3), np.int8),
        "w_scale": array("w_scale", [0.1, 0.2]),
        "w_zero": array("w_zero", [0, 0], np.int8),
        "y_scale": array("y_scale", 0.1),
        "y_zero": array("y_zero", 128, np.uint8),
        "bias": array("bias", [1, 2], np.int32),
        **changed,
    }
    return model(
        [
            image,
            node("QuantizeLinear", "image q_scale q_zero", "q"),
            node("QLinearConv", f"q {' '.join(parameters)}", "z"),
            to_float("z"),
        ],
        shape,
        array("q_scale", 0.1),
        array("q_zero", 128, np.uint8),
        *parameters.values(),
    )


def _product(**changed: TensorProto) -> ModelProto:
    """QLinearMatMul (1, 4) × (4, 4)."""
    parameters = {
        "a_scale": array("a_scale", 0.1),
        "a_zero": array("a_zero", 128, np.uint8),
        "b": array("b", np.ones((4, 4)), np.uint8),
        "b_scale": array("b_scale", 0.1),
        "b_zero": array("b_zero", 0, np.uint8),
        "y_scale": array("y_scale", 0.1),
        "y_zero": array("y_zero", 128, np.uint8),
        **changed,
    }
    return model(
        [
            node("QuantizeLinear", "x q_scale q_zero", "q"),
            node("QLinearMatMul", f"q {' '.join(parameters)}", "z"),
            to_float("z"),
        ],
        array("q_scale", 0.1),
        array("q_zero", 128, np.uint8),
        *parameters.values(),
    )


def _integer_product(b: TensorProto, *zeros: TensorProto) -> ModelProto:
    names = " ".join(["q", "b", *(zero.name for zero in zeros)])
    return model(
        [node("QuantizeLinear", "x scale zero", "q"), node("MatMulInteger", names, "z"), to_float("z")],
        array("scale", 0.1),
        array("zero", 128, np.uint8),
        b,
        *zeros,
    )


def _nothing_summed() -> ModelProto:
    """MatMulInteger (1, 0) × (0, 4): zeros, if anything wrote them."""
    return model(
        [
            node("Slice", "x starts ends axes", "none"),
            node("QuantizeLinear", "none scale zero", "q"),
            node("MatMulInteger", "q b", "z"),
            to_float("z"),
        ],
        *(ints("starts", 0), ints("ends", 0), ints("axes", 1)),
        array("scale", 0.1),
        array("zero", 128, np.uint8),
        array("b", np.zeros((0, 4)), np.uint8),
    )


def _dynamic(element: int = FLOAT) -> ModelProto:
    """DynamicQuantizeLinear of what is left of x after a division by zero."""
    divided = node("Div", "x zero", "v") if element == FLOAT else node("Cast", "x", "v", to=element)
    dynamic = node("DynamicQuantizeLinear", "v", "q scale point")
    return model([divided, dynamic, node("DequantizeLinear", "q scale point", "y")], array("zero", 0.0))


def _packed(bytes_held: int = 16, scales: int = 1, points: int | None = None, **stated: int) -> ModelProto:
    """MatMulNBits of a weight K=32 × N=1 in blocks of 32, 4 bits: 16 bytes, one scale; `stated` replaces attributes."""
    attributes = {"K": 32, "N": 1, "bits": 4, "block_size": 32, **stated}
    named = "wide w scales" + ("" if points is None else " points")
    initializers = [
        ints("repeats", 1, 8),
        array("w", np.full((1, 1, bytes_held), 0x98), np.uint8),
        array("scales", [0.1] * scales),
    ]
    if points is not None:
        initializers.append(array("points", [8] * points, np.uint8))
    packed = NodeProto(op_type="MatMulNBits", domain=_MICROSOFT, input=named.split(" "), output=["y"])
    packed.attribute.extend(AttributeProto(name=name, type=AttributeProto.INT, i=i) for name, i in attributes.items())
    return model([node("Tile", "x repeats", "wide"), packed], *initializers)


def _block_gather(index: int) -> ModelProto:
    """GatherBlockQuantized of four rows, of which one far away is asked for."""
    gather = node(
        "GatherBlockQuantized", "w index scales", "v", domain=_MICROSOFT, block_size=16, gather_axis=0, quantize_axis=1
    )
    return model(
        [gather, node("ReduceSum", "v", "total", keepdims=0), node("Add", "x total", "y")],
        TensorProto(name="w", dims=(4, 16), data_type=TensorProto.UINT4, raw_data=bytes(32)),
        ints("index", index),
        array("scales", np.ones((4, 1))),
    )


SCALES = (
    _entry("scale-nan", "The scale is NaN.", lambda: _scaled(_NAN)),
    _entry("scale-infinite", "The scale is +∞.", lambda: _scaled(_INFINITY)),
    _entry("scale-minus-infinite", "The scale is −∞.", lambda: _scaled(-_INFINITY)),
    _entry("scale-zero", "The scale is 0.", lambda: _scaled(0.0)),
    _entry("scale-minus-zero", "The scale is −0.", lambda: _scaled(-0.0)),
    _entry("scale-negative", "The scale is negative.", lambda: _scaled(-0.1)),
    _entry("scale-denormal", "The scale is the smallest denormal.", lambda: _scaled(1e-45)),
    _entry("scale-overflowing", "The scale is 3·10³⁸: a step overflows.", lambda: _scaled(3e38)),
    _entry(
        "scale-one-zero-of-four",
        "One scale of four is 0.",
        lambda: _pair(array("scale", [0.1, 0.0, 0.1, 0.1]), array("zero", [0] * 4, np.int8), axis=1),
    ),
    _entry("scale-empty", "The scale is of shape (0).", lambda: _scaled([])),
    _entry("scale-matrix", "The scale is of shape (2, 2).", lambda: _scaled([[0.1, 0.1], [0.1, 0.1]])),
    _entry("scale-of-one", "The scale is of shape (1), without an axis.", lambda: _scaled([0.1])),
    _entry("scale-int", "The scale is int32.", lambda: _pair(array("scale", 1, np.int32))),
    _entry("scale-double", "The scale is double.", lambda: _pair(array("scale", 0.1, np.float64))),
    _entry("scale-float16", "The scale is float16 where x is float32.", lambda: _pair(array("scale", 0.1, np.float16))),
    _entry("scale-at-run-time", "The scale is computed from x.", _at_run_time),
    _entry("scale-nan-at-run-time", "The scale is computed from x, and is NaN.", _divided_to_nan),
    _entry(
        "scale-missing", "The scale is not there.", lambda: model([node("QuantizeLinear", "x", "q"), to_float("q")])
    ),
    _entry(
        "scale-nobody-makes",
        "Nobody makes the scale.",
        lambda: model([node("QuantizeLinear", "x scale", "q"), to_float("q")]),
    ),
)

ZERO_POINTS = (
    _entry(
        "zero-point-other-shape",
        "The zero point is of shape (3), the scale a scalar.",
        lambda: _zero(array("zero", [0, 0, 0], np.int8)),
    ),
    _entry("zero-point-empty", "The zero point is of shape (0).", lambda: _zero(array("zero", [], np.int8))),
    _entry("zero-point-float", "The zero point is a float.", lambda: _zero(array("zero", 0.0))),
    _entry("zero-point-int32", "The zero point is int32.", lambda: _zero(array("zero", 0, np.int32))),
    _entry("zero-point-int64", "The zero point is int64.", lambda: _zero(array("zero", 0, np.int64))),
    _entry("zero-point-bool", "The zero point is bool.", lambda: _zero(array("zero", 0, np.bool_))),
    _entry(
        "zero-point-extreme",
        "The zero point is −128: nothing below 0 can be told.",
        lambda: _zero(array("zero", -128, np.int8)),
    ),
    _entry(
        "zero-point-int8-uint8",
        "Q has an int8 zero point, DQ an uint8 one.",
        lambda: _mixed(array("a", 0, np.int8), array("b", 0, np.uint8)),
    ),
    _entry(
        "zero-point-int8-int16",
        "Q has an int8 zero point, DQ an int16 one.",
        lambda: _mixed(array("a", 0, np.int8), array("b", 0, np.int16)),
    ),
    _entry(
        "zero-point-differs",
        "Q has zero point 0, DQ 100.",
        lambda: _mixed(array("a", 0, np.int8), array("b", 100, np.int8)),
    ),
    _entry(
        "zero-point-of-int32",
        "An int32 weight has zero point 7.",
        lambda: _dequantized(array("w", [1] * 4, np.int32), array("zero", 7, np.int32)),
    ),
    _entry(
        "dequantize-float",
        "DequantizeLinear of floats.",
        lambda: _dequantized(array("w", [1.0] * 4), array("zero", 0, np.int8)),
    ),
    _entry(
        "dequantize-bool",
        "DequantizeLinear of bools.",
        lambda: _dequantized(array("w", [1] * 4, np.bool_), array("zero", 0, np.bool_)),
    ),
    _entry("quantize-type-lies", "output_dtype is uint8, the zero point int8.", lambda: _output_type(UINT8)),
    _entry("quantize-to-float", "output_dtype is float.", lambda: _output_type(FLOAT)),
    _entry("quantize-to-999", "output_dtype is 999.", lambda: _output_type(999)),
    _entry("quantize-fp8-unsaturated", "float8 without saturation and a scale of 10⁻³⁰.", lambda: _saturated(0)),
)

AXES = (
    _entry("axis-7", "The axis is 7 of 2.", lambda: _along(7)),
    _entry("axis-minus-9", "The axis is −9 of 2.", lambda: _along(-9)),
    _entry("axis-int64-max", "The axis is 2⁶³ − 1.", lambda: _along((1 << 63) - 1)),
    _entry("axis-int64-min", "The axis is −2⁶³.", lambda: _along(-(1 << 63))),
    _entry("axis-wrong", "Four scales along an axis of one.", lambda: _along(0)),
    _entry("axis-three-scales", "Three scales along an axis of four.", lambda: _along(1, 3)),
    _entry("axis-of-1000-scales", "1,000 scales along an axis of four.", lambda: _along(1, 1000)),
    _entry("block-negative", "block_size is −2.", lambda: _blocked(-2, (1, 2))),
    _entry("block-huge", "block_size is 2⁶² with one scale.", lambda: _blocked(1 << 62, (1, 1))),
    _entry("block-int64-max", "block_size is 2⁶³ − 1.", lambda: _blocked((1 << 63) - 1, (1, 1))),
    _entry("block-not-dividing", "block_size is 3 for four values.", lambda: _blocked(3, (1, 2))),
    _entry("block-too-few-scales", "block_size is 1 for four values, with two scales.", lambda: _blocked(1, (1, 2))),
    _entry("block-rank", "Blocked scales are of rank 1.", lambda: _blocked(2, (2,))),
    _entry("block-zero", "block_size is 0 with blocked scales.", lambda: _blocked(0, (1, 2))),
    _entry(
        "block-opset-13",
        "block_size in opset 13, which has none.",
        lambda: _pair(array("scale", [[0.1, 0.1]]), array("zero", [[0, 0]], np.int8), opset=13, axis=1, block_size=2),
    ),
    _entry("weight-block-negative", "A weight's block_size is −4.", lambda: _weight(-4, (1, 4))),
    _entry("weight-block-huge", "A weight's block_size is 2⁶².", lambda: _weight(1 << 62, (1, 4))),
    _entry("weight-block-zero", "A weight's block_size is 0.", lambda: _weight(0, (1, 4))),
    _entry("weight-block-no-scales", "A weight's scales are of shape (0, 4).", lambda: _weight(4, (0, 4))),
)

INTEGER_OPERATORS = (
    _entry(
        "qlinearconv-weight-scales",
        "QLinearConv of 2 channels has 3 scales.",
        lambda: _convolution(w_scale=array("w_scale", [0.1] * 3)),
    ),
    _entry(
        "qlinearconv-weight-zeros",
        "QLinearConv of 2 channels has 1,000 zero points.",
        lambda: _convolution(w_zero=array("w_zero", [0] * 1000, np.int8)),
    ),
    _entry(
        "qlinearconv-no-scales", "QLinearConv has 0 weight scales.", lambda: _convolution(w_scale=array("w_scale", []))
    ),
    _entry(
        "qlinearconv-x-scale",
        "QLinearConv has 4 scales of x.",
        lambda: _convolution(x_scale=array("x_scale", [0.1] * 4)),
    ),
    _entry(
        "qlinearconv-y-scale-zero",
        "QLinearConv has an output scale of 0.",
        lambda: _convolution(y_scale=array("y_scale", 0.0)),
    ),
    _entry(
        "qlinearconv-y-scale-empty",
        "QLinearConv has an empty output scale.",
        lambda: _convolution(y_scale=array("y_scale", [])),
    ),
    _entry(
        "qlinearconv-y-zero-type",
        "QLinearConv has a float output zero point.",
        lambda: _convolution(y_zero=array("y_zero", 0.0)),
    ),
    _entry(
        "qlinearconv-y-zero-empty",
        "QLinearConv has an empty output zero point.",
        lambda: _convolution(y_zero=array("y_zero", [], np.uint8)),
    ),
    _entry(
        "qlinearconv-bias",
        "QLinearConv of 2 channels has 1 bias.",
        lambda: _convolution(bias=array("bias", [1], np.int32)),
    ),
    _entry(
        "qlinearconv-bias-type", "QLinearConv has a float bias.", lambda: _convolution(bias=array("bias", [1.0, 2.0]))
    ),
    _entry(
        "qlinearconv-no-channels",
        "QLinearConv's weight is of shape (0, 1, 1, 1).",
        lambda: _convolution(w=array("w", np.zeros((0, 1, 1, 1)), np.int8)),
    ),
    _entry(
        "qlinearconv-weight-rank",
        "QLinearConv's weight is of rank 1.",
        lambda: _convolution(w=array("w", [1, 2], np.int8)),
    ),
    _entry(
        "qlinearmatmul-b-scales",
        "QLinearMatMul of 4 columns has 3 scales.",
        lambda: _product(b_scale=array("b_scale", [0.1] * 3)),
    ),
    _entry(
        "qlinearmatmul-a-scales",
        "QLinearMatMul of 1 row has 4 scales of a.",
        lambda: _product(a_scale=array("a_scale", [0.1] * 4)),
    ),
    _entry(
        "qlinearmatmul-b-zeros",
        "QLinearMatMul of 4 columns has 2 zero points.",
        lambda: _product(b_zero=array("b_zero", [0, 0], np.uint8)),
    ),
    _entry("qlinearmatmul-b-empty", "QLinearMatMul has no scale of b.", lambda: _product(b_scale=array("b_scale", []))),
    _entry(
        "qlinearmatmul-y-nan",
        "QLinearMatMul has an output scale NaN.",
        lambda: _product(y_scale=array("y_scale", _NAN)),
    ),
    _entry("qlinearmatmul-rank", "QLinearMatMul by a scalar.", lambda: _product(b=array("b", 1, np.uint8))),
    _entry(
        "matmulinteger-shape",
        "MatMulInteger (1, 4) × (3, 4).",
        lambda: _integer_product(array("b", np.ones((3, 4)), np.uint8)),
    ),
    _entry(
        "matmulinteger-zeros",
        "MatMulInteger of 4 columns has 3 zero points.",
        lambda: _integer_product(
            array("b", np.ones((4, 4)), np.uint8), array("a0", 0, np.uint8), array("b0", [0] * 3, np.uint8)
        ),
    ),
    _entry(
        "matmulinteger-a-zeros",
        "MatMulInteger has 4 zero points of a.",
        lambda: _integer_product(array("b", np.ones((4, 4)), np.uint8), array("a0", [0] * 4, np.uint8)),
    ),
    _entry("matmulinteger-nothing", "MatMulInteger sums over nothing.", _nothing_summed),
    _entry("dynamic-of-infinity", "DynamicQuantizeLinear of ±∞.", _dynamic),
    _entry("dynamic-of-double", "DynamicQuantizeLinear of doubles.", lambda: _dynamic(TensorProto.DOUBLE)),
)

PACKED = (
    _entry("nbits-3", "MatMulNBits of 3 bits.", lambda: _packed(bits=3)),
    _entry("nbits-0", "MatMulNBits of 0 bits.", lambda: _packed(bits=0)),
    _entry("nbits-64", "MatMulNBits of 64 bits.", lambda: _packed(bits=64)),
    _entry("nbits-8-in-4", "MatMulNBits says 8 bits and holds 4.", lambda: _packed(bits=8)),
    _entry("nbits-2-in-4", "MatMulNBits says 2 bits and holds 4.", lambda: _packed(bits=2)),
    _entry("nbits-block-0", "MatMulNBits in blocks of 0.", lambda: _packed(block_size=0)),
    _entry("nbits-block-7", "MatMulNBits in blocks of 7.", lambda: _packed(block_size=7)),
    _entry("nbits-block-negative", "MatMulNBits in blocks of −32.", lambda: _packed(block_size=-32)),
    _entry("nbits-block-huge", "MatMulNBits in blocks of 2⁶².", lambda: _packed(block_size=1 << 62)),
    _entry("nbits-k-lies", "MatMulNBits says K=4096 of 32.", lambda: _packed(K=4096)),
    _entry("nbits-k-0", "MatMulNBits says K=0.", lambda: _packed(K=0)),
    _entry("nbits-k-negative", "MatMulNBits says K=−32.", lambda: _packed(K=-32)),
    _entry("nbits-n-lies", "MatMulNBits says N=100,000 of 1.", lambda: _packed(N=100_000)),
    _entry("nbits-n-0", "MatMulNBits says N=0.", lambda: _packed(N=0)),
    _entry("nbits-n-negative", "MatMulNBits says N=−1.", lambda: _packed(N=-1)),
    _entry("nbits-n-2-to-60", "MatMulNBits says N=2⁶⁰.", lambda: _packed(N=1 << 60)),
    _entry("nbits-few-bytes", "MatMulNBits holds 1 byte of 16.", lambda: _packed(1)),
    _entry("nbits-no-scales", "MatMulNBits holds no scale.", lambda: _packed(scales=0)),
    _entry("nbits-no-points", "MatMulNBits holds no zero point of one.", lambda: _packed(points=0)),
    _entry("nbits-level-99", "MatMulNBits asks for accuracy level 99.", lambda: _packed(accuracy_level=99)),
    _entry("block-gather-outside", "GatherBlockQuantized of row 2³⁰ of 4.", lambda: _block_gather(1 << 30)),
    _entry("block-gather-negative", "GatherBlockQuantized of row −2³⁰.", lambda: _block_gather(-(1 << 30))),
)

ENTRIES = (*SCALES, *ZERO_POINTS, *AXES, *INTEGER_OPERATORS, *PACKED)
