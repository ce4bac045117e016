"""The GPU lane where there is no GPU: nothing of it is run, and that is said."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import missing_gpu

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = sorted(path for path in (ROOT / "docs" / "ci").iterdir() if path.is_file())


@pytest.mark.skipif(not missing_gpu(), reason="there is a GPU")
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "a worker"])
def test_what_was_not_run_is_counted_in_the_summary(workers: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "pytest", "tests/gpu", "-m", "gpu", "-p", "no:cacheprovider", *workers]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    found = re.search(r"NOT RUN: (\d+) tests that compute on a GPU: (.+)", done.stdout)
    assert found is not None, done.stdout
    assert f"{found[1]} skipped" in done.stdout
    assert int(found[1]) > 0
    assert "driver" in found[2]


def environments() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser


def test_one_command_is_the_lane() -> None:
    commands = environments()["testenv:gpu"]["commands"]

    assert "pytest --backend=trt,ort-cuda,ort-tensorrt" in commands
    assert "-m gpu" in commands
    assert commands.strip().splitlines()[-1].startswith("python -m benchmarks.gpu_summary")


def test_no_environment_of_the_lane_has_both_packages_of_onnxruntime() -> None:
    """The extras test and all-cpu bring onnxruntime, and ort-gpu onnxruntime-gpu."""
    for name in ("testenv:gpu", "testenv:gpu-trt11"):
        extras = {extra.strip() for extra in environments()[name]["extras"].split(",")}
        assert not ("ort-gpu" in extras and extras & {"test", "all-cpu", "ort", "bench"})


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_the_ci_templates_call_environments_that_there_are(template: Path) -> None:
    called = re.findall(r"tox (?:run )?-e ([\w,-]+)", template.read_text(encoding="utf-8"))

    for name in called:
        assert f"testenv:{name}" in environments()
