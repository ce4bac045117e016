from __future__ import annotations

import onnx
import pytest
from onnx import helper

from pytest_qparity.precision.graph import float_graph, in_order, name_nodes, node_names
from tests.models import mlp, save
from tests.precision.graphs import function_inside, initializers_as_inputs, nameless


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


def test_nodes_are_put_in_order():
    model = mlp()
    model.graph.node.insert(0, helper.make_node("Relu", ["hidden"], ["early"], name="early"))
    with pytest.raises(onnx.checker.ValidationError, match="topologically sorted"):
        onnx.checker.check_model(model)

    ordered = in_order(model)

    onnx.checker.check_model(ordered, full_check=True)
    assert node_names(ordered) == node_names(model)
