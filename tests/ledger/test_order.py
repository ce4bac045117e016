"""The order of what a ledger says, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

from pytest_qparity.ledger import LedgerWriter, read_ledger
from tests.ledger.test_ledger import LATENCY, PARITY, PASSED, event


def test_verdicts_stand_in_the_order_of_the_plan(tmp_path: Path) -> None:
    """Of several workers whoever is quicker writes first."""
    writer = LedgerWriter(tmp_path / "ledger.json", {"backends": ["ort"]})
    writer.plan([PARITY, LATENCY])
    for node_id in (LATENCY, PARITY):
        writer.judged(event(node_id, PASSED))
    writer.close(0)

    assert [verdict["node_id"] for verdict in read_ledger(writer.path).verdicts] == [PARITY, LATENCY]
