"""One defect planted into a sound variant, by the definition of the defect: nothing here knows how it is looked for.

A fault says which nodes of the float model it is in: of an activation's range those that read the rounded tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from tests.diagnose.sides import constants, quantized, save, set_constant
from tests.diagnose.zoo import KINDS, samples

WEIGHTED = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class Planted:
    """A float model, its damaged variant, and data. calibration: what the variant was made with, where it is known."""

    fault: str
    cause: str
    nodes: frozenset[str]
    reference: Path
    variant: Path
    data: np.ndarray
    calibration: np.ndarray | None = None


@dataclass
class Sound:
    """A float model and its sound variant, ahead of the damage."""

    kind: str
    seed: int
    folder: Path
    model: onnx.ModelProto
    random: np.random.Generator
    data: np.ndarray

    def variant(self, model: onnx.ModelProto | None = None, calibration: np.ndarray | None = None) -> onnx.ModelProto:
        """int8 by this project's recipe, for one engine or for all (a file that every engine takes is signed)."""
        target = ("ort", "any")[self.seed % 2]
        arrays = {"input": calibration_data(self.kind, self.seed) if calibration is None else calibration}
        _, path = quantized(self.model if model is None else model, arrays, self.folder / "made", target)
        return onnx.load(path)

    def planted(self, fault: str, cause: str, nodes, variant: onnx.ModelProto, **more) -> Planted:
        reference = save(self.model, self.folder / "float.onnx")
        path = save(variant, self.folder / "variant.onnx")
        more = {"data": self.data} | more
        return Planted(fault, cause, frozenset(nodes), reference, path, **more)


def calibration_data(kind: str, seed: int) -> np.ndarray:
    """As much as is common, so that ranges hold the test data: a sound variant has no defect but the planted one."""
    return samples(kind, seed + 1, 128)


def sound(kind: str, seed: int, folder: Path, fault: str = "") -> Sound:
    random = np.random.default_rng([seed, *map(ord, kind + fault)])
    return Sound(kind, seed, folder, KINDS[kind](seed), random, samples(kind, seed))


# Activations of a variant.


@dataclass(frozen=True)
class Site:
    quantize: onnx.NodeProto
    dequantize: tuple[onnx.NodeProto, ...]
    readers: tuple[str, ...]


def sites(model: onnx.ModelProto, *, inner: bool = False) -> list[Site]:
    """Q/DQ pairs of activations that nodes read; `inner`: not that of the model's input."""
    held, found = constants(model), []
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] in held or (inner and node.input[0] == "input"):
            continue
        behind = tuple(n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] == node.output[0])
        names = {each.output[0] for each in behind}
        readers = tuple(n.name for n in model.graph.node if names & set(n.input))
        if readers:
            found.append(Site(node, behind, readers))
    return found


def _chosen(plant: Sound, choices: list) -> object:
    return choices[int(plant.random.integers(len(choices)))]


def _own_scale(model: onnx.ModelProto, site: Site, scale: float, zero_point: int | None = None) -> None:
    """Give one Q/DQ pair a scale and a zero point that no other shares."""
    held = constants(model)
    before, kept = site.quantize.input[1], held[site.quantize.input[2]]
    zero = kept if zero_point is None else np.asarray(zero_point, kept.dtype)
    names = f"planted_scale_{site.quantize.name}", f"planted_zero_{site.quantize.name}"
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.asarray(scale, np.float32), names[0]), numpy_helper.from_array(zero, names[1])]
    )
    for node in (site.quantize, *site.dequantize):
        node.input[1], node.input[2] = names
    _follow_biases(model, site, scale / float(held[before]))


def _follow_biases(model: onnx.ModelProto, site: Site, factor: float) -> None:
    """Integer biases have the scale of the input times that of the weight, whatever these are: makers see to it."""
    makers, held = {node.output[0]: node for node in model.graph.node}, constants(model)
    for node in model.graph.node:
        maker = makers.get(node.input[2]) if node.name in site.readers and len(node.input) > 2 else None
        if maker is None or maker.op_type != "DequantizeLinear" or held[maker.input[0]].dtype != np.int32:
            continue
        codes, scale = held[maker.input[0]], held[maker.input[1]]
        set_constant(model, maker.input[0], np.rint(codes / factor).astype(np.int32))
        set_constant(model, maker.input[1], (scale * factor).astype(np.float32))


def range_too_small(plant: Sound) -> Planted:
    """A range 6 to 12 times too small: most large values are clipped."""
    model = plant.variant()
    site = _chosen(plant, sites(model, inner=True))
    scale = float(constants(model)[site.quantize.input[1]])
    _own_scale(model, site, scale / plant.random.uniform(6, 12))
    return plant.planted("range too small", "range-saturated", site.readers, model)


def range_too_wide(plant: Sound) -> Planted:
    """A range 15 to 30 times too wide: 3 to 4 bits of 8 remain."""
    model = plant.variant()
    site = _chosen(plant, sites(model, inner=True))
    scale = float(constants(model)[site.quantize.input[1]])
    _own_scale(model, site, scale * plant.random.uniform(15, 30))
    return plant.planted("range too wide", "range-too-wide", site.readers, model)


def collapsed(plant: Sound) -> Planted:
    """A range 400 times too wide: every value is the zero point."""
    model = plant.variant()
    site = _chosen(plant, sites(model, inner=True))
    scale = float(constants(model)[site.quantize.input[1]])
    _own_scale(model, site, scale * 400)
    return plant.planted("collapsed to the zero point", "zero-point-collapse", site.readers, model)


def zero_point_shifted(plant: Sound) -> Planted:
    """Both halves of a pair have a zero point 60 to 90 codes from where it belongs, towards its values."""
    model = plant.variant()
    site = _chosen(plant, sites(model, inner=True))
    held = constants(model)
    zero = held[site.quantize.input[2]]
    shift = int(plant.random.integers(60, 90))
    values = _values(plant, plant.model, [site.quantize.input[0]])[0]
    moved = int(zero) + (shift if values.max() >= -values.min() else -shift)
    _own_scale(model, site, float(held[site.quantize.input[1]]), int(np.clip(moved, *_limits(zero.dtype))))
    return plant.planted("zero point shifted", "zero-point-shifted", site.readers, model)


def halves_disagree(plant: Sound) -> Planted:
    """What dequantizes has half again the scale of what quantizes."""
    model = plant.variant()
    site = _chosen(plant, sites(model, inner=True))
    scale = constants(model)[site.quantize.input[1]]
    model.graph.initializer.append(numpy_helper.from_array(np.asarray(scale * 1.5, np.float32), "planted_scale"))
    for node in site.dequantize:
        node.input[1] = "planted_scale"
    return plant.planted("Q and DQ disagree", "pair-disagrees", site.readers, model)


# Weights of a variant.


@dataclass(frozen=True)
class Weight:
    node: onnx.NodeProto
    dequantize: onnx.NodeProto
    axis: int
    channels: int


def weights(model: onnx.ModelProto) -> list[Weight]:
    held, found = constants(model), []
    makers = {node.output[0]: node for node in model.graph.node}
    for node in model.graph.node:
        if node.op_type not in WEIGHTED:
            continue
        maker = makers.get(node.input[1])
        if maker is None or maker.op_type != "DequantizeLinear" or maker.input[0] not in held:
            continue
        shape = held[maker.input[0]].shape
        transposed = any(each.name == "transB" and each.i for each in node.attribute)
        axis = 0 if node.op_type == "Conv" or transposed else 1
        found.append(Weight(node, maker, axis, shape[axis]))
    return found


def _with_codes(model: onnx.ModelProto, weight: Weight, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """`change` works on codes with the output channels in front, of which 0 is the zero point."""
    held = constants(model)
    codes = held[weight.dequantize.input[0]].astype(np.int32)
    moved = change(np.moveaxis(codes, weight.axis, 0).copy())
    limits = np.iinfo(held[weight.dequantize.input[0]].dtype)
    array = np.clip(np.moveaxis(moved, 0, weight.axis), limits.min, limits.max)
    set_constant(model, weight.dequantize.input[0], array.astype(held[weight.dequantize.input[0]].dtype))


def _with_scales(model: onnx.ModelProto, weight: Weight, change: Callable[[np.ndarray], np.ndarray]) -> None:
    scale = constants(model)[weight.dequantize.input[1]]
    spread = np.broadcast_to(scale.reshape(-1), (weight.channels,)).copy()
    set_constant(model, weight.dequantize.input[1], change(spread).astype(np.float32))


def _largest_channel(plant: Sound, weight: Weight) -> int:
    return int(plant.random.integers(weight.channels))


def flipped_channel(plant: Sound) -> Planted:
    """One output channel of a weight with its sign turned."""
    model = plant.variant()
    weight = _chosen(plant, weights(model))
    channel = _largest_channel(plant, weight)

    def change(codes: np.ndarray) -> np.ndarray:
        codes[channel] *= -1
        return codes

    _with_codes(model, weight, change)
    return plant.planted("flipped channel", "flipped-channel", [weight.node.name], model)


def swapped_channels(plant: Sound) -> Planted:
    """Two output channels of a weight in each other's place, codes and scales."""
    model = plant.variant()
    weight = _chosen(plant, weights(model))
    first, second = plant.random.choice(weight.channels, 2, replace=False)

    def change(array: np.ndarray) -> np.ndarray:
        array[[first, second]] = array[[second, first]]
        return array

    _with_codes(model, weight, change)
    _with_scales(model, weight, change)
    return plant.planted("swapped channels", "swapped-channels", [weight.node.name], model)


def scale_of_a_channel(plant: Sound) -> Planted:
    """The scale of one output channel 3 to 6 times what it is."""
    model = plant.variant()
    weight = _chosen(plant, weights(model))
    channel, factor = _largest_channel(plant, weight), plant.random.uniform(3, 6)

    def change(scales: np.ndarray) -> np.ndarray:
        scales[channel] *= factor
        return scales

    _with_scales(model, weight, change)
    return plant.planted("weight scale of a channel", "wrong-weight-scale", [weight.node.name], model)


def scale_of_a_weight(plant: Sound) -> Planted:
    """All scales of a weight 1.5 to 3 times what they are."""
    model = plant.variant()
    weight = _chosen(plant, weights(model))
    factor = plant.random.uniform(1.5, 3.0)
    _with_scales(model, weight, lambda scales: scales * factor)
    return plant.planted("weight scale", "wrong-weight-scale", [weight.node.name], model)


def wrong_bias(plant: Sound) -> Planted:
    """A layer's bias 5 to 10 times what it is."""
    holder = plant.variant()
    makers = {node.output[0]: node for node in holder.graph.node}
    held = constants(holder)
    biased = [node for node in holder.graph.node if node.op_type in ("Conv", "Gemm") and len(node.input) > 2]
    node = _chosen(plant, biased)
    maker = makers.get(node.input[2])
    name = node.input[2] if maker is None else maker.input[0]
    set_constant(holder, name, (held[name] * plant.random.uniform(5, 10)).astype(held[name].dtype))
    return plant.planted("wrong bias", "wrong-bias", [node.name], holder)


# Faults in how a variant was made.


def dropped_relu(plant: Sound) -> Planted:
    """A Relu that the variant lacks, and that no range stands for."""
    relus = [node for node in plant.model.graph.node if node.op_type == "Relu"]
    relu = _chosen(plant, relus)
    model = onnx.ModelProto()
    model.CopyFrom(plant.model)
    kept = [node for node in model.graph.node if node.name != relu.name]
    for node in kept:
        node.input[:] = [relu.input[0] if name == relu.output[0] else name for name in node.input]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return plant.planted("dropped Relu", "dropped-relu", [relu.name], plant.variant(model))


def unscaled_calibration(plant: Sound) -> Planted:
    """Calibration data 20 to 60 times as large as the test data, or as small."""
    factor = float(plant.random.uniform(20, 60)) ** (1 if plant.seed % 3 else -1)
    data = (calibration_data(plant.kind, plant.seed) * np.float32(factor)).astype(np.float32)
    model = plant.variant(calibration=data)
    readers = {name for site in sites(model) if site.quantize.input[0] == "input" for name in site.readers}
    return plant.planted("unscaled calibration", "unscaled-calibration", readers, model)


def not_covering(plant: Sound) -> Planted:
    """Test data 3 times as wide as the calibration data, which are known: the ranges are right for them."""
    calibration = calibration_data(plant.kind, plant.seed)
    model = plant.variant(calibration=calibration)
    readers = {name for site in sites(model) if site.quantize.input[0] == "input" for name in site.readers}
    return plant.planted(
        "calibration does not cover",
        "calibration-not-covering",
        readers,
        model,
        data=plant.data * np.float32(3),
        calibration=calibration,
    )


def outlier_channel(plant: Sound) -> Planted:
    """One channel of a layer 60 to 100 times as large, and what reads it as much smaller: the same function, and a
    range that leaves the other channels little. In a float model with Relu between two weighted layers."""
    factor = np.float32(plant.random.uniform(60, 100))
    model, held = plant.model, constants(plant.model)
    by_input = {name: node for node in model.graph.node for name in node.input}
    choices = []
    for node in model.graph.node:
        relu = by_input.get(node.output[0])
        reader = by_input.get(relu.output[0]) if relu is not None else None
        direct = sum(relu is not None and relu.output[0] in each.input for each in model.graph.node) == 1
        behind_weights = node.op_type in ("Conv", "Gemm", "Add") and relu is not None and relu.op_type == "Relu"
        if behind_weights and direct and reader is not None and reader.op_type in WEIGHTED:
            choices.append((node, reader))
    node, reader = _chosen(plant, choices)
    maker = node if node.op_type != "Add" else next(n for n in model.graph.node if n.output[0] == node.input[0])
    bias, weight = (node.input[2] if node.op_type != "Add" else node.input[1]), maker.input[1]
    out_axis = 1 if maker.op_type == "MatMul" else 0
    channel = int(plant.random.integers(held[weight].shape[out_axis]))
    for name, axis, by in ((weight, out_axis, factor), (bias, 0, factor), (reader.input[1], None, 1 / factor)):
        array = held[name].copy()
        along = axis if axis is not None else (0 if reader.op_type == "MatMul" else 1)
        np.moveaxis(array, along, 0)[channel] *= by
        set_constant(model, name, array)
    return plant.planted("outlier channel", "outlier-channel", [reader.name], plant.variant())


def residual_mismatch(plant: Sound) -> Planted:
    """One operand of a residual Add is 150 to 300 times the other: a constant offset, which the layer behind takes off
    again. What the small operand says is below one step of the sum."""
    offset = np.float32(plant.random.uniform(150, 300))
    model, held = plant.model, constants(plant.model)
    makers = {node.output[0]: node for node in model.graph.node}
    adds = [n for n in model.graph.node if n.op_type == "Add" and not set(n.input) & held.keys()]
    add = _chosen(plant, [each for each in adds if each.name.endswith(("_add", "_a", "_b"))])
    branch = makers[add.input[0]]  # the body's last layer: a Conv, or the Add of a bias
    bias = branch.input[2] if branch.op_type == "Conv" else branch.input[1]
    set_constant(model, bias, held[bias] + offset)
    cancel = helper.make_node("Sub", [add.output[0], "planted_offset"], ["planted_sub"], name="planted_sub")
    for node in model.graph.node:
        node.input[:] = ["planted_sub" if name == add.output[0] else name for name in node.input]
    index = next(i for i, node in enumerate(model.graph.node) if node.name == add.name)
    model.graph.node.insert(index + 1, cancel)
    shape = [1] if branch.op_type != "Conv" else [1, 1, 1, 1]
    model.graph.initializer.append(numpy_helper.from_array(np.full(shape, offset, np.float32), "planted_offset"))
    variant = _with_rounded_operands(plant.variant(), add.name, plant)
    return plant.planted("residual mismatch", "residual-mismatch", [add.name], variant)


def _with_rounded_operands(model: onnx.ModelProto, add: str, plant: Sound) -> onnx.ModelProto:
    """Both operands of a sum are rounded with the scale of the larger, as kernels do that add codes."""
    node = next(each for each in model.graph.node if each.name == add)
    makers = {each.output[0]: each for each in model.graph.node}
    index = next(i for i, each in enumerate(model.graph.node) if each.name == add)
    names = [_float_behind(makers, name) for name in node.input]
    values = _values(plant, plant.model, names)
    largest = max(float(np.abs(each).max()) for each in values)
    constants_ = {"planted_sum_scale": np.float32(largest / 127), "planted_sum_zero": np.int8(0)}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(a), name) for name, a in constants_.items())
    for place, name in enumerate(names):
        pair = [
            helper.make_node("QuantizeLinear", [name, *constants_], [f"planted_q{place}"], name=f"planted_q{place}"),
            helper.make_node(
                "DequantizeLinear", [f"planted_q{place}", *constants_], [f"planted_d{place}"], name=f"planted_dq{place}"
            ),
        ]
        node.input[place] = f"planted_d{place}"
        for each in reversed(pair):
            model.graph.node.insert(index, each)
    return model


def _values(plant: Sound, model: onnx.ModelProto, names: list[str]) -> list[np.ndarray]:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(copy.SerializeToString())
    return session.run(names, {"input": calibration_data(plant.kind, plant.seed)})


def _limits(dtype: np.dtype) -> tuple[int, int]:
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def _float_behind(makers: dict[str, onnx.NodeProto], name: str) -> str:
    node = makers.get(name)
    while node is not None and node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        name = node.input[0]
        node = makers.get(name)
    return name


OWN_FAULTS: dict[str, tuple[Callable[[Sound], Planted], tuple[str, ...]]] = {
    "range-too-small": (range_too_small, ("mlp", "cnn", "residual", "transformer")),
    "range-too-wide": (range_too_wide, ("mlp", "cnn", "residual", "transformer")),
    "collapsed": (collapsed, ("mlp", "cnn", "residual", "transformer")),
    "zero-point-shifted": (zero_point_shifted, ("mlp", "cnn", "residual", "transformer")),
    "halves-disagree": (halves_disagree, ("mlp", "cnn", "residual", "transformer")),
    "flipped-channel": (flipped_channel, ("mlp", "cnn", "residual", "transformer")),
    "swapped-channels": (swapped_channels, ("mlp", "cnn", "residual", "transformer")),
    "scale-of-a-channel": (scale_of_a_channel, ("mlp", "cnn", "residual", "transformer")),
    "scale-of-a-weight": (scale_of_a_weight, ("mlp", "cnn", "residual", "transformer")),
    "wrong-bias": (wrong_bias, ("mlp", "cnn", "residual")),
    "dropped-relu": (dropped_relu, ("mlp", "cnn", "residual", "transformer")),
    "unscaled": (unscaled_calibration, ("mlp", "cnn", "residual", "transformer")),
    "not-covering": (not_covering, ("mlp", "cnn", "residual", "transformer")),
    "outlier-channel": (outlier_channel, ("mlp", "cnn", "residual", "transformer")),
    "residual-mismatch": (residual_mismatch, ("residual", "transformer")),
}
