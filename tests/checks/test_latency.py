"""Latency: intervals of a speed-up in, verdicts out."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_qparity.checks.latency import LatencyMeasurement, judge_latency
from pytest_qparity.checks.speed_up import Interval
from pytest_qparity.verdict import Code, Failure, Outcome
from tests.checks.verdicts import codes


def measured(*, median_ms=2.5, calls=60, **speed_up_over):
    intervals = {name: Interval(*values) for name, values in speed_up_over.items()}
    return LatencyMeasurement(median_ms, calls, batch=1, speed_up_over=intervals)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        pytest.param((2.0, 2.2, 2.4), [], id="low end exactly at the budget"),
        pytest.param((2.0, 2.0, 2.0), [], id="no width, at the budget"),
        pytest.param((3.0, 3.5, 4.0), [], id="wholly above"),
        pytest.param((3.0, 3.5, math.inf), [], id="wholly above, without an end"),
        pytest.param((math.nextafter(2.0, 0), 2.2, 2.4), [Code.LATENCY_UNDECIDED], id="low end just below"),
        pytest.param((1.5, 1.8, 2.0), [Code.LATENCY_UNDECIDED], id="high end exactly at the budget"),
        pytest.param((0.0, 5.0, math.inf), [Code.LATENCY_UNDECIDED], id="too few pairs bound nothing"),
        pytest.param((1.5, 1.8, math.nextafter(2.0, 0)), [Code.LATENCY_BUDGET], id="high end just below"),
        pytest.param((1.0, 1.0, 1.0), [Code.LATENCY_BUDGET], id="as fast as the other"),
        pytest.param((math.nan, 3.0, 4.0), [Code.LATENCY_COUNTERPART], id="NaN at the low end"),
        pytest.param((3.0, math.nan, 4.0), [Code.LATENCY_COUNTERPART], id="NaN for the estimate"),
        pytest.param((3.0, 3.5, math.nan), [Code.LATENCY_COUNTERPART], id="NaN at the high end"),
        pytest.param((math.inf, math.inf, math.inf), [Code.LATENCY_COUNTERPART], id="a variant that took no time"),
        pytest.param((3.0, math.inf, math.inf), [Code.LATENCY_COUNTERPART], id="an infinite estimate"),
        pytest.param((-math.inf, 3.0, 4.0), [Code.LATENCY_COUNTERPART], id="minus infinity at the low end"),
    ],
)
def test_a_speed_up_passes_only_when_its_whole_interval_is_at_or_above_the_budget(interval, expected):
    verdict = judge_latency(measured(fp32=interval), {"fp32": 2.0})

    assert codes(verdict) == expected
    assert verdict.outcome is (expected[0].outcome if expected else Outcome.PASS)


def test_without_a_budget_what_was_measured_is_recorded():
    verdict = judge_latency(measured(fp32=(0.4, 0.5, 0.6)), {})

    assert verdict.outcome is Outcome.PASS
    assert verdict.notes == ("recorded, no budget",)
    assert verdict.deciding == "0.50x"
    assert verdict.evidence == {
        "median_ms": 2.5,
        "calls": 60,
        "batch": 1,
        "clock": "host",
        "speed_up_over": {"fp32": {"low": 0.4, "estimate": 0.5, "high": 0.6, "decision": "slower"}},
        "budgets": {},
    }


def test_a_speed_up_that_nothing_bounds_has_no_numbers_that_a_reader_could_show():
    verdict = judge_latency(measured(fp32=(0.0, 18.4, math.inf), fp16=(1.4, 1.5, 1.6)), {})

    assert verdict.evidence["speed_up_over"]["fp32"] == {"decision": "cannot tell"}
    assert verdict.evidence["speed_up_over"]["fp16"]["estimate"] == 1.5
    assert verdict.deciding == "2.5 ms"


def test_a_pass_within_a_budget_carries_no_note():
    assert judge_latency(measured(fp32=(3.0, 3.5, 4.0)), {"fp32": 2.0}).notes == ()


@pytest.mark.parametrize(
    ("speed_up_over", "budgets", "deciding"),
    [
        pytest.param({}, {}, "2.5 ms", id="nothing to compare with"),
        pytest.param({"fp32": (2.9, 3.0, 3.1)}, {}, "3.00x", id="no budget"),
        pytest.param(
            {"fp32": (2.9, 3.0, 3.1), "fp16": (1.4, 1.5, 1.6)}, {"fp16": 1.2}, "1.50x fp16", id="the budgeted one"
        ),
        pytest.param({"fp32": (2.9, 3.0, 3.1)}, {"fp16": 1.2}, "2.5 ms", id="the budgeted one is missing"),
        pytest.param({"ort-fp32": (2.9, 3.0, 3.1)}, {}, "2.5 ms", id="another run, no budget"),
    ],
)
def test_the_deciding_figure_is_the_speed_up_that_a_budget_asks_for(speed_up_over, budgets, deciding):
    assert judge_latency(measured(**speed_up_over), budgets).deciding == deciding


@pytest.mark.parametrize("budgets", [{}, {"fp32": 2.0}], ids=["no budget", "a budget"])
@pytest.mark.parametrize(
    ("median_ms", "calls"),
    [
        pytest.param(math.nan, 60, id="NaN"),
        pytest.param(math.inf, 60, id="infinite"),
        pytest.param(0.0, 60, id="a clock that stands still"),
        pytest.param(-1.0, 60, id="a clock that goes back"),
        pytest.param(2.5, 0, id="no call"),
    ],
)
def test_a_latency_that_was_not_measured_cannot_be_judged_with_or_without_a_budget(median_ms, calls, budgets):
    verdict = judge_latency(measured(median_ms=median_ms, calls=calls, fp32=(3.0, 3.5, 4.0)), budgets)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    (failure,) = verdict.failures
    assert failure.code is Code.LATENCY_UNMEASURED
    assert failure.sentence == (
        f"The median of {calls} calls is {median_ms:g} ms, should be above 0 of at least 1 call."
    )


def test_a_speed_up_below_its_budget_is_told_in_full():
    (failure,) = judge_latency(measured(fp32=(1.1, 1.25, 1.4)), {"fp32": 2.0}).failures

    assert failure.sentence == ("The speed-up over fp32 is 1.25 times (1.10 to 1.40, 60 calls), should be at least 2.")


def test_an_interval_that_holds_the_budget_says_how_to_decide_it():
    (failure,) = judge_latency(measured(fp32=(1.9, 2.25, 2.4)), {"fp32": 2.0}).failures

    assert failure.sentence == (
        "The speed-up over fp32 is 2.25 times (1.90 to 2.40, 60 calls), should be at least 2 over the whole interval."
    )
    assert failure.remedy == "measure longer (--qparity-latency-seconds) or on a quieter machine"


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        pytest.param((1.9, 1.95, 1.999), "1.95 times (1.90 to 1.999, 60 calls)", id="fails"),
        pytest.param((1.999, 2.1, 2.2), "2.10 times (1.999 to 2.20, 60 calls)", id="undecided"),
    ],
)
def test_an_end_just_below_the_budget_does_not_read_as_if_it_reached_it(interval, shown):
    (failure,) = judge_latency(measured(fp32=interval), {"fp32": 2.0}).failures

    assert shown in failure.sentence


def test_a_budget_over_a_precision_that_was_not_measured_cannot_be_judged():
    verdict = judge_latency(measured(fp32=(3.0, 3.5, 4.0)), {"fp16": 1.5})

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    (failure,) = verdict.failures
    assert failure.code is Code.LATENCY_COUNTERPART
    assert failure.sentence == "The speed-up over fp16 was not measured, should be at least 1.5."
    assert failure.remedy == "list fp16 under [precisions] of the case, or take the budget out"


WHY = "its calls wait by themselves (a sleep, I/O, a lock), far more often than those of the counterpart do"
WAITING = Interval(0.0, 4.0, math.inf, WHY)


@pytest.mark.parametrize("name", ["fp32", "trt-fp32"])
def test_a_session_that_waits_by_itself_cannot_be_judged_by_a_budget(name):
    found = LatencyMeasurement(2.5, 60, 1, {name: WAITING})

    (failure,) = judge_latency(found, {name: 0.05}).failures

    assert failure.code is Code.LATENCY_UNDECIDED
    assert failure.sentence == f"The speed-up over {name} could not be told: {WHY}; should be at least 0.05."
    assert "quieter" not in failure.remedy


def test_without_a_budget_a_session_that_waits_by_itself_has_a_note():
    found = LatencyMeasurement(2.5, 60, 1, {"fp32": WAITING}, speed_up_at={1: WAITING, 8: WAITING})

    verdict = judge_latency(found, {})

    assert verdict.outcome is Outcome.PASS
    assert verdict.deciding == "2.5 ms"
    assert verdict.evidence["speed_up_over"]["fp32"] == {"decision": "cannot tell", "why": WHY}
    assert verdict.notes == (
        "recorded, no budget",
        f"the speed-up over fp32 could not be told: {WHY}",
        f"the speed-up over fp32 at batch 8 could not be told: {WHY}",
    )


ABSENT = Failure(Code.BACKEND_UNAVAILABLE, "The engine is not installed.", "install it")


def test_a_counterpart_that_could_not_be_timed_says_why():
    found = dataclasses.replace(measured(), untimed={"trt-fp32": ABSENT})

    (failure,) = judge_latency(found, {"trt-fp32": 1.5}).failures

    assert failure.code is Code.LATENCY_COUNTERPART  # and no code of a backend: a waiver for one is not for this run
    assert failure.sentence == (
        "The speed-up over trt-fp32, which should be at least 1.5, was not measured: the engine is not installed."
    )
    assert failure.remedy == "install it"


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        (
            (0.8, 0.9, 1.1),
            "is 0.90 times (0.78 to 1.13, 40 pairs of blocks, 3 % for what processes are given by chance), should",
        ),
        (
            (0.0, 0.9, math.inf),
            "could not be told: other work interrupted 7 pairs of blocks, and too few are left, should",
        ),
    ],
)
def test_of_a_counterpart_elsewhere_pairs_of_blocks_are_told(interval, told):
    """The calls of the run are those of its own worker."""
    found = measured(calls=999, **{"trt-fp32": interval})
    found = dataclasses.replace(found, elsewhere={"trt-fp32": {"pairs": 40, "interrupted_pairs": 7}})

    (failure,) = judge_latency(found, {"trt-fp32": 1.5}).failures

    assert told in failure.sentence
    assert found.elsewhere == judge_latency(found, {}).evidence["counterparts"]


@pytest.mark.parametrize(
    ("budget", "outcome"),
    [(0.96, Outcome.PASS), (0.99, Outcome.CANNOT_JUDGE), (1.01, Outcome.CANNOT_JUDGE), (1.04, Outcome.BUDGET_FAIL)],
)
def test_what_processes_are_given_by_chance_decides_no_budget(budget, outcome):
    found = measured(**{"ort-fp32": (0.999, 1.0, 1.001)})
    elsewhere = dataclasses.replace(found, elsewhere={"ort-fp32": {"pairs": 40, "interrupted_pairs": 0}})

    assert judge_latency(elsewhere, {"ort-fp32": budget}).outcome is outcome
    assert judge_latency(elsewhere, {}).evidence["speed_up_over"]["ort-fp32"]["decision"] == "same"


def test_a_counterpart_that_no_budget_asks_for_is_a_note_where_it_could_not_be_timed():
    verdict = judge_latency(dataclasses.replace(measured(), untimed={"trt-fp32": ABSENT}), {})

    assert verdict.outcome is Outcome.PASS
    assert "the speed-up over trt-fp32 was not measured: the engine is not installed." in verdict.notes


def test_every_budget_is_judged_and_a_known_failure_outweighs_an_unknown():
    found = measured(fp32=(3.0, 3.5, 4.0), fp16=(1.0, 1.5, 2.0), bf16=(0.5, 0.6, 0.7))

    verdict = judge_latency(found, {"fp32": 2.0, "fp16": 1.2, "bf16": 1.0})

    assert codes(verdict) == [Code.LATENCY_UNDECIDED, Code.LATENCY_BUDGET]
    assert verdict.outcome is Outcome.BUDGET_FAIL


@pytest.mark.parametrize("budget", [math.nan, math.inf, 0.0, -1.0])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(ValueError, match=f"got a speed-up of {budget} over fp32 as budget, should be finite"):
        judge_latency(measured(fp32=(3.0, 3.5, 4.0)), {"fp32": budget})


def test_a_speed_up_that_nothing_bounds_is_not_shown_as_one():
    verdict = judge_latency(measured(fp32=(0.0, 19.0, math.inf)), {"fp32": 2.0})

    assert verdict.deciding == "2.5 ms"
    (failure,) = verdict.failures
    assert failure.sentence == "The speed-up over fp32 could not be told from 60 calls, should be at least 2."
