"""Rows of the table about ONNX's own rules: what is refused for every target, and what engines take all the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.checks.linting.view import LARGEST_INFERRED
from tests.checks.linting.files import Row, model_of, node, scalar, weights

INVALID = "ONNX-VALID-001"


def text(
    nodes: str,
    *,
    given: str = "float[1,4] x",
    gives: str = "float[1,4] y",
    inner: str = "",
    opset: int = 21,
) -> onnx.ModelProto:
    """A model as onnx's text format has it, checked by nothing."""
    stated = f" <{inner}>" if inner else ""
    return onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": {opset}]> graph ({given}) => ({gives}){stated} {{ {nodes} }}'
    )


def with_constant(model: onnx.ModelProto, name: str, array: np.ndarray) -> onnx.ModelProto:
    model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


def changed(change: Callable[[onnx.ModelProto], object], nodes: str = "y = Relu(x)") -> onnx.ModelProto:
    model = text(nodes)
    change(model)
    return model


def without_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Its output states none: onnx.checker refuses that alone where the file is sound otherwise."""
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return model


def cut_short() -> onnx.ModelProto:
    model = with_constant(text("y = Add(x, c)"), "c", np.ones(4, np.float32))
    model.graph.initializer[0].raw_data = b"abc"
    return model


def large_cut_short() -> onnx.ModelProto:
    model = with_constant(text("y = Add(x, c)", given="float[1,1] x"), "c", np.ones((1, LARGEST_INFERRED), np.float32))
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    return without_shapes(model)


def large_misfit() -> onnx.ModelProto:
    model = with_constant(text("y = MatMul(x, w)"), "w", weights(7, LARGEST_INFERRED))
    return without_shapes(model)


def older_ir() -> onnx.ModelProto:
    model = with_constant(text("y = Add(x, c)"), "c", scalar(1.0))
    model.ir_version = 3
    return model


def said_twice(model: onnx.ModelProto) -> None:
    helper.set_model_props(model, {"author": "nobody"})
    model.metadata_props.add().CopyFrom(model.metadata_props[0])


def branching(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    """What the branches take from around them, `a`, is made behind them; they are `nodes` alike, which make `b`."""
    outputs = [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1, 4])]
    branch = helper.make_graph(nodes, "branch", [], outputs)
    model = text("a = Relu(x)", given="float[1,4] x, bool c")
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    model.graph.node.insert(0, choice)
    return model


def unsorted_in_function() -> onnx.ModelProto:
    body = [node("Relu", "t", "b"), node("Abs", "a", "t")]
    function = helper.make_function("own", "Two", ["a"], ["b"], body, [helper.make_opsetid("", 21)])
    return model_of([node("Two", "x", domain="own")], functions=[function])


REFUSED: dict[str, Callable[[], onnx.ModelProto]] = {
    "a Conv without weights": lambda: text("y = Conv(x)", given="float[1,3,8,8] x", gives="float[1,3,8,8] y"),
    "an input that nobody gives": lambda: text("y = Relu(nobody)"),
    "a Cast without its type": lambda: text("y = Cast(x)"),
    "an output that nobody makes": lambda: text("t = Relu(x)"),
    "an output without a shape that nobody makes": lambda: without_shapes(text("t = Relu(x)")),
    "two nodes that give one value": lambda: text("y = Relu(x) y = Sigmoid(x)"),
    "a product of 4 and 7": lambda: with_constant(text("y = MatMul(x, w)", gives="float[1,3] y"), "w", weights(7, 3)),
    "a product of 4 and 7, large": large_misfit,
    "a product of 4 and 7, and an output without a shape": lambda: without_shapes(
        with_constant(text("y = MatMul(x, w)"), "w", weights(7, 3))
    ),
    "a value of another type than is stated": lambda: text("y = Relu(x)", gives="int64[1,4] y"),
    "values that need each other": lambda: text("y = Add(x, b) b = Relu(y)"),
    "nodes in another order in a branch": lambda: branching(node("Relu", "t", "b"), node("Abs", "a", "t")),
    "nodes in another order in a function": unsorted_in_function,
    "a constant that is cut short": cut_short,
    "a large constant that is cut short": large_cut_short,
    "no IR version": lambda: changed(lambda model: model.ClearField("ir_version")),
}
TAKEN: dict[str, Callable[[], onnx.ModelProto]] = {
    "an output without a shape": lambda: without_shapes(text("y = Relu(x)")),
    "nodes in another order": lambda: text("y = Relu(t) t = Abs(x)"),
    "a branch in front of what it takes": lambda: branching(node("Relu", "a", "b")),
    "an output of another shape than is stated": lambda: text("y = Relu(x)", gives="float[1,5] y"),
    "an inner value of another shape than is stated": lambda: text("t = Relu(x) y = Abs(t)", inner="float[2,4] t"),
    "a constant that is no input in IR 3": older_ir,
    "a graph without a name": lambda: changed(lambda model: model.graph.ClearField("name")),
    "metadata said twice": lambda: changed(said_twice),
}


def rows(target: str) -> list[Row]:
    """What a target refuses for ONNX's own rules, and what it does not."""
    return [
        *(Row(f"{target}: {name}", build, INVALID, target=target) for name, build in REFUSED.items()),
        *(Row(f"{target}: {name}", build, target=target) for name, build in TAKEN.items()),
    ]


def no_import() -> onnx.ModelProto:
    return text("y = com.microsoft.Gelu(x)")


def extra_attribute() -> onnx.ModelProto:
    return text("y = Relu <steps = 2> (x)")


def half_scale() -> onnx.ModelProto:
    """The importer casts the scale itself below opset 19; a product behind it is still looked at."""
    model = text("q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) y = MatMul(d, w)", opset=17)
    for name, array in (("s", scalar(0.05, np.float16)), ("z", scalar(0, np.int8)), ("w", weights(7, 3))):
        with_constant(model, name, array)
    return model


def upsample() -> onnx.ModelProto:
    """An operator that its opset has no more."""
    return with_constant(
        text("y = Upsample(x, n)", given="float[1,1,4,4] x", gives="float[1,1,8,8] y"),
        "n",
        np.array([1, 1, 2, 2], np.float32),
    )


def later_ir() -> onnx.ModelProto:
    return changed(lambda model: setattr(model, "ir_version", onnx.IR_VERSION + 1))


def unranked() -> onnx.ModelProto:
    model = text("y = Relu(x)")
    model.graph.input[0].type.tensor_type.ClearField("shape")
    return model


OF_ONE_TARGET = [
    Row("ort: a domain that is not imported", no_import, target="ort"),
    Row("ort: an input without a shape", unranked, target="ort"),
    Row("ort: an attribute that the operator does not have", extra_attribute, INVALID, target="ort"),
    Row("ort: an operator of another opset", upsample, INVALID, target="ort"),
    Row("ort: an operator that nobody has", lambda: text("y = Foo_TRT(x)"), INVALID, target="ort"),
    Row("ort: a later IR version", later_ir, INVALID, target="ort"),
    Row("openvino: an attribute that the operator does not have", extra_attribute, target="openvino"),
    Row("openvino: an operator of another opset", upsample, target="openvino"),
    Row("openvino: an operator that nobody has", lambda: text("y = Foo_TRT(x)"), INVALID, target="openvino"),
    Row("openvino: a later IR version", later_ir, target="openvino"),
    Row("an attribute that the operator does not have", extra_attribute),
    Row("an operator of another opset", lambda: text("y = Gelu(x)", opset=17)),
    Row("a plugin in ONNX's domain", lambda: text("y = Foo_TRT(x)"), "TRT-OP-001"),
    Row("an operator of a domain that is not imported", lambda: text("y = own.Foo(x)"), warned="TRT-OP-003"),
    Row("fp16 scale of fp32 data at opset 17 before a product of 4 and 7", half_scale, INVALID, "TRT-FUSE-005"),
]
VALIDITY = [*rows("trt10"), *rows("trt11"), *rows("ort"), *rows("openvino"), *OF_ONE_TARGET]
