"""What a worker reads of a float model and its candidate: which precision, and what they tell of the inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnx import TensorProto, numpy_helper

from pytest_qparity.precision.content import Content, content_of, quantized_nodes
from pytest_qparity.precision.table import FLOATS, HALVES, PRECISIONS
from pytest_qparity.precision.values import load_graph

if TYPE_CHECKING:
    import numpy as np
    from onnx import GraphProto, ModelProto, NodeProto

TARGET = "pytest_qparity.gate.pair_files:read_pair"
ONE = "pytest_qparity.gate.pair_files:read_precision"

# What hands on an input's values, or fewer of them, to whoever looks them up.
_HANDING_ON = frozenset({"Cast", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"})
_QUANTIZERS = frozenset({"QuantizeLinear"})
_CODES: Mapping[int, tuple[int, int]] = {
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT8: (0, 255),
    TensorProto.INT16: (-(2**15), 2**15 - 1),
    TensorProto.UINT16: (0, 2**16 - 1),
}


def read_pair(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """A worker's call: precisions of the files `model` and `candidate` (None: all float32), and by input of the model
    `span`, `rows` and `convolved`, as `case.drawing.InputHint` has them."""
    model, candidate = Path(arguments["model"]), Path(arguments["candidate"])
    float_graph, candidate_graph = load_graph(model), load_graph(candidate)
    return {
        "model_precision": precision_of(content_of(model)),
        "candidate_precision": precision_of(content_of(candidate)),
        "hints": {
            value.name: {
                "span": span_of(value.name, candidate_graph),
                "rows": rows_of(value.name, float_graph),
                "convolved": any(taker.op_type == "Conv" for taker in _takers(value.name, float_graph.graph)),
            }
            for value in float_graph.graph.input
        },
    }, {}


def read_precision(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[str | None, Mapping[str, np.ndarray]]:
    """A worker's call: the precision of the file `model`, as `precision_of` has it."""
    return precision_of(content_of(Path(arguments["model"]))), {}


def precision_of(content: Content) -> str | None:
    """The precision that most of a file's quantized products are of, or, where nothing is quantized, the half
    precision that its products compute in; None where it is float32 alone.

    Of names that stand for the same content (int8 and uint8, fp8 and fp8-e4m3) the first in the table of precisions.
    """
    quantized = [name for name in PRECISIONS if name not in FLOATS and quantized_nodes(content, name)]
    if quantized:
        products = [taker for taker in content.takers if taker.product] or list(content.takers)
        count = Counter(name for taker in products for name in taker.precisions)
        return max(quantized, key=lambda name: count[name])  # the first of several
    return next((name for name in PRECISIONS if name in HALVES and quantized_nodes(content, name)), None)


def span_of(name: str, model: ModelProto) -> tuple[float, float] | None:
    """What the input's own QuantizeLinear takes without clipping, (q − zero point) · scale for the least and the
    largest code q; None where it has none with a constant scale for the whole tensor."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in _takers(name, model.graph):
        if node.op_type not in _QUANTIZERS or node.input[0] != name:
            continue
        scale = constants.get(node.input[1])
        if scale is None or scale.data_location == TensorProto.EXTERNAL:
            continue
        scales = numpy_helper.to_array(scale)
        zero = constants.get(node.input[2]) if len(node.input) > 2 else None
        codes = _CODES.get(TensorProto.UINT8 if zero is None else zero.data_type)
        if scales.size != 1 or codes is None or (len(node.input) > 2 and node.input[2] and zero is None):
            continue
        point = 0 if zero is None else int(numpy_helper.to_array(zero).reshape(-1)[0])
        low, high = ((code - point) * float(scales.reshape(-1)[0]) for code in codes)
        if low < high and abs(low) < float("inf") and abs(high) < float("inf"):
            return low, high
    return None


def rows_of(name: str, model: ModelProto) -> int | None:
    """How many entries the smallest constant table has that the input indexes (Gather); None where it indexes none."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    found = []
    for node in _reached(name, model.graph):
        if node.op_type == "Gather" and node.input[0] in shapes:
            axis = next((each.i for each in node.attribute if each.name == "axis"), 0)
            shape = shapes[node.input[0]]
            if -len(shape) <= axis < len(shape):
                found.append(shape[axis])
    return min((rows for rows in found if rows > 0), default=None)


def _takers(name: str, graph: GraphProto) -> Iterator[NodeProto]:
    return (node for node in graph.node if name in node.input)


def _reached(name: str, graph: GraphProto) -> Iterator[NodeProto]:
    """Nodes that take the input as indices, at once or behind what hands its values on."""
    names = {name}
    for node in graph.node:  # in the order in which they run
        if node.op_type in _HANDING_ON and node.input and node.input[0] in names:
            names.update(node.output)
        elif len(node.input) > 1 and node.input[1] in names:
            yield node
