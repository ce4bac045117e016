"""What reports say of verdicts that were carried over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.ledger import LedgerWriter
from pytest_qparity.report.carried import carried_lines

THEN = "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("now", "age"),
    [
        ("2026-03-08T09:00:00+00:00", ""),
        ("2026-03-09T11:00:00+00:00", ", 8 days before,"),
        (None, ""),
        ("2026-04-01T00:00:00", ""),  # without its zone
    ],
)
def test_verdicts_that_are_old_say_how_old(tmp_path: Path, now: str | None, age: str) -> None:
    writer = LedgerWriter(tmp_path / "ledger.json", {"time": now})
    writer.plan(["a::b::latency"], {})
    origin = {"session": "s", "commit": None, "time": THEN, "ledger": "c" * 64}
    writer.judged({"event": "verdict", "node_id": "a::b::latency", "outcome": "pass", "carried": origin})

    [line] = carried_lines(writer.close(0))

    assert line.endswith(f"in that of {THEN}{age} (ledger cccccccccccc)")
