"""Weights packed by ONNX Runtime's own quantizer: what it leaves out is put right, what it gets wrong is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from onnx import helper

from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.library import make_dynamic
from pytest_qparity.precision.packed import make_packed
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import save
from tests.precision.graphs import FLOAT, model_of, weights
from tests.precision.making import least_sqnr_db, outputs_of, recipe

LEAST_DB = 13.0


def products(first="w1", second="w2"):
    """Two products of 64 features each, the second behind a Relu."""
    nodes = [
        helper.make_node("MatMul", ["x", first], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", second], ["y"], name="second"),
    ]
    constants = {name: weights(64, 64, seed=int(name[1])) for name in {first, second}}
    return model_of(nodes, [("x", FLOAT, ["N", 64])], [("y", FLOAT, ["N", 64])], constants)


def feeds(count=32, seed=1):
    """Features that go together, as those of a network do: what gptq uses."""
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((count, 8)) @ random.standard_normal((8, 64))
    return [{"x": (row + 0.1 * random.standard_normal(64)).astype(np.float32)[np.newaxis]} for row in mixed]


def packed(model, tmp_path, algorithm, *, block=32, keep_float=()):
    how = recipe("int4", format="qoperator", algorithm=algorithm, block=block, keep_float=keep_float)
    return make_packed(float_graph(save(model, tmp_path / "float.onnx")), how)


def sqnr_db(model, made):
    feed = {"x": np.concatenate([feed["x"] for feed in feeds(seed=2)])}
    return least_sqnr_db(outputs_of(model, feed), outputs_of(made, feed))


def test_packed_weights_are_near_the_float_model(tmp_path):
    made = packed(products(), tmp_path, "rtn")

    assert [each.op_type for each in made.graph.node] == ["MatMulNBits", "Relu", "MatMulNBits"]
    assert sqnr_db(products(), made) > LEAST_DB


def test_hqq_is_near_the_float_model(tmp_path):
    pytest.importorskip("torch")

    made = packed(products(), tmp_path, "hqq")

    assert [each.op_type for each in made.graph.node] == ["MatMulNBits", "Relu", "MatMulNBits"]
    assert sqnr_db(products(), made) > LEAST_DB


def test_what_the_quantizer_needs_is_named_where_it_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(CannotJudge) as stop:
        packed(products(), tmp_path, "hqq")

    failure = stop.value.failure
    assert failure.code is Code.VARIANT_RECIPE
    assert failure.sentence.startswith("algorithm hqq: got no module torch, should be installed")
    assert failure.remedy.startswith("pip install torch, or choose")


@pytest.mark.parametrize("maker", ["packed", "dynamic"])
def test_weights_behind_what_merely_reorders_them_are_found(tmp_path, maker):
    model = products()
    model.graph.node[0].input[1], model.graph.node[2].input[1] = "w1_same", "w2_turned"
    model.graph.node.insert(0, helper.make_node("Identity", ["w1"], ["w1_same"], name="same"))
    model.graph.node.insert(0, helper.make_node("Transpose", ["w2"], ["w2_turned"], name="turned", perm=[1, 0]))

    if maker == "packed":
        made = packed(model, tmp_path, "rtn")
    else:
        path = save(model, tmp_path / "float.onnx")
        made = make_dynamic(float_graph(path), recipe("int8", recipe="dynamic"), tmp_path)

    operator = "MatMulNBits" if maker == "packed" else "MatMulInteger"
    assert [each.op_type for each in made.graph.node if "MatMul" in each.op_type] == [operator, operator]
    assert sqnr_db(model, made) > LEAST_DB
