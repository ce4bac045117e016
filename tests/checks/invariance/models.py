"""Small models that depend on what stands beside a sample, or on padding."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS, WIDTH, CLASSES = 50, 16, 6


def attention(
    *, mask_range: float | None = None, quantized: bool = False, length: int | str = "T", by_position: bool = False
) -> onnx.ModelProto:
    """input_ids, attention_mask (N, T) → one head of attention with an additive mask of −10,000 → logits (N, 6).

    `quantized`: probabilities and values go through int8 Q/DQ pairs. `mask_range`: so do the masked scores, of which
    −`mask_range` is the least that int8 holds: what is −10,000 there becomes −`mask_range`.
    `by_position`: the logits of every position are the output, (N, T, 6).
    """
    random = np.random.default_rng(3)
    constants = {
        "words": random.standard_normal((WORDS, WIDTH)),
        "w": random.standard_normal((WIDTH, CLASSES)) / 4,
        "one": np.array(1.0),
        "far": np.array(-10_000.0),
        "flat": np.array(0.05),
    }
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()]
    for name, value in (("axis1", [1]), ("first", 0)):
        tensors.append(numpy_helper.from_array(np.array(value, np.int64), name))
    node = helper.make_node
    nodes = [
        node("Gather", ["words", "input_ids"], ["x"], name="embed"),
        node("Transpose", ["x"], ["xt"], perm=[0, 2, 1], name="transpose"),
        node("MatMul", ["x", "xt"], ["raw"], name="scores"),
        node("Mul", ["raw", "flat"], ["scaled"], name="scale"),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT, name="cast"),
        node("Sub", ["one", "mask"], ["open"], name="invert"),
        node("Mul", ["open", "far"], ["flat_mask"], name="far_away"),
        node("Unsqueeze", ["flat_mask", "axis1"], ["added"], name="unsqueeze"),
        node("Add", ["scaled", "added"], ["masked"], name="add_mask"),
        node("Softmax", ["masked_in"], ["probabilities"], axis=-1, name="softmax"),
        node("MatMul", ["probabilities_in", "x_in"], ["mixed"], name="mix"),
        node("Gather", ["mixed", "first"], ["head"], axis=1, name="first_position"),
        node("MatMul", ["head", "w"], ["logits"], name="classify"),
    ]
    ranges = {"probabilities": 1.0, "x": 4.0} if quantized else {}
    if mask_range is not None:
        ranges["masked"] = mask_range
    renamed = {f"{name}_in": name for name in ("masked", "probabilities", "x") if name not in ranges}
    for each in nodes:
        each.input[:] = [renamed.get(name, name) for name in each.input]
    for name, most in ranges.items():
        tensors += [
            numpy_helper.from_array(np.array(most / 127, np.float32), f"{name}_scale"),
            numpy_helper.from_array(np.array(0, np.int8), f"{name}_zero"),
        ]
        given = [f"{name}_scale", f"{name}_zero"]
        pair = [
            node("QuantizeLinear", [name, *given], [f"{name}_q"], name=f"{name}_quantize"),
            node("DequantizeLinear", [f"{name}_q", *given], [f"{name}_in"], name=f"{name}_dequantize"),
        ]
        place = next(index for index, each in enumerate(nodes) if f"{name}_in" in each.input)
        nodes[place:place] = pair
    if by_position:
        nodes[-2:] = [node("MatMul", ["mixed", "w"], ["logits"], name="classify")]
    shape = ["N", length, CLASSES] if by_position else ["N", CLASSES]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", length]) for name in NAMES]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)]
    return _checked(helper.make_graph(nodes, "attention", inputs, outputs, tensors), opset=21)


NAMES = ("input_ids", "attention_mask")


def sentences(samples: int, *, length: int = 12, seed: int = 5) -> dict[str, np.ndarray]:
    """Without any padding: every position counts."""
    random = np.random.default_rng(seed)
    ids = random.integers(1, WORDS, (samples, length))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def centred_over_the_batch() -> onnx.ModelProto:
    """input (N, 4) → minus the mean over N → logits (N, 4): another output in another batch, in FP32 too."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[0], keepdims=1, name="mean"),
        helper.make_node("Sub", ["input", "mean"], ["logits"], name="centre"),
    ]
    value = helper.make_tensor_value_info
    inputs, outputs = [value("input", TensorProto.FLOAT, ["N", 4])], [value("logits", TensorProto.FLOAT, ["N", 4])]
    return _checked(helper.make_graph(nodes, "centred", inputs, outputs))


def nudged_by_the_batch(share: float) -> onnx.ModelProto:
    """input (N, 4) → plus `share` of the maximum over N → logits (N, 4); without an operator that quantizes."""
    nodes = [
        helper.make_node("ReduceMax", ["input"], ["most"], axes=[0], keepdims=1, name="most"),
        helper.make_node("Mul", ["most", "share"], ["nudge"], name="share"),
        helper.make_node("Add", ["input", "nudge"], ["logits"], name="add"),
    ]
    value, constant = helper.make_tensor_value_info, numpy_helper.from_array(np.array(share, np.float32), "share")
    inputs, outputs = [value("input", TensorProto.FLOAT, ["N", 4])], [value("logits", TensorProto.FLOAT, ["N", 4])]
    return _checked(helper.make_graph(nodes, "nudged", inputs, outputs, [constant]))


def summed_over_the_batch() -> onnx.ModelProto:
    """input (N, 4) → total (1,): no output by sample."""
    nodes = [helper.make_node("ReduceSum", ["input"], ["total"], keepdims=0, name="sum")]
    value = helper.make_tensor_value_info
    inputs, outputs = [value("input", TensorProto.FLOAT, ["N", 4])], [value("total", TensorProto.FLOAT, [])]
    return _checked(helper.make_graph(nodes, "summed", inputs, outputs))


def with_a_table() -> onnx.ModelProto:
    """input (N, 4) → logits (N, 4), and the weights as a second output (1, 4) that counts no samples."""
    weight = numpy_helper.from_array(np.array([[1.0, 2.0, 3.0, 4.0]], np.float32), "weight")
    nodes = [
        helper.make_node("Mul", ["input", "weight"], ["logits"], name="scale"),
        helper.make_node("Neg", ["weight"], ["table"], name="negate"),
    ]
    value = helper.make_tensor_value_info
    inputs = [value("input", TensorProto.FLOAT, ["N", 4])]
    outputs = [value("logits", TensorProto.FLOAT, ["N", 4]), value("table", TensorProto.FLOAT, [1, 4])]
    return _checked(helper.make_graph(nodes, "table", inputs, outputs, [weight]))


def two_products() -> onnx.ModelProto:
    """input (N, 16) → MatMul → Relu → MatMul → logits (N, 4); ONNX Runtime quantizes no Gemm dynamically."""
    random = np.random.default_rng(0)
    weights = {"w1": random.standard_normal((16, 32)) / 4, "w2": random.standard_normal((32, 4)) / 6}
    nodes = [
        helper.make_node("MatMul", ["input", "w1"], ["hidden"], name="first"),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("MatMul", ["active", "w2"], ["logits"], name="second"),
    ]
    value = helper.make_tensor_value_info
    inputs, outputs = [value("input", TensorProto.FLOAT, ["N", 16])], [value("logits", TensorProto.FLOAT, ["N", 4])]
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    return _checked(helper.make_graph(nodes, "products", inputs, outputs, tensors))


def _checked(graph: onnx.GraphProto, *, opset: int = 17) -> onnx.ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model
