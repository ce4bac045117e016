from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_qparity.ledger.earlier import Carried, Earlier, NotCarried, earlier_of
from pytest_qparity.ledger.reading import Ledger

BASIS = {"model": "m", "data": "d"}
RUN = "cases/a.toml::ort-int8"


def event(check: str = "parity", **changed: Any) -> dict[str, Any]:
    """As a session writes one that passed."""
    provenance = {"variant": {}, "engine": {}, "golden_key": {}, "canaries": None, "basis": dict(BASIS)}
    whole = {
        "node_id": f"{RUN}::{check}",
        "case": "a",
        "run": "ort-int8",
        "backend": "ort",
        "check": check,
        "outcome": "pass",
        "deciding": "1",
        "evidence": {"elements": 1},
        "failures": [],
        "notes": [],
        "waiver": None,
        "provenance": provenance,
    }
    return whole | changed


def ledger(*events: Mapping[str, Any], exit_status: int | None = 0, **changed: Any) -> Ledger:
    known: dict[str, Any] = {
        "start": {"session": "s", "commit": "c", "time": "t", "canaries": []},
        "planned": [each["node_id"] for each in events],
        "deselected": [],
        "uncollected": [],
        "case_files": {},
        "verdicts": events,
        "flaky": {},
        "not_judged": {},
        "case_errors": {},
        "exit_status": exit_status,
    }
    return Ledger(**(known | changed))


def carried(of: Ledger, basis: Mapping[str, str] | None = BASIS, checks: tuple[str, ...] = ("parity",)) -> Any:
    earlier = earlier_of(of, "sha")
    assert isinstance(earlier, Earlier), earlier
    found = earlier.of(RUN, checks)
    return found if isinstance(found, NotCarried) else earlier.compared(found, basis)


def test_a_verdict_of_the_same_basis_is_carried_and_names_its_session_once() -> None:
    first = carried(ledger(event()))

    assert isinstance(first, Carried)
    one = first.event("parity")
    assert one["carried"] == {"session": "s", "commit": "c", "time": "t", "ledger": "sha"}
    again = carried(ledger(one, start={"session": "later", "commit": "c2", "time": "t2", "canaries": []}))
    assert again.event("parity") == one  # as it is, whoever carries it on


@pytest.mark.parametrize(
    ("basis", "reasons"),
    [
        ({**BASIS, "model": "other"}, ("model",)),
        ({**BASIS, "golden": "new part"}, ("golden",)),
        ({"model": "m"}, ("data",)),
        (None, ("its basis cannot be told",)),
    ],
    ids=["another model", "a part that was not told", "a part less", "untold"],
)
def test_another_basis_is_judged(basis: Mapping[str, str] | None, reasons: tuple[str, ...]) -> None:
    assert carried(ledger(event()), basis) == NotCarried(reasons)


@pytest.mark.parametrize(
    ("of", "checks"),
    [
        (ledger(event(outcome="budget-fail", failures=[{"code": "QP-LAT-001"}]), exit_status=1), ("parity",)),
        (ledger(event(), flaky={f"{RUN}::parity": ["budget-fail", "pass"]}), ("parity",)),
        (ledger(event(), not_judged={f"{RUN}::parity": "crash"}), ("parity",)),
        (ledger(event()), ("parity", "latency")),
        (ledger(event(provenance={**event()["provenance"], "basis": {}})), ("parity",)),
    ],
    ids=["failed", "flaky", "once without a verdict", "a check that nobody judged", "without a basis"],
)
def test_what_is_not_surely_good_is_judged(of: Ledger, checks: tuple[str, ...]) -> None:
    assert isinstance(carried(of, BASIS, checks), NotCarried)


@pytest.mark.parametrize(
    "of",
    [
        ledger(event(), exit_status=None),
        ledger(event(), exit_status=3),
        ledger(event(), start={"session": "s"}),
        ledger(event(evidence={})),
        ledger(event(provenance={"basis": BASIS})),
        ledger(event(), planned=[]),
    ],
    ids=["killed", "internal error", "no canaries told", "pass without evidence", "pass without engine", "unplanned"],
)
def test_a_ledger_that_does_not_stand_for_itself_carries_nothing(of: Ledger) -> None:
    assert isinstance(earlier_of(of, "sha"), NotCarried)
