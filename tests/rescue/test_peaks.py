"""One bright pixel in a thousand images: the range that cuts it is told, diagnosed and rescued by min-max."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from pytest_qparity import gate
from pytest_qparity.diagnose.causes.cause import Cause
from pytest_qparity.diagnose.diagnosing import Order, diagnose
from pytest_qparity.rescue.rescuing import rescue
from pytest_qparity.rescue.result import Limits
from tests.models import save
from tests.precision.graphs import FLOAT, model_of, weights
from tests.rescue.projects import opened

CASE = """
model = "model.onnx"
[data]
test = "test.npz"
calibration = "calibration.npz"
batch = 16
[precisions.int8]
[parity.int8]
sqnr_db = 25.0
"""


def images(count: int, bright: int, seed: int) -> np.ndarray:
    """Of 48 x 48, from 0 to 1; `bright` of them have one pixel of 6."""
    made = np.random.default_rng(seed).uniform(0, 1, (count, 1, 48, 48)).astype(np.float32)
    made[:bright, 0, 24, 24] = 6.0
    return made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peaks") / "cases"
    nodes = [
        helper.make_node("Conv", ["input", "k"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Conv", ["r", "l"], ["y"], name="last"),
    ]
    kernels = {"k": weights(4, 1, 3, 3), "l": weights(2, 4, 1, 1, seed=1)}
    inputs, outputs = [("input", FLOAT, ["N", 1, 48, 48])], [("y", FLOAT, ["N", 2, 48, 48])]
    save(model_of(nodes, inputs, outputs, kernels), folder / "model.onnx")
    np.savez(folder / "calibration.npz", input=images(192, 1, 0))
    np.savez(folder / "test.npz", input=images(32, 16, 1))
    (folder / "peaks.toml").write_text(CASE, encoding="utf-8")
    return folder / "peaks.toml"


def test_cut_peaks_are_a_note_of_preflight_and_a_cause_and_min_max_is_the_cure(file: Path, tmp_path: Path) -> None:
    material, run, _ = opened(file, "int8")
    with contextlib.closing(material):
        with contextlib.closing(gate.RunMaterial(material, run.backend, run.precision)) as running:
            preflight, parity = gate.judge(running, "preflight"), gate.judge(running, "parity")
            variant = running.variant.path
        order = Order(material.model.path, variant, list(material.feeds), precision="int8")
        first = diagnose(order, material.worker).findings[0].suspect
        found, _ = rescue(material, run, tmp_path / "journals", Limits(minutes=10.0))

    (note,) = (each for each in preflight.notes if each.startswith("The ranges cut peaks off (percentile): "))
    assert 'values of "input" ' in note or 'values of "r" ' in note
    assert [failure.code.code for failure in parity.failures] == ["QP-PAR-002"]
    assert (first.cause, 'calibration = "minmax"' in first.key) == (Cause.RANGE_SATURATED, True)
    assert found.rescued
    assert found.best.candidate.changes == (("calibration", "minmax"), ("percentile", None))
    assert found.evaluations == 2  # as it is, and what the note names
