from __future__ import annotations

import onnx
import pytest
from onnx import helper

from pytest_qparity.precision.graph import float_graph, in_order, name_nodes, node_names, nodes_to_keep
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import mlp, save
from tests.precision.graphs import function_inside, initializers_as_inputs, nameless, with_subgraphs


def prepared(model, tmp_path):
    return float_graph(save(model, tmp_path / "float.onnx"))


def test_every_node_gets_a_name_of_its_own_and_keeps_the_one_it_has(tmp_path):
    names = [node.name for node in prepared(nameless(), tmp_path).graph.node]

    assert len(set(names)) == 5
    assert names[1] == "relu"
    assert names[0].startswith("MatMul")


def test_of_two_nodes_with_one_name_the_second_gets_another(tmp_path):
    model = mlp()
    model.graph.node[2].name = "first"

    assert [node.name for node in prepared(model, tmp_path).graph.node] == ["first", "relu", "first_2"]


def test_a_name_that_is_taken_is_not_given_again():
    model = nameless()
    model.graph.node[1].name = "MatMul_0"

    name_nodes(model)

    assert len(node_names(model)) == 5
    assert model.graph.node[1].name == "MatMul_0"


def test_an_initializer_is_no_input_any_more(tmp_path):
    model = prepared(initializers_as_inputs(), tmp_path)

    assert [value.name for value in model.graph.input] == ["x"]
    assert model.ir_version >= 4


def test_a_local_function_becomes_nodes(tmp_path):
    model = prepared(function_inside(), tmp_path)

    assert [node.op_type for node in model.graph.node] == ["MatMul"]
    assert not model.functions


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
    assert len(nodes_to_keep(prepared(nameless(), tmp_path), ("op:MatMul",))) == 2


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


def test_nodes_are_put_in_order():
    model = mlp()
    model.graph.node.insert(0, helper.make_node("Relu", ["hidden"], ["early"], name="early"))
    with pytest.raises(onnx.checker.ValidationError, match="topologically sorted"):
        onnx.checker.check_model(model)

    ordered = in_order(model)

    onnx.checker.check_model(ordered, full_check=True)
    assert node_names(ordered) == node_names(model)
