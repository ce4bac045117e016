"""Graphs that are no acyclic graph of named values, each made once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

from onnx import GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, helper

from tests.faults.hostile.building import FLOAT, X, Y, array, graph, ints, model, model_of, node, sane, value
from tests.faults.hostile.entry import Interface, of_model

_entry = partial(of_model, "graphs")


def _changed(change: Callable[[ModelProto], object]) -> ModelProto:
    made = sane()
    change(made)
    return made


def _cycle(length: int) -> ModelProto:
    """Each Add takes x and the one before it, and the first takes the last."""
    names = [f"v{index}" for index in range(length)]
    adds = [node("Add", f"x {names[index - 1]}", names[index]) for index in range(length)]
    return model([*adds, node("Relu", names[-1], "y")])


def _cycle_through_a_branch() -> ModelProto:
    """The If's branch reads what the If itself makes."""
    branch = graph([node("Neg", "y", "inner")], inputs=[], outputs=[value("inner")])
    return model([node("If", "yes", "y", then_branch=branch, else_branch=branch)], array("yes", True, bool))


def _chain(length: int) -> ModelProto:
    names = ["x", *(f"v{index}" for index in range(length - 1)), "y"]
    return model([NodeProto(op_type="Neg", input=[a], output=[b]) for a, b in itertools.pairwise(names)])


def _many_inputs(count: int) -> ModelProto:
    return model([node("Sum", " ".join(["x"] * count), "y")])


def _unused_inputs(count: int) -> ModelProto:
    return model_of(graph([node("Relu", "x", "y")], inputs=[X, *(value(f"u{i}", FLOAT, (1, 4)) for i in range(count))]))


def _two_values_of_one_name() -> ModelProto:
    return model([node("Relu", "x", "v"), node("Neg", "x", "v"), node("Identity", "v", "y")])


def _branch_shadows_x() -> ModelProto:
    branch = graph([node("Neg", "zero", "x"), node("Identity", "x", "inner")], inputs=[], outputs=[value("inner")])
    return model(
        [node("If", "yes", "v", then_branch=branch, else_branch=branch), node("Add", "v x", "y")],
        array("yes", True, bool),
        array("zero", [[0.0] * 4]),
    )


def _initializer_is_an_input_of_another_type() -> ModelProto:
    """An input with a default, where the default is of another type and shape."""
    made = graph([node("Add", "x w", "y")], [array("w", [1, 2], "int8")], inputs=[X, value("w", FLOAT, (1, 4))])
    return model_of(made)


def _sparse(indices: TensorProto, dims: list[int], values: int = 1) -> ModelProto:
    made = graph([node("Add", "x w", "y")])
    made.sparse_initializer.append(
        SparseTensorProto(values=array("w", [1.0] * values), indices=indices, dims=dims),
    )
    return model_of(made)


def _annotated() -> ModelProto:
    made = sane()
    annotation = made.graph.quantization_annotation.add(tensor_name="nobody")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="no_scale")
    return made


def _constant(*attributes: object) -> ModelProto:
    constant = node("Constant", "", "c")
    constant.attribute.extend(helper.make_attribute(f"value_{kind}", held) for kind, held in attributes)
    return model([constant, node("Add", "x c", "y")])


def _nodes(*nodes: NodeProto) -> Callable[[], ModelProto]:
    return lambda: model(nodes)


def _outputs(change: Callable[[GraphProto], object]) -> Callable[[], ModelProto]:
    return lambda: _changed(lambda made: change(made.graph))


SHAPE_OF_THE_GRAPH = (
    _entry("graph-cycle-of-two", "Two Adds wait for each other.", lambda: _cycle(2)),
    _entry("graph-cycle-of-three", "Three Adds wait for each other.", lambda: _cycle(3)),
    _entry("graph-self-loop", "An Add takes its own output.", lambda: _cycle(1)),
    _entry("graph-cycle-through-branch", "A branch of an If reads the If's output.", _cycle_through_a_branch),
    _entry("graph-self-loop-on-y", "y is made from y.", _nodes(node("Neg", "y", "y"))),
    _entry(
        "graph-unsorted",
        "A node stands before the one that feeds it.",
        _nodes(node("Neg", "v", "y"), node("Relu", "x", "v")),
    ),
    _entry("graph-chain-of-3000", "3,000 nodes, one after the other.", lambda: _chain(3000)),
    _entry("graph-sum-of-20000", "One Sum of 20,000 inputs.", lambda: _many_inputs(20_000)),
    _entry(
        "graph-missing",
        "The model has no graph.",
        lambda: _changed(lambda made: made.ClearField("graph")),
        Interface.OWN,
    ),
    _entry("graph-no-nodes", "The graph has no nodes; y is nobody's.", _nodes()),
    _entry(
        "graph-no-outputs", "The graph has no outputs.", _outputs(lambda made: made.ClearField("output")), Interface.OWN
    ),
    _entry(
        "graph-no-inputs", "x is used and is no input.", _outputs(lambda made: made.ClearField("input")), Interface.OWN
    ),
    _entry("graph-no-name", "The graph has no name.", _outputs(lambda made: made.ClearField("name"))),
    _entry("graph-y-nobody-makes", "No node makes y.", _nodes(node("Relu", "x", "z"))),
    _entry("graph-input-nobody-makes", "A node reads a value that nobody makes.", _nodes(node("Add", "x nobody", "y"))),
    _entry(
        "graph-y-twice", "y is listed twice as an output.", _outputs(lambda made: made.output.append(Y)), Interface.OWN
    ),
    _entry(
        "graph-x-twice", "x is listed twice as an input.", _outputs(lambda made: made.input.append(X)), Interface.OWN
    ),
    _entry("graph-input-is-output", "x is an output too.", _outputs(lambda made: made.output.append(X)), Interface.OWN),
    _entry("graph-500-unused-inputs", "500 inputs that no node reads.", lambda: _unused_inputs(500), Interface.OWN),
    _entry("graph-one-unused-input", "A second input that no node reads.", lambda: _unused_inputs(1), Interface.OWN),
)

NAMED_TWICE = (
    _entry("twice-value", "Two nodes make the same value.", _two_values_of_one_name),
    _entry("twice-y", "Two nodes make y.", _nodes(node("Relu", "x", "y"), node("Neg", "x", "y"))),
    _entry("twice-x", "A node makes x, which is an input.", _nodes(node("Neg", "x", "x"), node("Relu", "x", "y"))),
    _entry(
        "twice-initializer",
        "Two initializers of one name.",
        lambda: model([node("Add", "x w", "y")], array("w", [1.0] * 4), array("w", [2.0] * 4)),
    ),
    _entry(
        "twice-initializer-and-node",
        "A node makes what is an initializer.",
        lambda: model([node("Neg", "x", "w"), node("Add", "x w", "y")], array("w", [1.0] * 4)),
    ),
    _entry(
        "twice-output-of-one-node",
        "Split gives both halves one name.",
        lambda: model([node("Split", "x", "half half", axis=1, num_outputs=2), node("Identity", "half", "y")]),
    ),
    _entry(
        "twice-node-name",
        "All nodes have one name.",
        _outputs(lambda made: [setattr(n, "name", "n") for n in made.node]),
    ),
    _entry("twice-in-branch", "A branch makes a value named x.", _branch_shadows_x),
    _entry("twice-y-is-initializer", "y is an initializer.", lambda: model([], array("y", [[1.0] * 4]))),
    _entry(
        "twice-x-is-initializer",
        "x has a default of another type.",
        _initializer_is_an_input_of_another_type,
        Interface.OWN,
    ),
)

NODES = (
    _entry("node-without-outputs", "A node makes nothing.", _nodes(node("Relu", "x", "y"), node("Relu", "x", ""))),
    _entry(
        "node-output-unnamed",
        "A node's only output has no name.",
        _nodes(node("Relu", "x", "y"), NodeProto(op_type="Relu", input=["x"], output=[""])),
    ),
    _entry("node-without-inputs", "Relu of nothing.", _nodes(node("Relu", "", "y"))),
    _entry("node-input-unnamed", "Add without its first input.", _nodes(node("Add", " x", "y"))),
    _entry("node-too-many-inputs", "Relu of three.", _nodes(node("Relu", "x x x", "y"))),
    _entry("node-too-many-outputs", "Relu makes three.", _nodes(node("Relu", "x", "y a b"))),
    _entry("node-without-operator", "A node has no operator.", _nodes(node("", "x", "y"))),
    _entry("node-constant-empty", "A Constant without a value.", _constant),
    _entry("node-constant-twice", "A Constant of two values.", lambda: _constant(("float", 1.0), ("int", 2))),
)

SPARSE = (
    _entry("sparse-index-outside", "A sparse weight (4) has an index 9.", lambda: _sparse(ints("i", 9), [4])),
    _entry(
        "sparse-index-far-outside", "A sparse weight (4) has an index 2⁴⁰.", lambda: _sparse(ints("i", 1 << 40), [4])
    ),
    _entry(
        "sparse-index-negative", "A sparse weight (4) has an index −2³⁰.", lambda: _sparse(ints("i", -(1 << 30)), [4])
    ),
    _entry(
        "sparse-fewer-indices",
        "A sparse weight has 4 values and 1 index.",
        lambda: _sparse(ints("i", 0), [4], values=4),
    ),
    _entry(
        "sparse-of-16-gb",
        "A sparse weight of 4·10⁹ values, one of them not zero.",
        lambda: _sparse(ints("i", 0), [4_000_000_000]),
    ),
    _entry(
        "sparse-overflow", "A sparse weight of shape (2³³, 2³³).", lambda: _sparse(ints("i", 0), [1 << 33, 1 << 33])
    ),
    _entry("sparse-negative", "A sparse weight of shape (-4).", lambda: _sparse(ints("i", 0), [-4])),
    _entry("sparse-index-type", "The indices of a sparse weight are floats.", lambda: _sparse(array("i", [0.0]), [4])),
    _entry(
        "sparse-index-rank",
        "The indices of a sparse weight (4) are of rank 2.",
        lambda: _sparse(array("i", [[0, 1, 2]], "int64"), [4]),
    ),
    _entry("annotation-of-nobody", "A quantization annotation names tensors that are not there.", _annotated),
)

ENTRIES = (*SHAPE_OF_THE_GRAPH, *NAMED_TWICE, *NODES, *SPARSE)
