"""A waiver that nothing needs any more is told, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_qparity.report.document import summary_json
from pytest_qparity.report.html.headline import headline
from pytest_qparity.report.markdown import summary_markdown
from pytest_qparity.report.terminal import summary
from pytest_qparity.report.unneeded import unneeded_lines, unneeded_waivers
from pytest_qparity.verdict import waived
from tests.report.ledgers import event, fails, ledger, passes

WAIVER = "known since May (until 2027-03-01)"
UNUSED = passes(waivers_unused=[WAIVER])
PASSES = [event("preflight", UNUSED), event("parity", UNUSED)]
SAID = (
    f"waiver not needed: mlp ort-int8 (2 checks pass without it): {WAIVER}: delete it, unless another machine needs it"
)


def test_every_report_says_which_waiver_can_be_deleted():
    of = ledger(PASSES)

    assert list(unneeded_lines(of)) == [SAID]
    assert SAID in summary(of, width=500, colour=False)
    assert f"Waivers that nothing needed here: mlp: {WAIVER}." in summary_markdown(of, Path("nowhere"))
    assert json.loads(summary_json(of, Path("nowhere")))["waivers_not_needed"][0]["waiver"] == WAIVER
    assert headline(of).remarks[-1] == f"W{SAID[1:]}."


NODE_ID = "cases/mlp.toml::ort-int8::latency"


@pytest.mark.parametrize(
    "of",
    [
        ledger([*PASSES, event("latency", waived(fails(), WAIVER))]),
        ledger([*PASSES, event("latency", waived(fails(), WAIVER), precision="int4")]),
        ledger([*PASSES, event("latency", fails())]),
        ledger(PASSES, more_planned=[NODE_ID]),
        ledger(PASSES, deselected=[NODE_ID]),
    ],
    ids=["needed by a check", "needed by another run", "a check fails otherwise", "no verdict", "not asked for"],
)
def test_of_one_that_is_or_may_be_needed_nothing_is_said(of):
    assert unneeded_waivers(of) == ()


def test_a_run_that_was_not_asked_for_does_not_hide_it():
    of = ledger(PASSES, deselected=["cases/mlp.toml::ort-fp16::latency"])

    assert len(unneeded_waivers(of)) == 1
