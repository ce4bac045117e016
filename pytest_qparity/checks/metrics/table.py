"""The metrics of this package by name. Imports none of them: a case file is collected without NumPy."""

from __future__ import annotations

from pytest_qparity.checks.metrics.metric import Metric

__all__ = ["BUILTIN_METRICS"]

_PLACE = "pytest_qparity.checks.metrics"

BUILTIN_METRICS = (
    Metric("top1", f"{_PLACE}.classes:top1", takes=("output",), of_classes=True),
    Metric("top5", f"{_PLACE}.classes:top_k", takes=("output",), of_classes=True),
    Metric("top_k", f"{_PLACE}.classes:top_k", takes=("output", "k"), of_classes=True),
    Metric("agreement", f"{_PLACE}.classes:agreement", against_golden=True, takes=("output",), of_classes=True),
    Metric("f1", f"{_PLACE}.classes:f1", takes=("output", "average", "positive"), of_classes=True),
    Metric("roc_auc", f"{_PLACE}.classes:roc_auc", takes=("output",)),
)
