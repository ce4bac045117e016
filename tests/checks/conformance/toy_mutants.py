"""What a third party may get wrong: edits of the toy backend, each with the kernels that show it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_qparity.verdict import Code

QUANTIZE = ("quantize_linear-fp32_uint8-per_tensor-opset21",)
QUANTIZE_PER_AXIS = ("quantize_linear-fp32_int8-per_axis-opset21",)
QUANTIZE_BLOCKED = ("quantize_linear-fp32_int4-blocked-opset21",)
DEQUANTIZE = ("dequantize_linear-int8_fp32-per_axis-opset21",)
# Not every one of them draws K = 0, which one does depends on the seed.
PRODUCT = tuple(
    f"matmul_integer-{types}-{granularity}-opset13"
    for types in ("u8s8", "u8u8", "s8s8", "s8u8")
    for granularity in ("per_column", "per_tensor")
)
QLINEAR = ("qlinear_matmul-u8s8-per_axis-opset21",)
CAST = ("cast-fp32_float8e5m2-saturate0-opset21",)
QUANTIZE_MIXED = ("quantize_linear-fp32_uint8-scale_fp16-per_axis-opset23",)
QUANTIZE_PRECISION = ("quantize_linear-fp32_uint8-precision_fp16-per_tensor-opset23",)
QUANTIZE_OUTPUT = ("quantize_linear-fp32_int8-no_zero_point-output_dtype-per_tensor-opset21",)
QUANTIZE_E8M0 = ("quantize_linear-fp32_int8-scale_float8e8m0-precision_fp32-blocked-opset24",)
DEQUANTIZE_OUTPUT = ("dequantize_linear-uint8_fp32-scale_fp16-per_axis-opset23",)
DEQUANTIZE_E8M0 = ("dequantize_linear-int8_fp32-scale_float8e8m0-per_tensor-opset24",)
CAST_INTEGER = ("cast-int8_int4-opset21",)
CAST_E8M0 = ("cast-fp32_float8e8m0-down-saturate1-opset24", "cast-fp32_float8e8m0-nearest-saturate0-opset24")
OPTIONS = (
    *QUANTIZE_MIXED,
    *QUANTIZE_PRECISION,
    *QUANTIZE_OUTPUT,
    *QUANTIZE_E8M0,
    *DEQUANTIZE_OUTPUT,
    *DEQUANTIZE_E8M0,
    *CAST_INTEGER,
    *CAST_E8M0,
)
KERNELS = (*OPTIONS, *QUANTIZE, *QUANTIZE_PER_AXIS, *QUANTIZE_BLOCKED, *DEQUANTIZE, *PRODUCT[:2], *QLINEAR, *CAST)


@dataclass(frozen=True, slots=True)
class ToyMutant:
    """`old` stands once in the source of `target` in the toy backend; with `new`, one of `kernels` gets `code`."""

    what: str
    target: str
    old: str
    new: str
    kernels: tuple[str, ...]
    code: Code = Code.CONFORMANCE_DEVIATES


ROUND = "np.rint(np.where(np.isnan(steps), 0.0, steps))"
SATURATE = "affine.saturate(rounded, zero, type_)"
NODE = "kernel(attributes, *[values[name] for name in node.input])"
PRODUCTS = "compute.matmul_integer(a, b, a_zero, b_zero)"
FLUSHED = "np.where(rounding.signed_scales(scale) < 1.2e-38, np.float32(0.0), rounding.signed_scales(scale))"
SEEN = "vars(ToySession.run)['nodes']"  # kept with the mutated function, and gone with it
SEEN_SO_FAR = "vars(ToySession.run).get('nodes', 0)"

TOY_MUTANTS = (
    ToyMutant("half up for half to even", "quantize", ROUND, ROUND.replace("rint(", "floor(0.5 + "), QUANTIZE),
    ToyMutant("floor for round", "quantize", ROUND, ROUND.replace("rint", "floor"), QUANTIZE),
    ToyMutant("truncation for round", "quantize", ROUND, ROUND.replace("rint", "trunc"), QUANTIZE_PER_AXIS),
    ToyMutant(
        "half away from zero for half to even",
        "quantize",
        ROUND,
        "np.trunc(np.where(np.isnan(steps), 0.0, steps) + np.copysign(0.5, steps))",
        QUANTIZE_PER_AXIS,
    ),
    ToyMutant(
        "multiplied by the rounded reciprocal of the scale",
        "quantize",
        "x / layout.spread(scale, x.shape, where)",
        "x * (np.float32(1.0) / layout.spread(scale, x.shape, where))",
        QUANTIZE,
    ),
    ToyMutant("the zero point forgotten", "quantize", "astype(np.int64)", "astype(np.int64) * 0", QUANTIZE),
    ToyMutant(
        "saturates at 128",
        "quantize",
        SATURATE,
        "np.clip(rounded + zero, type_.lowest, type_.highest + 1).astype(np.int64).astype(type_.dtype)",
        QUANTIZE_PER_AXIS,
    ),
    ToyMutant(
        "wraps",
        "quantize",
        SATURATE,
        "(np.clip(rounded, -(2.0**40), 2.0**40).astype(np.int64) + zero).astype(type_.dtype)",
        QUANTIZE,
    ),
    ToyMutant(
        "one scale for an axis",
        "quantize",
        "steps = x / layout.spread(scale, x.shape, where)",
        "steps = x / scale.reshape(-1)[0]",
        QUANTIZE_PER_AXIS,
    ),
    ToyMutant("another axis", "layout_of", "layout.PerAxis(axis)", "layout.PerAxis(axis - 1)", QUANTIZE_PER_AXIS),
    ToyMutant(
        "one scale for all blocks of a row",
        "quantize",
        "steps = x / layout.spread(scale, x.shape, where)",
        "steps = x / np.take(scale, [0], where.axis)",
        QUANTIZE_BLOCKED,
    ),
    ToyMutant(
        "the zero point of weights forgotten",
        "dequantize",
        "zero_point, layout_of",
        "zero_point * 0, layout_of",
        DEQUANTIZE,
    ),
    ToyMutant(
        "another type",
        "dequantize",
        "layout_of(attributes, scale), output)",
        "layout_of(attributes, scale), output).astype(np.float64)",
        DEQUANTIZE,
    ),
    ToyMutant("another shape", "quantize", SATURATE, f"{SATURATE}.reshape(-1, 1)", QUANTIZE),
    ToyMutant(
        "int16 accumulator", "matmul_integer", PRODUCTS, f"{PRODUCTS}.astype(np.int16).astype(np.int32)", PRODUCT
    ),
    ToyMutant(
        "one zero point for all columns",
        "matmul_integer",
        PRODUCTS,
        PRODUCTS.replace("b_zero", "b_zero.reshape(-1)[0]"),
        PRODUCT,
    ),
    ToyMutant(
        "empty for K = 0",
        "matmul_integer",
        PRODUCTS,
        f"{PRODUCTS} if a.shape[-1] else np.zeros(0, np.int32)",
        PRODUCT,
    ),
    ToyMutant(
        "anything for K = 0",
        "matmul_integer",
        PRODUCTS,
        f"{PRODUCTS} + np.int32(a.shape[-1] == 0)",
        PRODUCT,
    ),
    ToyMutant(
        "the output's zero point forgotten", "qlinear_matmul", "(y_scale, y_zero,", "(y_scale, y_zero * 0,", QLINEAR
    ),
    ToyMutant("one scale for all columns", "qlinear_matmul", "(b, b_scale,", "(b, b_scale.reshape(-1)[0],", QLINEAR),
    ToyMutant(
        "NaN for infinity", "cast", "floats.cast(x,", "floats.cast(np.where(np.isinf(x), np.float32(np.nan), x),", CAST
    ),
    ToyMutant("saturates although it should not", "cast", 'attributes.get("saturate", 1)', "1", CAST),
    ToyMutant("+0 for −0", "cast", "floats.cast(x,", "floats.cast(x + np.float32(0),", CAST),
    ToyMutant(
        "x and the scale divided in the wider of their types",
        "quantize",
        "scale.dtype)",
        "np.promote_types(x.dtype, scale.dtype))",
        QUANTIZE_MIXED,
    ),
    ToyMutant("precision not followed", "quantize", '"precision"', '"accuracy"', QUANTIZE_PRECISION),
    ToyMutant("output_dtype of codes not followed", "quantize", '"output_dtype"', '"output_type"', QUANTIZE_OUTPUT),
    ToyMutant("subnormals of scales flushed", "quantize", "rounding.signed_scales(scale)", FLUSHED, QUANTIZE_E8M0),
    ToyMutant("the same where they are multiplied", "dequantize", "wide, zero", f"{FLUSHED}, zero", DEQUANTIZE_E8M0),
    ToyMutant("output_dtype of values not followed", "dequantize", ", output)", ")", DEQUANTIZE_OUTPUT),
    ToyMutant(
        "multiplied in the scale's type",
        "dequantize",
        "layout_of(attributes, scale), output)",
        "layout_of(attributes, scale)).astype(output)",
        DEQUANTIZE_OUTPUT,
    ),
    ToyMutant(
        "integers that saturate when they are cast",
        "cast",
        "integers.reinterpreted(x, integers.of_dtype(dtype))",
        "np.clip(x.astype(int), *((-8, 7) if dtype.name == 'int4' else (-128, 127))).astype(dtype)",
        CAST_INTEGER,
    ),
    ToyMutant("round_mode not followed", "cast", '.get("round_mode", b"up")', '.get("round", b"up")', CAST_E8M0),
    ToyMutant("saturation of e8m0 not followed", "cast", "mode, saturation)", "mode)", CAST_E8M0),
    ToyMutant(
        "the output of the node before of the same shapes",
        "ToySession.run",
        NODE,
        f"vars(self).setdefault(str([values[name].shape for name in node.input]), {NODE})",
        QUANTIZE,
    ),
    ToyMutant(
        "refuses what is empty",
        "ToySession.run",
        "kernel = ",
        "assert all(values[name].size for name in node.input); kernel = ",
        PRODUCT,
    ),
    ToyMutant(
        "raises on every third node",
        "ToySession.run",
        "kernel = ",
        f"{SEEN} = {SEEN_SO_FAR} + 1; assert {SEEN} % 3; kernel = ",
        QUANTIZE,
    ),
    ToyMutant(
        "an output left out",
        "ToySession.run",
        "in self.graph.output}",
        "in self.graph.output[1:]}",
        QUANTIZE,
    ),
    ToyMutant(
        "loads nothing",
        "Toy.load",
        "onnx.load(model)",
        "onnx.load(model / 'x')",
        QUANTIZE,
        Code.CONFORMANCE_UNSUPPORTED,
    ),
)
