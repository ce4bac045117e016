"""Two files and no case: `qparity check`, the same from pytest, and each thing that can be wrong with them."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from pytest_qparity.commands.check import exit_status
from pytest_qparity.ledger import LedgerWriter
from tests.models import inputs_for_mlp, mlp, save

INI = """
[pytest]
addopts = -n 2 --no-such-option
qparity_canaries =
qparity_latency_seconds = 0.01
"""


class Calibration(CalibrationDataReader):
    def __init__(self) -> None:
        self._feeds = iter([{"input": inputs_for_mlp(64)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def quantized(model: Path, path: Path) -> None:
    quantize_static(
        model,
        path,
        Calibration(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a newcomer has it: model.onnx, model_int8.onnx, and other_int8.onnx, which is of other weights;
    addopts that would select none of it."""
    folder = tmp_path_factory.mktemp("newcomer")
    model = save(mlp(), folder / "model.onnx")
    quantized(model, folder / "model_int8.onnx")
    quantized(save(mlp(seed=1), folder / "elsewhere" / "other.onnx"), folder / "other_int8.onnx")
    (folder / "pytest.ini").write_text(INI, encoding="utf-8")
    return folder


def qparity(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest_qparity.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def as_json(pair: Path) -> subprocess.CompletedProcess[str]:
    return qparity(pair, "check", "model.onnx", "model_int8.onnx", "--json")


def test_a_pair_is_judged_and_stdout_is_json_alone(as_json: subprocess.CompletedProcess[str]) -> None:
    told = json.loads(as_json.stdout)

    assert as_json.returncode == told["exit_status"] == 0, as_json.stderr
    assert told["verdict"] == "pass"
    assert {event["run"] for event in told["checks"]} == {"ort-fp32", "ort-int8"}
    assert {event["check"] for event in told["checks"]} == {"preflight", "parity", "latency", "memory"}
    assert told["without_a_verdict"] == []


def test_drawn_inputs_and_a_golden_made_here_are_said_to_be_so(as_json: subprocess.CompletedProcess[str]) -> None:
    told = json.loads(as_json.stdout)

    parity = [event["evidence"] for event in told["checks"] if event["check"] == "parity"]
    assert {evidence["inputs"] for evidence in parity} == {"drawn"}
    assert "they show parity, not accuracy" in told["pair"]["told"][0]
    assert told["pair"]["told"][-1].startswith("Golden: made here of model.onnx")
    assert told["pair"]["told"][0] in as_json.stderr


def test_what_fails_says_that_drawn_inputs_may_be_why_and_its_repeat_command_works(pair: Path) -> None:
    """The same from pytest, and with xdist's workers, which judge what their controller has written."""
    pytest_ = [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider"]
    options = ["--qparity-model=model.onnx", "--qparity-candidate=other_int8.onnx", "-m", "parity", "-n", "1"]

    done = subprocess.run([*pytest_, *options], cwd=pair, capture_output=True, text=True)

    assert done.returncode == 1, done.stdout
    assert "2 checks planned: 1 pass, 1 accuracy-fail" in done.stdout
    assert "Golden: made here of model.onnx" in done.stdout
    assert "a failure may be theirs" in done.stdout.replace("\n        ", " ")
    repeat = next(line for line in done.stdout.splitlines() if line.startswith("Repeat: pytest "))
    again = subprocess.run([*pytest_, *shlex.split(repeat)[2:]], cwd=pair, capture_output=True, text=True)
    assert again.returncode == 1
    assert "QP-PAR-00" in again.stdout
    assert "1 check planned" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ("model.onnx pytest.ini", 4, "QP-MODEL-001"),
        ("model_int8.onnx model.onnx", 2, "should be the float model first: model.onnx model_int8.onnx"),
    ],
)
def test_a_pair_that_is_none_is_one_clear_error(pair: Path, arguments: str, status: int, says: str) -> None:
    done = qparity(pair, "check", *arguments.split(), "--json")

    assert done.returncode == json.loads(done.stdout)["exit_status"] == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("outcomes", "ended", "status"),
    [
        ({"parity": "pass"}, 0, 0),
        ({"parity": "pass"}, 3, 4),
        ({}, 0, 4),
        ({"parity": "cannot-judge", "latency": "budget-fail", "memory": "accuracy-fail"}, 1, 1),
        ({"parity": "pass", "memory": "cannot-judge", "latency": "budget-fail"}, 1, 3),
        ({"parity": "pass", "latency": "budget-fail"}, 3, 4),
        ({"parity": "cannot-judge", "latency": "budget-fail"}, 1, 4),  # who tolerates 3 ships: accuracy is unknown
        ({"parity": None, "latency": "budget-fail"}, 1, 4),
        ({"parity": "cannot-judge", "latency": "pass"}, 1, 4),
    ],
)
def test_the_gravest_outcome_decides_the_exit_status(
    tmp_path: Path, outcomes: dict[str, str | None], ended: int, status: int
) -> None:
    writer = LedgerWriter(tmp_path / "ledger.json", {})
    writer.plan([f"case::run::{check}" for check in outcomes], {})
    for check, outcome in outcomes.items():
        if outcome is not None:
            writer.judged({"event": "verdict", "node_id": f"case::run::{check}", "check": check, "outcome": outcome})

    assert exit_status(writer.close(ended), ended) == status


def test_a_command_that_there_is_not_is_answered_with_one_that_there_is(pair: Path) -> None:
    done = qparity(pair, "frobnicate", "--json")

    assert done.returncode == 2
    assert json.loads(done.stdout)["failure"]["remedy"] == "qparity --help"


def test_ctrl_c_is_told_apart_from_every_verdict(pair: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", "model_int8.onnx", "pytest.ini"):
        shutil.copy(pair / name, tmp_path)
    (tmp_path / "conftest.py").write_text("def pytest_runtest_call(item):\n    raise KeyboardInterrupt\n")

    done = qparity(tmp_path, "check", "model.onnx", "model_int8.onnx")

    assert done.returncode == 130
    assert "exit status" not in done.stdout


def test_paths_beside_a_pair_are_refused(pair: Path) -> None:
    options = ["-o", "addopts=", "--qparity-model=model.onnx", "--qparity-candidate=model_int8.onnx", "tests"]

    done = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=pair, capture_output=True, text=True)

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "a pair is judged alone" in done.stderr
