"""Rows of the linter's table: operators that an engine has for some types, ranks or attributes alone."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tests.checks.linting.faulty_files import (
    INT32,
    gru_of_matrix,
    in_branch,
    lstm,
    qlinear,
)
from tests.checks.linting.files import (
    FLOAT,
    INT64,
    UINT8,
    Row,
    model_of,
    node,
    one,
    scalar,
    weights,
)
from tests.checks.linting.option_rows import OPTIONS

OPERATORS = [
    Row("plain convolution", lambda: one("Conv", {"w": weights(6, 4, 3, 3)})),
    Row(
        "MatMulInteger",
        lambda: one(
            "MatMulInteger", {"w": weights(8, 4, dtype=np.int8)}, type_=TensorProto.INT8, shape=(2, 8), gives=INT32
        ),
        "TRT-OP-001",
    ),
    Row("QLinearMatMul", lambda: qlinear((2, 8), 1), "TRT-OP-001"),
    Row(
        "DynamicQuantizeLinear",
        lambda: model_of([node("DynamicQuantizeLinear", "x", "y s z")], outputs=[("y", UINT8, None)]),
        "TRT-OP-001",
    ),
    Row("DFT", lambda: one("DFT", {"n": np.array(4), "a": np.array(-2)}, shape=(1, 8, 1)), "TRT-OP-001"),
    Row("Unique", lambda: one("Unique", shape=(8,)), "TRT-OP-001"),
    Row("BitwiseAnd", lambda: one("BitwiseAnd", {"m": np.array([1], np.int32)}, type_=INT32), "TRT-OP-001"),
    Row("operator of a branch", in_branch, "TRT-OP-001"),
    Row("operator that ONNX got later", lambda: one("Swish", opset=24), "TRT-OP-001", target="trt10"),
    Row("Swish, new in 11", lambda: one("Swish", opset=24)),
    Row("com.microsoft operator", lambda: one("QGemm", domain="com.microsoft"), "TRT-OP-002"),
    Row("ai.onnx.ml operator", lambda: one("Scaler", domain="ai.onnx.ml"), "TRT-OP-002"),
    Row("operator with a plugin", lambda: one("EfficientNMS_TRT", domain="own"), warned="TRT-OP-003"),
    Row(
        "Attention of com.microsoft",
        lambda: one("Attention", {"w": weights(8, 24)}, shape=(1, 4, 8), domain="com.microsoft", num_heads=2),
        warned="TRT-OP-005",
    ),
    Row("MaxPool", lambda: one("MaxPool", kernel_shape=[2, 2])),
    Row("MaxPool with Indices", lambda: model_of([node("MaxPool", "x", "y i", kernel_shape=[2, 2])]), "TRT-OP-004"),
    Row("dilated MaxPool", lambda: one("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]), "TRT-OP-004"),
    Row("TopK unsorted", lambda: model_of([node("TopK", "x k", "y i", sorted=0)], {"k": np.array([2])}), "TRT-OP-004"),
    Row(
        "TopK of 3840",
        lambda: model_of([node("TopK", "x k", "y i")], {"k": np.array([3840])}, inputs=[("x", FLOAT, (5000,))]),
        "TRT-OP-004",
    ),
    Row(
        "ScatterND that adds",
        lambda: one("ScatterND", {"i": np.array([[0]]), "u": weights(1, 4)}, shape=(3, 4), reduction="add"),
        "TRT-OP-004",
    ),
    Row("ScatterND", lambda: one("ScatterND", {"i": np.array([[0]]), "u": weights(1, 4)}, shape=(3, 4))),
    *OPTIONS,
    Row("LSTM batch first", lambda: lstm(layout=1), "TRT-OP-004"),
    Row("LSTM", lstm),
    Row("GRU", gru_of_matrix),
    Row(
        "Resize with antialias",
        lambda: one(
            "Resize",
            {"r": np.array([], np.float32), "k": np.array([1, 1, 2, 2], np.float32)},
            mode="linear",
            antialias=1,
        ),
        "TRT-OP-004",
    ),
    Row(
        "Resize",
        lambda: one("Resize", {"r": np.array([], np.float32), "k": np.array([1, 1, 2, 2], np.float32)}, mode="linear"),
    ),
    Row(
        "BatchNormalization in training",
        lambda: model_of(
            [node("BatchNormalization", "x a b c d", "y m v", training_mode=1)],
            {name: np.ones(4, np.float32) for name in "abcd"},
        ),
        "TRT-OP-004",
    ),
    Row(
        "second output of LayerNormalization",
        lambda: model_of([node("LayerNormalization", "x g", "y m")], {"g": np.ones(8, np.float32)}),
        "TRT-OP-004",
    ),
    Row("Dropout in training", lambda: one("Dropout", {"p": scalar(0.5), "t": np.array(True)}), "TRT-OP-004"),
    Row(
        "fed axis of CumSum",
        lambda: model_of([node("CumSum", "x a")], inputs=[("x", FLOAT, (2, 4)), ("a", INT64, ())]),
        "TRT-OP-004",
        "TRT-IO-001",
    ),
    Row("constant axes of ReduceMean", lambda: one("ReduceMean", {"a": np.array([1])})),
    Row(
        "computed axes of ReduceMean",
        lambda: model_of([node("ReduceMean", "x a")], inputs=[("x", FLOAT, (2, 4)), ("a", INT64, (1,))]),
        "TRT-OP-004",
        "TRT-IO-001",
    ),
    Row(
        "Constant of strings",
        lambda: model_of(
            [helper.make_node("Constant", [], ["t"], name="text", value_strings=[b"a"]), node("Relu", "x")]
        ),
        "TRT-OP-004 TRT-TYPE-001",
    ),
    Row(
        "Attention with a past",
        lambda: model_of(
            [node("Attention", "q q q - p p", "y")],
            {"p": weights(1, 2, 4, 4)},
            inputs=[("q", FLOAT, (1, 2, 4, 4))],
            opset=23,
        ),
        "TRT-OP-004",
    ),
    Row(
        "Attention", lambda: model_of([node("Attention", "q q q", "y")], inputs=[("q", FLOAT, (1, 2, 4, 4))], opset=23)
    ),
    Row(
        "TensorScatter along the first axis",
        lambda: model_of([node("TensorScatter", "x u", "y", axis=1)], {"u": weights(1, 1, 8, 8)}, opset=24),
        "TRT-OP-004",
    ),
    Row("opset 8", lambda: one("Relu", opset=8), "TRT-OPSET-001"),
    Row("opset 9", lambda: one("Relu", opset=9)),
    Row("opset 25 on 10", lambda: one("Relu", opset=25), "TRT-OPSET-001", target="trt10"),
    Row("opset 25 on 11", lambda: one("Relu", opset=25), warned="TRT-OPSET-002"),
    Row("opset 26", lambda: one("Relu", opset=26), "TRT-OPSET-001"),
]
