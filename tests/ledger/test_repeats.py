"""A check that is repeated keeps the worst that came of it: no gate is run until it is green."""

from __future__ import annotations

from itertools import pairwise, permutations
from pathlib import Path

import pytest

from pytest_qparity.ledger import Ledger, LedgerWriter
from pytest_qparity.ledger.events import NO_VERDICT, badness

NODE = "cases/mlp.toml::ort-int8::parity"
OUTCOMES = ["accuracy-fail", "budget-fail", "cannot-judge", "waived", "pass"]  # from bad to good


def judged(path: Path, *outcomes: str) -> tuple[Ledger, str]:
    """The ledger of one check that ended in each of `outcomes` in turn, and what its writer owed."""
    writer = LedgerWriter(path / "ledger.json", {})
    writer.plan([NODE])
    for outcome in outcomes:
        if outcome == NO_VERDICT:
            writer.not_judged(NODE, "the worker crashed")
        else:
            writer.judged({"event": "verdict", "node_id": NODE, "outcome": outcome})
    debt = writer.debt()
    return writer.close(0), debt


@pytest.mark.parametrize(("worse", "better"), list(pairwise(OUTCOMES)))
def test_of_two_verdicts_the_worse_one_stands_in_whatever_order(tmp_path: Path, worse: str, better: str) -> None:
    for order in permutations((worse, better)):
        ledger, debt = judged(tmp_path, *order)

        assert [verdict["outcome"] for verdict in ledger.verdicts] == [worse]
        assert ledger.flaky == {NODE: list(order)}
        assert ledger.passes is (debt == "") is (worse == "waived")


def test_an_outcome_that_nobody_knows_is_the_worst() -> None:
    assert badness("splendid") > max(map(badness, OUTCOMES))


@pytest.mark.parametrize("order", [(NO_VERDICT, "pass"), ("pass", NO_VERDICT), (NO_VERDICT, "waived")])
def test_a_check_that_once_ended_without_a_verdict_has_none(tmp_path: Path, order: tuple[str, ...]) -> None:
    ledger, debt = judged(tmp_path, *order)

    assert ledger.unjudged == (NODE,)
    assert ledger.verdicts == []
    assert ledger.flaky == {NODE: list(order)}
    assert ledger.not_judged == {NODE: "the worker crashed"}
    assert debt == f"1 planned check has no verdict, should have one: {NODE}"
    assert not ledger.passes


def test_a_failure_is_shown_rather_than_that_another_attempt_had_no_verdict(tmp_path: Path) -> None:
    ledger, _ = judged(tmp_path, NO_VERDICT, "accuracy-fail")

    assert [verdict["outcome"] for verdict in ledger.verdicts] == ["accuracy-fail"]


@pytest.mark.parametrize("outcome", [*OUTCOMES, NO_VERDICT])
def test_a_check_that_ends_the_same_way_each_time_is_not_flaky(tmp_path: Path, outcome: str) -> None:
    assert judged(tmp_path, outcome, outcome, outcome)[0].flaky == {}
