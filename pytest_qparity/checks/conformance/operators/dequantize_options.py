"""DequantizeLinear with what it can be told beyond codes, scales and zero points of one kind.

- Without x_zero_point it is 0. For int32 there is none, or it is 0; those of float8 and float4 are 0 as well.
- From opset 23 the output has the type of `output_dtype`, or that of x_scale, and it "determines the precision of the
  multiplication". Scales of float8e8m0 (opset 24) need it: no output has their type.
- Left open is whether x − x_zero_point and x_scale are rounded to that type first. Bound: the exact product rounded
  once, the product of both rounded first, the one in float32 rounded again, and what lies between. For codes of 8 bits
  and fewer with a scale of the output's type all three are one value.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Example, Expected
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.cast import every_code
from pytest_qparity.checks.conformance.operators.departures import dequantized_apart
from pytest_qparity.checks.conformance.operators.drawing import (
    FLOATS,
    KINDS,
    Graph,
    layout_attributes,
    scales_between,
    shape_traits,
)
from pytest_qparity.checks.conformance.rounding import float_spacing
from pytest_qparity.quantmath import affine, floats, integers, strategies
from pytest_qparity.quantmath import layout as layouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Array

__all__ = ["FORMS", "DequantizeForm", "ZeroPoint", "kernels"]


class ZeroPoint(enum.Enum):
    """Whether the optional input is there, and what it is."""

    GIVEN = "given"
    ZERO = "zero"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class DequantizeForm:
    """One way to write DequantizeLinear. `scale` is the type of x_scale, that of the output where it is empty: where
    they differ, `output_dtype` is there."""

    source: str  # of INTEGER_TYPES or FLOAT_FORMATS
    output: str  # of FLOATS
    granularity: str
    opset: int
    scale: str = ""
    zero_point: ZeroPoint = ZeroPoint.GIVEN

    @property
    def id(self) -> str:
        words = [
            f"scale_{self.scale}" if self.scale else "",
            {ZeroPoint.GIVEN: "", ZeroPoint.ZERO: "zero_point_0", ZeroPoint.LEFT_OUT: "no_zero_point"}[self.zero_point],
        ]
        options = "".join(f"-{word}" for word in words if word)
        return f"dequantize_linear-{self.source}_{self.output}{options}-{self.granularity}-opset{self.opset}"

    def attributes(self) -> dict[str, Any]:
        from onnx import helper

        return {"output_dtype": helper.np_dtype_to_tensor_dtype(FLOATS[self.output])} if self.scale else {}


_OUT, _ZERO = ZeroPoint.LEFT_OUT, ZeroPoint.ZERO
_E8M0 = floats.E8M0.name

FORMS = (
    # The zero point left out, or there and 0 where there is none but 0.
    DequantizeForm("uint8", "fp32", "per_tensor", 13, zero_point=_OUT),
    DequantizeForm("int4", "fp32", "blocked", 21, zero_point=_OUT),
    DequantizeForm("int8", "fp32", "per_axis", 25, zero_point=_OUT),
    DequantizeForm("int32", "fp32", "per_tensor", 13, zero_point=_ZERO),
    DequantizeForm("int32", "fp32", "per_axis", 21, zero_point=_ZERO),
    DequantizeForm("float8e4m3fn", "fp32", "per_tensor", 19, zero_point=_ZERO),
    # int32 beyond float32 and one scale for each bias.
    DequantizeForm("int32", "fp16", "per_tensor", 21, zero_point=_OUT),
    DequantizeForm("int32", "fp32", "blocked", 25, zero_point=_OUT),
    # output_dtype.
    DequantizeForm("int8", "fp16", "per_tensor", 23, scale="fp32"),
    DequantizeForm("uint8", "fp32", "per_axis", 23, scale="fp16"),
    DequantizeForm("float8e4m3fn", "fp16", "per_tensor", 23, scale="fp32", zero_point=_OUT),
    DequantizeForm("int4", "bf16", "blocked", 25, scale="fp32"),
    DequantizeForm("float4e2m1", "fp32", "blocked", 25, scale="fp16", zero_point=_OUT),
    # Scales of float8e8m0; in blocks they make the MX formats.
    DequantizeForm("int8", "fp32", "per_tensor", 24, scale=_E8M0),
    DequantizeForm("float8e4m3fn", "fp32", "blocked", 24, scale=_E8M0, zero_point=_OUT),
    DequantizeForm("float4e2m1", "bf16", "blocked", 24, scale=_E8M0, zero_point=_OUT),
    DequantizeForm("float8e5m2", "fp16", "per_tensor", 25, scale=_E8M0, zero_point=_OUT),
    # Scales of 16 bits in blocks, and of codes of 16 bits, of fewer than 8, and of float8.
    DequantizeForm("int8", "fp16", "blocked", 21),
    DequantizeForm("int4", "fp16", "blocked", 21),
    DequantizeForm("uint4", "bf16", "per_axis", 21),
    DequantizeForm("int16", "fp16", "per_tensor", 21),
    DequantizeForm("float8e4m3fn", "fp16", "per_tensor", 19, zero_point=_OUT),
    DequantizeForm("float8e5m2", "bf16", "per_axis", 21, zero_point=_OUT),
    DequantizeForm("uint16", "bf16", "blocked", 25),
    DequantizeForm("float4e2m1", "fp16", "blocked", 23, zero_point=_OUT),
)


def kernels() -> Iterator[Kernel]:
    for form in FORMS:
        types = f"{form.source} → {form.output}"
        yield Kernel(form.id, "DequantizeLinear", types, form.opset, partial(_examples, form))


@st.composite
def _examples(draw: st.DrawFn, form: DequantizeForm) -> Example:
    shape, layout = draw(strategies.laid_out(KINDS[form.granularity]))
    parameters = layouts.parameter_shape(shape, layout)
    output = FLOATS[form.output]
    scale = draw(scales_between(form.scale or form.output, output, parameters))
    codes, zero_point, as_constant = draw(_codes(form, shape, parameters))
    graph = Graph()
    inputs = [graph.constant("x", codes) if as_constant else graph.feed("x", codes), graph.constant("scale", scale)]
    if form.zero_point is not ZeroPoint.LEFT_OUT:
        inputs.append(graph.constant("zero_point", zero_point))
    graph.node("DequantizeLinear", tuple(inputs), "y", **form.attributes(), **layout_attributes(layout))
    graph.output("y", _expected(codes, scale, zero_point, layout, output))
    return graph.example(*shape_traits(shape, layout), *(["constant"] if as_constant else []))


@st.composite
def _codes(
    draw: st.DrawFn, form: DequantizeForm, shape: tuple[int, ...], parameters: tuple[int, ...]
) -> tuple[Array, Array, bool]:
    """Codes, zero points of the scale's shape, and whether the codes are a constant of the graph."""
    small = floats.FLOAT_FORMATS.get(form.source)
    if small is not None:
        size = int(np.prod(shape))
        first = draw(st.integers(0, 2**small.bits - 1))
        codes = np.resize(every_code(2**small.bits, first), size).reshape(shape).view(small.dtype)
        return codes, np.zeros(parameters, np.uint8).view(small.dtype), True
    source = integers.INTEGER_TYPES[form.source]
    codes = draw(strategies.integer_tensors(source, shape))
    if source is integers.INT32 and form.output == "fp16" and draw(st.booleans()):
        codes >>= 16  # most of int32 is beyond float16
    zero_point = np.zeros(parameters, source.dtype)
    if form.zero_point is ZeroPoint.GIVEN:
        zero_point = draw(strategies.zero_points(source, parameters))
    return codes, zero_point, source.bits < 8 or draw(st.booleans())


def _expected(codes: Array, scale: Array, zero_point: Array, layout: layouts.Layout, output: np.dtype[Any]) -> Expected:
    spread = layouts.spread(scale.astype(np.float32), codes.shape, layout)
    if "float" in codes.dtype.name:
        difference = codes.astype(np.float64)
        once = floats.dequantize_float(codes, scale, layout, output)
    else:
        difference = codes.astype(np.float64) - layouts.spread(zero_point.astype(np.float64), codes.shape, layout)
        once = affine.dequantize(codes, scale, zero_point, layout, output)
    with np.errstate(all="ignore"):
        first = difference.astype(output) * spread.astype(output)
        again = (difference.astype(np.float32) * spread).astype(output)
    candidates = [each.astype(np.float64) for each in (once, first, again)]
    exact = candidates[0]
    info: Any = ml_dtypes.finfo(output)  # type: ignore[no-untyped-call]
    largest = float(info.max)
    traits = {
        "zero_point": layouts.spread(zero_point.astype(np.float64), codes.shape, layout) != 0,
        "subnormal": (np.abs(exact) < float(np.finfo(np.float32).smallest_normal)) & (exact != 0),
        "overflow": np.abs(difference) > largest,  # where it is rounded first
        "nan": np.isnan(exact),
        "infinite": np.isinf(exact),
    }
    lowest, highest = np.minimum.reduce(candidates), np.maximum.reduce(candidates)
    instead = dequantized_apart(codes, scale, zero_point, layout, output)
    return Expected(lowest, highest, float_spacing(exact, output), output, traits=traits, instead=instead)
