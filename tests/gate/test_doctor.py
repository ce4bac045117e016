"""`qparity doctor` in a project of a user's, and what its screen shows of machines that are not this one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from pytest_qparity.backends.cuda_driver import hardware_of
from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.gate import doctor
from pytest_qparity.gate.doctor import BackendState, Examination, examine
from pytest_qparity.gate.runs_as import int8_products, runs_as
from pytest_qparity.hardware import this_hardware
from pytest_qparity.precision.table import PRECISIONS
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
    assert shown["ort"] == f"ort           works: onnxruntime {onnxruntime.__version__}"
    assert "[[waivers]]" not in done.stdout


def test_the_same_as_json(tmp_path: Path) -> None:
    done = qparity_doctor(tmp_path, "--json")

    told = json.loads(done.stdout)
    states = {state["name"]: state for state in told["backends"]}
    assert told["works"] is True
    assert states.keys() == backend_table().keys()
    assert states["ort"]["works"] is True
    assert states["ort"]["engine"] == f"onnxruntime {onnxruntime.__version__}"
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


LACKING = """
from pytest_qparity.backends.protocol import Unavailable

class Engine:
    def unavailable(self):
        return Unavailable("there is no GPU; or waive it in the case file", "buy one", waivable=True)
"""


def test_a_backend_that_is_not_here_is_told_without_a_case_to_waive_it_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is stated: no words of it are taken out."""
    (tmp_path / "lacking.py").write_text(LACKING)
    monkeypatch.syspath_prepend(tmp_path)

    found = examine({"lacking": BackendSpec("lacking", "lacking:Engine")}, lambda: WorkerProcess(Limits()))

    expected = BackendState("lacking", False, "", "there is no GPU; or waive it in the case file", "buy one")
    assert found.backends == (expected,)


PRETENDING = """
import numpy as np
from pytest_qparity.backends.protocol import SessionFacts

class Engine:
    def unavailable(self): ...

    def load(self, model, options):
        {load}
        return self

    def run(self, feed):
        return {{"y": np.full((1, 1, 6, 6), {gives}, np.float32)}}

    def facts(self):
        return SessionFacts("pretending", "1", "CPU", {{}}, {placement}, "here")

    def close(self): ...
"""


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        pytest.param({"gives": "0.0"}, "a convolution of ones gives [0. 0. 0.], should be 9", id="computes nothing"),
        pytest.param({"placement": "{'elsewhere': 1}"}, "1 nodes ran elsewhere than on here", id="falls back"),
        pytest.param(
            {"load": "raise OSError('no provider')"}, "no provider", id="has what it needs and does not start"
        ),
    ],
)
def test_a_backend_that_is_there_and_does_not_compute_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoiled: dict[str, str], said: str
) -> None:
    sound = {"load": "pass", "gives": "9.0", "placement": "{'here': 1}"}
    (tmp_path / "pretending.py").write_text(PRETENDING.format(**(sound | spoiled)))
    (tmp_path / "sound.py").write_text(PRETENDING.format(**sound))
    monkeypatch.syspath_prepend(tmp_path)
    table = {name: BackendSpec(name, f"{name}:Engine") for name in ("pretending", "sound")}

    pretending, other = examine(table, lambda: WorkerProcess(Limits())).backends

    assert not pretending.works
    assert said in pretending.reason
    assert other == BackendState("sound", True, "pretending 1")


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
        "backends": (
            BackendState("ort", True, "onnxruntime 1.32.0"),
            BackendState("trt", False, "", "no libnvinfer " * 9, "pip"),
        ),
        "environment": {
            "python": "3.12.1",
            "system": "Linux x86_64",
            "cores": 8,
            "hardware": "cpu-8c-1f0a93d2",
            "libraries": {"numpy": "2.4.6"},
        },
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


def test_the_fingerprints_that_budgets_are_written_for_have_a_line() -> None:
    assert "hardware      cpu-8c-1f0a93d2\n" in screen(examination())
    assert "cpu-8c-1f0a93d2; on its GPU nvidia-h100-8c-0" in screen(examination(gpu_hardware="nvidia-h100-8c-0"))


def test_the_fingerprint_of_a_gpu_is_that_of_a_run_on_it_whatever_its_driver() -> None:
    gpu = {"name": "NVIDIA H100", "capability": "9.0", "memory_mb": 85_000.0, "uuid": "…"}
    facts_device = "NVIDIA H100 (compute 9.0, driver CUDA 12.8)"

    found = doctor._gpu_hardware("13.0", [gpu])

    assert found == this_hardware(hardware_of(facts_device)) != this_hardware()
    assert found.startswith("nvidia-h100-compute-9-0-")


def test_a_conflict_stands_before_the_machine() -> None:
    text = screen(examination(conflicts=("onnxruntime and onnxruntime-gpu are both installed",)))

    assert text.index("CONFLICT") < text.index("\nCPU")


def test_names_cannot_command_the_terminal() -> None:
    text = screen(examination(backends=(BackendState("ort", False, "", "got \x1b[2J from it", "pip"),)))

    assert "\x1b" not in text


def test_nothing_is_wider_than_the_screen() -> None:
    assert max(len(line) for line in screen(examination()).splitlines()) <= 80


def test_each_precision_is_told_once_for_each_backend_that_works() -> None:
    for spec in backend_table().values():
        told = [name for names in runs_as(spec).values() for name in names]
        assert sorted(told) == sorted(PRECISIONS)
        assert set(runs_as(spec)["emulated"]) == set(spec.emulated)


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (["avx2", "avx512_vnni"], "in int32 (avx512_vnni)"),
        (["avx2", "avx512f"], "saturate in int16: no VNNI"),
        (["asimddp"], "in int32 (asimddp)"),
        ("unknown", "not known"),
    ],
)
def test_how_int8_products_are_added_up(features: object, says: str) -> None:
    assert says in int8_products(features)
    assert says in screen(examination(int8_products=int8_products(features)))
