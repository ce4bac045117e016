"""Memory and size: megabytes in, verdicts out."""

from __future__ import annotations

import math

import pytest

from pytest_qparity.checks.memory import MemoryBudget, MemoryUse, judge_memory
from pytest_qparity.verdict import Code, Outcome
from tests.checks.verdicts import codes

NO_BUDGET = MemoryBudget(memory_mb=None, size_mb=None)
JUST_OVER_64 = math.nextafter(64.0, math.inf)


@pytest.mark.parametrize(
    ("peak_mb", "size_mb", "expected"),
    [
        pytest.param(64.0, 8.0, [], id="exactly both budgets"),
        pytest.param(1.0, 1.0, [], id="below both"),
        pytest.param(JUST_OVER_64, 8.0, [Code.MEMORY_BUDGET], id="memory just over"),
        pytest.param(64.0, math.nextafter(8.0, math.inf), [Code.SIZE_BUDGET], id="size just over"),
        pytest.param(100.0, 100.0, [Code.MEMORY_BUDGET, Code.SIZE_BUDGET], id="both over"),
    ],
)
def test_a_figure_passes_at_or_below_its_budget(peak_mb, size_mb, expected):
    verdict = judge_memory(MemoryUse(peak_mb, size_mb), MemoryBudget(memory_mb=64.0, size_mb=8.0))

    assert codes(verdict) == expected
    assert verdict.outcome is (Outcome.BUDGET_FAIL if expected else Outcome.PASS)
    assert verdict.notes == ()


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        pytest.param(MemoryBudget(memory_mb=64.0, size_mb=None), [Code.MEMORY_BUDGET], id="memory alone"),
        pytest.param(MemoryBudget(memory_mb=None, size_mb=8.0), [Code.SIZE_BUDGET], id="size alone"),
    ],
)
def test_each_budget_stands_without_the_other(budget, expected):
    assert codes(judge_memory(MemoryUse(peak_mb=100.0, size_mb=100.0), budget)) == expected

    within = judge_memory(MemoryUse(peak_mb=1.0, size_mb=1.0), budget)
    assert within.outcome is Outcome.PASS
    assert within.notes == ()


def test_without_a_budget_what_was_measured_is_recorded():
    verdict = judge_memory(MemoryUse(peak_mb=12.34, size_mb=3.0), NO_BUDGET)

    assert verdict.outcome is Outcome.PASS
    assert verdict.notes == ("recorded, no budget",)
    assert verdict.deciding == "12.3 MB"
    assert verdict.evidence == {"peak_mb": 12.34, "size_mb": 3.0, "budget_memory_mb": None, "budget_size_mb": None}


@pytest.mark.parametrize("budget", [NO_BUDGET, MemoryBudget(64.0, 8.0)], ids=["no budget", "a budget"])
@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_memory_that_was_not_measured_cannot_be_judged_with_or_without_a_budget(figure, budget):
    verdict = judge_memory(MemoryUse(peak_mb=figure, size_mb=3.0), budget)

    assert codes(verdict) == [Code.MEMORY_UNMEASURED]
    assert verdict.outcome is Outcome.CANNOT_JUDGE
    (failure,) = verdict.failures
    assert failure.sentence == f"The peak memory of the session is {figure:g} MB, should be finite and above 0."


@pytest.mark.parametrize("figure", [math.nan, math.inf, 0.0])
def test_a_size_that_was_not_measured_cannot_be_judged(figure):
    (failure,) = judge_memory(MemoryUse(peak_mb=1.0, size_mb=figure), NO_BUDGET).failures

    assert failure.code is Code.MEMORY_UNMEASURED
    assert failure.sentence == f"The size of the variant is {figure:g} MB, should be finite and above 0."


def test_more_memory_and_a_larger_file_than_allowed_are_told_in_full():
    verdict = judge_memory(MemoryUse(peak_mb=100.25, size_mb=8.125), MemoryBudget(memory_mb=64.0, size_mb=4.5))

    assert [failure.sentence for failure in verdict.failures] == [
        "The session took 100.2 MB at its peak, should be at most 64 MB.",
        "The variant takes 8.12 MB on disk, should be at most 4.5 MB.",
    ]


def test_figures_just_over_do_not_read_as_if_they_were_within():
    verdict = judge_memory(MemoryUse(peak_mb=64.04, size_mb=8.001), MemoryBudget(memory_mb=64.0, size_mb=8.0))

    assert [failure.sentence for failure in verdict.failures] == [
        "The session took 64.04 MB at its peak, should be at most 64 MB.",
        "The variant takes 8.001 MB on disk, should be at most 8 MB.",
    ]


@pytest.mark.parametrize(
    ("device_peak_mb", "expected"), [(64.0, []), (JUST_OVER_64, [Code.MEMORY_BUDGET]), (0.0, [Code.MEMORY_UNMEASURED])]
)
def test_where_there_is_a_device_its_memory_is_what_the_budget_is_for(device_peak_mb, expected):
    used = MemoryUse(peak_mb=900.0, size_mb=1.0, device_peak_mb=device_peak_mb, device_method="of this process")

    verdict = judge_memory(used, MemoryBudget(memory_mb=64.0, size_mb=None))

    assert codes(verdict) == expected
    assert verdict.deciding == f"{device_peak_mb:.1f} MB of the device"
    assert verdict.evidence["device_peak_mb"] == device_peak_mb
    assert verdict.evidence["device_method"] == "of this process"


@pytest.mark.parametrize("name", ["memory_mb", "size_mb"])
@pytest.mark.parametrize("budget", [math.nan, math.inf, 0.0, -1.0])
def test_a_budget_that_is_none_is_refused(name, budget):
    budgets = {"memory_mb": None, "size_mb": None, name: budget}

    with pytest.raises(ValueError, match=f"got {name} = {budget} as budget, should be finite and above 0"):
        MemoryBudget(**budgets)
