"""`qparity diagnose` as it is typed: exit status, what is printed, and which files are there afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from pytest_qparity.cli import main
from pytest_qparity.worker.process import WorkerProcess
from tests.diagnose.faults import planted
from tests.e2e.projects import write_project
from tests.gate.test_sequences import accepted
from tests.gate.test_sequences import project as recurrent_project

Diagnose = Callable[..., tuple[int, str, str]]


@pytest.fixture
def diagnose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Diagnose:
    """Runs the command beside a float model, a variant with a flipped channel, and data."""
    monkeypatch.chdir(tmp_path)
    plant = planted("flipped-channel", "mlp", 1, tmp_path)
    np.savez(tmp_path / "test.npz", input=plant.data)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["diagnose", *arguments])
        return status, *capsys.readouterr()

    return run


FILES = ("--float", "float.onnx", "--variant", "variant.onnx", "--data", "test.npz", "--batch", "8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Diagnose:
    """Runs the command in a project with a case."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["qparity"])
    write_project(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["diagnose", *arguments])
        return status, *capsys.readouterr()

    return run


def test_two_files_are_diagnosed_in_80_columns(diagnose: Diagnose) -> None:
    status, said, wrong = diagnose(*FILES)

    assert (status, wrong) == (0, "")
    lines = said.splitlines()
    assert lines[0] == "compared   variant.onnx against float.onnx"
    assert lines[1].startswith("outputs    logits ")
    assert lines[4].startswith("1  flipped-channel at fc")
    assert any(line.strip().startswith("keep_float = [") for line in lines)
    assert max(map(len, lines)) <= 80


def test_json_has_everything_in_numbers(diagnose: Diagnose) -> None:
    status, said, _ = diagnose(*FILES, "--json")

    found = json.loads(said)
    assert status == 0
    first = found["findings"][0]
    assert first["cause"] == "flipped-channel"
    assert first["impact"] > 0.9
    assert first["evidence"]["channels"]
    assert {layer["node"] for layer in found["layers"]} >= {"fc0", "relu1", "fc1"}
    assert found["passes"]["float"] <= 4.0
    assert found["passes"]["variant"] <= 4.0


def test_a_page_is_one_file_without_links_or_scripts(diagnose: Diagnose, tmp_path: Path) -> None:
    status, said, _ = diagnose(*FILES, "--html", "page.html")

    page = (tmp_path / "page.html").read_text()
    assert status == 0
    assert "written    page.html" in said
    assert "flipped-channel" in page
    assert page.count("<polyline") == 1
    assert not any(word in page for word in ("<script", "http://", "https://", "src="))


def test_a_saved_model_says_at_its_nodes_what_was_found_and_runs(diagnose: Diagnose, tmp_path: Path) -> None:
    status, _, _ = diagnose(*FILES, "--save-model", "told.onnx")

    model = onnx.load(tmp_path / "told.onnx")
    onnx.checker.check_model(model, full_check=True)
    told = {node.name: {each.key: each.value for each in node.metadata_props} for node in model.graph.node}
    causes = [name for name, each in told.items() if each.get("qparity.rank") == "1"]
    assert status == 0
    assert len(causes) == 1
    assert told[causes[0]]["qparity.cause"] == "flipped-channel"
    assert float(told["fc0"]["qparity.cumulative_sqnr_db"]) > 0
    before = onnx.load(tmp_path / "variant.onnx")
    assert [node.op_type for node in model.graph.node] == [node.op_type for node in before.graph.node]


def test_names_of_a_model_are_neither_markup_nor_commands(diagnose: Diagnose, tmp_path: Path) -> None:
    for name in ("float.onnx", "variant.onnx"):
        model = onnx.load(tmp_path / name)
        for node in model.graph.node:
            node.name = f"<b>{node.name}\x1b[2J" if node.name.startswith("fc") else node.name
        onnx.save(model, tmp_path / name)

    status, said, _ = diagnose(*FILES, "--html", "page.html")

    assert status == 0
    assert "<b>fc" in said
    assert "\x1b" not in said
    page = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;fc" in page
    assert "<b>fc" not in page
    assert "\x1b" not in page


def test_a_run_of_a_case_is_made_and_diagnosed(project: Diagnose) -> None:
    status, said, wrong = project("cases/mlp.toml", "ort-int8")

    assert (status, wrong) == (0, "")
    assert said.startswith("compared   cases/mlp.toml ort-int8\n")
    assert "(SQNR over 120 samples)" in said
    assert "[precisions.int8]" in said


def test_fewer_samples_may_be_asked_for(project: Diagnose) -> None:
    assert "(SQNR over 40 samples)" in project("cases/mlp.toml", "ort-int8", "--samples", "40")[1]


def test_a_run_of_a_backend_that_is_not_here_is_diagnosed_all_the_same(project: Diagnose) -> None:
    status, said, _ = project("cases/mlp.toml", "trt-int8")

    assert (status, said.splitlines()[0]) == (0, "compared   cases/mlp.toml trt-int8")


def test_a_float_run_has_nothing_to_find(project: Diagnose) -> None:
    status, said, _ = project("cases/mlp.toml", "ort-fp32")

    assert status == 0
    assert "No difference was found." in said


def test_operators_on_integers_are_diagnosed_as_what_they_compute(project: Diagnose, tmp_path: Path) -> None:
    case = tmp_path / "cases" / "mlp.toml"
    case.write_text(case.read_text().replace("[precisions.int8]", '[precisions.int8]\nformat = "qoperator"'))

    status, said, _ = project("cases/mlp.toml", "ort-int8")

    assert status == 0
    assert "No difference" not in said
    assert "% of the outputs' error goes with" in " ".join(said.split())


def test_an_emulated_run_is_found_without_its_mark(project: Diagnose, tmp_path: Path) -> None:
    case = tmp_path / "cases" / "mlp.toml"
    case.write_text(case.read_text().replace("[precisions.fp16]", "[precisions.nvfp4]"))

    status, said, wrong = project("cases/mlp.toml", "ort-nvfp4")

    assert (status, wrong) == (0, "")
    assert "1  " in said


def test_another_run_is_an_error_with_the_nearest(project: Diagnose) -> None:
    status, said, wrong = project("cases/mlp.toml", "ort-int9")

    assert (status, said) == (2, "")
    assert "got run 'ort-int9' of mlp.toml" in wrong
    assert "nearest is 'ort-int8'" in wrong


def test_a_case_with_an_error_says_where(project: Diagnose, tmp_path: Path) -> None:
    (tmp_path / "cases" / "mlp.toml").write_text('modle = "x.onnx"\n')

    status, _, wrong = project("cases/mlp.toml", "ort-int8")

    assert status == 2
    assert "QP-CASE-002" in wrong


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cases/mlp.toml",), "got cases/mlp.toml without a run"),
        (("--float", "float.onnx"), "got no --variant, should be a case and a run, or --float, --variant and --data"),
        ((), "got no --float"),
        (("cases/mlp.toml", "ort-int8", "--data", "test.npz"), "got a case and --data, should be one of them"),
        ((*FILES, "--samples", "0"), "got --samples 0, should be 1 or more"),
        ((*FILES, "--html", "test.npz"), "got test.npz for --html too, should be another file"),
        ((*FILES, "--save-model", "variant.onnx", "--force"), "got variant.onnx for --save-model too"),
    ],
)
def test_wrong_usage_is_told(diagnose: Diagnose, arguments: tuple[str, ...], said: str) -> None:
    status, _, wrong = diagnose(*arguments)

    assert status == 2
    assert said in wrong


def test_what_is_no_model_is_told_by_its_code(diagnose: Diagnose, tmp_path: Path) -> None:
    (tmp_path / "variant.onnx").write_bytes(b"")

    status, said, wrong = diagnose(*FILES)
    assert (status, said) == (1, "")
    assert wrong.startswith("QP-MODEL-001\n")

    status, said, _ = diagnose(*FILES, "--json")
    assert (status, json.loads(said)["failure"]["code"]) == (1, "QP-MODEL-001")


def test_a_case_of_recordings_says_that_single_steps_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case_file = recurrent_project(tmp_path)
    accepted(case_file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["qparity"])

    assert main(["diagnose", "cases/integrator.toml", "ort-int8", "--samples", "40"]) == 0

    said = " ".join(capsys.readouterr().out.split())
    assert "note these are single steps, each with the float model's states" in said
    assert "pytest cases/integrator.toml::ort-int8::parity --backend=ort" in said


def test_other_cases_have_no_word_of_steps(project: Diagnose) -> None:
    assert "single steps" not in project("cases/mlp.toml", "ort-int8", "--samples", "40")[1]


@pytest.mark.parametrize("answers", [0, 6])
def test_ctrl_c_ends_with_one_line(diagnose: Diagnose, monkeypatch: pytest.MonkeyPatch, answers: int) -> None:
    """At the start, and in the middle of a pass: what the worker's end does then is not told."""
    left, answered = [answers], WorkerProcess._answered

    def interrupted(worker: WorkerProcess, *arguments: Any) -> dict[str, Any]:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return answered(worker, *arguments)

    monkeypatch.setattr(WorkerProcess, "_answered", interrupted)

    assert diagnose(*FILES) == (130, "", "interrupted\n")
