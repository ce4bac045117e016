"""Hypothesis strategies for tensors that live where quantization breaks, as `hypothesis.extra.numpy` is for arrays.

Every element is made of 16 bits, its gene: the upper five choose what kind of value it is, the lower eleven which one.
A gene of zero is the value 0, so that a failing tensor shrinks to zeros and the few values that matter, and a tensor
of a thousand elements costs hypothesis one draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.quantmath import layout as layouts_of
from pytest_qparity.quantmath.layout import Blocked, Layout, PerAxis, PerTensor

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable

    from pytest_qparity.quantmath.floats import FloatFormat
    from pytest_qparity.quantmath.integers import IntegerType

__all__ = [
    "LARGEST_TENSOR",
    "Quantization",
    "exponent_scales",
    "format_tensors",
    "integer_tensors",
    "laid_out",
    "layouts",
    "quantizations",
    "scales",
    "shapes",
    "tensors",
    "zero_points",
]

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

LARGEST_TENSOR = 65_536  # elements
_DRAWN = 1_024  # genes of a tensor: hypothesis holds what it draws for one example within 8 KiB
_PAYLOADS = 2_048
_GOLDEN_RATIO = 0.6180339887498949  # its multiples modulo 1 fill the mantissa and come nowhere close to each other


@dataclass(frozen=True, slots=True, eq=False)
class Quantization:
    """Everything that QuantizeLinear needs: `values` (any shape), `scale` and `zero_point` of the layout's shape."""

    values: Array
    scale: Array
    zero_point: Array
    layout: Layout
    type: IntegerType


@st.composite
def shapes(
    draw: st.DrawFn, min_rank: int = 0, max_rank: int = 4, largest: int = 8_192, *, empty: bool = True
) -> tuple[int, ...]:
    """Shapes of at most `largest` elements, one in eight of more than an eighth of that; with axes of size 0 (where
    `empty` allows it) and 1 among them."""
    sizes = (1, 2, 3, 5, 8, 16, 17, 32, 33, 64, 128, 256) + ((0,) if empty else ())
    axes = tuple(draw(st.lists(st.sampled_from(sizes), min_size=min_rank, max_size=max_rank)))
    if draw(st.integers(0, 7)) == 7:
        return _within((*axes[:-1], axes[-1] * 67) if axes else axes, largest)
    return _within(axes, largest // 8)


@st.composite
def layouts(draw: st.DrawFn, shape: tuple[int, ...], kind: type[Layout] | None = None) -> Layout:
    """A layout that a tensor of `shape` can have: per tensor, per axis (counted from either end), blocked; of one
    `kind` where one is named. Raises ValueError where the shape has no axis for that kind."""
    rank = len(shape)
    axes = [axis for axis in range(rank) if shape[axis] > 0]
    if kind is None:
        kind = draw(st.sampled_from([PerTensor, PerAxis, Blocked] if axes else [PerTensor]))
    if kind is PerTensor:
        return PerTensor()
    if not axes:
        raise ValueError(f"got shape {shape}, should have an axis with elements for {kind.__name__}")
    axis = draw(st.sampled_from(axes))
    stated = axis - rank if draw(st.booleans()) else axis
    if kind is PerAxis:
        return PerAxis(stated)
    # The last block may be shorter.
    return Blocked(stated, draw(st.integers(1, shape[axis])))


@st.composite
def laid_out(
    draw: st.DrawFn, kind: type[Layout] | None = None, shape: tuple[int, ...] | None = None
) -> tuple[tuple[int, ...], Layout]:
    """A shape with a layout that it can have, of one `kind` where one is named."""
    if shape is None:
        may_be_empty = kind in (None, PerTensor)
        shape = draw(shapes(min_rank=0 if may_be_empty else 1, empty=may_be_empty))
    return shape, draw(layouts(shape, kind))


def tensors(
    dtype: Any = np.float32,
    shape: tuple[int, ...] = (),
    *,
    scale: Any = 1.0,
    lowest: int = -128,
    highest: int = 127,
    finite: bool = False,
) -> st.SearchStrategy[Array]:
    """Floating-point tensors: ties between integers · scale and their neighbours, the ends of [lowest, highest] and a
    little beyond, magnitudes from subnormal to largest, −0, and (unless `finite`) infinities and NaN.

    `scale` is one number or an array that broadcasts to `shape`.
    """
    return _genes(shape).map(
        lambda genes: _floats(genes.reshape(shape), np.dtype(dtype), scale, lowest, highest, finite)
    )


def format_tensors(
    around: FloatFormat,
    dtype: Any = np.float32,
    shape: tuple[int, ...] = (),
    *,
    scale: Any = 1.0,
) -> st.SearchStrategy[Array]:
    """Floating-point tensors around the values of a small float format, times `scale`: its values, ties between
    neighbours, the neighbours of ties, what is just too large, and what `tensors` has."""
    return _genes(shape).map(lambda genes: _around_format(genes.reshape(shape), around, np.dtype(dtype), scale))


def integer_tensors(type: IntegerType, shape: tuple[int, ...] = ()) -> st.SearchStrategy[Array]:  # noqa: A002
    """Integers of a type, the ends of its range often among them."""
    return _genes(shape).map(lambda genes: _integers(genes.reshape(shape), type))


def zero_points(type: IntegerType, shape: tuple[int, ...] = ()) -> st.SearchStrategy[Array]:  # noqa: A002
    """Zero points of a type: 0, both ends, and all between."""
    return integer_tensors(type, shape)


def scales(dtype: Any = np.float32, shape: tuple[int, ...] = (), *, extreme: bool = False) -> st.SearchStrategy[Array]:
    """Positive finite scales: powers of two, awkward fractions such as 1/3 and 0.1, full mantissas.

    With `extreme` also subnormal ones and the largest of the type; without, x / scale and q · scale stay finite for
    integers of up to 32 bits.
    """
    return _genes(shape).map(lambda genes: _scales(genes.reshape(shape), np.dtype(dtype), extreme))


def exponent_scales(shape: tuple[int, ...] = ()) -> st.SearchStrategy[Array]:
    """Scales of float8e8m0: powers of two around 1, and both ends, 2⁻¹²⁷ and 2¹²⁷; no NaN."""
    return _genes(shape).map(lambda genes: _exponent_scales(genes.reshape(shape)))


@st.composite
def quantizations(
    draw: st.DrawFn,
    type: IntegerType,  # noqa: A002
    dtype: Any = np.float32,
    *,
    shape: tuple[int, ...] | None = None,
    kind: builtins.type[Layout] | None = None,
    finite: bool = False,
    extreme: bool = False,
    scales_of: Callable[[tuple[int, ...]], st.SearchStrategy[Array]] | None = None,
    zero_points_of: Callable[[tuple[int, ...]], st.SearchStrategy[Array]] | None = None,
) -> Quantization:
    """A tensor with a layout, and with a scale and zero point of that layout's shape.

    `scales_of` and `zero_points_of` draw those of a shape; where they are None, `scales` of `dtype` and `zero_points`
    of `type` do.
    """
    shape, layout = draw(laid_out(kind, shape))
    parameter_shape = layouts_of.parameter_shape(shape, layout)
    scale = draw(scales(dtype, parameter_shape, extreme=extreme) if scales_of is None else scales_of(parameter_shape))
    zero_point = draw((zero_points_of or partial(zero_points, type))(parameter_shape))
    spread = layouts_of.spread(scale.astype(np.float64), shape, layout)
    offset = layouts_of.spread(zero_point.astype(np.int64), shape, layout)
    lowest, highest = type.lowest - offset, type.highest - offset
    values = draw(
        _genes(shape).map(lambda genes: _floats(genes.reshape(shape), np.dtype(dtype), spread, lowest, highest, finite))
    )
    return Quantization(values, scale, zero_point, layout, type)


def _within(axes: tuple[int, ...], largest: int) -> tuple[int, ...]:
    """The shape, its largest axes cut until it has at most `largest` elements."""
    shape = list(axes)
    while (size := math.prod(shape)) > largest:
        widest = shape.index(max(shape))
        shape[widest] = max(1, min(shape[widest] - 1, largest * shape[widest] // size))
    return tuple(shape)


def _genes(shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    """Numbers of 16 bits, one an element: _DRAWN of them are drawn, the others are odd multiples of these, so that 0,
    the simplest, gives 0."""
    size = int(np.prod(shape, dtype=np.int64))
    if size > LARGEST_TENSOR:
        raise ValueError(f"got shape {shape} of {size} elements, should have at most {LARGEST_TENSOR}")
    drawn = min(size, _DRAWN)

    def extended(genes: bytes) -> Array:
        index = np.arange(size, dtype=np.uint32)
        first = np.frombuffer(genes, dtype=">u2").astype(np.uint32)
        made: Array = (first[index % drawn] * (2 * (index // drawn) + 1)).astype(np.uint16) if size else first
        return made.astype(np.uint16)

    return st.binary(min_size=2 * drawn, max_size=2 * drawn).map(extended)


def _floats(genes: Array, dtype: np.dtype[Any], scale: Any, lowest: Any, highest: Any, finite: bool) -> Array:
    """Values in steps of `scale`, then in its own units; computed in float64 and rounded once to `dtype`."""
    import ml_dtypes

    kind, payload = genes >> 11, (genes & 0x7FF).astype(np.int64)
    scale = np.broadcast_to(np.asarray(scale, np.float64), genes.shape)
    lowest = np.broadcast_to(np.asarray(lowest, np.float64), genes.shape)
    highest = np.broadcast_to(np.asarray(highest, np.float64), genes.shape)
    info: Any = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    largest, smallest = float(info.max), float(info.smallest_subnormal)

    span = highest - lowest
    whole = np.rint(lowest + span * payload / (_PAYLOADS - 1))
    fraction = payload * _GOLDEN_RATIO % 1.0
    near = np.where(payload & 1, highest, lowest) + ((payload >> 1) % 17 - 8) / 4.0
    exponents = np.log2(smallest) + (np.log2(largest) - np.log2(smallest)) * fraction
    sign = np.where(payload & 1, -1.0, 1.0)
    special = np.array([-0.0, smallest, -smallest, float(info.smallest_normal), largest, -largest, 1.0, -1.0])
    beyond = np.array([2.0**31, -(2.0**31), 2.0**31 - 128, -(2.0**31) - 256, 2.0**32, 2.0**63, 2.0**15, 2.0**16])
    open_ended = np.array([np.nan, np.inf, -np.inf, np.nan])

    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        small = _zigzag(payload).astype(np.float64)
        made = np.select(
            [kind == 0, kind <= 2, kind <= 11, kind <= 14, kind <= 25, kind <= 28, kind == 29, kind == 30],
            [
                small * scale,  # the simplest: gene 0 is 0
                whole * scale,
                (whole + 0.5) * scale,  # ties, some of them moved to a neighbour below
                near * scale,
                (lowest - 1.0 + (span + 2.0) * fraction) * scale,
                sign * np.exp2(exponents),
                special[payload % len(special)],
                beyond[payload % len(beyond)] * scale,
            ],
            default=open_ended[payload % len(open_ended)],
        )
        if finite:
            made = np.where(np.isfinite(made), made, 0.0)
            made = np.clip(made, -largest, largest)
        values = made.astype(dtype)
        if finite:
            values = np.where(np.isfinite(values.astype(np.float64)), values, np.zeros((), dtype))
    moved = (kind > 7) & (kind <= 11)
    towards = np.where(payload & 1, -largest, largest).astype(dtype)
    return np.where(moved, _next(values, towards), values).astype(dtype)


def _around_format(genes: Array, format: FloatFormat, dtype: np.dtype[Any], scale: Any) -> Array:  # noqa: A002
    kind, payload = genes >> 11, (genes & 0x7FF).astype(np.int64)
    codes = np.arange(2 ** (format.bits - format.signed), dtype=format.code_dtype)
    magnitudes = format.decode(codes)
    magnitudes = magnitudes[np.isfinite(magnitudes)]
    largest = float(magnitudes[-1])
    step = largest - float(magnitudes[-2])
    magnitudes = np.append(magnitudes, [largest + step, largest + 2 * step])
    index = (payload >> 1) % (len(magnitudes) - 1)
    sign = np.where(payload & 1, -1.0, 1.0)
    spread = np.broadcast_to(np.asarray(scale, np.float64), genes.shape)
    ties = (magnitudes[index] + magnitudes[index + 1]) / 2
    others = _floats(genes, dtype, spread, int(-largest), int(largest) or 1, False)
    with np.errstate(over="ignore", invalid="ignore"):
        made = np.where(kind <= 8, sign * magnitudes[index], sign * ties) * spread
        values = np.where((kind == 0) | (kind > 24), others, made.astype(dtype)).astype(dtype)
        towards = np.where(payload & 2, -np.inf, np.inf).astype(dtype)
        moved = np.where((kind > 16) & (kind <= 24), _next(values, towards), values)
    return moved.astype(dtype)


def _next(values: Array, towards: Array) -> Array:
    if values.dtype.kind == "f":
        return np.nextafter(values, towards)
    # ml_dtypes' types: the codes of positive numbers grow with them, those of negative ones shrink.
    codes = values.view(np.uint16 if values.dtype.itemsize == 2 else np.uint8)
    magnitude = np.array(1).astype(codes.dtype)
    wide = values.astype(np.float32)
    with np.errstate(invalid="ignore"):
        grows = (towards.astype(np.float32) > wide) == (wide >= 0)
    stays = ~np.isfinite(wide) | (wide == 0)
    moved = np.where(grows, codes + magnitude, codes - magnitude).astype(codes.dtype)
    result: Array = np.where(stays, codes, moved).astype(codes.dtype).view(values.dtype)
    return result


def _integers(genes: Array, type: IntegerType) -> Array:  # noqa: A002
    kind, payload = genes >> 11, (genes & 0x7FF).astype(np.int64)
    near_zero = _zigzag(payload)
    from_ends = np.where(payload & 1, type.highest - (payload >> 1) % 3, type.lowest + (payload >> 1) % 3)
    inside = type.lowest + (genes.astype(np.int64) * 40_503 + (payload << 20)) % type.levels
    values = np.select([kind <= 3, kind <= 9], [near_zero, from_ends], default=inside)
    return np.clip(values, type.lowest, type.highest).astype(type.dtype)


def _scales(genes: Array, dtype: np.dtype[Any], extreme: bool) -> Array:
    import ml_dtypes

    kind, payload = genes >> 11, (genes & 0x7FF).astype(np.int64)
    info: Any = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    reach = 10 if dtype.itemsize == 2 and dtype.kind == "f" else 30  # float16 ends at 65,504
    powers = np.exp2((_zigzag(payload) % (reach + 1)).astype(np.float64) * np.where(payload & 1, -1.0, 1.0))
    powers = np.where(powers > 2.0 ** (reach // 3), 2.0 ** (reach // 3), powers)
    awkward = np.array([1 / 3, 0.1, 1 / 127, 1 / 255, 2 / 3, 0.7, 1e-3, 3.0])
    mantissas = (1.0 + payload * _GOLDEN_RATIO % 1.0) * np.exp2(-(payload % 9).astype(np.float64))
    ends = np.array([float(info.smallest_subnormal), float(info.smallest_normal), float(info.max) / 2, 2.0**-10])
    values = np.select(
        [kind == 0, kind <= 15, kind <= 21, kind <= (29 if extreme else 31)],
        [np.ones(genes.shape), powers, awkward[payload % len(awkward)], mantissas],
        default=ends[payload % len(ends)],
    )
    return values.astype(dtype)


def _exponent_scales(genes: Array) -> Array:
    import ml_dtypes

    kind, payload = genes >> 11, (genes & 0x7FF).astype(np.int64)
    ends = np.array([-127, 127, -126, -120])[payload % 4]
    exponents = np.select([kind == 0, kind <= 28], [np.zeros_like(payload), _zigzag(payload) % 21 - 10], default=ends)
    return (exponents + 127).astype(np.uint8).view(np.dtype(ml_dtypes.float8_e8m0fnu))


def _zigzag(payload: Array) -> Array:
    """0, 1, 2, 3, 4, … as 0, −1, 1, −2, 2, …"""
    result: Array = (payload >> 1) ^ -(payload & 1)
    return result
