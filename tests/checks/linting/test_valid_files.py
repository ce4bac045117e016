"""Whole files of makers: silent on those that TensorRT takes, not on those it refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from pytest_qparity.checks.linting.finding import Weight
from pytest_qparity.gate.linting import PROFILE
from tests.checks.linting.files import STEP, ZERO, findings, ids, model_of, node, pair, weights
from tests.models import mlp, save, small_cnn
from tests.precision import graphs
from tests.precision.making import made, recipe

TENSORRT = ("trt10", "trt11")
# Axes that blocks of 32 fill.
WIDE = [
    pytest.param(partial(mlp, features=64), id="mlp"),
    pytest.param(partial(small_cnn, channels=32), id="small_cnn"),
]


@pytest.mark.parametrize("target", TENSORRT)
@pytest.mark.parametrize("base", ["int8", "fp8", "mxfp8", "nvfp4"])
@pytest.mark.parametrize("model", WIDE)
def test_what_our_recipes_make_for_tensorrt_is_taken_without_a_word(
    tmp_path: Path, model: Callable[[], onnx.ModelProto], base: str, target: str
) -> None:
    variant, _ = made(model(), tmp_path, recipe(base, **({"target": "trt"} if base in ("int8", "fp8") else {})))

    assert [finding for finding in findings(variant, tmp_path, target) if finding.rule.id != PROFILE] == []


def branching() -> onnx.ModelProto:
    """Convolutions: plain, grouped, transposed; a residual; a matrix product of two activations; Gemm with transB."""
    constants = {
        "k1": weights(8, 4, 3, 3) / 6,
        "k2": weights(8, 4, 3, 3, seed=1) / 6,
        "k3": weights(8, 6, 2, 2, seed=2) / 6,
        "g": weights(5, 6, seed=3),
    }
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", "x k1", "c1", "plain", **same),
        node("Relu", "c1", "r1", "relu"),
        node("Conv", "r1 k2", "c2", "grouped", group=2, **same),
        node("Add", "c2 r1", "sum", "add"),
        node("ConvTranspose", "sum k3", "up", "transposed", kernel_shape=[2, 2], strides=[2, 2]),
        node("MatMul", "up up", "square", "both"),
        node("GlobalAveragePool", "square", "pooled", "pool"),
        node("Flatten", "pooled", "flat", "flatten"),
        node("Gemm", "flat g", "y", "classify", transB=1),
    ]
    return model_of(nodes, constants, inputs=[("x", onnx.TensorProto.FLOAT, ("N", 4, 8, 8))], opset=17)


@pytest.mark.parametrize("target", ["trt", "any"])
@pytest.mark.parametrize(
    "model", [branching, graphs.function_inside, graphs.nameless, graphs.initializers_as_inputs, graphs.one_matmul]
)
def test_our_recipe_makes_nothing_that_is_refused_of_harder_models(
    tmp_path: Path, model: Callable[[], onnx.ModelProto], target: str
) -> None:
    variant, _ = made(model(), tmp_path, recipe("int8", target=target))

    assert ids(findings(variant, tmp_path), Weight.REFUSED) == set()
    assert any(each.op_type == "QuantizeLinear" for each in variant.graph.node)


def modelopt_resnet_block() -> onnx.ModelProto:
    """By ModelOpt's rules: int8 on both sides, weights per channel along axis 0, zero points 0, biases float, the skip
    of the residual quantized, Q behind Relu, the classifier's Gemm per output row."""
    channels = {"ws1": 8, "ws2": 8}
    constants: dict[str, np.ndarray] = {
        "s": STEP,
        "z": ZERO,
        "w1": weights(8, 8, 3, 3, dtype=np.int8),
        "w2": weights(8, 8, 3, 3, dtype=np.int8),
        "b1": weights(8),
        "b2": weights(8),
        "g": weights(5, 8, dtype=np.int8),
        "gs": np.full(5, 0.01, np.float32),
        "gz": np.zeros(5, np.int8),
        "gb": weights(5),
    }
    for name, count in channels.items():
        constants |= {name: np.full(count, 0.01, np.float32), name.replace("s", "z"): np.zeros(count, np.int8)}
    convolution: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        *pair("x", "xd"),
        node("DequantizeLinear", "w1 ws1 wz1", "w1d", "w1_DQ", axis=0),
        node("Conv", "xd w1d b1", "c1", "conv1", **convolution),
        node("Relu", "c1", "r1", "relu1"),
        *pair("r1", "r1d"),
        node("DequantizeLinear", "w2 ws2 wz2", "w2d", "w2_DQ", axis=0),
        node("Conv", "r1d w2d b2", "c2", "conv2", **convolution),
        node("Add", "c2 xd", "sum", "add"),
        node("Relu", "sum", "r2", "relu2"),
        node("GlobalAveragePool", "r2", "pooled", "pool"),
        node("Flatten", "pooled", "flat", "flatten"),
        *pair("flat", "flatd"),
        node("DequantizeLinear", "g gs gz", "gd", "g_DQ", axis=0),
        node("Gemm", "flatd gd gb", "y", "classify", transB=1),
    ]
    return model_of(nodes, constants, inputs=[("x", onnx.TensorProto.FLOAT, (1, 8, 8, 8))], opset=19)


@pytest.mark.parametrize("target", TENSORRT)
def test_a_file_by_modelopts_rules_is_taken_without_a_word(tmp_path: Path, target: str) -> None:
    model = modelopt_resnet_block()
    onnx.checker.check_model(model, full_check=True)

    assert findings(model, tmp_path, target) == ()


class Samples(CalibrationDataReader):
    def __init__(self, name: str, shape: Sequence[int]) -> None:
        random = np.random.default_rng(0)
        self._feeds = iter([{name: random.standard_normal(shape).astype(np.float32)} for _ in range(4)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def stock(folder: Path, **options: Any) -> onnx.ModelProto:
    """ONNX Runtime's quantize_static with its defaults, but for `options`."""
    source, target = save(small_cnn(), folder / "float.onnx"), folder / "stock.onnx"
    quantize_static(source, target, Samples("input", (2, 1, 8, 8)), quant_format=QuantFormat.QDQ, **options)
    return onnx.load(target)


@pytest.mark.parametrize("target", TENSORRT)
@pytest.mark.parametrize(
    ("options", "rules"),
    [
        pytest.param({}, {"TRT-Q-001", "TRT-Q-013"}, id="defaults"),
        pytest.param({"activation_type": QuantType.QUInt8}, {"TRT-Q-001", "TRT-Q-013"}, id="uint8"),
        pytest.param({"activation_type": QuantType.QInt16}, {"TRT-Q-001", "TRT-Q-011", "TRT-Q-013"}, id="int16"),
        pytest.param({"extra_options": {"ActivationSymmetric": True}}, {"TRT-Q-013"}, id="symmetric"),
        pytest.param({"extra_options": {"ActivationSymmetric": True, "QuantizeBias": False}}, set(), id="for TensorRT"),
    ],
)
def test_what_the_stock_quantizer_makes_is_refused_until_it_is_told_of_tensorrt(
    tmp_path: Path, options: dict[str, Any], rules: set[str], target: str
) -> None:
    assert ids(findings(stock(tmp_path, **options), tmp_path, target), Weight.REFUSED) == rules


def test_the_qoperator_form_is_refused_for_its_operators(tmp_path: Path) -> None:
    source, target = save(small_cnn(), tmp_path / "float.onnx"), tmp_path / "stock.onnx"
    quantize_static(source, target, Samples("input", (2, 1, 8, 8)), quant_format=QuantFormat.QOperator)

    found = Counter(finding.rule.id for finding in findings(onnx.load(target), tmp_path))

    assert found["TRT-OP-001"] == 2  # QLinearConv
    assert found["TRT-OP-002"] == 2  # com.microsoft: QLinearGlobalAveragePool, QGemm


@pytest.mark.parametrize("model", [mlp, small_cnn])
@pytest.mark.parametrize("target", ["trt10", "trt11", "ort", "openvino"])
def test_float_models_are_taken_everywhere(tmp_path: Path, model: Callable[[], onnx.ModelProto], target: str) -> None:
    assert ids(findings(model(), tmp_path, target), Weight.REFUSED) == set()
