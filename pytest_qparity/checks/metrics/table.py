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
    Metric("exact_match", f"{_PLACE}.texts:exact_match", takes=("output", "ignore_index"), labels_are="tokens"),
    Metric("squad_f1", f"{_PLACE}.texts:squad_f1", takes=("output",)),
    Metric("span_f1", f"{_PLACE}.spans:span_f1", takes=("output",)),
    Metric("wer", f"{_PLACE}.texts:wer", takes=("output", "vocabulary", "blank")),
    Metric("nll", f"{_PLACE}.tokens:nll", takes=("output", "ignore_index", "shift"), labels_are="tokens"),
    Metric("perplexity", f"{_PLACE}.tokens:perplexity", takes=("output", "ignore_index", "shift"), labels_are="tokens"),
    Metric("mae", f"{_PLACE}.arrays:mae", takes=("output",), labels_are="numbers"),
    Metric("miou", f"{_PLACE}.arrays:miou", takes=("output", "ignore_index"), labels_are="pixels"),
    Metric("psnr", f"{_PLACE}.arrays:psnr", takes=("output", "data_range"), labels_are="numbers"),
    Metric("ssim", f"{_PLACE}.arrays:ssim", takes=("output", "data_range"), labels_are="numbers"),
    Metric(
        "map",
        f"{_PLACE}.detection:mean_average_precision",
        takes=("boxes", "scores", "classes", "iou"),
        labels_are="boxes",
    ),
    Metric("recall_at_k", f"{_PLACE}.retrieval:recall_at_k", takes=("output", "k"), draws_labels=True),
)
