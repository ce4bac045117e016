"""Tiny files of the parser's table, column Restrictions: what it restricts, and beside each the same without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.checks.linting.files import FLOAT, INT64, Row, Tensor, model_of, node, one, weights

NO_ROI = {"r": np.array([], np.float32)}
OPEN = ("N", 4)


def fed(kind: str) -> onnx.ModelProto:
    """An operator whose axes are fed."""
    return model_of([node(kind, "x a")], inputs=[("x", FLOAT, (1, 4)), ("a", INT64, (1,))])


def computed_axes(kind: str) -> onnx.ModelProto:
    """Its axes are made of constants: they are resolved when the network is built."""
    return model_of(
        [node("Add", "a b", "axes"), node(kind, "x axes")],
        {"a": np.array([0]), "b": np.array([0])},
        inputs=[("x", FLOAT, (1, 4))],
    )


def axes_of_a_fed_value(kind: str) -> onnx.ModelProto:
    nodes = [node("Add", "a b", "axes"), node(kind, "x axes")]
    return model_of(nodes, {"b": np.array([0])}, inputs=[("x", FLOAT, (1, 4)), ("a", INT64, (1,))])


def recurrent(kind: str, gates: int, **attributes: Any) -> onnx.ModelProto:
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    constants = {"w": weights(directions, 4 * gates, 4), "r": weights(directions, 4 * gates, 4)}
    nodes = [node(kind, "x w r", hidden_size=4, **attributes)]
    return model_of(nodes, constants, inputs=[("x", FLOAT, (3, 2, 4))])


def resize(*, scales: np.ndarray | None = None, sizes: np.ndarray | None = None, **attributes: Any) -> onnx.ModelProto:
    constants = dict(NO_ROI)
    if sizes is not None:
        nodes = [node("Resize", "x r - k", **attributes)]
        constants["k"] = sizes
    else:
        nodes = [node("Resize", "x r k", **attributes)]
        constants["k"] = np.array([1, 1, 2, 2], np.float32) if scales is None else scales
    return model_of(nodes, constants)


def resize_by_fed_scales(axes: Sequence[int]) -> onnx.ModelProto:
    inputs: list[Tensor] = [("x", FLOAT, (1, 4, 8, 8)), ("k", FLOAT, (len(axes),))]
    return model_of([node("Resize", "x r k", axes=list(axes))], NO_ROI, inputs=inputs)


def deform_conv(spatial: tuple[int, ...], pads: Sequence[int]) -> onnx.ModelProto:
    rank = len(spatial)
    kernel = (3,) * rank
    constants = {"w": weights(2, 4, *kernel), "o": weights(1, rank * 3**rank, *spatial)}
    nodes = [node("DeformConv", "x w o", kernel_shape=list(kernel), pads=list(pads))]
    return model_of(nodes, constants, inputs=[("x", FLOAT, (1, 4, *spatial))], opset=22)


def stft(shape: Sequence[Any] = (1, 16), *, is_fed: bool = False) -> onnx.ModelProto:
    constants = {"f": np.array(4), "w": np.ones(8, np.float32)}
    inputs: list[Tensor] = [("x", FLOAT, shape)]
    if is_fed:
        del constants["f"]
        inputs.append(("f", INT64, ()))
    return model_of([node("STFT", "x f w")], constants, inputs=inputs)


def grid_sample(*spatial: int) -> onnx.ModelProto:
    grid = weights(1, *spatial, len(spatial))
    return one("GridSample", {"g": grid}, shape=(1, 4, *spatial), mode="linear")


def branches(*, ranks: tuple[int, int] = (1, 1), constant: bool = False) -> onnx.ModelProto:
    """If, whose branches give values of these ranks."""
    graphs = [
        helper.make_graph(
            [helper.make_node("ConstantOfShape", [f"shape_{index}"], [f"filled_{index}"], name=f"fill_{index}")],
            f"branch_{index}",
            [],
            [helper.make_tensor_value_info(f"filled_{index}", FLOAT, [2] * rank)],
            [helper.make_tensor(f"shape_{index}", INT64, [rank], [2] * rank)],
        )
        for index, rank in enumerate(ranks)
    ]
    condition = node("If", "c", "y", then_branch=graphs[0], else_branch=graphs[1])
    inputs: list[Tensor] = [] if constant else [("c", TensorProto.BOOL, ())]
    return model_of([condition], {"c": np.array(True)} if constant else {}, inputs=inputs)


def rotary(positions: type) -> onnx.ModelProto:
    constants = {"c": weights(8, 2), "s": weights(8, 2), "p": np.zeros((1, 4), positions)}
    return model_of([node("RotaryEmbedding", "x c s p")], constants, inputs=[("x", FLOAT, (1, 2, 4, 4))], opset=23)


def attention(mask: Sequence[int]) -> onnx.ModelProto:
    nodes = [node("Attention", "q q q m", "y")]
    return model_of(nodes, {"m": weights(*mask)}, inputs=[("q", FLOAT, (1, 2, 4, 4))], opset=23)


SAME = ["Sigmoid", "Tanh"] * 2
OTHER = ["Sigmoid", "Tanh", "Sigmoid", "Relu"]

OPTIONS = [
    Row("fed axes of Squeeze", lambda: fed("Squeeze"), "TRT-OP-004", "TRT-IO-001"),
    Row("fed axes of Unsqueeze", lambda: fed("Unsqueeze"), "TRT-OP-004", "TRT-IO-001"),
    Row("axes of Squeeze made of a fed value", lambda: axes_of_a_fed_value("Squeeze"), "TRT-OP-004", "TRT-IO-001"),
    Row("axes of Squeeze made of constants", lambda: computed_axes("Squeeze")),
    Row("axes of Unsqueeze made of constants", lambda: computed_axes("Unsqueeze")),
    Row("Squeeze of an open shape", lambda: one("Squeeze", shape=(1, "N", 4)), "TRT-OP-004", "TRT-SHAPE-001"),
    Row("Squeeze of a fixed shape", lambda: one("Squeeze", shape=(1, 4))),
    Row(
        "Squeeze of an open shape by its axes",
        lambda: one("Squeeze", {"a": np.array([0])}, shape=(1, "N", 4)),
        warned="TRT-SHAPE-001",
    ),
    Row("EyeLike of an open shape", lambda: one("EyeLike", shape=OPEN), "TRT-OP-004", "TRT-SHAPE-001"),
    Row("EyeLike", lambda: one("EyeLike", shape=(4, 4))),
    Row("Hardmax on an open axis", lambda: one("Hardmax", shape=OPEN, axis=0), "TRT-OP-004", "TRT-SHAPE-001"),
    Row("Hardmax beside an open axis", lambda: one("Hardmax", shape=OPEN), warned="TRT-SHAPE-001"),
    Row(
        "Hardmax that flattens an open axis",
        lambda: one("Hardmax", shape=(4, 4, "N"), opset=12),
        "TRT-OP-004",
        "TRT-SHAPE-001",
    ),
    Row("GridSample of rank 5", lambda: grid_sample(3, 3, 3), "TRT-OP-004"),
    Row("GridSample", lambda: grid_sample(3, 3)),
    Row("DeformConv padded on one side", lambda: deform_conv((3, 3), [1, 1, 2, 1]), "TRT-OP-004"),
    Row("DeformConv", lambda: deform_conv((3, 3), [1, 1, 1, 1])),
    Row("DeformConv of rank 5", lambda: deform_conv((3, 3, 3), [1] * 6), "TRT-OP-004"),
    Row("STFT by a fed step", lambda: stft(is_fed=True), "TRT-OP-004", "TRT-IO-001"),
    Row("STFT of complex values", lambda: stft((1, 16, 2)), "TRT-OP-004"),
    Row("STFT", stft),
    Row("STFT of real values with an axis of their own", lambda: stft((1, 16, 1))),
    Row(
        "GRU of other functions backward",
        lambda: recurrent("GRU", 3, direction="bidirectional", activations=OTHER),
        "TRT-OP-004",
    ),
    Row("GRU in both directions", lambda: recurrent("GRU", 3, direction="bidirectional", activations=SAME)),
    Row("GRU batch first", lambda: recurrent("GRU", 3, layout=1), "TRT-OP-004"),
    Row("RNN batch first", lambda: recurrent("RNN", 1, layout=1), "TRT-OP-004"),
    Row(
        "RNN of another function backward",
        lambda: recurrent("RNN", 1, direction="bidirectional", activations=["Tanh", "Relu"]),
        "TRT-OP-004",
    ),
    Row(
        "RNN of another slope backward",
        lambda: recurrent(
            "RNN", 1, direction="bidirectional", activations=["LeakyRelu"] * 2, activation_alpha=[0.1, 0.2]
        ),
        "TRT-OP-004",
    ),
    Row("RNN in both directions", lambda: recurrent("RNN", 1, direction="bidirectional")),
    Row(
        "LSTM of other functions backward",
        lambda: recurrent(
            "LSTM", 4, direction="bidirectional", activations=["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Tanh", "Relu"]
        ),
        "TRT-OP-004",
    ),
    Row(
        "Resize symmetric",
        lambda: resize(coordinate_transformation_mode="half_pixel_symmetric", mode="linear"),
        "TRT-OP-004",
    ),
    Row("Resize aligned", lambda: resize(coordinate_transformation_mode="align_corners", mode="linear")),
    Row("cubic Resize", lambda: resize(mode="cubic"), warned="TRT-OP-006"),
    Row("Resize of some axes by fed scales", lambda: resize_by_fed_scales([2, 3]), "TRT-OP-004"),
    Row("Resize of all axes by fed scales", lambda: resize_by_fed_scales([0, 1, 2, 3])),
    Row("Resize of some axes by constant scales", lambda: resize(scales=np.full(2, 2, np.float32), axes=[2, 3])),
    Row("Resize of some axes to sizes", lambda: resize(sizes=np.array([4, 4]), axes=[2, 3])),
    Row(
        "Resize that keeps the ratio",
        lambda: resize(sizes=np.array([4, 6]), axes=[2, 3], keep_aspect_ratio_policy="not_larger"),
        "TRT-OP-004",
    ),
    Row("Attention with a mask of rank 2", lambda: attention((4, 4)), "TRT-OP-004"),
    Row(
        "Attention that gives its caches",
        lambda: model_of([node("Attention", "q q q", "y k v")], inputs=[("q", FLOAT, (1, 2, 4, 4))], opset=23),
        "TRT-OP-004",
    ),
    Row(
        "Attention with a cap",
        lambda: model_of([node("Attention", "q q q", softcap=2.0)], inputs=[("q", FLOAT, (1, 2, 4, 4))], opset=23),
        "TRT-OP-004",
    ),
    Row("Attention with a mask of rank 4", lambda: attention((1, 1, 4, 4))),
    Row(
        "circular TensorScatter",
        lambda: model_of([node("TensorScatter", "x u", "y", mode="circular")], {"u": weights(1, 4, 1, 8)}, opset=24),
        "TRT-OP-004",
    ),
    Row("TensorScatter", lambda: model_of([node("TensorScatter", "x u")], {"u": weights(1, 4, 1, 8)}, opset=24)),
    Row(
        "TensorScatter of rank 3",
        lambda: model_of(
            [node("TensorScatter", "x u")], {"u": weights(1, 1, 8)}, inputs=[("x", FLOAT, (1, 8, 8))], opset=24
        ),
        "TRT-OP-004",
    ),
    Row("branches of other ranks", lambda: branches(ranks=(1, 2)), "TRT-OP-004"),
    Row("branches of other ranks by a constant", lambda: branches(ranks=(1, 2), constant=True)),
    Row("branches", branches),
    Row("pooling over 1 axis", lambda: one("MaxPool", shape=(1, 4, 8), kernel_shape=[2]), warned="TRT-OP-006"),
    Row(
        "pooling over 4 axes", lambda: one("AveragePool", shape=(1, 1, 2, 2, 2, 2), kernel_shape=[2] * 4), "TRT-OP-004"
    ),
    Row("RotaryEmbedding by int64 positions", lambda: rotary(np.int64)),
    Row("RotaryEmbedding by int32 positions", lambda: rotary(np.int32), "ONNX-VALID-001"),
    Row("random values of a seed", lambda: one("RandomNormalLike", seed=1.0), warned="TRT-OP-007"),
    Row("random values", lambda: one("RandomNormalLike")),
]
