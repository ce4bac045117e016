"""Float models made ready: batch norms folded, constants computed ahead."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.preparing import prepared
from tests.precision.graphs import FLOAT, model_of, weights
from tests.precision.making import dequantized, least_sqnr_db, made, outputs_of


def normed(*, bias: bool = True) -> onnx.ModelProto:
    """conv → BatchNormalization → Relu; statistics far from 0 and 1."""
    random = np.random.default_rng(0)
    constants = {
        "k": weights(4, 2, 3, 3),
        "gamma": random.uniform(0.2, 3, 4).astype(np.float32),
        "beta": random.standard_normal(4).astype(np.float32),
        "mean": random.standard_normal(4).astype(np.float32),
        "variance": random.uniform(0.01, 4, 4).astype(np.float32),
    } | ({"b": random.standard_normal(4).astype(np.float32)} if bias else {})
    nodes = [
        helper.make_node("Conv", ["x", "k", "b"] if bias else ["x", "k"], ["c"], name="conv"),
        helper.make_node(
            "BatchNormalization", ["c", "gamma", "beta", "mean", "variance"], ["n"], name="norm", epsilon=1e-3
        ),
        helper.make_node("Relu", ["n"], ["y"], name="relu"),
    ]
    return model_of(nodes, [("x", FLOAT, ["N", 2, 6, 6])], [("y", FLOAT, ["N", 4, 4, 4])], constants)


def ready(model: onnx.ModelProto, *kept_float: str) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    written, notes = prepared(model, kept_float)
    made_ready = ir.serde.serialize_model(written)
    onnx.checker.check_model(made_ready, full_check=True)
    return made_ready, notes


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def feed(seed: int = 3) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(seed).standard_normal((2, 2, 6, 6)).astype(np.float32)}


@pytest.mark.parametrize("bias", [True, False])
def test_a_folded_batch_norm_computes_the_same_within_float_rounding(bias):
    model = normed(bias=bias)

    folded, notes = ready(model)

    assert kinds(folded) == ["Conv", "Relu"]
    assert notes == ("1 BatchNormalization folded into convolutions",)
    exact, other = outputs_of(model, feed(), optimized=False), outputs_of(folded, feed(), optimized=False)
    # Sums of 18 products, scaled: each side is within some 20 · 2⁻²⁴ of the true value, far above 100 dB.
    assert least_sqnr_db(exact, other) > 120


@pytest.mark.parametrize("name", ["conv", "norm"])
def test_a_batch_norm_is_not_folded_where_it_or_its_convolution_stays_float(name):
    assert kinds(ready(normed(), name)[0]) == ["Conv", "BatchNormalization", "Relu"]


def test_a_batch_norm_is_not_folded_where_another_reads_the_convolution():
    model = normed()
    model.graph.node.append(helper.make_node("Sigmoid", ["c"], ["z"], name="other"))
    model.graph.output.append(helper.make_tensor_value_info("z", FLOAT, ["N", 4, 4, 4]))

    assert "BatchNormalization" in kinds(ready(model)[0])


def test_a_batch_norm_is_not_folded_where_the_convolution_gives_an_output():
    model = normed()
    model.graph.output.append(helper.make_tensor_value_info("c", FLOAT, ["N", 4, 4, 4]))

    assert "BatchNormalization" in kinds(ready(model)[0])


def test_a_kernel_that_another_convolution_shares_is_not_changed_for_it():
    model = normed()
    model.graph.node.append(helper.make_node("Conv", ["x", "k", "b"], ["z"], name="other"))
    model.graph.output.append(helper.make_tensor_value_info("z", FLOAT, ["N", 4, 4, 4]))

    folded, _ = ready(model)

    assert least_sqnr_db(outputs_of(model, feed()), outputs_of(folded, feed())) > 100


def test_a_batch_norm_that_gives_an_output_leaves_it_its_name():
    model = normed()
    del model.graph.node[2]
    model.graph.output[0].name = "n"

    folded, _ = ready(model)

    assert kinds(folded) == ["Conv"]
    assert [output.name for output in folded.graph.output] == ["n"]


def test_a_weight_behind_nodes_that_reorder_it_is_quantized(tmp_path):
    nodes = [
        helper.make_node("Constant", [], ["w0"], value=onnx.numpy_helper.from_array(weights(4, 8))),
        helper.make_node("Identity", ["w0"], ["w1"]),
        helper.make_node("Transpose", ["w1"], ["w2"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "w2"], ["y"], name="product"),
    ]
    model = model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], {})

    written, _ = made(model, tmp_path)

    assert dequantized(written, "product") == [True, True]
    assert sorted(kinds(written)) == ["DequantizeLinear", "DequantizeLinear", "MatMul", "QuantizeLinear"]


def test_a_batch_norm_of_another_type_than_float32_is_not_folded():
    """Its constants would become float32, and the convolution takes float16."""
    model = normed()
    half = TensorProto.FLOAT16
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = half

    made_ready, notes = ready(model)

    assert kinds(made_ready) == ["Conv", "BatchNormalization", "Relu"]
    assert notes == ()
