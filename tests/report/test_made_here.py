"""Reports say where inputs were drawn, and where the golden was made in the session itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_qparity.report.html.headline import headline
from pytest_qparity.report.made_here import made_here_lines
from pytest_qparity.report.markdown import summary_markdown
from pytest_qparity.report.table import comparison_markdown
from tests.report.ledgers import PASSING, event, ledger, passes

GOLDEN = "Golden: made here of model.onnx by onnxruntime."
OF_A_PAIR = replace(
    ledger([event("parity", passes(inputs="drawn"), case="model")]), start={"pair": {"told": ["Drawn.", GOLDEN]}}
)


def test_drawn_inputs_and_a_golden_of_the_moment_are_said_in_every_report() -> None:
    drawn, golden = made_here_lines(OF_A_PAIR)

    assert drawn.startswith("inputs of model were drawn: they show parity, not accuracy")
    assert golden == GOLDEN.rstrip(".")
    for page in (summary_markdown(OF_A_PAIR, Path("nowhere")), comparison_markdown(OF_A_PAIR)):
        assert "nputs of model were drawn" in page
        assert "Golden: made here of" in page
    assert GOLDEN in headline(OF_A_PAIR).sentences


def test_goldens_that_a_session_was_told_to_make_are_said() -> None:
    [said] = made_here_lines(replace(PASSING, start={"accept": "missing"}))

    assert said.startswith("goldens were made in this session (--qparity-accept=missing)")


def test_of_recorded_inputs_and_reviewed_goldens_nothing_is_said() -> None:
    assert list(made_here_lines(PASSING)) == []
