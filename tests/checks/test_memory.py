"""Memory and size: megabytes in, verdicts out."""

from __future__ import annotations

import math

import pytest

from pytest_qparity.case.budget_spec import Budget
from pytest_qparity.checks.ceilings import Cost
from pytest_qparity.checks.memory import Counterpart, MemoryUse, ceilings_of, judge_memory
from pytest_qparity.verdict import Code, Failure, Outcome
from tests.checks.verdicts import codes


def within(**stated):
    return ceilings_of(Budget(**stated))


NO_BUDGET = ceilings_of(None)
ELSEWHERE = Failure(Code.BUDGET_HARDWARE, "It got this hardware, should be that.", "run it there")
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
    verdict = judge_memory(MemoryUse(peak_mb, size_mb), within(memory_mb=64.0, size_mb=8.0))

    assert codes(verdict) == expected
    assert verdict.outcome is (Outcome.BUDGET_FAIL if expected else Outcome.PASS)
    assert verdict.notes == ()


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        pytest.param(within(memory_mb=64.0), [Code.MEMORY_BUDGET], id="memory alone"),
        pytest.param(within(size_mb=8.0), [Code.SIZE_BUDGET], id="size alone"),
    ],
)
def test_each_budget_stands_without_the_other(budget, expected):
    assert codes(judge_memory(MemoryUse(peak_mb=100.0, size_mb=100.0), budget)) == expected

    kept = judge_memory(MemoryUse(peak_mb=1.0, size_mb=1.0), budget)
    assert kept.outcome is Outcome.PASS
    assert kept.notes == ()


def test_without_a_budget_what_was_measured_is_recorded():
    verdict = judge_memory(MemoryUse(peak_mb=12.34, size_mb=3.0), NO_BUDGET)

    assert verdict.outcome is Outcome.PASS
    assert verdict.notes == ("recorded, no budget",)
    assert verdict.deciding == "12.3 MB"
    assert verdict.evidence == {"peak_mb": 12.34, "size_mb": 3.0, "budgets": {}}


@pytest.mark.parametrize("budget", [NO_BUDGET, within(memory_mb=64.0, size_mb=8.0)], ids=["no budget", "a budget"])
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
    verdict = judge_memory(MemoryUse(peak_mb=100.25, size_mb=8.125), within(memory_mb=64.0, size_mb=4.5))

    assert [failure.sentence for failure in verdict.failures] == [
        "The peak memory of the session is 100.2 MB, should be at most 64 MB.",
        "The size of the variant on disk is 8.12 MB, should be at most 4.5 MB.",
    ]


def test_figures_just_over_do_not_read_as_if_they_were_within():
    verdict = judge_memory(MemoryUse(peak_mb=64.04, size_mb=8.001), within(memory_mb=64.0, size_mb=8.0))

    assert [failure.sentence for failure in verdict.failures] == [
        "The peak memory of the session is 64.04 MB, should be at most 64 MB.",
        "The size of the variant on disk is 8.001 MB, should be at most 8 MB.",
    ]


@pytest.mark.parametrize(
    ("device_peak_mb", "expected"), [(64.0, []), (JUST_OVER_64, [Code.MEMORY_BUDGET]), (0.0, [Code.MEMORY_UNMEASURED])]
)
def test_where_there_is_a_device_its_memory_is_what_the_budget_is_for(device_peak_mb, expected):
    used = MemoryUse(peak_mb=900.0, size_mb=1.0, device_peak_mb=device_peak_mb, device_method="of this process")

    verdict = judge_memory(used, within(memory_mb=64.0))

    assert codes(verdict) == expected
    assert verdict.deciding == f"{device_peak_mb:.1f} MB of the device"
    assert verdict.evidence["device_peak_mb"] == device_peak_mb
    assert verdict.evidence["device_method"] == "of this process"


@pytest.mark.parametrize("memory_mb", [64.0, 16.0])
def test_memory_that_grows_is_told_with_every_verdict(memory_mb):
    leaks = MemoryUse(peak_mb=61.09, size_mb=3.0, runs=10, grown_mb=5.04)

    verdict = judge_memory(leaks, within(memory_mb=memory_mb))

    (note,) = verdict.notes
    assert note.startswith(
        "memory grew in each run after the second, by 5.0 MB a run on average: 61.1 MB are of 10 runs"
    )
    assert (verdict.evidence["runs"], verdict.evidence["grown_mb"]) == (10, 5.04)


USED = MemoryUse(
    30.0,
    2.0,
    method="VmHWM",
    sampled_peak_mb=29.5,
    load_ms=(200.0, 240.0, 220.0),
    first_run_ms=(5.0, 6.0, 4.0),
    activation_mb=8.0,
    untold={Cost.ENGINE: "it builds none", Cost.ENERGY: "no counter can be read"},
)
FLOAT = Counterpart("fp32", MemoryUse(50.0, 8.0, load_ms=(100.0, 120.0, 440.0), first_run_ms=(5.0, 6.0, 4.0)))


def test_everything_that_was_measured_is_in_the_evidence():
    evidence = judge_memory(USED, within(load_ms=250, ratio_to={"fp32": {"memory": 0.6}}), [FLOAT]).evidence

    assert (evidence["load_ms"], evidence["first_run_ms"], evidence["activation_mb"]) == (220.0, 5.0, 8.0)
    assert evidence["intervals"]["load_ms"] == {"low": 200.0, "estimate": 220.0, "high": 240.0, "times": 3}
    assert evidence["untold"] == {"engine_mb": "it builds none", "joule_per_sample": "no counter can be read"}
    assert "engine_mb" not in evidence  # what is not told is no 0.0
    assert evidence["ratio_to"] == {"fp32": {"memory": {"low": 0.6, "estimate": 0.6, "high": 0.6, "times": 1}}}
    assert evidence["budgets"] == {"load_ms": 250.0, "ratio_to.fp32.memory": 0.6}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param({"load_ms": 250, "first_run_ms": 6, "activation_mb": 8}, [], id="all kept"),
        pytest.param({"load_ms": 210}, [Code.BUDGET_UNDECIDED], id="some loads too slow"),
        pytest.param({"load_ms": 199}, [Code.START_BUDGET], id="every load too slow"),
        pytest.param({"activation_mb": 7.9}, [Code.MEMORY_BUDGET], id="activations"),
        pytest.param({"joule_per_sample": 1.0}, [Code.BUDGET_UNMEASURED], id="energy nobody measured"),
        pytest.param({"engine_mb": 1.0}, [Code.BUDGET_UNMEASURED], id="an engine that is not there"),
        pytest.param({"ratio_to": {"fp32": {"memory": 0.6, "size": 0.25}}}, [], id="shares kept"),
        pytest.param({"ratio_to": {"fp32": {"memory": 0.59}}}, [Code.MEMORY_BUDGET], id="a share too large"),
        pytest.param({"ratio_to": {"fp32": {"load": 1.0}}}, [Code.BUDGET_UNDECIDED], id="a share that varies"),
        pytest.param({"ratio_to": {"fp32": {"first_run": 1.0}}}, [], id="as fast in every pair"),
        pytest.param({"ratio_to": {"fp16": {"memory": 0.6}}}, [Code.BUDGET_UNMEASURED], id="of nothing measured"),
        pytest.param({"ratio_to": {"fp32": {"activation": 0.6}}}, [Code.BUDGET_UNMEASURED], id="of what it lacks"),
    ],
)
def test_each_cost_is_held_against_its_budget(stated, expected):
    assert codes(judge_memory(USED, within(**stated), [FLOAT])) == expected


def test_on_other_hardware_times_say_nothing_and_the_rest_is_judged():
    budget = within(load_ms=1, joule_per_sample=9, memory_mb=29, ratio_to={"fp32": {"load": 0.1}})

    verdict = judge_memory(USED, budget, [FLOAT], ELSEWHERE)

    assert codes(verdict) == [Code.MEMORY_BUDGET, Code.START_BUDGET, Code.BUDGET_HARDWARE]
    assert codes(judge_memory(USED, within(load_ms=999), [], ELSEWHERE)) == [Code.BUDGET_HARDWARE]
