"""Files that NVIDIA's ModelOpt made (modelopt/NOTICE.md): lint has nothing to say of them, and the gate judges them as
they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.checks.linting.linting import linted
from pytest_qparity.verdict import Outcome
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.checks.linting.modelopt.make import MADE, SHAPE, float_model
from tests.e2e.projects import accept_golden
from tests.models import save

FILES = Path(__file__).parent / "modelopt"
PRECISIONS = {"int8_max": "int8", "int8_fp16": "int8", "fp8": "fp8", "fp8_fp16": "fp8"} | dict.fromkeys(
    ("int4_rtn", "int4_awq"), "int4"
)


def test_each_file_that_the_script_makes_is_here() -> None:
    assert {path.stem for path in FILES.glob("*.onnx")} == MADE.keys() == PRECISIONS.keys()


@pytest.mark.parametrize("target", ["trt10", "trt11"])
@pytest.mark.parametrize("name", MADE)
def test_a_file_of_modelopt_is_taken_without_a_word(name: str, target: str) -> None:
    onnx.checker.check_model(FILES / f"{name}.onnx", full_check=True)

    assert linted(FILES / f"{name}.onnx", target, InProcess(Limits())) == ()


def write_case(root: Path) -> Path:
    """The float model, data, and each file of ModelOpt as a precision that is given."""
    save(float_model(), root / "cases" / "models" / "float.onnx")
    given = []
    for name, base in PRECISIONS.items():
        (root / "cases" / "models" / f"{name}.onnx").write_bytes((FILES / f"{name}.onnx").read_bytes())
        given.append(f'[precisions.{base}-{name.replace("_", "-")}]\nfile = "models/{name}.onnx"\n')
    (root / "cases" / "data").mkdir()
    samples = np.random.default_rng(2).standard_normal((4 * SHAPE[0], *SHAPE[1:])).astype(np.float32)
    np.savez(root / "cases" / "data" / "test.npz", x=samples)
    case_file = root / "cases" / "modelopt.toml"
    stated = f'model = "models/float.onnx"\n[data]\ntest = "data/test.npz"\nbatch = {SHAPE[0]}\n[precisions.fp32]\n'
    case_file.write_text(stated + "".join(given), encoding="utf-8")
    accept_golden(case_file)
    return case_file


def test_files_of_modelopt_are_judged_as_they_are_given(tmp_path: Path) -> None:
    """On ONNX Runtime's CPU provider: int8 and int4 as it computes them, fp8 emulated."""
    case = load_case(write_case(tmp_path))
    settings = gate.default_settings(tmp_path, latency_seconds=0.01)

    verdicts = {
        (run.precision, check): verdict
        for run in gate.plan(case, settings, ["ort"])
        for check, verdict in gate.judge_run(case, run, settings)
        if check in ("preflight", "parity")
    }

    assert len(verdicts) == 2 * (1 + len(PRECISIONS))
    others = {run for run, verdict in verdicts.items() if verdict.outcome is not Outcome.PASS}
    assert {precision for precision, _ in others} == {"int4-int4-awq"}


@pytest.mark.parametrize(
    ("name", "target", "rule"), [("int4_awq", "ort", "ORT-Q-007"), ("int4_rtn", "openvino", "OV-Q-003")]
)
def test_what_another_engine_does_not_take_of_them_is_told(name: str, target: str, rule: str) -> None:
    """AWQ leaves the scales of a transposed Gemm (32, 1) beside axis 0; round-to-nearest puts its blocks along the
    output channels, on which OpenVINO ends by SIGFPE."""
    [refused] = linted(FILES / f"{name}.onnx", target, InProcess(Limits()))

    assert refused.rule.id == rule
    assert refused.node in ("gemm", "g_DequantizeLinear")
