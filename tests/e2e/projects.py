"""A user's project, made in a folder: a small model, data, a case file, a golden."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime

from pytest_qparity import gate, load_case
from pytest_qparity.canary_set import write_canaries
from tests.models import inputs_for_mlp, mlp, save

SAMPLES = 120

CASE = """
model = "models/mlp.onnx"
task = "image-classification"

[data]
test = "data/test.npz"
calibration = "data/calibration.npz"
batch = 40

[precisions.fp32]
[precisions.fp16]
[precisions.int8]

[accuracy]
margin = 5.0
"""

# Without plugins that only take time to import: sessions with all that is installed are in tests that write pytest.ini.
BARE = "-p no:cacheprovider -p no:hypothesispytest -p no:anyio -p no:html"

# Without the package's own canaries, which take each session a second: tests that are about canaries have some.
INI = f"""
[pytest]
addopts = {BARE}
qparity_canaries =
"""


def write_project(root: Path, case: str = CASE, *, name: str = "mlp") -> Path:
    """Model, data labelled by the model itself, and cases/<name>.toml under `root`; gives the case file."""
    model = save(mlp(), root / "cases" / "models" / "mlp.onnx")
    inputs = inputs_for_mlp(SAMPLES)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    labels = np.asarray(session.run(None, {"input": inputs})[0]).argmax(axis=1)
    data = root / "cases" / "data"
    data.mkdir(parents=True, exist_ok=True)
    np.savez(data / "test.npz", input=inputs, labels=labels)
    np.savez(data / "calibration.npz", input=inputs_for_mlp(64, seed=2))
    case_file = root / "cases" / f"{name}.toml"
    case_file.write_text(case, encoding="utf-8")
    if not (root / "pytest.ini").exists():
        (root / "pytest.ini").write_text(INI, encoding="utf-8")
    return case_file


def write_canary_files(root: Path) -> Path:
    """This package's canaries and their golden under `root`; gives the canary file."""
    case_file = write_canaries(root / "cases" / "canaries")[0]
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(root), str(case_file))
    with contextlib.closing(material):
        material.accept_golden()
    return case_file


def accept_golden(case_file: Path) -> Path:
    """Make the case's golden; gives its folder."""
    root = case_file.parent.parent
    material = gate.CaseMaterial(load_case(case_file), gate.default_settings(root), str(case_file))
    with contextlib.closing(material):
        material.accept_golden()
    return material.golden_folder


def make_variants(case_file: Path) -> None:
    """Have the case's fp16 and int8 variants in the project's cache, as an earlier session leaves them there."""
    settings = gate.default_settings(case_file.parent.parent)
    with contextlib.closing(gate.CaseMaterial(load_case(case_file), settings, f"cases/{case_file.name}")) as material:
        for precision in ("fp16", "int8"):
            with contextlib.closing(gate.RunMaterial(material, "ort", precision)) as run:
                assert run.variant.origin == "made"


def session(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`pytest` in the project, in a process of its own: for fixtures whose session several tests read."""
    apart = ("PYTEST_", "CI", "BUILD_NUMBER")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(apart)}
    command = [sys.executable, "-m", "pytest", "--qparity-latency-seconds=0.01", *arguments]
    return subprocess.run(command, cwd=root, env={**kept, **environment}, capture_output=True, text=True)
