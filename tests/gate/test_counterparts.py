"""A latency beside runs of other backends: which they are, when they count, and what is told of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.backends.hosted import HostedSession
from pytest_qparity.backends.registry import BackendSpec
from pytest_qparity.backends.timing import PairedTimes, Times
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.e2e.projects import CASE, accept_golden, write_project

SECONDS = 0.3  # and up to 20 times as long, on a busy machine
OTHERS = {
    name: BackendSpec(name, f"tests.faults.engines:{engine}")
    for name, engine in {
        "sound": "Sound",
        "strayed": "StatesAnotherPlace",
        "zeros": "GivesZeros",
        "absent": "RaisesAtImport",
        "stopping": "StopsComputing",
        "crashing": "SegfaultsWhileTimed",
        "floatzeros": "GivesZerosOfTheFloatModel",
    }.items()
}
OVER = """
[latency]
over = ["fp16", "sound-fp32", "ort-fp32", "absent-fp32"]
[budgets.ort.int8]
speedup_over = {{ {over} }}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("beside")
    accept_golden(write_project(root, CASE))
    return root


def latency_of(root: Path, text: str, run: str = "ort-int8") -> Verdict:
    case_file = root / "cases" / "mlp.toml"
    case_file.write_text(CASE + text)
    plain = gate.default_settings(root, latency_seconds=SECONDS)
    settings = dataclasses.replace(plain, canaries=Canaries(root, ()), backends={**plain.backends, **OTHERS})
    case = load_case(case_file)
    (planned,) = (each for each in gate.plan(case, settings, [run.partition("-")[0]]) if each.id == run)
    return dict(gate.judge_run(case, dataclasses.replace(planned, checks=("latency",)), settings))["latency"]


@pytest.fixture(scope="module")
def beside(root: Path) -> Verdict:
    return latency_of(root, OVER.format(over="sound-int8 = 0.01, fp32 = 0.001"))


def test_a_run_is_timed_beside_those_of_its_budgets_fp32_and_those_that_the_case_names(beside: Verdict) -> None:
    assert beside.outcome is Outcome.PASS, beside.failures
    assert list(beside.evidence["speed_up_over"]) == ["sound-int8", "fp32", "fp16", "sound-fp32"]
    assert beside.evidence["budgets"] == {"sound-int8": 0.01, "fp32": 0.001}


def test_what_is_known_of_counterparts_elsewhere_is_told(beside: Verdict) -> None:
    assert beside.evidence["counterparts"].keys() == {"sound-int8", "sound-fp32"}
    told = beside.evidence["counterparts"]["sound-fp32"]
    assert told["engine"].startswith("onnxruntime ")
    assert (told["threads"], told["clock"], told["with_copies"]) == (1, "host", False)
    assert len(told["sha256"]) == 64


def test_one_that_no_budget_asks_for_and_that_is_not_there_is_a_note(beside: Verdict) -> None:
    (note,) = (note for note in beside.notes if "absent-fp32" in note)

    assert note.startswith("the speed-up over absent-fp32 was not measured: ")


def test_calls_between_which_the_process_waited_are_no_latency(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    across = HostedSession._time_across

    def slow(*asked: Any) -> PairedTimes:
        times = across(*asked)
        return dataclasses.replace(times, of_variant=Times(np.full(40, 1e6), np.ones(40, bool)))

    monkeypatch.setattr(HostedSession, "_time_across", slow)
    text = '[latency]\nover = ["sound-fp32"]\n'

    for run in ("ort-fp32", "ort-int8"):
        evidence = latency_of(root, text, run).evidence
        assert evidence["median_ms"] < 1e5
        assert "estimate" in evidence["speed_up_over"]["sound-fp32"]


def test_fp32_has_its_own_latency_beside_another_backend(root: Path) -> None:
    verdict = latency_of(root, '[latency]\nover = ["sound-fp32"]\n', run="ort-fp32")

    assert list(verdict.evidence["speed_up_over"]) == ["sound-fp32"]
    assert verdict.deciding.endswith(" ms")
    assert verdict.evidence["calls"] >= 20


def test_a_budget_over_another_backend_is_missed(root: Path) -> None:
    (failure,) = latency_of(root, "[budgets.ort.int8]\nspeedup_over = { sound-fp32 = 1000 }\n").failures

    assert failure.code is Code.LATENCY_BUDGET
    assert failure.sentence.startswith("The speed-up over sound-fp32 is ")


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        ("absent", "absent"),
        ("strayed", "Elsewhere"),
        ("zeros", "utputs of zeros-fp32 for the timed feed are others than the golden's"),
    ],
)
def test_a_counterpart_that_is_not_what_it_is_called_is_none(root: Path, backend: str, told: str) -> None:
    """A waiver for the run covers what was measured, and no counterpart that was not."""
    waiver = '[[waivers]]\nrun = "ort-*"\nreason = "absent engines"\nexpires = 2999-01-01\n'
    over = f"[budgets.ort.int8]\nspeedup_over = {{ {backend}-fp32 = 0.001 }}\n"

    verdict = latency_of(root, over + waiver)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert [failure.code for failure in verdict.failures] == [Code.LATENCY_COUNTERPART]
    assert told in verdict.failures[0].sentence
    assert f"{backend}-fp32" not in verdict.evidence["speed_up_over"]


@pytest.mark.parametrize("backend", ["stopping", "crashing"])
def test_a_counterpart_that_goes_wrong_while_it_is_timed_leaves_the_run_its_figures(root: Path, backend: str) -> None:
    verdict = latency_of(root, f"[budgets.ort.int8]\nspeedup_over = {{ {backend}-fp32 = 0.001, fp32 = 0.001 }}\n")

    assert [failure.code for failure in verdict.failures] == [Code.LATENCY_COUNTERPART]
    assert verdict.evidence["speed_up_over"].keys() == {"fp32"}
    recorded = latency_of(root, f'[latency]\nover = ["{backend}-fp32"]\n')
    assert recorded.outcome is Outcome.PASS
    assert any(note.startswith(f"the speed-up over {backend}-fp32 was not measured: ") for note in recorded.notes)


@pytest.mark.parametrize("backend", ["floatzeros", "strayed"])
def test_fp32_of_the_own_backend_counts_as_what_it_is_called_alone(root: Path, backend: str) -> None:
    verdict = latency_of(root, f"[budgets.{backend}.int8]\nspeedup_over = {{ fp32 = 0.001 }}\n", f"{backend}-int8")

    assert [failure.code for failure in verdict.failures] == [Code.LATENCY_COUNTERPART]
    assert not verdict.evidence["speed_up_over"]


def test_a_precision_of_the_own_backend_must_hold_it(root: Path) -> None:
    """A float file that is called int8 is slow, and nothing to be faster than."""
    text = '[precisions.int8-old]\nfile = "models/mlp.onnx"\n[budgets.ort.int8]\nspeedup_over = { int8-old = 0.001 }\n'

    (failure,) = latency_of(root, text).failures

    assert failure.code is Code.LATENCY_COUNTERPART
    assert "quantized" in failure.sentence


def test_an_emulated_run_is_nothing_to_be_faster_than(root: Path) -> None:
    text = "[precisions.nvfp4]\n[budgets.ort.int8]\nspeedup_over = { openvino-nvfp4 = 0.001 }\n"

    (failure,) = latency_of(root, text).failures

    assert failure.code is Code.LATENCY_COUNTERPART
    assert "float operators that stand for nvfp4" in failure.sentence
