"""What a worker does for a case: it parses model files, and says what they state of themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper

from pytest_qparity.case.tensors import tensors_of
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    Result = tuple[Any, Mapping[str, np.ndarray]]


def inspect(held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Result:
    """Inputs, outputs, opset and places of external data of the model in the file `model`, `shown` by its name."""
    shown = arguments["shown"]
    model = _parsed(Path(arguments["model"]).read_bytes(), shown)
    try:
        return _stated(model, shown), {}
    except UnicodeDecodeError:
        remedy = "export the model again; it may be damaged"
        raise _unreadable(shown, "a name that is no UTF-8", "an ONNX model", remedy) from None


def _stated(model: onnx.ModelProto, shown: str) -> dict[str, Any]:
    initializers = {tensor.name for tensor in model.graph.initializer}
    initializers |= {sparse.values.name for sparse in model.graph.sparse_initializer}
    return {
        "inputs": [_tensor_info(value, shown) for value in model.graph.input if value.name not in initializers],
        "outputs": [_tensor_info(value, shown) for value in model.graph.output],
        "opset": next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")),
        "external": [_external(each) for _, each in tensors_of(model) if each.data_location == TensorProto.EXTERNAL],
    }


def _unreadable(shown: str, got: str, should: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.MODEL_UNREADABLE, f"{shown}: got {got}, should be {should}.", remedy))


def _parsed(content: bytes, shown: str) -> onnx.ModelProto:
    should, remedy = "an ONNX model", "make or fetch the file again; it may be cut short or of another format"
    try:
        model = onnx.ModelProto()
        model.ParseFromString(content)
    except DecodeError:
        raise _unreadable(shown, f"{len(content):,} bytes that are no protobuf message", should, remedy) from None
    if not model.graph.output:
        raise _unreadable(shown, "a graph without outputs", should, remedy)
    if all(entry.domain not in ("", "ai.onnx") or entry.version < 1 for entry in model.opset_import):
        raise _unreadable(shown, "no opset of the domain ai.onnx", should, remedy)
    return model


def _text(stated: str | bytes) -> str:
    """Protobuf's C code gives a text that is no UTF-8 as bytes, its Python code raises: here both raise."""
    return stated.decode() if isinstance(stated, bytes) else stated


def _tensor_info(value: onnx.ValueInfoProto, shown: str) -> dict[str, Any]:
    name = _text(value.name)
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        got = f'"{name}" of type {(kind or "none").removesuffix("_type")}'
        raise _unreadable(shown, got, "a tensor", "export the model with tensors as inputs and outputs (no ZipMap)")
    tensor = value.type.tensor_type
    if tensor.elem_type == TensorProto.STRING:
        dtype = "str"
    else:
        try:
            dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
        except KeyError:
            got = f'"{name}" with element type {tensor.elem_type}'
            raise _unreadable(shown, got, "a type that ONNX has", "export the model again") from None
    shape = [_dimension(entry) for entry in tensor.shape.dim] if tensor.HasField("shape") else None
    return {"name": name, "dtype": dtype, "shape": shape}


def _dimension(entry: onnx.TensorShapeProto.Dimension) -> int | str | None:
    if entry.HasField("dim_value") and entry.dim_value >= 0:
        return int(entry.dim_value)
    return _text(entry.dim_param) or None  # a negative dim_value is how some exporters write "any"


def _external(tensor: TensorProto) -> dict[str, str]:
    """What the tensor says of its external data, as text: nothing of it is believed here."""
    stated = {entry.key: _text(entry.value) for entry in tensor.external_data}
    return {
        "tensor": _text(tensor.name),
        "location": stated.get("location", ""),
        "offset": stated.get("offset", "0"),
        "length": stated.get("length", "0"),
    }
