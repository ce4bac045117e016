"""The table of the linter: a tiny file a row, what is refused of it and what is warned of, by rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from pytest_qparity.checks.linting.finding import Weight
from pytest_qparity.checks.linting.targets import RULES
from tests.checks.linting.faulty_files import (
    BF16,
    BOOL,
    FP16,
    INT32,
    blocked_product,
    cast_to_uint8,
    cast_uint8_input,
    codes_that_move,
    computed_scale,
    computed_zero_point,
    dequantized_to,
    double_quantized,
    dynamic_fp4,
    in_function,
    lstm,
    parameters_of_the_caller,
    products_of_16_bits,
    qlinear,
    relu_then,
    scalar_constant,
    scale_at_random,
    scale_from_around_a_branch,
    scale_made_around_a_branch,
    scale_of_a_range,
    scale_of_a_shape,
    shared_codes,
    uint8_reaching_a_reshape,
    weight_in_training,
    zero_point_behind_cast,
    zero_point_of_a_sum,
)
from tests.checks.linting.files import (
    E8M0,
    FLOAT,
    FP4,
    FP8,
    INT4,
    INT64,
    STEP,
    UINT8,
    ZERO,
    Row,
    activation,
    conv,
    findings,
    ids,
    model_of,
    node,
    one,
    pair,
    product,
    residual,
    scalar,
    weight,
    weights,
)
from tests.checks.linting.operator_rows import OPERATORS
from tests.checks.linting.validity_rows import VALIDITY

SCALES_6 = np.full(6, 0.01, np.float32)
NAN = scalar(np.nan)

IMPORTER = [
    Row("symmetric int8 activation", activation),
    Row("int8 zero point 3", lambda: activation(scalar(3, np.int8)), "TRT-Q-001"),
    Row("int8 zero point -3", lambda: activation(scalar(-3, np.int8)), "TRT-Q-001"),
    Row(
        "one zero point of a weight is 3",
        lambda: weight(weights(6, 4, dtype=np.int8), SCALES_6, np.array([0, 0, 3, 0, 0, 0], np.int8), axis=0),
        "TRT-Q-001",
    ),
    Row("float weight, quantized per channel by nodes of its own", lambda: weight_in_training(np.int8)),
    Row("float weight, quantized to int4 by nodes of its own", lambda: weight_in_training(INT4)),
    Row(
        "fp16 scale of weights",
        lambda: model_of(
            [node("DequantizeLinear", "w s", "wd", "w_DQ"), node("Add", "x wd")],
            {"w": weights(6, 4, dtype=np.int8), "s": scalar(0.01, np.float16)},
            inputs=[("x", FP16, (6, 4))],
            outputs=[("y", FP16, None)],
        ),
    ),
    Row("uint8 zero point 128", lambda: activation(scalar(128, np.uint8)), "TRT-Q-001"),
    Row("uint8 zero point 0", lambda: activation(scalar(0, np.uint8)), warned="TRT-Q-012"),
    Row("no zero point, which means uint8", lambda: activation(None), warned="TRT-Q-012"),
    Row("no zero point, int8 by output_dtype", lambda: activation(None, output_dtype=TensorProto.INT8)),
    Row("computed zero point", computed_zero_point, "TRT-Q-002"),
    Row("zero point 0 behind a Cast", lambda: zero_point_behind_cast(0)),
    Row("zero point 3 behind a Cast", lambda: zero_point_behind_cast(3), "TRT-Q-001"),
    Row("zero point of constants", lambda: zero_point_of_a_sum(-2), warned="TRT-TYPE-003"),
    Row("zero point 5 of constants", lambda: zero_point_of_a_sum(3), "TRT-Q-001", warned="TRT-TYPE-003"),
    Row("fp8 zero point 1", lambda: activation(scalar(1, FP8)), warned="TRT-Q-019"),
    Row("scale 0", lambda: activation(scale=scalar(0.0)), "TRT-Q-003"),
    Row("negative scale", lambda: activation(scale=scalar(-0.1)), "TRT-Q-003"),
    Row("NaN scale", lambda: activation(scale=NAN), "TRT-Q-003"),
    Row(
        "one scale of a weight is 0",
        lambda: weight(weights(6, 4, dtype=np.int8), SCALES_6 * np.float32([1, 1, 0, 1, 1, 1]), axis=0),
        "TRT-Q-003",
    ),
    Row("computed scale", computed_scale, "TRT-Q-004"),
    Row("scale of constants", lambda: scale_of_a_range(6.0)),
    Row("scale 0 of constants", lambda: scale_of_a_range(0.0), "TRT-Q-003"),
    Row("scale of a fixed shape", scale_of_a_shape),
    Row("scale at random", scale_at_random, "TRT-Q-004"),
    Row("scalar constant", scalar_constant, "TRT-Q-020"),
    Row("scalar constant with axis 0", lambda: scalar_constant(axis=0)),
    Row("scalar activation", lambda: activation(shape=()), "TRT-Q-020"),
    Row("scalar activation at opset 12", lambda: activation(shape=(), opset=12)),
    Row("vector per tensor", lambda: activation(shape=(4,))),
    Row("block scales that are dequantized themselves", double_quantized),
    Row("TensorRT's own dynamic quantization", dynamic_fp4),
    Row(
        "activation per channel",
        lambda: activation(np.zeros(4, np.int8), np.full(4, 0.1, np.float32), axis=1),
        "TRT-Q-005",
    ),
    Row("weight per channel", lambda: weight(weights(6, 4, dtype=np.int8), SCALES_6, axis=0)),
    Row("weight per channel at opset 12", lambda: weight(weights(6, 4, dtype=np.int8), SCALES_6, opset=12)),
    Row("scales of another axis", lambda: weight(weights(6, 4, dtype=np.int8), SCALES_6, axis=1), "TRT-Q-006"),
    Row(
        "int4 in blocks of 4 along the first axis",
        lambda: weight(weights(8, 4, dtype=INT4), np.full((2, 4), 0.1, np.float32), axis=0, block_size=4),
    ),
    Row(
        "int4 in blocks along the first of three axes",
        lambda: weight(weights(8, 4, 2, dtype=INT4), np.full((2, 4, 2), 0.1, np.float32), axis=0, block_size=4),
        "TRT-Q-007",
    ),
    Row(
        "blocks along two axes",
        lambda: weight(weights(8, 4, dtype=INT4), np.full((2, 2), 0.1, np.float32), axis=0, block_size=4),
        "TRT-Q-007",
    ),
    Row(
        "blocks that are not whole",
        lambda: weight(weights(10, 4, dtype=INT4), np.full((3, 4), 0.1, np.float32), axis=0, block_size=4),
        "TRT-Q-007",
    ),
    Row(
        "blocks of one element",
        lambda: weight(weights(8, 4, dtype=INT4), np.full((8, 4), 0.1, np.float32), axis=0, block_size=1),
        "TRT-Q-007",
    ),
    Row(
        "blocks of a vector",
        lambda: weight(weights(8, dtype=INT4), np.full(2, 0.1, np.float32), axis=0, block_size=4),
        "TRT-Q-006",
    ),
    Row(
        "int8 in blocks",
        lambda: weight(weights(8, 4, dtype=np.int8), np.full((2, 4), 0.1, np.float32), axis=0, block_size=4),
        "TRT-Q-007",
    ),
    Row(
        "fp4 in blocks of 16",
        lambda: weight(weights(32, 4, dtype=FP4), np.full((2, 4), 0.1, np.float32), axis=0, block_size=16),
    ),
    Row(
        "fp4 in blocks of 32",
        lambda: weight(weights(32, 4, dtype=FP4), np.full((1, 4), 0.1, np.float32), axis=0, block_size=32),
        "TRT-Q-008",
    ),
    Row(
        "fp8 in blocks of 16",
        lambda: weight(weights(32, 4, dtype=FP8), np.full((2, 4), 0.1, np.float32), axis=0, block_size=16),
        "TRT-Q-008",
    ),
    Row("int4 of an odd size", lambda: weight(weights(3, 3, dtype=INT4), STEP), "TRT-Q-009"),
    Row("int4 of an odd last axis", lambda: weight(weights(4, 3, dtype=INT4), STEP), warned="TRT-Q-010"),
    Row("int4 of even sizes", lambda: weight(weights(4, 4, dtype=INT4), STEP)),
    Row("uint8 that a Cast makes", cast_to_uint8, "TRT-Q-011"),
    Row("uint8 weights", lambda: weight(weights(6, 4, dtype=np.uint8), STEP, scalar(0, np.uint8)), "TRT-Q-011"),
    Row("16-bit activation", lambda: activation(scalar(0, np.int16)), "TRT-Q-011"),
    Row("fp8 activation", lambda: activation(scalar(0, FP8))),
    Row("int32 bias", lambda: conv(bias=weights(6, dtype=np.int32)), "TRT-Q-013"),
    Row(
        "quantized integers",
        lambda: model_of(pair("x", "y"), {"s": STEP, "z": ZERO}, inputs=[("x", INT32, (2, 4))]),
        "TRT-Q-014 ONNX-VALID-001",
    ),
    Row(
        "fp16 scale of fp32 data",
        lambda: activation(scale=scalar(0.05, np.float16)),
        "TRT-Q-015 ONNX-VALID-001",
    ),
    Row("fp16 scale of fp32 data, cast at opset 17", lambda: activation(scale=scalar(0.05, np.float16), opset=17)),
    Row(
        "E8M0 scales outside of TensorRT's own operators",
        lambda: weight(weights(32, 4, dtype=FP8), np.ones((1, 4), E8M0), axis=0, block_size=32, output_dtype=FLOAT),
        "TRT-Q-015",
    ),
    Row(
        "output_dtype against the zero point",
        lambda: activation(output_dtype=UINT8),
        "TRT-Q-016 ONNX-VALID-001",
    ),
    Row("output_dtype of DQ beside a zero point on 10", lambda: dequantized_to("z"), "TRT-Q-016", target="trt10"),
    Row("output_dtype of DQ beside a zero point", lambda: dequantized_to("z")),
    Row("no scale of an activation", lambda: activation(np.zeros(0, np.int8), np.zeros(0, np.float32)), "TRT-Q-006"),
    Row(
        "no scale of a weight",
        lambda: weight(weights(6, 4, dtype=np.int8), np.zeros(0, np.float32), axis=0),
        "TRT-Q-006",
    ),
    Row(
        "scales of the data's own shape",
        lambda: weight(weights(8, 4, dtype=FP8), np.full((8, 4), 0.1, np.float32), axis=0),
        "TRT-Q-007",
    ),
    Row("output_dtype of DQ", lambda: dequantized_to("")),
    Row(
        "zero points of another number",
        lambda: weight(weights(6, 4, dtype=np.int8), SCALES_6, np.zeros(1, np.int8), axis=0),
        "TRT-Q-017",
    ),
    Row("int4 activation", lambda: activation(scalar(0, INT4)), "TRT-Q-018"),
    Row("inside of a function", in_function, "TRT-Q-003"),
    Row("parameters of a function's caller", parameters_of_the_caller),
    Row("wrong zero point of a function's caller", lambda: parameters_of_the_caller(scalar(3, np.int8)), "TRT-Q-001"),
    Row("wrong scale of a function's caller", lambda: parameters_of_the_caller(scale=scalar(-1.0)), "TRT-Q-003"),
    Row("scale made around a branch", scale_made_around_a_branch),
    Row("scale from around a branch", scale_from_around_a_branch, "TRT-Q-003"),
    Row("codes that move", codes_that_move),
]

TYPES = [
    Row("int16 input", lambda: one("Cast", type_=TensorProto.INT16, gives=FLOAT, to=FLOAT), "TRT-TYPE-001"),
    Row(
        "cast to uint32",
        lambda: model_of([node("Cast", "x", "u", to=TensorProto.UINT32), node("Cast", "u", "y", to=FLOAT)]),
        "TRT-TYPE-001",
    ),
    Row(
        "MatMul of int32",
        lambda: one("MatMul", {"w": np.ones((8, 4), np.int32)}, type_=INT32, shape=(2, 8)),
        "TRT-TYPE-002",
    ),
    Row("ReduceMax of bool", lambda: one("ReduceMax", type_=BOOL), "TRT-TYPE-002"),
    Row(
        "Resize of bool is no ONNX, DepthToSpace of bool is",
        lambda: one("DepthToSpace", type_=BOOL, blocksize=2),
        "TRT-TYPE-002",
    ),
    Row(
        "NonZero of int64",
        lambda: one("NonZero", type_=INT64, gives=INT64),
        warned="TRT-TYPE-003 TRT-SHAPE-003 TRT-IO-001",
    ),
    Row("Where of float", lambda: model_of([node("Where", "c x x")], inputs=[("c", BOOL, (4,)), ("x", FLOAT, (4,))])),
    Row(
        "Where of uint8",
        lambda: model_of(
            [node("Where", "c x x")],
            inputs=[("c", BOOL, (4,)), ("x", UINT8, (4,))],
            outputs=[("y", UINT8, None)],
        ),
        "TRT-TYPE-004",
    ),
    Row("Add of int32", lambda: one("Add", {"b": np.ones((1,), np.int32)}, type_=INT32)),
    Row("uint8 that is computed on", uint8_reaching_a_reshape, "TRT-TYPE-004"),
    Row("uint8 that is cast right away", cast_uint8_input),
    Row("double", lambda: one("Relu", type_=TensorProto.DOUBLE), warned="TRT-TYPE-005"),
    Row("fp16", lambda: one("Relu", type_=FP16)),
    Row("bf16", lambda: one("Relu", type_=BF16)),
    Row("dynamic batch", lambda: one("Relu", shape=("N", 4)), warned="TRT-SHAPE-001"),
    Row("no rank", lambda: one("Relu", shape=None), "TRT-SHAPE-002"),
    Row("NonZero", lambda: one("NonZero", gives=INT64), warned="TRT-SHAPE-003"),
    Row("int64 input", lambda: one("Neg", type_=INT64), warned="TRT-IO-001"),
]

PLACEMENT = [
    Row("convolution by ModelOpt's rules", conv),
    Row("residual in float", lambda: residual(quantized_skip=False), warned="TRT-FUSE-001"),
    Row("residual whose sum stays float", lambda: conv(scales=4, channels=4, behind=[node("Add", "c x")])),
    Row(
        "constant that is added",
        lambda: conv(behind=[node("Add", "c k", "sum"), *pair("sum", "y")], k=weights(6, 1, 1)),
    ),
    Row("residual quantized", lambda: residual(quantized_skip=True)),
    Row("Q/DQ in front of Relu", lambda: conv(behind=[*pair("c", "cd"), node("Relu", "cd")]), warned="TRT-FUSE-002"),
    Row("Q/DQ behind Relu", lambda: conv(behind=[node("Relu", "c", "r"), *pair("r", "y")])),
    Row("ConvTranspose along axis 0", lambda: conv("ConvTranspose", axis=0, scales=4), warned="TRT-FUSE-003"),
    Row("ConvTranspose along axis 1", lambda: conv("ConvTranspose", axis=1)),
    Row("Conv along axis 1", lambda: conv(axis=1, scales=4), warned="TRT-FUSE-003"),
    Row("MatMul along rows", lambda: product(axis=0), warned="TRT-FUSE-003"),
    Row("MatMul along columns", product),
    Row("Gemm with transB along rows", lambda: product(axis=0, kind="Gemm", transB=1)),
    Row("codes that two read", shared_codes, warned="TRT-FUSE-004"),
    Row("int8 weight alone", lambda: product((False, True)), warned="TRT-FUSE-005"),
    Row("int8 activation alone", lambda: product((True, False)), warned="TRT-FUSE-005"),
    Row("int4 weight alone", lambda: product((False, True), dtype=INT4)),
]

CPUS = [
    Row("ort: bf16", lambda: one("Relu", type_=BF16), "ORT-TYPE-001", target="ort"),
    Row("ort: fp8", lambda: activation(scalar(0, FP8)), warned="ORT-TYPE-002", target="ort"),
    Row(
        "ort: per channel at opset 11",
        lambda: weight(weights(6, 4, dtype=np.int8), SCALES_6, opset=11, axis=0),
        "ORT-Q-001 ONNX-VALID-001",
        target="ort",
    ),
    Row("ort: scale 0", lambda: activation(scale=scalar(0.0)), warned="ORT-Q-002", target="ort"),
    Row("ort: Relu in front of fp8", lambda: relu_then(FP8), warned="ORT-Q-003 ORT-TYPE-002", target="ort"),
    Row("ort: Relu in front of int4", lambda: relu_then(INT4), warned="ORT-Q-003", target="ort"),
    Row("ort: Relu in front of int4 from its lowest on", lambda: relu_then(INT4, -8), target="ort"),
    Row("ort: Relu in front of int8", lambda: relu_then(np.int8), target="ort"),
    Row("ort: 16-bit activations", products_of_16_bits, warned="ORT-Q-004", target="ort"),
    Row(
        "ort: fp8 that does not saturate",
        lambda: one("Cast", gives=TensorProto.FLOAT8E4M3FN, to=TensorProto.FLOAT8E4M3FN, saturate=0),
        warned="ORT-Q-005",
        target="ort",
    ),
    Row(
        "ort: dynamic",
        lambda: model_of([node("DynamicQuantizeLinear", "x", "y s z")], outputs=[("y", UINT8, None)]),
        warned="ORT-Q-006",
        target="ort",
    ),
    Row("ort: blocks", lambda: blocked_product(axis=0), target="ort"),
    Row("ort: blocks of another axis", lambda: blocked_product(axis=0, stated=1), "ORT-Q-007", target="ort"),
    Row(
        "ort: float behind a convolution",
        lambda: conv(activation_zero=scalar(0, np.uint8)),
        warned="ORT-FUSE-001",
        target="ort",
    ),
    Row("ort: int8 activations", lambda: conv(behind=pair("c", "y")), warned="ORT-FUSE-002", target="ort"),
    Row(
        "ort: as its kernels want it",
        lambda: conv(activation_zero=scalar(3, np.uint8), behind=pair("c", "y")),
        target="ort",
    ),
    Row(
        "ort: a Relu between convolution and Q",
        lambda: conv(activation_zero=scalar(3, np.uint8), behind=[node("Relu", "c", "r"), *pair("r", "y")]),
        target="ort",
    ),
    Row("openvino: 16 bits", lambda: relu_then(np.uint16), warned="OV-Q-001", target="openvino"),
    Row(
        "openvino: a block that does not divide",
        lambda: weight(weights(8, 10, dtype=INT4), np.full((8, 3), 0.1, np.float32), axis=1, block_size=4),
        "OV-Q-002",
        target="openvino",
    ),
    Row("openvino: blocks along output channels", lambda: blocked_product(axis=1), "OV-Q-003", target="openvino"),
    Row("openvino: blocks along what is summed up", lambda: blocked_product(axis=0), target="openvino"),
    Row("openvino: QLinearMatMul per column", lambda: qlinear((2, 8), 4), "OV-OP-001", target="openvino"),
    Row("openvino: QLinearMatMul of a vector", lambda: qlinear((8,), 1), "OV-OP-001", target="openvino"),
    Row("openvino: QLinearMatMul", lambda: qlinear((2, 8), 1), target="openvino"),
    Row("openvino: quantized LSTM", lambda: lstm(quantized=True), warned="OV-OP-002", target="openvino"),
    Row(
        "openvino: fp16",
        lambda: one("MatMul", {"w": weights(8, 4, dtype=np.float16)}, type_=FP16, shape=(2, 8)),
        warned="OV-TYPE-001",
        target="openvino",
    ),
    Row("openvino: fp8", lambda: activation(scalar(0, FP8)), warned="OV-TYPE-002", target="openvino"),
    Row("openvino: int8", conv, target="openvino"),
]

TABLE = [*VALIDITY, *IMPORTER, *OPERATORS, *TYPES, *PLACEMENT, *CPUS]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_file_breaks_the_rules_that_it_breaks_and_no_others(row: Row, tmp_path: Path) -> None:
    found = findings(row.build(), tmp_path, row.target)

    assert (ids(found, Weight.REFUSED), ids(found, Weight.WARNED)) == (
        set(row.refused.split()),
        set(row.warned.split()),
    )


def test_each_rule_has_a_file_in_the_table() -> None:
    provoked = {rule for row in TABLE for rule in (*row.refused.split(), *row.warned.split())}

    assert {rule.id for rule in RULES} == provoked


def test_the_table_has_the_files_that_were_asked_for() -> None:
    tensorrt = [row for row in TABLE if row.target.startswith("trt")]

    assert len(tensorrt) >= 60
    assert len([row for row in tensorrt if not row.refused]) >= 30
    assert len({row.name for row in TABLE}) == len(TABLE)


def test_rules_have_ids_of_their_own_and_say_what_to_do_and_who_says_so() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.title and rule.remedy and rule.source for rule in RULES)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_finding_names_a_place_and_says_got_and_should(row: Row, tmp_path: Path) -> None:
    for finding in findings(row.build(), tmp_path, row.target):
        assert finding.node
        assert finding.sentence.startswith("got ")
