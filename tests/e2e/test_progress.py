"""How far a long load is, on a real terminal and in a file."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.projects import CASE, write_project

ENGINE = """
from pytest_qparity.backends.ort import OnnxRuntimeCpu

class Slow(OnnxRuntimeCpu):
    def load(self, model, options):
        options.tell("Building engine (1 of 3 steps)")
        print("printed by the engine")
        return super().load(model, options)
"""
CONFTEST = """
from pytest_qparity import BackendSpec

def pytest_qparity_backends():
    return [BackendSpec("slow", "slow_engine:Slow")]
"""
SHOWN = b'\x1b7 Backend "slow" with mlp.onnx: Building engine (1 of 3 steps)\x1b[K\x1b8'
ERASED = b"\x1b7\x1b[K\x1b8"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    write_project(tmp_path, CASE)
    (tmp_path / "slow_engine.py").write_text(ENGINE)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return [sys.executable, "-m", "pytest", "--backend=slow", "--precision=fp32", "-m", "preflight"]


def on_a_terminal(command: list[str]) -> bytes:
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux: the other side is gone
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    assert process.returncode == 0, b"".join(parts)
    return b"".join(parts)


def test_on_a_terminal_it_stands_behind_the_line_until_the_load_ends(command: list[str]) -> None:
    said = on_a_terminal(command)

    (line,) = [line for line in said.split(b"\n") if line.startswith(b"cases/mlp.toml")]
    assert line.index(SHOWN) < line.index(ERASED)
    assert b"printed by the engine" not in said


def test_in_a_file_there_is_none(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True)

    assert done.returncode == 0
    assert b"Building engine" not in done.stdout + done.stderr
