"""Faults of the variant's file: what it gives, what it holds, what it claims to be. And controls, which are sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper

from benchmarks.peers import graph_edits as edit
from benchmarks.peers.fault import BATCH, Fault, Pair
from benchmarks.peers.pair import CASES, outputs_of, quantized, top1_percent, two_headed

INNER = "/blocks/blocks.1/Relu_1_output_0"  # the activation between the second and the third block
NEAR = (("1", 1.0), ("2", 2.0), ("5", 5.0))
make = helper.make_node


def _file(area: str, name: str, what: str, change: Callable[[onnx.ModelProto], onnx.ModelProto]) -> Fault:
    return Fault(name, area, what, lambda pair: replace(pair, variant=change(pair.variant)))


def _constant(name: str, what: str, tensor: str, change: Callable[[np.ndarray], np.ndarray]) -> Fault:
    return _file("numbers", name, what, lambda model: edit.with_constant(model, tensor, change))


def _logits(name: str, what: str, *nodes: onnx.NodeProto, **constants: np.ndarray) -> Fault:
    return _file("outputs", name, what, lambda model: edit.behind(model, "logits", nodes, constants))


def _requantized(name: str, what: str, area: str, **options: object) -> Fault:
    def plant(pair: Pair) -> Pair:
        return replace(pair, variant=quantized(pair.float_model, pair.calibration["input"], **options))

    return Fault(name, area, what, plant)


def _fp16(name: str, model: onnx.ModelProto) -> onnx.ModelProto:
    copy = edit.behind(model, name, [make("Cast", ["sound"], [name], to=TensorProto.FLOAT16)])
    next(each for each in copy.graph.output if each.name == name).type.tensor_type.elem_type = TensorProto.FLOAT16
    return copy


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = edit.behind(
        model, "values", [make("Reshape", ["sound", "shape"], ["values"])], {"shape": np.array([-1, 2, 5])}
    )
    index = next(i for i, each in enumerate(copy.graph.output) if each.name == "values")
    copy.graph.output[index].CopyFrom(helper.make_tensor_value_info("values", TensorProto.FLOAT, ["batch", 2, 5]))
    return copy


def _fixed_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = edit.copied(model)
    for each in [*copy.graph.input, *copy.graph.output]:
        each.type.tensor_type.shape.dim[0].dim_value = BATCH
    return copy


def _weights_alone(pair: Pair) -> Pair:
    """The float model with the variant's int8 weights behind DequantizeLinear: stored as int8, computed in float."""
    model, held = edit.copied(pair.float_model), {each.name: each for each in pair.variant.graph.initializer}
    weights = {
        node.input[0].removesuffix("_quantized"): node for node in pair.variant.graph.node if node.input[0] in held
    }
    for name, rounding in weights.items():
        if len(held[rounding.input[0]].dims) < 2:
            continue  # a bias
        model.graph.initializer.remove(next(each for each in model.graph.initializer if each.name == name))
        model.graph.initializer.extend(held[each] for each in rounding.input)
        for node in model.graph.node:
            node.input[:] = [rounding.output[0] if each == name else each for each in node.input]
        model.graph.node.insert(0, rounding)
    return replace(pair, variant=model)


def _without_a_relu(pair: Pair) -> Pair:
    """Lost on export: the float model that was quantized had it no more."""
    lost = edit.without_node(pair.float_model, _relu(pair.float_model))
    return replace(pair, variant=quantized(lost, pair.calibration["input"]))


def _relu(model: onnx.ModelProto) -> str:
    return next(node.name for node in model.graph.node if node.output[0] == "/blocks/blocks.1/Relu_output_0")


def _another_checkpoint(pair: Pair) -> Pair:
    """Weights 3 % off: quantized from a checkpoint that is not the one beside it."""
    random = np.random.default_rng(3)
    model = pair.float_model
    for tensor in [each.name for each in model.graph.initializer if "Conv" in each.name]:
        model = edit.with_constant(
            model, tensor, lambda array: array * (1 + 0.03 * random.standard_normal(array.shape))
        )
    return replace(pair, variant=quantized(model, pair.calibration["input"]))


def _dropping(points: float) -> Callable[[Pair], Pair]:
    """Top-1 falls by `points`, to the nearest sample, and no logit moves further than the two highest lie apart."""

    def plant(pair: Pair) -> Pair:
        labels = pair.test["labels"]
        logits = outputs_of(pair.variant, pair.test["input"])["logits"]
        before = top1_percent(outputs_of(pair.float_model, pair.test["input"])["logits"], labels)
        high = np.sort(logits, axis=1)
        gaps = np.unique(high[:, -1] - high[:, -2]) + 1e-4
        for gap in gaps:
            variant = edit.two_highest_swapped(pair.variant, float(gap))
            if before - top1_percent(outputs_of(variant, pair.test["input"])["logits"], labels) >= points:
                return replace(pair, variant=variant)
        raise ValueError(f"no gap drops {points} points")

    return plant


def _a_class_gone(model: onnx.ModelProto) -> onnx.ModelProto:
    penalty = np.where(np.arange(10) == 8, np.float32(-30), np.float32(0)).astype(np.float32)
    return edit.behind(model, "logits", [make("Add", ["sound", "penalty"], ["logits"])], {"penalty": penalty})


def _of_batch(model: onnx.ModelProto, pair: Pair) -> onnx.ModelProto:
    """logits + 0.1 · (mean over the batch − mean over the test set): as a norm that was left in training mode."""
    mean = outputs_of(model, pair.test["input"])["logits"].mean(axis=0, keepdims=True)
    nodes = [
        make("ReduceMean", ["sound"], ["batch_mean"], axes=[0], keepdims=1),
        make("Sub", ["batch_mean", "mean"], ["off"]),
        make("Mul", ["off", "share"], ["small"]),
        make("Add", ["sound", "small"], ["logits"]),
    ]
    return edit.behind(model, "logits", nodes, {"mean": mean, "share": np.array(0.1, np.float32)})


def _where(value: float) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """`value` in every logit of the samples whose mean brightness is the highest of the test set."""
    nodes = [
        make("ReduceMean", ["input"], ["bright"], axes=[1, 2, 3], keepdims=0),
        make("Unsqueeze", ["bright", "axis"], ["brightness"]),
        make("Greater", ["brightness", "limit"], ["is_bright"]),
        make("Where", ["is_bright", "bad", "sound"], ["logits"]),
    ]
    return nodes, {"axis": np.array([1]), "bad": np.array(value, np.float32)}


def _on_one_sample(value: float) -> Callable[[Pair], Pair]:
    def plant(pair: Pair) -> Pair:
        brightness = np.sort(pair.test["input"].mean(axis=(1, 2, 3)))
        nodes, constants = _where(value)
        constants["limit"] = np.array((brightness[-1] + brightness[-2]) / 2, np.float32)
        return replace(pair, variant=edit.behind(pair.variant, "logits", nodes, constants))

    return plant


def _outside_the_test(pair: Pair) -> Pair:
    nodes, constants = _where(100.0)
    constants["limit"] = np.array(pair.test["input"].mean(axis=(1, 2, 3)).max() + 0.05, np.float32)
    return replace(pair, variant=edit.behind(pair.variant, "logits", nodes, constants))


def _cut(pair: Pair) -> Pair:
    content = pair.variant.SerializeToString(deterministic=True)
    return replace(pair, variant=content[: len(content) * 2 // 3])


def _another_net(pair: Pair) -> Pair:
    """The same architecture with its convolutions' weights shuffled."""
    random = np.random.default_rng(5)
    model = two_headed(onnx.load(CASES / "models" / "digits_resnet.onnx"))
    for tensor in [each.name for each in model.graph.initializer if "Conv" in each.name]:
        model = edit.with_constant(model, tensor, lambda array: random.permutation(array.ravel()).reshape(array.shape))
    return replace(pair, variant=quantized(model, pair.calibration["input"]))


CONTROLS = (
    Fault("sound", "controls", "the sound pair: U8S8, a scale per channel", lambda pair: pair, is_sound=True),
    replace(_requantized("sound-tensor", "sound: a scale per tensor", "controls", per_channel=False), is_sound=True),
    replace(
        _requantized("sound-symmetric", "sound: symmetric", "controls", extra_options={"ActivationSymmetric": True}),
        is_sound=True,
    ),
)

FAULTS = (
    Fault(
        "float-file", "precision", "the float model, called int8", lambda pair: replace(pair, variant=pair.float_model)
    ),
    _requantized(
        "one-layer", "one of 11 layers quantized, the rest float", "precision", nodes_to_quantize=["/conv/Conv"]
    ),
    Fault("weights-alone", "precision", "weights stored as int8, everything computed in float", _weights_alone),
    _file("outputs", "missing-output", "an output is missing", lambda model: edit.without_output(model, "values")),
    _file(
        "outputs", "renamed-output", "an output has another name", lambda model: edit.renamed(model, "values", "scores")
    ),
    _file("outputs", "reordered", "the two outputs in another order", edit.reordered_outputs),
    _file("outputs", "swapped", "the two outputs have each other's contents", edit.swapped_outputs),
    _file("outputs", "half-output", "an output is float16", lambda model: _fp16("values", model)),
    _file("outputs", "folded-output", "an output is [N, 2, 5], not [N, 10]", _folded),
    _logits("nan", "every logit NaN", make("Sub", ["sound", "bad"], ["logits"]), bad=np.array(np.nan, np.float32)),
    Fault("nan-one", "outputs", "NaN for 1 of 540 samples", _on_one_sample(float("nan"))),
    Fault("inf-one", "outputs", "Inf for 1 of 540 samples", _on_one_sample(float("inf"))),
    Fault("wild-one", "outputs", "10⁴ for 1 of 540 samples", _on_one_sample(1e4)),
    _logits(
        "constant",
        "the same logits whatever the input",
        make("Mul", ["sound", "nothing"], ["none"]),
        make("Add", ["none", "same"], ["logits"]),
        nothing=np.array(0, np.float32),
        same=np.linspace(-5, 5, 10, dtype=np.float32),
    ),
    _logits(
        "label-shift",
        "classes moved by one",
        make("Gather", ["sound", "order"], ["logits"], axis=1),
        order=np.roll(np.arange(10), 1),
    ),
    Fault("outside", "outputs", "10² for images brighter than any of the test", _outside_the_test),
    _constant("zero-scale", "a scale of 0", f"{INNER}_scale", lambda scale: scale * 0),
    _constant("nan-scale", "a scale of NaN", f"{INNER}_scale", lambda scale: scale * np.nan),
    _constant("negative-scale", "a negative scale", f"{INNER}_scale", lambda scale: -scale),
    _constant("zero-point", "a zero point 8 too high", f"{INNER}_zero_point", lambda point: point + 8),
    _constant("saturated", "an activation clipped at a quarter", f"{INNER}_scale", lambda scale: scale / 4),
    _constant("coarse", "an activation in 16 steps of 256", f"{INNER}_scale", lambda scale: scale * 16),
    _constant(
        "last-scale", "the last weight's scale twice as large", "classifier.weight_scale", lambda scale: scale * 2
    ),
    _constant(
        "one-channel",
        "a channel's scale ten times too large",
        "onnx::Conv_106_scale",
        lambda scale: np.where(np.arange(len(scale)) == 3, scale * 10, scale),
    ),
    _constant(
        "four-bit-weights",
        "int8 that holds only 16 levels, in one layer",
        "onnx::Conv_109_quantized",
        lambda weight: np.clip(np.rint(weight / 16) * 16, -128, 127),
    ),
    Fault("lost-relu", "numbers", "a Relu lost on export", _without_a_relu),
    Fault(
        "another-checkpoint", "numbers", "quantized from a checkpoint whose weights are 3 % off", _another_checkpoint
    ),
    Fault("another-net", "numbers", "another model of the same inputs and outputs", _another_net),
    *(
        Fault(f"near-{name}", "accuracy", f"top-1 {name} points lower, outputs near", _dropping(points))
        for name, points in NEAR
    ),
    _file("accuracy", "class-gone", "one class of ten is never chosen", _a_class_gone),
    Fault(
        "of-batch",
        "running",
        "a sample's outputs depend on its batch",
        lambda pair: replace(pair, variant=_of_batch(pair.variant, pair)),
    ),
    _file("running", "fixed-batch", f"takes batches of {BATCH} alone; the float model takes any", _fixed_batch),
    _logits(
        "random",
        "other outputs at each call (σ 0.05)",
        make("RandomNormalLike", ["sound"], ["noise"], scale=0.05),
        make("Add", ["sound", "noise"], ["logits"]),
    ),
    _file(
        "running", "renamed-input", "the input has another name", lambda model: edit.renamed(model, "input", "pixels")
    ),
    Fault("cut-file", "running", "a third of the file is missing", _cut),
)
