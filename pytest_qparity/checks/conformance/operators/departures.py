"""What engines are known to compute in place of an operator: what an output *is* where it has the trait of that name.

A known deviation that names such a trait accounts for these values and no others: see `Expected.instead`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.checks.conformance.example import Array, Expected
from pytest_qparity.checks.conformance.operators.int8_activations import GROUP, INT8_ACTIVATIONS, int8_product
from pytest_qparity.checks.conformance.rounding import Real, float_spacing, gamma
from pytest_qparity.quantmath import layout as layouts

if TYPE_CHECKING:
    from pytest_qparity.quantmath.integers import IntegerType
    from pytest_qparity.quantmath.layout import Layout

__all__ = [
    "FIRST_GAIN",
    "FLOAT_ACTIVATIONS",
    "SCALES_OF_INPUTS",
    "STATE_AS_INPUT",
    "TRUNCATED",
    "UNROUNDED",
    "UNSCALED_EPSILON",
    "ZERO_POINT_APART",
    "dequantized_apart",
    "float_products",
    "truncated",
    "unrounded",
]

FIRST_GAIN = "first_gain"  # of LayerNormalization: the gain of the first element, for all of them
FLOAT_ACTIVATIONS = "float_activations"  # of a product: activations as they were before they should be quantized
SCALES_OF_INPUTS = "scales_of_inputs"  # of QLinearConv: scales and zero points of w along its input channels
STATE_AS_INPUT = "state_as_input"  # of an LSTM: the hidden state quantized with the scale and zero point of x
TRUNCATED = "truncated"  # of a code: cut off where it should be rounded
UNROUNDED = "unrounded"  # the float that should become a code, or a value of a smaller float type
UNSCALED_EPSILON = "unscaled_epsilon"  # of LayerNormalization: epsilon added to the variance of codes
ZERO_POINT_APART = "zero_point_apart"  # of DequantizeLinear: q·S − Z·S, both rounded
_MOST_CODES = 64  # of huge ratios of scales; what an engine may make of a sum is a few codes


def dequantized_apart(
    codes: Array, scale: Array, zero_point: Array, layout: Layout, output: np.dtype[Any]
) -> dict[str, tuple[Expected, ...]]:
    """q·S − Z·S of DequantizeLinear in float32, codes, products and difference rounded or cut off to the type of the
    output, or left as they are: off by γ₃ of |q|·S + |Z|·S (Real.dequantized), which is much where q − Z is small, and
    by a spacing of the type at each product and at the difference."""
    shape = codes.shape
    q, z = codes.astype(np.float64), layouts.spread(zero_point.astype(np.float64), shape, layout)
    s = layouts.spread(scale.astype(np.float64), shape, layout)
    real = Real.dequantized(q, s, z)
    if output == np.float32:
        return {ZERO_POINT_APART: unrounded(real)}
    roundings = sum(float_spacing(each, output) for each in (q * s, z * s, real.value))
    for code in (q, z):
        with np.errstate(invalid="ignore"):  # NaN and ∞ of float8
            off = code - _of_type(code, output)
        roundings = roundings + s * np.where(np.isfinite(off), np.abs(off), 0.0)
    (wide,) = unrounded(Real(real.value, real.error + roundings))
    lowest, highest = _of_type(wide.lowest, output), _of_type(wide.highest, output)
    rounded = Expected(lowest, highest, float_spacing(wide.lowest, output), output)
    products, far = (q * s, z * s), (_of_type(q * s, output), _of_type(z * s, output))
    with np.errstate(invalid="ignore"):  # ∞ or NaN where one product, or both, is beyond the type
        beyond = (far[0] - far[1], products[0] - far[1], far[0] - products[1])
    infinite = [Expected(each, each, np.ones(shape), output) for each in map(partial(_of_type, dtype=output), beyond)]
    return {ZERO_POINT_APART: (rounded, *infinite), UNROUNDED: (replace(wide, dtype=output),)}


def float_products(
    a: Array, codes: Array, scale: Array, zero_point: Array, bias: Array | None = None
) -> dict[str, tuple[Expected, ...]]:
    """a · w of float activations (…, depth), and of activations rounded to int8 in groups along `depth`."""
    rows = a.reshape(-1, a.shape[-1])
    floats = Real.exact(rows).matmul(Real.dequantized(codes, scale, zero_point))
    groups = int8_product(rows, codes, scale, zero_point, GROUP)

    def finished(real: Real) -> tuple[Expected, ...]:
        whole = real.mapped(lambda array: array.reshape(*a.shape[:-1], -1))
        return ((whole if bias is None else whole + Real.exact(bias)).as_float32(),)

    return {FLOAT_ACTIVATIONS: finished(floats), INT8_ACTIVATIONS: finished(groups)}


def unrounded(*reals: Real) -> tuple[Expected, ...]:
    """What a pattern computes before its output is quantized, as float32."""
    with np.errstate(invalid="ignore"):  # what may be anything stays so
        return tuple(real.as_float32() for real in reals)


def truncated(real: Real, scale: Array, zero_point: Array, type: IntegerType) -> tuple[Expected, ...]:  # noqa: A002
    """v / scale made an integer by cutting off its fraction, as a conversion in C does, where it should be rounded.

    The zero point is added before, or to the integer, and what is out of range is saturated, or taken modulo 2^bits:
    before the zero point, behind it, or both.
    """
    steps, reach = real.value / scale, real.error / scale + gamma(2) * np.abs(real.value / scale)
    z = np.asarray(zero_point, np.float64)

    def saturated(values: Array) -> Array:
        return np.clip(values, type.lowest, type.highest)

    def wrapped(values: Array) -> Array:
        return np.asarray((values - type.lowest) % type.levels + type.lowest)

    codes = []
    within = 2 + min(int(np.ceil(2.0 * reach.max(initial=0.0))), _MOST_CODES)  # of the places at most one code apart
    for place in np.linspace(-1.0, 1.0, within):
        whole, alone = np.trunc(steps + place * reach + z), np.trunc(steps + place * reach)
        codes += [saturated(whole), wrapped(whole), wrapped(alone + z), saturated(wrapped(alone) + z)]
    return tuple(Expected(code, code, np.ones(code.shape), type.dtype) for code in codes)


def _of_type(values: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(values.astype(dtype).astype(np.float64))
