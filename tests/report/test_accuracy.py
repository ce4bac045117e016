"""How many false alarms a ledger may hold."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_qparity.report.accuracy import false_alarms
from tests.report.test_terminal import ledger, verdict


def gates(count: int, **evidence: Any) -> list[dict[str, Any]]:
    return [verdict(case=f"c{n}", check="accuracy") | {"evidence": evidence} for n in range(count)]


@pytest.mark.parametrize(
    ("count", "gates_told", "expected"),
    [(1, "1 gate of a population, wrong", "0.05"), (40, "40 gates of populations, each wrong", "2")],
)
def test_a_matrix_of_gates_tells_how_many_false_alarms_to_expect(count: int, gates_told: str, expected: str) -> None:
    line = (
        f"accuracy: {gates_told} either way with a chance of 5 % at most: expect up to {expected} false passes and "
        f"{expected} false failures"
    )

    assert list(false_alarms(ledger(gates(count, level=0.05)))) == [line]


def test_of_a_census_nothing_is_left_to_chance() -> None:
    assert list(false_alarms(ledger(gates(3, samples=540)))) == []


def test_what_has_no_evidence_counts_for_nothing() -> None:
    assert (
        list(false_alarms(ledger([verdict(check="accuracy"), verdict(check="parity") | {"evidence": {"level": 1}}])))
        == []
    )
