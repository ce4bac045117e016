"""Patterns of a case against the nodes of its model."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.node_patterns import NodeChoice, chosen_nodes, nodes_to_keep
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import FLOAT, model_of, nameless, weights, with_subgraphs


def two_ways():
    """x → first → (left | right → more) → join → y, all linear but the join."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        helper.make_node("MatMul", ["a", "w"], ["b"], name="left"),
        helper.make_node("MatMul", ["a", "w"], ["c"], name="right"),
        helper.make_node("MatMul", ["c", "w"], ["d"], name="more"),
        helper.make_node("Add", ["b", "d"], ["y"], name="join"),
    ]
    return model_of(nodes, [("x", FLOAT, ["N", 4])], [("y", FLOAT, ["N", 4])], {"w": weights(4, 4).astype(np.float32)})


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("first", ("first",)),
        ("*", ("first", "relu", "second")),
        ("op:Gemm", ("first", "second")),
        ("op:Ge*", ("first", "second")),
        ("[fs]*", ("first", "second")),
    ],
)
def test_a_pattern_names_nodes_or_with_op_their_operators(pattern, kept):
    assert nodes_to_keep(mlp(), (pattern,)) == kept


def test_a_node_that_two_patterns_match_is_named_once():
    assert nodes_to_keep(mlp(), ("second", "op:Gemm")) == ("second", "first")


def test_nodes_without_names_are_found_by_their_operator(tmp_path):
    assert len(nodes_to_keep(float_graph(save(nameless(), tmp_path / "float.onnx")), ("op:MatMul",))) == 2


def test_nodes_of_subgraphs_are_found():
    assert set(nodes_to_keep(with_subgraphs(), ("op:Mul",))) == {"then_node", "else_node"}


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("frist", 'write "first"'),
        ("op:Gem", 'write "op:Gemm"'),
        ("First", 'write "first"'),
        ("zzz", "choose among: first, relu, second"),
        ("op:Softmax", "choose among: op:Gemm, op:Relu"),
    ],
)
def test_a_dead_pattern_is_an_error_with_the_nearest_right_word(pattern, remedy):
    with pytest.raises(CannotJudge) as stop:
        nodes_to_keep(mlp(), ("first", pattern))

    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert stop.value.failure.remedy == remedy
    assert f'"{pattern}"' in stop.value.failure.sentence


def test_all_dead_patterns_are_told_each_with_its_nearest_right_word():
    with pytest.raises(CannotJudge) as stop:
        nodes_to_keep(mlp(), ("frist", "first", "op:Gem", "zzz"), "cases/mlp.toml:13: keep_float")

    assert stop.value.failure.sentence == (
        'cases/mlp.toml:13: keep_float: got "frist", "op:Gem", "zzz", which match none of 3 nodes, '
        "should match one or more."
    )
    assert stop.value.failure.remedy == (
        'for "frist" write "first"; for "op:Gem" write "op:Gemm"; for "zzz" choose among: first, relu, second'
    )


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("output:c", ("right",)),
        ("between:a -> d", ("right", "more")),
        ("between:a -> y", ("left", "right", "more", "join")),
        ("between:x -> a", ("first",)),
    ],
)
def test_a_node_is_named_by_its_output_or_as_on_a_way_between_two_tensors(pattern, kept):
    assert nodes_to_keep(two_ways(), (pattern,)) == kept


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("output:hiden", 'write "output:hidden"'),
        ("between:inputs -> active", 'write "between:input -> active"'),
        ("between:input -> logit", 'write "between:input -> logits"'),
        (
            "between:logits -> input",
            'name two tensors of the model: "between:a -> b", where a way leads from a to b',
        ),
    ],
)
def test_a_dead_tensor_is_an_error_with_the_nearest_right_name(pattern, remedy):
    with pytest.raises(CannotJudge) as stop:
        nodes_to_keep(mlp(), (pattern,))

    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert stop.value.failure.remedy == remedy


def test_only_keeps_all_others_float():
    assert chosen_nodes(mlp(), NodeChoice(only=("first",))).keep_float == ("relu", "second")


def test_what_is_kept_float_is_so_also_among_those_of_only():
    assert set(chosen_nodes(mlp(), NodeChoice(keep_float=("second",), only=("op:Gemm",))).keep_float) == {
        "relu",
        "second",
    }


@pytest.mark.parametrize(
    ("model", "edges"),
    [(mlp(), {"first", "second"}), (small_cnn(), {"conv1", "classify"}), (two_ways(), {"first", "left", "more"})],
    ids=["mlp", "cnn", "two ways"],
)
def test_edges_are_the_first_and_the_last_weighted_node_of_each_path(model, edges):
    assert set(chosen_nodes(model, NodeChoice(edges_float=True)).keep_float) == edges


@pytest.mark.parametrize(
    ("types", "pattern"),
    [
        ({"*": "int8"}, "*"),
        ({"first": "int16", "second": "int8"}, "second"),
        ({"first": "int16", "fir*": "int16"}, "fir*"),
    ],
    ids=["the recipe's", "of one node", "said before"],
)
def test_a_type_that_a_node_has_without_it_is_an_error(types, pattern):
    with pytest.raises(CannotJudge) as stop:
        chosen_nodes(mlp(), NodeChoice(types=types, activation="int8", place="int8"))

    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert f'for "{pattern}", which' in stop.value.failure.sentence
    assert stop.value.failure.remedy == f'remove "{pattern}", or name another type'


@pytest.mark.parametrize("activation", ["int8", None], ids=["back to the recipe's", "another for each backend"])
def test_a_type_that_changes_one_said_before_or_an_unknown_one_holds(activation):
    types = {"*": "int16", "second": "int8"} if activation else {"second": "int8"}

    assert dict(chosen_nodes(mlp(), NodeChoice(types=types, activation=activation)).types)["second"] == "int8"


def test_of_two_types_for_a_node_the_last_holds():
    found = chosen_nodes(mlp(), NodeChoice(types={"*": "int16", "sec*": "uint8"}))

    assert dict(found.types) == {"first": "int16", "second": "uint8"}


@pytest.mark.parametrize(
    ("choice", "got", "remedy"),
    [
        (NodeChoice(types={"op:Relu": "int16"}), 'types: got "op:Relu", which matches 1 node', "first, second"),
        (
            NodeChoice(keep_float=("first",), types={"fir*": "int16"}, place="int8"),
            'int8: types: got "fir*", which matches 1 node',
            "second",
        ),
        (NodeChoice(only=("second",), types={"first": "int16"}), 'types: got "first", which matches 1 node', "second"),
        (NodeChoice(keep_float=("*",), types={"*": "int16"}), 'types: got "*", which matches 3 nodes', None),
    ],
    ids=["operator", "kept float", "only", "all kept float"],
)
def test_a_type_of_nodes_that_are_not_quantized_is_an_error(choice, got, remedy):
    with pytest.raises(CannotJudge) as stop:
        chosen_nodes(mlp(), choice)

    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert stop.value.failure.sentence == f"{got} and none that is quantized, should match one that is."
    wanted = "remove it: every node is kept float" if remedy is None else f"choose among: {remedy}"
    assert stop.value.failure.remedy == wanted


@pytest.mark.parametrize(
    ("choice", "place"),
    [
        (NodeChoice(keep_float=("frist",), place="cases/x.toml:13: int8"), "cases/x.toml:13: int8: keep_float: got "),
        (NodeChoice(only=("frist",), place="int8"), "int8: only: got "),
        (NodeChoice(types={"frist": "int16"}), "types: got "),
    ],
    ids=["keep_float", "only", "types"],
)
def test_a_dead_pattern_names_its_key(choice, place):
    with pytest.raises(CannotJudge) as stop:
        chosen_nodes(mlp(), choice)

    assert stop.value.failure.sentence.startswith(f'{place}"frist"')
    assert stop.value.failure.remedy == 'write "first"'
