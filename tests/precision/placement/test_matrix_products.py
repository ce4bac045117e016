"""Products with a sum behind them: what ONNX Runtime makes of both runs on integers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from pytest_qparity.precision.graph import nodes_of
from tests.models import save
from tests.precision.bodies import body
from tests.precision.graphs import FLOAT, model_of, weights
from tests.precision.making import array, least_sqnr_db, made, node, outputs_of

WIDTH = 32
COLUMNS = weights(WIDTH, seed=3)
ON_INTEGERS = frozenset({"MatMulIntegerToFloat", "QGemm", "QLinearMatMul"})
PRODUCTS = frozenset({"FusedGemm", "FusedMatMul", "Gemm", "MatMul"})


def dense(shape, added, *, order: int = 1) -> onnx.ModelProto:
    """x · w with a constant, or where `added` is None with x, added to it as the first or second input."""
    inputs = ["product", "x" if added is None else "b"]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"], name="product"),
        helper.make_node("Add", inputs if order else inputs[::-1], ["y"], name="add"),
    ]
    constants = {"w": weights(WIDTH, WIDTH)} | ({} if added is None else {"b": added})
    return model_of(nodes, [("x", FLOAT, shape)], [("y", FLOAT, shape)], constants)


def of_activations() -> onnx.ModelProto:
    nodes = [
        helper.make_node("MatMul", ["x", "z"], ["product"], name="product"),
        helper.make_node("Add", ["product", "b"], ["y"], name="add"),
    ]
    shape = [WIDTH, WIDTH]
    return model_of(nodes, [("x", FLOAT, shape), ("z", FLOAT, shape)], [("y", FLOAT, shape)], {"b": COLUMNS})


def in_a_scan() -> onnx.ModelProto:
    """state' = tanh(state · u + step · v)."""
    nodes = [
        helper.make_node("MatMul", ["state", "u"], ["a"], name="of_state"),
        helper.make_node("MatMul", ["step", "v"], ["b"], name="of_step"),
        helper.make_node("Add", ["a", "b"], ["sum"], name="sum"),
        helper.make_node("Tanh", ["sum"], ["after"], name="tanh"),
        helper.make_node("Identity", ["after"], ["out"], name="identity"),
    ]
    row = [1, WIDTH]
    step = body(
        "scan", nodes, [("state", FLOAT, row), ("step", FLOAT, row)], [("after", FLOAT, row), ("out", FLOAT, row)]
    )
    scan = helper.make_node("Scan", ["h", "x"], ["last", "y"], name="scan", body=step, num_scan_inputs=1)
    shape = [4, *row]
    constants = {"h": np.zeros(row, np.float32), "u": weights(WIDTH, WIDTH), "v": weights(WIDTH, WIDTH, seed=1)}
    return model_of([scan], [("x", FLOAT, shape)], [("y", FLOAT, shape)], constants)


MODELS = {
    "bias": lambda: dense(["N", WIDTH], COLUMNS),
    "bias first": lambda: dense(["N", WIDTH], COLUMNS, order=0),
    "bias of rank 2": lambda: dense(["N", WIDTH], COLUMNS[np.newaxis]),
    "scalar": lambda: dense(["N", WIDTH], COLUMNS[:1]),
    "bias for each element": lambda: dense([4, WIDTH], weights(4, WIDTH)),
    "residual sum": lambda: dense(["N", WIDTH], None),
    "three axes": lambda: dense(["N", 4, WIDTH], COLUMNS),
    "three known axes": lambda: dense([1, 4, WIDTH], COLUMNS),
    "two activations": of_activations,
    "scan": in_a_scan,
}


def kinds_run(model: onnx.ModelProto, folder) -> set[str]:
    """What ONNX Runtime's optimizer makes of the products."""
    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath, settings.log_severity_level = str(folder / "optimized.onnx"), 4
    onnxruntime.InferenceSession(save(model, folder / "int8.onnx"), settings, providers=["CPUExecutionProvider"])
    optimized = onnx.load(folder / "optimized.onnx")
    return {each.op_type for each in nodes_of(optimized.graph)} & (ON_INTEGERS | PRODUCTS)


@pytest.mark.parametrize("bias", ["int32", "float"])
@pytest.mark.parametrize("name", MODELS)
def test_every_product_with_a_sum_behind_it_runs_on_integers(tmp_path, name, bias):
    exact = MODELS[name]()

    model, _ = made(MODELS[name](), tmp_path, target="ort", bias=bias)

    onnx.checker.check_model(model, full_check=True)
    assert kinds_run(model, tmp_path) <= ON_INTEGERS
    random = np.random.default_rng(7)
    shapes = {each.name: [d.dim_value or 3 for d in each.type.tensor_type.shape.dim] for each in exact.graph.input}
    feed = {key: random.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}
    assert least_sqnr_db(outputs_of(exact, feed), outputs_of(model, feed)) > 25.0


@pytest.mark.parametrize("name", ["bias", "bias first", "bias of rank 2"])
def test_a_constant_for_each_column_becomes_the_bias_of_a_gemm_with_the_name_of_the_product(tmp_path, name):
    model, _ = made(MODELS[name](), tmp_path, target="ort")

    gemm = node(model, "product")
    assert (gemm.op_type, gemm.output[0]) == ("Gemm", "y")
    makers = {each.output[0]: each for each in model.graph.node}
    assert array(model, makers[gemm.input[2]].input[0]).dtype == np.int32


@pytest.mark.parametrize("target", ["trt", "openvino", "any"])
def test_for_other_engines_a_product_stays_what_it_is(tmp_path, target):
    model, _ = made(MODELS["bias"](), tmp_path, target=target)

    assert node(model, "product").op_type == "MatMul"


def test_a_sum_that_is_kept_float_stays_a_sum(tmp_path):
    model, _ = made(MODELS["bias"](), tmp_path, keep_float=("add",), target="ort")

    assert node(model, "add").input[1] == "b"
    assert len(node(model, "product").input) == 2


def test_a_product_that_is_kept_float_stays_a_product(tmp_path):
    exact = MODELS["scan"]()

    model, _ = made(exact, tmp_path, keep_float=("of_state",), target="ort")

    kinds = {each.name: each.op_type for each in nodes_of(model.graph)}
    assert (kinds["of_state"], kinds["of_step"]) == ("MatMul", "Gemm")


def test_products_of_16_bits_stay_what_they_are(tmp_path):
    model, _ = made(MODELS["bias"](), tmp_path, target="ort", activation="int16")

    assert node(model, "product").op_type == "MatMul"


def test_what_another_node_reads_too_stays_a_product(tmp_path):
    exact = MODELS["bias"]()
    exact.graph.output.append(helper.make_tensor_value_info("product", FLOAT, ["N", WIDTH]))

    model, _ = made(exact, tmp_path, target="ort")

    assert node(model, "product").op_type == "MatMul"
