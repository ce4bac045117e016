"""The table held against the engines that are here: what is refused they refuse, what is not they load."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import openvino
import pytest

from tests.checks.linting.files import Row
from tests.checks.linting.test_rules import CPUS
from tests.checks.linting.validity_rows import VALIDITY
from tests.models import save


def loads_in_onnxruntime(path: Path) -> bool:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001  # its errors have no class of their own
        return False
    return True


def loads_in_openvino(path: Path) -> bool:
    core = openvino.Core()
    try:
        core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    except RuntimeError:
        return False
    return True


LOADS = {"ort": loads_in_onnxruntime, "openvino": loads_in_openvino}


# OpenVINO looks at less than onnx.checker, and ends with a segmentation fault on some of what that refuses.
ROWS = [
    *CPUS,
    *(row for row in VALIDITY if row.target == "ort" or (row.target == "openvino" and not row.refused)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_engine_refuses_what_is_said_to_be_refused_and_nothing_else(row: Row, tmp_path: Path) -> None:
    path = save(row.build(), tmp_path / "model.onnx")

    assert LOADS[row.target](path) is not bool(row.refused)
