"""Depth: where a parser, an inliner or a recursive pass runs out of stack, of time or of memory."""

from __future__ import annotations

from functools import partial

from onnx import FunctionProto, ModelProto, helper

from tests.faults.hostile import wire
from tests.faults.hostile.building import OPSET, array, graph, model, model_of, node, sane, value
from tests.faults.hostile.entry import Interface, of_bytes, of_model

_model = partial(of_model, "nesting")
_bytes = partial(of_bytes, "nesting")
_DOMAIN = "hostile"


def _if_in_if(depth: int) -> ModelProto:
    """Three messages a level (graph, node, attribute): 100 of them are all that protobuf reads by default."""
    inner = graph([node("Relu", "x", "v0")], inputs=[], outputs=[value("v0")])
    other = graph([node("Neg", "x", "other")], inputs=[], outputs=[value("other")])
    for level in range(1, depth):
        choose = node("If", "yes", f"v{level}", then_branch=inner, else_branch=other)
        inner = graph([choose], inputs=[], outputs=[value(f"v{level}")])
    return model([node("If", "yes", "y", then_branch=inner, else_branch=other)], array("yes", True, bool))


def _wire_if_in_if(depth: int) -> bytes:
    """What protobuf itself does not write."""
    name = wire.nested(wire.GRAPH_NAME, b"g")
    float_v = wire.nested(wire.VALUE_TYPE, wire.nested(wire.TYPE_TENSOR, wire.number(wire.ELEMENT, 1)))
    output = wire.nested(wire.GRAPH_OUTPUT, wire.nested(wire.VALUE_NAME, b"v"), float_v)
    relu = (
        wire.nested(wire.NODE_INPUT, b"x")
        + wire.nested(wire.NODE_OUTPUT, b"v")
        + wire.nested(wire.NODE_OPERATOR, b"Relu")
    )
    leaf = wire.nested(wire.GRAPH_NODE, relu) + name + output
    inner = leaf
    for _ in range(depth):
        branches = b"".join(
            wire.nested(
                wire.NODE_ATTRIBUTE,
                wire.nested(wire.ATTRIBUTE_NAME, branch),
                wire.nested(wire.ATTRIBUTE_GRAPH, held),
                wire.number(wire.ATTRIBUTE_TYPE, 5),
            )
            for branch, held in ((b"then_branch", inner), (b"else_branch", leaf))
        )
        choose = wire.nested(wire.NODE_OUTPUT, b"v") + wire.nested(wire.NODE_OPERATOR, b"If") + branches
        inner = wire.nested(wire.GRAPH_NODE, choose) + name + output
    return _wire_model(inner)


def _wire_model(whole_graph: bytes) -> bytes:
    opset = wire.nested(wire.MODEL_OPSET_IMPORT, wire.number(wire.OPSET_VERSION, OPSET))
    return wire.number(wire.MODEL_IR_VERSION, 10) + wire.nested(wire.MODEL_GRAPH, whole_graph) + opset


def _wire_type_of_x(kind: int, depth: int) -> bytes:
    """x is a sequence of sequences of …, or an optional of an optional of …"""
    held = wire.nested(wire.TYPE_TENSOR, wire.number(wire.ELEMENT, 1))
    for _ in range(depth):
        held = wire.nested(kind, wire.nested(wire.ELEMENT, held))
    identity = (
        wire.nested(wire.NODE_INPUT, b"x")
        + wire.nested(wire.NODE_OUTPUT, b"y")
        + wire.nested(wire.NODE_OPERATOR, b"Identity")
    )
    return _wire_model(
        wire.nested(wire.GRAPH_NODE, identity)
        + wire.nested(wire.GRAPH_NAME, b"g")
        + wire.nested(wire.GRAPH_INPUT, wire.nested(wire.VALUE_NAME, b"x"), wire.nested(wire.VALUE_TYPE, held))
        + wire.nested(wire.GRAPH_OUTPUT, wire.nested(wire.VALUE_NAME, b"y"), wire.nested(wire.VALUE_TYPE, held))
    )


def _unknown_groups(depth: int) -> bytes:
    """A field that no schema knows, as a group in a group in …, behind a sane model."""
    return (
        sane().SerializeToString(deterministic=True)
        + wire.tag(999, wire.START_GROUP) * depth
        + wire.tag(999, wire.END_GROUP) * depth
    )


def _function(name: str, *calls: str) -> FunctionProto:
    """a → each call in turn → b; a call in the function's own domain unless it is Relu."""
    names = ["a", *(f"v{index}" for index in range(len(calls) - 1)), "b"]
    nodes = [
        node(call, names[index], names[index + 1], domain="" if call == "Relu" else _DOMAIN)
        for index, call in enumerate(calls)
    ]
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(_DOMAIN, 1)]
    return helper.make_function(_DOMAIN, name, ["a"], ["b"], nodes, imports)


def _calling(name: str, *functions: FunctionProto) -> ModelProto:
    made = model([node(name, "x", "y", domain=_DOMAIN)])
    made.functions.extend(functions)
    return made


def _tower(height: int, calls: int) -> ModelProto:
    """Each function calls the one below `calls` times: inlined, that is calls ** height nodes."""
    floors = [_function("f0", "Relu"), *(_function(f"f{i}", *[f"f{i - 1}"] * calls) for i in range(1, height + 1))]
    return _calling(f"f{height}", *floors)


def _recursive_through_a_branch() -> ModelProto:
    """The function calls itself in a branch that the condition never takes."""
    again = graph([node("f", "a", "v", domain=_DOMAIN)], inputs=[], outputs=[value("v")])
    stop = graph([node("Relu", "a", "w")], inputs=[], outputs=[value("w")])
    no = node("Constant", "", "no", value=array("no", False, bool))
    body = _function("f", "Relu")
    del body.node[:]
    body.node.extend([no, node("If", "no", "b", then_branch=again, else_branch=stop)])
    return _calling("f", body)


def _without_body() -> ModelProto:
    body = _function("f", "Relu")
    body.ClearField("node")
    return _calling("f", body)


def _of_opset(version: int) -> ModelProto:
    body = _function("f", "Relu")
    body.opset_import[0].version = version
    return _calling("f", body)


def _in_place_of_relu() -> ModelProto:
    """A local function may override a standard operator: this Relu is a Neg."""
    neg = helper.make_function("", "Relu", ["a"], ["b"], [node("Neg", "a", "b")], [helper.make_opsetid("", OPSET)])
    made = model([node("Relu", "x", "y")])
    made.functions.append(neg)
    return made


def _reference_to_no_attribute() -> ModelProto:
    body = _function("f", "Relu")
    concat = node("Concat", "a a", "b")
    concat.attribute.add(name="axis", ref_attr_name="nobody", type=2)
    del body.node[:]
    body.node.append(concat)
    return _calling("f", body)


def _reference_outside_a_function() -> ModelProto:
    concat = node("Concat", "x x", "y")
    concat.attribute.add(name="axis", ref_attr_name="axis", type=2)
    return model_of(graph([concat]))


def _unused(function: FunctionProto) -> ModelProto:
    made = model([node("Relu", "x", "y")])
    made.functions.append(function)
    return made


def _arity() -> ModelProto:
    made = model([node("f", "x x x", "y z", domain=_DOMAIN)])
    made.functions.append(_function("f", "Relu"))
    return made


ENTRIES = (
    _model("nesting-if-30", "30 Ifs in each other: just what protobuf still reads.", lambda: _if_in_if(30)),
    _bytes("nesting-if-200", "200 Ifs in each other: 600 messages deep.", lambda: _wire_if_in_if(200), Interface.OWN),
    _bytes(
        "nesting-sequence-40",
        "x is a sequence, 40 deep.",
        lambda: _wire_type_of_x(wire.TYPE_SEQUENCE, 40),
        Interface.OWN,
    ),
    _bytes(
        "nesting-sequence-5000",
        "x is a sequence, 5,000 deep.",
        lambda: _wire_type_of_x(wire.TYPE_SEQUENCE, 5000),
        Interface.OWN,
    ),
    _bytes(
        "nesting-optional-40",
        "x is an optional, 40 deep.",
        lambda: _wire_type_of_x(wire.TYPE_OPTIONAL, 40),
        Interface.OWN,
    ),
    _bytes(
        "nesting-unknown-groups-10000",
        "A sane model, then 10,000 unknown groups in each other.",
        lambda: _unknown_groups(10_000),
        Interface.OWN,
    ),
    _model("nesting-functions-200", "200 functions, each calling the next.", lambda: _tower(200, 1)),
    _model(
        "nesting-functions-2-to-26",
        "26 functions, each calling the next twice: 2²⁶ nodes inlined.",
        lambda: _tower(26, 2),
    ),
    _model("nesting-function-recursive", "A function calls itself.", lambda: _calling("f", _function("f", "f"))),
    _model(
        "nesting-function-mutual",
        "Two functions call each other.",
        lambda: _calling("f", _function("f", "g"), _function("g", "f")),
    ),
    _model("nesting-function-recursive-in-branch", "A function calls itself in a branch.", _recursive_through_a_branch),
    _model(
        "nesting-function-unused-recursive",
        "A function that nobody calls calls itself.",
        lambda: _unused(_function("f", "f")),
    ),
    _model(
        "nesting-function-missing",
        "A call of a function that is not there.",
        lambda: _calling("f", _function("g", "Relu")),
    ),
    _model("nesting-function-empty", "A function without a body.", _without_body),
    _model(
        "nesting-function-twice",
        "Two functions of one name.",
        lambda: _calling("f", _function("f", "Relu"), _function("f", "Relu", "Relu")),
    ),
    _model("nesting-function-opset-0", "A function's body is of opset 0.", lambda: _of_opset(0)),
    _model("nesting-function-opset-99", "A function's body is of opset 99.", lambda: _of_opset(99)),
    _model("nesting-function-is-relu", "A local function named Relu that negates.", _in_place_of_relu),
    _model(
        "nesting-function-attribute",
        "A body refers to an attribute that the function does not have.",
        _reference_to_no_attribute,
    ),
    _model(
        "nesting-attribute-outside",
        "A node outside a function refers to a function's attribute.",
        _reference_outside_a_function,
    ),
    _model("nesting-function-arity", "A function of one input is called with three.", _arity),
)
