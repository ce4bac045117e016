"""What a case says of how an engine is built and run: from its table to the session, nothing left out in silence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.backends.engine_options import EngineOptions
from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.case.loading import CaseError
from pytest_qparity.gate.planning import plan
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.e2e.projects import CASE, write_project
from tests.models import mlp, save


def problems(root: Path, tables: str) -> list[tuple[Code, str, str]]:
    write_project(root, f"{CASE}\n{tables}")
    with pytest.raises(CaseError) as caught:
        plan(load_case(root / "cases/mlp.toml"), gate.default_settings(root), ["ort"])
    return [(problem.code, problem.sentence, problem.remedy) for problem in caught.value.problems]


def test_a_run_asks_for_what_its_backends_table_says(tmp_path: Path) -> None:
    write_project(tmp_path, f"{CASE}\n[backends.trt]\nworkspace_mb = 512\ncuda_graphs = true\n")
    material = gate.CaseMaterial(
        load_case(tmp_path / "cases/mlp.toml"), gate.default_settings(tmp_path), "cases/mlp.toml"
    )

    assert RunMaterial(material, "trt", "fp32").options.engine == EngineOptions(workspace_mb=512, cuda_graphs=True)
    assert RunMaterial(material, "ort", "fp32").options.engine == EngineOptions()


@pytest.mark.parametrize(("table", "key"), [("backends", "workspace_mb = 512"), ("resources", "gpu = 1")])
def test_a_backend_that_nobody_knows_is_refused_with_the_near_word(tmp_path: Path, table: str, key: str) -> None:
    [(code, sentence, remedy)] = problems(tmp_path, f"[{table}.ort-tensort]\n{key}\n")

    assert code is Code.CASE_DEAD_PATTERN
    assert sentence.startswith('Got backend "ort-tensort", should be one of: ')
    assert remedy == 'write "ort-tensorrt"'


@pytest.mark.parametrize(
    ("tables", "sentence", "remedy"),
    [
        (
            "[backends.ort]\nworkspace_mb = 512\n",
            'Got workspace_mb for backend "ort", should be none: it takes no options.',
            "take it out; it is for ort-tensorrt, trt",
        ),
        (
            "[backends.ort-tensorrt]\nstrict_nans = false\n",
            'Got strict_nans for backend "ort-tensorrt", should be one of: optimization_level, workspace_mb.',
            "take it out; it is for trt",
        ),
    ],
)
def test_a_key_that_the_backend_does_not_take_is_refused(
    tmp_path: Path, tables: str, sentence: str, remedy: str
) -> None:
    assert problems(tmp_path, tables) == [(Code.CASE_VALUE, sentence, remedy)]


def test_a_library_user_is_refused_what_the_backend_does_not_take(tmp_path: Path) -> None:
    host = EngineHost(InProcess(Limits()), backend_table()["ort"])

    with pytest.raises(CannotJudge) as caught:
        host.load(save(mlp(), tmp_path / "mlp.onnx"), SessionOptions(engine=EngineOptions(strict_nans=False)))

    assert caught.value.failure.code is Code.BACKEND_LOAD
    assert caught.value.failure.sentence == 'Backend "ort" got the engine options strict_nans, should get none.'


def test_options_cross_a_process_border() -> None:
    options = SessionOptions(engine=EngineOptions(4096, 5, strict_nans=False, cuda_graphs=True))

    assert SessionOptions.from_json(options.as_json()) == options


def test_a_backend_says_which_it_takes_and_no_others() -> None:
    taken = {name: spec.options for name, spec in backend_table().items() if spec.options}

    assert taken.keys() == {"trt", "ort-tensorrt"}
    assert set(taken["trt"]) == {each.name for each in dataclasses.fields(EngineOptions)}
    with pytest.raises(ValueError, match="should be some of"):
        BackendSpec("mine", "mine:Mine", options=("threads",))  # type: ignore[arg-type]
