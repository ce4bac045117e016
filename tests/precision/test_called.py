"""Patterns that name what the file has inside of local functions, or calls."""

from __future__ import annotations

import onnx
import pytest
from onnx import helper

from pytest_qparity.precision.called import graph_with_file_names
from pytest_qparity.precision.graph import float_graph, node_names
from pytest_qparity.precision.node_patterns import nodes_to_keep
from pytest_qparity.verdict import CannotJudge
from tests.models import save
from tests.precision.bodies import ALL, called_twice
from tests.precision.graphs import FLOAT, model_of, weights


def nested() -> onnx.ModelProto:
    """Two calls of a function that calls another."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    product = helper.make_node("MatMul", ["a", "b"], ["c"], name="product")
    inner = helper.make_function("own", "Inner", ["a", "b"], ["c"], [product], imports)
    through = helper.make_node("Inner", ["a", "b"], ["c"], name="through", domain="own")
    outer = helper.make_function("own", "Outer", ["a", "b"], ["c"], [through], imports)
    nodes = [
        helper.make_node("Outer", ["x", "w"], ["h"], name="one", domain="own"),
        helper.make_node("Outer", ["h", "w"], ["y"], name="two", domain="own"),
    ]
    shape = ["N", 8]
    constants = {"w": weights(8, 8)}
    return model_of(nodes, [("x", FLOAT, shape)], [("y", FLOAT, shape)], constants, functions=[inner, outer])


@pytest.mark.parametrize("model", [nested, *ALL.values()])
def test_nodes_have_the_names_that_makers_know_them_by(tmp_path, model):
    path = save(model(), tmp_path / "float.onnx")

    assert node_names(graph_with_file_names(path)) == node_names(float_graph(path))


def test_a_name_in_a_function_stands_for_the_node_in_each_call(tmp_path):
    path = save(nested(), tmp_path / "float.onnx")
    every = node_names(float_graph(path))

    assert len(every) == 2
    assert set(nodes_to_keep(graph_with_file_names(path), ("product",))) == every


def test_the_name_of_a_call_outside_stands_for_what_it_calls(tmp_path):
    path = save(called_twice(), tmp_path / "float.onnx")
    calls = [node.name for node in called_twice().graph.node if node.domain not in ("", "ai.onnx")]

    found = [set(nodes_to_keep(graph_with_file_names(path), (call,))) for call in calls if call]

    assert all(found)
    assert len(set.union(*found)) == sum(map(len, found))


def test_a_name_that_is_nearly_one_of_a_function_is_corrected(tmp_path):
    graph = graph_with_file_names(save(nested(), tmp_path / "float.onnx"))

    with pytest.raises(CannotJudge) as stop:
        nodes_to_keep(graph, ("produkt",))

    assert "product" in stop.value.failure.remedy
