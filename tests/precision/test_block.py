"""Block formats: what the file holds is what `quantmath` says, and its emulation computes it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pytest_qparity import quantmath
from pytest_qparity.precision.emulation import lowered
from pytest_qparity.quantmath import E2M1, E4M3FN, ScaleRule
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import mlp, small_cnn
from tests.precision.graphs import FLOAT, model_of, weights
from tests.precision.making import array, least_sqnr_db, made, makers, node, outputs_of, recipe

FORMATS = ["mxfp8", "mxfp4", "nvfp4"]
SMALL_FLOATS = {TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT4E2M1, TensorProto.FLOAT8E8M0}


def linear(columns: int = 64) -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    return model_of(nodes, [("x", FLOAT, ["N", columns])], [("y", FLOAT, ["N", 8])], {"w": weights(columns, 8)})


def x(columns: int = 64, seed: int = 1) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(seed).standard_normal((16, columns)).astype(np.float32)}


def as_bytes(values: np.ndarray) -> np.ndarray:
    return values.view(np.uint8)


@pytest.mark.parametrize("rule", ["floor", "up"])
@pytest.mark.parametrize(("base", "element"), [("mxfp8", E4M3FN), ("mxfp4", E2M1)])
def test_weights_of_microscaling_formats_are_those_of_quantmath_bit_for_bit(tmp_path, base, element, rule):
    model, _ = made(linear(), tmp_path, base=base, scale_rule=rule)

    rules = {"floor": ScaleRule.FLOOR, "up": ScaleRule.CEIL}
    expected = quantmath.quantize_mx(weights(64, 8), element, rules[rule], 0, 32)
    np.testing.assert_array_equal(as_bytes(array(model, "w_quantized")), as_bytes(expected.elements))
    np.testing.assert_array_equal(as_bytes(array(model, "w_scale")), as_bytes(expected.scales))


def test_weights_of_nvfp4_are_those_of_quantmath_bit_for_bit(tmp_path):
    model, _ = made(linear(), tmp_path, base="nvfp4")

    factor = quantmath.blocks.nvfp4_tensor_scale(float(np.abs(weights(64, 8)).max()))
    expected = quantmath.quantize_nvfp4(weights(64, 8), factor, 0, 16)
    np.testing.assert_array_equal(as_bytes(array(model, "w_quantized")), as_bytes(expected.elements))
    np.testing.assert_array_equal(as_bytes(array(model, "w_scale")), as_bytes(expected.block_scales))
    assert array(model, "w_tensor_scale") == factor


def test_the_tensor_scale_of_nvfp4_activations_comes_from_calibration(tmp_path):
    model, _ = made(linear(), tmp_path, base="nvfp4")
    dynamic = next(each for each in model.graph.node if each.op_type == "TRT_FP4DynamicQuantize")

    assert dynamic.input[0] == "x"
    assert 2 / (6 * 448) < array(model, dynamic.input[1]) < 6 / (6 * 448)  # max |x| of 8 · 64 normal values


@pytest.mark.parametrize("base", FORMATS)
def test_a_lowered_file_computes_what_quantmath_says(tmp_path, base):
    """Weights and, but for mxfp4, activations, rounded by `quantmath`; the product in float64.

    Scales of MXFP8 activations are the engine's own choice, which no recipe rules: rounded up (emulation.tensorrt).
    """
    model, _ = made(linear(), tmp_path, base=base)
    emulated, counts = lowered(model, SMALL_FLOATS)

    values, w = x()["x"], weights(64, 8)
    if base == "nvfp4":
        dynamic = next(each for each in model.graph.node if each.op_type == "TRT_FP4DynamicQuantize")
        factor = np.float32(array(model, dynamic.input[1]))
        values = quantmath.dequantize_nvfp4(quantmath.quantize_nvfp4(values, factor, -1, 16))
        own = quantmath.blocks.nvfp4_tensor_scale(float(np.abs(w).max()))
        w = quantmath.dequantize_nvfp4(quantmath.quantize_nvfp4(w, own, 0, 16))
    else:
        element, rule = (E4M3FN, ScaleRule.CEIL) if base == "mxfp8" else (E2M1, ScaleRule.FLOOR)
        w = quantmath.dequantize_mx(quantmath.quantize_mx(w, element, rule, 0, 32))
        if base == "mxfp8":
            values = quantmath.dequantize_mx(quantmath.quantize_mx(values, element, rule, -1, 32))
    expected = values.astype(np.float64) @ w.astype(np.float64)
    assert counts
    # Sums of 64 float32 products; one code that rounds the other way costs 40 dB more than that.
    assert least_sqnr_db([expected], outputs_of(emulated, x())) > 110


@pytest.mark.parametrize("base", FORMATS)
def test_products_are_quantized_and_convolutions_stay_float(tmp_path, base):
    model, _ = made(small_cnn(channels=32), tmp_path, base=base)

    by_output = makers(model)
    assert by_output[node(model, "classify").input[1]].op_type.endswith("DequantizeLinear")
    assert node(model, "conv2").input[1] == "k2"
    activation = by_output[node(model, "classify").input[0]].op_type
    assert activation == ("Flatten" if base == "mxfp4" else activation)
    assert activation.endswith("DequantizeLinear") or base == "mxfp4"
    assert [output.name for output in model.graph.output] == ["logits"]


@pytest.mark.parametrize("base", FORMATS)
def test_two_products_of_one_activation_share_its_codes(tmp_path, base):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        helper.make_node("MatMul", ["x", "w"], ["b"], name="second"),
        helper.make_node("Add", ["a", "b"], ["y"], name="add"),
    ]
    model = model_of(nodes, [("x", FLOAT, ["N", 64])], [("y", FLOAT, ["N", 8])], {"w": weights(64, 8)})

    written, _ = made(model, tmp_path, base=base)

    assert list(node(written, "first").input) == list(node(written, "second").input)


@pytest.mark.parametrize(("base", "block"), [("mxfp8", 32), ("nvfp4", 16)])
def test_a_product_that_whole_blocks_do_not_fill_is_named_before_anything_is_made(tmp_path, base, block):
    """What quantizes activations at run time takes no shorter block."""
    model = mlp(features=48, hidden=40)

    with pytest.raises(CannotJudge) as stop:
        made(model, tmp_path, base=base)

    first, ragged = ("first", '"first", "second"') if block == 32 else ("second", '"second"')
    length = 48 if block == 32 else 40
    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert stop.value.failure.sentence.startswith(
        f"{first}: got {length} elements along its axis of summation, should be a multiple of {block}: "
    )
    assert stop.value.failure.remedy == f"leave these nodes float: keep_float = [{ragged}]"
    made(model, tmp_path, recipe(base, keep_float=("first", "second")))


def test_a_weight_alone_may_have_a_shorter_block(tmp_path):
    model, _ = made(linear(40), tmp_path, base="mxfp4")

    assert array(model, "w_scale").shape == (2, 8)


@pytest.mark.parametrize("base", FORMATS)
def test_nodes_kept_float_keep_their_weights(tmp_path, base):
    model, _ = made(mlp(features=32), tmp_path, recipe(base, keep_float=("second",)))

    assert list(node(model, "second").input) == ["active", "w2", "b2"]


def test_a_block_of_zeros_has_a_scale_and_stays_zero(tmp_path):
    model = linear()
    zeros = weights(64, 8)
    zeros[:16] = 0.0
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(zeros, model.graph.initializer[0].name))

    emulated, _ = lowered(made(model, tmp_path, base="nvfp4")[0], SMALL_FLOATS)

    first_block = x()["x"].copy()
    first_block[:, 16:] = 0.0
    (got,) = outputs_of(emulated, {"x": first_block})
    assert not got.any()
