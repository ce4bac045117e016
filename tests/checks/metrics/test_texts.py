"""Texts, tokens and spans."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_qparity.checks.metrics.spans import span_f1
from pytest_qparity.checks.metrics.texts import exact_match, squad_f1, wer
from pytest_qparity.checks.metrics.tokens import nll, perplexity
from pytest_qparity.checks.scores import Direction
from pytest_qparity.verdict import CannotJudge, Code


def texts(*values):
    return {"text": np.array(values)}


def refusal(function, *arguments, code=Code.ACCURACY_OUTPUT, **keywords):
    with pytest.raises(CannotJudge) as caught:
        function(*arguments, **keywords)
    assert caught.value.failure.code is code
    return caught.value.failure.sentence


def test_texts_match_without_case_punctuation_and_articles():
    labels = np.array(["a cat", "dog", "fish"])

    assert exact_match(texts("The cat!", "a Dog", "fishes"), labels).per_sample.tolist() == [1, 1, 0]


def test_the_best_of_several_answers_counts_and_empty_ones_are_none():
    labels = np.array([["cat", "black cat"], ["dog", ""]])

    assert exact_match(texts("black cat", "the"), labels).per_sample.tolist() == [1, 0]
    assert squad_f1(texts("white cat", "the"), labels).per_sample.tolist() == [pytest.approx(2 / 3), 0]


def test_squad_f1_counts_shared_words_as_often_as_both_have_them():
    labels = np.array(["to be or not to be", "", "x"])

    found = squad_f1(texts("to be be be", "", "y"), labels).per_sample

    assert found.tolist() == [pytest.approx(2 * 3 / (4 + 6)), 1.0, 0.0]


def test_outputs_of_objects_are_texts_too():
    assert exact_match({"text": np.array(["cat"], object)}, np.array(["cat"])).value() == 1.0
    assert "texts; span_f1 takes" in refusal(squad_f1, {"x": np.zeros((2, 3))}, np.array(["a", "b"]))


def test_labels_that_are_no_texts_are_the_data_s_fault():
    for labels in (None, np.array([1, 2]), np.array(["a"])):
        refusal(exact_match, texts("a", "b"), labels, code=Code.DATA_LABELS)


def test_sequences_match_as_a_whole_at_the_positions_that_count():
    scores = np.eye(3)[np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2]])]
    labels = np.array([[0, 1, 2], [0, 1, -100], [1, 1, 2]])

    assert exact_match({"logits": scores}, labels).per_sample.tolist() == [1, 1, 0]
    assert "no position that counts" in refusal(
        exact_match, {"logits": scores}, np.full((3, 3), -100), code=Code.DATA_LABELS
    )


def spans(*pairs, length=40):
    start, end = np.zeros((len(pairs), length)), np.zeros((len(pairs), length))
    for row, (low, high) in enumerate(pairs):
        start[row, low], end[row, high] = 5.0, 5.0
    return {"start": start, "end": end}


def test_span_f1_is_the_overlap_of_positions():
    outputs = spans((2, 5), (2, 5), (2, 5), (2, 2))

    found = span_f1(outputs, np.array([[2, 5], [4, 7], [8, 9], [2, 5]])).per_sample

    assert found.tolist() == [1.0, 0.5, 0.0, pytest.approx(2 / 5)]


def test_a_span_ends_after_it_begins_and_is_no_longer_than_30():
    assert span_f1(spans((5, 2)), np.array([[2, 5]])).value() < 1
    assert span_f1(spans((0, 39)), np.array([[0, 39]])).value() < 1
    assert span_f1(spans((0, 29)), np.array([[0, 29]])).value() == 1


def test_the_best_of_several_spans_counts():
    assert span_f1(spans((2, 5)), np.array([[[8, 9], [2, 5], [-1, -1]]])).value() == 1
    assert "without an answer" in refusal(span_f1, spans((2, 5)), np.array([[[-1, -1]]]), code=Code.DATA_LABELS)
    assert "no output after" in refusal(span_f1, {"start": np.zeros((1, 4))}, np.array([[1, 2]]))


class TestWordErrorRate:
    def test_errors_are_counted_over_all_words(self):
        pytest.importorskip("jiwer")
        scores = wer(texts("a b c", "x"), np.array(["a b d e", "x"]))

        assert scores.direction is Direction.LOWER
        assert scores.per_sample.tolist() == [0.5, 0.0]
        assert scores.value() == pytest.approx(2 / 5)
        assert scores.value(np.array([0, 3])) == 0.0

    def test_it_is_jiwer_s_of_all_texts(self):
        jiwer = pytest.importorskip("jiwer")
        random = np.random.default_rng(0)
        wanted, said = ([" ".join(random.choice(list("abcd"), 6)) for _ in range(20)] for _ in range(2))

        assert wer(texts(*said), np.array(wanted)).value() == pytest.approx(jiwer.wer(wanted, said))

    def test_scores_of_ctc_are_decoded(self):
        pytest.importorskip("jiwer")
        best = np.array([[1, 1, 0, 1, 2, 3, 3, 2]])  # a a _ a ␣ b b ␣

        scores = wer({"logits": np.eye(4)[best]}, np.array(["aa b"]), vocabulary="_a b", blank=0)

        assert scores.value() == 0.0
        assert "vocabulary of 0 characters" in refusal(wer, {"logits": np.eye(4)[best]}, np.array(["aa b"]))

    def test_an_empty_label_has_no_rate(self):
        pytest.importorskip("jiwer")

        assert "an empty text for sample 1" in refusal(
            wer, texts("a", "b"), np.array(["a", " "]), code=Code.DATA_LABELS
        )


class TestTokens:
    LOGITS = np.log(np.array([[[0.5, 0.25, 0.25], [0.2, 0.4, 0.4], [1 / 3, 1 / 3, 1 / 3]]]))

    def test_a_causal_model_s_scores_are_for_the_next_token(self):
        scores = nll({"logits": self.LOGITS}, np.array([[2, 0, 1]]))

        assert scores.value() == pytest.approx(-(math.log(0.5) + math.log(0.4)) / 2)
        assert (scores.direction, scores.percent) == (Direction.LOWER, False)

    def test_without_a_shift_they_are_for_the_token_itself(self):
        scores = nll({"logits": self.LOGITS}, np.array([[1, -100, 0]]), shift=False)

        assert scores.value() == pytest.approx(-(math.log(0.25) + math.log(1 / 3)) / 2)

    def test_samples_weigh_as_many_tokens_as_they_have(self):
        logits = np.concatenate([self.LOGITS, self.LOGITS])
        labels = np.array([[0, 0, -100], [0, 0, 1]])
        scores = nll({"logits": logits}, labels)

        sums = [-math.log(0.5), -math.log(0.5) - math.log(0.4)]
        assert scores.per_sample.tolist() == pytest.approx([sums[0], sums[1] / 2])
        assert scores.value() == pytest.approx(sum(sums) / 3)
        assert scores.value(np.array([2, 0])) == pytest.approx(sums[0])

    def test_perplexity_is_its_exponential(self):
        outputs, labels = {"logits": np.concatenate([self.LOGITS, self.LOGITS])}, np.array([[0, 0, -100], [0, 0, 1]])

        assert perplexity(outputs, labels).value() == pytest.approx(math.exp(nll(outputs, labels).value()))

    def test_large_scores_do_not_overflow(self):
        logits = np.array([[[1e4, -1e4], [0.0, 0.0]]], np.float32)

        assert nll({"logits": logits}, np.array([[0, 0]])).value() == 0.0
        assert nll({"logits": logits}, np.array([[0, 1]])).value() == 2e4
        assert math.isfinite(perplexity({"logits": logits}, np.array([[0, 1]])).value())

    def test_labels_of_no_token_are_refused(self):
        assert "labels from 0 to 3" in refusal(nll, {"logits": self.LOGITS}, np.array([[0, 3, 0]]))
        refusal(nll, {"logits": self.LOGITS}, np.array([[0, 1]]), code=Code.DATA_LABELS)
