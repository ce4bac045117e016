"""mypy, strict, over the backend's files against the real signatures of each release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_qparity
from tests.contract.fakes import STUBS

ROOT = Path(pytest_qparity.__file__).parents[1]
RELEASES = ("10.16", "11.4")
CONFIG = """\
[mypy]
strict = True
python_version = 3.11
follow_imports = silent
# NumPy before 2.2 has arrays without a default of their parameters.
disable_error_code = type-arg
[mypy-onnx.*,pynvml.*,psutil.*,pooch.*]
ignore_missing_imports = True
"""


def errors(release: str, files: list[Path], folder: Path) -> list[str]:
    """What mypy says of `files`; of the stubs, which have faults of their own, it says nothing."""
    config = folder / "mypy.ini"
    config.write_text(CONFIG)
    found = os.pathsep.join(str(STUBS / name) for name in (release, "cuda-13.4"))
    command = [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", folder / "cache", *files]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ | {"MYPYPATH": found}, capture_output=True, text=True)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return [line for line in ran.stdout.splitlines() if ": error:" in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


PLANTED = """\
import tensorrt as trt

def flags(config: trt.IBuilderConfig) -> None:
    config.set_flag(trt.BuilderFlag.FP16)

def arguments(builder: trt.Builder) -> trt.ICudaEngine:
    return builder.build_serialized_network("network")
"""


@pytest.mark.parametrize("release", RELEASES)
def test_the_backend_fits_the_bindings_and_misuse_does_not(release: str, folder: Path) -> None:
    planted = folder / "planted.py"
    planted.write_text(PLANTED)
    backend = sorted((ROOT / "pytest_qparity/backends/trt").glob("*.py"))

    found = errors(release, [*backend, planted], folder)

    assert [error for error in found if "planted.py" not in error] == []
    assert any("FP16" in error for error in found) == (release == "11.4")
    assert any("build_serialized_network" in error and "No overload" in error for error in found)


def test_stubs_are_small_and_without_docstrings_and_say_whose_they_are() -> None:
    stubs = sorted(STUBS.rglob("*.pyi"))

    assert len(stubs) == 5
    assert sum(path.stat().st_size for path in stubs) < 6e6
    assert not any('"""' in path.read_text("utf-8") for path in stubs)
    assert "Apache License" in (STUBS / "LICENSE").read_text("utf-8")
    assert all(path.read_text("utf-8").startswith("# NVIDIA ") for path in stubs if path.stat().st_size)
    described = (STUBS / "README.md").read_text("utf-8")
    assert all(f"`{folder.name}`" in described for folder in STUBS.iterdir() if folder.is_dir())
