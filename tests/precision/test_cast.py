from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.cast import make_fp16
from pytest_qparity.precision.content import content_of, holds
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.recipes import CastRecipe
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import (
    FLOAT,
    initializers_as_inputs,
    lstm,
    masked,
    model_file,
    model_of,
    resized,
    samples_for,
    weights,
    with_subgraphs,
)

MODELS = {
    "mlp": mlp,
    "cnn": small_cnn,
    "lstm": lstm,
    "resize": resized,
    "mask": masked,
    "subgraphs": with_subgraphs,
    "initializers as inputs": initializers_as_inputs,
}


def made(model, tmp_path, **recipe):
    recipe = CastRecipe(**{"keep_float": ()} | recipe)
    converted, notes = make_fp16(float_graph(save(model, tmp_path / "float.onnx")), recipe)
    return converted, notes


def outputs_of(path, feed):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, dict(feed.arrays))


@pytest.mark.parametrize("name", MODELS)
def test_the_variant_loads_and_is_near_the_float_model_with_its_names_and_types(tmp_path, name):
    converted, _ = made(MODELS[name](), tmp_path)
    path = save(converted, tmp_path / "fp16.onnx")

    onnx.checker.check_model(path, full_check=True)
    before, after = model_file(tmp_path / "float.onnx"), model_file(path)
    assert after.inputs == before.inputs
    assert [(each.name, each.dtype) for each in after.outputs] == [(each.name, each.dtype) for each in before.outputs]
    assert holds(content_of(path), "fp16")
    for feed in samples_for(before, 3):
        for exact, half in zip(outputs_of(before.path, feed), outputs_of(path, feed), strict=True):
            np.testing.assert_allclose(half, exact, rtol=1e-2, atol=4e-3)


@pytest.mark.parametrize("name", MODELS)
def test_all_weights_are_half_but_those_that_an_operator_wants_in_float32(tmp_path, name):
    converted, _ = made(MODELS[name](), tmp_path)

    floats = {tensor.name for tensor in converted.graph.initializer if tensor.data_type == TensorProto.FLOAT}
    assert floats <= {"scales"}


def test_nodes_kept_float_keep_their_weights(tmp_path):
    converted, _ = made(mlp(), tmp_path, keep_float=("second",))
    path = save(converted, tmp_path / "fp16.onnx")

    types = {tensor.name: tensor.data_type for tensor in converted.graph.initializer}
    assert types["w2"] == types["b2"] == TensorProto.FLOAT
    assert types["w1"] == TensorProto.FLOAT16
    onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_a_constant_beyond_float16_is_clipped_and_noted(tmp_path):
    converted, notes = made(masked(), tmp_path)

    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in converted.graph.initializer}
    assert values["lowest"] == np.float16(-65504)
    assert notes == ("1 float32 constants beyond ±65504, clipped to it, in: lowest",)


def test_a_constant_below_float16_is_raised_and_noted(tmp_path):
    model = mlp()
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.full(32, -1e-9, np.float32), "b1"))

    converted, notes = made(model, tmp_path)

    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in converted.graph.initializer}
    assert (values["b1"] < 0).all()
    assert notes == ("32 float32 constants nearer to 0 than 5.96e-08, raised to it, in: b1",)


def test_a_weight_between_ten_thousand_and_the_largest_float16_is_kept(tmp_path):
    nodes = [helper.make_node("Mul", ["x", "large"], ["y"], name="mul")]
    model = model_of(nodes, [("x", FLOAT, [1])], [("y", FLOAT, [1])], {"large": np.array([60000], np.float32)})

    converted, notes = made(model, tmp_path)

    assert numpy_helper.to_array(converted.graph.initializer[0]) == 60000
    assert notes == ()


def test_a_constant_that_stays_float32_is_not_noted(tmp_path):
    converted, notes = made(masked(), tmp_path, keep_float=("mask",))

    types = {tensor.name: tensor.data_type for tensor in converted.graph.initializer}
    assert types["lowest"] == TensorProto.FLOAT
    assert notes == ()


def test_a_constant_in_a_node_is_noted_by_the_node(tmp_path):
    value = numpy_helper.from_array(np.array([1e6], np.float32))
    nodes = [
        helper.make_node("Constant", [], ["c"], name="million", value=value),
        helper.make_node("MatMul", ["x", "w"], ["h"], name="matmul"),
        helper.make_node("Min", ["h", "c"], ["y"], name="min"),
    ]
    model = model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], {"w": weights(8, 4)})

    _, notes = made(model, tmp_path)

    assert notes == ("1 float32 constants beyond ±65504, clipped to it, in: million",)


def test_the_same_recipe_gives_the_same_bytes(tmp_path):
    assert made(lstm(), tmp_path)[0].SerializeToString() == made(lstm(), tmp_path)[0].SerializeToString()
