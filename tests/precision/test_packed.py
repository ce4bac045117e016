"""Weights packed by ONNX Runtime's own quantizer: what it leaves out is put right, what it gets wrong is refused."""

from __future__ import annotations

import sys
import types

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity.precision import large
from pytest_qparity.precision.content import content_of, holds
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
    return make_packed(float_graph(save(model, tmp_path / "float.onnx")), how, feeds())


def sqnr_db(model, made):
    feed = {"x": np.concatenate([feed["x"] for feed in feeds(seed=2)])}
    return least_sqnr_db(outputs_of(model, feed), outputs_of(made, feed))


@pytest.fixture
def torch_or_less(monkeypatch):
    """gptq imports torch to tell its tensors from arrays, and computes with NumPy: an empty module does."""
    if "torch" not in sys.modules:
        monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))


def test_packed_weights_are_near_the_float_model(tmp_path):
    made = packed(products(), tmp_path, "rtn")

    assert [each.op_type for each in made.graph.node] == ["MatMulNBits", "Relu", "MatMulNBits"]
    assert sqnr_db(products(), made) > LEAST_DB


def test_hqq_is_near_the_float_model(tmp_path):
    pytest.importorskip("torch")

    made = packed(products(), tmp_path, "hqq")

    assert [each.op_type for each in made.graph.node] == ["MatMulNBits", "Relu", "MatMulNBits"]
    assert sqnr_db(products(), made) > LEAST_DB


def test_gptq_makes_a_valid_file_that_is_near_the_float_model_and_says_nothing(tmp_path, torch_or_less, capsys):
    made = packed(products(), tmp_path, "gptq")

    path = save(made, tmp_path / "int4.onnx")
    onnx.checker.check_model(path)
    assert holds(content_of(path), "int4")
    assert sqnr_db(products(), made) > LEAST_DB
    assert capsys.readouterr() == ("", "")


def test_gptq_leaves_float_what_is_kept(tmp_path, torch_or_less):
    made = packed(products(), tmp_path, "gptq", keep_float=("second",))

    assert [each.op_type for each in made.graph.node] == ["MatMulNBits", "Relu", "MatMul"]


def test_gptq_of_a_shared_weight_is_near_the_float_model(tmp_path, torch_or_less):
    made = packed(products("w1", "w1"), tmp_path, "gptq")

    onnx.checker.check_model(save(made, tmp_path / "int4.onnx"))
    assert sqnr_db(products("w1", "w1"), made) > LEAST_DB


def test_an_odd_number_of_blocks_is_refused_where_the_quantizer_packs_them_wrong(tmp_path, torch_or_less):
    with pytest.raises(CannotJudge) as stop:
        packed(products(), tmp_path, "gptq", block=64)

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert "got an odd number of blocks of 64 with zero points in first, second" in stop.value.failure.sentence


def test_an_odd_number_of_blocks_of_a_node_that_is_kept_does_not_matter(tmp_path, torch_or_less):
    model = products()
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights(64, 64), model.graph.initializer[0].name))

    made = packed(model, tmp_path, "gptq", block=64, keep_float=("first", "second"))

    assert [each.op_type for each in made.graph.node] == ["MatMul", "Relu", "MatMul"]


@pytest.mark.parametrize("algorithm", ["hqq", "gptq"])
def test_what_the_quantizer_needs_is_named_where_it_is_not_installed(tmp_path, monkeypatch, algorithm):
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(CannotJudge) as stop:
        packed(products(), tmp_path, algorithm)

    failure = stop.value.failure
    assert failure.code is Code.VARIANT_RECIPE
    assert failure.sentence.startswith(f"algorithm {algorithm}: got no module torch, should be installed")
    assert failure.remedy.startswith("pip install torch, or choose")


def test_gptq_of_a_model_beyond_one_message_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(large, "LARGEST_WEIGHTS", 100)

    with pytest.raises(CannotJudge) as stop:
        packed(products(), tmp_path, "gptq")

    assert stop.value.failure.sentence.startswith("algorithm gptq: got a model beyond 2 GB")


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
