"""What the properties of floats, blocks and ranges draw, and a second oracle of float formats in rational numbers."""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.quantmath import floats

FORMATS = list(floats.FLOAT_FORMATS.values())
SIGNED = [f for f in FORMATS if f.signed]
BYTES = [f for f in FORMATS if f.bits <= 8]
SIGNED_BYTES = [f for f in SIGNED if f.bits <= 8]
FLOAT8 = [f for f in SIGNED if f.bits == 8]
WITHOUT_NAN = [f for f in FORMATS if f.nan == "none"]

# name: exponent bits, mantissa bits, bias, codes of NaN, codes of infinity; from the specifications, not from the code.
DEFINITIONS = {
    "float16": (5, 10, 15, {c | s for c in range(0x7C01, 0x8000) for s in (0, 0x8000)}, {0x7C00, 0xFC00}),
    "bfloat16": (8, 7, 127, {c | s for c in range(0x7F81, 0x8000) for s in (0, 0x8000)}, {0x7F80, 0xFF80}),
    "float8e4m3fn": (4, 3, 7, {0x7F, 0xFF}, set()),
    "float8e4m3fnuz": (4, 3, 8, {0x80}, set()),
    "float8e5m2": (5, 2, 15, {0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF}, {0x7C, 0xFC}),
    "float8e5m2fnuz": (5, 2, 16, {0x80}, set()),
    "float6e3m2": (3, 2, 3, set(), set()),
    "float6e2m3": (2, 3, 1, set(), set()),
    "float4e2m1": (2, 1, 1, set(), set()),
    "float8e8m0": (8, 0, 127, {0xFF}, set()),
}


def codes(form):
    return np.arange(2**form.bits, dtype=form.code_dtype)


@functools.cache
def exact(name) -> dict[int, Fraction]:
    """The rational value of every finite code, from the definition."""
    exponent_bits, mantissa_bits, bias, nan, infinity = DEFINITIONS[name]
    signed = name != "float8e8m0"
    values = {}
    for code in range(2 ** (exponent_bits + mantissa_bits + signed)):
        if code in nan or code in infinity:
            continue
        mantissa = Fraction(code % 2**mantissa_bits, 2**mantissa_bits)
        exponent = code // 2**mantissa_bits % 2**exponent_bits
        sign = -1 if signed and code >> (exponent_bits + mantissa_bits) else 1
        if exponent == 0 and signed:
            values[code] = sign * mantissa * Fraction(2) ** (1 - bias)
        else:
            values[code] = sign * (1 + mantissa) * Fraction(2) ** (exponent - bias)
    return values


@functools.cache
def nonnegative(name) -> list[float]:
    return sorted(float(value) for value in exact(name).values() if value >= 0)


def nearest_magnitudes(form, x: Fraction) -> list[int]:
    """All codes without a sign whose value is nearest to x ≥ 0, one code beyond the largest among the candidates."""
    values = {code: value for code, value in exact(form.name).items() if code < 2 ** (form.bits - form.signed)}
    last = max(values)
    candidates = {code: value for code, value in values.items() if value >= 0}
    step = candidates[last] - candidates[last - 1] if form.mantissa_bits else candidates[last]
    candidates[last + 1] = candidates[last] + step
    distance = min(abs(value - x) for value in candidates.values())
    return [code for code, value in candidates.items() if abs(value - x) == distance]


@st.composite
def near(draw, form):
    """A float64 at, between, just beside the middle between, or beyond the values of a format; zeros of both signs."""
    values = nonnegative(form.name)
    kind = draw(st.sampled_from(["value", "middle", "beyond", "below", "zero", "any"]))
    if kind == "zero":
        value = 0.0
    elif kind == "any":
        value = draw(st.floats(0.0, 2.0 * form.largest))
    elif kind == "below":
        value = form.smallest_subnormal * draw(st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5, 2.5]))
    elif kind == "beyond":
        step = values[-1] - values[-2]
        value = values[-1] + step * draw(st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5, 100.0]))
    else:
        index = draw(st.integers(0, len(values) - 2))
        value = values[index] if kind == "value" else (values[index] + values[index + 1]) / 2.0
    for _ in range(draw(st.integers(0, 1))):
        value = math.nextafter(value, draw(st.sampled_from([0.0, math.inf])))
    negative = form.signed and draw(st.booleans())
    return -value if negative else value


@st.composite
def formats_and_values(draw, forms=None, size=24):
    form = draw(st.sampled_from(forms or FORMATS))
    return form, np.array(draw(st.lists(near(form), min_size=1, max_size=size)))


def scales():
    """Ordinary ones, powers of two, tiny and huge ones, in float32."""
    ordinary = st.floats(2.0**-10, 16.0, width=32)
    power = st.integers(-60, 60).map(lambda e: 2.0**e)
    return st.one_of(ordinary, power, st.sampled_from([2.0**-149, 2.0**-126, 2.0**127])).map(np.float32)


@st.composite
def tensors(draw, max_size=40, ndim=None):
    """float32 of rank 1 or 2, zeros, subnormals, outliers, constants, sizes 0 and 1 among them; finite."""
    rank = ndim or draw(st.integers(1, 2))
    shape = tuple(draw(st.integers(0 if rank == 2 else 1, max_size if rank == 1 else 9)) for _ in range(rank))
    magnitude = draw(st.sampled_from([2.0**-149, 2.0**-130, 2.0**-20, 1.0, 3.0, 448.0, 2.0**60, 2.0**126]))
    element = st.one_of(
        st.integers(-8, 8).map(lambda n: n / 4.0),
        st.floats(-1.0, 1.0, width=32),
        st.sampled_from([0.0, -0.0, 1.0, -1.0]),
    )
    size = math.prod(shape)
    values = np.array(draw(st.lists(element, min_size=size, max_size=size)), np.float64) * magnitude
    if size and draw(st.booleans()):
        values[draw(st.integers(0, size - 1))] *= draw(st.sampled_from([0.0, 64.0, -64.0])) if magnitude < 2**100 else 0
    return values.astype(np.float32).reshape(shape)
