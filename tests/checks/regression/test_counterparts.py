"""Speed over other counterparts than fp32 against the baseline's, from tables of numbers."""

from __future__ import annotations

import pytest

from pytest_qparity.baseline.figures import Figures, OverCounterpart, figures_of
from pytest_qparity.case.names import BASELINE
from pytest_qparity.verdict import Code, Outcome
from tests.checks.regression.test_batches import at
from tests.checks.regression.test_judging import changed, codes, judged


def over(low: float = 2.9, estimate: float = 3.0, high: float = 3.1) -> OverCounterpart:
    return OverCounterpart(low=low, estimate=estimate, high=high)


def run(**counterparts: OverCounterpart) -> Figures:
    """That over "ort_fp32" is over a run of another backend."""
    told = {
        name.replace("_", "-"): each.model_copy(update={"is_elsewhere": "_" in name})
        for name, each in counterparts.items()
    }
    return changed("latency", speed_up_over=told)


BEFORE = run(ort_fp32=over(), fp16=over())


def test_the_same_speed_over_each_passes() -> None:
    verdict = judged(BEFORE, BEFORE)

    assert verdict.outcome is Outcome.PASS
    assert list(verdict.evidence["counterparts"]) == ["ort-fp32", "fp16"]
    assert verdict.evidence["counterparts"]["fp16"]["least_ratio"] == 0.9


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (over(2.4, 2.5, 2.6), Code.REGRESSION_LATENCY),
        (over(2.6, 2.75, 2.9), Code.REGRESSION_UNDECIDED),
    ],
)
def test_what_is_slower_over_one_of_them_alone_is_seen(now: OverCounterpart, code: Code) -> None:
    verdict = judged(run(ort_fp32=over(), fp16=now), BEFORE)

    (failure,) = verdict.failures
    assert failure.code is code
    assert failure.sentence.startswith(f"The speed-up over fp16 is {now.estimate:.2f}, the baseline's 3.00: ")


def test_what_is_slower_over_a_run_of_another_backend_cannot_be_judged() -> None:
    (failure,) = judged(run(ort_fp32=over(0.7, 0.75, 0.8), fp16=over()), BEFORE).failures

    assert failure.code is Code.REGRESSION_UNDECIDED
    assert failure.sentence.startswith("The speed-up over ort-fp32 is 0.75, the baseline's 3.00: ")


def test_whose_own_calls_take_what_they_took_lost_to_the_counterpart() -> None:
    (failure,) = judged(run(ort_fp32=over(), fp16=over(0.7, 0.75, 0.8)), BEFORE).failures

    assert failure.sentence.endswith("The run itself got no slower: fp16 got faster, and it did not.")
    assert "of what fp16 gains" in failure.remedy


def test_one_that_a_day_lacks_is_told_and_is_not_compared() -> None:
    gone, new = judged(run(fp16=over()), BEFORE), judged(BEFORE, run(fp16=over()))

    assert (gone.outcome, new.outcome) == (Outcome.PASS, Outcome.PASS)
    assert gone.notes == ("the run has no speed-up over ort-fp32 that is bounded, it is not compared",)
    assert new.notes == ("the baseline has no speed-up over ort-fp32 that is bounded, it is not compared",)


def test_of_another_batch_they_are_not_compared() -> None:
    verdict = judged(changed("latency", speed_up_over={"fp16": over(0.7, 0.75, 0.8)}, batch=8), BEFORE)

    assert codes(verdict) == [Code.REGRESSION_UNDECIDED]
    assert "with batch 8" in verdict.failures[0].sentence


def test_of_another_isolation_no_speed_is_compared() -> None:
    """Over runs of other backends it made 3.9 times to 6.5."""
    shared = changed("latency", speed_up_over={"fp16": over(9.0, 9.5, 9.9)}, isolation="none", batches={8: at()})

    (failure,) = judged(shared, run(fp16=over())).failures

    assert failure.code is Code.REGRESSION_UNDECIDED
    assert "with isolation none, should be with the baseline's process" in failure.sentence
    assert judged(shared, shared).outcome is Outcome.PASS
    assert codes(judged(changed("latency", isolation="none", batches={8: at(1.0, 1.1, 1.2)}), with_batch())) == [
        Code.REGRESSION_UNDECIDED
    ]


def with_batch() -> Figures:
    return changed("latency", batches={8: at()})


@pytest.mark.parametrize(("conditions", "isolation"), [({"isolation": "none"}, "none"), ({}, "process")])
def test_the_isolation_is_taken_from_the_conditions(conditions: dict[str, str], isolation: str) -> None:
    identity = {"case": "digits", "run": "ort-int8", "backend": "ort", "precision": "int8"}

    latency = figures_of(identity, {"latency": {"median_ms": 0.5, "conditions": conditions}}, {}, {}).latency

    assert latency is not None
    assert latency.isolation == isolation
    assert latency.model_copy(update={"batches": {8: at()}}).at(8).isolation == isolation


def test_they_are_taken_from_the_evidence_where_something_bounds_them_but_for_the_baseline_s_variant() -> None:
    bounded = {"low": 1.9, "estimate": 2.0, "high": 2.1, "decision": "faster"}
    names = ("fp32", BASELINE, "ort-fp32", "bf16")
    told = {"fp16": {"decision": "cannot tell"}, **dict.fromkeys(names, bounded)}
    evidence = {"median_ms": 0.5, "speed_up_over": told, "counterparts": {"ort-fp32": {"pairs": 60}}}
    identity = {"case": "digits", "run": "openvino-int8", "backend": "openvino", "precision": "int8"}

    latency = figures_of(identity, {"latency": evidence}, {}, {}).latency

    assert latency is not None
    assert latency.speed_up_over == {
        "ort-fp32": over(1.9, 2.0, 2.1).model_copy(update={"is_elsewhere": True}),
        "bf16": over(1.9, 2.0, 2.1),
    }
