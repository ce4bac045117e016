"""`qparity init`: what it finds, what it asks, what it writes, and that it never writes over anything."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_qparity import gate
from pytest_qparity.case.loading import load_case
from pytest_qparity.commands import init as command
from pytest_qparity.gate.first_case import backends_here, look_around, pairs_among
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.gate.test_pair import quantized_mlp
from tests.models import mlp, save, small_cnn

TAKES_WHAT_IT_FINDS = command._default


def init(root: Path, ask: Any = TAKES_WHAT_IT_FINDS, **stated: Any) -> int:
    options = Namespace(**({"model": None, "candidate": None, "data": None, "ci": None, "json": False} | stated))
    return command._init(options, root, InProcess(Limits()), ask)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models in a folder, another model, a file that is none, and a virtual environment that holds models too."""
    save(mlp(), tmp_path / "models" / "net.onnx")
    save(quantized_mlp(), tmp_path / "models" / "net_int8.onnx")
    save(small_cnn(), tmp_path / "models" / "cnn.onnx")
    save(mlp(), tmp_path / ".venv" / "hidden.onnx")
    (tmp_path / "models" / "broken.onnx").write_bytes(b"no model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_models_are_found_and_paired_by_their_inputs_and_names(project: Path) -> None:
    save(mlp(), project / "models" / "another.onnx")

    found = look_around(project, InProcess(Limits()))

    assert [model.path.name for model in found.models] == ["another.onnx", "cnn.onnx", "net.onnx", "net_int8.onnx"]
    assert [(one.path.name, other.path.name) for one, other in pairs_among(found.models)] == [
        ("net.onnx", "net_int8.onnx")
    ]
    assert "broken.onnx" in found.unread[0]
    assert "ort" in backends_here()


def test_what_is_written_loads_can_be_planned_and_says_what_was_drawn(project: Path) -> None:
    assert init(project) == 0

    text = (project / "cases" / "net_int8.toml").read_text()
    case = load_case(project / "cases" / "net_int8.toml", (project,))
    assert case.spec.data.drawn
    assert [run.id for run in gate.plan(case, gate.default_settings(project), ["ort"])] == ["ort-fp32", "ort-int8"]
    assert np.load(project / "cases" / "data" / "net_drawn.npz")["input"].shape == (16, 1, 16)
    assert (project / ".gitignore").read_text() == ".qparity/\n"
    workflow = (project / ".github" / "workflows" / "qparity.yml").read_text()
    assert "pytest cases --backend=ort" in workflow
    assert "@" not in workflow.replace("actions/", "").replace("@v", "")
    commented = [line.removeprefix("# ").partition("  #")[0] for line in text.splitlines() if " = " in line]
    for line in commented:
        tomllib.loads(line)  # each key that is proposed can be taken as it stands


def test_given_data_with_labels_ask_for_accuracy(project: Path) -> None:
    np.savez(project / "other.npz", pixels=np.zeros(3))
    np.savez(project / "test.npz", input=np.zeros((5, 16), np.float32), labels=np.zeros(5, np.int64))

    assert init(project, ci="none") == 0

    spec = load_case(project / "cases" / "net_int8.toml", (project,)).spec
    assert spec.data.test == "../test.npz"
    assert spec.accuracy is not None
    assert not (project / ".github").exists()


def test_answers_decide(project: Path) -> None:
    answers = {"float model": "models/cnn.onnx", "the file": "", "test data": "", "CI job": "gitlab"}
    asked = []

    def ask(question: str, default: str) -> str:
        asked.append((question, default))
        return next(answer for begin, answer in answers.items() if question.startswith(begin))

    assert init(project, ask) == 0

    assert asked[0] == ("float model", "models/net.onnx")
    case = load_case(project / "cases" / "cnn.toml", (project,))
    assert list(case.spec.precisions) == ["fp32", "fp16"]
    assert (project / ".gitlab-ci.yml").is_file()


def test_nothing_is_written_over(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = {".gitignore": "*.pyc", ".github/workflows/qparity.yml": "mine"}
    for name, text in mine.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)

    assert init(project) == 0
    written = (project / "cases" / "net_int8.toml").read_text()
    assert init(project) == 2

    assert (project / ".gitignore").read_text() == "*.pyc\n.qparity/\n"
    assert (project / ".github/workflows/qparity.yml").read_text() == "mine"
    assert (project / "cases" / "net_int8.toml").read_text() == written
    assert "left       .github/workflows/qparity.yml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"model": Path("models/net_int8.onnx")}, "should be float32"),
        ({"model": Path("nothing.onnx")}, "no file nothing.onnx"),
        ({"candidate": Path("models/cnn.onnx")}, "nothing is quantized"),
        ({"data": Path("nothing.npz")}, "no file nothing.npz"),
    ],
)
def test_what_is_named_wrongly_is_usage_and_nothing_is_written(
    project: Path, stated: dict[str, Path], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(project, **stated) == 2

    assert says in capsys.readouterr().err
    assert not (project / "cases").exists()
    assert not (project / ".gitignore").exists()


def test_a_folder_without_a_model_is_said_to_be_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_qparity.cli", "init"], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 2
    assert "got no ONNX model here" in done.stderr


def test_json_is_all_that_stdout_gets(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(project, json=True) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["drawn"]
    assert "cases/net_int8.toml" in told["written"]
    assert told["next"][0] == "qparity accept --missing"
