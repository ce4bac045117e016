"""What a population's draws are: samples, groups, recordings, or the labels of a metric that compares samples."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.checks.metrics import BUILTIN_METRICS
from pytest_qparity.gate.grouping import grouping_of
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.e2e.extremes import write_case
from tests.e2e.projects import CASE, accept_golden, write_project

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


def stated(groups: np.ndarray | None = None, **more: object) -> SimpleNamespace:
    """What grouping reads of a case's material, of 6 samples."""
    spec = SimpleNamespace(accuracy=SimpleNamespace(metric=more.get("metric", "top1")))
    return SimpleNamespace(
        case=SimpleNamespace(spec=spec, folder=Path()),
        settings=SimpleNamespace(metrics={metric.name: metric for metric in BUILTIN_METRICS}),
        samples=SimpleNamespace(labels=np.array([0, 0, 1, 1, 2, 2]), groups=groups),
        feeds=SimpleNamespace(samples=6),
        recordings=None,
        alike_samples=np.array([0, 1, 2, 3, 0, 5]),
    )


def test_groups_of_the_data_and_labels_are_joined() -> None:
    groups = np.array(["a", "b", "a", "c", "d", "d"])
    with_labels, alone = grouping_of(stated(groups, metric="recall_at_k")), grouping_of(stated(groups))

    assert grouping_of(stated()) is None
    assert alone is not None
    assert with_labels is not None
    assert (alone.unit, alone.of.tolist(), alone.firsts.tolist()) == ("groups", [0, 1, 0, 2, 3, 3], [0, 1, 2, 3, 5])
    assert (with_labels.unit, with_labels.of.tolist()) == ("groups", [0, 0, 0, 0, 1, 1])


def test_samples_of_stated_groups_are_tested_by_group(tmp_path: Path) -> None:
    """120 samples of 12 groups; without `group` the array is none of the model's."""
    text = CASE.replace("[data]", '[data]\ngroup = "user"')
    case_file = write_project(tmp_path, text)
    data = next(tmp_path.rglob("test*.npz"))
    with np.load(data) as arrays:
        np.savez(data, user=np.arange(120) % 12, **arrays)
    accept_golden(case_file)

    verdict = accuracy_of(case_file)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert "120 samples of 12 groups" in verdict.failures[0].sentence
    assert (verdict.evidence["groups"], verdict.evidence["samples"]) == (12, 120)
    assert "score_bits" not in verdict.evidence
    assert all("p" not in told for told in verdict.evidence["class_drops"])

    case_file.write_text(text.replace('"user"', '"users"'), encoding="utf-8")
    [failure] = accuracy_of(case_file).failures
    assert (failure.code, failure.remedy) == (Code.DATA_GROUPS, 'write group = "user"')
