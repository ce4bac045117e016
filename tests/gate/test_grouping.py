"""What a population's draws are: samples, recordings, or the labels of a metric that compares samples."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.verdict import Outcome, Verdict
from tests.e2e.extremes import write_case

RECALL = '{name = "recall_at_k", k = 1}'


def accuracy_of(case_file: Path) -> Verdict:
    settings = gate.default_settings(case_file.parent.parent)
    material = gate.CaseMaterial(load_case(case_file), settings, str(case_file))
    run = gate.RunMaterial(material, "ort", "int8")
    with contextlib.closing(material), contextlib.closing(run):
        return gate.judge(run, "accuracy")


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 labels of 5 samples each, of which nothing is lost; looks are asked for."""
    root = tmp_path_factory.mktemp("embeddings")
    labels = np.repeat(np.arange(20), 5)
    vectors = np.eye(20, dtype=np.float32)[labels]
    vectors += 0.05 * np.random.default_rng(0).standard_normal(vectors.shape, dtype=np.float32)
    (root / "cases").mkdir()
    margin = "margin = 5.0\nlooks = [0.5, 1.0]"
    return write_case(root, "embeddings", RECALL, {"y": (vectors, vectors)}, labels, margin)


def test_labels_are_what_is_drawn_where_samples_are_compared(embeddings: Path) -> None:
    """100 samples without a loss would show a margin of 5 points; 20 labels do not."""
    verdict = accuracy_of(embeddings)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert "100 samples of 20 labels, 0 lost" in verdict.failures[0].sentence
    assert "test on 59 labels" in verdict.failures[0].remedy
    assert (verdict.evidence["samples"], verdict.evidence["labels"]) == (100, 20)
    assert "score_bits" not in verdict.evidence
    assert "looks" not in verdict.evidence
    assert any("looks draw samples" in note for note in verdict.notes)


def test_a_census_of_labels_counts_its_samples(embeddings: Path) -> None:
    text = embeddings.read_text(encoding="utf-8").replace("\nlooks = [0.5, 1.0]", "")
    embeddings.write_text(text.replace("[data]", "[data]\npopulation = false"), encoding="utf-8")

    verdict = accuracy_of(embeddings)

    assert verdict.outcome is Outcome.PASS
    assert "labels" not in verdict.evidence
    assert "score_bits" in verdict.evidence
