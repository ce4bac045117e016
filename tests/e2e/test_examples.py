"""Each project of examples/: copied, then the commands of its README run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
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


@pytest.fixture
def in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without worker processes: two of the examples have them, and the others are about something else."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--qparity-isolation=none")


def commands(example: Path) -> str:
    """The first shell block of the README."""
    block = re.search(r"```sh\n(.*?)```", (example / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return block[1]


def follow(example: Path) -> Ledger:
    """Run what the README has one type, stopping where a command fails; the ledger that it leaves."""
    run(example, commands(example))
    return read_ledger(example / ".qparity" / "ledger.json")


def run(example: Path, script: str, *, status: int = 0) -> str:
    inherited = os.environ.get("PYTHONPATH", "")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), inherited])),
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


def test_web_service(example: Path, in_one_process: None) -> None:
    figures = deciding(follow(example))

    assert figures.keys() == {f"ort-int8::{name}" for name in ("preflight", "parity", "accuracy", "latency", "memory")}
    assert "passes" in (example / ".qparity" / "summary.md").read_text(encoding="utf-8")


def test_speech(example: Path, in_one_process: None) -> None:
    figures = deciding(follow(example))

    assert figures["ort-int8::preflight"] == "0/3 int8"
    assert float(figures["ort-fp16::parity"].removesuffix(" dB")) > 45


def test_detection(example: Path, in_one_process: None) -> None:
    figures = deciding(follow(example))

    assert figures["ort-int8::preflight"] == "2/2 Conv int8"
    assert figures["ort-fp16::accuracy"].endswith("0.00 pt")


@pytest.mark.skipif(find_spec("flit_core") is None, reason="the extra [test] brings flit_core, which builds the plugin")
def test_backend_plugin(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = example.parent / "site"
    install, rest = commands(example).split("\n", maxsplit=1)
    assert install == "pip install --no-deps ./qparity-tinynet"
    # Into a folder of its own and without the network: the environment that runs this test stays as it is.
    options = f"--quiet --no-build-isolation --target '{site}'"
    run(example, install.replace("pip install", f"python -m pip install {options}"))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)

    run(example, rest)

    ledger = read_ledger(example / ".qparity" / "ledger.json")
    figures = deciding(ledger)
    assert figures["tinynet-int8::preflight"] == "0/2 Gemm int8"
    recipes = {event["run"]: event["provenance"].get("variant", {}).get("recipe", {}) for event in ledger.verdicts}
    assert recipes["tinynet-int8"]["calibration"] == "minmax"  # the plugin's, where int8 itself takes percentiles
    assert len([key for key in figures if "quantize_linear" in key]) == 6


def test_monorepo(example: Path, in_one_process: None) -> None:
    ledger = follow(example)

    assert ledger.passes, ledger.against_it
    assert len({verdict["case"] for verdict in ledger.verdicts}) == 20
    waived = {verdict["check"] for verdict in ledger.verdicts if verdict["outcome"] == "waived"}
    assert "parity" in waived
    assert "ABUSE-231" in (example / ".qparity" / "report.html").read_text(encoding="utf-8")
