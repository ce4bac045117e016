"""Scales of any size are moved through whatever a joint spans, and the model computes what it did."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from pytest_qparity.precision.balancing.constants import Constants
from pytest_qparity.precision.balancing.joints import joints
from pytest_qparity.precision.placement.writer import Writer
from tests.precision.balancing.models import (
    attention_like,
    convolutions,
    normalized_pool,
    read_before,
    read_twice,
    written_out,
)
from tests.precision.making import least_sqnr_db, outputs_of

SPANS = {  # of each model, the tensors that products read: what takes their scales, by the name of its node
    convolutions: {"x": None, "r1": "c1", "p2": "c2", "f3": "c3"},
    attention_like: {"n": "n", "p": None, "r1": "m1"},
    normalized_pool: {"r": "n", "a1": "s1", "f2": "c2"},
    written_out: {"turned": "factor", "rows": "c1"},
    read_twice: {"x": None, "r1": None},
    read_before: {"x": None, "r1": None},
}


@pytest.mark.parametrize("make", SPANS, ids=lambda make: make.__name__)
def test_what_takes_the_scales_of_a_tensor(make) -> None:
    found = list(joints(ir.serde.deserialize_model(make()).graph))

    sources = {str(joint.value.name): None if joint.source is None else joint.source.name for joint in found}
    assert sources == SPANS[make]


@pytest.mark.parametrize("make", SPANS, ids=lambda make: make.__name__)
def test_moved_scales_leave_what_a_model_computes(make) -> None:
    random = np.random.default_rng(3)
    model = ir.serde.deserialize_model(make())
    constants = Constants()
    moved = [joint for joint in joints(model.graph) if joint.givers]
    for joint in moved:
        constants.move(joint, np.exp(random.uniform(-2, 2, joint.channels // joint.inner)))
    constants.write(Writer(model.graph), model.graph)

    shape = [3, *(int(size) for size in list(model.graph.inputs[0].shape or ())[1:])]
    feed = {"x": random.standard_normal(shape).astype(np.float32)}
    rewritten = ir.serde.serialize_model(model)
    onnx.checker.check_model(rewritten)
    exact = outputs_of(make(), feed, optimized=False)
    assert len(moved) == sum(source is not None for source in SPANS[make].values())
    assert least_sqnr_db(exact, outputs_of(rewritten, feed, optimized=False)) > 110


def test_a_constant_that_others_read_stays_theirs() -> None:
    model = convolutions()
    twin = next(node for node in model.graph.node if node.name == "c1")
    model.graph.node.append(onnx.helper.make_node("ReduceMax", [twin.input[1]], ["largest"], keepdims=0))
    model.graph.output.append(onnx.helper.make_tensor_value_info("largest", onnx.TensorProto.FLOAT, []))
    read = ir.serde.deserialize_model(model)
    constants = Constants()
    joint = next(joint for joint in joints(read.graph) if joint.givers)
    constants.move(joint, np.full(joint.channels, 0.01))
    constants.write(Writer(read.graph), read.graph)

    feed = {"x": np.ones((1, 3, 8, 8), np.float32)}
    before, after = outputs_of(model, feed), outputs_of(ir.serde.serialize_model(read), feed)
    assert after[1] == before[1]
