"""python -m tests.golden.peak_memory write|read FOLDER MB: a golden's peak memory in a process of its own.

Prints what reading or writing took beyond NumPy and, for writing, the array itself: MB, and seconds. `read` takes the
golden that `write` wrote.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from pytest_qparity.golden import Golden, read_golden, write_golden
from tests.golden.goldens import key


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e3


def array_of(megabytes: int, kind: str) -> np.ndarray:
    array = np.ones((megabytes * 1000, 250), np.float32)
    return array.T if kind == "transposed" else array


def measured(command: str, folder: Path, megabytes: int, kind: str) -> tuple[float, float]:
    import pytest_qparity.golden.store  # noqa: F401  counted before, as NumPy is

    golden = None
    if command == "write":
        golden = Golden(key(), {"x": array_of(megabytes, kind)}, 1, {})
    before, start = peak_mb(), time.perf_counter()
    if golden is None:
        read_golden(folder, key(), "qparity accept")
    else:
        write_golden(folder, golden)
    return peak_mb() - before, time.perf_counter() - start


if __name__ == "__main__":
    megabytes, seconds = measured(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), (sys.argv[4:] or ["plain"])[0])
    print(f"{megabytes:.1f} {seconds:.3f}")
