"""Patterns of a case against nodes inside of branches, loops and scans."""

from __future__ import annotations

import pytest

from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.node_patterns import NodeChoice, chosen_nodes, nodes_to_keep
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import save
from tests.precision.bodies import branches, called_twice, loop, nested, scan

BRANCHES = {"then/first", "then/relu", "then/second", "else/product", "else/tanh"}


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("then/first", {"then/first"}),
        ("*/product", {"else/product"}),
        ("op:Tanh", {"else/tanh"}),
        ("output:relu", {"then/relu"}),
    ],
)
def test_a_node_in_a_branch_is_named_as_any_other(pattern, kept):
    assert set(nodes_to_keep(branches(), (pattern,))) == kept


@pytest.mark.parametrize("pattern", ["if", "op:If", "output:chosen"])
def test_a_node_that_holds_branches_stands_for_what_is_in_them(pattern):
    assert set(nodes_to_keep(branches(), (pattern,))) == {"if", *BRANCHES}


def test_a_misspelt_node_of_a_branch_has_a_near_name():
    with pytest.raises(CannotJudge) as caught:
        nodes_to_keep(branches(), ("then/frist",))

    assert caught.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert caught.value.failure.remedy == 'write "then/first"'


def test_only_leaves_the_other_products_float_wherever_they_are():
    chosen = chosen_nodes(branches(), NodeChoice(only=("then/*",), weighted_only=True))

    assert set(chosen.keep_float) == {"before", "else/product", "after"}


def test_a_type_may_be_that_of_a_node_in_a_body():
    assert chosen_nodes(loop(), NodeChoice(types={"loop/*": "int16"})).types == (
        ("loop/recurrent", "int16"),
        ("loop/driven", "int16"),
    )


@pytest.mark.parametrize(
    ("model", "pattern", "kept"),
    [
        (branches(), "between:hidden -> y", {*BRANCHES, "after"}),
        (branches(), "between:inner -> chosen", {"then/relu", "then/second", "else/tanh"}),
        (scan(), "between:x -> all", {"scan", "scan/driven", "scan/add", "scan/tanh", "scan/seen"}),
        (loop(), "between:start -> last", {"loop", "loop/recurrent", "loop/add", "loop/tanh"}),
    ],
    ids=["captured", "out", "scan", "loop"],
)  # fmt: skip
def test_ways_lead_into_bodies_and_out_of_them(model, pattern, kept):
    assert set(nodes_to_keep(model, (pattern,))) == kept


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        (branches(), {"before", "after"}),
        (loop(), {"before", "loop/driven", "after"}),
        (nested(), {"odd/product", "even/product", "after"}),
    ],
    ids=["branches", "loop", "nested"],
)
def test_the_first_and_the_last_product_may_be_in_a_body(model, kept):
    assert set(chosen_nodes(model, NodeChoice(edges_float=True)).keep_float) == kept


def test_a_node_of_a_local_function_has_a_name_for_each_call(tmp_path):
    model = float_graph(save(called_twice(), tmp_path / "float.onnx"))

    assert len(nodes_to_keep(model, ("op:MatMul",))) == 4
