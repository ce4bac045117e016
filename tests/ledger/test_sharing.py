from __future__ import annotations

from pathlib import Path

from pytest_qparity.ledger import LedgerWriter


def test_what_stands_behind_each_check_of_a_run_is_held_once(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path / "ledger.json", {})
    for check, basis in (("parity", "a"), ("latency", "a"), ("memory", "b")):
        provenance = {"basis": {"model": basis}, "counts": {"nodes": 1}}
        writer.judged({"event": "verdict", "node_id": check, "outcome": "pass", "provenance": provenance})

    parity, latency, memory = (event["provenance"] for event in writer.close(0).verdicts)

    assert parity["basis"] is latency["basis"]
    assert memory["basis"] == {"model": "b"}
    assert parity["counts"] is not latency["counts"]  # 1 and True are equal, and not the same
