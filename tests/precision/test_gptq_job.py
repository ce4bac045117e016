"""GPTQ of whole models: calibrated feed by feed, in bodies too."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from pytest_qparity.precision.content import content_of, holds
from pytest_qparity.precision.graph import float_graph, nodes_of
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import save
from tests.precision.bodies import ALL, branches, feeds_of, mapped
from tests.precision.making import least_sqnr_db, node, outputs_of, recipe
from tests.precision.test_packed import feeds, products


def made(model, tmp_path, *, block=16, keep_float=(), data=None):
    how = recipe("int4", format="qoperator", algorithm="gptq", block=block, keep_float=keep_float)
    calibration = Calibration(float_graph(save(model, tmp_path / "float.onnx")), how)
    for feed in feeds() if data is None else data:
        calibration.take(feed, 1)
    return calibration.made()


@pytest.mark.parametrize("block", [16, 32, 64], ids=["16", "32", "one block"])
def test_the_file_is_valid_and_nearer_to_the_float_model_than_one_that_is_rounded_to_nearest(tmp_path, block):
    known, *_, new = np.array_split(np.concatenate([feed["x"] for feed in feeds(512)]), [384])
    model, _ = made(products(), tmp_path, block=block, data=[{"x": known}])
    to_nearest, _ = made(products(), tmp_path, block=block, data=[{"x": np.zeros((1, 64), np.float32)}])

    path = save(model, tmp_path / "int4.onnx")
    onnx.checker.check_model(path)
    assert holds(content_of(path), "int4")
    exact = outputs_of(products(), {"x": new})
    gained = [least_sqnr_db(exact, outputs_of(each, {"x": new})) for each in (model, to_nearest)]
    assert gained[0] > gained[1] + 2.0


def test_feeds_that_come_in_the_same_memory_each_count(tmp_path):
    apart, _ = made(products(), tmp_path)
    memory = np.empty((1, 64), np.float32)

    def in_one_place():
        for feed in feeds():
            memory[...] = feed["x"]
            yield {"x": memory}

    together, _ = made(products(), tmp_path, data=in_one_place())

    assert together.SerializeToString(deterministic=True) == apart.SerializeToString(deterministic=True)


def test_what_is_kept_stays_float(tmp_path):
    model, _ = made(products(), tmp_path, keep_float=("second",))

    assert [each.op_type for each in model.graph.node] == ["MatMulNBits", "Relu", "MatMul"]


def test_a_shared_weight_is_rounded_for_each_of_its_products(tmp_path):
    exact = products("w1", "w1")

    model, _ = made(exact, tmp_path)

    onnx.checker.check_model(save(model, tmp_path / "int4.onnx"))
    assert len({each.input[1] for each in model.graph.node if each.op_type == "MatMulNBits"}) == 2


@pytest.mark.parametrize("name", ALL)
def test_products_in_bodies_are_rounded_too(tmp_path, name):
    exact = float_graph(save(ALL[name](), tmp_path / "exact.onnx"))

    model, notes = made(ALL[name](), tmp_path, data=feeds_of(name, 16))

    onnx.checker.check_model(save(model, tmp_path / "int4.onnx"), full_check=True)
    kinds = [each.op_type for each in nodes_of(model.graph)]
    assert kinds.count("MatMulNBits") == sum(each.op_type == "MatMul" for each in nodes_of(exact.graph))
    assert not any("rounded to nearest" in note for note in notes)
    assert min(least_sqnr_db(outputs_of(exact, feed), outputs_of(model, feed)) for feed in feeds_of(name, 4)) > 7.0


def test_what_no_sample_reaches_is_rounded_to_nearest_and_noted(tmp_path):
    one_sided = [feed for feed in feeds_of("branches", 8) if not feed["flag"]]

    model, notes = made(branches(), tmp_path, data=one_sided)

    reason = "as no calibration sample reaches what it takes in its branch or loop"
    assert notes == (f"1 product is rounded to nearest, {reason}: then/second",)
    assert not any(each.op_type == "MatMul" for each in nodes_of(model.graph))


def test_in_a_body_that_calibration_cannot_look_into_weights_are_rounded_to_nearest(tmp_path):
    _, notes = made(mapped(), tmp_path, data=feeds_of("mapped", 2))

    assert notes[-1].endswith(": map/product")


def test_data_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(CannotJudge) as stop:
        made(products(), tmp_path, data=[{"x": np.full((1, 64), np.nan, np.float32)}])

    assert stop.value.failure.code is Code.CALIBRATION_NOT_FINITE
    assert node(products(), "first").input[0] in stop.value.failure.sentence
