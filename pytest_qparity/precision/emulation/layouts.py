"""Scales and zero points of a tensor, spread over its elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from pytest_qparity.precision.emulation.emitter import refused

if TYPE_CHECKING:
    from pytest_qparity.precision.emulation.emitter import Emitter


LAST = -1  # axis


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which elements share a scale, as the attributes of QuantizeLinear-21 say it: `block` 0 means per axis."""

    axis: int = 1
    block: int = 0


def is_blocked(scale: ir.Value, grouping: Grouping) -> bool:
    return grouping.block > 0 and (scale.shape is None or scale.shape.rank() > 0)


def spread(emit: Emitter, parameter: ir.Value, like: ir.Value, grouping: Grouping) -> ir.Value:
    """`parameter` in a shape that broadcasts to `like`'s, each element its own: `quantmath.layout.spread`.

    parameter: scalar, one for each index of the axis, or blocked, where it has `like`'s shape but on the axis, the last
    block being as long as the rest. CannotJudge where the file does not say the rank that this takes.
    """
    if parameter.shape is None and grouping.block > 0 and grouping.axis == LAST:
        return _blocked(emit, parameter, like, grouping)
    if parameter.shape is None:
        raise refused(f"a scale {parameter.name!r} of unknown rank", "of a rank that the file states", STATE_SHAPES)
    if parameter.shape.rank() == 0:
        return parameter
    if grouping.block > 0:
        return _blocked(emit, parameter, like, grouping)
    if parameter.shape.rank() != 1:
        raise refused(
            f"a scale {parameter.name!r} of shape {parameter.shape} without block_size", "a scalar or a vector"
        )
    if parameter.shape[0] == 1:
        return emit.op("Reshape", parameter, emit.constant(np.zeros(0), np.int64), shape=ir.Shape(()))
    rank = _rank(like)
    behind = rank - 1 - grouping.axis % rank
    return emit.op("Reshape", parameter, emit.constant([-1] + [1] * behind, np.int64), shape=None)


def blocks_of(emit: Emitter, x: ir.Value, grouping: Grouping) -> ir.Value:
    """x with its axis split in two: blocks, and the elements within a block; of no shape where x has none that is
    stated, which the last axis alone may be split without."""
    if x.shape is None and grouping.axis == LAST:
        return emit.op("Reshape", x, _split_at_run_time(emit, x, grouping.block))
    rank = _rank(x)
    assert x.shape is not None
    axis = grouping.axis % rank
    size = x.shape[axis]
    if not isinstance(size, int) or size % grouping.block:
        raise refused(
            f"blocks of {grouping.block} on an axis of {size}, of {x.name!r}", "an axis of whole blocks that is stated"
        )
    inner = (size // grouping.block, grouping.block)
    shape = ir.Shape([*x.shape[:axis], *inner, *x.shape[axis + 1 :]])
    return emit.op("Reshape", x, _shape(emit, x, axis, inner), shape=shape)


def joined(emit: Emitter, blocks: ir.Value, like: ir.Value) -> ir.Value:
    """`blocks_of` undone: the shape is that of `like`."""
    if like.shape is not None and like.shape.is_static():
        target = emit.constant(list(like.shape.numpy()), np.int64)
    else:
        target = emit.op("Shape", like, dtype=ir.DataType.INT64)
    return emit.op("Reshape", blocks, target, shape=like.shape)


STATE_SHAPES = "run shape inference on the file, or state the shapes of its inputs"


def _rank(x: ir.Value) -> int:
    if x.shape is None:
        raise refused(f"a tensor {x.name!r} of unknown rank", "of a rank that the file states", STATE_SHAPES)
    return x.shape.rank()


def _blocked(emit: Emitter, parameter: ir.Value, like: ir.Value, grouping: Grouping) -> ir.Value:
    """Each entry `block` times along the axis, the last one for what is left."""
    axis = LAST if like.shape is None and grouping.axis == LAST else grouping.axis % _rank(like)
    size = None if like.shape is None else like.shape[axis]
    if isinstance(size, int):
        index = emit.constant(np.arange(size) // grouping.block, np.int64)
    else:
        dimensions = emit.op("Shape", like, dtype=ir.DataType.INT64)
        count = emit.op("Gather", dimensions, emit.constant(axis, np.int64), dtype=ir.DataType.INT64)
        zero, one = emit.constant(0, np.int64), emit.constant(1, np.int64)
        every = emit.op("Range", zero, count, one, dtype=ir.DataType.INT64)
        index = emit.op("Div", every, emit.constant(grouping.block, np.int64), dtype=ir.DataType.INT64)
    return emit.op("Gather", parameter, index, axis=axis, shape=like.shape)


def _split_at_run_time(emit: Emitter, x: ir.Value, block: int) -> ir.Value:
    """The shape of x with blocks at its end; a run fails where its last axis is not made of whole ones."""
    dimensions = emit.op("Shape", x, dtype=ir.DataType.INT64)
    ends = (emit.constant([each], np.int64) for each in (0, LAST))
    return emit.op(
        "Concat",
        emit.op("Slice", dimensions, *ends, dtype=ir.DataType.INT64),
        emit.constant([-1, block], np.int64),
        axis=0,
        dtype=ir.DataType.INT64,
    )


def _shape(emit: Emitter, x: ir.Value, axis: int, inner: tuple[int, int]) -> ir.Value:
    """The shape to give x, as a constant where at most one dimension is unknown."""
    assert x.shape is not None
    stated = [*x.shape[:axis], *inner, *x.shape[axis + 1 :]]
    known = [size if isinstance(size, int) else -1 for size in stated]
    if known.count(-1) <= 1 and 0 not in known:
        return emit.constant(known, np.int64)
    dimensions = emit.op("Shape", x, dtype=ir.DataType.INT64)
    parts = [
        emit.op("Slice", dimensions, *(emit.constant([at], np.int64) for at in (start, end)), dtype=ir.DataType.INT64)
        for start, end in ((0, axis), (axis + 1, len(x.shape)))
    ]
    middle = emit.constant(list(inner), np.int64)
    return emit.op("Concat", parts[0], middle, parts[1], axis=0, dtype=ir.DataType.INT64)
