"""`polygraphy run` of the float model with its outputs saved, then of the variant against them.

argv[4]: `simple` (absolute tolerances) or `snr` (signal-to-noise ratio and cosine); both with `--validate`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from polygraphy.comparator import IterationResult, RunResults
from polygraphy.json import save_json
from protocol import adapt, arrays, batches, limits

TOOL = Path(sys.executable).with_name("polygraphy")
PROVIDERS = {"CPUExecutionProvider": "cpu", "CUDAExecutionProvider": "cuda"}
SCRATCH = Path(tempfile.mkdtemp())


def judge(folder: Path, question: dict[str, Any]) -> str | None:
    inputs = SCRATCH / f"{folder.name}.inputs.json"
    test = arrays(folder / "test.npz")["input"]
    save_json([{"input": batch} for batch in batches(test, question["batch"])], str(inputs))
    if (folder / "golden.npz").exists():
        reference = _stored(folder, question["batch"])
    else:
        content = (folder / "float.onnx").read_bytes() + inputs.read_bytes()
        reference = SCRATCH / f"{hashlib.sha256(content).hexdigest()}.json"
        if not reference.exists():
            says = _tool(folder / "float.onnx", "--load-inputs", inputs, "--save-outputs", reference)
            if says is not None:
                return says
    provider = PROVIDERS[question["provider"]]
    chosen = ("--load-inputs", inputs, "--load-outputs", reference, "--validate", "--providers", provider)
    return _tool(folder / "int8.onnx", *chosen, *_comparison(folder))


def _comparison(folder: Path) -> list[str]:
    if sys.argv[4] == "simple":
        return ["--rtol", "0", "--atol", *(f"{name}:{value}" for name, value in limits(folder)["atol"].items())]
    return ["--compare", "snr", "cosine_similarity", "--snr-threshold", "20", "--cosine-similarity-threshold", "0.995"]


def _stored(folder: Path, size: int) -> Path:
    held = arrays(folder / "golden.npz")
    count = len(next(iter(held.values())))
    results = RunResults()
    results.append(
        (
            "stored",
            [
                IterationResult({name: np.ascontiguousarray(a[start : start + size]) for name, a in held.items()})
                for start in range(0, count, size)
            ],
        )
    )
    path = SCRATCH / f"{folder.name}.golden.json"
    results.save(str(path))
    return path


def _tool(model: Path, *options: object) -> str | None:
    command = [str(TOOL), "run", str(model), "--onnxrt", *map(str, options)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=180, env={**os.environ, "POLYGRAPHY_AUTOINSTALL_DEPS": "0"}
    )
    if done.returncode == 0:
        return None
    told = (done.stdout + done.stderr).splitlines()
    return " ".join(line.strip() for line in told if "[E]" in line or "[!]" in line or "FAILED" in line)


if __name__ == "__main__":
    adapt(judge, ["polygraphy", "onnxruntime", "numpy"], {"golden", "provider"})
