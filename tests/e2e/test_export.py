"""`qparity export` and `qparity verify` as they are typed, behind a real session."""

from __future__ import annotations

import onnx
import pytest

from pytest_qparity.cli import main

pytest_plugins = ["pytester"]


def test_a_run_that_passed_is_exported_and_verifies(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    """One session for all of it: a made variant, the float model, a refusal, and what is typed wrongly."""
    project.runpytest("--precision=fp32,int8", "--qparity-latency-seconds=0.01")

    def said(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    status, text = said("export", "cases/mlp.toml", "ort-int8", "-o", "release")
    assert (status, text.splitlines()[0]) == (0, "exported   release  ort-int8  pass")
    onnx.checker.check_model(project.path / "release" / "model.onnx", full_check=True)

    status, text = said("verify", "release")
    assert (status, text.splitlines()[0]) == (0, "verified   release  cases/mlp.toml::ort-int8  pass, 4 files")
    assert text.splitlines()[2].startswith("not signed")

    assert said("export", "cases/mlp.toml::ort-fp32", "-o", "float")[0] == 0
    exported, own = project.path / "float" / "model.onnx", project.path / "cases" / "models" / "mlp.onnx"
    assert exported.read_bytes() == own.read_bytes()

    status, text = said("export", "cases/mlp.toml", "ort-fp16", "-o", "half")
    assert status == 1
    assert text.startswith("QP-SHIP-001  cases/mlp.toml::ort-fp16\n")

    exported.write_bytes(b"other bytes")
    status, text = said("verify", "float")
    assert status == 1
    assert "1 files with other bytes (model.onnx)" in " ".join(text.split())

    for arguments, sentence in (
        (("export", "cases/mlp.toml", "-o", "x"), "should be a case file and one of its runs"),
        (("export", "cases/mlp.toml", "ort-int8", "-o", "release"), "got a folder with files in it at release"),
        (("export", "cases/mlp.toml", "ort-int8", "-o", "x", "--ledger", "none.json"), "none.json"),
        (("verify", "none"), "should be a folder that qparity export wrote"),
        (("verify", "release", "--key", "none.pub"), "QP-SHIP-003"),
    ):
        status, text = said(*arguments)
        assert status == 2
        assert sentence in text
    assert not (project.path / "x").exists()
