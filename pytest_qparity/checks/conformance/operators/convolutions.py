"""Convolutions as conformance draws them: shapes, strides, dilations, padding and groups that fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.quantmath import convolution
from pytest_qparity.quantmath.convolution import AutoPad, ConvolutionAttributes

if TYPE_CHECKING:
    from pytest_qparity.checks.conformance.rounding import Real

__all__ = [
    "DrawnConvolution",
    "auto_padded",
    "convolutions",
    "convolved",
    "padding_windows",
    "strided_pointwise",
    "unattributed",
    "volumes",
    "window_sums",
]


@dataclass(frozen=True, slots=True)
class DrawnConvolution:
    """x (N, C, …), w (M, C / group, …) and the attributes; what of them is empty is left out of the node."""

    x_shape: tuple[int, ...]
    w_shape: tuple[int, ...]
    attributes: ConvolutionAttributes

    @property
    def node_attributes(self) -> dict[str, Any]:
        """As ONNX's node has them."""
        attributes = self.attributes
        if attributes == ConvolutionAttributes():
            return {}
        stated = {
            "strides": list(attributes.strides),
            "dilations": list(attributes.dilations),
            "pads": list(attributes.pads),
        }
        node: dict[str, Any] = {"kernel_shape": list(self.w_shape[2:]), "group": attributes.group}
        if attributes.auto_pad is not AutoPad.NOTSET:
            node["auto_pad"] = attributes.auto_pad.value
        return node | {name: values for name, values in stated.items() if values}


def convolutions() -> st.SearchStrategy[DrawnConvolution]:
    """Any of one or two spatial axes whose windows all see some of the input."""
    return st.sampled_from((2, 1)).flatmap(lambda rank: _of_rank(rank, (1, 2, 4), 3, 4))


def volumes() -> st.SearchStrategy[DrawnConvolution]:
    """The same of three spatial axes, smaller."""
    return _of_rank(3, (1, 2), 2, 2)


@st.composite
def _of_rank(draw: st.DrawFn, rank: int, groups: tuple[int, ...], largest: int, room: int) -> DrawnConvolution:
    """Kernel, strides and dilations of up to `largest`, and up to `room` more places than the kernel takes."""
    sizes = st.lists(st.integers(1, largest), min_size=rank, max_size=rank).map(tuple)
    kernel, strides, dilations = draw(sizes), draw(sizes), draw(sizes)
    extents = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]
    pads = tuple(draw(st.integers(0, min(2, extent - 1))) for extent in extents * 2)
    group = draw(st.sampled_from(groups))
    # Engines compute with channels in blocks of 8 or 16, and the last block may be shorter.
    channels = group * draw(st.sampled_from((1, 2, 1, 2, 17)))
    outputs = group * draw(st.sampled_from((1, 2, 3, 4, 18)))
    spatial = tuple(extent + draw(st.integers(0, room)) for extent in extents)
    x_shape = (draw(st.integers(1, 2)), channels, *spatial)
    attributes = ConvolutionAttributes(strides=strides, dilations=dilations, pads=pads, group=group)
    return DrawnConvolution(x_shape, (outputs, channels // group, *kernel), attributes)


@st.composite
def auto_padded(draw: st.DrawFn) -> DrawnConvolution:
    """Padding by auto_pad: odd sums of both ends, strides that leave some of the input, kernels larger than it."""
    rank = draw(st.sampled_from((2, 1)))
    sizes = st.lists(st.integers(1, 3), min_size=rank, max_size=rank).map(tuple)
    auto_pad = draw(st.sampled_from((AutoPad.SAME_UPPER, AutoPad.SAME_LOWER, AutoPad.VALID)))
    kernel = tuple(size + draw(st.integers(0, 1)) for size in draw(sizes))
    dilations = draw(sizes) if auto_pad is AutoPad.VALID else (1,) * rank
    group = draw(st.sampled_from((1, 2)))
    channels, outputs = group * draw(st.integers(1, 2)), group * draw(st.integers(1, 3))
    extents = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]
    least = extents if auto_pad is AutoPad.VALID else (1,) * rank
    spatial = tuple(size + draw(st.integers(0, 6)) for size in least)
    attributes = ConvolutionAttributes(strides=draw(sizes), dilations=dilations, auto_pad=auto_pad, group=group)
    return DrawnConvolution((1, channels, *spatial), (outputs, channels // group, *kernel), attributes)


@st.composite
def unattributed(draw: st.DrawFn) -> DrawnConvolution:
    """No attribute at all: strides and dilations of 1, no padding, one group, the kernel's shape that of w."""
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    channels, outputs = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    spatial = tuple(size + draw(st.integers(0, 4)) for size in kernel)
    return DrawnConvolution((1, channels, *spatial), (outputs, channels, *kernel), ConvolutionAttributes())


@st.composite
def strided_pointwise(draw: st.DrawFn) -> DrawnConvolution:
    """A kernel of size 1 with padding and strides: an engine that slices its input must slice the padding as well."""
    channels, outputs, size = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 8))
    pads = draw(st.sampled_from(((1, 1), (0, 1), (1, 0), (2, 2))))
    attributes = ConvolutionAttributes(strides=(draw(st.integers(2, 3)),), dilations=(1,), pads=pads)
    return DrawnConvolution((1, channels, size), (outputs, channels, 1), attributes)


@st.composite
def padding_windows(draw: st.DrawFn) -> DrawnConvolution:
    """Padding as large as the kernel: some windows see nothing of the input."""
    group = draw(st.sampled_from((1, 2)))
    channels, outputs = group * draw(st.integers(1, 2)), group * draw(st.integers(1, 3))
    kernel = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    attributes = ConvolutionAttributes(strides=(1, 1), dilations=(1, 1), pads=(2, 1, 0, 2), group=group)
    x_shape = (draw(st.integers(1, 2)), channels, draw(st.integers(2, 6)), draw(st.integers(2, 6)))
    return DrawnConvolution(x_shape, (outputs, channels // group, *kernel), attributes)


def windows_of(array: np.ndarray, kernel: tuple[int, ...], attributes: ConvolutionAttributes) -> np.ndarray:
    """(N, C, *outputs, *kernel): what each window of an array sees, 0 in the padding."""
    pads = [(0, 0), (0, 0), *convolution.padding(array.shape[2:], kernel, attributes)]
    return convolution.windows(np.pad(array, pads), kernel, attributes)


def window_sums(real: Real, kernel: tuple[int, ...], attributes: ConvolutionAttributes) -> Real:
    """(N, C, *outputs): the sum of each window, the padding counted as 0."""

    def flat(array: np.ndarray) -> np.ndarray:
        windows = windows_of(array, kernel, attributes)
        return windows.reshape(*windows.shape[: 2 + len(kernel)], -1)

    return real.mapped(flat).sum(-1).mapped(lambda array: array[..., 0])


def convolved(x: Real, w: Real, drawn: DrawnConvolution) -> Real:
    """The convolution as a matrix product of x's windows with w, with the product's error bound; padding is 0."""
    rank, attributes = len(drawn.w_shape) - 2, drawn.attributes
    group = attributes.group
    out_shape = windows_of(x.value, drawn.w_shape[2:], attributes).shape[2 : 2 + rank]

    def columns(array: np.ndarray) -> np.ndarray:
        windows = windows_of(array, drawn.w_shape[2:], attributes)
        batch, channels, *rest = windows.shape
        out, kernel = rest[:rank], rest[rank:]
        grouped = windows.reshape(batch, group, channels // group, *out, *kernel)
        order = (0, 1, *range(3, 3 + rank), 2, *range(3 + rank, 3 + 2 * rank))
        return grouped.transpose(order).reshape(batch, group, int(np.prod(out)), -1)

    def rows(array: np.ndarray) -> np.ndarray:
        return array.reshape(group, array.shape[0] // group, -1).transpose(0, 2, 1)

    product = x.mapped(columns).matmul(w.mapped(rows))  # (N, group, outputs, M / group)

    def back(array: np.ndarray) -> np.ndarray:
        return array.transpose(0, 1, 3, 2).reshape(drawn.x_shape[0], drawn.w_shape[0], *out_shape)

    return product.mapped(back)
