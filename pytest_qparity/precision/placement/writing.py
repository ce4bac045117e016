"""Writing a plan into its graph: Q/DQ nodes around activations, dequantized constants in the place of weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity import quantmath
from pytest_qparity.precision.placement.bias_room import least_weight_scales, with_room
from pytest_qparity.precision.placement.elements import Parameters
from pytest_qparity.precision.placement.selection import array_of, bounds_of
from pytest_qparity.precision.placement.writer import QuantizedConstant, Writer
from pytest_qparity.quantmath import PerAxis, PerTensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from pytest_qparity.precision.placement.bias_room import WeightKey
    from pytest_qparity.precision.placement.planning import Activation, Plan, QuantizedNode, Scheme
    from pytest_qparity.quantmath import Range

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["write"]


def write(graph: ir.Graph, plan: Plan, ranges: Mapping[str, Range], scheme: Scheme, *, integer_bias: bool) -> None:
    """Quantize what the plan says, in place; `ranges` has one for each tensor that the plan wants observed.

    Activations: scale and zero point per tensor, from the range of their root. Weights: symmetric, per output channel
    where the scheme says so, with scales that leave their bias room in int32 (`bias_room`). Biases, where they are to
    be integers: int32, scale = scale of input · scale of weight (Jacob et al. 2018, §2.4).
    """
    writer = Writer(graph)
    written = {
        id(activation): _activation(writer, activation, _of_range(activation, ranges, scheme))
        for activation in plan.activations
    }
    scales = {
        (id(node), index): written[id(activation)].scale
        for activation in plan.activations
        for node, index in activation.readers
    }
    weights = _Weights(writer, scheme, least_weight_scales(plan, scales, scheme))
    for quantized in plan.nodes:
        weight_scale = weights.quantize(quantized)
        if integer_bias and quantized.bias is not None and quantized.weight is not None:
            input_scale = scales[id(quantized.node), 1 - quantized.weight.index]
            _bias(writer, quantized, input_scale, weight_scale)


def _of_range(activation: Activation, ranges: Mapping[str, Range], scheme: Scheme) -> Parameters:
    """Where zero points are free, a range from elsewhere, as a symmetric one behind a Relu, ends where its values do:
    ONNX Runtime fuses a Relu with its convolution only where its zero is the lowest code."""
    range_ = ranges[str(activation.root.name)]
    low, high = range_.low, range_.high
    if not scheme.symmetric:
        smallest, largest = bounds_of(activation.root)
        low, high = min(max(low, smallest), 0.0), max(min(high, largest), 0.0)
    return activation.element.parameters(np.asarray(low), np.asarray(high), symmetric=scheme.symmetric)


def _activation(writer: Writer, activation: Activation, parameters: Parameters) -> Parameters:
    """Q/DQ nodes behind what makes the tensor, or at the head of the body that reads one from around it: engines fuse
    nodes of one graph alone."""
    value = activation.value
    readers = activation.readers
    if activation.everywhere:
        readers = [(use.node, use.idx) for use in value.uses() if use.node not in activation.apart]
    real = writer.quantized(value, parameters, activation.element.data_type, activation.graph)
    for node, index in readers:
        node.replace_input_with(index, real)
    if activation.everywhere and value.is_graph_output():
        writer.take_output(value, real)
    return parameters


class _Weights:
    """Weights that are quantized once, whoever reads them."""

    def __init__(self, writer: Writer, scheme: Scheme, least: Mapping[WeightKey, Array]) -> None:
        self._writer, self._scheme, self._least = writer, scheme, least
        self._done: dict[WeightKey, tuple[QuantizedConstant, Array]] = {}

    def quantize(self, quantized: QuantizedNode) -> Array:
        """The scale of the node's weight, the least that its biases want or more."""
        weight, scheme = quantized.weight, self._scheme
        if weight is None:
            return np.ones((), np.float32)
        value = quantized.node.inputs[weight.index]
        assert value is not None
        axis = weight.channel_axis if scheme.per_channel else None
        key = (str(value.name), axis)
        if key not in self._done:
            self._done[key] = self._codes(value, axis, self._least.get(key, np.zeros(())))
        constant, scale = self._done[key]
        quantized.node.replace_input_with(weight.index, self._writer.dequantized(constant, quantized.node.graph))
        return scale

    def _codes(self, value: ir.Value, axis: int | None, least: Array) -> tuple[QuantizedConstant, Array]:
        weight, element = array_of(value).astype(np.float32), self._scheme.weight
        others = tuple(each for each in range(weight.ndim) if each != axis) if axis is not None else None
        # A range twice as wide as the weights' leaves one bit of their codes unused.
        wider = np.float32(1 << (8 - self._scheme.weight_bits))
        low, high = weight.min(axis=others, initial=0.0) * wider, weight.max(axis=others, initial=0.0) * wider
        parameters = element.parameters(np.asarray(low), np.asarray(high), symmetric=True)
        parameters = replace(parameters, scale=with_room(parameters.scale, np.maximum(high, -low), least))
        layout = PerTensor() if axis is None else PerAxis(axis)
        codes = element.codes(weight, parameters, layout)
        return QuantizedConstant(value, codes, parameters, layout), parameters.scale


def _bias(writer: Writer, quantized: QuantizedNode, input_scale: Array, weight_scale: Array) -> None:
    assert quantized.bias is not None
    value = quantized.node.inputs[quantized.bias]
    assert value is not None
    bias = array_of(value)
    scale = (input_scale.astype(np.float32) * weight_scale.astype(np.float32)).astype(np.float32)
    if bias.ndim != 1 or (scale.ndim and scale.shape != bias.shape) or not (scale > 0).all():
        return
    steps = np.rint(bias.astype(np.float64) / scale)
    if np.abs(steps).max(initial=0.0) > quantmath.INT32.highest:
        return
    layout = PerAxis(0) if scale.ndim else PerTensor()
    parameters = Parameters(scale, np.zeros(scale.shape, np.int32))
    constant = QuantizedConstant(value, steps.astype(np.int32), parameters, layout)
    quantized.node.replace_input_with(quantized.bias, writer.dequantized(constant, quantized.node.graph))
