"""Answers as spans of a text: F1 over the positions of tokens."""

from __future__ import annotations

import numpy as np

from pytest_qparity.checks.metrics.border import (
    Array,
    Outputs,
    finite_numbers,
    labels_given,
    named,
    unfit,
    wrong_labels,
)
from pytest_qparity.checks.scores import Scores

__all__ = ["span_f1"]

LONGEST_ANSWER = 30  # tokens, as in BERT's evaluation on SQuAD


def span_f1(outputs: Outputs, labels: Array | None, *, output: str | None = None) -> Scores:
    """F1 over the token positions that an answer's span and its label's share: SQuAD's F1 with positions for words,
    since a model that gives start and end scores has no texts.

    The first two outputs, or `output` and the one after it: start and end scores (samples, positions). The span with
    the highest sum counts, its end no more than 29 after its start. Labels: first and last position (samples, 2), or
    several (samples, answers, 2) filled up with -1, of which the best counts.
    """
    labels = labels_given(labels, "the first and last position of each answer", "write [start, end] for each sample")
    names = list(outputs)
    first, start = named(outputs, output, "start scores")
    if names.index(first) + 1 >= len(names):
        raise unfit(f"no output after {first!r}", "start scores and end scores")
    second = names[names.index(first) + 1]
    start, end = (finite_numbers(name, outputs[name], "scores") for name in (first, second))
    if start.ndim != 2 or start.shape != end.shape:
        got = f"outputs {list(start.shape)} and {list(end.shape)}"
        raise unfit(got, "start and end scores [samples, positions]")
    spans = labels[:, None, :] if labels.ndim == 2 else labels
    if spans.ndim != 3 or spans.shape[0] != len(start) or spans.shape[2] != 2 or spans.dtype.kind not in "iu":
        expected = f"integers [{len(start)}, 2] or [{len(start)}, answers, 2]"
        raise wrong_labels(f"labels {labels.dtype}{list(labels.shape)}", expected, "write [start, end] for each sample")
    found = []
    for begins, ends, answers in zip(start.astype(np.float64), end.astype(np.float64), spans, strict=True):
        first_at, last_at = _best_span(begins, ends)
        known = [(low, high) for low, high in answers.tolist() if low >= 0]
        if not known:
            raise wrong_labels("a sample without an answer", "one or more", "remove the sample, or write its answer")
        found.append(max(_overlap(first_at, last_at, low, high) for low, high in known))
    return Scores(np.array(found))


def _best_span(start: Array, end: Array) -> tuple[int, int]:
    sums = start[:, None] + end[None, :]
    distance = np.arange(len(end))[None, :] - np.arange(len(start))[:, None]
    allowed = (distance >= 0) & (distance < LONGEST_ANSWER)
    first, last = np.unravel_index(np.where(allowed, sums, -np.inf).argmax(), sums.shape)
    return int(first), int(last)


def _overlap(first: int, last: int, low: int, high: int) -> float:
    shared = max(0, min(last, high) - max(first, low) + 1)
    return 2.0 * shared / ((last - first + 1) + (high - low + 1))
