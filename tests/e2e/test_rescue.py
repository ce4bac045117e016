"""`qparity rescue` as it is typed: exit status, what is printed, and which files are there afterwards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import onnx
import pytest

from pytest_qparity.cli import main
from tests.rescue.projects import CASE, opened, write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = write_project(tmp_path)
    material, _, _ = opened(file, "int8-stock")  # which accepts its golden
    material.close()
    (tmp_path / "pytest.ini").write_text("[pytest]\nqparity_canaries =\nqparity_latency_seconds = 0.01\n")
    monkeypatch.chdir(tmp_path)
    return file


def rescue(*arguments: str) -> int:
    return main(["rescue", "cases/masked.toml", *arguments, "--minutes", "10", "--most-float", "50"])


def test_a_run_that_fails_is_rescued_and_the_table_passes_where_it_is_pasted(project, capsys):
    assert rescue("ort-int8-stock", "--output", "mended.onnx", "--html", "front.html") == 0

    said = capsys.readouterr().out
    head, *_ = said.splitlines()
    assert head == "rescued  cases/masked.toml  ort-int8-stock"
    assert "float     2 of 8 quantized nodes (25.0%); at most 4 may be" in said
    assert max(map(len, said.splitlines())) <= 80 or "Journal" in said
    table = said[said.index("[precisions.int8-stock]") :].split("\n\n")[0]
    assert table == '[precisions.int8-stock]\nfile = "stock.onnx"\nkeep_float = ["op:Softmax"]'
    onnx.checker.check_model("mended.onnx")
    assert "<polyline" in Path("front.html").read_text(encoding="utf-8")
    project.write_text(CASE.replace('[precisions.int8-stock]\nfile = "stock.onnx"', table))
    assert rescue("ort-int8-stock") == 0
    assert capsys.readouterr().out.startswith("passes already")


def test_one_that_cannot_be_rescued_says_how_near(project, capsys):
    status = main(["rescue", "cases/masked.toml", "ort-int8-stock", "--minutes", "10", "--most-float", "12"])

    said = capsys.readouterr().out
    assert status == 1
    assert said.startswith("not rescued")
    assert re.search(r"nearest +preflight .*parity \d+\.\d dB \(accuracy-fail\)", " ".join(said.split()))
    assert "The 1 most sensitive of 8 quantized nodes float: still fails." in said


def test_json_is_all_there_is_on_standard_output(project, capsys):
    assert rescue("ort-int8-stock", "--json") == 0

    said = capsys.readouterr()
    assert json.loads(said.out)["rescued"] is True
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["ort-int8-stok"], "got run 'ort-int8-stok' of masked.toml, should be BACKEND-PRECISION"),
        (["ort-int8-stock", "--evaluations", "0"], "got --evaluations 0, should be 1 or more"),
        (["ort-int8-stock", "--output", "cases/masked.toml"], "should be another file: it is read"),
        (["ort-int8-stock", "--html", "cases/masked.toml"], "should be another file: it is read"),
    ],
)
def test_wrong_usage_is_status_2(project, capsys, arguments, wrong):
    assert rescue(*arguments) == 2

    assert wrong in capsys.readouterr().err


def test_a_run_that_cannot_be_judged_is_status_1_with_its_code(project, capsys):
    for file in Path("golden/masked").iterdir():
        file.unlink()

    assert rescue("ort-int8-stock") == 1

    assert capsys.readouterr().err.startswith("QP-GOLDEN-")
