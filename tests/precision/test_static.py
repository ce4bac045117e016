"""Static variants of models that quantizers stumble over."""

from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from pytest_qparity.case.data import Feeds
from pytest_qparity.precision import preparing
from pytest_qparity.precision.content import content_of, holds
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.placement.targets import TARGETS
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
from tests.precision.making import array, dequantized, least_sqnr_db, made, made_from, outputs_of, recipe

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
    "mask": masked,
}
MAKE = """
import sys
from pathlib import Path
from tests.precision.making import made_from, recipe
model, _ = made_from(Path(sys.argv[1]), recipe(target="ort"))
sys.stdout.buffer.write(model.SerializeToString(deterministic=True))
"""


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", MODELS)
def test_the_variant_is_valid_loads_and_is_near_the_float_model_with_its_names_and_types(tmp_path, name, target):
    model, _ = made(MODELS[name](), tmp_path, target=target)
    path = save(model, tmp_path / "int8.onnx")

    onnx.checker.check_model(path, full_check=True)
    before, after = model_file(tmp_path / "float.onnx"), model_file(path)
    assert after.inputs == before.inputs
    assert [(each.name, each.dtype) for each in after.outputs] == [(each.name, each.dtype) for each in before.outputs]
    assert holds(content_of(path), "int8")
    assert content_of(path).bad_scales == ()
    exact = onnx.load(before.path)
    for feed in samples_for(before, 3):
        pairs = zip(outputs_of(exact, dict(feed.arrays)), outputs_of(model, dict(feed.arrays)), strict=True)
        assert all(np.abs(one - other).max() <= 0.1 * np.abs(one).max() for one, other in pairs)


def test_weights_are_signed_and_per_channel_and_biases_are_int32_for_onnx_runtime(tmp_path):
    model, _ = made(small_cnn(), tmp_path, target="ort")

    assert array(model, "k2_quantized").dtype == np.int8
    assert array(model, "k2_scale").shape == (8,)
    assert array(model, "b_quantized").dtype == np.int32
    np.testing.assert_array_equal(array(model, "b_scale"), array(model, "flat_scale") * array(model, "w_scale"))


def test_one_scale_for_a_weight_where_that_is_asked_for(tmp_path):
    model, _ = made(small_cnn(), tmp_path, granularity="tensor")

    assert array(model, "k2_scale").shape == ()


@pytest.mark.parametrize("target", ["trt", "any"])
def test_symmetric_activations_and_float_biases_where_tensorrt_may_read_the_file(tmp_path, target):
    model, _ = made(small_cnn(), tmp_path, target=target)

    zero_points = [array(model, each.name) for each in model.graph.initializer if each.name.endswith("zero_point")]
    assert zero_points
    assert all(each.dtype == np.int8 and not each.any() for each in zero_points)
    assert dequantized(model, "classify") == [True, True, False]
    assert array(model, "b").dtype == np.float32


@pytest.mark.parametrize("target", ["ort", "openvino"])
def test_unsigned_activations_have_zero_points(tmp_path, target):
    model, _ = made(mlp(), tmp_path, target=target)

    assert array(model, "input_zero_point").dtype == np.uint8
    assert array(model, "input_zero_point") != 0


def test_reduced_weights_leave_the_outer_half_of_their_codes_unused(tmp_path):
    whole, _ = made(mlp(), tmp_path, target="ort")
    reduced, _ = made(mlp(), tmp_path, target="ort", reduce_range=True)

    assert np.abs(array(whole, "w1_quantized")).max() == 127
    assert np.abs(array(reduced, "w1_quantized").astype(int)).max() == 64
    np.testing.assert_allclose(array(reduced, "w1_scale"), 2 * array(whole, "w1_scale"), rtol=1e-6)


def test_ranges_are_the_smallest_and_largest_value_over_all_feeds(tmp_path):
    values = np.zeros((3, 8), np.float32)
    values[0, 0], values[2, 3] = -1.0, 4.1
    feeds = Feeds({"x": values}, samples=3, batch=1, stacked=False)

    model, _ = made(one_matmul(), tmp_path, feeds=feeds, target="ort")

    assert array(model, "x_scale") == pytest.approx(5.1 / 255)
    assert array(model, "x_zero_point") == 50


def test_a_percentile_reaches_the_calibrator(tmp_path):
    scales = [
        array(made(mlp(), tmp_path, calibration="percentile", percentile=share)[0], "input_scale")
        for share in (100.0, 80.0)
    ]

    assert scales[1] < 0.8 * scales[0]


def test_feeds_of_several_samples_and_a_shorter_last_one_are_fed_as_they_are(tmp_path):
    values = np.random.default_rng(0).standard_normal((7, 16)).astype(np.float32)
    one_by_one, by_three = (Feeds({"input": values}, samples=7, batch=batch, stacked=False) for batch in (1, 3))

    scales = [array(made(mlp(), tmp_path, feeds=feeds)[0], "input_scale") for feeds in (one_by_one, by_three)]

    assert scales[0] == scales[1]


def test_calibration_data_without_samples_cannot_be_judged(tmp_path):
    with pytest.raises(CannotJudge) as stop:
        made(mlp(), tmp_path, feeds=Feeds({"input": np.zeros((0, 16), np.float32)}, samples=0, batch=1, stacked=False))

    assert stop.value.failure.code is Code.DATA_EMPTY


@pytest.mark.parametrize("target", TARGETS)
def test_nodes_kept_float_are_not_quantized(tmp_path, target):
    model, _ = made(mlp(), tmp_path, recipe(keep_float=("second",), target=target))

    assert dequantized(model, "second") == [False, False, False]
    assert dequantized(model, "first")[:2] == [True, True]


def test_a_nameless_node_can_be_kept_float(tmp_path):
    name = float_graph(save(nameless(), tmp_path / "x.onnx")).graph.node[2].name

    model, _ = made(nameless(), tmp_path, recipe(keep_float=(name,)))

    assert dequantized(model, name) == [False, False]


def test_a_mask_of_the_largest_float_stretches_no_range(tmp_path):
    """Quantized as the scores are, −3.4e38 makes one step larger than every score: −60 dB and worse."""
    model, _ = made(masked(), tmp_path)

    feed = dict(next(iter(samples_for(model_file(tmp_path / "float.onnx"), 1))).arrays)
    assert least_sqnr_db(outputs_of(masked(), feed), outputs_of(model, feed)) > 30


@pytest.mark.parametrize(("target", "opset", "becomes"), [("ort", 9, 17), ("ort", 12, 17), ("any", 17, 19)])
def test_a_model_below_the_opset_of_its_placement_is_converted_first_and_says_so(tmp_path, target, opset, becomes):
    model, notes = made(one_matmul(opset=opset), tmp_path, target=target)

    assert [entry.version for entry in model.opset_import] == [becomes]
    assert notes[:-1] == (f"converted from opset {opset} to {becomes} before quantization",)
    assert array(model, "w_scale").shape == (4,)


@pytest.mark.parametrize(("target", "opset"), [("ort", 13), ("trt", 17), ("any", 19)])
def test_a_newer_model_stays_at_its_opset(tmp_path, target, opset):
    model, notes = made(one_matmul(opset=opset), tmp_path, target=target)

    assert [entry.version for entry in model.opset_import] == [opset]
    assert not [note for note in notes if "opset" in note]


@pytest.mark.parametrize(("base", "opset"), [("int16", 21), ("fp8", 19)])
def test_a_model_goes_to_the_opset_of_its_element_types(tmp_path, base, opset):
    model, _ = made(one_matmul(), tmp_path, base=base, target="ort")

    assert [entry.version for entry in model.opset_import] == [opset]


@pytest.mark.parametrize(
    "said", [{"keep_float": ("matmul",)}, {"types": (("matmul", "uint8"),)}], ids=["kept", "typed"]
)
def test_a_node_that_is_named_and_that_the_conversion_loses_is_an_error(tmp_path, monkeypatch, said):
    def rename(model, _):
        model.graph.node[0].name = "renamed"
        model.opset_import[0].version = 17
        return model

    monkeypatch.setattr(preparing.version_converter, "convert_version", rename)

    with pytest.raises(CannotJudge) as stop:
        made(one_matmul(opset=11), tmp_path, recipe(**said))

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert "without matmul" in stop.value.failure.sentence


def test_external_data_are_quantized_too(tmp_path):
    folder = tmp_path / "external"
    folder.mkdir()
    path = folder / "model.onnx"
    onnx.save(one_matmul(), path, save_as_external_data=True, location="model.data", size_threshold=0)

    beside, _ = made_from(path, recipe())

    assert beside == made(one_matmul(), tmp_path)[0]
    assert sorted(file.name for file in folder.iterdir()) == ["model.data", "model.onnx"]


def test_a_model_without_anything_to_quantize_gives_a_file_that_holds_nothing(tmp_path):
    model = one_matmul()
    model.graph.node[0].CopyFrom(onnx.helper.make_node("Erf", ["x"], ["y"], name="erf"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 8

    written, _ = made(model, tmp_path)

    assert not holds(content_of(save(written, tmp_path / "int8.onnx")), "int8")


def test_the_folder_of_the_model_is_left_as_it_was(tmp_path):
    path = save(mlp(), tmp_path / "model" / "float.onnx")
    before = path.read_bytes()

    made_from(path, recipe())

    assert [file.name for file in path.parent.iterdir()] == ["float.onnx"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("format_", ["qdq", "qoperator"])
def test_the_root_logger_is_as_it_was(tmp_path, caplog, format_):
    level = logging.getLogger().level

    made(mlp(), tmp_path, target="ort", format=format_)

    assert logging.getLogger().level == level
    assert not caplog.records


def test_operators_on_integers_where_they_are_asked_for(tmp_path):
    model, _ = made(small_cnn(), tmp_path, target="ort", format="qoperator")
    path = save(model, tmp_path / "int8.onnx")

    assert [each.op_type for each in model.graph.node].count("QLinearConv") == 2
    onnx.checker.check_model(path)
    feed = dict(next(iter(samples_for(model_file(path), 1))).arrays)
    assert least_sqnr_db(outputs_of(small_cnn(), feed), outputs_of(model, feed)) > 25


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
    return made_from(path, recipe())[0].SerializeToString()


def test_jobs_on_one_model_path_do_not_meet(tmp_path):
    path = save(small_cnn(), tmp_path / "float.onnx")

    with multiprocessing.get_context("spawn").Pool(2) as pool:
        written = pool.map(_make, [path] * 8)

    assert len(set(written)) == 1


def test_names_with_slashes_and_letters_of_all_scripts_are_kept(tmp_path):
    model = one_matmul()
    model.graph.node[0].name, model.graph.node[0].output[0] = "/блок/積/MatMul", "/выход/積"
    model.graph.output[0].name = "/выход/積"

    written, _ = made(model, tmp_path, target="ort")

    assert dequantized(written, "/блок/積/MatMul") == [True, True]
    assert [output.name for output in written.graph.output] == ["/выход/積"]
    assert written.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
