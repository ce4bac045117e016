"""A quantized file that runs as float is said in the summary, with what would run on integers, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.report.as_float import as_float_lines
from pytest_qparity.report.html.headline import headline
from pytest_qparity.report.markdown import summary_markdown
from pytest_qparity.report.table import comparison_markdown
from pytest_qparity.report.terminal import summary
from pytest_qparity.verdict import Code
from tests.report.ledgers import event, fails, ledger, passes

REMEDY = 'target = "backend" makes a faster file'


def counts(quantized: int, fell_back: int = 0, left_float: int = 0) -> dict[str, dict[str, int]]:
    told = {"quantized": quantized, "fell_back": fell_back, "left_float": left_float}
    return {"Conv": {**told, "weights_only": 0, "otherwise": 0}}


def preflight(quantized: int, fell_back: int = 0, left_float: int = 0, *, faster_with: str = REMEDY, **of: str):
    evidence = {"kernel_counts": counts(quantized, fell_back, left_float), "faster_with": faster_with}
    return event("preflight", passes(**evidence), **of)


AS_FLOAT = ledger([preflight(0, 22)])
SAID = (
    "as float: 0 of 22 compute nodes of mlp ort-int8 run quantized; the others compute in floats, which gains no "
    f"speed; {REMEDY}"
)


def test_it_is_one_line_with_what_to_do():
    assert list(as_float_lines(AS_FLOAT)) == [SAID]


def test_every_report_says_it():
    assert SAID in summary(AS_FLOAT, width=500, colour=False)
    assert "0 of 22 compute nodes" in summary_markdown(AS_FLOAT, Path("nowhere"))
    assert "0 of 22 compute nodes" in comparison_markdown(AS_FLOAT)
    assert any("0 of 22 compute nodes" in line for line in headline(AS_FLOAT).remarks)


def test_many_runs_share_the_line_of_their_remedy():
    runs = [preflight(15, 11, case=f"m{number}") for number in range(5)]
    given = preflight(0, 2, faster_with="", case="given")

    [many, one] = as_float_lines(ledger([*runs, given]))

    assert "15 of 26 compute nodes of m2 ort-int8 and of 2 more runs run quantized" in many
    assert one.endswith("gains no speed")


@pytest.mark.parametrize(
    "other",
    [
        preflight(22, 0, 3),  # nodes that are float in the file
        preflight(0, 22, backend="reference"),
        event("preflight", passes("24 Q/DQ")),  # the engine does not tell
        event("parity", passes(kernel_counts=counts(0, 22))),
        event("preflight", fails(Code.PREFLIGHT_FEW_QUANTIZED)) | {"evidence": {"kernel_counts": counts(0, 22)}},
        preflight(0, 22) | {"emulated": True},
    ],
    ids=["left float", "reference", "untold", "another check", "failed for it", "emulated"],
)
def test_of_nothing_else_it_is_said(other):
    assert list(as_float_lines(ledger([other]))) == []
