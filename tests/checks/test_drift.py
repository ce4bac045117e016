from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_qparity.checks.drift import drift_of, with_drift
from pytest_qparity.verdict import Outcome, passed

STEPS = np.concatenate([np.arange(1, 11), np.arange(1, 4)])
GOLDEN = np.ones((13, 4), np.float32)


def drifting(relative: np.ndarray) -> np.ndarray:
    """The golden with an error of `relative` at each sample."""
    return GOLDEN * (1 + relative[:, np.newaxis]).astype(np.float32)


def test_windows_double_and_hold_all_recordings() -> None:
    found = drift_of({"y": GOLDEN}, {"y": drifting(0.01 * STEPS)}, {"y": drifting(0.01 + 0 * STEPS)}, STEPS, 25.0)["y"]

    assert [(window.first, window.last) for window in found.windows] == [(1, 1), (2, 3), (4, 7), (8, 10)]
    assert found.windows[0].free_running_db == pytest.approx(40.0, abs=0.01)
    assert found.windows[1].free_running_db == pytest.approx(-10 * math.log10(1e-4 * (4 + 9) / 2), abs=0.01)
    assert [window.from_golden_db for window in found.windows] == pytest.approx([40.0] * 4, abs=0.01)
    assert found.first_below == 6  # 20·log10(100 / 6) = 24.4 dB
    assert found.first_nonfinite is None


def test_without_a_limit_nothing_is_below_it() -> None:
    found = drift_of({"y": GOLDEN}, {"y": drifting(0.5 + 0 * STEPS)}, {"y": GOLDEN}, STEPS, None)["y"]

    assert found.first_below is None
    assert found.windows[0].from_golden_db == math.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_step_from_which_on_a_value_is_not_finite_is_told(bad: float) -> None:
    free = GOLDEN.copy()
    free[6:10] = bad

    found = drift_of({"y": GOLDEN}, {"y": free}, {"y": GOLDEN}, STEPS, 10.0)["y"]

    assert (found.first_nonfinite, found.first_below) == (7, 7)
    verdict = with_drift(passed("1 dB", {"a": 1}), {"y": found}, 2)
    assert "NaN or Inf from step 7 on" in verdict.notes[0]


def test_values_whose_squares_leave_the_range_of_their_type_are_measured() -> None:
    golden = GOLDEN.astype(np.float64) * 1e300

    found = drift_of({"y": golden}, {"y": golden * 1.01}, {"y": golden}, STEPS, None)["y"]

    assert found.windows[-1].free_running_db == pytest.approx(40.0, abs=0.01)


def test_integers_have_no_curve() -> None:
    counts = np.ones((13, 2), np.int64)

    assert not drift_of({"n": counts}, {"n": counts}, {"n": counts}, STEPS, 20.0)


def test_a_verdict_gets_the_curves_and_keeps_its_own() -> None:
    found = drift_of({"y": GOLDEN}, {"y": drifting(0.01 * STEPS)}, {"y": GOLDEN}, STEPS, 25.0)

    verdict = with_drift(passed("30 dB", {"a": 1}, ("before",)), found, 2)

    assert verdict.outcome is Outcome.PASS
    assert verdict.notes[0] == "before"
    assert "1 40.0, 2 " in verdict.notes[1]
    assert "below its limit from step 6 on" in verdict.notes[1]
    assert verdict.evidence["sequence"]["recordings"] == 2
    assert verdict.evidence["sequence"]["drift"]["y"]["windows"][0]["steps"] == [1, 1]
