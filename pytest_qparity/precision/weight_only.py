"""Weights of products quantized in blocks, activations float: what large models are shipped in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity import quantmath
from pytest_qparity.precision.graph import PRODUCTS
from pytest_qparity.precision.placement.elements import ELEMENTS, Element, Parameters
from pytest_qparity.precision.placement.selection import array_of, quantizable, weight_of
from pytest_qparity.precision.placement.writer import QuantizedConstant, Writer
from pytest_qparity.precision.preparing import at_opset, prepared, serialized
from pytest_qparity.precision.whole_blocks import require_whole_blocks
from pytest_qparity.quantmath import Blocked, PerAxis, PerTensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir
    from onnx import ModelProto

    from pytest_qparity.precision.recipes import WeightOnlyRecipe

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["make_weight_only", "quantized_in_blocks"]

_CLIPPINGS = np.linspace(1.0, 0.5, 26)  # shares of a block's range that are tried for its least squared error


def make_weight_only(model: ModelProto, recipe: WeightOnlyRecipe) -> tuple[ModelProto, tuple[str, ...]]:
    """`model` with DequantizeLinear in the place of the constant operands of its products, and notes. It is used up.

    A block never reaches over the end of the axis of summation; the last one may be shorter (DequantizeLinear-21), but
    where the recipe wants whole blocks: then CannotJudge is raised.
    """
    element = ELEMENTS[recipe.weight]
    model, converted = at_opset(model, element.opset, recipe.keep_float)
    ready, folded = prepared(model, recipe.keep_float)
    writer = Writer(ready.graph)
    done: dict[tuple[str, int], QuantizedConstant] = {}
    found = list(_weights(ready.graph, recipe))
    if recipe.whole_blocks:
        lengths = {str(node.name): array_of(value).shape[axis] for node, _, value, axis in found}
        require_whole_blocks(lengths, recipe.block, weights_alone=True)
    for node, index, value, axis in found:
        key = str(value.name), axis
        if key not in done:
            done[key] = _quantized(value, axis, element, recipe)
        node.replace_input_with(index, writer.dequantized(done[key], node.graph))
    return serialized(ready), (*converted, *folded)


def _weights(graph: ir.Graph, recipe: WeightOnlyRecipe) -> Iterator[tuple[ir.Node, int, ir.Value, int]]:
    """The products that are quantized: node, index of its constant operand, that operand, and its axis of summation."""
    for node in quantizable(graph, frozenset(recipe.keep_float)):
        weight = weight_of(node) if node.op_type in PRODUCTS else None
        if weight is None or weight.reduction_axis is None:
            continue
        value = node.inputs[weight.index]
        assert value is not None
        yield node, weight.index, value, weight.reduction_axis


def quantized_in_blocks(
    weight: Array, axis: int, element: Element, *, block: int, symmetric: bool, least_squares: bool
) -> tuple[Array, Parameters]:
    """Codes, and scales and zero points of one each block along `axis` (the axis shortened to ⌈length / block⌉).

    weight: float32. Ranges are the blocks' smallest and largest values; with `least_squares` they are narrowed to the
    share, block by block, whose squared error is the least of those tried.
    """
    layout = Blocked(axis, block)
    low, high = (_block_extremes(weight, axis, block, each) for each in (np.minimum, np.maximum))
    whole = element.parameters(low, high, symmetric=symmetric)
    if not least_squares:
        return element.codes(weight, whole, layout), whole
    best, scale, zero_point = np.full(low.shape, np.inf), whole.scale.copy(), whole.zero_point.copy()
    for share in _CLIPPINGS:
        tried = element.parameters(low * np.float32(share), high * np.float32(share), symmetric=symmetric)
        real = quantmath.dequantize(element.codes(weight, tried, layout), tried.scale, tried.zero_point, layout)
        error = _block_sums((real.astype(np.float64) - weight) ** 2, axis, block)
        better = error < best
        best = np.where(better, error, best)
        scale, zero_point = np.where(better, tried.scale, scale), np.where(better, tried.zero_point, zero_point)
    chosen = Parameters(scale, zero_point.astype(whole.zero_point.dtype))
    return element.codes(weight, chosen, layout), chosen


def _quantized(value: ir.Value, axis: int, element: Element, recipe: WeightOnlyRecipe) -> QuantizedConstant:
    weight = array_of(value).astype(np.float32)
    codes, parameters = quantized_in_blocks(
        weight,
        axis,
        element,
        block=recipe.block,
        symmetric=recipe.symmetric,
        least_squares=recipe.algorithm == "mse",
    )
    if parameters.scale.size == 1:  # engines refuse a block_size where there is but one block
        parameters = Parameters(parameters.scale.reshape(()), parameters.zero_point.reshape(()))
        return QuantizedConstant(value, codes, parameters, PerTensor())
    if parameters.scale.shape[axis] == 1 and weight.ndim == 2:  # and one that is longer than the axis
        parameters = Parameters(parameters.scale.reshape(-1), parameters.zero_point.reshape(-1))
        return QuantizedConstant(value, codes, parameters, PerAxis(1 - axis))
    return QuantizedConstant(value, codes, parameters, Blocked(axis, min(recipe.block, weight.shape[axis])))


def _block_extremes(weight: Array, axis: int, block: int, extreme: np.ufunc) -> Array:
    """The extremes of each block, 0 among them: a range holds zero."""
    starts = np.arange(0, weight.shape[axis], block)
    return np.asarray(extreme(extreme.reduceat(weight, starts, axis=axis), np.float32(0.0)))


def _block_sums(values: Array, axis: int, block: int) -> Array:
    return np.asarray(np.add.reduceat(values, np.arange(0, values.shape[axis], block), axis=axis))
