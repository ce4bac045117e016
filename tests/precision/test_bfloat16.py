"""bf16 variants: typed graphs with the interface of the float model."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from pytest_qparity.precision.bfloat16 import make_bf16
from pytest_qparity.precision.content import content_of, holds
from pytest_qparity.precision.emulation import lowered
from pytest_qparity.precision.graph import float_graph
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import lstm, masked, matmul_after_branch, model_file, resized, samples_for, with_subgraphs
from tests.precision.making import array, least_sqnr_db, node, outputs_of, recipe

MODELS = {
    "mlp": mlp,
    "cnn": small_cnn,
    "lstm": lstm,
    "resize": resized,
    "mask": masked,
    "subgraphs": with_subgraphs,
    "behind a branch": matmul_after_branch,
}
BF16 = frozenset({TensorProto.BFLOAT16})


def bf16(model: onnx.ModelProto, folder, **spec) -> onnx.ModelProto:
    return make_bf16(float_graph(save(model, folder / "float.onnx")), recipe("bf16", **spec))[0]


def types_of(model: onnx.ModelProto) -> dict[str, int]:
    """The element type of each tensor, as ONNX infers it."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    named = {tensor.name: tensor.data_type for tensor in graph.initializer}
    values = (*graph.input, *graph.output, *graph.value_info)
    return named | {value.name: value.type.tensor_type.elem_type for value in values}


@pytest.mark.parametrize("name", MODELS)
def test_the_variant_is_valid_with_the_names_and_types_of_the_float_model(tmp_path, name):
    model = bf16(MODELS[name](), tmp_path)
    path = save(model, tmp_path / "bf16.onnx")

    onnx.checker.check_model(path, full_check=True)
    before, after = model_file(tmp_path / "float.onnx"), model_file(path)
    assert after.inputs == before.inputs
    assert [(each.name, each.dtype) for each in after.outputs] == [(each.name, each.dtype) for each in before.outputs]
    assert holds(content_of(path), "bf16")


@pytest.mark.parametrize("name", MODELS)
def test_its_emulation_is_near_the_float_model(tmp_path, name):
    emulated, _ = lowered(bf16(MODELS[name](), tmp_path), BF16)

    feed = dict(next(iter(samples_for(model_file(tmp_path / "float.onnx"), 1))).arrays)
    assert 20 < least_sqnr_db(outputs_of(MODELS[name](), feed), outputs_of(emulated, feed)) < 90


def test_every_convolution_and_product_computes_in_bfloat16(tmp_path):
    model = bf16(small_cnn(), tmp_path)

    types = types_of(model)
    weighted = [each for each in model.graph.node if each.op_type in ("Conv", "Gemm")]
    assert len(weighted) == 3
    assert {types[name] for each in weighted for name in (*each.input, *each.output)} == {TensorProto.BFLOAT16}


def test_between_two_nodes_of_bfloat16_there_is_no_cast(tmp_path):
    kinds = [each.op_type for each in bf16(small_cnn(), tmp_path).graph.node]

    assert kinds.count("Cast") == 2
    assert (kinds[0], kinds[-1]) == ("Cast", "Cast")


def test_weights_are_rounded_to_nearest(tmp_path):
    model = bf16(mlp(), tmp_path)

    exact = array(mlp(), "w1")
    rounded = array(model, "w1_bf16").astype(np.float32)
    assert np.abs(rounded - exact).max() <= np.abs(exact).max() * 2**-8
    assert (np.abs(rounded - exact) <= np.abs(exact) * 2**-8).all()


def test_a_mask_of_the_largest_float_becomes_no_infinity_and_that_is_told(tmp_path):
    """0 · −∞ is NaN: of −3.4e38, nearest in bfloat16 is −∞."""
    model, notes = make_bf16(float_graph(save(masked(), tmp_path / "float.onnx")), recipe("bf16"))

    assert np.isfinite(array(model, "lowest_bf16").astype(np.float32))
    assert notes[-1] == "1 float32 constants beyond ±3.39e+38, clipped to it, in: lowest"


def test_nodes_kept_float_compute_in_float32(tmp_path):
    model = bf16(mlp(), tmp_path)
    mixed = make_bf16(float_graph(tmp_path / "float.onnx"), recipe("bf16", keep_float=("second",)))[0]

    assert types_of(model)[node(model, "second").input[0]] == TensorProto.BFLOAT16
    assert {types_of(mixed)[name] for name in node(mixed, "second").input} == {TensorProto.FLOAT}


def test_an_older_model_is_converted_first_and_says_so(tmp_path):
    _, notes = make_bf16(float_graph(save(mlp(), tmp_path / "float.onnx")), recipe("bf16"))

    assert notes == ("converted from opset 17 to 22 before quantization",)
