"""Tensors of bodies, led out for calibration."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.observing import Observer, observe
from pytest_qparity.precision.calibration.tapping import tapped, tensors_inside
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.verdict import CannotJudge, Code
from tests.models import save
from tests.precision.bodies import FLOAT, INT64, WIDTH, body, branches, feeds_of, loop, mapped, nested, scan
from tests.precision.graphs import model_of
from tests.precision.making import outputs_of

MINMAX = Method("minmax")


def ready(model, tmp_path):
    return float_graph(save(model, tmp_path / "float.onnx"))


def values_of(model, name, feeds):
    """All values of a tensor of a body, one behind the other."""
    with tapped(model, [name]) as taps:
        copy = onnx.ModelProto.FromString(model.SerializeToString())
    copy.graph.output.append(onnx.ValueInfoProto(name=taps[name]))
    return np.concatenate([outputs_of(copy, feed, optimized=False)[-1] for feed in feeds])


def weight(model, name):
    graphs = [model.graph, *(a.g for node in model.graph.node for a in node.attribute if a.HasField("g"))]
    return next(onnx.numpy_helper.to_array(t) for graph in graphs for t in graph.initializer if t.name == name)


def test_a_branch_gives_what_it_computes_and_nothing_where_it_is_not_taken(tmp_path):
    model = ready(branches(), tmp_path)
    feeds = feeds_of("branches", 6)
    hidden = [feed["x"] @ weight(model, "w") for feed in feeds if feed["flag"]]
    expected = np.maximum(np.concatenate(hidden) @ weight(model, "own"), 0.0)

    found = values_of(model, "relu", feeds)

    np.testing.assert_allclose(found.reshape(-1, WIDTH), expected, rtol=1e-4, atol=1e-5)


def test_a_loop_gives_the_values_of_each_step(tmp_path):
    model = ready(loop(), tmp_path)
    feeds = feeds_of("loop", 4)

    states = values_of(model, "next", feeds)

    every = [outputs_of(model, feed, optimized=False)[1] for feed in feeds]
    np.testing.assert_array_equal(states, np.concatenate([each.reshape(-1) for each in every]))


def test_what_a_body_is_given_is_a_tensor_of_it(tmp_path):
    model = ready(loop(), tmp_path)
    (feed,) = feeds_of("loop", 1)
    feed["steps"] = np.array(3, np.int64)

    given, made = (values_of(model, name, [feed]).reshape(3, -1) for name in ("state", "next"))

    np.testing.assert_array_equal(given[1:], made[:-1])


def test_a_loop_without_steps_gives_nothing(tmp_path):
    feeds = [{**feed, "steps": np.array(0, np.int64)} for feed in feeds_of("loop", 2)]

    assert values_of(ready(loop(), tmp_path), "next", feeds).size == 0


def test_a_scan_gives_the_values_of_each_step(tmp_path):
    model = ready(scan(), tmp_path)
    feeds = feeds_of("scan", 2)

    taken = values_of(model, "item", feeds)

    np.testing.assert_array_equal(taken, np.concatenate([feed["x"].reshape(-1) for feed in feeds]))


@pytest.mark.parametrize("attribute", ["scan_output_axes", "scan_output_directions"])
def test_a_scan_that_says_how_its_outputs_lie_says_it_of_one_more(attribute, tmp_path):
    model = scan()
    model.graph.node[0].attribute.append(helper.make_attribute(attribute, [0]))
    model = ready(model, tmp_path)

    assert values_of(model, "item", feeds_of("scan", 1)).size == 6 * WIDTH


def test_bodies_in_bodies(tmp_path):
    """Steps 0 and 2 of three take the one branch, step 1 the other."""
    model = ready(nested(), tmp_path)
    (feed,) = feeds_of("nested", 1)
    feed["steps"] = np.array(3, np.int64)
    names = {node.output[0] for node in _products(model.graph)}

    sizes = {name: values_of(model, name, [feed]).size for name in names & tensors_inside(model.graph)}

    assert sorted(sizes.values()) == [1 * WIDTH, 2 * WIDTH, 3 * WIDTH]


def _products(graph):
    for node in graph.node:
        if node.op_type == "MatMul":
            yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _products(attribute.g)


def growing() -> onnx.ModelProto:
    """A loop that carries a tensor which is one row longer after each step."""
    step = body(
        "step",
        [
            helper.make_node("Concat", ["state", "x"], ["longer"], name="grow", axis=0),
            helper.make_node("Identity", ["go"], ["go_on"], name="go"),
        ],
        [("step", INT64, []), ("go", onnx.TensorProto.BOOL, []), ("state", FLOAT, None)],
        [("go_on", onnx.TensorProto.BOOL, []), ("longer", FLOAT, None)],
    )
    nodes = [helper.make_node("Loop", ["steps", "", "x"], ["y"], name="loop", body=step)]
    return model_of(nodes, [("x", FLOAT, [1, 4]), ("steps", INT64, [])], [("y", FLOAT, ["N", 4])], {})


def test_a_tensor_may_have_another_shape_in_each_step():
    feed = {"x": np.arange(4, dtype=np.float32).reshape(1, 4), "steps": np.array(3, np.int64)}

    found = values_of(growing(), "longer", [feed])

    np.testing.assert_array_equal(found, np.tile(np.arange(4, dtype=np.float32), 2 + 3 + 4))


@pytest.mark.parametrize("make", [branches, loop, scan, nested], ids=lambda make: make.__name__)
def test_the_model_is_left_as_it_was(make, tmp_path):
    model = ready(make(), tmp_path)
    before = model.SerializeToString(deterministic=True)
    floats = [node.output[0] for node in _products(model.graph) if node.output[0] in tensors_inside(model.graph)]

    Observer(model, floats, MINMAX)

    assert model.SerializeToString(deterministic=True) == before
    with pytest.raises(KeyError), tapped(model, floats):
        raise KeyError
    assert model.SerializeToString(deterministic=True) == before


def test_ranges_are_of_bodies_too_and_none_of_what_was_not_reached(tmp_path):
    model = ready(branches(), tmp_path)
    feeds = [feed for feed in feeds_of("branches", 6) if feed["flag"]]

    ranges = observe(model, ["hidden", "relu", "inner", "inner_1"], feeds, MINMAX)

    assert {"hidden", "relu"} < set(ranges.tensors)
    assert len(ranges.tensors) == 3
    assert ranges.tensors["relu"].whole.low == 0.0
    relu = values_of(model, "relu", feeds)
    assert ranges.tensors["relu"].whole.high == relu.max()


def test_halves_know_nothing_of_what_was_not_reached(tmp_path):
    observer = Observer(ready(branches(), tmp_path), ["relu"], MINMAX)
    for feed in feeds_of("branches", 4):
        observer.take({**feed, "flag": np.array(False)})

    assert observer.halves() == {}
    assert not observer.ranges().tensors


def test_a_body_of_another_node_is_not_looked_into():
    assert "out" not in tensors_inside(mapped().graph)
    with pytest.raises(CannotJudge) as caught:
        Observer(mapped(), ["out"], MINMAX)
    assert caught.value.failure.code is Code.CALIBRATION_TENSOR


def test_a_misspelt_tensor_of_a_body_has_a_near_name(tmp_path):
    with pytest.raises(CannotJudge) as caught:
        Observer(ready(branches(), tmp_path), ["rleu"], MINMAX)

    assert caught.value.failure.remedy == 'name "relu"'


def test_both_halves_have_what_every_second_sample_reaches(tmp_path):
    """Flags alternate: counted with what was not reached, all values would be in one half."""
    observer = Observer(ready(branches(), tmp_path), ["relu"], MINMAX)
    for feed in feeds_of("branches", 8):
        observer.take(feed)

    first, second = (half.range() for half in observer.halves()["relu"].both())

    assert first != second
