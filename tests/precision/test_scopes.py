from __future__ import annotations

from itertools import chain

import numpy as np
import onnx
import pytest

from pytest_qparity.precision.graph import float_graph, float_structure
from pytest_qparity.precision.scopes import bodies_of, name_tensors_apart
from tests.models import mlp, save
from tests.precision.bodies import ALL, branches, feeds_of
from tests.precision.making import outputs_of


def names_of(graph) -> list[str]:
    made = [output for node in graph.node for output in node.output]
    return [*(value.name for value in graph.input), *(tensor.name for tensor in graph.initializer), *made]


@pytest.mark.parametrize("name", ALL)
def test_no_two_tensors_share_a_name_and_the_model_computes_the_same(name, tmp_path):
    path = save(ALL[name](), tmp_path / "float.onnx")

    model = float_graph(path)

    names = list(chain.from_iterable(names_of(graph) for graph in (model.graph, *bodies_of(model.graph))))
    assert len(names) == len(set(names))
    onnx.checker.check_model(model, full_check=True)
    for feed in feeds_of(name, 2):
        for before, after in zip(outputs_of(onnx.load(path), feed), outputs_of(model, feed), strict=True):
            np.testing.assert_array_equal(before, after)


def test_the_first_body_keeps_its_names_and_the_other_has_numbers():
    model = branches()

    name_tensors_apart(model)

    first, second = bodies_of(model.graph)
    assert {"inner", "out"} <= {*names_of(first), *names_of(second)}
    assert {"inner_1", "out_1"} <= {*names_of(first), *names_of(second)}
    assert second.output[0].name != first.output[0].name


def test_a_model_without_bodies_is_left_as_it_is():
    model = mlp()
    before = model.SerializeToString(deterministic=True)

    name_tensors_apart(model)

    assert model.SerializeToString(deterministic=True) == before


def test_names_are_the_same_without_the_weights(tmp_path):
    path = tmp_path / "float.onnx"
    onnx.save(ALL["called_twice"](), path, save_as_external_data=True, location="data", size_threshold=0)

    whole, structure = float_graph(path), float_structure(path)

    assert [names_of(body) for body in bodies_of(whole.graph)] == [
        names_of(body) for body in bodies_of(structure.graph)
    ]
    assert names_of(whole.graph) == names_of(structure.graph)


def test_bodies_that_see_one_another_have_names_of_their_own():
    """A name of the main graph that comes after the body, too, and one that the new name would be."""
    model = branches()
    model.graph.node[-1].input[0] = model.graph.node[1].output[0] = "inner"
    model.graph.node.append(onnx.helper.make_node("Identity", ["y"], ["inner_1"], name="late"))

    name_tensors_apart(model)

    inside = [names_of(body) for body in bodies_of(model.graph)]
    assert not {"inner", "inner_1"} & set(chain(*inside))
    assert sum("inner_" in name for name in chain(*inside)) == 2
