from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the cases of `case_files` name."""
    for name in ("m.onnx", "qat.onnx", "t.npz", "c.npz"):
        (tmp_path / name).touch()
    (tmp_path / "parts").mkdir()
    (tmp_path / "samples.py").write_text("def make(): ...\nraise SystemExit('imported')\n")
    return tmp_path


@pytest.fixture
def _no_waiting() -> Iterator[None]:
    """Fails whoever opens a pipe that nobody writes to, where the test would never end."""

    def fail(*_: object) -> None:
        raise AssertionError("should not have waited")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, 20)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
