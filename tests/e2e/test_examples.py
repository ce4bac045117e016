"""Each project of examples/: copied, then the commands of its README run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_qparity.ledger.reading import Ledger, read_ledger

ROOT = Path(__file__).parent.parent.parent
# Of this repository's own cases, which examples take by relative paths.
SHARED = ("models/digits_resnet*.onnx", "models/dtln_1/model.onnx", "data/digits_test.npz")
MADE = shutil.ignore_patterns("golden", ".qparity", ".pytest_cache", "release", "services", "models", "__pycache__")


@pytest.fixture
def example(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the example that the test is named after, beside what it reads of this repository."""
    name = request.node.name.removeprefix("test_")
    for pattern in SHARED:
        for path in (ROOT / "cases").glob(pattern):
            copy = tmp_path / "cases" / path.relative_to(ROOT / "cases")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return Path(shutil.copytree(ROOT / "examples" / name, tmp_path / "examples" / name, ignore=MADE))


def follow(example: Path) -> Ledger:
    """Run the first shell block of the README, stopping where a command fails; the ledger that it leaves."""
    block = re.search(r"```sh\n(.*?)```", (example / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    run(example, block[1])
    return read_ledger(example / ".qparity" / "ledger.json")


def run(example: Path, script: str, *, status: int = 0) -> str:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    found = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=example,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert found.returncode == status, found.stdout[-3000:] + found.stderr[-3000:]
    return found.stdout


def deciding(ledger: Ledger) -> dict[str, str]:
    """The figure that decided each check, by run and check."""
    assert ledger.passes, ledger.against_it
    return {f"{verdict['run']}::{verdict['check']}": verdict["deciding"] for verdict in ledger.verdicts}


def test_qat_release(example: Path) -> None:
    figures = deciding(follow(example))

    given = ROOT / "cases" / "models" / "digits_resnet_qat.onnx"
    assert figures["ort-int8-qat::preflight"] == "9/10 int8"
    assert (example / "release" / "model.onnx").read_bytes() == given.read_bytes()
    with (example / "release" / "model.onnx").open("ab") as file:
        file.write(b"\0")
    run(example, "qparity verify release/", status=1)


def test_web_service(example: Path) -> None:
    figures = deciding(follow(example))

    assert figures.keys() == {f"ort-int8::{name}" for name in ("preflight", "parity", "accuracy", "latency", "memory")}
    assert "passes" in (example / ".qparity" / "summary.md").read_text(encoding="utf-8")


def test_speech(example: Path) -> None:
    figures = deciding(follow(example))

    assert figures["ort-int8::preflight"] == "0/3 int8"
    assert float(figures["ort-fp16::parity"].removesuffix(" dB")) > 45


def test_detection(example: Path) -> None:
    figures = deciding(follow(example))

    assert figures["ort-int8::preflight"] == "2/2 Conv int8"
    assert figures["ort-fp16::accuracy"].endswith("0.00 pt")
