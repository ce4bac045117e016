"""Which workers a case and its runs use, and what a worker's end is to the others."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_qparity import BackendSpec, gate, load_case
from pytest_qparity.backends import resident
from pytest_qparity.precision import variants
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.protocol import Isolation
from tests.e2e.projects import CASE, write_project
from tests.faults.model_faults import _loop_without_end
from tests.models import mlp, save

LIMITED = CASE + "\n[limits]\ncalibration_s = 3\nrun_s = 12\n"


@contextlib.contextmanager
def material_of(
    case_file: Path, isolation: Isolation = Isolation.PROCESS, **changes: object
) -> Iterator[gate.CaseMaterial]:
    root = case_file.parent.parent
    changes = {"isolation": isolation, "canaries": gate.Canaries(), **changes}  # of engines that are stubs
    settings = dataclasses.replace(gate.default_settings(root, 0.01), **changes)
    material = gate.CaseMaterial(load_case(case_file), settings, "cases/mlp.toml")
    yield material
    material.close()


@contextlib.contextmanager
def run_of(material: gate.CaseMaterial, precision: str) -> Iterator[gate.RunMaterial]:
    run = gate.RunMaterial(material, "ort", precision)
    yield run
    run.close()


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_variant_and_its_outputs_are_the_same_bytes_with_and_without_isolation(
    tmp_path: Path, precision: str
) -> None:
    case_file = write_project(tmp_path)
    found = {}
    for isolation in Isolation:
        cache = tmp_path / f"cache-{isolation}"
        with material_of(case_file, isolation, cache=cache) as material, run_of(material, precision) as run:
            material.accept_golden()
            variant = run.variant
            outputs = {name: array.tobytes() for name, array in run.outputs.items()}
            found[isolation] = (variant.path.read_bytes(), variant.digest, variant.recipe, outputs)

    assert found[Isolation.NONE] == found[Isolation.PROCESS]


def test_a_golden_is_the_same_with_and_without_isolation(tmp_path: Path) -> None:
    case_file = write_project(tmp_path)
    found = {}
    for isolation in Isolation:
        with material_of(case_file, isolation, golden_root=tmp_path / f"golden-{isolation}") as material:
            material.accept_golden()
            golden = material.golden
            found[isolation] = (golden.key, {name: array.tobytes() for name, array in golden.outputs.items()})

    assert found[Isolation.NONE] == found[Isolation.PROCESS]


def test_a_cases_limits_are_those_of_its_workers_and_of_its_runs(tmp_path: Path) -> None:
    with material_of(write_project(tmp_path, LIMITED)) as material, run_of(material, "int8") as run:
        assert material.limits == Limits(calibration_s=3, run_s=12)
        assert material.worker.limits == material.limits
        assert run.host.worker.limits == material.limits


def test_a_demanded_limit_wins_over_the_cases(tmp_path: Path) -> None:
    with material_of(write_project(tmp_path, LIMITED), demanded_limits={"run_s": 2.0}) as material:
        assert material.limits == Limits(calibration_s=3, run_s=2)


def test_a_case_opens_models_in_one_worker_and_each_run_has_its_own(tmp_path: Path) -> None:
    with (
        material_of(write_project(tmp_path)) as material,
        run_of(material, "fp16") as one,
        run_of(material, "int8") as other,
    ):
        workers = {id(material.worker), id(one.host.worker), id(other.host.worker)}

        assert material.worker is material.worker
        assert len(workers) == 3


def test_a_case_of_which_nothing_was_asked_starts_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate.Settings, "worker", lambda *_: pytest.fail("should not have started a worker"))

    with material_of(write_project(tmp_path)) as material, run_of(material, "int8"):
        pass


def test_a_given_variant_is_read_where_models_are_opened_and_its_recipe_is_none(tmp_path: Path) -> None:
    case_file = write_project(tmp_path, CASE + '\n[precisions.int8-shipped]\nfile = "models/shipped.onnx"\n')
    save(mlp(seed=3), case_file.parent / "models" / "shipped.onnx")

    with material_of(case_file) as material, run_of(material, "int8-shipped") as run:
        assert run.variant.recipe == {"method": "given"}


def test_a_recipe_that_ends_its_worker_is_the_failure_of_its_own_precision_alone(tmp_path: Path) -> None:
    """Calibration of this model hangs; its fp16 needs none, and is what it would be were it made first."""
    case_file = write_project(tmp_path, LIMITED)
    model = mlp()
    _loop_without_end(model)
    save(model, case_file.parent / "models" / "mlp.onnx")

    with material_of(case_file) as material, run_of(material, "int8") as int8, run_of(material, "fp16") as fp16:
        with pytest.raises(CannotJudge, match=r"^Making int8 of mlp\.onnx") as stop:
            int8.variant.path  # noqa: B018

        assert stop.value.failure.code is Code.WORKER_DEADLINE
        assert fp16.variant.base == "fp16"


def test_a_recipe_that_fails_without_ending_its_worker_leaves_it_to_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_file = write_project(tmp_path)
    with material_of(case_file) as material, run_of(material, "int8") as int8, run_of(material, "fp16") as fp16:
        with monkeypatch.context() as patched:
            patched.setattr(variants, "_CALLS", "tests.worker.calls_that_are_not_there")
            with pytest.raises(CannotJudge) as stop:
                int8.variant.path  # noqa: B018

        assert stop.value.failure.code is Code.WORKER_ERROR
        assert fp16.variant.base == "fp16"


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="nothing tells the peak of a process")
def test_outputs_that_are_far_too_large_are_never_held_here(tmp_path: Path) -> None:
    """The engine gives 50 MB for each feed: all of them together, and their copies, were pytest's own memory once."""
    backends = {"ort": BackendSpec("ort", "tests.faults.engines:GivesMuch")}
    with material_of(write_project(tmp_path), golden_root=tmp_path / "golden") as sound:
        sound.accept_golden()
    with material_of(tmp_path / "cases" / "mlp.toml", backends=backends) as material, run_of(material, "int8") as run:
        run.session.facts()
        resident.restart_peak()
        before_mb = resident.highest_mb()

        found = {check: gate.judge(run, check) for check in ("preflight", "parity", "accuracy", "latency")}

        assert resident.highest_mb() - before_mb < 40
    assert [failure.code for failure in found["parity"].failures] == [Code.PARITY_SHAPE]
    assert [failure.code for failure in found["accuracy"].failures] == [Code.ACCURACY_OUTPUT]
    assert "should have [120, 4]" in found["parity"].failures[0].sentence
