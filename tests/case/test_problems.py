"""What is wrong with a case file is said in full."""

from __future__ import annotations

import pickle
import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_qparity.case import fields, problems, schema
from pytest_qparity.case.fields import NEVER_WAIVED
from pytest_qparity.case.loading import CaseError
from pytest_qparity.verdict import Code
from tests.case.case_files import HEAD, MINIMAL, WAIVER, error_of, load
from tests.case.problems.references import REFERENCES
from tests.case.problems.saying import value
from tests.case.problems.structure import STRUCTURE
from tests.case.problems.texts import TEXTS
from tests.case.problems.values import VALUES

if TYPE_CHECKING:
    from pathlib import Path

PROBLEMS = [
    pytest.param(text, expected, id=name)
    for table in (STRUCTURE, VALUES, TEXTS, REFERENCES)
    for name, (text, expected) in table.items()
]


@pytest.mark.parametrize(("text", "expected"), PROBLEMS)
def test_a_problem_is_said_in_full_with_its_line_and_its_remedy(folder: Path, text: str, expected: str) -> None:
    error = error_of(folder, text)

    assert str(error) == expected.replace("case.toml", str(folder / "case.toml"))


def test_all_problems_of_a_file_are_said_at_once_in_the_order_of_their_lines(folder: Path) -> None:
    error = error_of(folder, 'task = "x"\n[data]\ntest = "zzz"\nbatch = 0\n[parity.int8]\nsqnr_dbb = 1\n[accuracy]\n')

    assert [(problem.code.code, problem.line) for problem in error.problems] == [
        ("QP-CASE-003", None),
        ("QP-CASE-003", None),
        ("QP-CASE-003", 1),
        ("QP-CASE-004", 3),
        ("QP-CASE-003", 4),
        ("QP-CASE-005", 5),
        ("QP-CASE-002", 6),
        ("QP-CASE-003", 7),
    ]


def test_an_error_is_shown_with_the_path_that_is_asked_for_and_survives_pickling(folder: Path) -> None:
    error = pickle.loads(pickle.dumps(error_of(folder, HEAD + "[precisions]\n")))

    assert error.text(folder.joinpath("case.toml").relative_to(folder.parent)).startswith(
        f"QP-CASE-003  {folder.name}/case.toml:3\n"
    )
    assert error.problems[0].code is Code.CASE_VALUE


@pytest.mark.parametrize(
    "code", ["QP-CASE-005", "QP-DATA-004", "QP-CAL-001", "QP-GOLDEN-002", "QP-GOLDEN-999", "QP-CANARY-001"]
)
def test_what_is_wrong_with_case_data_or_golden_cannot_be_waived(folder: Path, code: str) -> None:
    error = error_of(folder, MINIMAL + WAIVER + f'codes = ["QP-PAR-002", "{code}"]\n')

    assert str(error) == value(
        8,
        f'item 2 of codes in [[waivers]] 1: got "{code}", '
        "should be a code that may be waived: where case, data, calibration, golden or canary is wrong, nothing was "
        "judged.",
        "remove it, and mend what the code is about",
    ).replace("case.toml", str(folder / "case.toml"))


@pytest.mark.parametrize(
    ("code", "should"),
    [
        ("QP-BACKEND-002", "a code of preflight, parity, accuracy or invariance: any other says nothing of the file"),
        ("QP-LAT-001", "a code of preflight, parity, accuracy or invariance: any other says nothing of the file"),
        ("QP-PAR-099", "a failure code (docs/failures.md)"),
        ("parity", "a failure code such as QP-BACKEND-001"),
    ],
)
def test_a_canary_is_caught_by_what_is_said_of_its_file(folder: Path, code: str, should: str) -> None:
    error = error_of(folder, MINIMAL + f'caught_by = ["QP-PAR-002", "{code}"]\n')

    assert f'item 2 of caught_by in [precisions.int8]: got "{code}", should be {should}.' in str(error)


@pytest.mark.parametrize("code", [code.code for code in Code if not code.code.startswith(NEVER_WAIVED)])
def test_every_other_code_can_be_waived(folder: Path, code: str) -> None:
    case = load(folder, MINIMAL + WAIVER + f'codes = ["{code}"]\n')

    assert case.spec.waivers[0].codes == (code,)


WRONG: st.SearchStrategy[Any] = st.recursive(
    st.none().map(lambda _: "5")
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([10**400, float("nan"), float("inf"), -1.5, "", "[", "x", "int8", "samples:", date(2027, 3, 1)]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["int8", "url", "build", "ort", "run", "", "a b"]), inner, max_size=2)
    ),
    max_leaves=3,
)
KEYS = {
    "": ["model", "task", "data", "precisions", "parity", "accuracy", "invariance", "budgets", "limits", "waivers"],
    "data": ["test", "calibration", "population", "batch"],
    "precisions.int8": ["file", "base", "calibration", "keep_float"],
    "parity.int8": ["sqnr_db", "cosine", "max_mismatched", "atol", "rtol"],
    "accuracy": ["metric", "margin"],
    "invariance": ["repeat", "order", "batch", "shape", "samples", "error_share", "fp32_sqnr_db"],
    "invariance.padding": ["mask", "value", "axis", "pad", "by"],
    "budgets.ort.int8": ["speedup_over", "memory_mb", "size_mb"],
    "limits": ["load_s", "first_run_s", "run_s", "calibration_s", "memory_mb"],
    "[waivers]": ["run", "reason", "expires", "checks", "codes"],
}


def toml(given_value: Any) -> str:
    if isinstance(given_value, dict):
        return "{" + ", ".join(f'"{key}" = {toml(each)}' for key, each in given_value.items()) + "}"
    if isinstance(given_value, list):
        return "[" + ", ".join(toml(each) for each in given_value) + "]"
    if isinstance(given_value, bool):
        return str(given_value).lower()
    return f'"{given_value}"' if isinstance(given_value, str) else str(given_value)


@given(st.sampled_from([(table, key) for table, keys in KEYS.items() for key in keys]), WRONG)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_wrong_value_anywhere_is_said_in_words_of_pydantic(folder: Path, place: tuple[str, str], wrong: Any) -> None:
    table, key = place
    text = f"{key} = {toml(wrong)}\n" if not table else f"[{table}]\n{key} = {toml(wrong)}\n"
    tomllib.loads(text)

    try:
        load(folder, text if table else text + "[zzz]\n")
    except CaseError as error:
        for problem in error.problems:
            assert "a value that this key takes" not in problem.sentence
            assert "nput" not in problem.sentence
            assert "<" not in problem.sentence.replace("`<backend>-<precision>`", "")
            assert problem.remedy


def test_every_table_of_a_case_is_known_by_its_place() -> None:
    """So that a misspelt key in it is told with those that are near."""
    known = {(place[0], table) for place, table in problems._TABLES.items()} | {("model", schema.BuiltModel)}
    for name, field in schema.CaseSpec.model_fields.items():
        assert {(name, table) for table in _tables(field.annotation)} <= known


def _tables(annotation: Any) -> list[Any]:
    parts = get_args(annotation)
    if parts:
        return [table for part in parts for table in _tables(part)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, fields.Table) else []
