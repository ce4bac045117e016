"""`qparity doctor` in a project of a user's, and what its screen shows of machines that are not this one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.gate import doctor
from pytest_qparity.gate.doctor import BackendState, Examination, examine
from pytest_qparity.report.doctor import screen
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess

CRASHING = """
import os, signal

class Engine:
    def unavailable(self):
        os.kill(os.getpid(), signal.SIGSEGV)
"""
BOTH = {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"}


def qparity_doctor(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest_qparity.cli", "doctor", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def write_conftest(folder: Path, specs: str) -> None:
    (folder / "conftest.py").write_text(
        "from pytest_qparity import BackendSpec\n"
        f"def pytest_qparity_backends(config):\n    return [BackendSpec(name, target) for name, target in {specs}]\n"
    )


def test_this_machine_on_one_screen(tmp_path: Path) -> None:
    done = qparity_doctor(tmp_path)

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 40
    shown = {line.split()[0]: line for line in lines if line[:1].strip()}
    assert shown.keys() >= {*backend_table(), "CPU", "GPU", "Python", "packages"}
    assert shown["ort"] == "ort           works"
    assert "[[waivers]]" not in done.stdout


def test_the_same_as_json(tmp_path: Path) -> None:
    done = qparity_doctor(tmp_path, "--json")

    told = json.loads(done.stdout)
    states = {state["name"]: state for state in told["backends"]}
    assert told["works"] is True
    assert states.keys() == backend_table().keys()
    assert states["ort"] == {"name": "ort", "works": True, "reason": "", "remedy": ""}
    for state in states.values():
        assert state["works"] or (state["reason"] and state["remedy"])


def test_where_no_backend_works_the_exit_status_is_4(tmp_path: Path) -> None:
    write_conftest(
        tmp_path, str([(name, f"no_such_module_{index}:Engine") for index, name in enumerate(backend_table())])
    )

    done = qparity_doctor(tmp_path)

    assert done.returncode == 4
    assert done.stdout.startswith("0 of 6 backends work here")
    assert "no_such_module_0" in done.stdout


def test_a_backend_that_crashes_is_one_line_and_the_others_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crashing.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    table = {"crashing": BackendSpec("crashing", "crashing:Engine"), "ort": backend_table()["ort"]}

    found = examine(table, lambda: WorkerProcess(Limits()))

    crashing, ort = found.backends
    assert not crashing.works
    assert "SIGSEGV" in crashing.reason
    assert ort.works


@pytest.mark.parametrize(
    ("installed", "expected"), [(BOTH, 1), ({"onnxruntime": "1"}, 0), ({"onnxruntime-gpu": "1"}, 0), ({}, 0)]
)
def test_both_packages_of_onnxruntime_are_a_conflict(
    installed: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "version_of", installed.get)

    assert len(doctor.conflicts()) == expected


def examination(**changes: object) -> Examination:
    stated = {
        "backends": (BackendState("ort", True), BackendState("trt", False, "no libnvinfer " * 9, "pip install it")),
        "environment": {"python": "3.12.1", "system": "Linux x86_64", "cores": 8, "libraries": {"numpy": "2.4.6"}},
        "cpu": {"name": "CPU", "features": ["avx2"]},
        "gpus": (),
        "cuda": "",
        "driver": "",
        "no_gpu": "there is no NVIDIA driver",
        "conflicts": (),
    }
    return Examination(**(stated | changes))  # type: ignore[arg-type]


def test_a_gpu_and_its_driver_have_a_line() -> None:
    gpu = {"name": "NVIDIA H100", "capability": "9.0", "memory_mb": 85_000.0, "uuid": "…"}

    text = screen(examination(gpus=(gpu,), cuda="13.0", driver="580.65.06", no_gpu=""))

    assert "GPU           NVIDIA H100, compute 9.0, 85,000 MB, driver 580.65.06, CUDA 13.0\n" in text


def test_a_conflict_stands_before_the_machine() -> None:
    text = screen(examination(conflicts=("onnxruntime and onnxruntime-gpu are both installed",)))

    assert text.index("CONFLICT") < text.index("\nCPU")


def test_names_cannot_command_the_terminal() -> None:
    text = screen(examination(backends=(BackendState("ort", False, "got \x1b[2J from it", "pip"),)))

    assert "\x1b" not in text


def test_nothing_is_wider_than_the_screen() -> None:
    assert max(len(line) for line in screen(examination()).splitlines()) <= 80
