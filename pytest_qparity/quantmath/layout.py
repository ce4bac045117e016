"""Which elements of a tensor share a scale and a zero point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Blocked", "Layout", "PerAxis", "PerTensor", "parameter_shape", "spread"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


@dataclass(frozen=True, slots=True)
class PerTensor:
    """One scale and zero point for all elements."""


@dataclass(frozen=True, slots=True)
class PerAxis:
    """One scale and zero point for each index of `axis`; a negative axis counts from the last."""

    axis: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """One scale and zero point for each `block` neighbours along `axis`; the last block may be shorter."""

    axis: int
    block: int

    def __post_init__(self) -> None:
        if self.block < 1:
            raise ValueError(f"got a block of {self.block}, should be at least 1")


Layout: TypeAlias = PerTensor | PerAxis | Blocked


def parameter_shape(shape: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    """() per tensor, (D_axis,) per axis, (D_0, …, ⌈D_axis / block⌉, …, D_n) blocked: shape of scale and zero point.

    Source: ONNX QuantizeLinear, per axis since opset 13, blocked since opset 21. A last block that `block` does not
    fill is allowed: the operator's `block_size` may be anything in [⌈D/S⌉, ⌈D/(S−1)⌉ − 1] for S scales on an axis of D.
    ValueError where `shape` has no such axis.
    """
    match layout:
        case PerTensor():
            return ()
        case PerAxis(axis):
            return (shape[_axis(axis, shape)],)
        case Blocked(axis, block):
            position = _axis(axis, shape)
            return (*shape[:position], -(-shape[position] // block), *shape[position + 1 :])


def spread(parameter: _Array, shape: tuple[int, ...], layout: Layout) -> _Array:
    """p[], p[i_axis] or p[i_0, …, ⌊i_axis / block⌋, …, i_n] for each index i of `shape`: every element's own parameter.

    Source: ONNX QuantizeLinear-21. Of the parameter's dtype, read-only where it is a view. ValueError where the
    parameter's shape is not `parameter_shape(shape, layout)`; unlike some engines this takes no vector of one for a
    scalar.
    """
    expected = parameter_shape(shape, layout)
    if parameter.shape != expected:
        raise ValueError(f"got a scale or zero point of shape {parameter.shape}, should be {expected} for {layout}")
    match layout:
        case PerTensor():
            return np.broadcast_to(parameter, shape)
        case PerAxis(axis):
            column = [1] * len(shape)
            column[_axis(axis, shape)] = -1 if parameter.size else 0
            return np.broadcast_to(parameter.reshape(column), shape)
        case Blocked(axis, block):
            position = _axis(axis, shape)
            indices = np.arange(shape[position]) // block
            return np.take(parameter, indices, axis=position)


def _axis(axis: int, shape: tuple[int, ...]) -> int:
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"got axis {axis} of a tensor of rank {len(shape)}, should be in [-rank, rank)")
    return axis % len(shape)
