"""A run against the baseline's, from tables of numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_qparity.baseline.figures import Figures, Repeated, SpeedUp
from pytest_qparity.baseline.scores import packed_scores
from pytest_qparity.case.regression_spec import RegressionSpec
from pytest_qparity.checks.regression.compared import RegressionLimits, interval_of_ratio
from pytest_qparity.checks.regression.judging import judge_new, judge_regression, judge_vanished
from pytest_qparity.gate.regression import limits_of
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.baseline.test_file import figures

LIMITS = limits_of(RegressionSpec())
SPEED_UP = SpeedUp(low=2.9, estimate=3.0, high=3.1)
BEFORE = figures()
BEFORE = BEFORE.model_copy(update={"latency": BEFORE.latency.model_copy(update={"speed_up": SPEED_UP})})  # type: ignore[union-attr]


def changed(part: str, **values: Any) -> Figures:
    return BEFORE.model_copy(update={part: getattr(BEFORE, part).model_copy(update=values)})


def with_bits(lost: int, gained: int, samples: int, *, is_census: bool = True) -> tuple[Figures, Figures]:
    old = np.ones(samples)
    old[:gained] = 0
    new = np.ones(samples)
    new[gained : gained + lost] = 0
    found = []
    for scores in (old, new):
        accuracy = {
            "bits": packed_scores(scores),
            "value": 100.0 * scores.mean(),
            "samples": samples,
            "is_census": is_census,
        }
        run = changed("accuracy", **accuracy)
        found.append(run.model_copy(update={"about": run.about.model_copy(update={"data": "d"})}))
    return found[0], found[1]


def judged(now: Figures, before: Figures = BEFORE, limits: RegressionLimits = LIMITS) -> Verdict:
    return judge_regression(before, now, limits)


def codes(verdict: Verdict) -> list[Code]:
    return [failure.code for failure in verdict.failures]


def test_the_same_figures_pass() -> None:
    verdict = judged(BEFORE)

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["parity"]["loss_db"] == 0.0
    assert verdict.evidence["changed"] == {}


@pytest.mark.parametrize("part", ["sqnr_db", "accuracy", "latency", "memory"])
@pytest.mark.parametrize("checks", [BEFORE.checks, ()])
def test_a_figure_that_the_baseline_lacks_though_it_had_the_check_is_no_pass(
    part: str, checks: tuple[str, ...]
) -> None:
    verdict = judged(BEFORE, BEFORE.model_copy(update={part: None, "checks": checks}))

    (failure,) = verdict.failures
    assert failure.code is Code.REGRESSION_UNMEASURED
    assert failure.sentence.startswith("The baseline has no figures of ")


def test_figures_of_a_check_that_the_baseline_did_not_have_are_new() -> None:
    fewer = tuple(check for check in BEFORE.checks if check != "accuracy")

    assert judged(BEFORE, BEFORE.model_copy(update={"accuracy": None, "checks": fewer})).outcome is Outcome.PASS
    assert codes(judged(BEFORE, BEFORE.model_copy(update={"sqnr_db": {"logits": 30.0}}))) == [
        Code.REGRESSION_UNMEASURED
    ]
    assert codes(judged(BEFORE, BEFORE.model_copy(update={"sqnr_db": {}}))) == [Code.REGRESSION_UNMEASURED]


class TestOutputs:
    @pytest.mark.parametrize(
        ("before", "now", "passes"),
        [
            (30.0, 29.0, True),
            (30.0, 28.9, False),
            (30.0, 40.0, True),
            (math.inf, 100.0, True),
            (math.inf, 101.0, True),
            (math.inf, 98.9, False),
            (30.0, -math.inf, False),
            (30.0, math.nan, False),
        ],
    )
    def test_dB_are_lost_below_a_hundred(self, before: float, now: float, passes: bool) -> None:  # noqa: N802
        verdict = judged(
            BEFORE.model_copy(update={"sqnr_db": {"a": now, "b": 50.0}}),
            BEFORE.model_copy(update={"sqnr_db": {"a": before, "b": 50.0}}),
        )

        assert codes(verdict) == ([] if passes else [Code.REGRESSION_PARITY])
        assert verdict.outcome is (Outcome.PASS if passes else Outcome.ACCURACY_FAIL)

    def test_an_output_that_is_gone_is_no_pass(self) -> None:
        assert codes(judged(BEFORE.model_copy(update={"sqnr_db": {"logits": 30.0}}))) == [Code.REGRESSION_UNMEASURED]


class TestAccuracy:
    @pytest.mark.parametrize(
        ("lost", "gained", "samples", "is_census", "code"),
        [
            (0, 0, 540, False, None),  # too few for 0.5 points, and none of them got worse
            (2, 2, 540, False, Code.REGRESSION_UNDECIDED),
            (2, 2, 540, True, None),
            (4, 0, 540, True, Code.REGRESSION_ACCURACY),
            (5, 5, 10_000, False, None),
            (200, 10, 10_000, False, Code.REGRESSION_ACCURACY),
        ],
    )
    def test_it_is_paired(self, lost: int, gained: int, samples: int, is_census: bool, code: Code | None) -> None:
        before, now = with_bits(lost, gained, samples, is_census=is_census)

        verdict = judged(now, before)

        assert codes(verdict) == ([] if code is None else [code])
        assert (verdict.evidence["accuracy"]["lost"], verdict.evidence["accuracy"]["gained"]) == (lost, gained)

    @pytest.mark.parametrize(("points", "code"), [(0.5, None), (0.6, Code.REGRESSION_UNDECIDED)])
    def test_on_other_data_a_drop_beyond_the_margin_is_not_known_to_be_one(
        self, points: float, code: Code | None
    ) -> None:
        verdict = judged(changed("accuracy", value=75.0 - points))

        assert codes(verdict) == ([] if code is None else [code])

    def test_without_bits_a_census_of_the_same_data_fails_by_its_drop(self) -> None:
        before, now = with_bits(0, 0, 8)
        parts = [each.accuracy.model_copy(update={"bits": None}) for each in (before, now) if each.accuracy]
        worse = parts[1].model_copy(update={"value": 90.0})

        verdict = judged(now.model_copy(update={"accuracy": worse}), before.model_copy(update={"accuracy": parts[0]}))

        assert codes(verdict) == [Code.REGRESSION_ACCURACY]

    def test_scores_that_the_baseline_lacks_are_told(self) -> None:
        before, now = with_bits(0, 0, 8)
        assert before.accuracy is not None
        without = before.model_copy(update={"accuracy": before.accuracy.model_copy(update={"bits": None})})

        verdict = judged(now, without)

        assert verdict.outcome is Outcome.PASS
        assert "the baseline has no scores of samples" in verdict.notes[0]
        assert not judged(now, before).notes

    def test_the_cases_own_limit_goes_before_that_of_the_accuracy_check(self) -> None:
        before, now = with_bits(4, 0, 540)

        assert judged(now, before, replace(LIMITS, margin=1.0)).outcome is Outcome.PASS

    def test_another_metric_is_not_compared(self) -> None:
        assert codes(judged(changed("accuracy", metric="top5"))) == [Code.REGRESSION_UNDECIDED]


class TestCosts:
    @pytest.mark.parametrize(
        ("before", "now", "code"),
        [
            ((2.9, 3.0, 3.1), (2.95, 3.0, 3.05), None),
            ((2.9, 3.0, 3.1), (2.4, 2.5, 2.6), Code.REGRESSION_LATENCY),
            ((2.9, 3.0, 3.1), (2.6, 2.75, 2.9), Code.REGRESSION_UNDECIDED),
            ((2.0, 3.0, 4.0), (2.9, 3.0, 3.1), Code.REGRESSION_UNDECIDED),  # the baseline itself is not known well
            ((2.9, 3.0, 3.1), (0.0, 3.0, math.inf), Code.REGRESSION_UNDECIDED),  # too few pairs
        ],
    )
    def test_speed_is_what_it_is_over_fp32(
        self, before: tuple[float, float, float], now: tuple[float, float, float], code: Code | None
    ) -> None:
        runs = [
            changed("latency", speed_up=SpeedUp(low=low, estimate=estimate, high=high))
            for low, estimate, high in (before, now)
        ]

        assert codes(judged(runs[1], runs[0])) == ([] if code is None else [code])

    @pytest.mark.parametrize(
        ("now", "code"),
        [
            ((2.96, 2.97, 2.98), Code.REGRESSION_UNDECIDED),
            ((2.75, 2.76, 2.77), Code.REGRESSION_LATENCY),
        ],
    )
    def test_a_limit_within_what_two_sessions_of_one_file_differ_by_is_missed_by_more_than_that(
        self, now: tuple[float, float, float], code: Code
    ) -> None:
        before, run = (
            changed("latency", speed_up=SpeedUp(low=low, estimate=estimate, high=high))
            for low, estimate, high in ((2.999, 3.0, 3.001), now)
        )

        assert codes(judged(run, before, replace(LIMITS, slower_percent=0.5))) == [code]

    @pytest.mark.parametrize(
        ("fastest_ms", "code", "is_noted"),
        [
            (2.0, None, False),
            (4.0, None, True),
            (4.1, Code.REGRESSION_UNDECIDED, False),
            (math.nan, Code.REGRESSION_UNMEASURED, False),
        ],
    )
    def test_where_all_became_slow_the_fastest_call_tells_it(
        self, fastest_ms: float, code: Code | None, is_noted: bool
    ) -> None:
        """The ratio to fp32 is what it was; and a median that neighbours moved is nothing of the run's."""
        verdict = judged(changed("latency", fastest_ms=fastest_ms, median_ms=20.0), changed("latency", fastest_ms=2.0))

        assert codes(verdict) == ([] if code is None else [code])
        both = "Median of calls: 20.00 ms, the baseline's 2.00 ms; of fp32 beside it 60.00 ms, the baseline's 6.00 ms."
        noted = f"the fastest call takes 4.00 ms, the baseline's 2.00 ms. {both}"
        assert (noted in verdict.notes) is is_noted
        if code is Code.REGRESSION_UNDECIDED:
            assert verdict.deciding == "2.05x ms"
            assert verdict.failures[0].sentence == (
                "The fastest call takes 4.10 ms on this hardware, the baseline's 2.00 ms, should be at most 4.00 ms. "
                + both
            )

    def test_a_case_may_allow_milliseconds_less(self) -> None:
        limits = replace(LIMITS, latency_percent=20.0)

        assert codes(judged(changed("latency", median_ms=2.5), limits=limits)) == [Code.REGRESSION_UNDECIDED]

    @pytest.mark.parametrize(("now_ms", "is_fp32"), [(2.2, True), (2.3, False)])
    def test_a_speed_up_that_is_lost_to_a_faster_fp32_says_so(self, now_ms: float, is_fp32: bool) -> None:
        halved = SpeedUp(low=1.4, estimate=1.5, high=1.6)

        (failure,) = judged(changed("latency", median_ms=now_ms, speed_up=halved)).failures

        assert failure.code is Code.REGRESSION_LATENCY
        assert f"Median of calls: {now_ms:.2f} ms, the baseline's 2.00 ms; of fp32 beside it" in failure.sentence
        assert ("fp32 got faster" in failure.sentence) is is_fp32
        assert failure.remedy.endswith("qparity baseline save NAME")

    def test_the_float_model_has_no_speed_to_compare_but_its_milliseconds(self) -> None:
        alone = changed("latency", speed_up=None)

        verdict = judged(alone, alone)

        assert verdict.outcome is Outcome.PASS
        assert verdict.notes == ("the speed of what has no fp32 beside it is not compared, but for its milliseconds",)
        assert codes(judged(changed("latency", speed_up=None, median_ms=20.0), alone)) == [Code.REGRESSION_UNDECIDED]

    @pytest.mark.parametrize(
        ("before", "now"),
        [
            pytest.param({"speed_up": None, "has_counterpart": True}, {}, id="nothing bounds the baseline's"),
            pytest.param({"speed_up": None}, {}, id="the baseline's was edited out"),
            pytest.param({}, {"speed_up": None, "has_counterpart": True}, id="nothing bounds this one"),
            pytest.param({}, {"speed_up": None}, id="the case has fp32 no more"),
            pytest.param(*[{"speed_up": None, "has_counterpart": True}] * 2, id="nothing bounds either"),
        ],
    )
    def test_a_speed_up_that_either_lacks_is_no_pass(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        verdict = judged(changed("latency", **now), changed("latency", **before))

        assert codes(verdict) == [Code.REGRESSION_UNMEASURED]
        assert f"of the {'baseline' if before else 'run'} has no interval" in verdict.failures[0].sentence

    @pytest.mark.parametrize(("key", "value"), [("fastest_ms", 1.9), ("threads", 1)])
    def test_a_figure_of_time_that_an_edit_took_out_of_either_is_no_pass(self, key: str, value: float) -> None:
        whole = changed("latency", **{key: value})

        assert codes(judged(whole, BEFORE)) == codes(judged(BEFORE, whole)) == [Code.REGRESSION_UNMEASURED]
        assert "The baseline " in judged(whole, BEFORE).failures[0].sentence
        assert "The run " in judged(BEFORE, whole).failures[0].sentence
        assert judged(whole, whole).outcome is Outcome.PASS

    @pytest.mark.parametrize(("key", "value"), [("batch", 8), ("clock", "device")])
    def test_what_is_timed_otherwise_is_not_compared(self, key: str, value: object) -> None:
        assert codes(judged(changed("latency", **{key: value}))) == [Code.REGRESSION_UNDECIDED]

    @pytest.mark.parametrize(
        ("key", "value", "passes"),
        [
            ("peak_mb", 22.0, True),
            ("peak_mb", 22.1, False),
            ("size_mb", 4.04, True),
            ("size_mb", 4.05, False),
            ("peak_mb", math.nan, False),
            ("device_peak_mb", 5.0, False),
        ],
    )
    def test_megabytes_may_grow_by_a_share(self, key: str, value: float, passes: bool) -> None:
        assert (judged(changed("memory", **{key: value})).outcome is Outcome.PASS) is passes

    @pytest.mark.parametrize("key", ["peak_mb", "size_mb"])
    def test_a_baseline_without_a_megabyte_is_no_measurement(self, key: str) -> None:
        assert codes(judged(BEFORE, changed("memory", **{key: 0.0}))) == [Code.REGRESSION_UNMEASURED]

    @pytest.mark.parametrize("key", ["engine_mb", "activation_mb"])
    def test_engines_and_activations_may_grow_by_a_share_and_not_vanish(self, key: str) -> None:
        before = changed("memory", **{key: 10.0})

        assert codes(judged(changed("memory", **{key: 11.0}), before)) == []
        assert codes(judged(changed("memory", **{key: 11.1}), before)) == [Code.REGRESSION_MEMORY]
        assert codes(judged(BEFORE, before)) == [Code.REGRESSION_UNMEASURED]
        assert codes(judged(before, BEFORE)) == [Code.REGRESSION_UNMEASURED]

    @pytest.mark.parametrize(
        ("key", "limit"),
        [("load_ms", "load_percent"), ("first_run_ms", "first_run_percent"), ("joule_per_sample", "energy_percent")],
    )
    @pytest.mark.parametrize(
        ("now", "code"),
        [
            ((11.0, 12.0, 13.0, 6), None),
            ((15.0, 16.0, 17.0, 6), Code.REGRESSION_UNDECIDED),
            ((20.0, 21.0, 22.0, 6), Code.REGRESSION_START),
            ((10.0, 10.0, 10.0, 1), Code.REGRESSION_UNMEASURED),  # once bounds nothing
            (None, Code.REGRESSION_UNMEASURED),
        ],
    )
    def test_starts_and_energy_are_held_where_a_case_says_so(
        self, key: str, limit: str, now: tuple[float, float, float, int] | None, code: Code | None
    ) -> None:
        before = changed("memory", **{key: Repeated(low=9.5, estimate=10.0, high=10.5, times=6)})
        told = None if now is None else Repeated(low=now[0], estimate=now[1], high=now[2], times=now[3])
        run = changed("memory", **{key: told})

        assert codes(judged(run, before, replace(LIMITS, **{limit: 50.0}))) == ([] if code is None else [code])
        assert judged(run, before).outcome is Outcome.PASS
        assert codes(judged(before, run, replace(LIMITS, **{limit: 200.0}))) == (
            [Code.REGRESSION_UNMEASURED] if code is Code.REGRESSION_UNMEASURED else []
        )

    def test_the_interval_of_a_ratio_has_the_width_of_both(self) -> None:
        low, estimate, high = interval_of_ratio(
            SpeedUp(low=2.0, estimate=2.0 * math.exp(0.3), high=2.0 * math.exp(0.6)),
            SpeedUp(low=1.0, estimate=math.exp(0.4), high=math.exp(0.8)),
        )

        assert (math.log(low), math.log(high)) == pytest.approx((math.log(estimate) - 0.5, math.log(estimate) + 0.5))

    def test_its_interval_holds_the_true_ratio_in_95_of_100(self) -> None:
        rng = np.random.default_rng(0)
        truth, held = math.log(1.2), 0
        for _ in range(2000):
            drawn = rng.normal([0.0, truth], [0.02, 0.05])
            ends = [
                SpeedUp(low=math.exp(at - 1.96 * sd), estimate=math.exp(at), high=math.exp(at + 1.96 * sd))
                for at, sd in zip(drawn, (0.02, 0.05), strict=True)
            ]
            low, _, high = interval_of_ratio(*ends)
            held += low <= 1.2 <= high

        assert 0.935 <= held / 2000 <= 0.965


class TestWhatIsNotThere:
    def test_speed_and_memory_of_other_hardware_are_not_known(self) -> None:
        elsewhere = BEFORE.model_copy(update={"hardware": "another machine"})

        verdict = judged(elsewhere)

        assert codes(verdict) == [Code.REGRESSION_HARDWARE]
        assert verdict.evidence["parity"]["loss_db"] == 0.0

    def test_or_a_note_where_the_case_says_so(self) -> None:
        elsewhere = BEFORE.model_copy(update={"hardware": "another machine"})

        verdict = judged(elsewhere, limits=replace(LIMITS, other_hardware_is_judged=False))

        assert verdict.outcome is Outcome.PASS
        assert "They are not compared." in verdict.notes[0]

    @pytest.mark.parametrize("part", ["sqnr_db", "accuracy", "latency", "memory"])
    def test_a_figure_that_was_not_measured_is_no_pass(self, part: str) -> None:
        assert codes(judged(BEFORE.model_copy(update={part: None}))) == [Code.REGRESSION_UNMEASURED]

    def test_a_check_that_is_gone_is_no_pass(self) -> None:
        fewer = BEFORE.model_copy(update={"checks": ("parity", "latency", "memory"), "accuracy": None})

        assert codes(judged(fewer)) == [Code.REGRESSION_VANISHED]

    def test_a_run_that_is_gone_cannot_be_judged_and_a_new_one_passes(self) -> None:
        assert codes(judge_vanished(BEFORE)) == [Code.REGRESSION_VANISHED]
        assert judge_new(BEFORE).outcome is Outcome.PASS
        assert judge_new(BEFORE).deciding == "new"

    def test_a_failure_tells_what_else_changed(self) -> None:
        about = BEFORE.about.model_copy(update={"variant": "b" * 64, "libraries": {"onnxruntime": "1.33.0"}})
        now = BEFORE.model_copy(update={"sqnr_db": {"logits": 3.0, "equal": math.inf}, "about": about})

        assert judged(now).notes == (
            "changed since the baseline (2026, aaaaaaaaaaaa): variant, onnxruntime 1.32.0 to 1.33.0",
        )
