"""Block formats: MXFP8, MXFP4 and NVFP4, as TensorRT's importer takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from onnx import TensorProto

from pytest_qparity import quantmath
from pytest_qparity.precision.graph import PRODUCTS
from pytest_qparity.precision.placement.elements import ELEMENTS
from pytest_qparity.precision.placement.selection import Weight, array_of, quantizable, weight_of
from pytest_qparity.precision.placement.writing import Writer
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
        self.notes = (*converted, *folded)

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the activations whose largest magnitude is needed."""
        if self._recipe.activation is None or self._recipe.scale != _NVFP4:
            return ()
        return tuple(dict.fromkeys(str(node.inputs[0].name) for node, _ in self._nodes if node.inputs[0] is not None))

    @property
    def moved(self) -> Mapping[str, Mapping[str, bool]]:
        return {}  # each activation has its own

    def float_model(self) -> ModelProto:
        return ir.serde.serialize_model(self._model)

    def made(self, ranges: Mapping[str, Range]) -> ModelProto:
        """The model in its block format; `ranges` has one for each observed tensor."""
        writer = Writer(self._model.graph)
        weights: dict[tuple[str, int], ir.Value] = {}
        activations: dict[str, ir.Value] = {}
        for node, weight in self._nodes:
            activation, constant = node.inputs[0], node.inputs[1]
            assert activation is not None
            assert constant is not None
            assert weight.reduction_axis is not None
            key = str(constant.name), weight.reduction_axis
            if key not in weights:
                weights[key] = self._weight(writer, constant, weight.reduction_axis)
            node.replace_input_with(1, weights[key])
            if self._recipe.activation is not None:
                name = str(activation.name)
                if name not in activations:
                    activations[name] = self._activation(writer, activation, ranges.get(name))
                node.replace_input_with(0, activations[name])
        if activations:
            self._model.opset_imports[TENSORRT_DOMAIN] = 1
        return serialized(self._model)

    def _weight(self, writer: Writer, value: ir.Value, axis: int) -> ir.Value:
        weight, name, recipe = array_of(value).astype(np.float32), str(value.name), self._recipe
        if recipe.scale == _NVFP4:
            tensor_scale = quantmath.blocks.nvfp4_tensor_scale(float(np.abs(weight).max(initial=0.0)))
            quantized = quantmath.quantize_nvfp4(weight, tensor_scale, axis, recipe.block)
            scale = writer.constant(f"{name}_scale", _above_zero(quantized.block_scales))
            factor = writer.constant(f"{name}_tensor_scale", np.asarray(tensor_scale))
            codes = writer.constant(f"{name}_quantized", quantized.elements)
            return self._nvfp4_dequantized(writer, codes, scale, factor, name, axis)
        element = ELEMENTS[recipe.weight].kind
        assert isinstance(element, quantmath.FloatFormat)
        mx = quantmath.quantize_mx(weight, element, _RULES[recipe.scale_rule], axis, recipe.block)
        codes = writer.constant(f"{name}_quantized", mx.elements)
        if recipe.activation is not None:
            scale = writer.constant(f"{name}_scale", mx.scales.view(np.uint8))
            return self._mxfp8_dequantized(writer, codes, scale, name, axis)
        scale = writer.constant(f"{name}_scale", mx.scales)
        attributes = {"axis": axis, "block_size": recipe.block, "output_dtype": TensorProto.FLOAT}
        return writer.node("DequantizeLinear", [codes, scale], [_dequantized(name)], attributes)[0]

    def _activation(self, writer: Writer, value: ir.Value, range_: Range | None) -> ir.Value:
        name, block = str(value.name), self._recipe.block
        if self._recipe.scale != _NVFP4:
            codes, scale = writer.node(
                "TRT_MXFP8DynamicQuantize",
                [value],
                [(f"{name}_quantized", TensorProto.FLOAT8E4M3FN), (f"{name}_scale", TensorProto.UINT8)],
                {"axis": -1, "block_size": block, "output_dtype": TensorProto.FLOAT8E4M3FN},
                domain=TENSORRT_DOMAIN,
            )
            return self._mxfp8_dequantized(writer, codes, scale, name, -1)
        assert range_ is not None
        tensor_scale = quantmath.blocks.nvfp4_tensor_scale(max(-range_.low, range_.high))
        factor = writer.constant(f"{name}_tensor_scale", np.asarray(tensor_scale))
        codes, scale = writer.node(
            "TRT_FP4DynamicQuantize",
            [value, factor],
            [(f"{name}_quantized", TensorProto.FLOAT4E2M1), (f"{name}_scale", TensorProto.FLOAT8E4M3FN)],
            {"axis": -1, "block_size": block, "scale_type": TensorProto.FLOAT8E4M3FN},
            domain=TENSORRT_DOMAIN,
        )
        return self._nvfp4_dequantized(writer, codes, scale, factor, name, -1)

    def _nvfp4_dequantized(
        self, writer: Writer, codes: ir.Value, scale: ir.Value, factor: ir.Value, name: str, axis: int
    ) -> ir.Value:
        (real,) = writer.node("DequantizeLinear", [scale, factor], [(f"{name}_block_scale", TensorProto.FLOAT)])
        attributes = {"axis": axis, "block_size": self._recipe.block}
        return writer.node("DequantizeLinear", [codes, real], [_dequantized(name)], attributes)[0]

    def _mxfp8_dequantized(self, writer: Writer, codes: ir.Value, scale: ir.Value, name: str, axis: int) -> ir.Value:
        attributes = {"axis": axis, "block_size": self._recipe.block, "output_dtype": TensorProto.FLOAT}
        inputs, outputs = [codes, scale], [_dequantized(name)]
        return writer.node("TRT_MXFP8DequantizeLinear", inputs, outputs, attributes, domain=TENSORRT_DOMAIN)[0]


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
