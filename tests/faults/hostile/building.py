"""Models from x float32 (1, 4) to y float32 with as few words as possible, and without the checks of onnx.helper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
INT64 = TensorProto.INT64
INT32 = TensorProto.INT32
INT8 = TensorProto.INT8
UINT8 = TensorProto.UINT8
BOOL = TensorProto.BOOL
OPSET = 21
IR_VERSION = 10
_VERSIONS = {"": OPSET, "ai.onnx.ml": 4}


def node(operator: str, inputs: str, outputs: str, domain: str = "", **attributes: Any) -> NodeProto:
    """Names are split at every single space, so that two in a row leave an optional input out."""
    made = NodeProto(op_type=operator, domain=domain, name=f"{operator}_to_{outputs.split(' ', maxsplit=1)[0]}")
    made.input.extend(inputs.split(" ") if inputs else [])
    made.output.extend(outputs.split(" ") if outputs else [])
    made.attribute.extend(_attribute(name, value) for name, value in sorted(attributes.items()))
    return made


def _attribute(name: str, value: Any) -> AttributeProto:
    if isinstance(value, list) and not value:
        return AttributeProto(name=name, type=AttributeProto.INTS)
    return helper.make_attribute(name, value)


def array(name: str, values: Any, dtype: DTypeLike = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def ints(name: str, *values: int) -> TensorProto:
    """An int64 vector: shapes, axes, indices, pads."""
    return array(name, values, np.int64)


def int64(name: str, value: int) -> TensorProto:
    return array(name, value, np.int64)


def value(name: str, element: int = FLOAT, shape: Sequence[int | str] | None = None) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape)


X = value("x", FLOAT, (1, 4))
Y = value("y")


def graph(
    nodes: Iterable[NodeProto],
    initializers: Iterable[TensorProto] = (),
    inputs: Iterable[ValueInfoProto] = (X,),
    outputs: Iterable[ValueInfoProto] = (Y,),
) -> GraphProto:
    return helper.make_graph(list(nodes), "hostile", list(inputs), list(outputs), list(initializers))


def model_of(made: GraphProto, opset: int = OPSET) -> ModelProto:
    domains = {"", *(each.domain for each in made.node)}
    versions = {**_VERSIONS, "": opset}
    imports = [helper.make_opsetid(domain, versions.get(domain, 1)) for domain in sorted(domains)]
    return helper.make_model(made, opset_imports=imports, ir_version=IR_VERSION)


def model(nodes: Iterable[NodeProto], *initializers: TensorProto, opset: int = OPSET) -> ModelProto:
    return model_of(graph(nodes, initializers), opset)


def to_float(name: str) -> NodeProto:
    """Whatever an operator gives becomes y float32."""
    return node("Cast", name, "y", to=FLOAT)


def from_float(name: str, element: int) -> NodeProto:
    """x becomes what an operator asks for; an engine cannot fold it away, since x comes at run time."""
    return node("Cast", "x", name, to=element)


def from_shape(name: str, shape: Sequence[int]) -> tuple[NodeProto, TensorProto]:
    """x in another shape of four elements."""
    return node("Reshape", f"x {name}_shape", name), ints(f"{name}_shape", *shape)


def sane(opset: int = OPSET) -> ModelProto:
    """x → Q → DQ → MatMul(DQ(weight)) → Relu → y: the file that most entries are one step away from."""
    weight = np.arange(-8, 8, dtype=np.int8).reshape(4, 4)
    return model(
        [
            node("QuantizeLinear", "x x_scale x_zero", "x_q"),
            node("DequantizeLinear", "x_q x_scale x_zero", "x_dq"),
            node("DequantizeLinear", "w w_scale w_zero", "w_dq"),
            node("MatMul", "x_dq w_dq", "product"),
            node("Relu", "product", "y"),
        ],
        array("x_scale", 0.05),
        array("x_zero", 0, np.int8),
        array("w", weight, np.int8),
        array("w_scale", 0.1),
        array("w_zero", 0, np.int8),
        opset=opset,
    )


def added(initializer: TensorProto) -> ModelProto:
    """y = x + w, where w is what is wrong."""
    return model([node("Add", f"x {initializer.name}", "y")], initializer)
