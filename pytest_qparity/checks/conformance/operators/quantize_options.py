"""QuantizeLinear with what it can be told beyond a tensor, a scale of its type and a zero point.

- Without y_zero_point it is 0, and the output is uint8 or, from opset 21, of `output_dtype`.
- From opset 23 x and y_scale may have two types, and x may be int32 again. The division is in the type of y_scale, or
  in that of `precision`; the specification leaves open whether x and y_scale are rounded to it before or the quotient
  is alone. Bound: both codes, and what lies between.
- Scales of float8e8m0 (opset 24) are powers of two. Their type has no sign and cannot be that of a division: without
  `precision` it is in the type of x, in which the quotient is exact but where it overflows or is subnormal.
- int32 over float32 (opset 13) has a precision that is not stated: that of float64 as well.
- `saturate` is about float8 alone.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.cast import SATURATION, format_expected
from pytest_qparity.checks.conformance.operators.drawing import (
    FLOATS,
    KINDS,
    Graph,
    element_traits,
    integers_expected,
    layout_attributes,
    scales_between,
    shape_traits,
    subnormal_traits,
)
from pytest_qparity.quantmath import affine, floats, integers, rounding, strategies
from pytest_qparity.quantmath import layout as layouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Array, Example, Expected

__all__ = ["FORMS", "QuantizeForm", "ZeroPoint", "kernels"]

_DIVISION_IS_STATED = 23


class ZeroPoint(enum.Enum):
    """Whether the optional input is there."""

    GIVEN = "given"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class QuantizeForm:
    """One way to write QuantizeLinear. `scale` is the type of y_scale, that of x where it is empty; `precision` and
    `saturate` are the attributes, which are not there where they are empty; `output_dtype` is the target's."""

    source: str  # of FLOATS, or "int32"
    target: str  # of INTEGER_TYPES or FLOAT_FORMATS
    granularity: str
    opset: int
    scale: str = ""
    precision: str = ""
    zero_point: ZeroPoint = ZeroPoint.GIVEN
    has_output_dtype: bool = False
    saturate: str = ""  # of SATURATION

    @property
    def id(self) -> str:
        words = [
            f"scale_{self.scale}" if self.scale else "",
            f"precision_{self.precision}" if self.precision else "",
            "no_zero_point" if self.zero_point is ZeroPoint.LEFT_OUT else "",
            "output_dtype" if self.has_output_dtype else "",
            self.saturate,
        ]
        options = "".join(f"-{word}" for word in words if word)
        return f"quantize_linear-{self.source}_{self.target}{options}-{self.granularity}-opset{self.opset}"

    @property
    def division(self) -> np.dtype[Any]:
        """The type that the quotient is rounded to."""
        named = self.precision or ("" if self.scale == floats.E8M0.name else self.scale) or self.source
        return FLOATS[named]

    def attributes(self) -> dict[str, Any]:
        from onnx import helper

        found: dict[str, Any] = {}
        if self.has_output_dtype:
            found["output_dtype"] = helper.np_dtype_to_tensor_dtype(self._target.dtype)
        if self.precision:
            found["precision"] = helper.np_dtype_to_tensor_dtype(FLOATS[self.precision])
        if self.saturate:
            found["saturate"] = SATURATION[self.saturate].value
        return found

    @property
    def _target(self) -> integers.IntegerType | floats.FloatFormat:
        return integers.INTEGER_TYPES.get(self.target) or floats.FLOAT_FORMATS[self.target]


_OUT = ZeroPoint.LEFT_OUT
_E8M0 = floats.E8M0.name

FORMS = (
    # The zero point left out: uint8.
    QuantizeForm("fp32", "uint8", "per_tensor", 13, zero_point=_OUT),
    QuantizeForm("fp32", "uint8", "blocked", 25, zero_point=_OUT),
    # output_dtype instead of a zero point, and beside one.
    QuantizeForm("fp32", "int8", "per_tensor", 21, zero_point=_OUT, has_output_dtype=True),
    QuantizeForm("fp32", "int4", "blocked", 21, zero_point=_OUT, has_output_dtype=True),
    QuantizeForm("fp32", "float8e4m3fn", "per_tensor", 21, zero_point=_OUT, has_output_dtype=True),
    QuantizeForm("fp32", "uint16", "per_axis", 23, zero_point=_OUT, has_output_dtype=True),
    QuantizeForm("fp32", "float4e2m1", "blocked", 23, zero_point=_OUT, has_output_dtype=True),
    QuantizeForm("fp32", "int2", "per_tensor", 25, zero_point=_OUT, has_output_dtype=True),
    QuantizeForm("fp32", "int16", "per_axis", 21, has_output_dtype=True),
    # precision.
    QuantizeForm("fp16", "int8", "per_axis", 23, precision="fp32"),
    QuantizeForm("fp32", "uint8", "per_tensor", 23, precision="fp16"),
    QuantizeForm("fp16", "float8e4m3fn", "per_tensor", 23, precision="fp32"),
    QuantizeForm("fp16", "uint8", "per_tensor", 25, scale="fp32", precision="fp16"),
    QuantizeForm("bf16", "int16", "blocked", 25, precision="fp32"),
    # x of int32. At opsets 19 and 21 its scale would be of int32 as well.
    QuantizeForm("int32", "int8", "per_tensor", 13, scale="fp32"),
    QuantizeForm("int32", "int16", "per_axis", 23, scale="fp32"),
    # x and y_scale of two types.
    QuantizeForm("fp16", "int8", "per_tensor", 23, scale="fp32"),
    QuantizeForm("fp32", "uint8", "per_axis", 23, scale="fp16"),
    QuantizeForm("bf16", "int4", "per_tensor", 25, scale="fp32"),
    QuantizeForm("fp32", "int8", "per_axis", 25, scale="bf16"),
    # Scales of float8e8m0; in blocks they make the MX formats.
    QuantizeForm("fp32", "int8", "per_tensor", 24, scale=_E8M0),
    QuantizeForm("fp32", "int8", "blocked", 24, scale=_E8M0, precision="fp32"),
    QuantizeForm("fp32", "float8e4m3fn", "blocked", 24, scale=_E8M0, precision="fp32"),
    QuantizeForm("fp32", "float4e2m1", "blocked", 24, scale=_E8M0, precision="fp32"),
    QuantizeForm("bf16", "float8e5m2", "per_axis", 25, scale=_E8M0),
    QuantizeForm("fp16", "int4", "per_tensor", 25, scale=_E8M0, precision="fp32"),
    # 16-bit floats in blocks, and to 16 bits and fewer than 8.
    QuantizeForm("fp16", "int8", "blocked", 21),
    QuantizeForm("fp16", "int4", "per_axis", 21),
    QuantizeForm("fp16", "uint16", "per_tensor", 21),
    QuantizeForm("bf16", "uint8", "blocked", 21),
    QuantizeForm("fp16", "uint4", "blocked", 25),
    QuantizeForm("fp16", "int16", "per_axis", 25),
    # 16-bit floats to float8 and float4, and saturate where it says nothing.
    QuantizeForm("fp16", "float8e5m2", "per_axis", 23, saturate="saturate0"),
    QuantizeForm("bf16", "float8e4m3fn", "blocked", 25, saturate="saturate1"),
    QuantizeForm("fp32", "float8e4m3fnuz", "per_tensor", 24, saturate="saturate1"),
    QuantizeForm("fp32", "int8", "per_tensor", 19, saturate="saturate0"),
    QuantizeForm("fp32", "float4e2m1", "per_tensor", 23, saturate="saturate0"),
)


def kernels() -> Iterator[Kernel]:
    for form in FORMS:
        make = _integer_examples if form.target in integers.INTEGER_TYPES else _float_examples
        types = f"{form.source} → {form.target}"
        yield Kernel(form.id, "QuantizeLinear", types, form.opset, partial(make, form))


@st.composite
def _integer_examples(draw: st.DrawFn, form: QuantizeForm) -> Example:
    target = integers.INTEGER_TYPES[form.target]
    drawn = draw(
        strategies.quantizations(
            target,
            FLOATS.get(form.source, np.dtype(np.float64)),
            kind=KINDS[form.granularity],
            finite=form.source not in FLOATS,
            scales_of=partial(_scales, form),
            zero_points_of=None if form.zero_point is ZeroPoint.GIVEN else partial(_no_zero_points, target),
        )
    )
    if form.source not in FLOATS:
        drawn = replace(drawn, values=np.clip(np.rint(drawn.values), -(2.0**31), 2.0**31 - 1).astype(np.int32))
    layout = drawn.layout
    nan = np.isnan(drawn.values.astype(np.float64))  # no integer stands for it: the specification leaves it open
    codes = [
        affine.quantize(np.where(nan, 0, each), np.ones_like(drawn.scale, each.dtype), drawn.zero_point, target, layout)
        for each in _quotients(drawn.values, drawn.scale, layout, form)
    ]
    with np.errstate(over="ignore"):
        divided = replace(drawn, values=drawn.values.astype(form.division), scale=drawn.scale.astype(form.division))
    scale = _spread(drawn.scale, layout, drawn.values.shape)
    traits = element_traits(divided) | subnormal_traits(drawn.values, scale)
    return _written(form, drawn, integers_expected(codes, target.dtype, traits, nan))


@st.composite
def _scales(draw: st.DrawFn, form: QuantizeForm, shape: tuple[int, ...]) -> Array:
    """Without a zero point every other time 1: what is left is rounding and saturation, which engines fold."""
    scale = draw(scales_between(form.scale or form.source, form.division, shape))
    alone = form.zero_point is ZeroPoint.LEFT_OUT and draw(st.booleans())
    return np.ones_like(scale) if alone else scale


def _no_zero_points(target: integers.IntegerType, shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    return st.just(np.zeros(shape, target.dtype))


@st.composite
def _float_examples(draw: st.DrawFn, form: QuantizeForm) -> Example:
    target = floats.FLOAT_FORMATS[form.target]
    shape, layout = draw(strategies.laid_out(KINDS[form.granularity]))
    scale = draw(scales_between(form.scale or form.source, form.division, layouts.parameter_shape(shape, layout)))
    spread = _spread(scale, layout, shape)
    values = draw(strategies.format_tensors(target, FLOATS[form.source], shape, scale=spread))
    zero_point = np.zeros(scale.shape, np.uint8).view(target.dtype)
    quotient = _quotients(values, scale, layout, form)[0]
    saturation = SATURATION[form.saturate or "saturate1"]
    drawn = strategies.Quantization(values, scale, zero_point, layout, integers.INT8)
    expected = format_expected(quotient, target, saturation, form.opset)
    traits = {**expected.traits, **subnormal_traits(values, spread)}
    return _written(form, drawn, replace(expected, traits=traits))


def _quotients(values: Array, scale: Array, layout: layouts.Layout, form: QuantizeForm) -> list[Array]:
    """x / y_scale as an engine may compute it: each rounded to the type first, or once."""
    spread = _spread(scale, layout, values.shape)
    with np.errstate(all="ignore"):
        exact = values.astype(np.float64) / spread
        found = [
            values.astype(form.division) / spread.astype(form.division),
            rounding.round_once(exact, form.division),
        ]
        if form.opset < _DIVISION_IS_STATED and form.division != np.float32:
            found.append(exact.astype(np.float32))
        if form.opset < _DIVISION_IS_STATED and form.source not in FLOATS:
            found.append(exact)
    return found


def _spread(scale: Array, layout: layouts.Layout, shape: tuple[int, ...]) -> Array:
    """The scale of each element, in float64."""
    return layouts.spread(scale.astype(np.float64), shape, layout)


def _written(form: QuantizeForm, drawn: strategies.Quantization, expected: Expected) -> Example:
    graph = Graph()
    inputs = [graph.feed("x", drawn.values), graph.constant("scale", drawn.scale)]
    if form.zero_point is ZeroPoint.GIVEN:
        inputs.append(graph.constant("zero_point", drawn.zero_point))
    graph.node("QuantizeLinear", tuple(inputs), "y", **form.attributes(), **layout_attributes(drawn.layout))
    graph.output("y", expected)
    return graph.example(*shape_traits(drawn.values.shape, drawn.layout))
