"""What a variant is compared with on a backend that refuses the float model for its local functions."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.e2e.projects import accept_golden
from tests.models import save
from tests.precision.graphs import function_inside

CASE = """
model = "float.onnx"
[data]
test = "data.npz"
calibration = "calibration.npz"
batch = 8
[precisions.fp32]
[precisions.int8]
"""


def preflight_of(root: Path, precision: str) -> Verdict:
    folder = root / "cases"
    save(function_inside(), folder / "float.onnx")
    for seed, name in enumerate(("data", "calibration")):
        np.savez(folder / f"{name}.npz", x=np.random.default_rng(seed).standard_normal((32, 8)).astype(np.float32))
    case_file = folder / "called.toml"
    case_file.write_text(CASE)
    accept_golden(case_file)
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(root), "cases/called.toml")
    run = gate.RunMaterial(material, "openvino", precision)
    with contextlib.closing(material), contextlib.closing(run):
        return gate.judge(run, "preflight")


def test_a_variant_is_compared_with_the_float_model_without_its_functions(tmp_path: Path) -> None:
    pytest.importorskip("openvino")

    verdict = preflight_of(tmp_path, "int8")

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["equal_to_float"] is False


def test_the_float_model_itself_is_judged_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("openvino")

    verdict = preflight_of(tmp_path, "fp32")

    assert [failure.code for failure in verdict.failures] == [Code.BACKEND_LOAD]
