"""Models with a quantization in the middle, and every engine here to run what they are lowered to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper

from pytest_qparity.quantmath.floats import FLOAT_FORMATS, FloatFormat
from pytest_qparity.quantmath.integers import INTEGER_TYPES, IntegerType
from pytest_qparity.quantmath.layout import Blocked, Layout, PerAxis

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Run: TypeAlias = Callable[[Mapping[str, Array]], list[Array]]

TYPES: Mapping[str, int] = {
    name: TensorProto.DataType.Value(name.upper()) for name in (*FLOAT_FORMATS, *INTEGER_TYPES) if "float6" not in name
}
FOREIGN = "trt"


def tensor(array: Array, name: str) -> onnx.TensorProto:
    """An initializer of any dtype, also of ml_dtypes."""
    from onnx_ir import serde, tensor

    proto: onnx.TensorProto = serde.serialize_tensor(tensor(array, name=name))
    return proto


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, Sequence[int | str]]],
    outputs: Mapping[str, int],
    constants: Mapping[str, Array] | None = None,
    opset: int = 25,
) -> onnx.ModelProto:
    """A model; inputs by name with type and shape, outputs by name with type."""
    graph = helper.make_graph(
        nodes,
        "emulated",
        [helper.make_tensor_value_info(name, type_, shape) for name, (type_, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, type_, None) for name, type_ in outputs.items()],
        [tensor(array, name) for name, array in (constants or {}).items()],
    )
    domains = {"": opset} | {node.domain: 1 for node in nodes if node.domain}
    return helper.make_model(
        graph, ir_version=11, opset_imports=[helper.make_opsetid(*each) for each in domains.items()]
    )


def attributes_of(layout: Layout) -> dict[str, int]:
    match layout:
        case PerAxis(axis):
            return {"axis": axis}
        case Blocked(axis, block):
            return {"axis": axis, "block_size": block}
    return {}


def quantize_dequantize(
    shape: Sequence[int | str],
    scale: Array,
    type_: IntegerType | FloatFormat,
    layout: Layout,
    zero_point: Array | None = None,
    saturate: int = 1,
) -> onnx.ModelProto:
    """x → QuantizeLinear → DequantizeLinear → y, with a constant scale."""
    attributes = attributes_of(layout)
    constants = {"scale": scale}
    names = ["scale"]
    if zero_point is not None:
        constants["zero_point"] = zero_point
        names.append("zero_point")
    to = {} if zero_point is not None else {"output_dtype": TYPES[type_.name]}
    if isinstance(type_, FloatFormat):
        to["saturate"] = saturate
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *names], ["q"], "quantize", **attributes, **to),
        helper.make_node("DequantizeLinear", ["q", *names], ["y"], "dequantize", **attributes),
    ]
    return model(nodes, {"x": (TensorProto.FLOAT, shape)}, {"y": TensorProto.FLOAT}, constants)


def on_reference(lowered: onnx.ModelProto) -> Run:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(lowered)

    def run(feeds: Mapping[str, Array]) -> list[Array]:
        with np.errstate(all="ignore"):
            return [np.asarray(each) for each in evaluator.run(None, dict(feeds))]

    return run


def on_onnxruntime(lowered: onnx.ModelProto, optimized: bool) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(lowered.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda feeds: [np.asarray(each) for each in session.run(None, dict(feeds))]


def on_openvino(lowered: onnx.ModelProto) -> Run:
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    compiled = core.compile_model(core.read_model(lowered.SerializeToString()), "CPU", settings)
    return lambda feeds: [np.array(each) for each in compiled(dict(feeds)).values()]


ENGINES: Mapping[str, Callable[[onnx.ModelProto], Run]] = {
    "reference": on_reference,
    "onnxruntime, optimizer off": lambda lowered: on_onnxruntime(lowered, False),
    "onnxruntime": lambda lowered: on_onnxruntime(lowered, True),
    "openvino": on_openvino,
}


def differing(got: Array, wanted: Array) -> Array:
    """Where two float32 arrays are not the same bits; all NaN are one."""
    assert got.shape == wanted.shape, f"got shape {got.shape}, should be {wanted.shape}"
    assert got.dtype == wanted.dtype, f"got {got.dtype}, should be {wanted.dtype}"
    bits = {4: np.uint32, 2: np.uint16}[got.dtype.itemsize]
    both_nan = np.isnan(got.astype(np.float32)) & np.isnan(wanted.astype(np.float32))
    return (got.view(bits) != wanted.view(bits)) & ~both_nan


BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
