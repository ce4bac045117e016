from __future__ import annotations

import numpy as np
import onnx
import pytest

from pytest_qparity.diagnose.comparing import Comparison
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.pairs.splicing import Change
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.rescue.costs import Costs, costs_of, measured_microseconds
from pytest_qparity.rescue.sensitivity import Sensitivity, measured_sensitivity
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.diagnose.sides import feeds_of, quantized
from tests.models import inputs_for_mlp, mlp, save, small_cnn
from tests.precision.bodies import WIDTH, loop, samples_of
from tests.precision.graphs import lstm, request_for
from tests.precision.test_mixing import feed, read_in_a_body, stock, summed
from tests.rescue.projects import write_project

WORKER = InProcess(Limits())


def test_the_nodes_behind_the_mask_do_the_harm(tmp_path):
    cases = write_project(tmp_path).parent
    feeds = feeds_of(cases / "model.onnx", {"input": np.load(cases / "test.npz")["input"]})

    found = measured_sensitivity(
        cases / "model.onnx", cases / "stock.onnx", feeds, WORKER, lambda _: True, seconds=600.0
    )

    assert set(found.order()[:2]) == {"softmax1", "softmax2"}
    assert found.nodes == len(found.harm) == 8


def test_where_time_is_up_nodes_are_ranked_by_their_own_error(tmp_path):
    cases = write_project(tmp_path).parent
    feeds = feeds_of(cases / "model.onnx", {"input": np.load(cases / "test.npz")["input"]})

    found = measured_sensitivity(cases / "model.onnx", cases / "stock.onnx", feeds, WORKER, lambda _: True, seconds=0.0)

    assert len(found.harm) == 1
    assert len(found.order()) == 8


def test_harm_counts_for_its_cost():
    found = Sensitivity({"a": 4.0, "b": 3.0, "c": 0.1}, {"a": 0.0, "b": 0.0, "c": 0.0, "d": 9.0, "e": 1.0}, 5)

    assert found.order() == ("a", "b", "c", "d", "e")
    assert found.order({"a": 4.0, "b": 1.0, "c": 1.0}.__getitem__) == ("b", "a", "c", "d", "e")


def test_multiply_accumulates_are_those_of_the_shapes_that_are_fed(tmp_path):
    """Conv: 8 · 8 outputs · channels · kernel; Gemm: outputs · inputs; for 3 samples."""
    found = costs_of(save(small_cnn(), tmp_path / "cnn.onnx"), {"input": (3, 1, 8, 8)}, WORKER)

    assert found.macs == {"conv1": 3 * 64 * 8 * 9, "conv2": 3 * 64 * 8 * 8 * 9, "classify": 3 * 8 * 4}
    assert found.macs_share(["conv1", "relu1"]) == found.macs["conv1"] / sum(found.macs.values())


def test_what_shape_inference_does_not_tell_is_no_number(tmp_path):
    found = costs_of(save(mlp(), tmp_path / "mlp.onnx"), {}, WORKER)

    assert found.macs == {}
    assert found.share("first", 4) == 0.25


def test_an_operator_that_multiplies_nothing_costs_its_half(tmp_path):
    found = costs_of(save(lstm(), tmp_path / "lstm.onnx"), {}, WORKER)

    assert found.operators == {"lstm": "LSTM", "squeeze": "Squeeze", "matmul": "MatMul"}
    assert Costs(found.operators, {"matmul": 10}).share("squeeze", 2) == 0.25


def test_a_relu_that_the_quantizer_dropped_counts_where_its_return_mends_the_variant(tmp_path):
    model, given = stock(read_in_a_body(), tmp_path, feed(1, 1, 8, 8))
    feeds = feeds_of(model, {"input": feed(4, 1, 8, 8)["input"]}, batch=1)

    found = measured_sensitivity(model, given, feeds, WORKER, lambda _: True, seconds=600.0)

    assert found.order()[0] == "relu"


def test_a_relu_that_nothing_misses_is_no_node_to_keep(tmp_path):
    model, given = stock(small_cnn(), tmp_path, feed(4, 1, 8, 8))
    feeds = feeds_of(model, {"input": feed(4, 1, 8, 8)["input"]}, batch=4)

    found = measured_sensitivity(model, given, feeds, WORKER, lambda _: True, seconds=600.0)

    assert not {"relu1", "relu2"} & set(found.order())


def test_nodes_are_timed_by_name_those_in_bodies_too(tmp_path):
    model = save(loop(), tmp_path / "loop.onnx")
    feed = {"x": inputs_for_mlp(4, features=WIDTH), "steps": np.array(3)}

    costs = costs_of(model, {"x": (4, WIDTH), "steps": ()}, WORKER)
    timed = measured_microseconds(model, feed, WORKER)

    assert {"before", "loop", "after", "loop/recurrent", "loop/driven"} <= timed.keys() <= costs.operators.keys()
    assert costs.holders["loop/recurrent"] == "loop"
    assert timed["loop"] > timed["loop/recurrent"] > 0
    shares = costs.timed(timed).time_shares
    assert sum(share for name, share in shares.items() if name != "loop") == pytest.approx(1.0)


def test_measured_time_is_a_cost_as_a_power_of_two():
    costs = Costs({"a": "MatMul", "b": "MatMul"}, {"a": 1, "b": 99})

    assert costs.share("a", 2) == (0.5 + 0.01) / 2
    assert costs.timed({"a": 47.0, "b": 53.0}).share("a", 2) == costs.timed({"a": 1.0, "b": 1.0}).share("a", 2) == 0.5


def test_a_model_that_does_not_run_is_not_timed(tmp_path):
    assert measured_microseconds(save(mlp(), tmp_path / "mlp.onnx"), {}, WORKER) == {}


def test_what_is_left_where_all_else_is_float_is_the_harm_of_bodies(tmp_path):
    workshop = Workshop(WORKER, VariantCache(tmp_path / "variants"))
    request = request_for(loop(), tmp_path, "int8", target="ort")
    variant = variant_for(request, lambda: samples_of("loop", request.model, 8), workshop)
    bodies = {"loop": ["loop/recurrent", "loop/driven"]}

    def measured(may_float):
        feeds = list(samples_of("loop", request.model, 4))
        return measured_sensitivity(
            request.model.path, variant.path, feeds, WORKER, may_float, seconds=600.0, bodies=bodies
        )

    found = measured(lambda _: True)

    assert found.harm["loop/recurrent"] == found.harm["loop/driven"] > 0.0
    assert found.nodes == len(found.harm)
    assert "loop/driven" not in measured(lambda name: name != "loop/driven").harm


@pytest.mark.parametrize("opset", [17, 11])
def test_a_product_that_became_a_gemm_is_ranked_and_keeps_its_sum(tmp_path, opset):
    """Without the sum that the Gemm took in nothing would be left of the outputs, whichever node is float."""
    model, variant = quantized(summed(opset=opset), feed(16, 1, 8), tmp_path)
    assert "Gemm" in {node.op_type for node in onnx.load(variant).graph.node}
    feeds = feeds_of(model, feed(16, 1, 8))

    found = measured_sensitivity(model, variant, feeds, WORKER, lambda _: True, seconds=600.0)

    assert found.harm.keys() == {"product", "last"}
    assert 0.0 < found.harm["product"] < 1e-3
    with Comparison(model, variant, feeds, WORKER) as both:
        layer = next(each for each in both.with_unrounded(both.measure()).layers if each.node == "product")
        assert both.floated(Change(nodes=("product", "last"))).relative < 1e-10
    assert layer.own is not None
    assert layer.own.relative < 1e-3
