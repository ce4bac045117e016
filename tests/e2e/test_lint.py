"""`qparity lint` as it is typed: exit status, what is printed, and which files are there afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from pytest_qparity.cli import main
from pytest_qparity.digest import file_digest
from tests.checks.linting.files import activation, conv, scalar, weights
from tests.models import save

Lint = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Runs the command beside a sound file, one with an int32 bias, and one that is asymmetric."""
    monkeypatch.chdir(tmp_path)
    save(conv(), tmp_path / "sound.onnx")
    save(conv(bias=weights(6, dtype=np.int32)), tmp_path / "bias.onnx")
    save(activation(scalar(3, np.uint8)), tmp_path / "shifted.onnx")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["lint", *arguments])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("target", ["trt10", "trt11", "openvino"])
def test_a_sound_file_is_accepted(lint: Lint, target: str) -> None:
    status, said, wrong = lint("sound.onnx", "--target", target)

    assert (status, wrong) == (0, "")
    assert said.startswith("accepted   sound.onnx for ")
    assert said.endswith(": 0 refused, 0 warned\n")


def test_a_refused_file_says_rule_node_sentence_remedy_and_source(lint: Lint) -> None:
    status, said, wrong = lint("bias.onnx", "--target", "trt11")

    assert (status, wrong) == (1, "")
    rule, where, *lines, empty, answer = said.splitlines()
    assert rule == "TRT-Q-013  refused: an int32 DequantizeLinear"
    assert where == "  b_DQ: got an int32 DequantizeLinear, should be a float initializer"
    assert lines[:4] == [
        "  Try:    leave the bias in float (quantize_static: QuantizeBias=False); --fix",
        "          folds it to the float it stands for",
        "  Source: NvInfer.h of TensorRT 10.16 and 11.1, IQuantizeLayer and",
        "          IDequantizeLayer: an int32 input is none of the quantized types",
    ]
    assert (empty, answer) == ("", "refused    bias.onnx for TensorRT 11: 1 refused, 0 warned")


def test_a_warning_refuses_nothing(lint: Lint, tmp_path: Path) -> None:
    save(activation(scalar(0, np.uint8)), tmp_path / "uint8.onnx")

    status, said, _ = lint("uint8.onnx", "--target", "trt11")

    assert status == 0
    assert said.splitlines()[-1] == "accepted   uint8.onnx for TensorRT 11: 0 refused, 1 warned"


def test_as_json_every_finding_has_all_that_is_said_of_it(lint: Lint) -> None:
    status, said, _ = lint("bias.onnx", "--target", "trt11", "--json")

    found = json.loads(said)
    assert (status, found["accepted"], found["target"]) == (1, False, "trt11")
    assert found["sha256"] == file_digest(Path("bias.onnx"))
    [finding] = found["findings"]
    assert finding.keys() == {"rule", "weight", "title", "node", "sentence", "remedy", "source"}
    assert (finding["rule"], finding["weight"], finding["node"]) == ("TRT-Q-013", "refused", "b_DQ")


def test_fix_writes_a_file_that_is_accepted(lint: Lint, tmp_path: Path) -> None:
    before = (tmp_path / "bias.onnx").read_bytes()

    status, said, _ = lint("bias.onnx", "--target", "trt11", "--fix", "fixed.onnx")

    assert status == 0
    assert said.splitlines() == [
        "mended     1 int32 DequantizeLinear folded to the float32 constants they stand",
        "           for: exact",
        "written    fixed.onnx",
        "accepted   fixed.onnx for TensorRT 11: 0 refused, 0 warned",
    ]
    assert (tmp_path / "bias.onnx").read_bytes() == before
    onnx.checker.check_model(tmp_path / "fixed.onnx", full_check=True)
    assert lint("fixed.onnx", "--target", "trt11")[0] == 0


def test_what_cannot_be_mended_is_said_and_nothing_is_written(lint: Lint, tmp_path: Path) -> None:
    status, said, _ = lint("shifted.onnx", "--target", "trt11", "--fix", "fixed.onnx")

    assert status == 1
    assert said.splitlines()[-4:] == [
        'left       "x_Q": zero point 3 of uint8 needs another scale to become',
        "           symmetric, and with it data",
        "mended     nothing; no file was written",
        "refused    shifted.onnx for TensorRT 11: 2 refused, 0 warned",
    ]
    assert not (tmp_path / "fixed.onnx").exists()


def test_as_sarif_findings_are_results_and_what_is_no_model_is_no_success(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model", encoding="utf-8")

    runs = []
    for name in ("bias.onnx", "text.onnx"):
        status, said, _ = lint(name, "--target", "trt11", "--sarif")
        assert status == 1
        runs += json.loads(said)["runs"]

    assert [run["invocations"][0]["executionSuccessful"] for run in runs] == [True, False]
    for run, name in zip(runs, ("bias.onnx", "text.onnx"), strict=True):
        result = run["results"][0]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith(name)
        assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]


def test_fix_as_json(lint: Lint) -> None:
    _, said, _ = lint("bias.onnx", "--target", "trt11", "--fix", "fixed.onnx", "--json")

    found = json.loads(said)
    assert (found["accepted"], found["findings"]) == (True, [])
    assert found["fix"]["written"] == "fixed.onnx"
    assert (len(found["fix"]["done"]), found["fix"]["left"]) == (1, [])


@pytest.mark.parametrize(
    ("output", "says"),
    [("bias.onnx", "should be another file: it is read"), ("sound.onnx", "name another, or say --force")],
)
def test_no_file_that_is_there_is_written_over(lint: Lint, tmp_path: Path, output: str, says: str) -> None:
    before = (tmp_path / output).read_bytes()

    status, _, wrong = lint("bias.onnx", "--target", "trt11", "--fix", output)

    assert (status, (tmp_path / output).read_bytes()) == (2, before)
    assert says in wrong


def test_with_force_it_is(lint: Lint, tmp_path: Path) -> None:
    status, _, _ = lint("bias.onnx", "--target", "trt11", "--fix", "sound.onnx", "--force")

    assert status == 0
    assert lint("sound.onnx", "--target", "trt11")[0] == 0


def test_a_folder_is_no_output(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    status, _, wrong = lint("bias.onnx", "--target", "trt11", "--fix", "folder", "--force")

    assert status == 2
    assert "should be a regular file, or none yet" in wrong


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_what_is_no_model_is_not_accepted(lint: Lint, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.onnx").write_bytes(content)

    status, said, wrong = lint("other.onnx", "--target", "trt11")

    assert (status, said) == (1, "")
    assert wrong.startswith("QP-MODEL-001\n")


def test_a_file_that_is_not_there_is_not_accepted(lint: Lint) -> None:
    status, _, wrong = lint("nowhere.onnx", "--target", "trt11")

    assert status == 1
    assert wrong.startswith("QP-MODEL-001\n")


def test_the_help_fits_80_columns(
    lint: Lint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    with pytest.raises(SystemExit):
        lint("--help")

    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [("sound.onnx",), ("sound.onnx", "--target", "trt9"), ("--target", "trt11")])
def test_usage(lint: Lint, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as left:
        lint(*arguments)

    assert left.value.code == 2


def test_names_that_would_write_on_the_terminal_are_shown_as_text(lint: Lint, tmp_path: Path) -> None:
    model = conv(bias=weights(6, dtype=np.int32))
    next(each for each in model.graph.node if each.name == "b_DQ").name = "a\x1b[31m\nb"
    save(model, tmp_path / "bias.onnx")

    _, said, _ = lint("bias.onnx", "--target", "trt11")

    assert "\x1b" not in said
    assert len(said.splitlines()) == 8


@pytest.mark.parametrize("name", ["other.onnx", "nowhere.onnx"])
def test_as_json_what_is_no_model_is_a_failure(lint: Lint, tmp_path: Path, name: str) -> None:
    (tmp_path / "other.onnx").write_bytes(b"no model")

    status, said, wrong = lint(name, "--target", "trt11", "--json")

    assert (status, wrong) == (1, "")
    failure = json.loads(said)["failure"]
    assert failure["code"] == "QP-MODEL-001"
    assert failure["sentence"].startswith(f"{name}: got ")


def test_a_folder_is_named_where_its_path_has_no_name(lint: Lint) -> None:
    status, _, wrong = lint(".", "--target", "trt11")

    assert status == 1
    assert wrong.splitlines()[1].startswith(".: got no plain file, ")


@pytest.mark.parametrize("arguments", [("bias.onnx",), ("shifted.onnx", "--fix", "fixed.onnx"), ("missing " * 20,)])
def test_no_line_is_wider_than_80_columns(lint: Lint, arguments: tuple[str, ...]) -> None:
    _, said, wrong = lint(*arguments, "--target", "trt11")

    lines = (said + wrong).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(len(line) > 60 for line in lines)


def test_long_names_stay_whole(lint: Lint, tmp_path: Path) -> None:
    model = conv(bias=weights(6, dtype=np.int32))
    name = "/encoder" * 20
    next(each for each in model.graph.node if each.name == "b_DQ").name = name
    save(model, tmp_path / "bias.onnx")

    _, said, _ = lint("bias.onnx", "--target", "trt11")

    assert f"  {name}:\n    got an int32 DequantizeLinear, should be a float initializer\n" in said
