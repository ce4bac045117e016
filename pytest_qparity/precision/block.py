"""Block formats: MXFP8, MXFP4 and NVFP4, as TensorRT's importer takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from onnx import TensorProto

from pytest_qparity import quantmath
from pytest_qparity.precision.graph import PRODUCTS
from pytest_qparity.precision.placement.elements import ELEMENTS
from pytest_qparity.precision.placement.reach import hidden, inside_bodies, left_float
from pytest_qparity.precision.placement.selection import Weight, array_of, quantizable, weight_of
from pytest_qparity.precision.placement.writer import Writer
from pytest_qparity.precision.preparing import at_opset, prepared, serialized
from pytest_qparity.precision.whole_blocks import require_whole_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto

    from pytest_qparity.precision.recipes import BlockRecipe
    from pytest_qparity.quantmath import Range

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["TENSORRT_DOMAIN", "BlockJob"]

TENSORRT_DOMAIN = "trt"
_NVFP4 = "float8e4m3fn"  # the type of its block scales; those of MX formats are powers of two
_RULES = {"floor": quantmath.ScaleRule.FLOOR, "up": quantmath.ScaleRule.CEIL}
_E8M0_OPSET = 24


class BlockJob:
    """A float model on its way to a block format: weights in blocks ahead, activations in blocks at run time.

    Products of an activation with a constant are quantized along their axis of summation, convolutions stay float.
    Activations: `TRT_FP4DynamicQuantize`, whose tensor scale max |x| / (6 · 448) comes from calibration, or
    `TRT_MXFP8DynamicQuantize`. `model` is used up.
    """

    def __init__(self, model: ModelProto, recipe: BlockRecipe) -> None:
        self._recipe = recipe
        model, converted = at_opset(model, _least_opset(recipe), recipe.keep_float)
        self._model, folded = prepared(model, recipe.keep_float)
        self._nodes = [
            (node, weight)
            for node in quantizable(self._model.graph, frozenset(recipe.keep_float))
            if node.op_type in PRODUCTS and (weight := weight_of(node)) and _is_linear(node, weight)
        ]
        if recipe.activation is not None:  # what quantizes activations at run time takes whole blocks alone
            lengths = {str(node.name): _length(node, weight) for node, weight in self._nodes}
            require_whole_blocks(lengths, recipe.block, weights_alone=False)
        self.optional = inside_bodies(self._model.graph)
        self.notes = (*converted, *folded)

    @property
    def _needs_ranges(self) -> bool:
        return self._recipe.activation is not None and self._recipe.scale == _NVFP4

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the activations whose largest magnitude is needed."""
        if not self._needs_ranges:
            return ()
        names = dict.fromkeys(str(node.inputs[0].name) for node, _ in self._nodes if node.inputs[0] is not None)
        unseen = hidden(self._model.graph)
        return tuple(name for name in names if name not in unseen)

    @property
    def moved(self) -> Mapping[str, Mapping[str, bool]]:
        return {}  # each activation has its own

    def float_model(self) -> ModelProto:
        return ir.serde.serialize_model(self._model)

    def made(self, ranges: Mapping[str, Range]) -> ModelProto:
        """The model in its block format; `ranges` has one for each observed tensor, or none where it is `optional`."""
        known = [
            (node, weight)
            for node, weight in self._nodes
            if not self._needs_ranges or str(node.inputs[0].name) in ranges  # type: ignore[union-attr]
        ]
        self.notes += left_float([node for node, _ in self._nodes], [node for node, _ in known])
        writer = Writer(self._model.graph)
        blocks: dict[tuple[str, int], _Blocks] = {}
        weights: dict[tuple[str, int, int], ir.Value] = {}
        activations: dict[tuple[str, int], ir.Value] = {}
        for node, weight in known:
            activation, constant, graph = node.inputs[0], node.inputs[1], node.graph
            assert activation is not None
            assert constant is not None
            assert weight.reduction_axis is not None
            assert isinstance(graph, ir.Graph)
            key = str(constant.name), weight.reduction_axis
            if key not in blocks:
                blocks[key] = self._blocks(constant, weight.reduction_axis)
            if (*key, id(graph)) not in weights:
                weights[*key, id(graph)] = self._weight(writer, blocks[key], *key, graph)
            node.replace_input_with(1, weights[*key, id(graph)])
            if self._recipe.activation is not None:
                name = str(activation.name)
                if (name, id(graph)) not in activations:
                    activations[name, id(graph)] = self._activation(writer, activation, ranges.get(name), graph)
                node.replace_input_with(0, activations[name, id(graph)])
        if activations:
            self._model.opset_imports[TENSORRT_DOMAIN] = 1
        return serialized(self._model)

    def _blocks(self, value: ir.Value, axis: int) -> _Blocks:
        weight, recipe = array_of(value).astype(np.float32), self._recipe
        if recipe.scale == _NVFP4:
            tensor_scale = quantmath.blocks.nvfp4_tensor_scale(float(np.abs(weight).max(initial=0.0)))
            quantized = quantmath.quantize_nvfp4(weight, tensor_scale, axis, recipe.block)
            return _Blocks(quantized.elements, _above_zero(quantized.block_scales), np.asarray(tensor_scale))
        element = ELEMENTS[recipe.weight].kind
        assert isinstance(element, quantmath.FloatFormat)
        mx = quantmath.quantize_mx(weight, element, _RULES[recipe.scale_rule], axis, recipe.block)
        # TensorRT's node takes bytes for scales.
        return _Blocks(mx.elements, mx.scales if recipe.activation is None else mx.scales.view(np.uint8))

    def _weight(self, writer: Writer, blocks: _Blocks, name: str, axis: int, graph: ir.Graph) -> ir.Value:
        scale = writer.constant(f"{name}_scale", blocks.scales, graph)
        if blocks.factor is not None:
            factor = writer.constant(f"{name}_tensor_scale", blocks.factor, graph)
            codes = writer.constant(f"{name}_quantized", blocks.elements, graph)
            return self._nvfp4_dequantized(writer, (codes, scale, factor), name, axis, graph)
        codes = writer.constant(f"{name}_quantized", blocks.elements, graph)
        if self._recipe.activation is not None:
            return self._mxfp8_dequantized(writer, (codes, scale), name, axis, graph)
        attributes = {"axis": axis, "block_size": self._recipe.block, "output_dtype": TensorProto.FLOAT}
        return writer.node("DequantizeLinear", [codes, scale], [_dequantized(name)], graph, attributes)[0]

    def _activation(self, writer: Writer, value: ir.Value, range_: Range | None, graph: ir.Graph) -> ir.Value:
        name, block = str(value.name), self._recipe.block
        if self._recipe.scale != _NVFP4:
            codes, scale = writer.node(
                "TRT_MXFP8DynamicQuantize",
                [value],
                [(f"{name}_quantized", TensorProto.FLOAT8E4M3FN), (f"{name}_scale", TensorProto.UINT8)],
                graph,
                {"axis": -1, "block_size": block, "output_dtype": TensorProto.FLOAT8E4M3FN},
                domain=TENSORRT_DOMAIN,
            )
            return self._mxfp8_dequantized(writer, (codes, scale), name, -1, graph)
        assert range_ is not None
        tensor_scale = quantmath.blocks.nvfp4_tensor_scale(max(-range_.low, range_.high))
        factor = writer.constant(f"{name}_tensor_scale", np.asarray(tensor_scale), graph)
        codes, scale = writer.node(
            "TRT_FP4DynamicQuantize",
            [value, factor],
            [(f"{name}_quantized", TensorProto.FLOAT4E2M1), (f"{name}_scale", TensorProto.FLOAT8E4M3FN)],
            graph,
            {"axis": -1, "block_size": block, "scale_type": TensorProto.FLOAT8E4M3FN},
            domain=TENSORRT_DOMAIN,
        )
        return self._nvfp4_dequantized(writer, (codes, scale, factor), name, -1, graph)

    def _nvfp4_dequantized(
        self, writer: Writer, given: tuple[ir.Value, ir.Value, ir.Value], name: str, axis: int, graph: ir.Graph
    ) -> ir.Value:
        codes, scale, factor = given
        (real,) = writer.node("DequantizeLinear", [scale, factor], [(f"{name}_block_scale", TensorProto.FLOAT)], graph)
        attributes = {"axis": axis, "block_size": self._recipe.block}
        return writer.node("DequantizeLinear", [codes, real], [_dequantized(name)], graph, attributes)[0]

    def _mxfp8_dequantized(
        self, writer: Writer, given: tuple[ir.Value, ir.Value], name: str, axis: int, graph: ir.Graph
    ) -> ir.Value:
        attributes = {"axis": axis, "block_size": self._recipe.block, "output_dtype": TensorProto.FLOAT}
        operator, outputs = "TRT_MXFP8DequantizeLinear", [_dequantized(name)]
        return writer.node(operator, given, outputs, graph, attributes, domain=TENSORRT_DOMAIN)[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """The codes of a weight, the scales of its blocks, and the scale of these where there are two."""

    elements: Array
    scales: Array
    factor: Array | None = None


def _length(node: ir.Node, weight: Weight) -> int:
    """Of the axis of summation."""
    value = node.inputs[weight.index]
    assert value is not None
    assert weight.reduction_axis is not None
    return int(array_of(value).shape[weight.reduction_axis])


def _above_zero(scales: Array) -> Array:
    """The smallest scale in the place of 0: a block of zeros is one at any scale, and a scale of 0 is none."""
    codes = scales.view(np.uint8)
    return np.asarray(np.where(codes == 0, np.uint8(1), codes).astype(np.uint8).view(scales.dtype))


def _dequantized(name: str) -> tuple[str, int]:
    return f"{name}_dequantized", TensorProto.FLOAT


def _least_opset(recipe: BlockRecipe) -> int:
    return _E8M0_OPSET if recipe.activation is None else ELEMENTS[recipe.weight].opset


def _is_linear(node: ir.Node, weight: Weight) -> bool:
    """An activation, summed along its last axis, times a constant: the layout that dynamic quantization is for."""
    transposed = node.op_type == "Gemm" and bool(node.attributes.get_int("transA", 0))
    return weight.index == 1 and weight.reduction_axis is not None and not transposed
