"""What a canary file must be, and what a case must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.case.loading import CaseError
from tests.e2e.projects import CASE, write_canary_files, write_project

WHY = "a gate that fails everything catches every canary."
SOUND = '[precisions.int8]\nfile = "models/int8.onnx"\n'


def problems(canary_file: Path) -> list[str]:
    """What planning says of a canary file, code and sentence."""
    settings = gate.default_settings(canary_file.parents[2])
    try:
        gate.plan(load_case(canary_file), settings, ["ort"])
    except CaseError as error:
        return [f"{problem.code.code}:{problem.line} {problem.sentence}" for problem in error.problems]
    return []


def test_the_canaries_of_this_package_are_planned(tmp_path: Path) -> None:
    assert problems(write_canary_files(tmp_path)) == []


PROVING_NOTHING = [
    pytest.param(
        lambda text: text + '\n[[waivers]]\nrun = "*"\nreason = "known"\nexpires = 2030-01-01\n',
        ["Got a waiver, should be none: a canary that is waived is none."],
        id="a waiver",
    ),
    pytest.param(
        lambda text: text + "\n[budgets.ort.int8]\nmemory_mb = 64\n",
        ["Got budgets, should be none: latency and memory of canaries are not measured."],
        id="budgets",
    ),
    pytest.param(
        lambda text: text + "\n[precisions.fp16]\n",
        ['Got precision "fp16" of a canary file without a file, should be a given one.'],
        id="a made variant",
    ),
    pytest.param(
        lambda text: text + "\n[parity.int8-scale]\nsqnr_db = 100\n",
        ['Got limits for "int8-scale" alone, should be for int8: sound and broken share them.'],
        id="limits of its own",
    ),
    pytest.param(
        lambda text: text[: text.index("[precisions.int8-flipped]")],
        ["Got a canary file without a canary, should be a broken file with caught_by."],
        id="nothing broken",
    ),
    pytest.param(
        lambda text: text.replace(SOUND, ""),
        [
            f'Got canary "int8-{name}" without a sound int8 beside it, should be one that passes: {WHY}'
            for name in (
                "flipped",
                "scale",
                "relu",
                "swapped",
                "reordered",
                "nan",
                "half",
                "shape",
                "float",
                "nan-scale",
            )
        ],
        id="nothing sound",
    ),
    pytest.param(
        lambda text: text + '\n[precisions.fp16-broken]\nfile = "models/flipped.onnx"\ncaught_by = ["QP-PRE-001"]\n',
        [f'Got canary "fp16-broken" without a sound fp16 beside it, should be one that passes: {WHY}'],
        id="nothing sound of its base",
    ),
]


@pytest.mark.parametrize(
    ("change", "said"),
    PROVING_NOTHING,
)
def test_what_would_prove_nothing_is_refused(tmp_path: Path, change, said: list[str]) -> None:
    canary_file = write_canary_files(tmp_path)
    canary_file.write_text(change(canary_file.read_text()))

    found = problems(canary_file)

    assert [problem.partition(" ")[2] for problem in found] == said
    assert all(problem.startswith("QP-CASE-003:") for problem in found)


def test_limits_of_the_base_are_shared_and_allowed(tmp_path: Path) -> None:
    canary_file = write_canary_files(tmp_path)
    canary_file.write_text(canary_file.read_text() + "\n[parity.int8]\nsqnr_db = 25\ncosine = 0.99\n")

    assert problems(canary_file) == []


def test_a_problem_has_its_line(tmp_path: Path) -> None:
    canary_file = write_canary_files(tmp_path)
    lines = canary_file.read_text().count("\n")
    canary_file.write_text(canary_file.read_text() + "[precisions.fp16]\n")

    assert problems(canary_file)[0].startswith(f"QP-CASE-003:{lines + 1} ")


def test_a_case_may_not_say_what_catches_it(tmp_path: Path) -> None:
    text = CASE.replace("[precisions.int8]", '[precisions.int8]\nfile = "models/mlp.onnx"\ncaught_by = ["QP-PAR-002"]')
    case_file = write_project(tmp_path, text)

    with pytest.raises(CaseError, match='Got caught_by for "int8" in a case, should be in a canary file alone'):
        gate.plan(load_case(case_file), gate.default_settings(tmp_path), ["ort"])


def test_a_case_and_a_canary_file_of_one_name_are_refused(tmp_path: Path) -> None:
    write_canary_files(tmp_path)
    case_file = write_project(tmp_path, name="canary")

    with pytest.raises(CaseError, match=r'case named "canary" beside the canary file cases/canaries/canary\.toml'):
        gate.plan(load_case(case_file), gate.default_settings(tmp_path), ["ort"])


def test_a_canary_file_is_known_by_any_path_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_canary_files(tmp_path)
    monkeypatch.chdir(tmp_path / "cases")

    case = load_case(Path("canaries/canary.toml"))

    assert gate.plan(case, gate.default_settings(tmp_path), ["ort"])
