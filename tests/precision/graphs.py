"""Small ONNX models that quantizers and converters stumble over, one difficulty each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.case.data import Feeds, Samples, make_feeds
from pytest_qparity.case.model import ModelFile, read_model_file
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.table import base_of
from pytest_qparity.precision.variants import VariantRequest
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import save

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)


def model_of(
    nodes, inputs, outputs, constants, *, opset: int = 17, ir_version: int = 8, functions=()
) -> onnx.ModelProto:
    """`inputs` and `outputs` as (name, type, shape), `constants` as arrays by name."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    domains = {"": opset} | {function.domain: 1 for function in functions}
    imports = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version, functions=list(functions))


def one_matmul(*, opset: int = 17) -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="matmul")]
    return model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], {"w": weights(8, 4)}, opset=opset)


def initializers_as_inputs() -> onnx.ModelProto:
    """As exporters wrote models with IR version 3: each weight is an input too."""
    model = one_matmul(opset=9)
    model.ir_version = 3
    model.graph.input.append(helper.make_tensor_value_info("w", FLOAT, [8, 4]))
    return model


def nameless() -> onnx.ModelProto:
    """A node with a name among others without."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("MatMul", ["b", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Softmax", ["d"], ["y"]),
    ]
    return model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 8])], {"w": weights(8, 8)})


def function_inside() -> onnx.ModelProto:
    """A local function that holds the model's only MatMul."""
    body = [helper.make_node("MatMul", ["a", "b"], ["c"], name="inner")]
    function = helper.make_function("own", "Dense", ["a", "b"], ["c"], body, [helper.make_opsetid("", 17)])
    nodes = [helper.make_node("Dense", ["x", "w"], ["y"], domain="own", name="dense")]
    return model_of(
        nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], {"w": weights(8, 4)}, functions=[function]
    )


def branch(name: str, sign: float, operator: str = "Mul") -> onnx.GraphProto:
    node = helper.make_node(operator, ["hidden", f"{name}_factor"], [f"{name}_out"], name=f"{name}_node")
    factor = numpy_helper.from_array(np.array(sign, np.float32), f"{name}_factor")
    output = helper.make_tensor_value_info(f"{name}_out", FLOAT, ["N", 4])
    return helper.make_graph([node], name, [], [output], [factor])


def with_subgraphs(operator: str = "Mul") -> onnx.ModelProto:
    """x @ w, and one of two branches over it."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["hidden"], name="matmul"),
        helper.make_node("ReduceSum", ["hidden"], ["sum"], name="sum", keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"], name="greater"),
        helper.make_node(
            "If",
            ["positive"],
            ["y"],
            name="if",
            then_branch=branch("then", 1.0, operator),
            else_branch=branch("else", -1.0, operator),
        ),
    ]
    constants = {"w": weights(8, 4), "zero": np.array(0, np.float32)}
    return model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], constants)


def matmul_after_branch() -> onnx.ModelProto:
    """The condition is ready before what the branches take: ONNX Runtime's quantizer sorts the branch to the front."""
    model = with_subgraphs()
    del model.graph.node[1:3]
    model.graph.input.append(helper.make_tensor_value_info("positive", TensorProto.BOOL, []))
    model.graph.node[-1].output[0] = "chosen"
    model.graph.node.append(helper.make_node("MatMul", ["chosen", "w2"], ["y"], name="last"))
    model.graph.initializer.append(numpy_helper.from_array(weights(4, 4, seed=1), "w2"))
    return model


def lstm() -> onnx.ModelProto:
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "b", "", "h0", "c0"], ["y", "h", "c"], name="lstm", hidden_size=6),
        helper.make_node("Squeeze", ["h", "axis"], ["flat"], name="squeeze"),
        helper.make_node("MatMul", ["flat", "out"], ["z"], name="matmul"),
    ]
    constants = {
        "w": weights(1, 24, 8),
        "r": weights(1, 24, 6, seed=1),
        "b": weights(1, 48, seed=2),
        "axis": np.array([0], np.int64),
        "out": weights(6, 4, seed=3),
    }
    states = [("h0", FLOAT, [1, 1, 6]), ("c0", FLOAT, [1, 1, 6])]
    outputs = [("z", FLOAT, [1, 4]), ("c", FLOAT, [1, 1, 6])]
    return model_of(nodes, [("x", FLOAT, [5, 1, 8]), *states], outputs, constants)


def resized() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Resize", ["c", "", "scales"], ["y"], name="resize", mode="linear"),
    ]
    constants = {"k": weights(3, 1, 3, 3), "scales": np.array([1, 1, 2, 2], np.float32)}
    return model_of(nodes, [("x", FLOAT, [1, 1, 4, 4])], [("y", FLOAT, [1, 3, 8, 8])], constants)


def masked() -> onnx.ModelProto:
    """Token ids and a mask beside each other, as transformers have them; the mask's constant is −3.4e38."""
    lowest = np.array(np.finfo(np.float32).min, np.float32)
    nodes = [
        helper.make_node("Gather", ["embedding", "input_ids"], ["tokens"], name="embed"),
        helper.make_node("MatMul", ["tokens", "w"], ["scores"], name="scores"),
        helper.make_node("Cast", ["attention_mask"], ["kept"], name="cast", to=FLOAT),
        helper.make_node("Sub", ["one", "kept"], ["dropped"], name="invert"),
        helper.make_node("Mul", ["dropped", "lowest"], ["bias"], name="mask"),
        helper.make_node("Unsqueeze", ["bias", "last"], ["wide"], name="widen"),
        helper.make_node("Add", ["scores", "wide"], ["biased"], name="mask_add"),
        helper.make_node("Softmax", ["biased"], ["y"], name="softmax", axis=1),
    ]
    constants = {
        "embedding": weights(20, 8),
        "w": weights(8, 4, seed=1),
        "one": np.array(1, np.float32),
        "lowest": lowest,
        "last": np.array([2], np.int64),
    }
    inputs = [("input_ids", INT64, ["N", 6]), ("attention_mask", INT64, ["N", 6])]
    return model_of(nodes, inputs, [("y", FLOAT, ["N", 6, 4])], constants)


def quantized(*, scale: float = 0.1, opset: int = 17, wrap: str = "initializer") -> onnx.ModelProto:
    """x → QuantizeLinear → DequantizeLinear → y, int8; the scale an initializer, a Constant node or behind Identity."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "zero"], ["i"], name="quantize"),
        helper.make_node("DequantizeLinear", ["i", "s", "zero"], ["y"], name="dequantize"),
    ]
    constants = {"zero": np.array(0, np.int8)}
    array = np.array(scale, np.float32)
    if wrap == "initializer":
        constants["s"] = array
    elif wrap == "constant":
        nodes.insert(0, helper.make_node("Constant", [], ["s"], name="s", value=numpy_helper.from_array(array)))
    elif wrap == "constant float":
        nodes.insert(0, helper.make_node("Constant", [], ["s"], name="s", value_float=scale))
    else:
        constants["s0"] = array
        nodes.insert(0, helper.make_node("Identity", ["s0"], ["s"], name="s"))
    return model_of(nodes, [("x", FLOAT, [4])], [("y", FLOAT, [4])], constants, opset=opset)


def model_file(path: Path) -> ModelFile:
    """What the model states, read in this process."""
    return read_model_file(path, InProcess(Limits()))


def samples_for(model: ModelFile, count: int, *, seed: int = 5) -> Feeds:
    """Standard normal floats, integers in 0..1, for each input of the model; open dimensions are 1."""
    random = np.random.default_rng(seed)
    arrays = {}
    for tensor in model.inputs:
        shape = tuple(each if isinstance(each, int) else 1 for each in tensor.shape or ())
        values = (
            random.standard_normal((count, *shape))
            if "float" in tensor.dtype
            else random.integers(0, 2, (count, *shape))
        )
        arrays[tensor.name] = values.astype(tensor.dtype)
    return make_feeds(Samples(arrays, None, "", "made"), model.inputs, 1)


def request_for(model: onnx.ModelProto, folder: Path, precision: str, *, family="ort", **spec) -> VariantRequest:
    path = save(model, folder / "float.onnx")
    return VariantRequest(
        model_file(path), precision, str(base_of(precision, None)), PrecisionSpec(**spec), folder, family
    )
