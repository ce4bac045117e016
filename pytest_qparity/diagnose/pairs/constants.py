"""Constant operands of a variant, dequantized, held against the float model's. In the worker, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.diagnose.measures import ConstantMeasure
from pytest_qparity.precision.pairs.folding import folded, value_of
from pytest_qparity.precision.pairs.quantizers import ConstantOperand, constant, constant_operands, fold_of
from pytest_qparity.quantmath import INTEGER_TYPES

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.precision.pairs.light_model import LightModel
    from pytest_qparity.precision.pairs.pairing import Pairing

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["constant_measures"]

_UNLIKE = 0.9  # cosine below which a channel is not its own rounded, even to 3 bits, so that another is looked for
_ALIKE = 0.95  # and above which it is another's
_MOST_CHANNELS = 4_096


def constant_measures(reference: LightModel, variant: LightModel, pairing: Pairing) -> Iterator[ConstantMeasure]:
    """One for each float operand that the variant has with the same shape, and not bit for bit."""
    absent = frozenset(pairing.absent)
    for operand in constant_operands(reference, variant, pairing):
        mine, theirs = value_of(reference, operand.mine), value_of(variant, operand.theirs)
        if mine is None or theirs is None or mine.dtype.kind != "f" or theirs.dtype.kind != "f":
            continue
        node = reference.nodes[operand.node]
        fold = fold_of(reference, node, absent)
        if fold is not None and operand.index in (1, 2):
            mine = folded(reference, node, fold)[operand.index - 1]
        is_turned = (
            _transposed(node) != _transposed(variant.nodes[pairing.counterpart(operand.node)]) and operand.index == 1
        )
        steps = _steps(variant, operand.theirs)
        if is_turned:
            theirs, steps = theirs.T, None if steps is None else steps.T
        if mine.shape == theirs.shape and not np.array_equal(mine, theirs):
            yield _measure(operand, node, mine.astype(np.float64), theirs.astype(np.float64), steps)


def channel_axis(node: NodeProto, index: int, rank: int) -> int | None:
    """Along which axis of an operand lie the channels of the node's output; None where it has none."""
    if index == 2 or rank == 1:
        return 0 if rank == 1 else None
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1
    if node.op_type in ("Gemm", "MatMul") and rank >= 2:
        is_last = (index == 1) != bool(_flag(node, "transB" if index == 1 else "transA"))
        return rank - 1 if is_last else rank - 2
    return None


def _steps(variant: LightModel, name: str) -> Array | None:
    """The step of each element of a constant that a DequantizeLinear makes of integer codes, of its shape (a view);
    None of any other."""
    node = variant.producers.get(name)
    if node is None or node.op_type != "DequantizeLinear":
        return None
    codes, scale = constant(variant, node.input[0]), constant(variant, node.input[1])
    if codes is None or scale is None or codes.dtype.name not in INTEGER_TYPES:
        return None
    attributes = {each.name: each.i for each in node.attribute}
    axis = attributes.get("axis", 1) % max(codes.ndim, 1)
    steps = np.abs(scale.astype(np.float64))
    if attributes.get("block_size"):
        steps = np.repeat(steps, attributes["block_size"], axis)
        return steps if steps.shape == codes.shape else None
    if steps.size > 1:
        steps = steps.reshape([-1 if each == axis else 1 for each in range(codes.ndim)])
    return np.broadcast_to(steps.reshape(steps.shape if steps.size > 1 else ()), codes.shape)


def _measure(
    operand: ConstantOperand, node: NodeProto, mine: Array, theirs: Array, steps: Array | None
) -> ConstantMeasure:
    axis = channel_axis(node, operand.index, mine.ndim)
    g, o = _by_channel(mine, axis), _by_channel(theirs, axis)
    golden, output = (np.einsum("ij,ij->i", each, each) for each in (g, o))
    dot, error = np.einsum("ij,ij->i", g, o), np.einsum("ij,ij->i", o - g, o - g)
    is_weight = operand.index <= 1 and node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul")
    role = "weight" if is_weight else "bias" if operand.index == 2 else "constant"
    return ConstantMeasure(
        node=operand.node,
        index=operand.index,
        tensor=operand.mine,
        role=role,
        shape=mine.shape,
        channel_axis=axis,
        golden=tuple(map(float, golden)),
        output=tuple(map(float, output)),
        error=tuple(map(float, error)),
        dot=tuple(map(float, dot)),
        steps=() if steps is None else tuple(map(float, (_by_channel(steps, axis) ** 2).sum(axis=1))),
        nearest=tuple(map(int, _nearest(g, o, golden, output, dot))) if role == "weight" else (),
    )


def _by_channel(array: Array, axis: int | None) -> Array:
    return array.reshape(1, -1) if axis is None else np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)


def _nearest(g: Array, o: Array, golden: Array, output: Array, dot: Array) -> Array:
    """For each channel the one of the float model's that it resembles most; its own where it does so at all."""
    found = np.arange(len(g))
    if g.shape[1] < 2 or len(g) > _MOST_CHANNELS:
        return found
    norms = np.sqrt(np.maximum(golden * output, np.finfo(np.float64).tiny))
    unlike = np.flatnonzero((np.abs(dot / norms) < _UNLIKE) & (golden > 0) & (output > 0))
    if unlike.size:
        cosines = (o[unlike] @ g.T) / np.sqrt(np.outer(output[unlike], np.where(golden > 0, golden, np.inf)))
        best = cosines.argmax(axis=1)
        found[unlike] = np.where(cosines.max(axis=1) > _ALIKE, best, unlike)
    return found


def _flag(node: NodeProto, name: str) -> int:
    return next((int(each.i) for each in node.attribute if each.name == name), 0)


def _transposed(node: NodeProto) -> int:
    return _flag(node, "transB") if node.op_type == "Gemm" else 0
