from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.content import content_of, holds, quantized_nodes
from pytest_qparity.precision.table import PRECISIONS
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import mlp, save
from tests.precision.graphs import FLOAT, INT64, branch, model_of, one_matmul, quantized, weights, with_subgraphs


def content(model, tmp_path):
    return content_of(save(model, tmp_path / "model.onnx"))


def pair(type_, *, zero_point=True):
    """Q/DQ of `type_`, with a zero point or by output_dtype."""
    zero = ["zero"] if zero_point else []
    attributes = {} if zero_point else {"output_dtype": type_}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", *zero], ["i"], name="q", **attributes),
        helper.make_node("DequantizeLinear", ["i", "s", *zero], ["y"], name="d"),
    ]
    model = model_of(nodes, [("x", FLOAT, [4])], [("y", FLOAT, [4])], {"s": np.array(0.1, np.float32)}, opset=23)
    if zero_point:
        model.graph.initializer.append(helper.make_tensor("zero", type_, [], [0]))
    return model


TYPED = [
    ("int8", TensorProto.INT8),
    ("uint8", TensorProto.UINT8),
    ("int16", TensorProto.UINT16),
    ("int4", TensorProto.INT4),
    ("fp8", TensorProto.FLOAT8E4M3FN),
    ("fp8-e5m2", TensorProto.FLOAT8E5M2),
]


@pytest.mark.parametrize("zero_point", [True, False], ids=["zero point", "output_dtype"])
@pytest.mark.parametrize(("base", "type_"), TYPED, ids=[base for base, _ in TYPED])
def test_a_pair_holds_the_precision_of_its_type_and_no_other(tmp_path, base, type_, zero_point):
    found = content(pair(type_, zero_point=zero_point), tmp_path)

    assert found.quantized == {type_: 2}
    assert quantized_nodes(found, base) == 2
    kin = {
        "int8": {"uint8"},
        "uint8": {"int8"},
        "int4": {"uint4"},
        "fp8": {"fp8-e4m3"},
    }
    held = {name for name in PRECISIONS if holds(found, name)}
    assert held == {"fp32", "tf32", base} | kin.get(base, set())


def test_four_bits_of_float_without_blocks_are_no_precision(tmp_path):
    found = content(pair(TensorProto.FLOAT4E2M1), tmp_path)

    assert found.quantized == {TensorProto.FLOAT4E2M1: 2}
    assert {name for name in PRECISIONS if holds(found, name)} == {"fp32", "tf32"}


def test_a_pair_without_any_statement_of_type_is_uint8(tmp_path):
    model = pair(TensorProto.INT8)
    for node in model.graph.node:
        del node.input[2:]

    assert content(model, tmp_path).quantized == {TensorProto.UINT8: 2}


def test_a_float_file_holds_nothing_but_float(tmp_path):
    found = content(mlp(), tmp_path)

    assert {name for name in PRECISIONS if holds(found, name)} == {"fp32", "tf32"}
    assert (found.nodes, found.opset, found.quantized, found.bad_scales) == (3, 17, {}, ())


def test_an_int32_bias_alone_makes_no_int8_file(tmp_path):
    nodes = [
        helper.make_node("DequantizeLinear", ["b", "s"], ["bias"], name="bias"),
        helper.make_node("Add", ["x", "bias"], ["y"], name="add"),
    ]
    constants = {"b": np.array([1, 2], np.int32), "s": np.array(0.1, np.float32)}
    found = content(model_of(nodes, [("x", FLOAT, [2])], [("y", FLOAT, [2])], constants), tmp_path)

    assert found.quantized == {TensorProto.INT32: 1}
    assert not holds(found, "int8")


@pytest.mark.parametrize(
    ("domain", "operator", "attributes", "holding"),
    [
        ("", "MatMulInteger", {}, {"int8", "uint8"}),
        ("", "QLinearConv", {}, {"int8", "uint8"}),
        ("com.microsoft", "QLinearAdd", {}, {"int8", "uint8"}),
        ("com.microsoft", "QGemm", {}, {"int8", "uint8"}),
        ("com.microsoft", "DynamicQuantizeMatMul", {}, {"int8", "uint8"}),
        ("com.microsoft", "MatMulNBits", {"bits": 4}, {"int4", "uint4"}),
        ("com.microsoft", "MatMulNBits", {"bits": 8}, {"int8", "uint8"}),
        ("com.microsoft", "QuickGelu", {}, set()),
        ("com.microsoft", "GroupQueryAttention", {}, set()),
        ("other", "QLinearConv", {}, set()),
        ("other", "QuantizeLinear", {}, set()),
    ],
)
def test_operators_on_integers_count_without_any_pair(tmp_path, domain, operator, attributes, holding):
    node = helper.make_node(operator, ["x"], ["y"], name="n", domain=domain, **attributes)
    found = content(model_of([node], [("x", FLOAT, [4])], [("y", FLOAT, [4])], {}), tmp_path)

    assert {name for name in ("int8", "uint8", "int4", "uint4", "int16") if holds(found, name)} == holding


def test_nodes_in_subgraphs_and_functions_count(tmp_path):
    model = with_subgraphs()
    inside = model.graph.node[-1].attribute[0].g
    inside.node.extend(
        [
            helper.make_node("QuantizeLinear", ["hidden", "s", "zero"], ["i"], name="q"),
            helper.make_node("DequantizeLinear", ["i", "s", "zero"], ["d"], name="d"),
            helper.make_node("F", ["d", inside.output[0].name], ["f"], name="call", domain="own"),
        ]
    )
    inside.output[0].name = "f"
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(-0.1, np.float32), "s"),
            numpy_helper.from_array(np.array(0, np.int8), "zero"),
        ]
    )
    body = [helper.make_node("MatMulInteger", ["a", "b"], ["c"], name="inner")]
    model.functions.append(helper.make_function("own", "F", ["a", "b"], ["c"], body, [helper.make_opsetid("", 17)]))

    found = content(model, tmp_path)

    assert found.nodes == 4 + 2 + 3 + 1
    assert found.quantized == {TensorProto.INT8: 2}
    assert found.integer_operators == 1
    assert found.bad_scales == ("q", "d")


def test_a_name_in_one_branch_is_not_that_of_another(tmp_path):
    """Both branches hold a constant `s`; that of the second is sound and must not hide that of the first."""
    model = with_subgraphs()
    for attribute, scale in zip(model.graph.node[-1].attribute, (0.0, 0.1), strict=True):
        attribute.g.node.append(helper.make_node("QuantizeLinear", ["hidden", "s"], [f"{scale}"], name=f"q{scale}"))
        attribute.g.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), "s"))
        attribute.g.output.append(helper.make_tensor_value_info(f"{scale}", TensorProto.UINT8, None))

    assert content(model, tmp_path).bad_scales == ("q0.0",)


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("wrap", ["initializer", "constant", "constant float", "identity"])
def test_a_scale_that_no_sound_quantizer_writes_is_found(tmp_path, scale, wrap):
    assert content(quantized(scale=scale, wrap=wrap), tmp_path).bad_scales == ("quantize", "dequantize")


@pytest.mark.parametrize("wrap", ["initializer", "constant", "constant float", "identity"])
def test_a_sound_scale_is_not_named(tmp_path, wrap):
    assert content(quantized(scale=0.1, wrap=wrap), tmp_path).bad_scales == ()


@pytest.mark.parametrize("index", [1, 4, 6])
def test_a_bad_scale_of_an_integer_operator_is_found(tmp_path, index):
    names = ["x", "s1", "z", "w", "s4", "z", "s6", "z"]
    constants = {f"s{at}": np.array(0.0 if at == index else 0.1, np.float32) for at in (1, 4, 6)}
    node = helper.make_node("QLinearMatMul", names, ["y"], name="matmul")
    model = model_of([node], [("x", FLOAT, [4])], [("y", FLOAT, [4])], constants)

    assert content(model, tmp_path).bad_scales == ("matmul",)


def test_one_bad_scale_among_the_channels_is_enough(tmp_path):
    model = quantized()
    scales = np.full(300, 0.1, np.float32)
    scales[299] = 0
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(scales, "s"))

    assert content(model, tmp_path).bad_scales == ("quantize", "dequantize")


def test_scales_in_external_data_are_read(tmp_path):
    model = quantized()
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.zeros(300, np.float32), "s"))
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="model.data", size_threshold=0)

    assert content_of(path).bad_scales == ("quantize", "dequantize")

    (tmp_path / "model.data").unlink()
    with pytest.raises(CannotJudge) as stop:
        content_of(path)
    assert stop.value.failure.code is Code.MODEL_EXTERNAL_DATA


def test_a_scale_computed_at_run_time_says_nothing(tmp_path):
    model = quantized()
    model.graph.node.insert(0, helper.make_node("Abs", ["s0"], ["s"], name="abs"))
    model.graph.initializer[1].name = "s0"
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.array(0, np.float32), "s0"))

    assert content(model, tmp_path).bad_scales == ()


def test_a_cast_or_a_weight_or_an_input_in_half_precision_holds_fp16(tmp_path):
    cast = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Cast", ["r"], ["y"], to=1),
    ]
    by_cast = content(model_of(cast, [("x", FLOAT, [2])], [("y", FLOAT, [2])], {}), tmp_path)
    relu = [helper.make_node("Relu", ["x"], ["y"])]
    half = TensorProto.FLOAT16
    by_input = content(model_of(relu, [("x", half, [2])], [("y", half, [2])], {}), tmp_path)
    gather = [helper.make_node("Gather", ["w", "x"], ["y"])]
    half_weights = model_of(gather, [("x", INT64, [2])], [("y", half, [2])], {"w": weights(8).astype(np.float16)})

    assert quantized_nodes(by_cast, "fp16") == 1
    assert quantized_nodes(by_input, "fp16") == 1
    assert quantized_nodes(content(half_weights, tmp_path), "fp16") == 1
    assert not holds(by_cast, "bf16")


def test_a_branch_sees_the_constants_around_it(tmp_path):
    model = with_subgraphs()
    model.graph.initializer.append(numpy_helper.from_array(np.array(2, np.float16), "outer"))
    inside = branch("third", 1.0)
    inside.node.append(helper.make_node("Abs", ["outer"], [inside.output[0].name]))
    del inside.node[0]
    model.graph.node[-1].attribute[0].g.CopyFrom(inside)

    assert content(model, tmp_path).typed[TensorProto.FLOAT16] == 1


@pytest.mark.parametrize("written", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\x08\x08garbage", None])
def test_what_is_no_model_cannot_be_judged(tmp_path, written):
    path = tmp_path / "model.onnx"
    if written is not None:
        path.write_bytes(written)

    with pytest.raises(CannotJudge) as stop:
        content_of(path)

    assert stop.value.failure.code is Code.MODEL_UNREADABLE


def test_casts_alone_compute_nothing_in_half_precision(tmp_path):
    there_and_back = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["h"], ["c"], to=1),
        helper.make_node("Relu", ["c"], ["y"]),
    ]

    assert not holds(content(model_of(there_and_back, [("x", FLOAT, [2])], [("y", FLOAT, [2])], {}), tmp_path), "fp16")


def test_a_function_that_nobody_calls_does_not_count(tmp_path):
    model = one_matmul()
    body = [helper.make_node("MatMulInteger", ["a", "b"], ["c"])]
    model.functions.append(helper.make_function("own", "F", ["a", "b"], ["c"], body, [helper.make_opsetid("", 17)]))

    assert not holds(content(model, tmp_path), "int8")


def test_nodes_that_lead_to_an_output_count_in_whatever_order_they_stand(tmp_path):
    """ONNX Runtime's quantizer leaves a branch in front of what it takes, and ONNX Runtime runs that."""
    model = pair(TensorProto.INT8)
    model.graph.node.insert(0, model.graph.node.pop())

    assert content(model, tmp_path).quantized == {TensorProto.INT8: 2}
