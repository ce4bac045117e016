"""What a cost may be at most: kept, beyond, undecided, not measured."""

from __future__ import annotations

import math

import pytest

from pytest_qparity.checks.ceilings import REPETITIONS, Ceiling, Cost, Measured, share_of, unkept
from pytest_qparity.verdict import Code

JUST_OVER = math.nextafter(250.0, math.inf)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param((250.0,) * 6, [], id="exactly at it every time"),
        pytest.param((200.0, 210.0, 249.0), [], id="below it every time"),
        pytest.param((JUST_OVER, 300.0, 400.0), [Code.START_BUDGET], id="beyond it every time"),
        pytest.param((200.0, 210.0, JUST_OVER), [Code.BUDGET_UNDECIDED], id="beyond it once"),
        pytest.param((249.0, 300.0, 400.0), [Code.BUDGET_UNDECIDED], id="within it once"),
        pytest.param((JUST_OVER,), [Code.START_BUDGET], id="one measurement"),
        pytest.param((math.nan, 1.0), [Code.BUDGET_UNMEASURED], id="no number among them"),
        pytest.param((0.0, 1.0), [Code.BUDGET_UNMEASURED], id="no time among them"),
    ],
)
def test_a_cost_that_varies_is_judged_by_all_that_was_measured(values: tuple[float, ...], expected: list[Code]) -> None:
    found = list(unkept(Ceiling(Cost.LOAD, 250.0), Measured(values)))

    assert [failure.code for failure in found] == expected


def test_six_measurements_hold_the_median_with_more_than_95_percent() -> None:
    assert 1 - 2 * 0.5**REPETITIONS > 0.95 > 1 - 2 * 0.5 ** (REPETITIONS - 1)


@pytest.mark.parametrize(
    ("cost", "code"),
    [
        (Cost.MEMORY, Code.MEMORY_BUDGET),
        (Cost.SIZE, Code.SIZE_BUDGET),
        (Cost.ENGINE, Code.SIZE_BUDGET),
        (Cost.ACTIVATION, Code.MEMORY_BUDGET),
        (Cost.LOAD, Code.START_BUDGET),
        (Cost.FIRST_RUN, Code.START_BUDGET),
        (Cost.ENERGY, Code.ENERGY_BUDGET),
    ],
)
def test_each_cost_has_its_code_and_its_remedy(cost: Cost, code: Code) -> None:
    (failure,) = unkept(Ceiling(cost, 1.0), Measured((2.0,)))

    assert failure.code is code
    assert failure.sentence.startswith(f"The {cost.title} is 2.0")
    assert failure.remedy


def test_what_was_not_measured_is_told_with_its_reason() -> None:
    (failure,) = unkept(Ceiling(Cost.ENERGY, 0.5), None, "no counter can be read")

    assert failure.code is Code.BUDGET_UNMEASURED
    assert (
        failure.sentence == "The energy of a sample was not measured, should be at most 0.5 J: no counter can be read."
    )


def test_figures_and_shares_are_told_in_full() -> None:
    (beyond,) = unkept(Ceiling(Cost.LOAD, 250.0), Measured((260.0, 250.04, 300.0)))
    (share,) = unkept(Ceiling(Cost.MEMORY, 0.6, over="fp32"), Measured((0.75,)))

    assert beyond.sentence == "The time to load is 260.0 ms (250.04 to 300.0, 3 times), should be at most 250 ms."
    assert share.sentence == "The peak memory of the session, as a share of fp32's, is 0.750, should be at most 0.6."


def test_a_share_of_what_varies_is_taken_pair_by_pair() -> None:
    assert share_of(Measured((2.0, 8.0)), Measured((1.0, 4.0))) == Measured((2.0, 2.0))
    assert share_of(Measured((2.0, 8.0)), Measured((10.0,))) == Measured((0.5,))


@pytest.mark.parametrize("at_most", [math.nan, math.inf, 0.0, -1.0])
def test_a_budget_that_is_none_is_refused(at_most: float) -> None:
    with pytest.raises(ValueError, match=f"got ratio_to.fp32.memory = {at_most} as budget"):
        Ceiling(Cost.MEMORY, at_most, "fp32")
