"""The file that ONNX Runtime's quantizer made of textbert fails as it came, and passes as the committed case has it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_qparity.case.loading import load_case
from pytest_qparity.gate import Canaries, CaseMaterial, RunMaterial, default_settings, judge
from pytest_qparity.verdict import Outcome, Verdict

ROOT = Path(__file__).parents[2]


def verdicts(precision: str, keep_float: tuple[str, ...], cache: Path) -> dict[str, Verdict]:
    """Of the committed case, with other nodes kept float."""
    case = load_case(ROOT / "cases" / "textbert.toml")
    stated = case.spec.precisions[precision].model_copy(update={"keep_float": keep_float})
    spec = case.spec.model_copy(update={"precisions": {**case.spec.precisions, precision: stated}})
    settings = replace(default_settings(ROOT), cache=cache, canaries=Canaries())
    with (
        contextlib.closing(CaseMaterial(replace(case, spec=spec), settings, "cases/textbert.toml")) as material,
        contextlib.closing(RunMaterial(material, "ort", precision)) as run,
    ):
        return {check: judge(run, check) for check in ("parity", "accuracy")}


@pytest.mark.parametrize(
    ("keep_float", "outcome"),
    [((), Outcome.ACCURACY_FAIL), (("op:Softmax",), Outcome.PASS)],
    ids=["as it came", "rescued"],
)
def test_the_stock_file_of_textbert(tmp_path, keep_float, outcome):
    found = verdicts("int8-rescued", keep_float, tmp_path)

    assert {verdict.outcome for verdict in found.values()} == {outcome}
    if keep_float:
        assert found["accuracy"].evidence["drop_points"] <= 0.5
    else:
        assert found["accuracy"].evidence["drop_points"] > 10


def test_the_committed_table_is_the_one_that_passes():
    case = load_case(ROOT / "cases" / "textbert.toml")

    assert case.spec.precisions["int8-rescued"].keep_float == ("op:Softmax",)
