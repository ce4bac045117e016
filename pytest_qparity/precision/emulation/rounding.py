"""Rounding to small float formats, as float32 operators.

The step between neighbours in the binade of x is the unit in the last place of float32 there, times a power of two:

    ulp(a) = (a + 1.25 · 2⁻²⁴ · a) − a        for a = |x| from 2⁻¹⁰⁰ to 2¹²⁷
    y = round(x / step) · step                with step = ulp(a) · 2^(23 − m), ties to even

For a in [2^e, 2^(e+1)) the added term lies in (0.62, 1.26) · ulp(a), so that the sum, however that term is rounded, is
the next float32 above a, and the difference is exact. (Where the sum leaves the binade, its own unit doubles, and it
ends on 2^(e+1), again one unit away.) All else is products with and quotients by powers of two, exact, and one Round.
An engine that contracts product and sum into one operation gets the same; no logarithm is taken and no table is read.

Below 2⁻¹⁰⁰ the added term itself would be rounded among subnormals. Formats that reach there (bfloat16, TF32) are
rounded in two scales: x / ulp(max(a, 2⁻¹⁰⁰)) is within 2⁻²⁶ and 2²⁴, where their subnormals are none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from pytest_qparity.quantmath.blocks import ScaleRule
from pytest_qparity.quantmath.e8m0 import Rounding
from pytest_qparity.quantmath.floats import E8M0, FloatFormat, Saturation

if TYPE_CHECKING:
    from pytest_qparity.precision.emulation.emitter import Emitter

TF32 = FloatFormat("tf32", 8, 10, 127, "ieee", np.dtype(np.float32))

MANTISSA_BITS = 23
LOWEST_SCALED = -100  # exponent down to which ulp(a) is computed as it stands
HIGHEST = 127
ABOVE = 1.25 * 2.0**-24


def round_to(emit: Emitter, x: ir.Value, to: FloatFormat, saturation: Saturation = Saturation.ON) -> ir.Value:
    """The value of `to` nearest to each float32 x, ties to even: `quantmath.floats.cast`, bit for bit.

    NaN stays NaN (its sign is not kept), also in formats that have none, which quantmath refuses; −0 stays −0 where
    the format has it; subnormals count. Float8 saturates with `saturation` ON, float4 and float6 always, wider formats
    never: there ±Inf.
    """
    lowest = int(math.log2(to.smallest_normal))
    if lowest >= LOWEST_SCALED:
        nearest = _on_grid(emit, x, lowest, to.largest_exponent, to.mantissa_bits)
    else:
        unit = _ulp(emit, _magnitude(emit, x, LOWEST_SCALED, HIGHEST))
        scaled = emit.op("Div", x, unit, shape=x.shape)
        moved = MANTISSA_BITS - LOWEST_SCALED
        rounded = _on_grid(emit, scaled, lowest + moved, MANTISSA_BITS, to.mantissa_bits)
        nearest = emit.op("Mul", rounded, unit, shape=x.shape)
    return _without_negative_zero(emit, _within_range(emit, nearest, to, saturation), to)


def bounded(emit: Emitter, x: ir.Value, low: float, high: float) -> ir.Value:
    """min(max(x, low), high); NaN stays NaN, which OpenVINO's clamp, minimum and maximum would turn into a bound."""
    clipped = emit.op("Clip", x, emit.constant(low), emit.constant(high), shape=x.shape)
    return _nan_unless(emit, emit.op("Equal", x, x, dtype=ir.DataType.BOOL), clipped)


def cast_to_e8m0(
    emit: Emitter, x: ir.Value, rounding: Rounding = Rounding.UP, saturation: Saturation = Saturation.ON
) -> ir.Value:
    """The power of two that `quantmath.e8m0.cast` gives, for x from +0 to +Inf, or NaN. 2⁻¹²⁷ is subnormal."""
    clipped = bounded(emit, x, E8M0.smallest_normal, E8M0.largest)
    power = _floor_power(emit, clipped)
    twice = emit.op("Mul", power, emit.opaque(2.0), shape=x.shape)
    if rounding is Rounding.UP:
        up = emit.op("Greater", clipped, power, dtype=ir.DataType.BOOL)
    else:
        middle = emit.op("Mul", power, emit.opaque(1.5), shape=x.shape)
        up = emit.op("GreaterOrEqual", clipped, middle, dtype=ir.DataType.BOOL)
    result = power if rounding is Rounding.DOWN else emit.op("Where", up, twice, power, shape=x.shape)
    kept = x if saturation is Saturation.ON else clipped  # of what was clipped, only what was within is a number
    return _nan_unless(emit, emit.op("Equal", kept, x, dtype=ir.DataType.BOOL), result)


def mx_scale(emit: Emitter, maximum: ir.Value, element: FloatFormat, rule: ScaleRule) -> ir.Value:
    """2^(⌊log₂ max⌋ − emax) or 2^⌈log₂(max / largest)⌉, as `quantmath.blocks.mx_scale`, for each maximum of a block."""
    lowest = 2.0 ** (element.largest_exponent - E8M0.bias)
    clipped = bounded(emit, maximum, lowest, float(np.finfo(np.float32).max))
    power = _floor_power(emit, clipped)
    scale = emit.op("Mul", power, emit.opaque(2.0**-element.largest_exponent), shape=maximum.shape)
    if rule is ScaleRule.FLOOR:
        return scale
    fits = emit.op("Mul", power, emit.opaque(element.largest / 2.0**element.largest_exponent), shape=maximum.shape)
    above = emit.op("Greater", clipped, fits, dtype=ir.DataType.BOOL)
    return emit.op("Where", above, emit.op("Mul", scale, emit.opaque(2.0)), scale, shape=maximum.shape)


def _on_grid(emit: Emitter, x: ir.Value, lowest: int, highest: int, mantissa_bits: int) -> ir.Value:
    """x rounded to `mantissa_bits` after its first; steps as at 2^lowest below it, as at 2^highest above it."""
    unit = _ulp(emit, _magnitude(emit, x, lowest, highest))
    step = emit.op("Mul", unit, emit.constant(2.0 ** (MANTISSA_BITS - mantissa_bits)), shape=x.shape)
    steps = emit.op("Round", emit.op("Div", x, step, shape=x.shape), shape=x.shape)
    return emit.op("Mul", steps, step, shape=x.shape)


def _magnitude(emit: Emitter, x: ir.Value, lowest: int, highest: int) -> ir.Value:
    bounds = emit.constant(2.0**lowest), emit.constant(2.0**highest)
    return emit.op("Clip", emit.op("Abs", x, shape=x.shape), *bounds, shape=x.shape)


def _ulp(emit: Emitter, magnitude: ir.Value) -> ir.Value:
    shape = magnitude.shape
    above = emit.op("Mul", magnitude, emit.constant(ABOVE), shape=shape)
    return emit.op("Sub", emit.op("Add", magnitude, above, shape=shape), magnitude, shape=shape)


def _floor_power(emit: Emitter, x: ir.Value) -> ir.Value:
    """2^⌊log₂ x⌋ for x from 2⁻¹²⁷ to below 2¹²⁸, in two scales as above."""
    unit = _ulp(emit, _magnitude(emit, x, LOWEST_SCALED, HIGHEST))
    scaled = emit.op("Div", x, unit, shape=x.shape)
    lowest = MANTISSA_BITS - LOWEST_SCALED - E8M0.bias
    inner = _ulp(emit, _magnitude(emit, scaled, lowest, MANTISSA_BITS))
    power = emit.op("Mul", inner, emit.opaque(2.0**MANTISSA_BITS), shape=x.shape)
    return emit.op("Mul", power, unit, shape=x.shape)


def _within_range(emit: Emitter, y: ir.Value, to: FloatFormat, saturation: Saturation) -> ir.Value:
    if to.nan == "none" or (saturation is Saturation.ON and to.bits <= 8):
        return bounded(emit, y, -to.largest, to.largest)
    if to.has_infinity:
        spare = HIGHEST - to.largest_exponent
        if not spare:
            return y  # what rounds beyond the range of bfloat16 is beyond that of float32
        beyond = emit.op("Mul", y, emit.opaque(2.0**spare), shape=y.shape)
        return emit.op("Mul", beyond, emit.opaque(2.0**-spare), shape=y.shape)
    magnitude = emit.op("Abs", y, shape=y.shape)
    return _nan_unless(emit, emit.op("LessOrEqual", magnitude, emit.constant(to.largest), dtype=ir.DataType.BOOL), y)


def _nan_unless(emit: Emitter, condition: ir.Value, y: ir.Value) -> ir.Value:
    """y · (c / c) with c = 1 where the condition holds, otherwise 0. Where adds up in ONNX Runtime and loses −0."""
    number = emit.op("Cast", condition, to=ir.DataType.FLOAT)
    return emit.op("Mul", y, emit.op("Div", number, number), shape=y.shape)


def _without_negative_zero(emit: Emitter, y: ir.Value, to: FloatFormat) -> ir.Value:
    return emit.op("Add", y, emit.opaque(0.0), shape=y.shape) if to.nan == "negative-zero" else y
