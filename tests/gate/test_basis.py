"""What a verdict rests on: each thing that could change it changes the part that it is in, and nothing else does."""

from __future__ import annotations

import contextlib
import datetime
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.backends.registry import BackendSpec
from pytest_qparity.case.contributed import DataSource, NamedPrecision, contributed_by
from pytest_qparity.gate.basis import SessionBasis
from pytest_qparity.gate.since import carried_run
from pytest_qparity.ledger.earlier import Carried, Earlier, NotCarried
from pytest_qparity.worker.protocol import Isolation
from tests.e2e.projects import CASE, accept_golden, write_project
from tests.models import mlp, save

GIVEN = CASE + '\n[precisions.int8-given]\nfile = "models/given.onnx"\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    save(mlp(seed=1), root / "cases/models/given.onnx")
    accept_golden(write_project(root, GIVEN))
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(made, tmp_path / "project"))


def basis(root: Path, **changed: object) -> Mapping[str, str] | None:
    settings = replace(gate.default_settings(root), isolation=Isolation.NONE, session_basis=SessionBasis(), **changed)
    with contextlib.closing(gate.CaseMaterial(load_case(root / "cases/mlp.toml"), settings, "mlp")) as material:
        return material.basis


def changed(before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> set[str]:
    assert before is not None
    assert after is not None
    return {part for part in {*before, *after} if before.get(part) != after.get(part)}


def other_data(path: Path) -> Callable[[Path], object]:
    def write(root: Path) -> None:
        arrays = dict(np.load(root / path))
        arrays["input"][0, 0] += 1.0
        np.savez(root / path, **arrays)

    return write


CHANGES: Mapping[str, tuple[str, Callable[[Path], object]]] = {
    "the model": ("model", lambda root: save(mlp(seed=7), root / "cases/models/mlp.onnx")),
    "a sample": ("data", other_data(Path("cases/data/test.npz"))),
    "a calibration sample": ("calibration", other_data(Path("cases/data/calibration.npz"))),
    "a given variant": ("files", lambda root: save(mlp(seed=8), root / "cases/models/given.onnx")),
    "the golden": ("golden", lambda root: next((root / "golden").rglob("*.json")).write_text("{}")),
    "a golden that is gone": ("golden", lambda root: next((root / "golden").rglob("*.json")).unlink()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_what_a_case_names_changes_its_part(root: Path, what: str) -> None:
    part, change = CHANGES[what]
    before = basis(root)

    change(root)

    assert changed(before, basis(root)) == {part}


def test_the_same_has_one_basis_wherever_it_lies(root: Path, made: Path) -> None:
    assert basis(root) == basis(made)


def test_code_environment_and_options_belong_to_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = basis(root)

    assert changed(before, basis(root, latency_seconds=9.0)) == {"settings"}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert changed(before, basis(root)) == {"environment"}
    monkeypatch.delenv("OMP_NUM_THREADS")
    plugin = root / "plugin_of_project.py"
    plugin.write_text("")
    module = type(sys)("plugin_of_project")
    module.__file__ = str(plugin)
    monkeypatch.setitem(sys.modules, "plugin_of_project", module)
    imported = basis(root)
    assert changed(before, imported) == {"code"}
    (root / "helper.py").write_text("late = 1")  # beside it: it may be imported when it is first needed
    assert changed(imported, basis(root)) == {"code"}


def test_code_that_a_named_function_imports_belongs_to_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From beside the tests or from an editable package: its own file and those beside it are not all of it."""
    rules = root / "libs/acme_shared/rules.py"
    rules.parent.mkdir(parents=True)
    rules.write_text("def score(outputs, labels): return labels == 1\n")
    late = "def m(*args):\n    from acme_shared.rules import score\n    return score(*args)\n"
    (root / "cases/scoring.py").write_text(late)
    case_file = root / "cases/mlp.toml"
    own = '[accuracy]\nmetric = {name = "scoring:m", direction = "higher", percent = true}'
    case_file.write_text(GIVEN.replace("[accuracy]", own))
    monkeypatch.syspath_prepend(root / "libs")
    before = basis(root)

    rules.write_text("def score(outputs, labels): return labels == 2\n")

    assert changed(before, basis(root)) == {"files"}


def test_what_a_plugin_imports_late_belongs_to_it(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("acme_hub/__init__.py", ""), ("acme_hub/tools.py", "import acme_late\n"), ("acme_late.py", "")):
        (tmp_path / "plugins" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plugins" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "plugins")
    added = contributed_by([], [DataSource("acme-late-hub", "acme_hub.tools:samples")])
    before = basis(root, contributed=added)

    (tmp_path / "plugins/acme_late.py").write_text("late = 1\n")

    assert changed(before, basis(root, contributed=added)) == {"code"}


def test_what_plugins_name_belongs_to_it(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme").mkdir()
    tools = tmp_path / "acme" / "acme_basis_tools.py"
    tools.write_text("def samples(name): ...\n")
    monkeypatch.syspath_prepend(tools.parent)
    hub = DataSource("acme-hub", "acme_basis_tools:samples")
    named, other = (NamedPrecision("acme", "int8", {"calibration": method}) for method in ("mse", "minmax"))
    before = basis(root, contributed=contributed_by([named], [hub]))

    assert changed(before, basis(root, contributed=contributed_by([other], [hub]))) == {"settings"}
    tools.write_text("def samples(name): return {}\n")
    assert changed(before, basis(root, contributed=contributed_by([named], [hub]))) == {"code"}


def test_of_code_that_is_not_found_there_is_no_basis(root: Path) -> None:
    stranger = BackendSpec("stranger", "no_such_package_anywhere.engine:Engine")

    assert basis(root, backends={**gate.default_settings(root).backends, "stranger": stranger}) is None


@pytest.fixture
def waived(root: Path) -> Iterator[gate.CaseMaterial]:
    """A case whose earlier verdict on int8 was waived until a day."""
    case_file = root / "cases/mlp.toml"
    case_file.write_text(f'{GIVEN}\n[[waivers]]\nrun = "ort-int8"\nreason = "known"\nexpires = 2027-03-01\n')
    settings = replace(gate.default_settings(root), isolation=Isolation.NONE, session_basis=SessionBasis())
    with contextlib.closing(gate.CaseMaterial(load_case(case_file), settings, "mlp")) as material:
        event = {
            "outcome": "waived",
            "waiver": "known (until 2027-03-01)",
            "provenance": {"basis": material.basis},
            "notes": [],
        }
        earlier = Earlier("sha", "session", None, "time", {"node": {"parity": event}})
        material.settings = replace(settings, earlier=earlier)
        yield material


def test_a_waiver_is_carried_over_until_it_expires(waived: gate.CaseMaterial) -> None:
    last_day, after = datetime.date(2027, 3, 1), datetime.date(2027, 3, 2)

    assert isinstance(carried_run(waived, "node", ["parity"], last_day), Carried)
    assert carried_run(waived, "node", ["parity"], after) == NotCarried(("parity: its waiver expired",))
