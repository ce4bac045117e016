"""Weights in blocks: against `quantmath`, and as a file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity import quantmath
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.choosing import recipe_for
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.placement.elements import ELEMENTS
from pytest_qparity.precision.weight_only import make_weight_only, quantized_in_blocks
from pytest_qparity.quantmath import Blocked
from pytest_qparity.verdict import CannotJudge
from tests.models import mlp, save
from tests.precision.graphs import FLOAT, model_of, weights
from tests.precision.making import array, dequantized, least_sqnr_db, makers, node, outputs_of, recipe


def weight(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Standard normal with a heavy tail, and a block of zeros."""
    random = np.random.default_rng(seed)
    drawn = random.standard_normal(shape) * np.exp(random.standard_normal(shape))
    drawn[:16] = 0
    return drawn.astype(np.float32)


def in_blocks(values: np.ndarray, element: str, *, axis: int = 0, block: int = 32, **how) -> tuple[np.ndarray, float]:
    """Codes, and the sum of squared errors of what they stand for."""
    how = {"symmetric": True, "least_squares": False} | how
    codes, found = quantized_in_blocks(values, axis, ELEMENTS[element], block=block, **how)
    real = quantmath.dequantize(codes, found.scale, found.zero_point, Blocked(axis, block))
    return codes, float(((real.astype(np.float64) - values) ** 2).sum())


def written(model: onnx.ModelProto, tmp_path, base: str = "int4", family: str = "ort", **spec) -> onnx.ModelProto:
    how = recipe_for(base, PrecisionSpec(**spec), family, ())
    made, _ = make_weight_only(float_graph(save(model, tmp_path / "float.onnx")), how)
    onnx.checker.check_model(made, full_check=True)
    return made


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("element", ["int4", "uint4"])
@pytest.mark.parametrize(("shape", "axis", "block"), [((96, 5), 0, 32), ((80, 3), 0, 32), ((48, 70), 1, 16)])
def test_blocks_are_those_of_quantmath_block_by_block(element, symmetric, shape, axis, block):
    """Each block alone, quantized per tensor, has the same codes."""
    values, kind = weight(shape, 0), ELEMENTS[element].kind
    codes, _ = in_blocks(values, element, axis=axis, block=block, symmetric=symmetric)

    lines, coded = np.moveaxis(values, axis, -1), np.moveaxis(codes, axis, -1)
    for line, expected in zip(lines, coded, strict=True):
        for start in range(0, line.size, block):
            part = line[start : start + block]
            parameters = ELEMENTS[element].parameters(
                np.asarray(min(part.min(), 0)), np.asarray(max(part.max(), 0)), symmetric=symmetric
            )
            alone = quantmath.quantize(part, parameters.scale, parameters.zero_point, kind, quantmath.PerTensor())
            np.testing.assert_array_equal(alone, expected[start : start + block])


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("element", ["int4", "uint4"])
@pytest.mark.parametrize("seed", range(5))
def test_the_least_squared_error_is_never_above_that_of_rounding_to_nearest(element, symmetric, seed):
    values = weight((96, 7), seed)

    _, nearest = in_blocks(values, element, symmetric=symmetric)
    _, least = in_blocks(values, element, symmetric=symmetric, least_squares=True)

    assert least < nearest


@pytest.mark.parametrize("block", [16, 32, 64])
@pytest.mark.parametrize("base", ["int4", "uint4"])
def test_a_file_has_its_products_weights_in_blocks_along_the_axis_of_summation(tmp_path, base, block):
    model = written(mlp(features=128, hidden=128), tmp_path, base, block=block)

    assert array(model, "w1_scale").shape == (128 // block, 128)
    assert dequantized(model, "first") == [False, True, False]
    attributes = {each.name: each.i for each in makers(model)[node(model, "first").input[1]].attribute}
    assert attributes == {"axis": 0, "block_size": block}
    assert [entry.version for entry in model.opset_import] == [21]
    assert not {"w1", "w2"} & {tensor.name for tensor in model.graph.initializer}


@pytest.mark.parametrize("algorithm", ["rtn", "mse"])
@pytest.mark.parametrize("base", ["int4", "uint4"])
def test_a_file_is_near_the_float_model(tmp_path, base, algorithm):
    model = written(mlp(features=64, hidden=128), tmp_path, base, algorithm=algorithm)

    feed = {"input": np.random.default_rng(1).standard_normal((64, 64)).astype(np.float32)}
    assert least_sqnr_db(outputs_of(mlp(features=64, hidden=128), feed), outputs_of(model, feed)) > 13


def test_a_transposed_weight_has_its_blocks_along_its_other_axis(tmp_path):
    nodes = [helper.make_node("Gemm", ["x", "w"], ["y"], name="product", transB=1)]
    model = model_of(nodes, [("x", FLOAT, ["N", 64])], [("y", FLOAT, ["N", 4])], {"w": weights(4, 64)})

    assert array(written(model, tmp_path), "w_scale").shape == (4, 2)


def run_by_openvino(model, feed):
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    read = core.read_model(model.SerializeToString())
    return [core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(feed)[0]]


@pytest.mark.parametrize(("length", "shape"), [(16, (16,)), (20, (16,)), (64, (2, 16))])
@pytest.mark.parametrize("base", ["int4", "uint4"])
def test_an_axis_that_one_block_holds_has_a_scale_a_channel(tmp_path, base, length, shape):
    """OpenVINO takes no block that is longer than its axis."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    float_model = model_of(nodes, [("x", FLOAT, ["N", length])], [("y", FLOAT, ["N", 16])], {"w": weights(length, 16)})

    model = written(float_model, tmp_path, base, family="openvino")

    assert array(model, "w_scale").shape == shape
    feed = {"x": np.random.default_rng(1).standard_normal((8, length)).astype(np.float32)}
    by_onnxruntime = outputs_of(model, feed, optimized=False)
    assert least_sqnr_db(by_onnxruntime, run_by_openvino(model, feed)) > 35  # which rounds activations to int8
    assert least_sqnr_db(outputs_of(float_model, feed), by_onnxruntime) > 13


def test_a_weight_of_three_axes_that_one_block_holds_has_that_block(tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    shapes = [("x", FLOAT, [2, "N", 20])], [("y", FLOAT, [2, "N", 16])]
    model = written(model_of(nodes, *shapes, {"w": weights(2, 20, 16)}), tmp_path, family="openvino")

    feed = {"x": np.random.default_rng(1).standard_normal((2, 3, 20)).astype(np.float32)}
    assert array(model, "w_scale").shape == (2, 1, 16)
    assert least_sqnr_db(outputs_of(model, feed, optimized=False), run_by_openvino(model, feed)) > 35


@pytest.mark.parametrize("family", ["openvino", "trt"])
@pytest.mark.parametrize(
    ("features", "hidden", "remedy"),
    [
        (48, 40, 'leave these nodes float: keep_float = ["first", "second"]'),
        (48, 64, 'say block = 16, or leave these nodes float: keep_float = ["first"]'),
    ],
)
def test_blocks_that_do_not_fill_an_axis_are_refused_where_the_engine_does(tmp_path, family, features, hidden, remedy):
    model = mlp(features=features, hidden=hidden)

    with pytest.raises(CannotJudge) as stop:
        written(model, tmp_path, family=family)

    assert stop.value.failure.sentence.startswith("first: got 48 elements along its axis of summation, should be a ")
    assert stop.value.failure.remedy == remedy
    assert array(written(model, tmp_path), "w1_scale").shape == (2, hidden)


def test_nodes_kept_float_keep_their_weights(tmp_path):
    made, _ = make_weight_only(
        float_graph(save(mlp(), tmp_path / "float.onnx")), recipe("int4", keep_float=("second",))
    )

    assert node(made, "second").input[1] == "w2"
