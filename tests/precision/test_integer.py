from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from pytest_qparity.precision.integer import make_int8

from pytest_qparity.case.data import Feeds
from pytest_qparity.precision import integer
from pytest_qparity.precision.content import content_of, holds
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.recipes import IntegerRecipe
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import (
    function_inside,
    initializers_as_inputs,
    lstm,
    masked,
    matmul_after_branch,
    model_file,
    nameless,
    one_matmul,
    resized,
    samples_for,
    with_subgraphs,
)

MODELS = {
    "mlp": mlp,
    "cnn": small_cnn,
    "lstm": lstm,
    "resize": resized,
    "subgraphs": with_subgraphs,
    "behind a branch": matmul_after_branch,
    "function": function_inside,
    "nameless": nameless,
    "initializers as inputs": initializers_as_inputs,
    "opset 9": lambda: one_matmul(opset=9),
}
MAKE = """
import sys
from pathlib import Path
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.integer import make_int8
from pytest_qparity.precision.recipes import IntegerRecipe
from tests.precision.graphs import model_file, samples_for
path = Path(sys.argv[1])
feeds = samples_for(model_file(path), 8)
made, _ = make_int8(float_graph(path), IntegerRecipe((), "uint8", "minmax"), feeds, path.parent)
sys.stdout.buffer.write(made.SerializeToString(deterministic=True))
"""


def recipe_for(activation="uint8", keep_float=()):
    return IntegerRecipe(keep_float=keep_float, activation=activation, calibration="minmax")


def made(model, tmp_path, *, feeds=None, **recipe):
    path = save(model, tmp_path / "float.onnx")
    feeds = samples_for(model_file(path), 8) if feeds is None else feeds
    return make_int8(float_graph(path), recipe_for(**recipe), feeds, tmp_path)


def constants_of(model):
    return {tensor.name: tensor for tensor in model.graph.initializer}


def quantized_inputs(model, name):
    """The operators that make the inputs of a node."""
    makers = {output: node.op_type for node in model.graph.node for output in node.output}
    node = next(node for node in model.graph.node if node.name == name)
    return [makers.get(each) for each in node.input]


@pytest.mark.parametrize("activation", ["uint8", "int8"])
@pytest.mark.parametrize("name", MODELS)
def test_the_variant_is_valid_loads_and_is_near_the_float_model_with_its_names_and_types(tmp_path, name, activation):
    model, _ = made(MODELS[name](), tmp_path, activation=activation)
    path = save(model, tmp_path / "int8.onnx")

    onnx.checker.check_model(path, full_check=True)
    before, after = model_file(tmp_path / "float.onnx"), model_file(path)
    assert after.inputs == before.inputs
    assert [(each.name, each.dtype) for each in after.outputs] == [(each.name, each.dtype) for each in before.outputs]
    assert holds(content_of(path), "int8")
    assert content_of(path).bad_scales == ()
    for feed in samples_for(before, 3):
        exact, quantized = (
            onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, dict(feed.arrays))
            for file in (before.path, path)
        )
        for one, other in zip(exact, quantized, strict=True):
            assert np.abs(one - other).max() <= 0.1 * np.abs(one).max()


def test_weights_are_signed_and_per_channel_and_biases_are_int32(tmp_path):
    model, _ = made(small_cnn(), tmp_path)

    tensors = constants_of(model)
    kernel, scale = (numpy_helper.to_array(tensors[f"k2_{each}"]) for each in ("quantized", "scale"))
    assert kernel.dtype == np.int8
    assert scale.shape == (8,)
    assert tensors["b_quantized"].data_type == TensorProto.INT32


def test_unsigned_activations_have_zero_points(tmp_path):
    model, _ = made(mlp(), tmp_path, activation="uint8")

    zero_point = numpy_helper.to_array(constants_of(model)["input_zero_point"])
    assert zero_point.dtype == np.uint8
    assert zero_point != 0


def test_signed_activations_are_symmetric_and_leave_biases_float_as_tensorrt_demands(tmp_path):
    model, _ = made(small_cnn(), tmp_path, activation="int8")

    tensors = constants_of(model)
    zero_points = [numpy_helper.to_array(tensor) for name, tensor in tensors.items() if name.endswith("zero_point")]
    assert zero_points
    assert all(each.dtype == np.int8 and not each.any() for each in zero_points)
    assert tensors["b"].data_type == TensorProto.FLOAT


def test_ranges_are_the_smallest_and_largest_value_over_all_feeds(tmp_path):
    path = save(one_matmul(), tmp_path / "float.onnx")
    array = np.zeros((3, 8), np.float32)
    array[0, 0], array[2, 3] = -1.0, 4.1
    feeds = Feeds({"x": array}, samples=3, batch=1, stacked=False)

    model, _ = make_int8(float_graph(path), recipe_for(), feeds, tmp_path)

    tensors = constants_of(model)
    assert numpy_helper.to_array(tensors["x_scale"]) == pytest.approx(5.1 / 255)
    assert numpy_helper.to_array(tensors["x_zero_point"]) == 50


def test_nodes_kept_float_are_not_quantized(tmp_path):
    model, _ = made(mlp(), tmp_path, keep_float=("second",))

    assert quantized_inputs(model, "second")[1:] == [None, None]
    assert "DequantizeLinear" in quantized_inputs(model, "first")


def test_a_nameless_node_can_be_kept_float(tmp_path):
    name = float_graph(save(nameless(), tmp_path / "x.onnx")).graph.node[4].name

    model, _ = made(nameless(), tmp_path, keep_float=(name,))

    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    assert list(softmax.output) == ["y"]


def test_what_the_stock_recipe_does_to_a_mask_is_shown_and_keep_float_cures_it(tmp_path):
    """A mask of −3.4e38 stretches the range of the sum with it, so that one step is larger than every score."""
    path = save(masked(), tmp_path / "x.onnx")
    errors = []
    for keep_float in ((), ("mask", "widen", "mask_add", "softmax")):
        model, _ = made(masked(), tmp_path, keep_float=keep_float)
        quantized = save(model, tmp_path / "int8.onnx")
        feed = next(iter(samples_for(model_file(path), 1)))
        exact, other = (
            onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, dict(feed.arrays))[0]
            for file in (path, quantized)
        )
        errors.append(float(np.abs(exact - other).max()))

    assert errors[0] > 0.05
    assert errors[1] < 0.01


def test_a_model_below_opset_13_is_converted_first_and_says_so(tmp_path):
    model, notes = made(one_matmul(opset=9), tmp_path)

    assert model.opset_import[0].version == 17
    assert notes == ("converted from opset 9 to 17 before quantization",)
    assert numpy_helper.to_array(constants_of(model)["w_scale"]).shape == (4,)


def test_a_model_of_opset_13_or_newer_stays_as_it_is(tmp_path):
    model, notes = made(one_matmul(opset=13), tmp_path)

    assert model.opset_import[0].version == 13
    assert notes == ()


def test_a_node_kept_float_that_the_conversion_loses_is_an_error(tmp_path, monkeypatch):
    def rename(model, _):
        model.graph.node[0].name = "renamed"
        model.opset_import[0].version = 17
        return model

    monkeypatch.setattr(integer.version_converter, "convert_version", rename)

    with pytest.raises(CannotJudge) as stop:
        made(one_matmul(opset=11), tmp_path, keep_float=("matmul",))

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert "without matmul" in stop.value.failure.sentence


@pytest.mark.parametrize("samples", [0, 4])
def test_calibration_data_without_samples_or_range_cannot_be_judged(tmp_path, samples):
    feeds = Feeds({"input": np.zeros((samples, 16), np.float32)}, samples=samples, batch=1, stacked=False)

    with pytest.raises(CannotJudge) as stop:
        made(mlp(), tmp_path, feeds=feeds)

    assert stop.value.failure.code is (Code.CALIBRATION_ZEROS if samples else Code.DATA_EMPTY)


def test_one_float_input_of_zeros_beside_another_is_no_error(tmp_path):
    path = save(lstm(), tmp_path / "x.onnx")
    feeds = samples_for(model_file(path), 4)
    feeds.arrays["h0"][...] = 0

    model, _ = made(lstm(), tmp_path, feeds=feeds)

    assert holds(content_of(save(model, tmp_path / "int8.onnx")), "int8")


def test_integer_inputs_of_zeros_are_no_error(tmp_path):
    path = save(masked(), tmp_path / "x.onnx")
    feeds = samples_for(model_file(path), 2)
    for array in feeds.arrays.values():
        array[...] = 0

    made(masked(), tmp_path, feeds=feeds)


def test_feeds_of_several_samples_and_a_shorter_last_one_are_fed_as_they_are(tmp_path):
    array = np.random.default_rng(0).standard_normal((7, 16)).astype(np.float32)
    one_by_one, by_three = (Feeds({"input": array}, samples=7, batch=batch, stacked=False) for batch in (1, 3))

    scales = [
        numpy_helper.to_array(constants_of(made(mlp(), tmp_path, feeds=feeds)[0])["input_scale"])
        for feeds in (one_by_one, by_three)
    ]

    assert scales[0] == scales[1]


def test_external_data_are_quantized_too(tmp_path):
    folder = tmp_path / "external"
    folder.mkdir()
    path = folder / "model.onnx"
    onnx.save(one_matmul(), path, save_as_external_data=True, location="model.data", size_threshold=0)
    feeds = samples_for(model_file(path), 8)

    beside, _ = make_int8(float_graph(path), recipe_for(), feeds, tmp_path)

    assert beside == made(one_matmul(), tmp_path, feeds=feeds)[0]
    assert sorted(file.name for file in folder.iterdir()) == ["model.data", "model.onnx"]


def test_a_model_without_anything_to_quantize_gives_a_file_that_holds_nothing(tmp_path):
    model = one_matmul()
    model.graph.node[0].CopyFrom(onnx.helper.make_node("Erf", ["x"], ["y"], name="erf"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 8

    written, _ = made(model, tmp_path)

    assert not holds(content_of(save(written, tmp_path / "int8.onnx")), "int8")


def test_the_folders_of_model_and_scratch_are_left_as_they_were(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = save(mlp(), tmp_path / "model" / "float.onnx")
    before = path.read_bytes()

    make_int8(float_graph(path), recipe_for(), samples_for(model_file(path), 8), scratch)

    assert [file.name for file in path.parent.iterdir()] == ["float.onnx"]
    assert path.read_bytes() == before
    assert not list(scratch.iterdir())


def test_the_root_logger_is_as_it_was(tmp_path, caplog):
    level = logging.getLogger().level

    made(mlp(), tmp_path)

    assert logging.getLogger().level == level
    assert not caplog.records


def test_the_same_recipe_gives_the_same_bytes_in_another_process_with_other_hashes(tmp_path):
    path = save(small_cnn(), tmp_path / "float.onnx")

    written = {
        subprocess.run(
            [sys.executable, "-c", MAKE, str(path)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(written) == 1
    assert len(written.pop()) > 1000


def _make(path):
    feeds = samples_for(model_file(path), 8)
    return make_int8(float_graph(path), recipe_for(), feeds, path.parent)[0].SerializeToString()


def test_jobs_on_one_model_path_do_not_meet(tmp_path):
    path = save(small_cnn(), tmp_path / "float.onnx")

    with multiprocessing.get_context("spawn").Pool(4) as pool:
        written = pool.map(_make, [path] * 12)

    assert len(set(written)) == 1
