"""Inputs drawn for a model: shapes, types, ranges, and what nothing can be drawn of."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.case.drawing import InputHint, draw
from pytest_qparity.case.model import TensorInfo
from pytest_qparity.verdict import CannotJudge, Code

IMAGE = TensorInfo("pixels", "float32", ("batch", 3, "height", None))
IDS = TensorInfo("input_ids", "int64", ("batch", "sequence"))
MASK = TensorInfo("attention_mask", "int64", ("batch", "sequence"))


def test_open_axes_get_sizes_that_are_told() -> None:
    drawn = draw([IMAGE, IDS], {}, 2, {"sequence": 7, "pixels.3": 32})

    assert drawn.arrays["pixels"].shape == (2, 1, 3, 224, 32)
    assert drawn.arrays["input_ids"].shape == (2, 1, 7)
    assert "batch = 1, height = 224, axis 3 = 32 chosen here" in drawn.told[0]


def test_the_same_inputs_are_drawn_again() -> None:
    first, second = (draw([IMAGE], {}, 2, {"height": 8, "pixels.3": 8}).arrays["pixels"] for _ in range(2))

    assert np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


def test_pictures_fill_the_candidates_range_and_are_smooth() -> None:
    pictures = draw([IMAGE], {"pixels": InputHint(span=(-2.0, 3.0))}, 4, {"height": 64, "pixels.3": 64}).arrays[
        "pixels"
    ]

    assert pictures.dtype == np.float32
    assert pictures.min() == -2.0
    assert pictures.max() == 3.0
    neighbours = np.corrcoef(pictures[..., 1:].ravel(), pictures[..., :-1].ravel())[0, 1]
    assert neighbours > 0.7  # white noise: 0


@pytest.mark.parametrize(("span", "least", "most"), [(None, -6.0, 6.0), ((1.0, 2.0), 1.0, 2.0)], ids=["none", "stated"])
def test_other_floats_are_normal_within_the_candidates_range(
    span: tuple[float, float] | None, least: float, most: float
) -> None:
    values = draw([TensorInfo("x", "float16", (1, 500))], {"x": InputHint(span=span)}, 2).arrays["x"]

    assert values.dtype == np.float16
    assert least <= values.min() < values.max() <= most


def test_ids_stay_within_the_table_that_they_index() -> None:
    ids = draw([IDS], {"input_ids": InputHint(rows=5)}, 50).arrays["input_ids"]

    assert set(np.unique(ids)) == {0, 1, 2, 3, 4}


def test_a_table_that_is_larger_than_the_type_reaches_is_no_overflow() -> None:
    ids = draw([TensorInfo("ids", "int8", (1, 4))], {"ids": InputHint(rows=1000)}, 50).arrays["ids"]

    assert ids.min() >= 0


@pytest.mark.parametrize(
    ("tensor", "values"),
    [
        (MASK, {1}),
        (TensorInfo("padding", "bool", (1, 3)), {True}),
        (TensorInfo("token_type_ids", "int64", (1, 3)), {0}),
        (TensorInfo("position_ids", "int32", (1, 3)), {0, 1, 2}),
        (TensorInfo("flags", "int32", (1, 300)), {0, 1}),
    ],
    ids=lambda each: each.name if isinstance(each, TensorInfo) else "",
)
def test_integers_by_what_they_are_for(tensor: TensorInfo, values: set[int]) -> None:
    assert set(np.unique(draw([tensor], {}, 2).arrays[tensor.name]).tolist()) == values


@pytest.mark.parametrize(
    ("tensor", "sizes", "says"),
    [
        (TensorInfo("text", "str", (1,)), {}, "element type str"),
        (TensorInfo("x", "bfloat16", (1,)), {}, "element type bfloat16"),
        (TensorInfo("x", "float32", None), {}, "no rank"),
        (IDS, {"sequense": 4}, "sequense"),
    ],
    ids=["text", "bfloat16", "no rank", "unknown axis"],
)
def test_what_cannot_be_drawn_is_said(tensor: TensorInfo, sizes: dict[str, int], says: str) -> None:
    with pytest.raises(CannotJudge, match=says) as refused:
        draw([tensor], {}, 1, sizes)

    assert refused.value.failure.code is Code.DATA_UNREADABLE
