"""Writing a plan into its graph: Q/DQ nodes around activations, dequantized constants in the place of weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from onnx import TensorProto

from pytest_qparity import quantmath
from pytest_qparity.precision.placement.bias_room import least_weight_scales, with_room
from pytest_qparity.precision.placement.selection import array_of, bounds_of
from pytest_qparity.quantmath import Blocked, PerAxis, PerTensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_qparity.precision.placement.bias_room import WeightKey
    from pytest_qparity.precision.placement.elements import Parameters
    from pytest_qparity.precision.placement.planning import Activation, Plan, QuantizedNode, Scheme
    from pytest_qparity.quantmath import Layout, Range

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Writer", "write"]


def write(graph: ir.Graph, plan: Plan, ranges: Mapping[str, Range], scheme: Scheme, *, integer_bias: bool) -> None:
    """Quantize what the plan says, in place; `ranges` has one for each tensor that the plan wants observed.

    Activations: scale and zero point per tensor, from the range of their root. Weights: symmetric, per output channel
    where the scheme says so, with scales that leave their bias room in int32 (`bias_room`). Biases, where they are to
    be integers: int32, scale = scale of input · scale of weight (Jacob et al. 2018, §2.4).
    """
    writer = Writer(graph)
    written = {
        id(activation): writer.activation(activation, _of_range(activation, ranges, scheme))
        for activation in plan.activations
    }
    scales = {
        (id(node), index): written[id(activation)].scale
        for activation in plan.activations
        for node, index in activation.readers
    }
    least = least_weight_scales(plan, scales, scheme)
    for quantized in plan.nodes:
        weight_scale = writer.weight(quantized, scheme, least)
        if integer_bias and quantized.bias is not None and quantized.weight is not None:
            input_scale = scales[id(quantized.node), 1 - quantized.weight.index]
            writer.bias(quantized, input_scale, weight_scale)


def _of_range(activation: Activation, ranges: Mapping[str, Range], scheme: Scheme) -> Parameters:
    """Where zero points are free, a range from elsewhere, as a symmetric one behind a Relu, ends where its values do:
    ONNX Runtime fuses a Relu with its convolution only where its zero is the lowest code."""
    range_ = ranges[str(activation.root.name)]
    low, high = range_.low, range_.high
    if not scheme.symmetric:
        smallest, largest = bounds_of(activation.root)
        low, high = min(max(low, smallest), 0.0), max(min(high, largest), 0.0)
    return activation.element.parameters(np.asarray(low), np.asarray(high), symmetric=scheme.symmetric)


class Writer:
    """New nodes and constants of a graph, with names that it has not yet."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._taken = _names_of(graph)
        self._weights: dict[tuple[str, int | None], tuple[ir.Value, Array]] = {}

    def activation(self, activation: Activation, parameters: Parameters) -> Parameters:
        value = activation.value
        readers = list(value.uses()) if activation.everywhere else activation.readers
        scale = self.constant(f"{value.name}_scale", parameters.scale)
        zero_point = self.constant(f"{value.name}_zero_point", parameters.zero_point)
        quantize = ir.node("QuantizeLinear", [value, scale, zero_point], name=self._new(f"{value.name}_QuantizeLinear"))
        codes = self._named(quantize.outputs[0], f"{value.name}_quantized", activation.element.data_type, value.shape)
        dequantize = ir.node(
            "DequantizeLinear", [codes, scale, zero_point], name=self._new(f"{value.name}_DequantizeLinear")
        )
        real = self._named(dequantize.outputs[0], f"{value.name}_dequantized", TensorProto.FLOAT, value.shape)
        self._insert_behind(value, [quantize, dequantize])
        for node, index in readers:
            node.replace_input_with(index, real)
        if activation.everywhere and value.is_graph_output():
            self._take_output(value, real)
        return parameters

    def weight(self, quantized: QuantizedNode, scheme: Scheme, least: Mapping[WeightKey, Array]) -> Array:
        """The scale of the node's weight, `least` or more."""
        weight = quantized.weight
        if weight is None:
            return np.ones((), np.float32)
        value = quantized.node.inputs[weight.index]
        assert value is not None
        axis = weight.channel_axis if scheme.per_channel else None
        key = (str(value.name), axis)
        if key not in self._weights:
            self._weights[key] = self._quantized_weight(value, axis, scheme, least.get(key, np.zeros(())))
        real, scale = self._weights[key]
        quantized.node.replace_input_with(weight.index, real)
        return scale

    def bias(self, quantized: QuantizedNode, input_scale: Array, weight_scale: Array) -> None:
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
        codes = self.constant(f"{value.name}_quantized", steps.astype(np.int32))
        factor = self.constant(f"{value.name}_scale", scale)
        zero = self.constant(f"{value.name}_zero_point", np.zeros(scale.shape, np.int32))
        real = self._dequantize(codes, factor, zero, value, _attributes(layout))
        quantized.node.replace_input_with(quantized.bias, real)

    def _quantized_weight(
        self, value: ir.Value, axis: int | None, scheme: Scheme, least: Array
    ) -> tuple[ir.Value, Array]:
        weight, element = array_of(value).astype(np.float32), scheme.weight
        others = tuple(each for each in range(weight.ndim) if each != axis) if axis is not None else None
        # A range twice as wide as the weights' leaves one bit of their codes unused.
        wider = np.float32(1 << (8 - scheme.weight_bits))
        low, high = weight.min(axis=others, initial=0.0) * wider, weight.max(axis=others, initial=0.0) * wider
        parameters = element.parameters(np.asarray(low), np.asarray(high), symmetric=True)
        scale = with_room(parameters.scale, np.maximum(high, -low), least)
        parameters = replace(parameters, scale=scale)
        layout = PerTensor() if axis is None else PerAxis(axis)
        codes = element.codes(weight, parameters, layout)
        return self.dequantized_constant(value, codes, parameters, layout), parameters.scale

    def dequantized_constant(self, value: ir.Value, codes: Array, parameters: Parameters, layout: Layout) -> ir.Value:
        """DequantizeLinear of new constants, which takes the place of `value` in its readers."""
        scale = self.constant(f"{value.name}_scale", parameters.scale)
        zero_point = self.constant(f"{value.name}_zero_point", parameters.zero_point)
        quantized = self.constant(f"{value.name}_quantized", codes)
        return self._dequantize(quantized, scale, zero_point, value, _attributes(layout))

    def _dequantize(
        self, codes: ir.Value, scale: ir.Value, zero_point: ir.Value, of: ir.Value, attributes: Mapping[str, Any]
    ) -> ir.Value:
        node = ir.node(
            "DequantizeLinear", [codes, scale, zero_point], attributes, name=self._new(f"{of.name}_DequantizeLinear")
        )
        real = self._named(node.outputs[0], f"{of.name}_dequantized", TensorProto.FLOAT, of.shape)
        self._graph.insert_before(self._graph[0], node)
        return real

    def constant(self, name: str, array: Array) -> ir.Value:
        new = self._new(name)
        tensor = ir.tensor(array, name=new)
        value = ir.Value(name=new, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
        self._graph.register_initializer(value)
        return value

    def node(
        self,
        operator: str,
        inputs: Sequence[ir.Value],
        outputs: Sequence[tuple[str, int]],
        attributes: Mapping[str, int] | None = None,
        domain: str = "",
    ) -> tuple[ir.Value, ...]:
        """A node behind its inputs, with outputs of these names (or near) and types."""
        node = ir.node(
            operator,
            list(inputs),
            attributes,
            domain=domain,
            num_outputs=len(outputs),
            name=self._new(f"{outputs[0][0]}_{operator}"),
        )
        for value, (name, data_type) in zip(node.outputs, outputs, strict=True):
            self._named(value, name, data_type, None)
        makers = [value for value in inputs if value.producer() is not None]
        last = max(makers, key=lambda value: self._graph.index(value.producer()), default=None)
        self._insert_behind(inputs[0] if last is None else last, [node])
        return tuple(node.outputs)

    def cast(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        """A cast of the value, behind what makes it."""
        node = ir.node("Cast", [value], {"to": int(dtype)}, name=self._new(f"{value.name}_Cast"))
        result = self._named(node.outputs[0], f"{value.name}_{dtype.name.lower()}", int(dtype), value.shape)
        self._insert_behind(value, [node])
        return result

    def widened(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        """The value becomes one of `dtype`, under another name; a cast back to float32 takes its name and readers."""
        node = ir.node("Cast", [value], {"to": int(ir.DataType.FLOAT)}, name=self._new(f"{value.name}_Cast"))
        wide = node.outputs[0]
        wide.type, wide.shape = ir.TensorType(ir.DataType.FLOAT), value.shape
        for user, index in list(value.uses()):
            if user is not node:
                user.replace_input_with(index, wide)
        self._give(wide, value)
        name = str(value.name)
        value.name, value.type = self._new(f"{name}_{dtype.name.lower()}"), ir.TensorType(dtype)
        wide.name = name
        self._insert_behind(value, [node])
        return wide

    def _insert_behind(self, value: ir.Value, nodes: list[ir.Node]) -> None:
        producer = value.producer()
        if producer is None:
            self._graph.insert_before(self._graph[0], nodes)
        else:
            self._graph.insert_after(producer, nodes)

    def _take_output(self, value: ir.Value, real: ir.Value) -> None:
        """The graph gives the dequantized values under the name that its users know."""
        name = str(value.name)
        self._give(real, value)
        value.name = self._new(f"{name}_float")
        real.name = name

    def _give(self, value: ir.Value, instead_of: ir.Value) -> None:
        for index, output in enumerate(self._graph.outputs):
            if output is instead_of:
                self._graph.outputs[index] = value

    def _named(self, value: ir.Value, name: str, data_type: int, shape: ir.Shape | None) -> ir.Value:
        value.name = self._new(name)
        value.type = ir.TensorType(ir.DataType(data_type))
        value.shape = shape
        return value

    def _new(self, name: str) -> str:
        candidate, more = name, 0
        while candidate in self._taken:
            more += 1
            candidate = f"{name}_{more}"
        self._taken.add(candidate)
        return candidate


def _attributes(layout: Layout) -> dict[str, int]:
    match layout:
        case PerTensor():
            return {}
        case PerAxis(axis):
            return {"axis": axis}
        case Blocked(axis, block):
            return {"axis": axis, "block_size": block}


def _names_of(graph: ir.Graph) -> set[str]:
    """Names of nodes and tensors, those of subgraphs included: a name shadows none."""
    taken = {str(value.name) for value in (*graph.inputs, *graph.initializers.values())}
    for node in graph.all_nodes():
        taken.add(str(node.name))
        taken.update(str(output.name) for output in node.outputs)
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                subgraph = attribute.as_graph()
                taken.update(str(value.name) for value in (*subgraph.inputs, *subgraph.initializers.values()))
    return taken
