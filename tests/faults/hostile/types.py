"""Types that an operator, an engine or ONNX itself does not have, and attributes of another type than they say."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from onnx import AttributeProto, ModelProto, TensorProto, TypeProto, ValueInfoProto, helper

from tests.faults.hostile.building import (
    BOOL,
    FLOAT,
    INT64,
    array,
    from_float,
    from_shape,
    graph,
    ints,
    model,
    model_of,
    node,
    to_float,
    value,
)
from tests.faults.hostile.control_flow import sequence
from tests.faults.hostile.entry import Interface, of_model

_entry = partial(of_model, "types")
_INT, _FLOATS, _STRING, _GRAPH = AttributeProto.INT, AttributeProto.FLOATS, AttributeProto.STRING, AttributeProto.GRAPH


def _through(element: int, operator: str, opset: int = 21, **attributes: Any) -> ModelProto:
    """float → element → operator → float: whether the operator knows the type."""
    return model([from_float("a", element), node(operator, "a", "b", **attributes), to_float("b")], opset=opset)


def _product(element: int, opset: int = 25) -> ModelProto:
    return model(
        [
            from_float("a", element),
            node("Cast", "weight", "w", to=element),
            node("MatMul", "a w", "b"),
            to_float("b"),
        ],
        array("weight", np.eye(4)),
        opset=opset,
    )


def _convolution(element: int) -> ModelProto:
    image, shape = from_shape("image", (1, 1, 2, 2))
    return model(
        [
            image,
            node("Cast", "image", "a", to=element),
            node("Cast", "weight", "w", to=element),
            node("Conv", "a w", "b"),
            to_float("b"),
        ],
        shape,
        array("weight", np.ones((1, 1, 1, 1))),
    )


def _cast(element: int) -> ModelProto:
    return model([node("Cast", "x", "v", to=element), to_float("v")])


def _typed(x: ValueInfoProto | None = None, y: ValueInfoProto | None = None) -> ModelProto:
    return model_of(
        graph([node("Identity", "x", "y")], inputs=[x or value("x", FLOAT, (1, 4))], outputs=[y or value("y")])
    )


def _tensor_of(name: str, element: int) -> ValueInfoProto:
    """helper refuses element types that it does not know."""
    made = value(name, FLOAT, (1, 4))
    made.type.tensor_type.elem_type = element
    return made


def _optional(name: str) -> ValueInfoProto:
    return helper.make_value_info(name, helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, (1, 4))))


def _map(name: str) -> ValueInfoProto:
    made = ValueInfoProto(name=name)
    made.type.map_type.key_type = INT64
    made.type.map_type.value_type.tensor_type.elem_type = FLOAT
    return made


def _sparse(name: str) -> ValueInfoProto:
    return helper.make_sparse_tensor_value_info(name, FLOAT, (1, 4))


def _opaque(name: str) -> ValueInfoProto:
    made = ValueInfoProto(name=name, type=TypeProto())
    made.type.denotation = "nothing"
    return made


def _strings() -> ModelProto:
    return model_of(graph([node("Cast", "x", "y", to=TensorProto.STRING)], outputs=[value("y", TensorProto.STRING)]))


def _sequence_out() -> ModelProto:
    return model_of(graph([node("SequenceConstruct", "x x", "y")], outputs=[sequence("y")]))


def _said_float(element: int) -> ModelProto:
    """y is declared float and is another type."""
    return model([from_float("y", element)])


def _lying(operator: str, name: str, **held: Any) -> ModelProto:
    """An attribute whose type is not what the operator takes, or not what it holds."""
    made = node(operator, "x", "y")
    made.attribute.append(AttributeProto(name=name, **held))
    return model([made])


def _twice(operator: str, name: str, *numbers: int) -> ModelProto:
    made = node(operator, "x", "y")
    made.attribute.extend(AttributeProto(name=name, type=_INT, i=i) for i in numbers)
    return model([made])


def _if_of(**held: Any) -> ModelProto:
    choose = node("If", "yes", "y")
    choose.attribute.append(AttributeProto(name="then_branch", **held))
    choose.attribute.append(AttributeProto(name="else_branch", **held))
    return model([choose], array("yes", True, bool))


ELEMENTS = (
    _entry("type-bfloat16-matmul", "MatMul of bfloat16.", lambda: _product(TensorProto.BFLOAT16)),
    _entry("type-fp8-matmul", "MatMul of float8.", lambda: _product(TensorProto.FLOAT8E4M3FN)),
    _entry("type-fp4-matmul", "MatMul of float4.", lambda: _product(TensorProto.FLOAT4E2M1)),
    _entry("type-int4-matmul", "MatMul of int4.", lambda: _product(TensorProto.INT4)),
    _entry("type-int8-matmul", "MatMul of int8, which takes MatMulInteger.", lambda: _product(TensorProto.INT8)),
    _entry("type-string-matmul", "MatMul of strings.", lambda: _product(TensorProto.STRING)),
    _entry("type-bfloat16-conv", "Conv of bfloat16.", lambda: _convolution(TensorProto.BFLOAT16)),
    _entry("type-int8-conv", "Conv of int8.", lambda: _convolution(TensorProto.INT8)),
    _entry("type-bool-conv", "Conv of bools.", lambda: _convolution(BOOL)),
    _entry("type-fp8-relu", "Relu of float8.", lambda: _through(TensorProto.FLOAT8E5M2, "Relu")),
    _entry("type-int4-relu", "Relu of int4.", lambda: _through(TensorProto.INT4, "Relu")),
    _entry("type-bool-sqrt", "Sqrt of bools.", lambda: _through(BOOL, "Sqrt")),
    _entry("type-uint64-neg", "Neg of uint64.", lambda: _through(TensorProto.UINT64, "Neg")),
    _entry("type-string-relu", "Relu of strings.", lambda: _through(TensorProto.STRING, "Relu")),
    _entry("type-float-shift", "Not of floats.", lambda: model([node("Not", "x", "b"), to_float("b")])),
    _entry("type-cast-to-0", "Cast to UNDEFINED.", lambda: _cast(0)),
    _entry("type-cast-to-999", "Cast to type 999.", lambda: _cast(999)),
    _entry("type-cast-to-negative", "Cast to type −1.", lambda: _cast(-1)),
    _entry("type-cast-to-2-to-40", "Cast to type 2⁴⁰ + 1: float in 32 bits.", lambda: _cast((1 << 40) + 1)),
    _entry("type-cast-to-complex", "Cast to complex.", lambda: _cast(TensorProto.COMPLEX64)),
    _entry("type-add-of-two", "float + int64.", lambda: model([from_float("a", INT64), node("Add", "x a", "y")])),
    _entry("type-y-int64", "y is declared float and is int64.", lambda: _said_float(INT64)),
    _entry("type-y-double", "y is declared float and is double.", lambda: _said_float(TensorProto.DOUBLE)),
)

VALUES = (
    _entry("type-x-undefined", "x is of type UNDEFINED.", lambda: _typed(_tensor_of("x", 0)), Interface.OWN),
    _entry("type-x-999", "x is of type 999.", lambda: _typed(_tensor_of("x", 999)), Interface.OWN),
    _entry("type-x-negative", "x is of type −1.", lambda: _typed(_tensor_of("x", -1)), Interface.OWN),
    _entry("type-x-string", "x is of strings.", lambda: _typed(_tensor_of("x", 8), _tensor_of("y", 8)), Interface.OWN),
    _entry(
        "type-x-bfloat16", "x is bfloat16.", lambda: _typed(_tensor_of("x", 16), _tensor_of("y", 16)), Interface.OWN
    ),
    _entry("type-x-int4", "x is int4.", lambda: _typed(_tensor_of("x", 22), _tensor_of("y", 22)), Interface.OWN),
    _entry("type-x-double", "x is double and y float.", lambda: _typed(_tensor_of("x", 11)), Interface.OWN),
    _entry("type-x-absent", "x has no type.", lambda: _typed(ValueInfoProto(name="x")), Interface.OWN),
    _entry("type-x-empty", "x has a type that says nothing.", lambda: _typed(_opaque("x")), Interface.OWN),
    _entry("type-x-optional", "x is optional.", lambda: _typed(_optional("x"), _optional("y")), Interface.OWN),
    _entry("type-x-map", "x is a map.", lambda: _typed(_map("x"), _map("y")), Interface.OWN),
    _entry("type-x-sparse", "x is a sparse tensor.", lambda: _typed(_sparse("x"), _sparse("y")), Interface.OWN),
    _entry("type-x-sequence", "x is a sequence.", lambda: _typed(sequence("x"), sequence("y")), Interface.OWN),
    _entry("type-y-undefined", "y is of type UNDEFINED.", lambda: _typed(y=_tensor_of("y", 0)), Interface.OWN),
    _entry("type-y-999", "y is of type 999.", lambda: _typed(y=_tensor_of("y", 999)), Interface.OWN),
    _entry("type-y-strings", "y is of strings.", _strings, Interface.OWN),
    _entry("type-y-sequence", "y is a sequence.", _sequence_out, Interface.OWN),
    _entry("type-y-absent", "y has no type.", lambda: _typed(y=ValueInfoProto(name="y")), Interface.OWN),
)

ATTRIBUTES = (
    _entry(
        "attribute-int-as-floats",
        "The axis is a list of floats.",
        lambda: _lying("Softmax", "axis", type=_FLOATS, floats=[1.0]),
    ),
    _entry(
        "attribute-int-as-string", "The axis is a string.", lambda: _lying("Softmax", "axis", type=_STRING, s=b"last")
    ),
    _entry(
        "attribute-type-lies",
        "The axis says int and holds floats.",
        lambda: _lying("Softmax", "axis", type=_INT, floats=[1.0]),
    ),
    _entry(
        "attribute-two-values",
        "The axis holds an int, a float and a string.",
        lambda: _lying("Softmax", "axis", type=_INT, i=1, f=0.5, s=b"x"),
    ),
    _entry("attribute-untyped", "The axis has no type.", lambda: _lying("Softmax", "axis", i=1)),
    _entry("attribute-empty", "The axis holds nothing.", lambda: _lying("Softmax", "axis", type=_INT)),
    _entry("attribute-unnamed", "An attribute has no name.", lambda: _lying("Softmax", "", type=_INT, i=1)),
    _entry(
        "attribute-unknown",
        "Relu has an attribute that it does not know.",
        lambda: _lying("Relu", "leak", type=_INT, i=1),
    ),
    _entry(
        "attribute-list-as-int", "Transpose's perm is one int.", lambda: _lying("Transpose", "perm", type=_INT, i=1)
    ),
    _entry(
        "attribute-list-too-long",
        "Transpose's perm has 10,000 entries.",
        lambda: _lying("Transpose", "perm", type=AttributeProto.INTS, ints=[0] * 10_000),
    ),
    _entry("attribute-twice", "The axis is given twice.", lambda: _twice("Softmax", "axis", 0, 1)),
    _entry(
        "attribute-float-nan",
        "LeakyRelu's slope is NaN.",
        lambda: _lying("LeakyRelu", "alpha", type=AttributeProto.FLOAT, f=float("nan")),
    ),
    _entry(
        "attribute-string-invalid-utf8",
        "auto_pad is no UTF-8.",
        lambda: model([node("MaxPool", "x", "y", kernel_shape=[1], auto_pad=b"\xff\xfe")]),
    ),
    _entry("attribute-graph-absent", "An If's branches say graph and hold none.", lambda: _if_of(type=_GRAPH)),
    _entry("attribute-graph-as-int", "An If's branches are ints.", lambda: _if_of(type=_INT, i=1)),
    _entry(
        "attribute-tensor-absent",
        "A Constant says tensor and holds none.",
        lambda: _constant(type=AttributeProto.TENSOR),
    ),
    _entry(
        "attribute-tensor-undefined",
        "A Constant's tensor is of type UNDEFINED.",
        lambda: _constant(type=AttributeProto.TENSOR, t=TensorProto(dims=[4])),
    ),
    _entry(
        "attribute-tensor-short",
        "A Constant's tensor (4) holds 3 bytes.",
        lambda: _constant(type=AttributeProto.TENSOR, t=TensorProto(dims=[4], data_type=FLOAT, raw_data=b"abc")),
    ),
    _entry(
        "attribute-fill-of-two",
        "ConstantOfShape is to fill with two values.",
        lambda: model(
            [node("ConstantOfShape", "shape", "c", value=array("v", [1.0, 2.0])), node("Add", "x c", "y")],
            ints("shape", 4),
        ),
    ),
    _entry(
        "attribute-fill-of-none",
        "ConstantOfShape is to fill with no value.",
        lambda: model(
            [node("ConstantOfShape", "shape", "c", value=array("v", [])), node("Add", "x c", "y")], ints("shape", 4)
        ),
    ),
)


def _constant(**held: Any) -> ModelProto:
    constant = node("Constant", "", "c")
    constant.attribute.append(AttributeProto(name="value", **held))
    return model([constant, node("Add", "x c", "y")])


ENTRIES = (*ELEMENTS, *VALUES, *ATTRIBUTES)
