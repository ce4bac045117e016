"""Speed at other batches against the baseline's, from tables of numbers."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_qparity.baseline.figures import AtBatch, Figures, SpeedUp, figures_of
from pytest_qparity.verdict import Code, Outcome
from tests.checks.regression.test_judging import changed, codes, judged


def at(low: float = 2.9, estimate: float = 3.0, high: float = 3.1, **told: Any) -> AtBatch:
    speed_up = SpeedUp(low=low, estimate=estimate, high=high)
    return AtBatch(median_ms=8.0, fastest_ms=7.0, has_counterpart=True, speed_up=speed_up).model_copy(update=told)


def run(**batches: AtBatch) -> Figures:
    return changed("latency", batches={int(name.removeprefix("b")): each for name, each in batches.items()})


BEFORE = run(b8=at(), b32=at())


def test_the_same_speed_at_each_batch_passes() -> None:
    verdict = judged(BEFORE, BEFORE)

    assert verdict.outcome is Outcome.PASS
    assert list(verdict.evidence["batches"]) == ["8", "32"]
    assert verdict.evidence["batches"]["8"]["least_ratio"] == 0.9


@pytest.mark.parametrize(
    ("now", "code", "said"),
    [
        (
            at(2.4, 2.5, 2.6),
            Code.REGRESSION_LATENCY,
            "At batch 32: The speed-up over fp32 is 2.50, the",
        ),
        (at(2.6, 2.75, 2.9), Code.REGRESSION_UNDECIDED, "At batch 32: The speed-up over fp32 is 2.75"),
        (
            at(speed_up=None),
            Code.REGRESSION_UNMEASURED,
            "At batch 32: The speed-up over fp32 of the run has",
        ),
        (at(fastest_ms=15.0), Code.REGRESSION_UNDECIDED, "At batch 32: The fastest call takes 15.00 ms"),
        (at(fastest_ms=None), Code.REGRESSION_UNMEASURED, "At batch 32: The run has no fastest call"),
    ],
)
def test_what_one_batch_alone_makes_slow_is_seen(now: AtBatch, code: Code, said: str) -> None:
    verdict = judged(run(b8=at(), b32=now), BEFORE)

    (failure,) = verdict.failures
    assert failure.code is code
    assert failure.sentence.startswith(said)


def test_a_batch_that_vanished_is_no_pass_and_a_new_one_is_told() -> None:
    gone = judged(run(b8=at()), BEFORE)
    new = judged(BEFORE, run(b8=at()))

    assert codes(gone) == [Code.REGRESSION_VANISHED]
    assert "timed at batch 32" in gone.failures[0].sentence
    assert new.outcome is Outcome.PASS
    assert new.notes == ("the baseline was not timed at batch 32, which is new",)


def test_where_all_became_slower_at_a_batch_a_word_is_said_of_it() -> None:
    verdict = judged(run(b8=at(), b32=at(fastest_ms=9.0)), BEFORE)

    assert verdict.outcome is Outcome.PASS
    assert verdict.notes[0].startswith("at batch 32: the fastest call takes 9.00 ms, the baseline's 7.00 ms.")


def test_of_fp32_its_fastest_call_is_held() -> None:
    alone = {"has_counterpart": False, "speed_up": None}
    floats = run(b8=at(**alone))

    assert judged(floats, floats).outcome is Outcome.PASS
    assert codes(judged(run(b8=at(**alone, fastest_ms=15.0)), floats)) == [Code.REGRESSION_UNDECIDED]


def test_the_case_s_own_batch_is_held_once() -> None:
    """Where it became another one the latency cannot be compared, and the batch that it was has not vanished."""
    own = {"batch": 8, "batches": {1: at()}}

    assert codes(judged(changed("latency", **own), run(b8=at()))) == [Code.REGRESSION_UNDECIDED]


def test_figures_of_a_batch_are_taken_from_the_evidence_of_latency() -> None:
    over = {"fp32": {"low": 1.9, "estimate": 2.0, "high": 2.1, "decision": "faster"}}
    row = {"median_ms": 2.0, "samples_per_s": 4000.0, "calls": 80}
    evidence = {
        "median_ms": 0.5,
        "batch": 1,
        "quantiles_ms": [0.4, 0.5],
        "percentiles_ms": {"p50": 0.5, "p90": 0.6},
        "samples_per_s": 1900.0,
        "batches": {"1": row, "8": {**row, "fastest_ms": 1.9, "speed_up_over": over}, "32": row},
    }
    identity = {"case": "digits", "run": "ort-int8", "backend": "ort", "precision": "int8"}

    latency = figures_of(identity, {"latency": evidence}, {}, {}).latency

    assert latency is not None
    assert latency.batches == {
        8: AtBatch(
            median_ms=2.0,
            fastest_ms=1.9,
            has_counterpart=True,
            speed_up=SpeedUp(low=1.9, estimate=2.0, high=2.1),
            samples_per_s=4000.0,
        ),
        32: AtBatch(median_ms=2.0, samples_per_s=4000.0),
    }
    assert (latency.samples_per_s, latency.percentiles_ms) == (1900.0, {"p50": 0.5, "p90": 0.6})


def test_percentiles_and_throughput_stand_beside_the_verdict_and_decide_nothing() -> None:
    before = changed("latency", samples_per_s=500.0, percentiles_ms={"p50": 2.0, "p90": 2.5})
    now = changed("latency", samples_per_s=50.0, percentiles_ms={"p50": 2.0, "p90": 25.0, "p99": 90.0})

    verdict = judged(now, before)

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["latency"]["not_compared"] == {
        "samples_per_s": [500.0, 50.0],
        "p50": [2.0, 2.0],
        "p90": [2.5, 25.0],
    }
