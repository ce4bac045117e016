"""The table held against the engines that are here: what is refused they refuse, what is not they load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import pytest

from tests.checks.linting.files import Row
from tests.checks.linting.test_rules import CPUS
from tests.checks.linting.validity_rows import VALIDITY
from tests.models import save


def runs_in_onnxruntime(path: Path) -> bool:
    """Loads, and runs on zeros."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        session.run(None, {each.name: zeros(each.type, each.shape) for each in session.get_inputs()})
    except Exception:  # noqa: BLE001  # its errors have no class of their own
        return False
    return True


def zeros(stated: str, shape: list[int | str | None]) -> np.ndarray:
    """Of an input's type ("tensor(float16)") and shape, in which open sizes are 1."""
    name = stated.removeprefix("tensor(").removesuffix(")")
    dtype = {"float": "float32", "double": "float64"}.get(name, name)
    return np.zeros([size if isinstance(size, int) else 1 for size in shape], dtype)


def loads_in_openvino(path: Path) -> bool:
    core = openvino.Core()
    try:
        core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    except RuntimeError:
        return False
    return True


LOADS = {"ort": runs_in_onnxruntime, "openvino": loads_in_openvino}


# OpenVINO looks at less than onnx.checker, and ends with a segmentation fault on some of what that refuses.
ROWS = [
    *CPUS,
    *(row for row in VALIDITY if row.target == "ort" or (row.target == "openvino" and not row.refused)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_engine_refuses_what_is_said_to_be_refused_and_nothing_else(row: Row, tmp_path: Path) -> None:
    path = save(row.build(), tmp_path / "model.onnx")

    assert LOADS[row.target](path) is not bool(row.refused)
