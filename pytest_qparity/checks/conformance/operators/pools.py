"""QLinearAveragePool's options and QLinearGlobalAveragePool of other ranks (ContribOperators.md).

Bound: as in `contrib.py`. Where ceil_mode and count_include_pad meet, the documentation does not say what is counted
beyond the padding: they are drawn apart. Nor does it say what is done where its padding of SAME is negative, strides
being larger than the kernel: such windows are not drawn.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.contrib import finished, quantized
from pytest_qparity.checks.conformance.operators.convolutions import window_sums
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.operators.qlinear import SHORT
from pytest_qparity.checks.conformance.rounding import Real
from pytest_qparity.quantmath.convolution import AutoPad, ConvolutionAttributes
from pytest_qparity.quantmath.integers import INT8, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.checks.conformance.example import Example

__all__ = ["kernels"]

OPSET = 21


def kernels() -> Iterator[Kernel]:
    pool = "QLinearAveragePool"
    yield _kernel("qlinear_average_pool", "ceil", pool, UINT8, ceil_examples)
    yield _kernel("qlinear_average_pool", "auto_pad", pool, INT8, auto_pad_examples)
    yield _kernel("qlinear_average_pool", "channels_last", pool, UINT8, channels_last_examples)
    yield _kernel("qlinear_average_pool", "ranks", pool, INT8, rank_examples)
    yield _kernel("qlinear_global_average_pool", "ranks", "QLinearGlobalAveragePool", UINT8, global_examples)


def _kernel(name: str, end: str, operator: str, kind: IntegerType, make: Callable[..., Any]) -> Kernel:
    identity = f"{name}-{SHORT[kind]}-{end}-opset{OPSET}"
    return Kernel(identity, f"{MICROSOFT}.{operator}", kind.name, OPSET, partial(make, kind))


def _small(rank: int, largest: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(1, largest), min_size=rank, max_size=rank).map(tuple)


@st.composite
def ceil_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """ceil_mode = 1: a last window that hangs over the end, and begins before the padding of the end."""
    kernel, strides = draw(_small(2, 3)), draw(_small(2, 3))
    pads = tuple(draw(st.integers(0, size - 1)) for size in kernel * 2)
    sizes, ends = [], []
    for axis, (size, stride) in enumerate(zip(kernel, strides, strict=True)):
        begin, end = pads[axis], pads[2 + axis]
        reach = size + stride * draw(st.integers(0, 3))  # of the last window
        over = draw(st.integers(0, min(stride, size, reach - size + 1) - 1))
        padded = reach - over
        # The last window begins at reach − size, and should begin before what follows the input.
        end = min(end, max(padded - begin - 1, 0), max(size - over - 1, 0))
        length = max(padded - begin - end, 1)
        sizes.append(length)
        ends.append((end, reach - begin - length))
    given = (*pads[:2], *(end for end, _ in ends))
    attributes = ConvolutionAttributes(strides=strides, pads=(*pads[:2], *(whole for _, whole in ends)))
    node = {"kernel_shape": list(kernel), "strides": list(strides), "pads": list(given), "ceil_mode": 1}
    return draw(_pooled(kind, tuple(sizes), kernel, attributes, node))


@st.composite
def auto_pad_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    kernel, strides = draw(_small(2, 3)), draw(_small(2, 3))
    auto_pad = draw(st.sampled_from((AutoPad.SAME_UPPER, AutoPad.SAME_LOWER, AutoPad.VALID)))
    if auto_pad is not AutoPad.VALID:
        strides = tuple(min(pair) for pair in zip(strides, kernel, strict=True))
    least = kernel if auto_pad is AutoPad.VALID else (1, 1)
    sizes = tuple(size + draw(st.integers(0, 6)) for size in least)
    attributes = ConvolutionAttributes(strides=strides, auto_pad=auto_pad)
    node = {"kernel_shape": list(kernel), "strides": list(strides), "auto_pad": auto_pad.value}
    return draw(_pooled(kind, sizes, kernel, attributes, node))


@st.composite
def rank_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """One spatial axis, and three; no attribute but the kernel's shape."""
    rank = draw(st.sampled_from((1, 3)))
    kernel = draw(_small(rank, 3))
    sizes = tuple(size + draw(st.integers(0, 2)) for size in kernel)
    return draw(_pooled(kind, sizes, kernel, ConvolutionAttributes(), {"kernel_shape": list(kernel)}))


@st.composite
def channels_last_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    kernel, strides = draw(_small(2, 3)), draw(_small(2, 2))
    sizes = tuple(size + draw(st.integers(0, 5)) for size in kernel)
    attributes = ConvolutionAttributes(strides=strides)
    node = {"kernel_shape": list(kernel), "strides": list(strides), "channels_last": 1}
    return draw(_pooled(kind, sizes, kernel, attributes, node, (0, 3, 1, 2)))


@st.composite
def _pooled(
    draw: st.DrawFn,
    kind: IntegerType,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    attributes: ConvolutionAttributes,
    node: dict[str, Any],
    channels_first: tuple[int, ...] | None = None,
) -> Example:
    """The mean of what each window sees of the input. `channels_first` moves the axes of x to (N, C, …)."""
    graph = Graph()
    batch, channels = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    order = channels_first or tuple(range(2 + len(sizes)))
    back = tuple(int(axis) for axis in np.argsort(order))
    first = (batch, channels, *sizes)
    x, real = draw(quantized(graph, "x", kind, tuple(first[axis] for axis in back)))
    real = real.mapped(lambda array: array.transpose(order))
    counted = window_sums(Real.exact(np.ones(first)), kernel, attributes).value
    mean = window_sums(real, kernel, attributes) / Real.exact(counted)
    mean = mean.mapped(lambda array: array.transpose(back))
    return draw(finished(graph, "QLinearAveragePool", mean, kind, lambda y: [*x, *y], node))


@st.composite
def global_examples(draw: st.DrawFn, kind: IntegerType) -> Example:
    """One spatial axis, and three."""
    graph = Graph()
    rank, channels_last = draw(st.sampled_from((1, 3))), draw(st.booleans())
    shape = tuple(draw(st.integers(1, 4)) for _ in range(2 + rank))
    x, real = draw(quantized(graph, "x", kind, shape))
    axes = tuple(range(1, 1 + rank)) if channels_last else tuple(range(2, 2 + rank))
    mean = real.sum(axes) / Real.exact(float(np.prod([shape[axis] for axis in axes])))
    attributes = {"channels_last": int(channels_last)}
    return draw(finished(graph, "QLinearGlobalAveragePool", mean, kind, lambda y: [*x, *y], attributes))
