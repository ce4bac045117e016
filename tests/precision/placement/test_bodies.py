"""Where Q/DQ nodes stand for products inside of branches and loops, and what is left out where a range is missing."""

from __future__ import annotations

import onnx
import onnx_ir as ir
import pytest

from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.placement.reach import hidden, inside_bodies
from pytest_qparity.precision.scopes import bodies_of
from pytest_qparity.precision.static import StaticJob
from pytest_qparity.quantmath import Range
from tests.models import save
from tests.precision.bodies import branches, convolutions, loop, mapped
from tests.precision.making import recipe

QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")


def job_for(model: onnx.ModelProto, folder, **spec) -> StaticJob:
    how = recipe(**{"target": "ort", **spec})
    return StaticJob(float_graph(save(model, folder / "float.onnx")), how)  # type: ignore[arg-type]


def made(job: StaticJob, without: tuple[str, ...] = ()) -> onnx.ModelProto:
    return job.made({name: Range(-1.0, 1.0) for name in job.observed if name not in without})


def taken(graph: onnx.GraphProto, operator: str) -> list[str]:
    return [node.input[0] for node in graph.node if node.op_type == operator]


def body_with(model: onnx.ModelProto, node: str) -> onnx.GraphProto:
    return next(body for body in bodies_of(model.graph) if node in {each.name for each in body.node})


@pytest.mark.parametrize("target", ["ort", "trt", "openvino", "any"])
def test_each_graph_has_the_q_dq_nodes_of_its_products(target, tmp_path):
    model = made(job_for(branches(), tmp_path, target=target))

    assert taken(model.graph, "QuantizeLinear") == ["x", "chosen"]
    assert sorted(taken(body_with(model, "then/first"), "QuantizeLinear")) == ["hidden", "relu"]
    assert taken(body_with(model, "else/product"), "QuantizeLinear") == ["hidden"]


def test_what_a_node_takes_apart_from_its_activations_is_in_its_graph(tmp_path):
    """Also a weight of the main graph, which a branch shares: it is there twice."""
    model = made(job_for(branches(), tmp_path))

    graphs = [model.graph, *bodies_of(model.graph)]
    for graph in graphs:
        held = {tensor.name for tensor in graph.initializer}
        quantizers = [node for node in graph.node if node.op_type in QUANTIZERS]
        assert all(set(node.input[1:]) <= held for node in quantizers)
    codes = [name for graph in graphs for name in taken(graph, "DequantizeLinear")]
    assert sum(name.startswith("w_quantized") for name in codes) == 2


def test_both_branches_take_the_same_scale(tmp_path):
    model = made(job_for(branches(), tmp_path))

    scales = set()
    for body in bodies_of(model.graph):
        (node,) = [each for each in body.node if each.op_type == "QuantizeLinear" and each.input[0] == "hidden"]
        scales.add(next(onnx.numpy_helper.to_array(t).item() for t in body.initializer if t.name == node.input[1]))
    assert len(scales) == 1


def test_no_float_weight_is_left(tmp_path):
    model = made(job_for(convolutions(), tmp_path))

    floats = [
        tensor
        for graph in (model.graph, *bodies_of(model.graph))
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1
    ]
    assert not floats


def test_a_norm_in_a_branch_is_folded_there(tmp_path):
    job = job_for(convolutions(), tmp_path)

    assert "1 BatchNormalization folded into convolutions" in job.notes
    assert not [node for body in bodies_of(job.float_model().graph) for node in body.node if "Norm" in node.op_type]


def test_a_product_without_a_range_stays_float_and_those_beside_it_do_not(tmp_path):
    job = job_for(branches(), tmp_path)

    model = made(job, without=("relu",))

    then = body_with(model, "then/first")
    assert taken(then, "QuantizeLinear") == ["hidden"]
    assert next(node for node in then.node if node.name == "then/second").input[:] == ["relu", "w"]
    assert "then/second" in job.notes[-1]


def test_a_skip_of_a_product_that_stays_float_stays_too(tmp_path):
    job = job_for(convolutions(), tmp_path, target="trt")

    model = made(job, without=("r1",))

    body = body_with(model, "deep/conv2")
    assert taken(body, "QuantizeLinear") == ["start"]
    assert "deep/conv2" in job.notes[-1]
    onnx.checker.check_model(model, full_check=True)


def test_only_tensors_of_bodies_may_have_no_range(tmp_path):
    job = job_for(loop(), tmp_path)

    assert set(job.observed) - job.optional == {"x", "last"}
    assert set(job.observed) & job.optional == {"state"}


def test_what_no_loop_runs_is_not_observed(tmp_path):
    graph = job_for(mapped(), tmp_path)

    assert "item" in graph.optional
    assert "item" not in graph.observed


def test_hidden_tensors_are_those_of_other_bodies():
    assert hidden(ir.from_proto(mapped()).graph) == {"item", "out"}
    assert hidden(ir.from_proto(branches()).graph) == set()
    assert {"inner", "relu", "out"} == inside_bodies(ir.from_proto(branches()).graph)
