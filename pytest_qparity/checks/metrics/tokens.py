"""Metrics of language models: negative log-likelihood and perplexity; labels of tokens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
from pytest_qparity.checks.scores import Direction, Scores

if TYPE_CHECKING:
    from pytest_qparity.checks.scores import CountArray

__all__ = ["nll", "perplexity", "require_positions", "token_labels"]

_TOKENS = "write a token id for each position, and ignore_index where none counts"


def nll(
    outputs: Outputs,
    labels: Array | None,
    *,
    output: str | None = None,
    ignore_index: int = -100,
    shift: bool = True,
) -> Scores:
    """Mean over all tokens of −ln softmax(scores)[label], in nats.

    Scores (samples, positions, classes); labels: token ids (samples, positions), `ignore_index` where none counts.
    `shift`: the scores at a position are for the token at the next one, as of a causal language model. A sample's own
    score is the mean over its own tokens.
    """
    sums, tokens = _log_likelihoods(outputs, labels, output, ignore_index, shift)

    def whole(counts: CountArray) -> float:
        return float(counts @ sums / (counts @ tokens))

    return Scores(sums / tokens, Direction.LOWER, percent=False, whole=whole, bounds=(0.0, math.inf))


def perplexity(
    outputs: Outputs,
    labels: Array | None,
    *,
    output: str | None = None,
    ignore_index: int = -100,
    shift: bool = True,
) -> Scores:
    """exp of `nll`; a sample's own score is that of its own tokens."""
    sums, tokens = _log_likelihoods(outputs, labels, output, ignore_index, shift)

    def whole(counts: CountArray) -> float:
        return math.exp(min(float(counts @ sums / (counts @ tokens)), 700.0))  # beyond it no float64 is

    own = np.exp(np.minimum(sums / tokens, 700.0))
    return Scores(own, Direction.LOWER, percent=False, whole=whole, bounds=(1.0, math.inf))


def _log_likelihoods(
    outputs: Outputs, labels: Array | None, output: str | None, ignore_index: int, shift: bool
) -> tuple[Array, Array]:
    """Of each sample, the sum of −ln p of its tokens and their number: float64 (samples,)."""
    name, values = named(outputs, output, "scores of tokens")
    wanted, scores = token_labels(labels, name, values)
    if shift:
        wanted, scores = wanted[:, 1:], scores[:, :-1]
    counted = wanted != ignore_index
    require_positions(counted)
    if wanted[counted].min() < 0 or wanted[counted].max() >= scores.shape[2]:
        got = f"labels from {wanted[counted].min()} to {wanted[counted].max()}"
        raise unfit(got, f"tokens from 0 to {scores.shape[2] - 1}, or ignore_index = {ignore_index}")
    sums = np.empty(len(scores))
    for index, (each, tokens, counts) in enumerate(zip(scores, wanted, counted, strict=True)):  # a sample's in float64
        logits = each[counts].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        own = logits[np.arange(len(logits)), tokens[counts]]
        sums[index] = (np.log(np.exp(logits).sum(axis=1)) - own).sum()
    return sums, counted.sum(axis=1).astype(np.float64)


def token_labels(labels: Array | None, name: str, values: Array) -> tuple[Array, Array]:
    """Labels and scores of tokens: int64 (samples, positions) and (samples, positions, classes)."""
    wanted = labels_given(labels, "a token id for each position", _TOKENS)
    scores = finite_numbers(name, values, "scores")
    if scores.ndim != 3 or not scores.size:
        raise unfit(f"output {name!r} {list(scores.shape)}", "scores [samples, positions, classes]")
    if wanted.shape != scores.shape[:2] or wanted.dtype.kind not in "iu":
        got = f"labels {wanted.dtype}{list(wanted.shape)}"
        raise wrong_labels(got, f"integers {list(scores.shape[:2])}", _TOKENS)
    return wanted.astype(np.int64), scores


def require_positions(counted: Array) -> None:
    """Raises CannotJudge where a sample has no position that counts: boolean (samples, positions)."""
    empty = np.flatnonzero(~counted.any(axis=1))
    if empty.size:
        got = f"no position that counts in {empty.size} samples, the first {empty[0]}"
        raise wrong_labels(got, "one or more in each", "remove the samples, or correct ignore_index")
