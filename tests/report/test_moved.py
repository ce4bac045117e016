"""Which latencies do not compare with that of fp32, by the speed-up that was measured in turn."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_qparity.report.comparison import comparison_rows
from pytest_qparity.report.html.comparison_table import table_of
from pytest_qparity.report.moved import moved_note, moved_rows
from pytest_qparity.report.table import comparison_markdown
from tests.report.ledgers import costs, event, ledger


def timed(precision: str, latency_ms: float, speed_up: float | None = None, *, case: str = "mlp") -> dict[str, Any]:
    over = {} if speed_up is None else {"fp32": {"low": 0.9 * speed_up, "estimate": speed_up, "high": 1.1 * speed_up}}
    return event("latency", costs(latency_ms, speed_up_over=over), precision=precision, case=case)


@pytest.mark.parametrize(
    ("latency_ms", "moved"),
    [(2.0, False), (1.92, False), (1.90, True), (2.09, False), (2.11, True)],
    ids=["alike", "4 % faster", "5 % faster", "4 % slower", "5 % slower"],
)
def test_a_latency_has_moved_where_it_tells_another_speed_up_than_two_sessions_of_one_file(
    latency_ms: float, moved: bool
) -> None:
    rows = comparison_rows(ledger([timed("fp32", 10.0), timed("int8", latency_ms, 5.0)]))

    assert [row.run for row in moved_rows(rows)] == (["ort-int8"] if moved else [])


def test_nothing_is_said_where_nothing_was_measured_in_turn_or_no_float_beside_it() -> None:
    alone = ledger([timed("int8", 2.0, 9.0), timed("fp32", 10.0, case="other"), timed("int8", 2.0, case="other")])

    assert moved_rows(comparison_rows(alone)) == ()
    assert not [*moved_note(comparison_rows(alone))]


def test_all_faces_name_the_rows() -> None:
    names = [f"int8-{index}" for index in range(8)]
    of = ledger([timed("fp32", 10.0), *(timed(name, 2.0, 9.0) for name in names)])
    rows = comparison_rows(of)

    (note,) = moved_note(rows)

    assert note.startswith("Of mlp ort-int8-0, mlp ort-int8-1, ")
    assert "mlp ort-int8-5 and 2 more the latency does not compare with that of fp32" in note
    assert table_of(rows).notes == (note,)
    assert "and 2 more the latency" in comparison_markdown(of)
