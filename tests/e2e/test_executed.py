"""The table of what ran is read from a ledger: natively, emulated, as float, refused, not at all."""

from __future__ import annotations

from typing import Any

from benchmarks.executed import cell, how, table
from pytest_qparity.ledger.reading import Ledger

KERNELS = {"Conv": {"quantized": 2, "weights_only": 0, "fell_back": 1, "left_float": 0, "otherwise": 0}}


def verdict(check: str, deciding: str, *, backend: str = "ort", **changes: Any) -> dict[str, Any]:
    variant = {"given": False, "recipe": {"method": "static", "format": "qdq", "calibration": "minmax"}}
    return {
        "case": "c",
        "precision": "int8",
        "backend": backend,
        "check": check,
        "deciding": deciding,
        "emulated": False,
        "failures": [],
        "evidence": {},
        "provenance": {"variant": variant},
    } | changes


def run(backend: str = "ort", **preflight: Any) -> list[dict[str, Any]]:
    first = verdict("preflight", "2/3 Conv", backend=backend, **preflight)
    return [
        first,
        verdict("parity", "40.0 dB", backend=backend),
        verdict("accuracy", "+0.00 pt", backend=backend),
    ]


def by_check(verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["check"]: each for each in verdicts}


def test_a_row_has_the_recipe_and_a_cell_for_each_backend() -> None:
    verdicts = run(evidence={"kernel_counts": KERNELS}) + run("openvino", failures=[{"code": "QP-BACKEND-002"}])
    ledger = Ledger({}, [], [], [], {}, verdicts, {}, {}, {}, 0)

    assert list(table(ledger, "c")) == [
        "| precision | recipe | `ort` | `openvino` |",
        "| --- | --- | --- | --- |",
        "| `int8` | static, minmax | native (2/3); 40.0 dB; +0.00 pt | not: QP-BACKEND-002 |",
    ]


def test_what_an_engine_runs_as_float_is_not_native() -> None:
    nothing = {"Conv": KERNELS["Conv"] | {"quantized": 0}}

    assert how(verdict("preflight", "", evidence={"kernel_counts": nothing})) == "as float (0/1)"
    assert how(verdict("preflight", "", emulated=True, evidence={"emulated": {"a": 2}})) == "emulated (2 nodes)"


def test_a_run_that_lacks_a_check_did_not_run() -> None:
    assert cell(by_check(run()[:1])) == "not run"


def test_a_case_without_a_metric_has_no_accuracy() -> None:
    assert cell(by_check(run(evidence={"kernel_counts": KERNELS})[:2])) == "native (2/3); 40.0 dB"
