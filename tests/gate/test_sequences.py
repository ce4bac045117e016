"""Recurrent cases, judged over recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.case.loading import CaseError
from pytest_qparity.golden import GoldenKey
from pytest_qparity.verdict import Outcome, Verdict
from tests.e2e.projects import INI
from tests.models import save
from tests.recurrent import HIDDEN, integrator, rolled_out, signal

CASE = """
model = "model.onnx"
state = {{ {feedback} }}
[data]
test = "test.npz"
calibration = "calibration.npz"
[precisions.fp32]
[precisions.int8]
target = "ort"
[parity.int8]
sqnr_db = {limit_db}
"""


def project(root: Path, *, feedback: str = 'next = "state"', limit_db: float = 10.0, **data: np.ndarray) -> Path:
    """A case of the integrator in `root`; `data` in the place of one recording of 300 steps."""
    cases = root / "cases"
    save(integrator(), cases / "model.onnx")
    np.savez(cases / "test.npz", **(data or {"x": signal(300)}))
    np.savez(cases / "calibration.npz", x=signal(200, seed=2))
    (root / "pytest.ini").write_text(INI, encoding="utf-8")
    (cases / "integrator.toml").write_text(CASE.format(feedback=feedback, limit_db=limit_db), encoding="utf-8")
    return cases / "integrator.toml"


def material_of(case_file: Path) -> gate.CaseMaterial:
    return gate.CaseMaterial(load_case(case_file), gate.default_settings(case_file.parent.parent), str(case_file))


def accepted(case_file: Path) -> dict[str, np.ndarray]:
    material = material_of(case_file)
    material.accept_golden()
    return dict(material.golden.outputs)


def judged(case_file: Path, precision: str = "int8", backend: str = "ort") -> Verdict:
    accepted(case_file)
    case = load_case(case_file)
    settings = gate.default_settings(case_file.parent.parent, latency_seconds=0.01)
    [run] = gate.plan(case, settings, [backend], [precision])
    return dict(gate.judge_run(case, run, settings))["parity"]


def curve(verdict: Verdict, output: str, key: str) -> list[float]:
    windows: list[dict[str, Any]] = verdict.evidence["sequence"]["drift"][output]["windows"]
    return [window[key] for window in windows]


def test_the_golden_is_the_rollout_of_the_float_model(tmp_path: Path) -> None:
    golden = accepted(project(tmp_path))

    expected = rolled_out(integrator(), signal(300), np.zeros((1, HIDDEN)))
    assert np.allclose(golden["next"], expected["next"], rtol=1e-4, atol=1e-4)
    assert np.allclose(golden["y"], expected["y"], rtol=1e-4, atol=1e-4)


def test_recordings_leak_no_state_into_one_another(tmp_path: Path) -> None:
    once, twice = signal(40), np.concatenate([signal(40), signal(40)])

    alone = accepted(project(tmp_path / "alone", x=once))
    both = accepted(project(tmp_path / "both", x=twice, recording=np.repeat([0, 1], 40)))

    assert np.array_equal(both["next"][:40], both["next"][40:])
    assert np.array_equal(both["next"][:40], alone["next"])


def test_recordings_begin_with_the_states_that_the_data_give(tmp_path: Path) -> None:
    first = np.full((40, HIDDEN), 3.0, np.float32)
    golden = accepted(project(tmp_path, x=signal(40), state=first))

    expected = rolled_out(integrator(), signal(40), first[:1].astype(np.float64))
    assert np.allclose(golden["next"], expected["next"], rtol=1e-4, atol=1e-4)


def test_what_single_steps_hide_is_judged(tmp_path: Path) -> None:
    """Each step from FP32 states is well above the limit; over the variant's own states it is far below."""
    first = judged(project(tmp_path / "low"))
    forced, free = (curve(first, "next", key) for key in ("from_golden_db", "free_running_db"))

    assert first.outcome is Outcome.PASS
    assert free[0] == forced[0]
    assert free[-1] < forced[-1] - 6

    between = (forced[-1] + free[-1]) / 2
    second = judged(project(tmp_path / "between", limit_db=between))
    assert second.outcome is Outcome.ACCURACY_FAIL
    assert "below its limit from step" in " ".join(second.notes)


def test_fp32_has_no_drift(tmp_path: Path) -> None:
    verdict = judged(project(tmp_path), "fp32")

    assert verdict.outcome is Outcome.PASS
    assert min(curve(verdict, "next", "free_running_db")) > 110


@pytest.mark.parametrize(("backend", "precision"), [("openvino", "int8"), ("reference", "fp32")])
def test_other_backends_roll_out_too(tmp_path: Path, backend: str, precision: str) -> None:
    verdict = judged(project(tmp_path, x=signal(60)), precision, backend)

    assert verdict.outcome is Outcome.PASS
    assert len(curve(verdict, "y", "free_running_db")) == 6


def test_calibration_goes_through_the_states_of_the_float_model(tmp_path: Path) -> None:
    feeds = material_of(project(tmp_path)).calibration_feeds

    expected = rolled_out(integrator(), signal(200, seed=2), np.zeros((1, HIDDEN)))["next"]
    assert np.allclose(feeds.arrays["state"].reshape(200, HIDDEN)[1:], expected[:-1], rtol=1e-4, atol=1e-4)


def test_the_state_belongs_to_the_key_of_a_golden_that_has_one_and_to_no_other(tmp_path: Path) -> None:
    with_state = material_of(project(tmp_path)).golden_key
    states = rolled_out(integrator(), signal(300), np.zeros((1, HIDDEN)))["next"].astype(np.float32)
    case_file = project(tmp_path, x=signal(300), state=states)
    text = case_file.read_text(encoding="utf-8")
    case_file.write_text(text.replace('state = { next = "state" }\n', ""), encoding="utf-8")

    without = material_of(case_file).golden_key

    assert isinstance(with_state, GoldenKey)
    assert with_state.recipe != without.recipe
    assert without.recipe.startswith("4a2cfb20cbfd")  # that of every golden of batch 1 that is out there


@pytest.mark.parametrize(("alike", "distinct"), [(False, None), (True, 1)])
def test_a_population_is_of_recordings_and_not_of_their_steps(
    tmp_path: Path, alike: bool, distinct: int | None
) -> None:
    """240 steps of which none is lost would show a margin of 2 points, 12 recordings do not; nor does one, 12 times."""
    recordings = [signal(20, seed=0 if alike else seed) for seed in range(12)]
    x = np.concatenate(recordings)
    case_file = project(tmp_path, x=x, recording=np.repeat(np.arange(12), 20), labels=np.zeros(240, np.int64))
    labels = accepted(case_file)["y"].argmax(axis=-1).ravel().astype(np.int64)
    np.savez(case_file.parent / "test.npz", x=x, recording=np.repeat(np.arange(12), 20), labels=labels)
    with case_file.open("a", encoding="utf-8") as file:
        file.write('[accuracy]\nmetric = { name = "top1", output = "y" }\nmargin = 2.0\n')
    accepted(case_file)
    case, settings = load_case(case_file), gate.default_settings(tmp_path, latency_seconds=0.01)
    [run] = gate.plan(case, settings, ["ort"], ["fp32"])

    verdict = dict(gate.judge_run(case, run, settings))["accuracy"]

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert (verdict.evidence["samples"], verdict.evidence["recordings"], verdict.evidence["lost"]) == (240, 12, 0)
    assert verdict.evidence.get("distinct_recordings") == distinct
    assert "149" in verdict.failures[0].remedy
    assert "score_bits" not in verdict.evidence
    assert all("p" not in told for told in verdict.evidence["class_drops"])


def test_a_misspelt_state_cannot_be_judged(tmp_path: Path) -> None:
    case_file = project(tmp_path, feedback='nxt = "state"')
    case = load_case(case_file)
    settings = gate.default_settings(tmp_path)
    [run] = gate.plan(case, settings, ["ort"], ["int8"])

    verdict = dict(gate.judge_run(case, run, settings))["parity"]

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert [failure.code.code for failure in verdict.failures] == ["QP-SEQ-001"]
    assert 'write "next"' in verdict.failures[0].remedy


def test_an_input_that_two_outputs_feed_is_refused(tmp_path: Path) -> None:
    case_file = project(tmp_path, feedback='next = "state", y = "state"')

    with pytest.raises(CaseError, match="each input once"):
        load_case(case_file)


def test_steps_in_batches_are_refused(tmp_path: Path) -> None:
    case_file = project(tmp_path)
    text = case_file.read_text(encoding="utf-8")
    case_file.write_text(text.replace('test = "test.npz"', 'test = "test.npz"\nbatch = 2'), encoding="utf-8")

    with pytest.raises(CaseError, match="batch = 2 beside state"):
        gate.plan(load_case(case_file), gate.default_settings(tmp_path), ["ort"])


@pytest.mark.parametrize(
    ("more", "told"),
    [("", "Got looks beside state"), ("population = false\n", "Got looks beside state")],
)
def test_the_steps_of_a_recording_are_not_looked_at_in_a_drawn_order(tmp_path: Path, more: str, told: str) -> None:
    case_file = project(tmp_path)
    text = case_file.read_text(encoding="utf-8").replace('test = "test.npz"\n', f'test = "test.npz"\n{more}')
    case_file.write_text(f'{text}[accuracy]\nmetric = "agreement"\nlooks = [0.5, 1.0]\n', encoding="utf-8")

    with pytest.raises(CaseError, match=told):
        gate.plan(load_case(case_file), gate.default_settings(tmp_path), ["ort"])
