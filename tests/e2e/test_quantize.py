"""`qparity quantize` as it is typed: exit status, what is printed, and which files are there afterwards."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from pytest_qparity.cli import main
from tests.models import mlp, save

CACHE = "TRT-8601-EntropyCalibration2\n" + "".join(
    f"{name}: {struct.pack('>f', largest / 127).hex()}\n"
    for name, largest in (("input", 4.0), ("hidden", 3.0), ("active", 3.0), ("logits", 5.0))
)
Quantize = Callable[..., tuple[int, str, str]]


@pytest.fixture
def quantize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Quantize:
    """Runs the command beside a model and its calibration cache: exit status and what it said."""
    monkeypatch.chdir(tmp_path)
    save(mlp(), tmp_path / "model.onnx")
    (tmp_path / "calib.cache").write_text(CACHE)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["quantize", *arguments])
        return status, *capsys.readouterr()

    return run


def test_a_cache_becomes_a_file(quantize: Quantize, tmp_path: Path) -> None:
    status, said, _ = quantize("model.onnx", "--ranges", "calib.cache", "-o", "out/model_int8.onnx")

    assert status == 0
    onnx.checker.check_model(tmp_path / "out" / "model_int8.onnx", full_check=True)
    lines = said.splitlines()
    assert lines[0].startswith("written    out/model_int8.onnx  int8, placed for any  SHA-256 ")
    assert lines[1:] == [
        "quantized  2/2 Gemm",
        "note       converted from opset 17 to 19 before quantization",
        "ranges     2 of 4 used from calib.cache",
        "not used   hidden",
        "not used   logits",
    ]


def test_a_file_that_is_there_stays_without_force(quantize: Quantize, tmp_path: Path) -> None:
    there = tmp_path / "model_int8.onnx"
    there.write_bytes(b"mine")

    status, _, said = quantize("model.onnx", "--ranges", "calib.cache", "-o", there.name)
    assert (status, there.read_bytes()) == (2, b"mine")
    assert "got a file already at model_int8.onnx, should be none: name another, or say --force" in said

    status, _, _ = quantize("model.onnx", "--ranges", "calib.cache", "-o", there.name, "--force")
    assert status == 0
    onnx.checker.check_model(there)


def test_ranges_are_saved_of_a_calibration_alone_and_over_no_file(quantize: Quantize, tmp_path: Path) -> None:
    status, _, said = quantize("model.onnx", "--ranges", "calib.cache", "-o", "out.onnx", "--save-ranges", "r.json")
    assert status == 2
    assert "got --save-ranges without --calibration, should be both" in said

    (tmp_path / "r.json").write_bytes(b"mine")
    status, _, said = quantize("model.onnx", "--calibration", "x.npz", "-o", "out.onnx", "--save-ranges", "r.json")
    assert (status, (tmp_path / "r.json").read_bytes()) == (2, b"mine")
    assert "got a file already at r.json" in said


def test_a_failure_leaves_the_file_that_was_there(quantize: Quantize, tmp_path: Path) -> None:
    there = tmp_path / "model_int8.onnx"
    there.write_bytes(b"mine")
    (tmp_path / "calib.cache").write_text("TRT-8601-EntropyCalibration2\nimage: 3c010a14\n")

    status, said, wrong = quantize("model.onnx", "--ranges", "calib.cache", "-o", there.name, "--force")

    assert (status, said, there.read_bytes()) == (1, "", b"mine")
    assert wrong.startswith("QP-CAL-004\nRanges: got none of the 2 tensors to quantize")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calib.cache", "model.onnx", "model_int8.onnx"]


@pytest.mark.parametrize("source", ["model.onnx", "calib.cache"])
def test_no_file_that_is_read_is_written(quantize: Quantize, tmp_path: Path, source: str) -> None:
    before = (tmp_path / source).read_bytes()

    status, _, said = quantize("model.onnx", "--ranges", "calib.cache", "-o", f"./{source}", "--force")

    assert (status, (tmp_path / source).read_bytes()) == (2, before)
    assert "it is read" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--precision", "fp32"), "got precision 'fp32', should be one of fp16"),
        (("--batch", "0"), "got batch 0, should be 1 or more"),
        (("--state", "h"), "got --state 'h', should be OUTPUT=INPUT"),
        (("--state", "h=i"), "got --state without --calibration, should be both"),
    ],
)
def test_usage(quantize: Quantize, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    status, _, said = quantize("model.onnx", "--ranges", "calib.cache", "-o", "a.onnx", *arguments)

    assert status == 2
    assert says in said
    assert not (tmp_path / "a.onnx").exists()


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("[a", 'keep_float: got "[a", should be a glob in which each "[" has its "]"'),
        ("", 'keep_float: got "", should be another'),
        ("frist", 'keep_float: got "frist", which matches none of 3 nodes'),
    ],
)
def test_a_pattern_that_is_none_is_told_as_such(quantize: Quantize, tmp_path: Path, pattern: str, says: str) -> None:
    status, _, said = quantize("model.onnx", "--ranges", "calib.cache", "--keep-float", pattern, "-o", "x.onnx")

    assert status == 1
    assert says in said
    assert not (tmp_path / "x.onnx").exists()


def test_a_reader_who_leaves_ends_it_without_a_traceback(quantize: Quantize, tmp_path: Path) -> None:
    command = "import sys; from pytest_qparity.cli import main; sys.exit(main())"
    arguments = ["quantize", "model.onnx", "--ranges", "calib.cache", "-o", "x.onnx"]
    process = subprocess.Popen(
        [sys.executable, "-c", command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    )
    assert process.stdout is not None
    process.stdout.close()

    said = process.stderr.read() if process.stderr else b""

    assert (process.wait(60), said) == (141, b"")
    onnx.checker.check_model(tmp_path / "x.onnx")


def test_a_folder_is_no_output(quantize: Quantize, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    status, _, said = quantize("model.onnx", "--ranges", "calib.cache", "-o", "folder", "--force")

    assert status == 2
    assert "should be a regular file, or none yet" in said
