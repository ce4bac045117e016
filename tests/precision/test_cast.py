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


def scaled(*, outputs=("y",)):
    """x @ w · 1e5 · 1e-5 @ w: between both factors values are beyond float16."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="before"),
        helper.make_node("Mul", ["a", "large"], ["b"], name="up"),
        helper.make_node("Mul", ["b", "small"], ["c"], name="down"),
        helper.make_node("MatMul", ["c", "w"], ["y"], name="behind"),
    ]
    constants = {"w": weights(8, 8), "large": np.array(1e5, np.float32), "small": np.array(1e-5, np.float32)}
    return model_of(nodes, [("x", FLOAT, ["N", 8])], [(name, FLOAT, ["N", 8]) for name in outputs], constants)


def casts(model):
    return [node for node in model.graph.node if node.op_type == "Cast"]


@pytest.mark.parametrize("outputs", [("y",), ("y", "b"), ("b", "c", "y")], ids=" ".join)
def test_between_nodes_that_stay_float32_values_do(tmp_path, outputs):
    converted, _ = made(scaled(outputs=outputs), tmp_path, keep_float=("up", "down"))
    path = save(converted, tmp_path / "fp16.onnx")

    onnx.checker.check_model(path, full_check=True)
    assert [each.name for each in converted.graph.output] == list(outputs)
    [feed] = samples_for(model_file(tmp_path / "float.onnx"), 1)
    for exact, half in zip(outputs_of(tmp_path / "float.onnx", feed), outputs_of(path, feed), strict=True):
        np.testing.assert_allclose(half, exact, rtol=1e-2, atol=4e-3 * np.abs(exact).max())


@pytest.mark.parametrize("kept", [("before",), ("behind",), ("before", "up"), ("before", "up", "down", "behind")])
def test_an_input_or_output_of_a_node_that_stays_float32_is_not_cast(tmp_path, kept):
    converted, _ = made(scaled(), tmp_path, keep_float=kept)

    cast = casts(converted)
    assert any("x" in node.input for node in cast) == ("before" not in kept)
    assert any("y" in node.output for node in cast) == ("behind" not in kept)
    assert ([each.name for each in converted.graph.input], converted.graph.output[0].name) == (["x"], "y")
    assert bool(cast) == (len(kept) < 4)


def test_a_round_trip_of_the_float_model_itself_stays(tmp_path):
    model = scaled()
    trip = [
        helper.make_node("Cast", ["b"], ["b16"], name="narrow", to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["b16"], ["b32"], name="wide", to=TensorProto.FLOAT),
    ]
    model.graph.node[2].input[0] = "b32"
    for node in reversed(trip):
        model.graph.node.insert(2, node)

    converted, _ = made(model, tmp_path, keep_float=("up", "down", "narrow", "wide"))

    assert {"narrow", "wide"} <= {node.name for node in casts(converted)}
