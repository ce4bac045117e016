"""Metrics of texts: exact match, SQuAD's F1, word error rate."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.checks.metrics.border import (
    Array,
    Outputs,
    finite_numbers,
    labels_given,
    named,
    no_package,
    unfit,
    wrong_labels,
)
from pytest_qparity.checks.metrics.tokens import require_positions, token_labels
from pytest_qparity.checks.scores import Direction, Scores

if TYPE_CHECKING:
    from pytest_qparity.checks.scores import CountArray

__all__ = ["exact_match", "squad_f1", "wer"]

_TEXTS = "add an array `labels` to the test data: a text for each sample, or several, filled up with empty ones"
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_match(
    outputs: Outputs, labels: Array | None, *, output: str | None = None, ignore_index: int = -100
) -> Scores:
    """1 where a sample is right as a whole, else 0.

    Texts (samples,) are compared with their label, or with the best of several (samples, answers), after SQuAD's
    normalization: lower case, without punctuation and articles. Class scores (samples, positions, classes) are right
    where the highest is the label (samples, positions) at each position whose label is not `ignore_index`.
    """
    name, values = named(outputs, output, "texts or class scores")
    if _is_text(values):
        return _best_of(values, labels, lambda said, answer: float(said.split() == answer.split()))
    wanted, scores = token_labels(labels, name, values)
    right = (scores.argmax(axis=-1) == wanted) | (wanted == ignore_index)
    require_positions(wanted != ignore_index)
    return Scores(right.all(axis=1).astype(np.float64))


def squad_f1(outputs: Outputs, labels: Array | None, *, output: str | None = None) -> Scores:
    """2·P·R / (P + R) over the words that an answer and its label share, the best of several labels; 1 where both have
    no word. Rajpurkar et al. 2016, §6.1; normalized as in `exact_match`."""
    name, values = named(outputs, output, "texts")
    if not _is_text(values):
        raise unfit(f"output {name!r} of type {values.dtype}", "texts; span_f1 takes start and end scores")
    return _best_of(values, labels, _word_f1)


def wer(
    outputs: Outputs,
    labels: Array | None,
    *,
    output: str | None = None,
    vocabulary: str | None = None,
    blank: int = 0,
) -> Scores:
    """(substitutions + deletions + insertions) / words of the labels, over all samples; jiwer counts them.

    Texts (samples,), or scores of CTC (samples, positions, classes): the highest at each position, repetitions and
    `blank` taken out, made into characters of `vocabulary`. A sample's own score is its own rate, above 1 where more
    words are said than there are.
    """
    try:
        import jiwer
    except ImportError:
        raise no_package("jiwer", "wer") from None
    name, values = named(outputs, output, "texts or class scores")
    said = values.tolist() if _is_text(values) else _decoded(name, values, vocabulary, blank)
    wanted = labels_given(labels, "a text for each sample", _TEXTS)
    if not _is_text(wanted) or wanted.shape != (len(said),):
        raise wrong_labels(f"labels {wanted.dtype}{list(wanted.shape)}", f"texts [{len(said)}]", _TEXTS)
    errors, words = np.zeros(len(said)), np.zeros(len(said))
    for index, (reference, hypothesis) in enumerate(zip(wanted.tolist(), said, strict=True)):
        words[index] = len(reference.split())
        if not words[index]:
            raise wrong_labels(f"an empty text for sample {index}", "one word or more", "remove the sample")
        found = jiwer.process_words(reference, str(hypothesis))
        errors[index] = found.substitutions + found.deletions + found.insertions

    def whole(counts: CountArray) -> float:
        return float(counts @ errors / (counts @ words))

    return Scores(errors / words, Direction.LOWER, whole=whole, bounds=(0.0, math.inf))


def _is_text(values: Array) -> bool:
    if values.dtype.kind == "U":
        return True
    return values.dtype.kind == "O" and all(isinstance(each, str) for each in values.ravel())


def _best_of(values: Array, labels: Array | None, score: Callable[[str, str], float]) -> Scores:
    """The best of a sample's labels, both normalized; an empty label beside others only fills the row."""
    wanted = labels_given(labels, "a text for each sample, or several", _TEXTS)
    said = values.reshape(len(values), -1)
    if said.shape[1:] != (1,):
        raise unfit(f"texts {list(values.shape)}", "one for each sample")
    if not _is_text(wanted) or wanted.ndim not in (1, 2) or len(wanted) != len(said):
        got = f"labels {wanted.dtype}{list(wanted.shape)}"
        raise wrong_labels(got, f"texts [{len(said)}] or [{len(said)}, answers]", _TEXTS)
    found = []
    for (text,), answers in zip(said.tolist(), wanted.reshape(len(wanted), -1).tolist(), strict=True):
        known = [answer for answer in answers if answer] or [""]
        found.append(max(score(_normalized(text), _normalized(answer)) for answer in known))
    return Scores(np.array(found))


def _normalized(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _word_f1(said: str, answer: str) -> float:
    first, second = said.split(), answer.split()
    if not first or not second:
        return float(first == second)
    shared = sum((Counter(first) & Counter(second)).values())
    return 2.0 * shared / (len(first) + len(second))


def _decoded(name: str, values: Array, vocabulary: str | None, blank: int) -> list[str]:
    """Greedy decoding of CTC: Graves et al. 2006, §3.2, best path."""
    scores = finite_numbers(name, values, "scores")
    if scores.ndim != 3 or not scores.size:
        raise unfit(f"output {name!r} {list(scores.shape)}", "texts, or scores [samples, positions, classes]")
    classes = scores.shape[2]
    if vocabulary is None or len(vocabulary) != classes or not 0 <= blank < classes:
        got = f"vocabulary of {len(vocabulary or '')} characters and blank = {blank}"
        raise unfit(got, f"{classes} characters, one for each class, and a blank among them", "state them in metric")
    texts = []
    for best in scores.argmax(axis=2):
        changes = best[np.concatenate([[True], best[1:] != best[:-1]])]
        texts.append("".join(vocabulary[each] for each in changes if each != blank))
    return texts
