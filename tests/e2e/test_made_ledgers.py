"""The ledgers that benchmarks make hold what a real session leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from benchmarks.ledgers import many_runs, run_events
from pytest_qparity import read_ledger
from pytest_qparity.ledger.reading import parsed
from tests.e2e.gate_runs import FAST
from tests.e2e.projects import CASE, accept_golden, write_project

pytest_plugins = ["pytester"]

# Below these keys are names of outputs, inputs, operators, engines and the like, which are any.
NAMES_BELOW = {"outputs", "shape", "kernel_counts", "placement", "makers", "settings", "own_error_db", "speed_up_over"}
NAMES_BELOW |= {"percentiles_ms", "untold", "left_out", "repeat", "order", "batch"}


# What a busy machine alone leaves.
RARE = {("conditions", "waits"), ("conditions", "waits_unexplained"), ("grown_mb",)}


def keys_of(values: Mapping[str, Any], *path: str) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        here = (*path, "*" if path[-1:] and path[-1] in NAMES_BELOW else key)
        yield here
        if isinstance(value, dict):
            yield from keys_of(value, *here)


def test_they_lack_no_key_of_a_real_session_and_are_no_smaller(pytester: pytest.Pytester) -> None:
    accept_golden(write_project(pytester.path, CASE.replace("[data]", "[data]\npopulation = false")))
    pytester.runpytest(FAST, "--backend=ort", "-k", "int8")

    real = {event["check"]: event for event in read_ledger(pytester.path / ".qparity" / "ledger.json").verdicts}
    made = {event["check"]: event for event in run_events("mlp", "ort", "int8")}

    assert real.keys() <= made.keys()
    assert len(real) >= 5
    for check, event in real.items():
        for part in ("evidence", "provenance"):
            assert set(keys_of(event[part])) - set(keys_of(made[check][part])) - RARE == set(), (check, part)
        assert len(json.dumps(made[check])) >= len(json.dumps(event)), check


def test_they_are_ledgers_and_the_same_each_time() -> None:
    text = many_runs(cases=2, precisions=3, fails_each=4)

    of = parsed(text)

    assert text == many_runs(cases=2, precisions=3, fails_each=4)
    assert len(of.verdicts) == len(of.planned) == 2 * 3 * 2 * 6
    assert sum(event["outcome"] == "accuracy-fail" for event in of.verdicts) == 3
