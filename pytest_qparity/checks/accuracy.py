"""Accuracy: how much of the float model's task metric a variant loses on the test samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.checks.figures import apart
from pytest_qparity.verdict import CannotJudge, Code, Failure, Verdict, failed, passed

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class AccuracyMeasurement:
    """Scores of the float model and of the variant on the same samples, in percent; flips count samples."""

    metric: str
    samples: int
    float_percent: float
    variant_percent: float
    lost: int
    gained: int

    @property
    def drop_points(self) -> float:
        """Percentage points that the variant is below the float model; negative where it is above."""
        return self.float_percent - self.variant_percent


def measure_accuracy(metric: str, float_scores: np.ndarray, variant_scores: np.ndarray) -> AccuracyMeasurement:
    """Both: float64 (samples,), between 0 and 1, higher is better, of the same samples in the same order.

    Raises CannotJudge where they are not.
    """
    import numpy as np

    for whose, scores in (("float model", float_scores), ("variant", variant_scores)):
        if not isinstance(scores, np.ndarray) or scores.dtype.kind not in "fiub":
            raise _unfit(f"scores of the {whose} that are {_kind(scores)}", "an array of numbers")
        if scores.ndim != 1 or scores.size == 0:
            raise _unfit(f"scores of shape {list(scores.shape)} for the {whose}", "one score for each sample")
        if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1:
            raise _unfit(f"scores of the {whose} outside 0 to 1", "finite scores between 0 and 1")
    if float_scores.shape != variant_scores.shape:
        raise _unfit(f"{variant_scores.size} scores of the variant", f"{float_scores.size}, as of the float model")
    if not float_scores.any():
        raise _unfit("a float model that scores 0 on every sample", "a float model that is worth keeping")
    return AccuracyMeasurement(
        metric=metric,
        samples=float_scores.size,
        float_percent=100.0 * float(float_scores.mean(dtype=np.float64)),
        variant_percent=100.0 * float(variant_scores.mean(dtype=np.float64)),
        lost=int((variant_scores < float_scores).sum()),
        gained=int((variant_scores > float_scores).sum()),
    )


def judge_accuracy(measured: AccuracyMeasurement, margin_points: float) -> Verdict:
    """pass: finite and drop <= margin."""
    if not (math.isfinite(margin_points) and margin_points >= 0):
        raise ValueError(f"got a margin of {margin_points} points, should be finite and at least 0")
    evidence = {
        "metric": measured.metric,
        "samples": measured.samples,
        "float_percent": measured.float_percent,
        "variant_percent": measured.variant_percent,
        "drop_points": measured.drop_points,
        "margin_points": margin_points,
        "lost": measured.lost,
        "gained": measured.gained,
    }
    deciding = f"{0.0 - measured.drop_points:+.2f} pt"
    # Means of thousands of scores carry rounding of about 1e-13: a drop of exactly the margin is within it.
    if math.isfinite(measured.drop_points) and measured.drop_points <= margin_points + 1e-9:
        return passed(deciding, evidence)
    least = measured.float_percent - margin_points
    failure = Failure(
        Code.ACCURACY_DROP,
        f"Metric {measured.metric} is {apart(measured.variant_percent, least, 2)} %, should be at least "
        f"{apart(least, measured.variant_percent, 2)} % (the float model has {measured.float_percent:.2f} %, "
        f"{margin_points:g} points may be lost; {measured.samples} samples, {measured.lost} lost, "
        f"{measured.gained} gained).",
        "give calibration data prepared as the test data are, keep sensitive nodes float (keep_float = [...]), "
        "or train the model for quantization",
    )
    return failed(deciding, evidence, (failure,))


def _kind(scores: object) -> str:
    return f"{type(scores).__name__} of {getattr(scores, 'dtype', 'no type')}"


def _unfit(got: str, expected: str) -> CannotJudge:
    return CannotJudge(
        Failure(Code.ACCURACY_OUTPUT, f"The metric gave {got}, should be {expected}.", "correct the metric or the data")
    )
