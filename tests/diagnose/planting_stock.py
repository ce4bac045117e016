"""Defects planted into files that ONNX Runtime's quantizer made, as users have them: Relu folded into ranges, scales
that several pairs share; and into nodes and weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_static

from tests.diagnose.planting import (
    Planted,
    Site,
    Sound,
    _chosen,
    _follow_biases,
    _with_codes,
    calibration_data,
    sites,
    unscaled_calibration,
    weights,
)
from tests.diagnose.sides import Reader, constants, save, set_constant

EVERY = ("mlp", "cnn", "residual", "transformer", "branches")
OTHER_OPERATORS = {  # which reads and makes the same shapes
    "Add": "Sub",
    "GlobalAveragePool": "GlobalMaxPool",
    "MaxPool": "AveragePool",
    "ReduceMean": "ReduceMax",
    "Softmax": "LogSoftmax",
}


def stock(plant: Sound, activation_type: QuantType | None = None) -> onnx.ModelProto:
    """What quantize_static makes of the float model, U8S8 (which folds Relu) or, of odd seeds, S8S8."""
    chosen = activation_type or (QuantType.QUInt8, QuantType.QInt8)[plant.seed % 2]
    source, target = save(plant.model, plant.folder / "made_float.onnx"), plant.folder / "made_stock.onnx"
    quantize_static(
        source,
        target,
        Reader({"input": calibration_data(plant.kind, plant.seed)}),
        per_channel=True,
        activation_type=chosen,
        weight_type=QuantType.QInt8,
    )
    return onnx.load(target)


def _by_scale(model: onnx.ModelProto) -> list[list[Site]]:
    """Pairs of inner activations, in groups that state one scale."""
    groups: dict[str, list[Site]] = {}
    for site in sites(model, inner=True):
        groups.setdefault(site.quantize.input[1], []).append(site)
    return list(groups.values())


def _narrowed(plant: Sound, model: onnx.ModelProto, group: list[Site], fault: str) -> Planted:
    factor = 1.0 / plant.random.uniform(6, 12)
    name = group[0].quantize.input[1]
    set_constant(model, name, (constants(model)[name] * factor).astype(np.float32))
    for site in group:
        _follow_biases(model, site, factor)
    return plant.planted(fault, "range-saturated", [n for site in group for n in site.readers], model)


def stock_u8s8_range(plant: Sound) -> Planted:
    """A range 6 to 12 times too small in a U8S8 file, whichever pairs share it."""
    model = stock(plant, QuantType.QUInt8)
    return _narrowed(plant, model, _chosen(plant, _by_scale(model)), "range too small, U8S8 of ONNX Runtime")


def stock_s8s8_range(plant: Sound) -> Planted:
    """The same in an S8S8 file."""
    model = stock(plant, QuantType.QInt8)
    return _narrowed(plant, model, _chosen(plant, _by_scale(model)), "range too small, S8S8 of ONNX Runtime")


def folded_relu_range(plant: Sound) -> Planted:
    """The same at a range that stands for a Relu or Clip."""
    model = stock(plant, QuantType.QUInt8)
    clamped = {node.output[0] for node in plant.model.graph.node if node.op_type in ("Relu", "Clip")}
    there = {node.name for node in model.graph.node}
    gone = {n.output[0] for n in plant.model.graph.node if n.output[0] in clamped and n.name not in there}
    choices = [group for group in _by_scale(model) if any(site.quantize.input[0] in gone for site in group)]
    return _narrowed(plant, model, _chosen(plant, choices), "range too small behind a folded Relu")


def shared_scale(plant: Sound) -> Planted:
    """The same at a scale that several pairs share."""
    model = stock(plant)
    choices = [group for group in _by_scale(model) if len(group) > 1]
    return _narrowed(plant, model, _chosen(plant, choices), "range too small, shared")


def swapped_operands(plant: Sound) -> Planted:
    """The operands of a Concat in each other's place."""
    model = stock(plant)
    node = next(each for each in model.graph.node if each.op_type == "Concat")
    node.input[:] = reversed(node.input)
    return plant.planted("swapped operands", "computes-otherwise", [node.name], model)


def another_operator(plant: Sound) -> Planted:
    """A node that computes something else of the same operands."""
    model = stock(plant)
    node = _chosen(plant, [each for each in model.graph.node if each.op_type in OTHER_OPERATORS])
    node.op_type = OTHER_OPERATORS[node.op_type]
    return plant.planted("another operator", "computes-otherwise", [node.name], model)


def weight_noise(plant: Sound) -> Planted:
    """Codes of a weight off by 5 to 9 steps, root mean square."""
    model = stock(plant)
    weight = _chosen(plant, weights(model))
    steps = plant.random.uniform(5, 9)
    _with_codes(
        model, weight, lambda codes: np.rint(codes + plant.random.normal(0, steps, codes.shape)).astype(np.int32)
    )
    return plant.planted("weight noise", "wrong-weight", [weight.node.name], model)


def unscaled_beside_right_data(plant: Sound) -> Planted:
    """A file of unscaled calibration data, and the right data named as what it was calibrated with."""
    made = unscaled_calibration(plant)
    known = calibration_data(plant.kind, plant.seed)
    return Planted(made.fault, made.cause, made.nodes, made.reference, made.variant, made.data, known)


STOCK_FAULTS: dict[str, tuple[Callable[[Sound], Planted], tuple[str, ...]]] = {
    "stock-u8s8-range": (stock_u8s8_range, EVERY),
    "stock-s8s8-range": (stock_s8s8_range, EVERY),
    "folded-relu-range": (folded_relu_range, EVERY),
    "shared-scale": (shared_scale, ("cnn", "residual", "branches")),
    "swapped-operands": (swapped_operands, ("branches",)),
    "another-operator": (another_operator, ("cnn", "residual", "transformer", "branches")),
    "weight-noise": (weight_noise, EVERY),
    "unscaled-known": (unscaled_beside_right_data, EVERY),
}
