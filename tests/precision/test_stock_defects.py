"""What goes wrong with ONNX Runtime's `quantize_static`, and does not in variants made here.

Each test first shows the defect in the stock quantizer, so that it is known when it is mended there.
"""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from onnxruntime import quantization
from pydantic import ValidationError

from pytest_qparity.case.data import Feeds
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import mlp, save, small_cnn
from tests.precision.graphs import FLOAT, model_file, model_of, one_matmul, request_for, samples_for, weights
from tests.precision.making import array, least_sqnr_db, made, outputs_of


class Reader:
    def __init__(self, feeds):
        self._feeds = iter([dict(feed.arrays) for feed in feeds])

    def get_next(self):
        return next(self._feeds, None)

    def set_range(self, *_): ...


def stock(model, folder, feeds=None, **options) -> onnx.ModelProto:
    """What `quantize_static` makes of it."""
    path = save(model, folder / "stock" / "float.onnx")
    reader = Reader(samples_for(model_file(path), 8) if feeds is None else feeds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantization.quantize_static(path, path.parent / "int8.onnx", reader, **options)
    return onnx.load(path.parent / "int8.onnx")


def small_products() -> onnx.ModelProto:
    """Three layers with rectifiers, whose zero point is the lowest code."""
    nodes = []
    for index in range(3):
        nodes += [
            helper.make_node("MatMul", [f"x{index}" if index else "x", f"w{index}"], [f"h{index}"], name=f"p{index}"),
            helper.make_node("Relu", [f"h{index}"], ["y" if index == 2 else f"x{index + 1}"], name=f"relu{index}"),
        ]
    constants = {f"w{index}": weights(16, 16, seed=index) for index in range(3)}
    return model_of(nodes, [("x", FLOAT, ["N", 16])], [("y", FLOAT, ["N", 16])], constants)


def with_conv_transpose() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("ConvTranspose", ["r", "t"], ["y"], name="up"),
    ]
    constants = {"k": weights(4, 2, 3, 3) / 3, "t": weights(4, 2, 3, 3, seed=1) / 3}
    return model_of(nodes, [("x", FLOAT, ["N", 2, 6, 6])], [("y", FLOAT, ["N", 2, 6, 6])], constants)


MODELS = {"mlp": mlp, "cnn": small_cnn, "rectified products": small_products, "transposed": with_conv_transpose}
SPECS = {
    "int8 any": {},
    "int8 ort": {"target": "ort"},
    "int8 trt": {"target": "trt"},
    "int8 openvino": {"target": "openvino"},
    "int8 symmetric ort": {"target": "ort", "activation": "int8", "symmetric": True},
    "uint8": {"base": "uint8"},
    "uint8 ort": {"base": "uint8", "target": "ort"},
    "int16 any": {"base": "int16"},
    "int16 ort": {"base": "int16", "target": "ort"},
    "uint16 ort": {"base": "int16", "target": "ort", "activation": "uint16"},
    "int16 weights": {"base": "int16", "weight": "int16"},
}


@pytest.mark.parametrize("opset", [9, 11, 12])
def test_per_channel_below_opset_13_gives_a_file_that_loads(tmp_path, opset):
    broken = stock(one_matmul(opset=opset), tmp_path, per_channel=True)
    with pytest.raises(Exception, match=r"INVALID_GRAPH|axis"):
        onnxruntime.InferenceSession(broken.SerializeToString(), providers=["CPUExecutionProvider"])

    model, _ = made(one_matmul(opset=opset), tmp_path, target="ort")

    assert array(model, "w_scale").shape == (4,)
    feed = {"x": np.ones((1, 8), np.float32) / 4}
    assert least_sqnr_db(outputs_of(one_matmul(opset=opset), feed), outputs_of(model, feed)) > 20


def test_a_misspelt_node_is_an_error(tmp_path):
    ignored = stock(mlp(), tmp_path, nodes_to_exclude=["secnod"])
    assert len([node for node in ignored.graph.node if node.op_type == "DequantizeLinear"]) > 5

    request = request_for(mlp(), tmp_path, "int8", keep_float=["secnod"])
    with pytest.raises(CannotJudge) as stop:
        variant_for(
            request, lambda: samples_for(request.model, 8), Workshop(InProcess(Limits()), VariantCache(tmp_path))
        )

    assert stop.value.failure.code is Code.VARIANT_DEAD_PATTERN
    assert stop.value.failure.remedy == 'write "second"'


def test_a_misspelt_option_is_an_error(tmp_path):
    stock(mlp(), tmp_path, extra_options={"ActivationSymetric": True})

    with pytest.raises(ValidationError):
        PrecisionSpec(symetric=True)


def test_entropy_is_another_method_than_minmax(tmp_path):
    """Of normal values with one far outlier. Stock: 128 bins, and the range of all of them."""
    values = np.random.default_rng(0).standard_normal((2048, 8)).astype(np.float32)
    values[7, 3] = 12.0
    feeds = Feeds({"x": values}, samples=2048, batch=256, stacked=False)

    def scales(method, calibration):
        ours, _ = made(one_matmul(), tmp_path, feeds=feeds, calibration=calibration)
        return [
            array(model, "x_scale")
            for model in (stock(one_matmul(), tmp_path, feeds=feeds, calibrate_method=method), ours)
        ]

    stock_minmax, minmax = scales(quantization.CalibrationMethod.MinMax, "minmax")
    stock_entropy, entropy = scales(quantization.CalibrationMethod.Entropy, "entropy")

    assert stock_entropy == pytest.approx(stock_minmax, rel=0.02)
    assert entropy < 0.8 * minmax


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", MODELS)
def test_the_optimizer_changes_no_variant_by_more_than_rounding(tmp_path, name, spec):
    """A rectifier that it takes for redundant, and drops, shows as −8 to +10 dB."""
    model, _ = made(MODELS[name](), tmp_path, **SPECS[spec])
    feeds = samples_for(model_file(tmp_path / "float.onnx"), 8)

    for feed in feeds:
        off, on = (outputs_of(model, dict(feed.arrays), optimized=optimized) for optimized in (False, True))
        assert least_sqnr_db(off, on) > 30
        assert least_sqnr_db(outputs_of(MODELS[name](), dict(feed.arrays)), on) > 20


@pytest.mark.parametrize("target", ["any", "ort"])
def test_unsigned_weights_have_their_zero_point_in_the_middle_and_wrap_nowhere(tmp_path, target):
    model, _ = made(mlp(), tmp_path, base="uint8", target=target)

    codes, zero_point = array(model, "w1_quantized"), array(model, "w1_zero_point")
    assert codes.dtype == zero_point.dtype == np.uint8
    assert (zero_point == 128).all()
    real = (codes.astype(np.float32) - 128) * array(model, "w1_scale")
    assert np.abs(real - array(mlp(), "w1")).max() <= array(model, "w1_scale").max() / 2 * 1.0001


def test_a_model_is_left_where_it_lies_and_nothing_beside_it(tmp_path):
    """The stock quantizer writes `<stem>-inferred.onnx` beside its input, where two jobs on one model meet."""
    made(small_cnn(), tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["float.onnx"]
