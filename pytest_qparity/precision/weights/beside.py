"""What stands beside weights and may hold factors of channels: scales of norms, operands of Mul and Div."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.pairs.quantizers import constant
from pytest_qparity.precision.weights.codes import quantized_constant
from pytest_qparity.precision.weights.factors import Side

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.precision.pairs.light_model import LightModel

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["changed_factors"]

_NORMS = frozenset(
    {
        "GroupNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "RMSNormalization",
        "SimplifiedLayerNormalization",
        "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization",
    }
)
_SCALE = {"SkipLayerNormalization": 2, "SkipSimplifiedLayerNormalization": 2}  # index of its scale; 1 of the others
_MOST_PAIRS = 4_096  # of scales that changed: how many of both models are held against one another
_HALF_STEP = 0.3  # standard deviation of what was rounded, in steps


def changed_factors(reference: LightModel, variant: LightModel) -> tuple[list[Side], list[float]]:
    """Logarithms of what one model has and the other has not, and of what changed: of channels, and single numbers of
    Mul and Div. Each with both signs: whether it was taken into a weight or put behind one is not asked."""
    mine, theirs = _held(reference), _held(variant)
    gone = [side for key, side in mine.items() if key not in theirs]
    new = [side for key, side in theirs.items() if key not in mine]
    pairs = [pair for pair in product(new, gone) if len(pair[0].logs) == len(pair[1].logs)][:_MOST_PAIRS]
    both = [*gone, *new, *(above.over(below) for above, below in pairs)]
    vectors = [each for side in both if len(side.logs) > 1 for each in (side, side.inverse)]
    numbers = [sign * float(side.logs[0]) for side in both if len(side.logs) == 1 for sign in (1, -1)]
    return vectors, numbers


def _held(model: LightModel) -> dict[bytes, Side]:
    found = {}
    for node in model.proto.graph.node:
        for array, noise in _factors_of(model, node):
            if array.size and np.isfinite(array).all():
                flat = array.astype(np.float64).ravel()
                found[flat.tobytes()] = Side.of(flat, noise)
    return found


def _factors_of(model: LightModel, node: NodeProto) -> Iterator[tuple[Array, Array | float]]:
    if node.op_type in ("Mul", "Div"):
        for name in node.input:
            yield from _value(model, name)
    elif node.op_type in _NORMS:
        index = _SCALE.get(node.op_type, 1)
        yield from _value(model, node.input[index]) if len(node.input) > index else ()
    elif node.op_type == "BatchNormalization":
        scale, variance = (constant(model, node.input[index]) for index in (1, 4))
        if scale is not None and variance is not None and scale.shape == variance.shape:
            epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
            yield scale / np.sqrt(np.maximum(variance, 0.0) + epsilon), 0.0


def _value(model: LightModel, name: str) -> Iterator[tuple[Array, Array | float]]:
    """A constant of floats and, of one that was rounded, how far off in parts of itself; no tensor of many axes."""
    if not name or name in model.variable:
        return
    stated = constant(model, name)
    if stated is not None and stated.dtype.kind == "f" and stated.size <= max(stated.shape, default=1):
        yield stated, 0.0
    rounded = quantized_constant(model, name) if stated is None else None
    if rounded is not None and rounded.values.size <= max(rounded.values.shape, default=1):
        values = rounded.values.ravel()
        sizes = np.abs(values)
        yield values, np.where(sizes > 0, _HALF_STEP * rounded.steps.ravel() / np.where(sizes > 0, sizes, 1.0), np.inf)
