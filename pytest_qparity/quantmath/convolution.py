"""Where the windows of a convolution lie."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

__all__ = ["AutoPad", "ConvolutionAttributes", "padding", "windows"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class AutoPad(enum.Enum):
    """ONNX Conv's `auto_pad`."""

    NOTSET = "NOTSET"
    SAME_UPPER = "SAME_UPPER"
    SAME_LOWER = "SAME_LOWER"
    VALID = "VALID"


@dataclass(frozen=True, slots=True)
class ConvolutionAttributes:
    """Attributes of ONNX ConvInteger-10 and QLinearConv-10; an empty tuple is the operator's default.

    `pads` has all beginnings, then all ends, in elements. `kernel_shape` is the weights' own shape and not repeated.
    """

    strides: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    auto_pad: AutoPad = AutoPad.NOTSET
    group: int = 1

    def __post_init__(self) -> None:
        if any(value < 1 for value in (*self.strides, *self.dilations, self.group)):
            raise ValueError(f"got {self}, should have strides, dilations and group of at least 1")
        if any(pad < 0 for pad in self.pads):
            raise ValueError(f"got pads {self.pads}, should be at least 0")
        if self.pads and self.auto_pad is not AutoPad.NOTSET:
            raise ValueError(f"got pads {self.pads} and auto_pad {self.auto_pad.value}, should be one of them")


def padding(
    spatial: tuple[int, ...], kernel: tuple[int, ...], attributes: ConvolutionAttributes
) -> tuple[tuple[int, int], ...]:
    """(begin, end) of each spatial axis, for SAME with begin + end = max((⌈D/s⌉ − 1)·s + (k − 1)·d + 1 − D, 0).

    Source: ONNX ConvInteger-10, `auto_pad`: the output of SAME has ⌈D/s⌉ elements, an odd padding has its extra
    element at the end for SAME_UPPER and at the beginning for SAME_LOWER. The sum is spelled out in MaxPool-11
    (`pad_shape`). In elements. ValueError for attributes of another rank than `kernel`.
    """
    rank = len(kernel)
    if attributes.auto_pad is AutoPad.NOTSET:
        pads = _each(attributes.pads, "pads", 2 * rank, 0)
        return tuple((pads[axis], pads[rank + axis]) for axis in range(rank))
    if attributes.auto_pad is AutoPad.VALID:
        return ((0, 0),) * rank
    strides = _each(attributes.strides, "strides", rank, 1)
    extents = _extents(kernel, attributes)
    result = []
    for size, stride, extent in zip(spatial, strides, extents, strict=True):
        total = max((-(-size // stride) - 1) * stride + extent - size, 0)
        half, odd = divmod(total, 2)
        result.append((half, half + odd) if attributes.auto_pad is AutoPad.SAME_UPPER else (half + odd, half))
    return tuple(result)


def windows(padded: _Array, kernel: tuple[int, ...], attributes: ConvolutionAttributes) -> _Array:
    """w[n, c, o_1, …, o_r, k_1, …, k_r] = padded[n, c, o_1·s_1 + k_1·d_1, …, o_r·s_r + k_r·d_r], a read-only view.

    Source: ONNX Conv-11 for the attributes; o_i < ⌊(D_i − ((k_i − 1)·d_i + 1)) / s_i⌋ + 1 for a padded extent D_i,
    which Conv's text leaves out and MaxPool-11's has.
    ValueError where a dilated kernel is larger than the padded input or empty.
    """
    rank = len(kernel)
    strides = _each(attributes.strides, "strides", rank, 1)
    dilations = _each(attributes.dilations, "dilations", rank, 1)
    extents = _extents(kernel, attributes)
    if any(not 1 <= extent <= size for extent, size in zip(extents, padded.shape[2:], strict=True)):
        raise ValueError(f"got a dilated kernel of {extents} on a padded input of {padded.shape[2:]}, should fit in it")
    every = np.lib.stride_tricks.sliding_window_view(padded, extents, axis=tuple(range(2, 2 + rank)))
    steps = (*(slice(None, None, stride) for stride in strides), *(slice(None, None, step) for step in dilations))
    return every[(slice(None), slice(None), *steps)]


def _extents(kernel: tuple[int, ...], attributes: ConvolutionAttributes) -> tuple[int, ...]:
    dilations = _each(attributes.dilations, "dilations", len(kernel), 1)
    return tuple((size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True))


def _each(values: tuple[int, ...], name: str, count: int, default: int) -> tuple[int, ...]:
    if not values:
        return (default,) * count
    if len(values) != count:
        raise ValueError(f"got {name} {values}, should be {count} of them")
    return values
