"""Which calls a case asks for, and what is left out."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from pytest_qparity.case.data import Feeds, Samples, make_feeds
from pytest_qparity.case.invariance_spec import InvarianceSpec
from pytest_qparity.case.model import TensorInfo
from pytest_qparity.checks.invariance.calls import Call, Trial, trial_of
from pytest_qparity.checks.invariance.relation import Relation
from pytest_qparity.verdict import CannotJudge, Code

OPEN = (TensorInfo("input", "float32", ("N", 3)),)
FIXED = (TensorInfo("input", "float32", (4, 3)),)
PADDING = {"mask": "mask", "pad": {"ids": 7}, "by": 2}
TEXT = (TensorInfo("ids", "int64", ("N", "T")), TensorInfo("mask", "int64", ("N", "T")))


def feeds(samples: int, inputs=OPEN, *, batch: int = 1, stacked: bool = False) -> Feeds:
    """Sample i holds i everywhere."""
    shape = (1, 3) if stacked else (3,)
    arrays = {
        tensor.name: np.broadcast_to(
            np.arange(samples).reshape(samples, *(1 for _ in shape)), (samples, *shape)
        ).astype(tensor.dtype)
        for tensor in inputs
    }
    return make_feeds(Samples(arrays, None, "", "test"), inputs, batch)


def trial(count: int = 16, inputs=OPEN, data_batch: int = 1, /, *, stacked: bool = False, **stated: object) -> Trial:
    return trial_of(feeds(count, inputs, batch=data_batch, stacked=stacked), inputs, (), InvarianceSpec(**stated))


def of(trial: Trial, relation: Relation) -> list[Call]:
    return [call for call in trial.calls if call.relation is relation]


def test_every_unit_runs_alone_and_in_order_before_anything_else() -> None:
    calls = trial().calls[:16]

    assert [call.units for call in calls] == [(index,) for index in range(16)]
    assert all(call.is_first for call in calls)
    assert not any(call.is_first for call in trial().calls[16:])


def test_then_backwards_and_each_twice() -> None:
    calls = trial(3).calls[3:9]

    assert [(call.units[0], call.relation) for call in calls] == [
        (index, relation) for index in (2, 1, 0) for relation in (Relation.ORDER, Relation.REPEAT)
    ]


def test_each_sample_is_in_two_batches_of_other_company() -> None:
    batches = of(trial(), Relation.BATCH)

    assert [call.feed.count for call in batches] == [8, 8, 8, 8]
    assert sorted(unit for call in batches for unit in call.units) == sorted([*range(16), *range(16)])
    first, second = ({unit: set(call.units) for call in half for unit in call.units} for half in halves(batches))
    assert all(first[unit] != second[unit] for unit in range(16))
    for call in batches:
        assert call.feed.arrays["input"][:, 0].tolist() == list(call.units)


def halves(calls: list[Call]) -> tuple[list[Call], list[Call]]:
    return calls[: len(calls) // 2], calls[len(calls) // 2 :]


def test_after_each_batch_runs_one_of_it_that_is_not_its_first() -> None:
    calls = trial().calls

    for before, call in itertools.pairwise(calls):
        if call.relation is Relation.SHAPE:
            assert before.relation is Relation.BATCH
            assert call.units == before.units[-1:]
    assert len(of(trial(), Relation.SHAPE)) == 4


def test_batches_run_before_another_shape_also_where_they_are_not_compared() -> None:
    found = trial(16, OPEN, 2, shape=True)
    without = trial_of(feeds(16), OPEN, (), InvarianceSpec(batch=False))

    assert [call.feed.count for call in without.calls if len(call.units) > 1] == [8, 8, 8, 8]
    assert not of(without, Relation.BATCH)
    assert of(without, Relation.SHAPE)
    assert found.batch == 2


@pytest.mark.parametrize("samples", [2, 3, 16, 40])
def test_the_number_of_calls_is_bounded_as_stated(samples: int) -> None:
    found = trial(samples, TEXT, padding=PADDING)

    units = found.units
    assert units == min(samples, 16)
    assert len(found.calls) == 5 * units + 4 * math.ceil(units / found.batch)
    assert sum(len(call.units) for call in found.calls) <= 7 * units + 2 * math.ceil(units / found.batch)


def test_samples_are_spread_over_all_of_the_data() -> None:
    found = trial(100, samples=4)

    assert [int(call.feed.arrays["input"][0, 0]) for call in found.calls[:4]] == [0, 33, 66, 99]


def test_a_fixed_first_axis_leaves_batch_and_shape_out_and_runs_whole_batches() -> None:
    found = trial(16, FIXED, 4, samples=8)

    assert (found.units, found.unit_samples) == (2, 4)
    assert found.relations == (Relation.REPEAT, Relation.ORDER)
    assert found.left_out[Relation.BATCH] == '"input" has a fixed first axis of 4'
    assert "there is no other shape" in found.left_out[Relation.SHAPE]


def test_samples_that_are_fed_as_they_are_leave_batches_out() -> None:
    found = trial(5, stacked=True)

    assert "fed as it is" in found.left_out[Relation.BATCH]
    assert found.calls[0].feed.arrays["input"].shape == (1, 3)


def test_one_sample_leaves_order_and_batch_out() -> None:
    assert trial(1).relations == (Relation.REPEAT,)


def copies(count: int, of: int, **stated: object) -> Trial:
    """`of` different samples, each of them many times."""
    arrays = {
        "input": np.repeat(np.arange(of, dtype=np.float32), count // of).reshape(count, 1) * np.ones(3, np.float32)
    }
    return trial_of(make_feeds(Samples(arrays, None, "", "test"), OPEN, 1), OPEN, (), InvarianceSpec(**stated))


def test_copies_of_one_sample_are_not_judged_but_for_what_they_can_show() -> None:
    assert copies(64, 1, order=False, batch=False).relations == (Relation.REPEAT,)
    assert (copies(64, 2).copies, copies(64, 16).copies) == (14, 0)
    assert Relation.BATCH in copies(64, 2).relations
    for stated in ({}, {"order": False}, {"order": False, "batch": True}):
        with pytest.raises(CannotJudge, match="copies of one"):
            copies(64, 1, **stated)


@pytest.mark.parametrize("relation", ["batch", "shape"])
def test_what_is_demanded_and_impossible_cannot_be_judged(relation: str) -> None:
    with pytest.raises(CannotJudge) as error:
        trial(16, FIXED, 4, **{relation: True})

    assert error.value.failure.code is Code.INVARIANCE_IMPOSSIBLE
    assert error.value.failure.sentence.startswith(f"{relation} in [invariance]")


def test_nothing_left_to_try_cannot_be_judged() -> None:
    with pytest.raises(CannotJudge) as error:
        trial(1, repeat=False)

    assert error.value.failure.code is Code.INVARIANCE_IMPOSSIBLE


def test_what_a_case_turns_off_is_left_out_and_said() -> None:
    found = trial(order=False)

    assert found.left_out[Relation.ORDER] == "the case turns it off"
    assert not of(found, Relation.ORDER)
    assert of(found, Relation.REPEAT)


def test_padding_adds_positions_at_the_end_under_the_mask() -> None:
    [first, *_] = of(trial(4, TEXT, padding=PADDING), Relation.PADDING)

    assert first.feed.arrays["ids"].tolist() == [[0, 0, 0, 7, 7]]
    assert first.feed.arrays["mask"].tolist() == [[0, 0, 0, 0, 0]]
    assert first.feed.arrays["ids"].dtype == np.int64


@pytest.mark.parametrize(
    ("inputs", "padding", "why"),
    [
        (TEXT, {"mask": "masks"}, '"masks" is no input of the model, which has ids, mask'),
        (TEXT, {**PADDING, "axis": 2}, '"mask" has 2 axes and none of number 2'),
        (TEXT, {**PADDING, "pad": {"ids": 0.5}}, '"ids" is int64 and cannot hold 0.5'),
        (OPEN, {"mask": "input"}, '"input" has a fixed size of 3 on axis 1'),
    ],
)
def test_padding_that_cannot_be_added_is_told(inputs, padding, why: str) -> None:
    with pytest.raises(CannotJudge) as error:
        trial(4, inputs, padding=padding)

    assert why in error.value.failure.sentence
