"""Inputs drawn for a model of which nobody has data: of its own shapes, in ranges that its files tell.

They can show parity, which asks for the same outputs of the same inputs, and never accuracy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.feeding import Array
    from pytest_qparity.case.model import TensorInfo

__all__ = ["DRAWN_NOTE", "Drawn", "InputHint", "draw"]

DRAWN_NOTE = (
    "Inputs were drawn: they show parity, not accuracy, and a failure may be theirs where real inputs look otherwise."
)
PIXELS = 224  # of a side of an image that may have any: what most classifiers take, and a multiple of 32
POSITIONS = 16  # of any other axis that may have any length
CHANNELS = (1, 3, 4)
_FLOATS = ("float16", "float32", "float64")
_MASK = re.compile(r"mask", re.IGNORECASE)
_SEGMENTS = re.compile(r"token_type|segment", re.IGNORECASE)
_COUNTED = re.compile(r"position", re.IGNORECASE)
_SPAN_SHARE = 8  # standard deviations in a range: of ten thousand normal numbers the extremes are 4 σ away


@dataclass(frozen=True, slots=True)
class InputHint:
    """What files tell of an input. `span`: the least and the largest number that the candidate's own quantizer of it
    takes without clipping; `rows`: of the smallest table that it indexes; `convolved`: whether a Conv takes it."""

    span: tuple[float, float] | None = None
    rows: int | None = None
    convolved: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """`arrays`: by input, each (samples, *shape of the input), of its type. `told`: a sentence for each input."""

    arrays: Mapping[str, Array]
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """How long axes are that the model leaves open: stated by the caller, or by this module."""

    stated: Mapping[str, int]
    used: set[str] = field(default_factory=set)

    def of(self, tensor: TensorInfo, axis: int, standard: int) -> tuple[int, bool]:
        """The size of an axis, and whether the model left it open."""
        assert tensor.shape is not None
        size = tensor.shape[axis]
        if isinstance(size, int):
            return size, False
        for name in (f"{tensor.name}.{axis}", size):
            if name is not None and name in self.stated:
                self.used.add(name)
                return self.stated[name], True
        return standard, True


def draw(
    inputs: Sequence[TensorInfo],
    hints: Mapping[str, InputHint],
    samples: int,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Drawn:
    """`samples` inputs for each input of a model; the same ones for the same arguments.

    Floats: images are random pictures whose amplitude falls with frequency, as that of photographs does (1/f: Field,
    J. Opt. Soc. Am. A 4, 1987); others are normal. Both lie in the candidate's own range of the input where it has one,
    σ = range / 8; without one, images in 0…1 and others standard normal. Integers: below the number of rows of the
    table that they index. Masks are ones, segments zeros, positions 0, 1, 2, ….

    `sizes`: of axes without a size, by their name in the model or as `INPUT.AXIS`; else 1 for the first axis, 224 for
    the sides of images, 16 for others. Raises CannotJudge for an input that cannot be drawn, and for a size of an axis
    that no input has.
    """
    random = np.random.default_rng(seed)
    known = _Sizes(sizes or {})
    arrays, told = {}, []
    for tensor in inputs:
        shape, opened = _shape_of(tensor, hints.get(tensor.name, InputHint()), known)
        arrays[tensor.name], values = _values(tensor, hints.get(tensor.name, InputHint()), (samples, *shape), random)
        chosen = f" ({opened} chosen here)" if opened else ""
        told.append(f'"{tensor.name}" {tensor.dtype} {list(shape)}{chosen}: {values}')
    _require_used(inputs, known)
    return Drawn(arrays, tuple(told))


def _shape_of(tensor: TensorInfo, hint: InputHint, sizes: _Sizes) -> tuple[tuple[int, ...], str]:
    if tensor.shape is None:
        raise _undrawable(tensor.name, "no rank", "a stated shape")
    sides = _sides(tensor, hint)
    found = [
        sizes.of(tensor, axis, 1 if axis == 0 else PIXELS if axis in sides else POSITIONS)
        for axis in range(len(tensor.shape))
    ]
    opened = [
        f"{tensor.shape[axis] or f'axis {axis}'} = {size}" for axis, (size, was_open) in enumerate(found) if was_open
    ]
    return tuple(size for size, _ in found), ", ".join(opened)


def _sides(tensor: TensorInfo, hint: InputHint) -> tuple[int, ...]:
    """The axes of height and width; empty of what is no image."""
    shape = tensor.shape or ()
    if len(shape) != 4:
        return ()
    if shape[1] in CHANNELS:
        return (2, 3)
    if shape[3] in CHANNELS:
        return (1, 2)
    return (2, 3) if hint.convolved and tensor.dtype in _FLOATS and not isinstance(shape[1], int) else ()


def _values(
    tensor: TensorInfo, hint: InputHint, shape: tuple[int, ...], random: np.random.Generator
) -> tuple[Array, str]:
    kind = np.dtype(tensor.dtype).kind if tensor.dtype in _DRAWN else None
    if kind is None:
        raise _undrawable(tensor.name, f"element type {tensor.dtype}", "floats, integers or booleans")
    if kind == "b" or _MASK.search(tensor.name):
        return np.ones(shape, tensor.dtype), "ones, as a mask"
    if kind == "f":
        return _floats(tensor, hint, shape, random)
    return _integers(tensor, hint, shape, random)


_DRAWN = frozenset((*_FLOATS, "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))))


def _floats(
    tensor: TensorInfo, hint: InputHint, shape: tuple[int, ...], random: np.random.Generator
) -> tuple[Array, str]:
    sides = tuple(axis + 1 for axis in _sides(tensor, hint))  # behind the axis of samples
    low, high = hint.span if hint.span is not None else (0.0, 1.0)
    why = "the range of the candidate's own quantizer" if hint.span is not None else "a range chosen here"
    if sides:
        pictures = _pictures(shape, sides, random)
        return (low + (high - low) * pictures).astype(tensor.dtype), f"smooth pictures in {low:.4g}…{high:.4g}, {why}"
    values = random.standard_normal(shape)
    if hint.span is None:
        return values.astype(tensor.dtype), "standard normal, chosen here"
    values = np.clip((low + high) / 2 + values * ((high - low) / _SPAN_SHARE), low, high)
    return values.astype(tensor.dtype), f"normal in {low:.4g}…{high:.4g}, {why}"


def _pictures(shape: tuple[int, ...], sides: tuple[int, ...], random: np.random.Generator) -> Array:
    """float64 of `shape` in 0…1: each plane is white noise whose amplitude is divided by its frequency."""
    height, width = (shape[axis] for axis in sides)
    spectrum = np.fft.rfft2(random.standard_normal(shape), axes=sides)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1 / max(height, width)
    placed = [1] * len(shape)
    placed[sides[0]], placed[sides[1]] = frequency.shape
    planes = np.fft.irfft2(spectrum / frequency.reshape(placed), s=(height, width), axes=sides)
    low, high = planes.min(axis=sides, keepdims=True), planes.max(axis=sides, keepdims=True)
    return np.asarray((planes - low) / np.maximum(high - low, np.finfo(np.float64).tiny))


def _integers(
    tensor: TensorInfo, hint: InputHint, shape: tuple[int, ...], random: np.random.Generator
) -> tuple[Array, str]:
    largest = int(np.iinfo(tensor.dtype).max)
    if _SEGMENTS.search(tensor.name):
        return np.zeros(shape, tensor.dtype), "zeros, as segments"
    if _COUNTED.search(tensor.name):
        counted = np.broadcast_to(np.arange(shape[-1]) % (hint.rows or shape[-1]), shape)
        return np.ascontiguousarray(counted, tensor.dtype), "0, 1, 2, …, as positions"
    if hint.rows is not None:
        return (
            random.integers(0, min(hint.rows - 1, largest), shape, tensor.dtype, endpoint=True),
            f"0…{hint.rows - 1}, the rows of the table that it indexes",
        )
    if tensor.dtype == "uint8":
        return random.integers(0, largest, shape, np.uint8, endpoint=True), "0…255"
    return random.integers(0, 1, shape, tensor.dtype, endpoint=True), "0…1, since nothing tells how far they go"


def _require_used(inputs: Sequence[TensorInfo], sizes: _Sizes) -> None:
    unused = [name for name in sizes.stated if name not in sizes.used]
    if not unused:
        return
    opened = [
        str(size) if size is not None else f"{tensor.name}.{axis}"
        for tensor in inputs
        for axis, size in enumerate(tensor.shape or ())
        if not isinstance(size, int)
    ]
    near = nearest(unused[0], opened)
    remedy = f'write "{near}"' if near is not None else "leave it out"
    should = f"one that the model leaves open: {known_list(dict.fromkeys(opened)) if opened else 'it has none'}"
    raise CannotJudge(
        Failure(Code.DATA_UNREADABLE, f'Got a size of the axis "{unused[0]}", should be {should}.', remedy)
    )


def _undrawable(name: str, got: str, should: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.DATA_UNREADABLE,
            f'"{name}": got {got}, should be {should} to be drawn.',
            "give inputs as an .npz with one array for each input of the model: --data inputs.npz",
        )
    )
