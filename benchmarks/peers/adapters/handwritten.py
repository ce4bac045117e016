"""A pytest file as teams write it: allclose against the float model or its stored outputs, and top-1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from protocol import adapt


def judge(folder: Path, question: dict[str, Any]) -> str | None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "--tb=line",
        "-W",
        "ignore",
    ]
    done = subprocess.run(
        [*command, str(Path(__file__).with_name("handwritten_release.py"))],
        env={**os.environ, "PAIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode == 0:
        return None
    return " ".join(line for line in done.stdout.splitlines() if "Error" in line or line.startswith("FAILED"))


if __name__ == "__main__":
    asks = {"labels", "golden", "provider"}
    adapt(judge, ["pytest", "numpy", "onnxruntime"], asks)
