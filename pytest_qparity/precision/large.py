"""Models beyond the 2 GB of one protobuf message: their weights stand apart from the rest of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.case.tensors import tensors_of
from pytest_qparity.precision.scopes import bodies_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from onnx import ModelProto, TensorProto

__all__ = [
    "apart_from_weights",
    "constants_lifted",
    "copied",
    "data_beside",
    "fits_one_message",
    "save_whole",
    "save_with_data_at",
    "without_weights",
]

LARGEST_WEIGHTS = 2**31 - 2**26  # bytes: what protobuf takes in one message, less room for the graph
SMALL = 1_024  # bytes: shapes, axes and their like, which converters and inference read


def apart_from_weights(model: ModelProto, work: Callable[[ModelProto], ModelProto]) -> ModelProto:
    """What `work` makes of a model; while it works, constants of more than SMALL bytes are named and not there.

    ONNX's inference and converters take a message, and look at types and shapes of weights alone. `model` is used up.
    """
    from onnx import TensorProto

    held: dict[str, bytes] = {}
    for _, tensor in tensors_of(model):
        if len(tensor.raw_data) > SMALL:
            place = f"held {len(held)}"
            held[place] = tensor.raw_data
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=place)
    made = work(model)
    for _, tensor in tensors_of(made):
        place = tensor.external_data[0].value if tensor.external_data else ""
        if place in held:  # others lie in files of their own
            tensor.raw_data = held[place]
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
    return made


def without_weights(model: ModelProto, largest: int = SMALL) -> ModelProto:
    """A copy in which constants of more than `largest` bytes have a type and a shape alone: for inference, where the
    model itself stays as it is."""
    from onnx import ModelProto

    light = ModelProto(ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions)
    light.graph.node.extend(model.graph.node)
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    light.graph.value_info.extend(model.graph.value_info)
    for _, tensor in tensors_of(light):  # of bodies and functions, and in Constant nodes
        if len(tensor.raw_data) > largest:
            tensor.ClearField("raw_data")
    light.graph.initializer.extend(_light(tensor, largest) for tensor in model.graph.initializer)
    return light


def constants_lifted(model: ModelProto) -> ModelProto:
    """The model with initializers in the place of Constant nodes, in which quantizers see no weights and onnx puts none
    beside the file."""
    import onnx_ir
    from onnx_ir.passes import common

    lifted = onnx_ir.serde.deserialize_model(model)
    common.LiftConstantsToInitializersPass(size_limit=0)(lifted)
    return onnx_ir.serde.serialize_model(lifted)


def _light(tensor: TensorProto, largest: int) -> TensorProto:
    from onnx import TensorProto

    is_outside = tensor.data_location == TensorProto.EXTERNAL
    elements = 1
    for size in tensor.dims:
        elements *= size
    if elements > 2 * largest:  # of 4 bits at least: told without a copy of its data, which protobuf makes of them
        return TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    if not is_outside and len(tensor.raw_data) <= largest and tensor.ByteSize() <= 2 * largest:
        return tensor
    return TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)


def copied(model: ModelProto) -> ModelProto:
    """A copy, where the model itself would be used up."""
    from onnx import ModelProto

    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def fits_one_message(model: ModelProto) -> bool:
    """Whether protobuf can write it in one piece."""
    return sum(len(tensor.raw_data) or tensor.ByteSize() for _, tensor in tensors_of(model)) <= LARGEST_WEIGHTS


def save_whole(model: ModelProto, path: Path) -> None:
    """Write a model; where it does not fit one message, its weights to a file beside it. `model` is used up."""
    import onnx

    if fits_one_message(model):
        onnx.save(model, path)
    else:
        if any(len(constant.raw_data) > SMALL for constant in _constants(model)):
            model = constants_lifted(model)
        onnx.save(model, path, save_as_external_data=True, location=data_beside(path).name, size_threshold=SMALL)


def _constants(model: ModelProto) -> Iterator[TensorProto]:
    """What Constant nodes hold."""
    graphs = [model.graph, *bodies_of(model.graph)]
    nodes = (node for graph in graphs for node in graph.node if node.op_type == "Constant")
    return (attribute.t for node in nodes for attribute in node.attribute)


def save_with_data_at(model: Path, target: Path, data: str) -> None:
    """Write a model file anew that looks for its weights in the file `data` beside it."""
    import onnx
    from onnx import TensorProto

    moved = onnx.load(model, load_external_data=False)
    for _, tensor in tensors_of(moved):
        if tensor.data_location == TensorProto.EXTERNAL:
            next(entry for entry in tensor.external_data if entry.key == "location").value = data
    onnx.save(moved, target)


def data_beside(path: Path) -> Path:
    """Where the weights of a made model lie that are not in its file."""
    return path.with_name(f"{path.name}.data")
