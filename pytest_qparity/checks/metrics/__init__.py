"""Metrics of a task: outputs and labels in, `Scores` out. One file a field; `table` lists them by name."""

from pytest_qparity.checks.metrics.metric import Metric
from pytest_qparity.checks.metrics.table import BUILTIN_METRICS

__all__ = ["BUILTIN_METRICS", "Metric"]
