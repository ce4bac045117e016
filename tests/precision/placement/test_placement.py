"""Where Q/DQ nodes stand, for each engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from pytest_qparity.precision.content import content_of
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.placement.targets import TARGETS
from pytest_qparity.precision.static import StaticJob
from pytest_qparity.quantmath import Range
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import FLOAT, model_file, model_of, nameless, samples_for, weights
from tests.precision.making import array, dequantized, least_sqnr_db, made, makers, node, outputs_of, recipe


def kernel(*shape: int, seed: int = 0) -> np.ndarray:
    return weights(*shape, seed=seed) / np.float32(np.sqrt(np.prod(shape[1:]) / shape[0]))


def conv(inputs, output, name, **attributes):
    return helper.make_node("Conv", inputs, [output], name=name, pads=[1, 1, 1, 1], **attributes)


def residual() -> onnx.ModelProto:
    """conv → relu → conv, whose output is added to the relu's; the sum is an output, as what the relu gives is."""
    nodes = [
        conv(["x", "k1"], "c1", "conv1"),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
        conv(["r1", "k2"], "c2", "conv2"),
        helper.make_node("Add", ["c2", "r1"], ["y"], name="add"),
    ]
    outputs = [("y", FLOAT, ["N", 4, 6, 6]), ("r1", FLOAT, ["N", 4, 6, 6])]
    constants = {"k1": kernel(4, 2, 3, 3), "k2": kernel(4, 4, 3, 3, seed=1)}
    return model_of(nodes, [("x", FLOAT, ["N", 2, 6, 6])], outputs, constants)


def moved(operator: str = "MaxPool") -> onnx.ModelProto:
    """conv → relu → MaxPool, Reshape → MatMul."""
    nodes = [
        conv(["x", "k"], "c", "conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node(operator, ["r"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["p", "shape"], ["flat"], name="reshape"),
        helper.make_node("MatMul", ["flat", "w"], ["y"], name="last"),
    ]
    constants = {"k": kernel(4, 2, 3, 3), "w": weights(36, 4), "shape": np.array([-1, 36], np.int64)}
    return model_of(nodes, [("x", FLOAT, ["N", 2, 6, 6])], [("y", FLOAT, ["N", 4])], constants)


def product(shape_x: list, w: np.ndarray, shape_y: list, operator: str = "MatMul", **attributes) -> onnx.ModelProto:
    nodes = [helper.make_node(operator, ["x", "w"], ["y"], name="product", **attributes)]
    return model_of(nodes, [("x", FLOAT, shape_x)], [("y", FLOAT, shape_y)], {"w": w})


def activations(model: onnx.ModelProto) -> set[str]:
    """Tensors that QuantizeLinear nodes read, under the names of the float model."""
    return {each.input[0].removesuffix("_float") for each in model.graph.node if each.op_type == "QuantizeLinear"}


def feed_for(model: onnx.ModelProto, folder) -> dict[str, np.ndarray]:
    """One of the samples that ranges come from."""
    return dict(next(iter(samples_for(model_file(save(model, folder / "feed.onnx")), 1))).arrays)


@pytest.mark.parametrize(
    ("target", "quantized"),
    [
        ("ort", {"input", "r1", "r2", "pooled", "flat"}),
        ("openvino", {"input", "r1", "flat"}),
        ("trt", {"input", "r1", "flat"}),
    ],
)
def test_inputs_of_weighted_nodes_are_quantized_and_for_onnx_runtime_what_convolutions_give(
    tmp_path, target, quantized
):
    model, _ = made(small_cnn(), tmp_path, target=target)

    assert activations(model) == quantized


def test_onnx_runtime_runs_every_convolution_and_product_on_integers(tmp_path):
    model, _ = made(small_cnn(), tmp_path, target="ort")

    kinds = _optimized_kinds(model, tmp_path)
    assert kinds.count("QLinearConv") == 2
    assert not {"Conv", "Gemm", "FusedConv"} & set(kinds)


def pooled() -> onnx.ModelProto:
    """The end of a residual network: the sum → relu → global average pool → flatten → Gemm."""
    model = residual()
    del model.graph.output[:]
    more = [
        helper.make_node("Relu", ["y"], ["r2"], name="relu2"),
        helper.make_node("GlobalAveragePool", ["r2"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "w"], ["logits"], name="last"),
    ]
    model.graph.node.extend(more)
    model.graph.initializer.append(numpy_helper.from_array(weights(4, 3), "w"))
    model.graph.output.append(helper.make_tensor_value_info("logits", FLOAT, ["N", 3]))
    return model


def test_the_residual_sum_and_the_pool_at_the_end_run_on_integers_too(tmp_path):
    model, _ = made(pooled(), tmp_path, target="ort")

    kinds = _optimized_kinds(model, tmp_path)
    assert {"QLinearAdd", "QLinearGlobalAveragePool", "QGemm"} <= set(kinds)
    assert not {"Add", "Relu", "GlobalAveragePool", "Gemm"} & set(kinds)
    feed = feed_for(pooled(), tmp_path)
    assert least_sqnr_db(outputs_of(pooled(), feed), outputs_of(model, feed)) > 30


@pytest.mark.parametrize("kept", ["last", "pool"])
def test_a_pool_that_stays_float_or_whose_result_does_is_not_quantized(tmp_path, kept):
    model, _ = made(pooled(), tmp_path, target="ort", keep_float=(kept,))

    assert not dequantized(model, "pool")[0]
    assert "GlobalAveragePool" in _optimized_kinds(model, tmp_path)


def gated() -> onnx.ModelProto:
    """A squeeze and excitation gate on what a convolution gives: pool → conv → sigmoid, times what the pool takes."""
    nodes = [
        conv(["x", "k1"], "c1", "conv1"),
        helper.make_node("GlobalAveragePool", ["c1"], ["pooled"], name="pool"),
        helper.make_node("Conv", ["pooled", "k2"], ["c2"], name="conv2"),
        helper.make_node("Sigmoid", ["c2"], ["gate"], name="sigmoid"),
        helper.make_node("Mul", ["c1", "gate"], ["y"], name="mul"),
    ]
    constants = {"k1": kernel(4, 2, 3, 3), "k2": kernel(4, 4, 1, 1, seed=1)}
    return model_of(nodes, [("x", FLOAT, ["N", 2, 6, 6])], [("y", FLOAT, ["N", 4, 6, 6])], constants)


@pytest.mark.parametrize("kept", ["pool", "add"])
def test_what_is_kept_float_between_quantized_tensors_does_not_run_on_integers(tmp_path, kept):
    exact, kind = (gated(), "GlobalAveragePool") if kept == "pool" else (pooled(), "Add")

    model, _ = made(exact, tmp_path, target="ort", keep_float=(kept,))

    kinds = _optimized_kinds(model, tmp_path)
    assert kind in kinds
    assert f"QLinear{kind}" not in kinds
    assert not dequantized(model, kept)[0]


def test_a_pool_that_is_not_kept_runs_on_integers_in_a_gate(tmp_path):
    model, _ = made(gated(), tmp_path, target="ort")

    assert "QLinearGlobalAveragePool" in _optimized_kinds(model, tmp_path)


def _optimized_kinds(model: onnx.ModelProto, folder: Path) -> list[str]:
    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath = str(folder / "optimized.onnx")
    settings.log_severity_level = 4
    onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return [each.op_type for each in onnx.load(folder / "optimized.onnx").graph.node]


def from_cache(model: onnx.ModelProto, folder: Path, target: str) -> onnx.ModelProto:
    """The variant from ranges as TensorRT's calibrators leave them: [−4, 4] of everything."""
    job = StaticJob(float_graph(save(model, folder / "float.onnx")), recipe(target=target))
    return job.made({name: Range(-4.0, 4.0) for name in job.observed})


def clipped() -> onnx.ModelProto:
    """small_cnn, whose Relus are Clips to [0, 3]."""
    model = small_cnn()
    for each in model.graph.node:
        if each.op_type == "Relu":
            each.op_type = "Clip"
            each.input.extend(["least", "most"])
    bounds = {"least": np.array(0, np.float32), "most": np.array(3, np.float32)}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in bounds.items())
    return model


@pytest.mark.parametrize("model", [small_cnn, clipped])
def test_ranges_of_a_tensorrt_cache_make_a_file_that_onnx_runtime_runs_on_integers(tmp_path, model):
    written = from_cache(model(), tmp_path, "ort")

    kinds = _optimized_kinds(written, tmp_path)
    assert kinds.count("QLinearConv") == 2
    assert not {"Conv", "Gemm", "FusedConv"} & set(kinds)
    assert array(written, "r1_zero_point") == 0
    assert array(written, "r1_scale") == pytest.approx((4.0 if model is small_cnn else 3.0) / 255)
    assert array(written, "input_zero_point") in (127, 128)  # nothing is known of it


@pytest.mark.parametrize("target", ["trt", "any"])
def test_where_zero_points_are_0_scales_are_those_of_the_cache(tmp_path, target):
    written = from_cache(clipped(), tmp_path, target)

    assert array(written, "r1_scale") == np.float32(4.0 / 127)


@pytest.mark.parametrize("target", TARGETS)
def test_what_only_moves_elements_has_the_parameters_of_what_it_moves(tmp_path, target):
    model, _ = made(moved(), tmp_path, target=target)
    averaged, _ = made(moved("AveragePool"), tmp_path, target=target)

    [(name, scale)] = [
        (each.input[1], array(model, each.input[1]))
        for each in model.graph.node
        if each.op_type == "QuantizeLinear" and each.input[0] == "flat"
    ]
    assert name == "flat_scale"
    if target == "ort":
        assert scale == array(model, "r_scale")
        assert array(averaged, "flat_scale") != array(averaged, "r_scale")
    assert scale > array(averaged, "flat_scale")


@pytest.mark.parametrize("target", TARGETS)
def test_a_residual_sum_takes_the_quantized_skip(tmp_path, target):
    model, _ = made(residual(), tmp_path, target=target)

    by_output = makers(model)
    skip = by_output[node(model, "add").input[1]]
    assert skip.op_type == "DequantizeLinear"
    assert array(model, "r1_scale") == array(model, skip.input[1])
    other = by_output[node(model, "add").input[0]].op_type
    assert other == ("DequantizeLinear" if target == "ort" else "Conv")


@pytest.mark.parametrize("target", TARGETS)
def test_outputs_keep_their_names_and_order_where_they_are_quantized(tmp_path, target):
    model, _ = made(residual(), tmp_path, target=target)

    assert [output.name for output in model.graph.output] == ["y", "r1"]
    onnx.checker.check_model(model, full_check=True)
    made_by = makers(model)["r1"].op_type
    assert made_by == ("DequantizeLinear" if target == "ort" else "Relu")
    feed = feed_for(residual(), tmp_path)
    assert least_sqnr_db(outputs_of(residual(), feed), outputs_of(model, feed)) > 25


def test_a_relu_with_another_reader_of_its_input_is_not_taken_for_the_convolutions_own(tmp_path):
    model = residual()
    model.graph.node[3].input[1] = "c1"

    written, _ = made(model, tmp_path, target="ort")

    assert {"c1", "r1"} <= activations(written)


def test_a_shared_weight_is_quantized_once(tmp_path):
    model, _ = made(nameless(), tmp_path)

    codes = [tensor.name for tensor in model.graph.initializer if tensor.name.startswith("w_quantized")]
    assert codes == ["w_quantized"]
    assert "w" not in {tensor.name for tensor in model.graph.initializer}


def test_a_weight_that_two_nodes_take_along_other_axes_has_scales_of_each(tmp_path):
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], name="plain"),
        helper.make_node("Gemm", ["a", "w"], ["y"], name="turned", transB=1),
    ]
    model = model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 8])], {"w": weights(8, 4)})

    written, _ = made(model, tmp_path)

    assert sorted(array(written, name).shape for name in ("w_scale", "w_scale_1")) == [(4,), (8,)]
    axes = {name: makers(written)[node(written, name).input[1]].attribute[0].i for name in ("plain", "turned")}
    assert axes == {"plain": 1, "turned": 0}


def test_a_weight_that_a_float_node_reads_too_stays_there_for_it(tmp_path):
    written, _ = made(nameless(), tmp_path, recipe(keep_float=("MatMul_0",)))

    assert node(written, "MatMul_0").input[1] == "w"
    assert dequantized(written, "MatMul_2") == [True, True]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("model", "scale"),
    [
        (product(["N", 8], weights(8), ["N"]), ()),
        (product([2, 3, 8], weights(2, 8, 4), [2, 3, 4]), ()),
        (product(["N", 8], weights(8, 4), ["N", 4]), (4,)),
        (product(["N", 8], weights(4, 8), ["N", 4], "Gemm", transB=1), (4,)),
        (product(["N", 4, 5, 5], kernel(4, 3, 3, 3), ["N", 3, 7, 7], "ConvTranspose"), (3,)),
        (product(["N", 4, 5, 5], kernel(4, 3, 3, 3), ["N", 6, 7, 7], "ConvTranspose", group=2), ()),
        (product(["N", 4, 5, 5], kernel(4, 1, 3, 3), ["N", 4, 3, 3], "Conv", group=4), (4,)),
        (product(["N", 4, 9], kernel(6, 4, 3), ["N", 6, 7], "Conv"), (6,)),
    ],
    ids=["1-D", "3-D", "2-D", "transposed", "ConvTranspose", "grouped ConvTranspose", "depthwise", "1-D Conv"],
)
def test_weights_have_scales_per_output_channel_where_they_have_one_axis_of_them(tmp_path, model, scale, target):
    written, _ = made(model, tmp_path, target=target)

    assert array(written, "w_scale").shape == scale
    assert content_of(save(written, tmp_path / "int8.onnx")).bad_scales == ()
    onnx.checker.check_model(written, full_check=True)
    feed = feed_for(model, tmp_path)
    assert least_sqnr_db(outputs_of(model, feed), outputs_of(written, feed)) > 25


def test_products_of_two_activations_are_quantized_on_both_sides(tmp_path):
    nodes = [helper.make_node("MatMul", ["a", "b"], ["y"], name="product")]
    inputs = [("a", FLOAT, ["N", 4, 8]), ("b", FLOAT, ["N", 8, 4])]
    model = model_of(nodes, inputs, [("y", FLOAT, ["N", 4, 4])], {})

    written, _ = made(model, tmp_path)

    assert activations(written) == {"a", "b"}
    assert dequantized(written, "product") == [True, True]


def test_a_node_has_the_activation_type_that_is_said_for_it(tmp_path):
    written, _ = made(mlp(), tmp_path, recipe(target="ort", types=(("second", "uint16"),)))

    assert array(written, "input_zero_point").dtype == np.uint8
    assert array(written, "active_zero_point").dtype == np.uint16
    assert [entry.version for entry in written.opset_import] == [21]


@pytest.mark.parametrize(("model", "last", "read"), [(small_cnn(), "conv2", "r1"), (moved(), "last", "flat")])
def test_what_a_node_of_another_type_takes_was_not_rounded_to_the_types_of_others_before(tmp_path, model, last, read):
    """A convolution whose output is quantized for its own fusion gives a reader of 16 bits no more than 8."""
    written, _ = made(model, tmp_path, recipe(target="ort", types=((last, "uint16"),)))

    by_output = makers(written)
    quantize = by_output[by_output[node(written, last).input[0]].input[0]]
    assert array(written, quantize.input[2]).dtype == np.uint16
    assert quantize.input[0] == read
    before = by_output[read]
    while before.op_type in ("Reshape", "MaxPool", "Relu"):
        before = by_output[before.input[0]]
    assert before.op_type == "Conv"


def test_a_tensor_of_two_types_is_quantized_to_each(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        helper.make_node("MatMul", ["x", "v"], ["b"], name="second"),
        helper.make_node("Add", ["a", "b"], ["y"], name="add"),
    ]
    constants = {"w": weights(8, 4), "v": weights(8, 4, seed=1)}
    model = model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], constants)

    written, _ = made(model, tmp_path, recipe(target="any", types=(("second", "int16"),)))

    types = {array(written, each.input[2]).dtype for each in written.graph.node if each.op_type == "QuantizeLinear"}
    assert types == {np.dtype(np.int8), np.dtype(np.int16)}


def test_what_is_quantized_already_is_left_as_it_is(tmp_path):
    once, _ = made(mlp(), tmp_path, recipe(keep_float=("second",)))

    twice, _ = made(once, tmp_path)

    assert dequantized(twice, "second")[:2] == [True, True]
    first = makers(twice)[node(twice, "first").input[0]]
    assert makers(twice)[first.input[0]].input[0] == "input"
    assert [each.op_type for each in twice.graph.node].count("QuantizeLinear") == 2


@pytest.mark.parametrize("factors", [{"alpha": 0.5}, {"beta": 0.25}, {"alpha": -2.0, "beta": 3.0}])
def test_a_gemm_with_factors_runs_on_integers_in_onnx_runtime(tmp_path, factors):
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="first", **factors),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "v", "b"], ["y"], name="second", **factors),
    ]
    constants = {"w": weights(8, 8), "v": weights(8, 8, seed=1), "b": weights(8, seed=2)}
    source = model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 8])], constants)

    model, _ = made(source, tmp_path, target="ort")

    assert _optimized_kinds(model, tmp_path).count("QGemm") == 2
    feed = feed_for(source, tmp_path)
    assert least_sqnr_db(outputs_of(source, feed), outputs_of(model, feed)) > 25
