"""Options that TensorRT's parser does not take of operators that it has: one small function an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.checks.linting.constants import computed, constant_names
from pytest_qparity.checks.linting.pairs import is_constant
from pytest_qparity.checks.linting.view import attribute, input_name, shape_of
from pytest_qparity.precision.values import subgraphs

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.checks.linting.view import Body, View

__all__ = ["RESTRICTIONS", "Restriction", "integers", "text"]

Restriction = Callable[["View", "Body", "NodeProto"], Iterator[str]]

_LARGEST_K = 3840
_MOST_POOLED_AXES = 3
_FIRST_OPSET_WITH_HARDMAX_OF_ONE_AXIS = 13  # those before flatten what lies behind the axis into it


def _max_pool(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    if len(node.output) > 1 and node.output[1]:
        yield "got MaxPool's output Indices, should be its first output alone"
    yield from _pool(view, body, node)


def _pool(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    dilations, window = integers(node, "dilations"), integers(node, "kernel_shape")
    if any(each != 1 for each in dilations):
        yield f"got dilations {dilations} of {node.op_type}, should be all 1"
    if len(window) > _MOST_POOLED_AXES:
        yield f"got {node.op_type} over {len(window)} axes, should be over 3 at most"


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
    k = _values(view, body, node, 1)
    if k is not None and k.size and int(np.asarray(k).flat[0]) >= _LARGEST_K:
        yield f"got TopK of {int(np.asarray(k).flat[0])}, should be below {_LARGEST_K}"


def _scatter_nd(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    reduction = text(node, "reduction", "none")
    if reduction != "none":
        yield f'got ScatterND with reduction "{reduction}", should be "none"'


def _recurrent(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    # Of GRU and RNN the importer does not even look at the layout: it takes the first axis for the sequence's.
    for name in ("input_forget", "layout"):
        if attribute(node, name):
            yield f"got {node.op_type} with {name} = {attribute(node, name)}, should be 0"
    if text(node, "direction", "forward") != "bidirectional":
        return
    # The importer computes both directions by the functions of the first.
    for name in ("activations", "activation_alpha", "activation_beta"):
        stated = _list(node, name)
        forward, backward = stated[: len(stated) // 2], stated[len(stated) // 2 :]
        if forward != backward:
            yield f"got {node.op_type} with {name} {forward} forward and {backward} backward, should be the same"


def _resize(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    if attribute(node, "antialias"):
        yield "got Resize with antialias, should be without"
    policy = text(node, "keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        yield f'got Resize with keep_aspect_ratio_policy "{policy}", should be "stretch"'
    transformation = text(node, "coordinate_transformation_mode", "half_pixel")
    if transformation in ("half_pixel_symmetric", "tf_crop_and_resize"):
        yield f"got Resize with {transformation}, should be another coordinate transformation"
    rank, axes = len(body.known(node, 0).shape or ()), integers(node, "axes")
    is_whole = not axes or [axis % rank if rank else axis for axis in axes] == list(range(rank or len(axes)))
    # Constant scales are put in their places by the importer; so are sizes, constant or not.
    if not is_whole and not input_name(node, 3) and _is_computed(body, node, 2):
        yield f"got Resize by computed scales of the axes {axes}, should be constant scales, or of all axes in order"


def _reduction(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    name = input_name(node, 1)
    if name and not is_constant(body, name):
        yield f"got computed axes of {node.op_type}, should be an initializer"


def _constant_input(index: int, what: str) -> Restriction:
    def found(view: View, body: Body, node: NodeProto) -> Iterator[str]:
        if _is_computed(body, node, index):
            yield f"got {what} of {node.op_type} that depends on an input, should be a constant"

    return found


def _squeeze(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    yield from _constant_input(1, "axes")(view, body, node)
    shape = body.known(node, 0).shape
    if not input_name(node, 1) and not integers(node, "axes") and shape is not None and None in shape:
        yield "got Squeeze without axes on a shape that is not fixed, should name its axes"


def _eye_like(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    shape = body.known(node, 0).shape
    if shape is not None and None in shape:
        yield "got EyeLike of a shape that is not fixed, should be fixed"


def _hardmax(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    is_flattened = view.opset < _FIRST_OPSET_WITH_HARDMAX_OF_ONE_AXIS
    shape, axis = body.known(node, 0).shape, attribute(node, "axis", 1 if is_flattened else -1)
    if shape and -len(shape) <= axis < len(shape):
        axis %= len(shape)
        if None in (shape[axis:] if is_flattened else shape[axis : axis + 1]):
            yield f"got Hardmax along axis {axis}, whose size is not fixed, should be fixed"


def _grid_sample(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    shape = body.known(node, 0).shape
    if shape is not None and len(shape) != 4:
        yield f"got GridSample on rank {len(shape)}, should be 4"


def _deform_conv(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    shape, pads = body.known(node, 0).shape, integers(node, "pads")
    if shape is not None and len(shape) not in (3, 4):
        yield f"got DeformConv on rank {len(shape)}, should be 3 or 4"
    if pads[: len(pads) // 2] != pads[len(pads) // 2 :]:
        yield f"got DeformConv with pads {pads}, should be the same at the beginning and the end of an axis"


def _stft(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    for index, what in ((1, "frame_step"), (2, "window"), (3, "frame_length")):
        name = input_name(node, index)
        if name and not is_constant(body, name):
            yield f"got a computed {what} of STFT, should be an initializer"
    shape = body.known(node, 0).shape
    if shape is not None and not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 1)):
        yield "got STFT of values that may be complex, should be real: of rank 2, or with a last axis of 1"


def _if(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    name = input_name(node, 0)
    if name and is_constant(body, name):
        return  # one branch alone is imported then
    ranks = [
        [None if (shape := shape_of(output)) is None else len(shape) for output in graph.output]
        for graph in subgraphs(node)
    ]
    if len(ranks) == 2:
        for index, (one, other) in enumerate(zip(*ranks, strict=False)):
            if None not in (one, other) and one != other:
                yield f"got output {index} of If with rank {one} in one branch, {other} in the other, should be alike"


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
    for index, name in ((0, "Q"), (1, "K"), (2, "V"), (3, "attn_mask")):
        shape = body.known(node, index).shape
        if shape is not None and len(shape) != 4:
            yield f"got Attention with {name} of rank {len(shape)}, should be 4"


def _tensor_scatter(view: View, body: Body, node: NodeProto) -> Iterator[str]:
    axis, mode = attribute(node, "axis", -2), text(node, "mode", "linear")
    for index, name in ((0, "past_cache"), (1, "update")):
        shape = body.known(node, index).shape
        if shape is not None and len(shape) != 4:
            yield f"got TensorScatter with {name} of rank {len(shape)}, should be 4"
    if axis not in (-2, 2):
        yield f"got TensorScatter along axis {axis}, should be -2"
    if mode != "linear":
        yield f'got TensorScatter with mode "{mode}", should be "linear"'


def _is_computed(body: Body, node: NodeProto, index: int) -> bool:
    """Whether a node has an input that is made of what is fed."""
    name = input_name(node, index)
    return bool(name) and name not in constant_names(body)


def _values(view: View, body: Body, node: NodeProto, index: int) -> np.ndarray | None:
    array = view.array(body.known(node, index))
    return computed(view, body, input_name(node, index)) if array is None else array


def integers(node: NodeProto, name: str) -> list[int]:
    return next(([int(each) for each in found.ints] for found in node.attribute if found.name == name), [])


def _list(node: NodeProto, name: str) -> list[str | float]:
    """A list of texts or of numbers."""
    found = next((each for each in node.attribute if each.name == name), None)
    if found is None:
        return []
    return [each.decode(errors="replace") for each in found.strings] or [round(each, 6) for each in found.floats]


def text(node: NodeProto, name: str, default: str) -> str:
    found = next((each.s for each in node.attribute if each.name == name), None)
    return default if found is None else found.decode(errors="replace")


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")

RESTRICTIONS: Mapping[str, Restriction] = {
    "Attention": _attention,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "Constant": _constant,
    "CumSum": _constant_input(1, "an axis"),
    "DeformConv": _deform_conv,
    "Dropout": _dropout,
    "EyeLike": _eye_like,
    "GRU": _recurrent,
    "GridSample": _grid_sample,
    "Hardmax": _hardmax,
    "If": _if,
    "LSTM": _recurrent,
    "LayerNormalization": _layer_norm,
    "LpPool": _pool,
    "MaxPool": _max_pool,
    "OneHot": _constant_input(1, "a depth"),
    "RNN": _recurrent,
    "Resize": _resize,
    "STFT": _stft,
    "ScatterND": _scatter_nd,
    "Squeeze": _squeeze,
    "TensorScatter": _tensor_scatter,
    "TopK": _top_k,
    "Unsqueeze": _constant_input(1, "axes"),
    **{f"Reduce{name}": _reduction for name in _REDUCTIONS},
}
