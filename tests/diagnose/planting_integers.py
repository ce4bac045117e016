"""Defects planted into files with operators on integers: ONNX Runtime's QOperator format, and dynamic quantization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

from tests.diagnose.planting import Planted, Sound, _chosen, calibration_data
from tests.diagnose.sides import Reader, constants, save, set_constant

SUFFIX = "_quant"  # what ONNX Runtime's quantizer puts behind the name of a node
INTEGER = ("QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "MatMulInteger")
EVERY = ("mlp", "cnn", "residual", "transformer", "branches")


@dataclass(frozen=True)
class Layer:
    """A node with a constant weight. node: of the float model; axis: of its output channels; bias: "" where none is
    codes; scale: of the weight."""

    node: str
    weight: str
    scale: str
    bias: str
    axis: int


def qoperator(plant: Sound) -> onnx.ModelProto:
    source, target = save(plant.model, plant.folder / "made_float.onnx"), plant.folder / "made_qoperator.onnx"
    quantize_static(
        source,
        target,
        Reader({"input": calibration_data(plant.kind, plant.seed)}),
        quant_format=QuantFormat.QOperator,
        per_channel=bool(plant.seed % 2),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return onnx.load(target)


def dynamic(plant: Sound) -> onnx.ModelProto:
    source, target = save(plant.model, plant.folder / "made_float.onnx"), plant.folder / "made_dynamic.onnx"
    quantize_dynamic(source, target, weight_type=QuantType.QInt8 if plant.seed % 2 else QuantType.QUInt8)
    return onnx.load(target)


def layers(model: onnx.ModelProto) -> list[Layer]:
    held, found = constants(model), []
    for node in model.graph.node:
        if node.op_type not in INTEGER:
            continue
        is_dynamic = node.op_type.endswith("Integer")
        weight = node.input[1] if is_dynamic else node.input[3]
        if weight not in held:
            continue
        scale = weight.removesuffix("_quantized") + "_scale" if is_dynamic else node.input[4]
        place = {"QLinearConv": 8, "QGemm": 6}.get(node.op_type, len(node.input))
        bias = node.input[place] if place < len(node.input) else ""
        transposed = any(each.name == "transB" and each.i for each in node.attribute)
        axis = 0 if "Conv" in node.op_type or transposed else 1
        found.append(Layer(_of_float(node), weight, scale, bias, axis))
    return found


def _of_float(node: onnx.NodeProto) -> str:
    """The float model's node: dynamic quantization makes a Gemm a product and a sum."""
    return node.name.removesuffix(SUFFIX).removesuffix("_MatMul")


def _zero(model: onnx.ModelProto, layer: Layer) -> int:
    held = constants(model)
    name = layer.weight.removesuffix("_quantized") + "_zero_point"
    return int(np.asarray(held[name]).reshape(-1)[0]) if name in held else 0


def _with_codes(model: onnx.ModelProto, layer: Layer, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """`change` works on codes less the zero point, output channels in front."""
    codes, zero = constants(model)[layer.weight], _zero(model, layer)
    moved = change(np.moveaxis(codes.astype(np.int32) - zero, layer.axis, 0).copy()) + zero
    limits = np.iinfo(codes.dtype)
    array = np.clip(np.moveaxis(moved, 0, layer.axis), limits.min, limits.max).astype(codes.dtype)
    set_constant(model, layer.weight, array)


def _flipped(plant: Sound, model: onnx.ModelProto) -> Planted:
    layer = _chosen(plant, layers(model))

    def change(codes: np.ndarray) -> np.ndarray:
        codes[int(plant.random.integers(len(codes)))] *= -1
        return codes

    _with_codes(model, layer, change)
    return plant.planted("flipped channel", "flipped-channel", [layer.node], model)


def _swapped(plant: Sound, model: onnx.ModelProto) -> Planted:
    layer = _chosen(plant, [each for each in layers(model) if constants(model)[each.scale].size == 1])

    def change(codes: np.ndarray) -> np.ndarray:
        first, second = plant.random.choice(len(codes), 2, replace=False)
        codes[[first, second]] = codes[[second, first]]
        return codes

    _with_codes(model, layer, change)
    return plant.planted("swapped channels", "swapped-channels", [layer.node], model)


def _rescaled(plant: Sound, model: onnx.ModelProto) -> Planted:
    layer = _chosen(plant, layers(model))
    factor = plant.random.uniform(1.5, 3.0)
    held = constants(model)
    set_constant(model, layer.scale, (held[layer.scale] * factor).astype(np.float32))
    if layer.bias:  # whose scale is that of the weight, too
        set_constant(model, layer.bias, np.rint(held[layer.bias] / factor).astype(np.int32))
    return plant.planted("weight scale", "wrong-weight-scale", [layer.node], model)


def _noisy(plant: Sound, model: onnx.ModelProto) -> Planted:
    layer = _chosen(plant, layers(model))
    steps = plant.random.uniform(5, 9)
    _with_codes(
        model, layer, lambda codes: np.rint(codes + plant.random.normal(0, steps, codes.shape)).astype(np.int32)
    )
    return plant.planted("weight noise", "wrong-weight", [layer.node], model)


def qoperator_bias(plant: Sound) -> Planted:
    """A layer's bias 5 to 10 times what it is."""
    model = qoperator(plant)
    layer = _chosen(plant, [each for each in layers(model) if each.bias])
    codes = constants(model)[layer.bias] * plant.random.uniform(5, 10)
    set_constant(model, layer.bias, np.rint(codes).astype(np.int32))
    return plant.planted("wrong bias", "wrong-bias", [layer.node], model)


def qoperator_range(plant: Sound) -> Planted:
    """What a layer gives has a range 6 to 12 times too small; biases of what reads it have its scale, and follow."""
    model, factor = qoperator(plant), 1.0 / plant.random.uniform(6, 12)
    held = constants(model)
    places = {"QLinearConv": 6, "QGemm": 7}  # of the scale of what it gives
    makers = [node for node in model.graph.node if node.op_type in places]
    scales = {node.input[places[node.op_type]]: node for node in makers}
    outputs = {value.name for value in model.graph.output}
    choices = []
    for scale, node in scales.items():
        readers = [each for each in model.graph.node if {scale, node.output[0]} & set(each.input)]
        readers = [each for each in readers if each.name != node.name]
        products = [each for each in readers if each.op_type in INTEGER and each.input[1] == scale]
        if products and node.output[0] not in outputs:
            choices.append((scale, products, readers))
    scale, products, readers = _chosen(plant, choices)
    set_constant(model, scale, (held[scale] * factor).astype(np.float32))
    for node in products:
        place = {"QLinearConv": 8, "QGemm": 6}.get(node.op_type, len(node.input))
        if place < len(node.input) and node.input[place]:
            set_constant(model, node.input[place], np.rint(held[node.input[place]] / factor).astype(np.int32))
    names = {_of_float(node) for node in readers if "Dequantize" not in node.op_type}
    return plant.planted("range too small", "range-saturated", names, model)


INTEGER_FAULTS: dict[str, tuple[Callable[[Sound], Planted], tuple[str, ...]]] = {
    "qoperator-flipped": (lambda plant: _flipped(plant, qoperator(plant)), EVERY),
    "qoperator-rescaled": (lambda plant: _rescaled(plant, qoperator(plant)), EVERY),
    "qoperator-noise": (lambda plant: _noisy(plant, qoperator(plant)), EVERY),
    "qoperator-bias": (qoperator_bias, ("mlp", "cnn", "residual", "branches")),
    "qoperator-range": (qoperator_range, ("mlp", "cnn", "residual", "branches")),
    "dynamic-flipped": (lambda plant: _flipped(plant, dynamic(plant)), EVERY),
    "dynamic-swapped": (lambda plant: _swapped(plant, dynamic(plant)), EVERY),
    "dynamic-rescaled": (lambda plant: _rescaled(plant, dynamic(plant)), EVERY),
    "dynamic-noise": (lambda plant: _noisy(plant, dynamic(plant)), EVERY),
}
