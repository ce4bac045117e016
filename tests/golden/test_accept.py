from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.golden import (
    Accept,
    GoldenStatus,
    State,
    ci_refusal,
    may_write,
    orphans,
    status_of,
    store,
    write_golden,
)
from pytest_qparity.verdict import Code
from tests.golden.goldens import golden, key


@pytest.fixture
def folder(tmp_path):
    write_golden(tmp_path / "golden" / "digits", golden())
    return tmp_path / "golden" / "digits"


def test_a_golden_that_a_run_would_use_is_current(folder):
    status = status_of("digits", folder, key())

    assert status == GoldenStatus("digits", folder, State.CURRENT, "6 samples of logits, label/ids:0")


def test_no_golden_is_missing(tmp_path):
    assert status_of("digits", tmp_path / "digits", key()).state is State.MISSING


def test_a_golden_of_another_model_is_changed_and_says_so(folder):
    status = status_of("digits", folder, key(model="another"))

    assert status.state is State.CHANGED
    assert status.detail.startswith("got a golden of model ")


def test_a_damaged_golden_is_corrupt(folder):
    for path in folder.glob("*.npy"):
        path.write_bytes(path.read_bytes()[:-1])

    assert status_of("digits", folder, key()).state is State.CORRUPT


def test_a_golden_with_nan_is_corrupt(tmp_path, monkeypatch):
    broken = golden()
    broken.outputs["logits"][0, 0] = float("nan")
    with monkeypatch.context() as patch:
        patch.setattr(store, "_require_finite", lambda *_: None)
        patch.setattr(store, "_statistics", lambda _: (0.0, 0.0, 0.0))
        write_golden(tmp_path / "digits", broken)

    assert status_of("digits", tmp_path / "digits", key()).state is State.CORRUPT


def test_goldens_of_no_case_are_orphans(folder):
    root = folder.parent
    write_golden(root / "another", golden())
    (root / "notes").mkdir()
    (root / "README.md").write_text("x")
    write_golden(root / "half", golden())
    (root / "half" / "manifest.json").unlink()

    found = orphans(root, {"digits"})

    assert [(status.case, status.state) for status in found] == [("another", State.ORPHANED), ("half", State.ORPHANED)]
    assert found[0].detail == "got a golden without a case, should be of a case named another"


def test_where_no_goldens_are_there_are_no_orphans(tmp_path):
    assert orphans(tmp_path / "golden", []) == []


@pytest.mark.parametrize(
    ("state", "missing", "changed"),
    [
        (State.MISSING, True, True),
        (State.CURRENT, False, False),
        (State.CHANGED, False, True),
        (State.CORRUPT, False, True),
        (State.ORPHANED, False, False),
    ],
)
def test_what_may_be_written(state, missing, changed):
    assert (may_write(state, Accept.MISSING), may_write(state, Accept.CHANGED)) == (missing, changed)


@pytest.mark.parametrize("value", ["true", "1", "True", "yes", "woodpecker"])
def test_nothing_is_accepted_in_ci(value):
    assert ci_refusal({"CI": value}).startswith(f"got a request to accept goldens where CI={value}")


@pytest.mark.parametrize("environment", [{}, {"CI": ""}, {"CI": "false"}, {"CI": "0"}, {"HOME": "/"}], ids=str)
def test_outside_of_ci_goldens_may_be_accepted(environment):
    assert ci_refusal(environment) is None


def test_the_documentation_names_every_state_and_code():
    page = (Path(__file__).parents[2] / "docs" / "goldens.md").read_text()

    assert all(code.code in page for code in Code if code.name.startswith("GOLDEN_"))
    assert all(str(state) in page for state in State)
    assert all(f"--qparity-accept={accept}" in page for accept in Accept)
