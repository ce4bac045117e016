"""Options that TensorRT's parser does not take of operators that it has: one small function an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.checks.linting.pairs import is_constant
from pytest_qparity.checks.linting.view import attribute, input_name

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.checks.linting.view import Body, View

__all__ = ["RESTRICTIONS"]

Restriction = Callable[["View", "Body", "NodeProto"], Iterator[str]]

_LARGEST_K = 3840


def _max_pool(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    if len(node.output) > 1 and node.output[1]:
        yield "got MaxPool's output Indices, should be its first output alone"
    yield from _pool(view, body, node)


def _pool(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    dilations = _integers(node, "dilations")
    if any(each != 1 for each in dilations):
        yield f"got dilations {dilations} of {node.op_type}, should be all 1"


def _layer_norm(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    if any(node.output[1:]):
        yield "got more outputs of LayerNormalization, should be its first alone"


def _batch_norm(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    if attribute(node, "training_mode"):
        yield "got BatchNormalization in training mode, should be exported for inference"


def _dropout(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    name = input_name(node, 2)
    if not name:
        return
    training = view.array(body.known(node, 2))
    if training is None or bool(np.asarray(training).any()):
        yield "got Dropout in training mode, should be exported for inference"


def _top_k(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    if not attribute(node, "sorted", 1):
        yield "got TopK with sorted = 0, should be 1"
    k = view.array(body.known(node, 1))
    if k is not None and k.size and int(np.asarray(k).flat[0]) >= _LARGEST_K:
        yield f"got TopK of {int(np.asarray(k).flat[0])}, should be below {_LARGEST_K}"


def _scatter_nd(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    reduction = _text(node, "reduction", "none")
    if reduction != "none":
        yield f'got ScatterND with reduction "{reduction}", should be "none"'


def _lstm(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    for name in ("input_forget", "layout"):
        if attribute(node, name):
            yield f"got LSTM with {name} = {attribute(node, name)}, should be 0"


def _resize(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    if attribute(node, "antialias"):
        yield "got Resize with antialias, should be without"
    policy = _text(node, "keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        yield f'got Resize with keep_aspect_ratio_policy "{policy}", should be "stretch"'
    if _text(node, "coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        yield "got Resize with tf_crop_and_resize, should be another coordinate transformation"


def _reduction(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    name = input_name(node, 1)
    if name and not is_constant(body, name):
        yield f"got computed axes of {node.op_type}, should be an initializer"


def _constant_input(index: int, what: str) -> Restriction:
    def found(view: View, body: Body, node: NodeProto) -> Iterator[str]:
        name = input_name(node, index)
        if name and not is_constant(body, name) and _is_fed(view, name):
            yield f"got a {what} of {node.op_type} that is fed, should be a constant"

    return found


def _constant(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    for each in node.attribute:
        if each.name in ("sparse_value", "value_string", "value_strings"):
            yield f"got a Constant of {each.name}, should be a tensor of numbers"


def _attention(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    for index, name in ((4, "past_key"), (5, "past_value"), (6, "nonpad_kv_seqlen")):
        if input_name(node, index):
            yield f"got Attention with the input {name}, should be without"
    if any(node.output[1:]):
        yield "got more outputs of Attention, should be its first alone"
    for each in node.attribute:
        if each.name in ("qk_matmul_output_mode", "softcap") and (each.i or each.f):
            yield f"got Attention with {each.name}, should be without"
    shape = body.known(node, 0).shape
    if shape is not None and len(shape) != 4:
        yield f"got Attention on rank {len(shape)}, should be 4"


def _tensor_scatter(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    axis, shape = attribute(node, "axis", -2), body.known(node, 0).shape
    if shape is not None and len(shape) != 4:
        yield f"got TensorScatter on rank {len(shape)}, should be 4"
    if axis not in (-2, 2):
        yield f"got TensorScatter along axis {axis}, should be -2"


def _is_fed(view: View, name: str) -> bool:
    return any(value.name == name for value in view.inputs)


def _integers(node: NodeProto, name: str) -> list[int]:
    return next(([int(each) for each in found.ints] for found in node.attribute if found.name == name), [])


def _text(node: NodeProto, name: str, default: str) -> str:
    found = next((each.s for each in node.attribute if each.name == name), None)
    return default if found is None else found.decode(errors="replace")


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")

RESTRICTIONS: Mapping[str, Restriction] = {
    "Attention": _attention,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "Constant": _constant,
    "CumSum": _constant_input(1, "axis"),
    "Dropout": _dropout,
    "LSTM": _lstm,
    "LayerNormalization": _layer_norm,
    "LpPool": _pool,
    "MaxPool": _max_pool,
    "OneHot": _constant_input(1, "depth"),
    "Resize": _resize,
    "ScatterND": _scatter_nd,
    "TensorScatter": _tensor_scatter,
    "TopK": _top_k,
    **{f"Reduce{name}": _reduction for name in _REDUCTIONS},
}
