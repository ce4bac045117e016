"""Metrics at their ends, through pytest: none is refused that may be judged, none passes that may not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_qparity import read_ledger
from tests.e2e.extremes import write_case

pytest_plugins = ["pytester"]

SAMPLES = 100
VOCABULARY = "_ abc"
WORDS = ("a", "b", "c", "ab", "ba")
RANDOM = np.random.default_rng(20261126)
DECODING = '''
from pytest_qparity.checks.metrics.texts import squad_f1

def words(outputs, labels):
    """SQuAD's F1 of texts that the highest class of each position stands for."""
    said = [" ".join("abcde"[each] for each in row) for row in outputs["y"].argmax(axis=2)]
    return squad_f1({"texts": __import__("numpy").array(said)}, labels)
'''


def spoken(texts: np.ndarray) -> np.ndarray:
    """Class scores of CTC that are decoded to the texts, each of its own: float32 (samples, 24, classes)."""
    scores = np.full((len(texts), 24, len(VOCABULARY)), -5, np.float32)
    for row, text in zip(scores, texts, strict=True):
        classes = [part for letter in text for part in (VOCABULARY.index(letter), 0)]
        classes += [0] * (24 - len(classes))
        row[np.arange(24), classes] = 5
    return scores + np.float32(0.01) * RANDOM.standard_normal(scores.shape, dtype=np.float32)


def scores_of(classes: np.ndarray, count: int) -> np.ndarray:
    """Class scores whose highest is the class in nine of ten places, far from certain: float32 (…, count)."""
    scores = RANDOM.standard_normal((*classes.shape, count))
    certain = RANDOM.random(classes.shape) < 0.9
    scores[certain, classes[certain]] += 5
    return scores.astype(np.float32)


def first_turned(scores: np.ndarray, count: int) -> np.ndarray:
    turned = scores.copy()
    turned[:count] *= -1
    return turned


def write_cases(root: Path) -> None:
    (root / "cases").mkdir()
    (root / "cases" / "decoding.py").write_text(DECODING, encoding="utf-8")
    said = np.array([WORDS[index] for index in RANDOM.integers(0, len(WORDS), SAMPLES)])
    noisy = np.where(np.arange(SAMPLES) % 10 == 0, np.char.add("c c ", said), said)
    much = np.where(np.arange(SAMPLES) % 2 == 0, "a b c a b c", "b a c b a")
    rates = f'{{name = "wer", vocabulary = "{VOCABULARY}"}}'
    census = "margin = 0.5"
    heard, half_heard, babbled = ({"y": spoken(each)} for each in (said, noisy, much))

    def write(name: str, metric: str, first: dict[str, np.ndarray], second: dict[str, np.ndarray], labels, margin):
        write_case(root, name, metric, {key: (first[key], second[key]) for key in first}, labels, margin)

    write("wer_of_noise", rates, half_heard, half_heard, said, "margin = 20.0")
    write("wer_above_one", rates, heard, babbled, said, census)
    write("wer_float_above_one", rates, babbled, heard, said, census)

    starts = RANDOM.integers(0, 6, SAMPLES)
    spans = np.stack([starts, starts + RANDOM.integers(0, 4, SAMPLES)], axis=1)
    places = {"start": scores_of(spans[:, 0], 10), "end": scores_of(spans[:, 1], 10)}
    write("spans", '"span_f1"', places, {key: first_turned(each, 60) for key, each in places.items()}, spans, census)

    images = RANDOM.random((SAMPLES, 1, 12, 12)).astype(np.float32)
    grey, noise, louder = (images + scale * RANDOM.standard_normal(images.shape) for scale in (0.05, 3.0, 6.0))
    write("ssim_negative", '"ssim"', {"y": grey}, {"y": 1 - grey}, images, census)
    write("psnr_negative", '"psnr"', {"y": noise}, {"y": noise}, images, census)
    write("psnr_more_negative", '"psnr"', {"y": noise}, {"y": louder}, images, census)

    tokens = RANDOM.integers(0, 5, (SAMPLES, 6))
    likely = scores_of(tokens, 5)
    relative = "relative_margin = 1.0"
    perplexity = '{name = "perplexity", shift = false}'
    write("perplexity_exploded", perplexity, {"y": likely}, {"y": -1e4 * likely}, tokens, relative)
    write(
        "perplexity_worse", perplexity, {"y": likely}, {"y": first_turned(likely, 40)}, tokens, "relative_margin = 1.0"
    )
    texts = np.array([" ".join("abcde"[each] for each in row) for row in tokens])
    write("words", '"decoding:words"', {"y": likely}, {"y": first_turned(likely, 60)}, texts, census)

    groups = np.arange(SAMPLES) % 10
    vectors = (np.eye(10)[groups] + 0.05 * RANDOM.standard_normal((SAMPLES, 10))).astype(np.float32)
    mixed = np.concatenate([RANDOM.standard_normal((60, 10)), vectors[60:]])
    write("embeddings", '{name = "recall_at_k", k = 2}', {"y": vectors}, {"y": mixed}, groups, census)
    broken = vectors.copy()
    broken[3, 2] = np.nan
    write("not_a_number", '"top1"', {"y": vectors}, {"y": broken}, groups, census)


def test_metrics_at_their_ends_are_judged_and_none_passes_that_may_not(pytester: pytest.Pytester) -> None:
    pytest.importorskip("skimage")
    pytest.importorskip("jiwer")
    write_cases(pytester.path)

    result = pytester.runpytest("-q", "-k", "accuracy")

    found = {}
    for event in read_ledger(pytester.path / ".qparity" / "ledger.json").verdicts:
        if event["check"] == "accuracy":
            codes = [failure["code"] for failure in event["failures"]]
            found[Path(event["node_id"].split("::")[0]).stem] = (event["outcome"], *codes)
    failed = ("accuracy-fail", "QP-ACC-001")
    assert found == {
        "wer_of_noise": ("pass",),
        "wer_above_one": failed,
        "wer_float_above_one": ("cannot-judge", "QP-ACC-006"),
        "spans": failed,
        "ssim_negative": failed,
        "psnr_negative": ("pass",),
        "psnr_more_negative": failed,
        "perplexity_exploded": failed,
        "perplexity_worse": failed,
        "words": failed,
        "embeddings": failed,
        "not_a_number": ("cannot-judge", "QP-ACC-002"),
    }
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "Traceback" not in result.stdout.str()
