from __future__ import annotations

import numpy as np

from pytest_qparity.backends.shapes import InputShapes, shapes_as_json, shapes_from_json, shapes_over
from tests.backends.stand_ins import Feed


def feed(**shapes: tuple[int, ...]) -> Feed:
    return Feed({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, 1)


def test_each_dimension_has_its_least_and_greatest_and_the_first_feed_is_the_usual_one() -> None:
    shapes = shapes_over([feed(x=(8, 5)), feed(x=(8, 9)), feed(x=(3, 7))])

    assert shapes == {"x": InputShapes((3, 5), (8, 5), (8, 9))}
    assert str(shapes["x"]) == "3x5 to 8x9"


def test_scalars_and_fixed_shapes() -> None:
    shapes = shapes_over([feed(x=(), y=(2,))])

    assert {name: str(each) for name, each in shapes.items()} == {"x": "scalar", "y": "2"}


def test_an_input_of_several_ranks_has_no_shapes() -> None:
    assert shapes_over([feed(x=(2, 3)), feed(x=(6,))]) == {}


def test_shapes_cross_a_process_border() -> None:
    shapes = shapes_over([feed(x=(8, 5), y=()), feed(x=(3, 7), y=())])

    assert shapes_from_json(shapes_as_json(shapes)) == shapes
