"""Ranges of activations from batches: what calibration turns into a scale and a zero point."""

from __future__ import annotations

from pytest_qparity.quantmath.ranges.entropy import Entropy
from pytest_qparity.quantmath.ranges.estimator import Range, RangeEstimator
from pytest_qparity.quantmath.ranges.histogram import Histogram
from pytest_qparity.quantmath.ranges.mean_squared_error import MeanSquaredError
from pytest_qparity.quantmath.ranges.min_max import MinMax
from pytest_qparity.quantmath.ranges.moving_average import MovingAverage
from pytest_qparity.quantmath.ranges.percentile import Percentile

__all__ = [
    "Entropy",
    "Histogram",
    "MeanSquaredError",
    "MinMax",
    "MovingAverage",
    "Percentile",
    "Range",
    "RangeEstimator",
]
