from __future__ import annotations

import tomllib

import pytest

from pytest_qparity.case.patterns import matches
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.rescue.candidate import Candidate, exactly, patterns_for, table_text


@pytest.mark.parametrize("name", ["a[0]", "a*", "op:Conv", "between:x -> y", "plain/name.1", "a?b"])
def test_a_name_matches_itself_and_nothing_else(name):
    pattern = exactly(name)

    assert matches(pattern, name)
    assert not matches(pattern, name.replace("a", "b") + "x")
    assert not pattern.startswith(("op:", "output:", "between:"))


def test_all_nodes_of_an_operator_are_one_pattern():
    operators = {"s1": "Softmax", "s2": "Softmax", "c1": "Conv", "c2": "Conv", "g": "Gemm"}

    assert patterns_for(("s1", "s2", "c1", "g"), operators) == ("op:Softmax", "c1", "g")


def test_what_the_case_states_stays_and_changes_come_behind():
    stated = PrecisionSpec(calibration="percentile", percentile=99.9, keep_float=("op:Conv",), target="ort")

    table = Candidate((("calibration", "mse"), ("percentile", None)), ("a",)).table(stated)

    assert table == {"target": "ort", "calibration": "mse", "keep_float": ("op:Conv", "a")}


def test_the_table_is_toml_that_says_the_same():
    names = tuple(f'a "quoted" [name] {index}' for index in range(9))
    table = Candidate((("percentile", 99.9),), names).table(PrecisionSpec(edges_float=True, types={"x*": "int16"}))

    read = tomllib.loads(table_text("int8.odd", table))["precisions"]["int8.odd"]

    assert read.pop("keep_float") == [exactly(name) for name in names]
    assert read == {"edges_float": True, "types": {"x*": "int16"}, "percentile": 99.9}


def test_the_order_of_names_makes_no_other_candidate():
    assert Candidate(keep_float=("a", "b")).key == Candidate(keep_float=("b", "a")).key
    assert Candidate(keep_float=("a",)).key != Candidate(keep_float=("b",)).key
    assert Candidate((("calibration", "mse"),)).key != Candidate().key
