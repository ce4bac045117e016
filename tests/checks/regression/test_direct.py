"""A run in turn with the baseline's variant, beside what fp32 of both days says, from tables of numbers."""

from __future__ import annotations

import math

import pytest

from pytest_qparity.backends.sequential import Interval
from pytest_qparity.baseline.figures import About, Figures, SpeedUp
from pytest_qparity.checks.regression.direct import BesideBaseline, beside_baseline_of
from pytest_qparity.checks.regression.judging import judge_regression
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.checks.regression.test_judging import BEFORE, LIMITS, changed, codes

ENGINE = About(engine="onnxruntime 1.32.0", libraries={"onnxruntime": "1.32.0"}, variant="a" * 64)
UPGRADED = ENGINE.model_copy(update={"libraries": {"onnxruntime": "1.33.0"}})
AS_FAST, SLOWER, BETWEEN = (0.98, 1.0, 1.02), (0.78, 0.8, 0.82), (0.85, 0.95, 1.05)
UNBOUNDED = (0.0, 1.0, math.inf)
FP32_PASSES = (2.9, 3.0, 3.1)
FP32_UNDECIDED = (2.6, 2.75, 2.9)
FP32_FAILS = (2.0, 2.1, 2.2)


def judged(
    direct: tuple[float, float, float] | None,
    fp32: tuple[float, float, float] | None = FP32_PASSES,
    about: About = ENGINE,
    **latency: object,
) -> Verdict:
    ends = None if fp32 is None else SpeedUp(low=fp32[0], estimate=fp32[1], high=fp32[2])
    now = changed("latency", **{"speed_up": ends, "has_counterpart": True, **latency})
    beside = BesideBaseline(
        "a" * 64, None if direct is None else Interval(*direct), "the cache", "" if direct else "gone"
    )
    return judge_regression(_of(BEFORE, ENGINE), _of(now, about), LIMITS, beside)


def _of(run: Figures, about: About) -> Figures:
    return run.model_copy(update={"about": about})


@pytest.mark.parametrize(
    ("direct", "fp32", "about", "expected"),
    [
        pytest.param(AS_FAST, FP32_PASSES, ENGINE, [], id="both pass"),
        pytest.param(AS_FAST, FP32_PASSES, UPGRADED, [], id="both pass, upgraded"),
        pytest.param(SLOWER, FP32_PASSES, ENGINE, [Code.REGRESSION_LATENCY], id="it alone fails"),
        pytest.param(SLOWER, FP32_UNDECIDED, UPGRADED, [Code.REGRESSION_LATENCY], id="it fails, fp32 cannot tell"),
        pytest.param(SLOWER, None, ENGINE, [Code.REGRESSION_LATENCY], id="it fails, no speed-up over fp32"),
        pytest.param(SLOWER, FP32_FAILS, ENGINE, [Code.REGRESSION_LATENCY] * 2, id="both fail"),
        pytest.param(AS_FAST, FP32_FAILS, ENGINE, [Code.REGRESSION_LATENCY], id="fp32 alone fails"),
        pytest.param(AS_FAST, FP32_UNDECIDED, ENGINE, [], id="it decides"),
        pytest.param(AS_FAST, None, ENGINE, [], id="it decides, no speed-up over fp32"),
        pytest.param(
            AS_FAST, FP32_UNDECIDED, UPGRADED, [Code.REGRESSION_UNDECIDED], id="of another engine it does not"
        ),
        pytest.param(AS_FAST, None, UPGRADED, [Code.REGRESSION_UNMEASURED], id="nor where there is no speed-up"),
        pytest.param(BETWEEN, FP32_PASSES, ENGINE, [], id="it cannot tell, fp32 passes"),
        pytest.param(BETWEEN, FP32_UNDECIDED, ENGINE, [Code.REGRESSION_UNDECIDED], id="neither can tell"),
        pytest.param(UNBOUNDED, FP32_PASSES, ENGINE, [], id="nothing bounds it, fp32 passes"),
        pytest.param(UNBOUNDED, None, ENGINE, [Code.REGRESSION_UNMEASURED], id="nothing bounds either"),
        pytest.param(None, FP32_PASSES, ENGINE, [], id="not timed, fp32 passes"),
        pytest.param(None, FP32_UNDECIDED, ENGINE, [Code.REGRESSION_UNDECIDED], id="not timed, fp32 cannot tell"),
    ],
)
def test_a_fail_of_either_is_a_fail_and_it_decides_for_fp32_where_the_engine_is_the_same(
    direct: tuple[float, float, float] | None,
    fp32: tuple[float, float, float] | None,
    about: About,
    expected: list[Code],
) -> None:
    verdict = judged(direct, fp32, about)

    assert codes(verdict) == expected
    assert (verdict.outcome is Outcome.PASS) is (not expected)


@pytest.mark.parametrize(
    ("direct", "code"),
    [
        (AS_FAST, None),
        (SLOWER, Code.REGRESSION_LATENCY),
        (BETWEEN, Code.REGRESSION_UNDECIDED),
        (UNBOUNDED, Code.REGRESSION_UNDECIDED),
        (None, None),
    ],
)
def test_the_float_model_has_nothing_else_beside_it(
    direct: tuple[float, float, float] | None, code: Code | None
) -> None:
    beside = BesideBaseline("a" * 64, None if direct is None else Interval(*direct), untold="" if direct else "gone")
    alone = _of(changed("latency", speed_up=None), ENGINE)

    assert codes(judge_regression(alone, alone, LIMITS, beside)) == ([] if code is None else [code])


def test_what_it_says_stands_in_evidence_and_sentence() -> None:
    verdict = judged(SLOWER)

    assert verdict.evidence["latency"]["beside_baseline"] == {
        "sha256": "a" * 64,
        "least_ratio": 0.9,
        "low": 0.78,
        "estimate": 0.8,
        "high": 0.82,
    }
    assert verdict.deciding == "0.80x"
    assert verdict.failures[0].sentence == (
        "In turn with the baseline's variant aaaaaaaaaaaa, here and now, the run is 0.800 times as fast (0.78 to "
        "0.82), should be at least 0.9."
    )


def test_what_it_stands_for_is_told() -> None:
    verdict = judged((0.95, 0.97, 0.99), FP32_UNDECIDED)

    told = "in turn with the baseline's variant aaaaaaaaaaaa, here and now, the run is 0.970"
    assert verdict.notes[0].startswith(told)
    assert verdict.deciding == "0.97x"


def test_it_does_not_stand_for_what_is_timed_otherwise_or_became_far_slower() -> None:
    """Both variants would be slow alike, where the machine is or the engine was set so."""
    assert codes(judged(AS_FAST, batch=8)) == [Code.REGRESSION_UNDECIDED]
    far = judged(AS_FAST, FP32_UNDECIDED, median_ms=20.0)
    assert codes(far) == [Code.REGRESSION_UNDECIDED]
    assert far.failures[0].sentence.startswith("The fastest call takes 20.00 ms")


@pytest.mark.parametrize("about", [About(), ENGINE.model_copy(update={"options": "o" * 64})])
def test_an_engine_that_is_not_known_to_be_the_same_is_another(about: About) -> None:
    assert codes(judged(AS_FAST, FP32_UNDECIDED, about)) == [Code.REGRESSION_UNDECIDED]
    assert not About().runs_as(About())


def test_it_is_read_from_the_evidence_of_latency() -> None:
    told = {"speed_up_over": {"baseline": {"low": 0.9, "estimate": 1.0, "high": 1.1, "decision": "same"}}}
    timed = {"baseline_variant": {"sha256": "a", "found": "the cache"}}

    assert beside_baseline_of(told) is None
    assert beside_baseline_of(told | timed) == BesideBaseline("a", Interval(0.9, 1.0, 1.1), "the cache")
    assert beside_baseline_of({"baseline_variant": {"sha256": "a", "not_timed": "gone"}}) == BesideBaseline(
        "a", untold="gone"
    )
    unbounded = beside_baseline_of({"speed_up_over": {"baseline": {"decision": "cannot tell"}}, **timed})
    assert unbounded is not None
    assert unbounded.interval is not None
    assert not unbounded.interval.is_bounded
