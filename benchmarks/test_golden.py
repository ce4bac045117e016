"""What a golden of 200 MB costs: time here, peak memory (`peak_mb`) in a process of its own; beside `np.save`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_qparity.golden import Golden, read_golden, write_golden
from tests.golden.goldens import key

ARRAY_MB = 200
ROUNDS = 5


@pytest.fixture
def array() -> np.ndarray:
    return np.ones((ARRAY_MB * 1000, 250), np.float32)


def _peak_mb(command: str, folder: Path) -> float:
    program = [sys.executable, "-m", "tests.golden.peak_memory", command, str(folder), str(ARRAY_MB)]
    return float(subprocess.run(program, capture_output=True, text=True, check=True).stdout.split()[0])


@pytest.mark.benchmark(group="golden-write-200MB")
def test_write_a_golden(benchmark: Any, tmp_path: Path, array: np.ndarray) -> None:
    """Hashed, checked for NaN, summed up, flushed to disk."""
    benchmark.extra_info["peak_mb"] = _peak_mb("write", tmp_path / "of its own")
    golden = Golden(key(), {"x": array}, 1, {})
    benchmark.pedantic(lambda: write_golden(tmp_path / "x", golden), rounds=ROUNDS, warmup_rounds=1)


@pytest.mark.benchmark(group="golden-write-200MB")
def test_np_save(benchmark: Any, tmp_path: Path, array: np.ndarray) -> None:
    """Neither hashed nor flushed."""
    benchmark.pedantic(lambda: np.save(tmp_path / "x.npy", array), rounds=ROUNDS, warmup_rounds=1)


@pytest.mark.benchmark(group="golden-read-200MB")
def test_read_a_golden(benchmark: Any, tmp_path: Path, array: np.ndarray) -> None:
    """Hashed, checked for NaN."""
    write_golden(tmp_path / "x", Golden(key(), {"x": array}, 1, {}))
    benchmark.extra_info["peak_mb"] = _peak_mb("read", tmp_path / "x")
    benchmark.pedantic(lambda: read_golden(tmp_path / "x", key(), "qparity accept"), rounds=ROUNDS, warmup_rounds=1)


@pytest.mark.benchmark(group="golden-read-200MB")
def test_np_load(benchmark: Any, tmp_path: Path, array: np.ndarray) -> None:
    """Neither hashed nor checked."""
    np.save(tmp_path / "x.npy", array)
    benchmark.pedantic(lambda: np.load(tmp_path / "x.npy"), rounds=ROUNDS, warmup_rounds=1)
