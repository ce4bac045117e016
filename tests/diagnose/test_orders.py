from __future__ import annotations

import contextlib
from pathlib import Path

from pytest_qparity.diagnose.causes.cause import Cause
from pytest_qparity.diagnose.orders import diagnose_run
from tests.rescue.projects import CASE, far_apart, opened, write_project


def test_a_run_whose_float_model_was_rewritten_has_no_weight_of_another_model(tmp_path: Path) -> None:
    case = CASE.replace('target = "ort"', 'target = "ort"\nequalize = true')
    material, run, settings = opened(write_project(tmp_path, case, far_apart()), "int8")
    with contextlib.closing(material):
        found = diagnose_run(material.case, run, settings, shortlist=6, told=lambda _, __: None)

    causes = {finding.suspect.cause for finding in found.findings}
    assert causes
    assert not causes & {Cause.WRONG_WEIGHT, Cause.WRONG_WEIGHT_SCALE, Cause.WRONG_BIAS}
