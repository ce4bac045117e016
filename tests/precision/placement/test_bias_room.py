"""Channels whose weights are next to nothing and whose bias is not, as folded normalizations leave them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity.precision.placement.bias_room import with_room
from pytest_qparity.precision.placement.targets import TARGETS
from tests.precision.graphs import FLOAT, model_file, model_of, samples_for, weights
from tests.precision.making import array, least_sqnr_db, made, outputs_of

DEAD = 2  # the channel
BIAS = np.array([0.2, -0.5, 1.0, 0.1, -0.3, 0.4, 0.0, -0.1], np.float32)


def convolution(operator: str, factor: float) -> onnx.ModelProto:
    kernel = weights(8, 8, 1)
    kernel[DEAD] *= np.float32(factor)
    constants = {"w": kernel if operator == "Conv" else kernel.swapaxes(0, 1).copy(), "b": BIAS}
    return _behind(helper.make_node(operator, ["x", "w", "b"], ["c"], name="dead"), ["N", 8, 16], constants, 2)


def gemm(factor: float, transposed: int, bias: np.ndarray = BIAS) -> onnx.ModelProto:
    w = matrix(factor)
    constants = {"w": w.T.copy() if transposed else w, "b": bias}
    node = helper.make_node("Gemm", ["x", "w", "b"], ["c"], name="dead", transB=transposed)
    return _behind(node, ["N", 8], constants, 1)


def matmul_and_add(factor: float) -> onnx.ModelProto:
    model = _behind(
        helper.make_node("MatMul", ["x", "w"], ["m"], name="dead"), ["N", 8], {"w": matrix(factor), "b": BIAS}, 1
    )
    model.graph.node.insert(1, helper.make_node("Add", ["m", "b"], ["c"], name="add"))
    return model


def matrix(factor: float) -> np.ndarray:
    w = weights(8, 8)
    w[:, DEAD] *= np.float32(factor)
    return w


def _behind(node: onnx.NodeProto, shape: list, constants: dict, axes: int) -> onnx.ModelProto:
    """node → Relu → a product of all channels, which shows what any of them gives."""
    reads = helper.make_node("Conv" if axes == 2 else "Gemm", ["r", "v"], ["y"], name="last")
    last = weights(8, 8, 1, seed=4) if axes == 2 else weights(8, 8, seed=4)
    nodes = [node, helper.make_node("Relu", ["c"], ["r"], name="relu"), reads]
    return model_of(nodes, [("x", FLOAT, shape)], [("y", FLOAT, shape)], constants | {"v": last})


MODELS = {
    "Conv": lambda factor: convolution("Conv", factor),
    "ConvTranspose": lambda factor: convolution("ConvTranspose", factor),
    "Gemm": lambda factor: gemm(factor, 0),
    "Gemm, transposed": lambda factor: gemm(factor, 1),
    "Gemm, bias of two axes": lambda factor: gemm(factor, 0, BIAS[np.newaxis]),
    "MatMul and Add": matmul_and_add,
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("factor", [0.0, 1e-9, 1e-6])
@pytest.mark.parametrize("name", MODELS)
def test_a_nearly_dead_channel_leaves_its_bias_whole_with_the_optimizer_as_without(tmp_path, name, factor, target):
    model = MODELS[name](factor)
    written, _ = made(model, tmp_path, target=target)

    feed = dict(next(iter(samples_for(model_file(tmp_path / "float.onnx"), 1))).arrays)
    exact = outputs_of(model, feed)
    plain = least_sqnr_db(exact, outputs_of(written, feed, optimized=False))
    assert plain > 33
    assert least_sqnr_db(exact, outputs_of(written, feed)) > plain - 1  # ONNX Runtime's own int32 biases


def test_a_living_channel_keeps_its_scale(tmp_path):
    written, _ = made(gemm(1e-9, 0), tmp_path, target="ort")

    scales = array(written, "w_scale")
    living = np.arange(8) != DEAD
    np.testing.assert_allclose(scales[living], np.abs(matrix(1.0)).max(axis=0)[living] / 127, rtol=1e-6)
    assert scales[DEAD] == pytest.approx(1.0 / (2.0**30 * array(written, "x_scale")))
    assert array(written, "b_quantized")[DEAD] == pytest.approx(2**30, rel=1e-5)


def test_one_scale_of_a_weight_has_room_for_the_largest_bias(tmp_path):
    model = gemm(1.0, 0, np.float32(1e9) * BIAS)

    written, _ = made(model, tmp_path, target="ort", granularity="tensor")

    assert np.abs(array(written, "b_quantized")).max() == pytest.approx(2**30, rel=1e-5)


def test_a_weight_of_two_readers_has_room_for_the_biases_of_both(tmp_path):
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["a"], name="first"),
        helper.make_node("Gemm", ["a", "w", "large"], ["y"], name="second"),
    ]
    constants = {"w": matrix(1e-9), "b": BIAS, "large": 10 * BIAS}
    model = model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 8])], constants)

    written, _ = made(model, tmp_path, target="ort")

    codes = [array(written, name)[DEAD] for name in ("b_quantized", "large_quantized")]
    assert max(codes) == pytest.approx(2**30, rel=1e-5)


def test_a_channel_of_zeros_has_the_scale_of_its_bias_and_one_without_a_bias_keeps_its_own():
    scale, ends = np.array([1.0, 1.0, 0.5, 0.5], np.float32), np.array([0.0, 0.0, 63.5, 63.5])
    least = np.array([1e-9, 0.0, 1e-9, 2.0])

    enlarged = with_room(scale, ends, least)

    assert enlarged.dtype == np.float32
    np.testing.assert_array_equal(enlarged, np.array([1e-9, 1.0, 0.5, 2.0], np.float32))
