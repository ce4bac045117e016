"""What the properties of integer arithmetic draw: values near ties and range ends, and all that scales may be."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from pytest_qparity.quantmath import integers
from pytest_qparity.quantmath.layout import Blocked, PerAxis, PerTensor

FLOAT32 = np.dtype(np.float32)
FLOAT_DTYPES = [np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16), FLOAT32]
TYPES = [type_ for name, type_ in integers.INTEGER_TYPES.items() if name != "int32"]
SIGNED_TYPES = [type_ for type_ in TYPES if type_.signed]
PACKED_TYPES = [type_ for type_ in TYPES if type_.bits < 8]
BYTE_TYPES = [integers.INT8, integers.UINT8]


def types():
    return st.sampled_from(TYPES)


def largest(dtype) -> float:
    return float(ml_dtypes.finfo(dtype).max)


def smallest(dtype) -> float:
    return float(ml_dtypes.finfo(dtype).smallest_subnormal)


@st.composite
def scales(draw, dtype=FLOAT32):
    """Ordinary scales, powers of two, subnormal and huge ones; positive, of `dtype`."""
    kind = draw(st.sampled_from(["ordinary", "power", "any"]))
    if kind == "ordinary":
        value = draw(st.floats(1e-3, 10.0))
    elif kind == "power":
        value = 2.0 ** draw(st.integers(-12, 6))
    else:
        value = 2.0 ** draw(st.floats(math.log2(smallest(dtype)), math.log2(largest(dtype))))
    return np.asarray(min(max(value, smallest(dtype)), largest(dtype)), np.float64).astype(dtype)


def nearest(exact, dtype):
    """`exact` rounded to `dtype`'s precision with ties to even, from the definition of the format."""
    info = ml_dtypes.finfo(dtype)
    if exact == 0:
        return exact
    exponent = 0
    while abs(exact) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while abs(exact) < Fraction(2) ** exponent and exponent > info.minexp:
        exponent -= 1
    unit = Fraction(2) ** (exponent - info.nmant)
    return round(exact / unit) * unit


def is_rounded(value, exact, dtype):
    """Whether `value` of a float type is what the rational `exact` is rounded to: nearest, ties to even."""
    rounded = nearest(exact, dtype)
    if abs(rounded) > fraction(largest(dtype)):
        return math.isinf(value) and (value > 0) == (exact > 0)
    return math.isfinite(value) and fraction(value) == rounded


def float32s(low, high):
    return st.floats(float(np.float32(low)), float(np.float32(high)), width=32)


def arrays(elements, dtype, shape):
    """An array of `shape` with every element drawn."""
    size = math.prod(shape)
    return st.lists(elements, min_size=size, max_size=size).map(lambda values: np.array(values, dtype).reshape(shape))


def codes(type_, shape):
    ends = st.sampled_from([type_.lowest, type_.highest, 0])
    return arrays(st.one_of(st.integers(type_.lowest, type_.highest), ends), type_.dtype, shape)


def zero_points(type_):
    return st.one_of(st.integers(type_.lowest, type_.highest), st.sampled_from([type_.lowest, type_.highest, 0]))


@st.composite
def reals(draw, scale, type_, dtype=FLOAT32):
    """Values a few ulp around ties, codes and range ends of `scale`, zeros of both signs, and any finite value."""
    span = 2.0 * type_.levels
    steps = st.integers(-4 * type_.levels, 4 * type_.levels)
    step = draw(st.one_of(steps.map(lambda halves: halves / 2), st.floats(-span, span), st.sampled_from([0.0, -0.0])))
    value = np.asarray(np.clip(step * float(scale), -largest(dtype), largest(dtype)), np.float64).astype(dtype)
    for _ in range(draw(st.integers(0, 2))):
        value = np.nextafter(value, np.asarray(draw(st.sampled_from([-1.0, 1.0])) * largest(dtype), dtype))
    return value


@st.composite
def tensors(draw, scale, type_, dtype=FLOAT32, size=8):
    return np.array([draw(reals(scale, type_, dtype)) for _ in range(draw(st.integers(1, size)))], dtype)


@st.composite
def shapes_and_layouts(draw):
    """A shape of rank 1 to 3, axes of 0 and 1 among them, with one of the three layouts."""
    shape = tuple(draw(st.lists(st.integers(0, 5), min_size=1, max_size=3)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    layout = draw(st.sampled_from([PerTensor(), PerAxis(axis), Blocked(axis, draw(st.integers(1, 6)))]))
    return shape, layout


def fraction(value) -> Fraction:
    return Fraction(float(value))


def clamped(value: int, type_) -> int:
    return min(max(value, type_.lowest), type_.highest)


def defined_code(quotient, zero_point, type_):
    """saturate(rint(quotient) + zero_point); Python rounds a Fraction half to even."""
    return clamped(round(fraction(quotient)) + zero_point, type_)
