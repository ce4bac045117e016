"""What calls say of latency and throughput, and of absolute budgets: numbers in, verdicts out."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.backends.timing import Times
from pytest_qparity.checks.call_times import TimeLimits, percentiles_ms, quantiles_ms, samples_per_s
from pytest_qparity.checks.latency import LatencyMeasurement, judge_latency
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.checks.verdicts import codes


def times_of(ms: np.ndarray, interrupted: float = 0.0, **conditions: object) -> Times:
    """Every so many calls was interrupted, and took 10 ms more."""
    is_sound = np.ones(len(ms), bool)
    if interrupted:
        is_sound[:: round(1 / interrupted)] = False
    return Times(np.where(is_sound, ms, ms + 10.0), is_sound, conditions=conditions)


def noisy(median_ms: float, calls: int = 400, **more: object) -> Times:
    return times_of(median_ms * np.random.default_rng(3).lognormal(0.0, 0.05, calls), **more)  # type: ignore[arg-type]


def judged(times: Times, limits: TimeLimits, batch: int = 1, batches: dict[int, Times] | None = None) -> Verdict:
    median_ms = float(np.median(times.quiet_ms))
    measured = LatencyMeasurement(median_ms, len(times.ms), batch, {}, times=times, batches=batches or {}, threads=1)
    return judge_latency(measured, {}, limits)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param(TimeLimits(latency_ms=4.2), [], id="median within"),
        pytest.param(TimeLimits(latency_ms=3.8), [Code.LATENCY_BUDGET], id="median beyond"),
        pytest.param(TimeLimits(latency_ms=4.0), [Code.LATENCY_UNDECIDED], id="median at the budget"),
        pytest.param(TimeLimits(p90_ms=4.6), [], id="p90 within"),
        pytest.param(TimeLimits(p90_ms=4.0), [Code.LATENCY_BUDGET], id="p90 beyond"),
        pytest.param(TimeLimits(p90_ms=4.26), [Code.LATENCY_UNDECIDED], id="p90 at the budget"),
        pytest.param(TimeLimits(p99_ms=1000.0), [Code.LATENCY_UNDECIDED], id="p99 of too few calls"),
        pytest.param(TimeLimits(samples_per_s=480.0), [], id="throughput within, two samples a call"),
        pytest.param(TimeLimits(samples_per_s=520.0), [Code.LATENCY_BUDGET], id="throughput below"),
        pytest.param(TimeLimits(samples_per_s=500.0), [Code.LATENCY_UNDECIDED], id="throughput at the budget"),
        pytest.param(TimeLimits(3.8, 4.6, None, 520.0), [Code.LATENCY_BUDGET] * 2, id="each is judged"),
    ],
)
def test_an_absolute_budget_holds_or_is_missed_by_the_whole_interval(limits: TimeLimits, expected: list[Code]) -> None:
    verdict = judged(noisy(4.0), limits, batch=2)

    assert codes(verdict) == expected
    assert verdict.evidence["absolute_budgets"] == limits.stated
    assert "recorded, no budget" not in verdict.notes
    assert verdict.deciding == "4.01 ms"


def test_no_pass_stands_beside_the_longer_median_of_another_shape() -> None:
    times, slower = noisy(1.0), noisy(5.0)
    shapes = {"8x160": (times, 8), "1x1024": (slower, 1)}
    measured = LatencyMeasurement(1.0, len(times.ms), 8, {}, times=times, shapes=shapes)

    verdict = judge_latency(measured, {}, TimeLimits(latency_ms=2.0))

    assert codes(verdict) == [Code.LATENCY_BUDGET]
    assert verdict.failures[0].sentence.startswith("At 1x1024: The median of a call is 5.0")
    assert judge_latency(measured, {}, TimeLimits(latency_ms=6.0)).outcome is Outcome.PASS


def test_enough_calls_tell_a_p99() -> None:
    limits = TimeLimits(p99_ms=5.0)

    assert limits.calls == 662
    assert judged(noisy(4.0, 662), limits).outcome is Outcome.PASS
    (failure,) = judged(noisy(4.0, 661), limits).failures
    assert failure.sentence == "The p99 is of 661 calls, should be of at least 662 to be at most 5 ms."


@pytest.mark.parametrize(
    ("limits", "quiet", "disturbed"),
    [
        pytest.param(TimeLimits(latency_ms=4.2), Outcome.PASS, Outcome.CANNOT_JUDGE, id="median"),
        pytest.param(TimeLimits(p90_ms=4.6), Outcome.PASS, Outcome.CANNOT_JUDGE, id="p90"),
        pytest.param(TimeLimits(samples_per_s=230.0), Outcome.PASS, Outcome.CANNOT_JUDGE, id="throughput"),
        pytest.param(TimeLimits(latency_ms=3.0), Outcome.BUDGET_FAIL, Outcome.BUDGET_FAIL, id="missed all the same"),
    ],
)
def test_neighbours_neither_fail_a_budget_nor_are_they_taken_out_to_pass_it(
    limits: TimeLimits, quiet: Outcome, disturbed: Outcome
) -> None:
    """Half of the calls were interrupted: those that were left alone say whether it is missed, all whether it holds."""
    assert judged(noisy(4.0), limits).outcome is quiet
    assert judged(noisy(4.0, interrupted=0.5), limits).outcome is disturbed


def test_a_series_that_moves_has_a_wide_interval() -> None:
    """400 calls that do not depend on one another would bound the median by 2 %."""
    verdict = judged(times_of(np.linspace(3.0, 5.0, 400)), TimeLimits(latency_ms=4.2))

    assert codes(verdict) == [Code.LATENCY_UNDECIDED]
    assert verdict.failures[0].sentence == (
        "The median of a call is 4.000 ms (3.449 to 4.551, 400 calls), should be at most 4.2 ms, by the whole interval."
    )


def test_few_calls_decide_nothing_and_no_call_of_a_busy_machine_fails_a_budget() -> None:
    few, busy = times_of(np.full(19, 4.0)), Times(np.full(99, 4.0), np.zeros(99, bool))

    for limits in (TimeLimits(latency_ms=3.0), TimeLimits(p90_ms=3.0), TimeLimits(samples_per_s=300.0)):
        for times in (few, busy):
            assert judged(times, limits).outcome is Outcome.CANNOT_JUDGE


def test_throughput_is_that_of_the_best_batch() -> None:
    batches = {8: noisy(16.0), 32: noisy(80.0)}

    verdict = judged(noisy(4.0), TimeLimits(samples_per_s=480.0), batches=batches)

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["batches"]["8"] == {
        "median_ms": pytest.approx(16.0, rel=0.01),
        "samples_per_s": pytest.approx(500.0, rel=0.01),
        "calls": 400,
        "fastest_ms": min(batches[8].quiet_ms),
    }
    missed = judged(noisy(4.0), TimeLimits(samples_per_s=520.0), batches=batches)
    assert codes(missed) == [Code.LATENCY_BUDGET]
    assert "at batch 8" in missed.failures[0].sentence


def test_throughput_is_missed_where_every_batch_misses_it() -> None:
    """At batch 8 it may hold yet."""
    few_calls = times_of(np.full(10, 16.0))

    assert judged(noisy(4.0), TimeLimits(samples_per_s=400.0)).outcome is Outcome.BUDGET_FAIL
    verdict = judged(noisy(4.0), TimeLimits(samples_per_s=400.0), batches={8: few_calls})
    assert verdict.outcome is Outcome.CANNOT_JUDGE


def test_figures_are_of_the_calls_that_were_left_alone() -> None:
    times = times_of(np.full(640, 4.0), interrupted=0.1)

    assert quantiles_ms(times) == [4.0] * 21
    assert percentiles_ms(times) == {"p50": 4.0, "p90": 4.0}  # 576 are too few for a p99
    assert samples_per_s(times, 8) == 2000.0
    assert percentiles_ms(noisy(4.0, 63)).keys() == {"p50"}
    assert percentiles_ms(noisy(4.0, 6636)).keys() == {"p50", "p90", "p99", "p99.9"}


def test_waits_that_others_do_not_explain_have_a_note() -> None:
    unexplained = {"waited_percent": 40.0, "waits_unexplained": True}

    alone = judged(noisy(4.0, **unexplained), TimeLimits(latency_ms=5.0))
    beside = judged(noisy(4.0, waits="variant", **unexplained), TimeLimits(latency_ms=5.0))

    assert len(alone.notes) == 1
    assert alone.notes[0].startswith("calls had no processor for 40 % of their time, far more than others took of it")
    assert beside.notes == ()  # which the comparison tells, and whose figures leave nothing out


def test_the_evidence_says_what_the_machine_was_like() -> None:
    conditions = {"load": 3.2, "drift_percent": 12.5, "throttled": 2, "alone": False}

    verdict = judged(noisy(4.0, **conditions), TimeLimits())

    assert verdict.evidence["conditions"] == conditions
    assert verdict.evidence["threads"] == 1
    assert len(verdict.evidence["quantiles_ms"]) == 21
    assert verdict.notes == (
        "recorded, no budget",
        "calls became 12.5 % slower while they were timed",
        "a core was throttled 2 times while it was timed",
        "timed beside other engines of this gate, which did not come to rest in time",
    )


def test_times_of_a_process_that_is_shared_with_pytest_are_noted_as_such() -> None:
    (_, note) = judged(noisy(4.0, isolation="none"), TimeLimits()).notes

    assert note.startswith("timed in pytest's own process (--qparity-isolation=none): these figures compare with none")


def test_absolute_budgets_of_times_that_no_clock_gave_cannot_be_judged() -> None:
    verdict = judged(times_of(np.zeros(30)), TimeLimits(latency_ms=1.0))

    assert codes(verdict) == [Code.LATENCY_UNMEASURED]
