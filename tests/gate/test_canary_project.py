"""The package's own canaries: written once, whole, and judged where a project has none."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from pathlib import Path

import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.gate import canary_project
from pytest_qparity.golden.store import read_golden
from pytest_qparity.verdict import Code, Outcome
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.protocol import Isolation, Watch
from tests.e2e.projects import accept_golden, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a case and its golden, which has no canaries; the package's own are written."""
    folder = tmp_path_factory.mktemp("project")
    accept_golden(write_project(folder))
    canary_project.settings_of_own(settings_in(folder))
    return folder


@pytest.fixture
def root(project: Path, tmp_path: Path) -> Path:
    return shutil.copytree(project, tmp_path, dirs_exist_ok=True)


def settings_in(root: Path) -> gate.Settings:
    return dataclasses.replace(gate.default_settings(root, latency_seconds=0.01), isolation=Isolation.NONE)


def own_folder(root: Path) -> Path:
    [folder] = [path for path in (root / ".qparity" / "cache" / "canaries").iterdir() if path.is_dir()]
    return folder


@pytest.mark.parametrize("backend", ["ort", "openvino", "reference"])
def test_each_is_caught_by_every_engine(root: Path, backend: str) -> None:
    # In a worker: with OpenVINO in this very process a later KeyboardInterrupt from a signal ends it by SIGSEGV.
    settings = dataclasses.replace(settings_in(root), isolation=Isolation.PROCESS)

    result = settings.canaries.on(backend, settings, gate.judge)

    assert (result.planned, result.caught, result.failure) == (10, 10, None)


def test_a_case_is_judged_behind_them(root: Path) -> None:
    settings = settings_in(root)
    case = load_case(root / "cases" / "mlp.toml")

    with (
        contextlib.closing(gate.CaseMaterial(case, settings, "cases/mlp.toml")) as material,
        contextlib.closing(gate.RunMaterial(material, "ort", "fp32")) as run,
    ):
        assert gate.judge(run, "parity").outcome is Outcome.PASS
        assert run.provenance()["canaries"]["caught"] == 10


@pytest.mark.parametrize(
    ("are_own", "limits", "workers"),
    [(True, "", 3), (True, "[limits]\nload_s = 77\n", 4), (False, "", 4)],
    ids=["own canaries", "a case with limits", "the project's canaries"],
)
def test_who_opened_known_files_opens_the_case_as_well(
    root: Path, monkeypatch: pytest.MonkeyPatch, are_own: bool, limits: str, workers: int
) -> None:
    """Else four workers start: an engine and a reader of models for the canaries, and both for the case."""
    if not are_own:
        shutil.copytree(own_folder(root) / "pytest_qparity", root / "cases" / "canaries")
        shutil.copytree(own_folder(root) / "golden", root / "golden", dirs_exist_ok=True)
    case_file = root / "cases" / "mlp.toml"
    case_file.write_text(case_file.read_text() + limits)
    started: list[InProcess] = []
    closed: list[InProcess] = []
    start = InProcess.__init__

    def starting(worker: InProcess, limits: Limits, watch: Watch | None = None) -> None:
        started.append(worker)
        start(worker, limits, watch)

    def closing(worker: InProcess) -> None:
        closed.append(worker)

    monkeypatch.setattr(InProcess, "__init__", starting)
    monkeypatch.setattr(InProcess, "close", closing)
    settings = settings_in(root)

    with (
        contextlib.closing(gate.CaseMaterial(load_case(case_file), settings, "cases/mlp.toml")) as material,
        contextlib.closing(gate.RunMaterial(material, "ort", "fp32")) as run,
    ):
        assert gate.judge(run, "preflight").outcome is Outcome.PASS

    assert len(started) == workers
    assert {id(worker) for worker in closed} == {id(worker) for worker in started}


def test_a_project_that_has_canaries_is_judged_behind_its_own(root: Path) -> None:
    shutil.copytree(own_folder(root) / "pytest_qparity", root / "cases" / "canaries")

    assert [file.name for file in gate.default_settings(root).canaries.files] == ["canary.toml"]


def test_they_are_written_once(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in own_folder(root).rglob("*")}

    canary_project.settings_of_own(settings_in(root))

    assert {path: path.stat().st_mtime_ns for path in own_folder(root).rglob("*")} == before


@pytest.mark.parametrize("name", ["models/flipped.onnx", "data/test.npz", "canary.toml"])
@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_what_is_not_whole_is_written_anew(root: Path, name: str, damage: str) -> None:
    damaged = own_folder(root) / "pytest_qparity" / name
    sound = damaged.read_bytes()
    damaged.unlink()
    if damage == "changed":
        damaged.write_bytes((own_folder(root) / "pytest_qparity" / "models" / "int8.onnx").read_bytes())

    canary_project.settings_of_own(settings_in(root))

    assert damaged.read_bytes() == sound


def test_what_a_killed_writer_left_is_removed(root: Path) -> None:
    folder = own_folder(root)
    left = folder.with_name(f".{folder.name}.abc.tmp")
    folder.rename(left)

    canary_project.settings_of_own(settings_in(root))

    assert not left.exists()
    assert own_folder(root) == folder


def test_a_cache_that_cannot_be_written_is_one_failure(root: Path) -> None:
    shutil.rmtree(root / ".qparity" / "cache" / "canaries")
    (root / ".qparity" / "cache" / "canaries").write_text("a file")
    settings = settings_in(root)

    failure = settings.canaries.on("ort", settings, gate.judge).failure

    assert failure is not None
    assert failure.code is Code.CANARY_UNPROVEN
    assert "should be a folder to write in" in failure.sentence


def test_a_limit_on_data_of_cases_is_none_on_them(root: Path) -> None:
    settings = dataclasses.replace(settings_in(root), largest_data_mb=1e-6)

    assert settings.canaries.on("ort", settings, gate.judge).failure is None


def test_their_golden_is_what_the_formula_says_and_no_engine(root: Path) -> None:
    settings = canary_project.settings_of_own(settings_in(root))
    case = load_case(settings.canaries.files[0])
    with contextlib.closing(gate.CaseMaterial(case, settings, "canary.toml")) as material:
        golden = read_golden(material.golden_folder, material.golden_key, "accept")

    assert golden.provenance["engine"] == "numpy"


def test_the_folder_is_open_to_whoever_shares_the_cache(root: Path) -> None:
    assert own_folder(root).stat().st_mode & 0o777 == 0o755
