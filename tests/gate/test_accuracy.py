"""The accuracy of a run: which margin holds, what stands beside the verdict, and when it ends early."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.backends.hosted import HostedSession
from pytest_qparity.case.schema import AccuracySpec
from pytest_qparity.checks.accuracy import measure_accuracy
from pytest_qparity.checks.metrics import guards
from pytest_qparity.checks.metrics.guards import scored
from pytest_qparity.checks.scores import Scores
from pytest_qparity.checks.statistics.noninferiority import LEVEL, Margin
from pytest_qparity.gate.accuracy import _alike, calibration_errors, details, gained, margin_of, without_a_bar
from pytest_qparity.precision.table import Points, Share
from pytest_qparity.verdict import CannotJudge, Code, Outcome, Verdict
from tests.e2e.projects import CASE, accept_golden, write_project

SMALL = CASE.replace("batch = 40", "batch = 10")


def judged(root: Path, text: str) -> tuple[dict[str, Verdict], gate.RunMaterial]:
    """Parity and accuracy of ort-int8; the run, closed."""
    case_file = write_project(root, text)
    accept_golden(case_file)
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(root), "cases/mlp.toml")
    run = gate.RunMaterial(material, "ort", "int8")
    with contextlib.closing(material), contextlib.closing(run):
        return {check: gate.judge(run, check) for check in ("parity", "accuracy")}, run


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many samples each judged call of a session was fed."""
    counts: list[int] = []
    original = HostedSession.run_within

    def counted(session: HostedSession, feed: Mapping[str, np.ndarray], most_bytes: int) -> Any:
        counts.append(len(next(iter(feed.values()))))
        return original(session, feed, most_bytes)

    monkeypatch.setattr(HostedSession, "run_within", counted)
    return counts


def test_what_an_early_look_decides_saves_the_rest_of_the_inference(tmp_path: Path, fed: list[int]) -> None:
    text = SMALL.replace("margin = 5.0", "margin = 20.0\nlooks = [0.5, 1.0]")
    case_file = write_project(tmp_path, text)
    accept_golden(case_file)
    fed.clear()

    found, run = judged(tmp_path, text)

    accuracy = found["accuracy"]
    assert accuracy.outcome is Outcome.PASS
    assert (accuracy.evidence["samples"], accuracy.evidence["ended_at_look"]) == (60, 1)
    assert accuracy.evidence["level"] == LEVEL
    assert accuracy.evidence["level_of_look"] == pytest.approx(0.0088, abs=0.0001)
    assert fed.count(10) == 12 + 6  # the golden, which takes all, and the variant; feeds of canaries hold 8
    assert found["parity"].evidence["outputs"]["logits"]["elements"] == 60 * 4
    assert run.judged.indices is not None
    assert sorted(run.judged.indices) != list(range(60))


@pytest.mark.parametrize(("value", "notes"), [(95.0, 1), (40.0, 0), (29.0, 0)])
def test_a_gain_that_no_quantization_gives_is_a_note(value: float, notes: int) -> None:
    reference, variant = (np.zeros(100) for _ in range(2))
    reference[:32], variant[: round(value)] = 1.0, 1.0

    found = gained(measure_accuracy("top1", Scores(reference), Scores(variant), Margin(5.0), None))

    assert len(found) == notes


def test_what_no_look_decides_takes_all_samples(tmp_path: Path) -> None:
    found, run = judged(tmp_path, SMALL.replace("margin = 5.0", "margin = 0.1\nlooks = [0.25, 0.5, 1.0]"))

    assert found["accuracy"].outcome is Outcome.CANNOT_JUDGE
    assert found["accuracy"].evidence["samples"] == 120
    assert found["accuracy"].evidence["ended_at_look"] == 3
    assert run.judged.indices is not None
    assert sorted(run.judged.indices) == list(range(120))


def test_outputs_in_another_order_are_held_against_their_own_goldens(tmp_path: Path) -> None:
    in_order, _ = judged(tmp_path / "one", SMALL)
    shuffled, _ = judged(tmp_path / "two", SMALL.replace("margin = 5.0", "margin = 5.0\nlooks = [0.1, 1.0]"))

    assert shuffled["parity"].deciding == in_order["parity"].deciding
    assert shuffled["accuracy"].evidence["lost"] == in_order["accuracy"].evidence["lost"]


def test_the_scores_of_the_look_that_ended_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(*arguments: Any) -> Any:
        calls.append(len(arguments[4]))
        return scored(*arguments)

    monkeypatch.setattr(guards, "scored", counted)

    judged(tmp_path, SMALL.replace("margin = 5.0", "margin = 20.0\nlooks = [0.5, 1.0]"))

    assert calls.count(60) == 1  # canaries have 24 samples


def test_a_metric_that_cannot_be_had_is_no_matter_of_looks(tmp_path: Path) -> None:
    text = SMALL.replace("margin = 5.0", "margin = 5.0\nlooks = [0.5, 1.0]")
    case_file = write_project(tmp_path, text)
    data = tmp_path / "cases" / "data" / "test.npz"
    np.savez(data, input=np.load(data)["input"])
    accept_golden(case_file)
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(tmp_path), "cases/mlp.toml")
    run = gate.RunMaterial(material, "ort", "int8")

    with contextlib.closing(material), contextlib.closing(run):
        parity, accuracy = gate.judge(run, "parity"), gate.judge(run, "accuracy")

    assert parity.outcome is Outcome.PASS
    assert [failure.code for failure in accuracy.failures] == [Code.DATA_LABELS]


def test_few_samples_of_a_population_decide_nothing_and_of_a_census_all(tmp_path: Path) -> None:
    few = SMALL.replace("margin = 5.0", "margin = 1.0")

    population, _ = judged(tmp_path / "one", few)
    census, _ = judged(tmp_path / "two", few.replace("batch = 10", "batch = 10\npopulation = false"))

    assert population["accuracy"].outcome is Outcome.CANNOT_JUDGE
    assert [failure.code for failure in population["accuracy"].failures] == [Code.ACCURACY_UNDECIDED]
    assert census["accuracy"].outcome is not Outcome.CANNOT_JUDGE
    assert "level" not in census["accuracy"].evidence


def test_the_evidence_names_calibration_errors_and_worst_samples(tmp_path: Path) -> None:
    evidence = judged(tmp_path, SMALL)[0]["accuracy"].evidence

    assert 0 <= evidence["float_calibration_error_percent"] <= 100
    assert len(evidence["worst_samples"]) == min(evidence["lost"], 10)


@pytest.mark.parametrize(
    ("stated", "of_table", "percent", "expected"),
    [
        ({"margin": 0.7}, Points(0.5), True, Margin(absolute=0.7)),
        ({"margin": 0.0}, Share(1.0), True, Margin(absolute=0.0)),
        ({"relative_margin": 2.0}, Points(0.5), True, Margin(relative=2.0)),
        ({}, Points(0.5), True, Margin(absolute=0.5)),
        ({}, Share(1.0), True, Margin(relative=1.0)),
        ({}, Share(1.0), False, Margin(relative=1.0)),
        ({"margin": 0.7}, Points(0.5), False, Margin(absolute=0.7)),
    ],
)
def test_the_margin_is_what_the_case_states_or_else_that_of_the_table(
    stated: dict[str, float], of_table: Points | Share, percent: bool, expected: Margin
) -> None:
    assert margin_of(AccuracySpec(metric="top1", **stated), of_table, percent) == expected


def test_points_of_the_table_are_no_margin_of_another_unit() -> None:
    with pytest.raises(CannotJudge) as caught:
        margin_of(AccuracySpec(metric="mae"), Points(0.5), percent=False)

    assert caught.value.failure.code is Code.ACCURACY_MARGIN


def test_classes_that_lose_are_noted() -> None:
    labels = np.repeat(np.arange(4), 50)
    reference, variant = np.ones(200), np.ones(200)
    variant[100:120] = 0.0

    found, notes = details(Scores(reference), Scores(variant), labels, None)

    assert found["class_drops"] == [
        {"label": 2, "samples": 50, "lost": 20, "gained": 0, "drop": 0.4, "p": pytest.approx(4 * 0.5**20)}
    ]
    assert notes == ("classes that lose more than chance takes, at 5 % over all: 2 (20 lost, 0 gained of 50)",)
    assert found["worst_samples"][0] == ["100", 1.0]


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        (np.zeros((4, 3), np.float32), None),
        (np.zeros((4, 3), np.int64), np.arange(4) % 3),
        (np.zeros((4, 1), np.float32), np.zeros(4, np.int64)),
        (np.zeros((4, 3, 3), np.float32), np.zeros(4, np.int64)),
        (np.full((4, 3), np.nan, np.float32), np.zeros(4, np.int64)),
        (np.zeros((4, 3), np.float32), np.zeros((4, 2), np.int64)),
    ],
    ids=["no labels", "no floats", "one class", "a map", "NaN", "spans"],
)
def test_what_holds_no_class_scores_has_no_calibration_error(outputs: np.ndarray, labels: np.ndarray | None) -> None:
    assert calibration_errors({"y": outputs}, {"y": outputs}, labels) == {}


def test_a_margin_as_wide_as_the_lead_over_chance_and_a_population_of_copies_are_noted(tmp_path: Path) -> None:
    text = CASE.replace("margin = 5.0", "margin = 90.0")
    case_file = write_project(tmp_path, text)
    data = next(tmp_path.rglob("test*.npz"))
    with np.load(data) as arrays:
        few = {name: np.repeat(array[:40], 3, axis=0) for name, array in arrays.items()}
    np.savez(data, **few)
    accept_golden(case_file)
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(tmp_path), "cases/mlp.toml")
    run = gate.RunMaterial(material, "ort", "int8")
    with contextlib.closing(material), contextlib.closing(run):
        notes = gate.judge(run, "accuracy").notes

    assert any(note.startswith("40 of 120 test samples are distinct: copies tell nothing more") for note in notes)
    assert any(note.endswith("a variant that guesses would pass") for note in notes)


def test_a_margin_below_the_lead_over_chance_needs_no_note() -> None:
    right = Scores(np.array([1.0] * 80 + [0.0] * 20))

    def noted(margin: float, chance: float | None) -> int:
        measured = measure_accuracy("top1", right, right, Margin(absolute=margin), LEVEL)
        return len(without_a_bar(measured, chance))

    assert [noted(69.0, 0.1), noted(70.0, 0.1), noted(99.0, None)] == [0, 1, 0]


def test_copies_are_known_by_where_they_stand_in_what_was_looked_at() -> None:
    run = SimpleNamespace(material=SimpleNamespace(alike_samples=np.array([0, 1, 0, 1, 4])))

    assert _alike(run, SimpleNamespace(indices=None)).tolist() == [0, 1, 0, 1, 4]
    assert _alike(run, SimpleNamespace(indices=np.array([3, 4, 1, 2]))).tolist() == [0, 1, 0, 3]
