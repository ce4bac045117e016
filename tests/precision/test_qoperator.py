"""Operators on integers are near the float model, whatever a Gemm multiplies by and whatever constants nodes share."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity.quantmath import sqnr_db
from tests.precision.graphs import FLOAT, model_file, model_of, samples_for, weights
from tests.precision.making import made, outputs_of

LEAST_DB = 35.0  # of two roundings to 8 bits, and one of the output; what went wrong left 6 to 20
BIAS = weights(16, seed=5)


def gemm(*, taken=("x", "w", "b"), inputs=(), **attributes):
    nodes = [helper.make_node("Gemm", list(taken), ["y"], name="gemm", **attributes)]
    constants = {"w": weights(16, 16), "b": BIAS}
    shapes = [("x", FLOAT, ["N", 16]), *((name, FLOAT, [16]) for name in inputs)]
    used = {name: array for name, array in constants.items() if name in taken}
    return model_of(nodes, shapes, [("y", FLOAT, ["N", 16])], used)


def shared_weight():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="up"),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "w"], ["y"], name="down", transB=1),
    ]
    spread = weights(16, 16) * np.logspace(-2, 0, 16, dtype=np.float32)
    return model_of(nodes, [("x", FLOAT, ["N", 16])], [("y", FLOAT, ["N", 16])], {"w": spread})


def shared_bias():
    """The second node's input is a hundredth of the first's."""
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b"], ["h"], name="first"),
        helper.make_node("Mul", ["h", "small"], ["s"], name="scale"),
        helper.make_node("Gemm", ["s", "w2", "b"], ["y"], name="second"),
    ]
    constants = {
        "w1": weights(16, 16),
        "w2": weights(16, 16, seed=1),
        "b": BIAS,
        "small": np.array(0.01, np.float32),
    }
    return model_of(nodes, [("x", FLOAT, ["N", 16])], [("y", FLOAT, ["N", 16])], constants)


def one_weight_at_two_factors():
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="first", alpha=0.5, beta=2.0),
        helper.make_node("Gemm", ["h", "w", "b"], ["y"], name="second", alpha=3.0, transB=1),
    ]
    constants = {"w": weights(16, 16), "b": BIAS}
    return model_of(nodes, [("x", FLOAT, ["N", 16])], [("y", FLOAT, ["N", 16])], constants)


MODELS = {
    "plain": gemm(),
    "alpha": gemm(alpha=2.0),
    "beta": gemm(beta=3.0, transB=1),
    "alpha and beta": gemm(alpha=0.25, beta=4.0),
    "negative alpha": gemm(alpha=-1.0),
    "beta without a bias": gemm(taken=("x", "w"), beta=3.0),
    "a bias that is fed": gemm(taken=("x", "w", "fed"), inputs=("fed",)),
    "beta of a bias that is fed": gemm(taken=("x", "w", "fed"), inputs=("fed",), beta=3.0),
    "a shared weight": shared_weight(),
    "a shared bias": shared_bias(),
    "one weight at two factors": one_weight_at_two_factors(),
}


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("name", MODELS)
def test_operators_on_integers_are_near_to_the_float_model(tmp_path, name, granularity):
    model, _ = made(MODELS[name], tmp_path, target="ort", granularity=granularity, format="qoperator")

    feeds = [dict(feed.arrays) for feed in samples_for(model_file(tmp_path / "float.onnx"), 8)]
    exact = [outputs_of(MODELS[name], feed)[0] for feed in feeds]
    given = [outputs_of(model, feed, optimized=False)[0] for feed in feeds]
    assert noise_db(exact, given) > LEAST_DB


def noise_db(exact, given):
    signal, got = np.concatenate(exact).astype(np.float64), np.concatenate(given).astype(np.float64)
    return sqnr_db(float((signal**2).sum()), float(((got - signal) ** 2).sum()))


@pytest.mark.parametrize("name", [name for name in MODELS if "fed" not in name])
def test_every_product_of_them_is_on_integers(tmp_path, name):
    model, _ = made(MODELS[name], tmp_path, target="ort", format="qoperator")

    assert not {"Gemm", "MatMul"} & {node.op_type for node in model.graph.node}
    onnx.checker.check_model(model)


@pytest.mark.parametrize("name", [name for name in MODELS if "fed" in name])
def test_a_product_that_cannot_be_made_plain_stays_float(tmp_path, name):
    model, _ = made(MODELS[name], tmp_path, target="ort", format="qoperator")

    assert [node.op_type for node in model.graph.node] == ["Gemm"]
