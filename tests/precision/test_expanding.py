"""Operators on integers in Q/DQ form: the same outputs, and nodes that can be looked into."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from pytest_qparity.precision.graph import made_ready
from pytest_qparity.precision.pairs.expanding import expanded
from tests.diagnose.planting import sound
from tests.diagnose.planting_integers import dynamic, qoperator
from tests.diagnose.zoo import samples

LEFT = ("QGemm", "QLinear", "Integer")


def outputs_of(model: onnx.ModelProto, data: np.ndarray) -> np.ndarray:
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), settings).run(None, {"input": data})[0]


@pytest.mark.parametrize("make", [qoperator, dynamic])
@pytest.mark.parametrize("kind", ["mlp", "branches", "transformer"])
def test_an_expanded_file_gives_the_same_and_holds_no_operator_on_integers(tmp_path, kind, make):
    data = samples(kind, 2, 8)
    given = make(sound(kind, 1, tmp_path))
    before = outputs_of(given, data)

    made = expanded(made_ready(given), tmp_path)

    after = outputs_of(made, data)
    assert not [node.op_type for node in made.graph.node if any(name in node.op_type for name in LEFT)]
    assert np.sum((after - before) ** 2) <= 1e-4 * np.sum(before**2)  # a tie may round otherwise


def test_scales_for_each_channel_are_kept_where_dequantizelinear_has_no_axis(tmp_path):
    random = np.random.default_rng(0)
    arrays = {
        "s": np.float32(0.05),
        "z": np.uint8(120),
        "w": random.integers(-127, 128, (4, 3, 1, 1)).astype(np.int8),
        "ws": np.array([0.01, 0.02, 0.03, 0.04], np.float32),
        "wz": np.zeros(4, np.int8),
        "b": np.array([100, -100, 50, 0], np.int32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["input", "s", "z"], ["q"], name="q"),
        helper.make_node("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "s", "z", "b"], ["c"], name="conv"),
        helper.make_node("MaxPool", ["c"], ["p"], name="pool", kernel_shape=[2, 2]),
        helper.make_node("DequantizeLinear", ["p", "s", "z"], ["y"], name="dq"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("input", 1, ["N", 3, 4, 4])],
        [helper.make_tensor_value_info("y", 1, ["N", 4, 3, 3])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    data = random.standard_normal((2, 3, 4, 4)).astype(np.float32)
    before = outputs_of(model, data)

    made = expanded(model, tmp_path)

    np.testing.assert_allclose(outputs_of(made, data), before, atol=0.0501)  # a step: a tie may round otherwise
    there = {node.name: node.op_type for node in made.graph.node}
    assert {name: kind for name, kind in there.items() if " " not in name} == {
        "q": "QuantizeLinear",
        "conv": "Conv",
        "pool": "MaxPool",
        "dq": "DequantizeLinear",
    }


def test_a_scale_that_is_no_constant_leaves_the_node_as_it_is(tmp_path):
    node = helper.make_node("QLinearMatMul", ["a", "as", "z", "b", "bs", "z", "ys", "z"], ["y"], name="product")
    model = helper.make_model(helper.make_graph([node], "g", [], [], []))

    assert [each.op_type for each in expanded(model, tmp_path).graph.node] == ["QLinearMatMul"]
