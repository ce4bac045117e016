"""Room for biases: an engine adds them as int32 in steps of their products, and a nearly dead channel has tiny ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.placement.selection import array_of, is_constant

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from pytest_qparity.precision.placement.planning import Plan, QuantizedNode, Scheme

    Array = np.ndarray[Any, np.dtype[Any]]
    WeightKey = tuple[str, int | None]  # name of a weight, axis of its scales

__all__ = ["least_weight_scales", "with_room"]

_LARGEST_CODE = 2.0**30  # of a bias: half of int32, so that the products have the other half


def least_weight_scales(
    plan: Plan, input_scales: Mapping[tuple[int, int], Array], scheme: Scheme
) -> dict[WeightKey, Array]:
    """|bias| / (2³⁰ · scale of input) for each scale of each weight: what lets |bias| / (scale of input · scale of
    weight) stay within 2³⁰. float64, 0 where nothing is added.

    It holds for biases that the file leaves float, too: ONNX Runtime makes them int32 of this scale and lets them
    overflow. Of a weight that several nodes read it is the largest. `input_scales`: by id of the node and input index.
    """
    least: dict[WeightKey, Array] = {}
    for quantized in plan.nodes:
        integers = scheme.weight.is_integer and scheme.activation_of(quantized.node).is_integer
        if quantized.weight is None or not integers:
            continue
        weight = quantized.node.inputs[quantized.weight.index]
        assert weight is not None
        axis = quantized.weight.channel_axis if scheme.per_channel else None
        channels = None if axis is None else array_of(weight).shape[axis]
        scale = input_scales[id(quantized.node), 1 - quantized.weight.index].astype(np.float64)
        for bias in _added(quantized):
            magnitude = _per_channel(bias, channels)
            if magnitude is not None:
                key = (str(weight.name), axis)
                needed = np.minimum(magnitude / (_LARGEST_CODE * scale), np.finfo(np.float32).max)
                least[key] = np.maximum(least.get(key, 0.0), needed)
    return least


def with_room(scale: Array, weight_ends: Array, least: Array) -> Array:
    """The scales of a weight, enlarged to `least`; a channel of zeros, whose scale is free, takes it as it is.

    `weight_ends`: the largest magnitude in each channel.
    """
    return np.where((weight_ends == 0.0) & (least > 0.0), least, np.maximum(scale, least)).astype(scale.dtype)


def _added(quantized: QuantizedNode) -> list[ir.Value]:
    """Constants that are added to a product: the node's own bias, or what an Add behind a MatMul adds, from which ONNX
    Runtime makes a Gemm."""
    node = quantized.node
    if quantized.bias is not None:
        bias = node.inputs[quantized.bias]
        return [] if bias is None else [bias]
    readers = node.outputs[0].uses() if node.op_type == "MatMul" else ()
    adds = [use.node for use in readers if use.node.op_type == "Add" and use.node.domain == ""]
    return [value for add in adds for value in add.inputs if value is not None and is_constant(value)]


def _per_channel(bias: ir.Value, channels: int | None) -> Array | None:
    """The largest magnitude that is added to each of the channels, the last axis of what is added (None: to any);
    None where it does not spread over them."""
    magnitude = np.abs(array_of(bias).astype(np.float64))
    if not magnitude.size or not np.isfinite(magnitude).all():
        return None
    if channels is None:
        return np.asarray(magnitude.max())
    rows = magnitude.reshape(-1, magnitude.shape[-1] if magnitude.ndim else 1).max(axis=0)
    return np.broadcast_to(rows, (channels,)) if rows.size in (1, channels) else None
