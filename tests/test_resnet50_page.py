"""The page of ResNet-50 says what a ledger says, each row with its batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.resnet50_page import page
from pytest_qparity.ledger.reading import parsed
from tests.shipping.judged import Judged, judge


def test_each_row_states_batch_threads_and_callers_and_a_failed_one_is_marked(tmp_path: Path) -> None:
    judged: Judged = judge(tmp_path)
    machine = {"processor": "a CPU", "cores": 2, "cpu_features": ["avx512_vnni"]}

    def change(events: list[dict[str, Any]]) -> None:
        events[0] |= machine
        for event in events[2:-1]:
            event["case"] = "resnet50"
            if event.get("check") == "latency":
                event["evidence"]["conditions"] = {"others_percent": 0.7, "interrupted_percent": 4.0}
        events[3] |= {"outcome": "accuracy-fail", "failures": [{"code": "QP-PAR-002"}]}

    judged.write(change)
    ledger = parsed(judged.ledger.read_text())

    text = page(ledger)

    row = "| ort-int8 (parity accuracy-fail) | 8 | 1 | 1 | 98.50 % | 30.0 | 2 | 4,000 | 2.50 (2.25 to 2.75) |"
    assert row in text
    assert "2026-11-26, a CPU, 2 shared cores, avx512_vnni;" in text
    assert (
        "took 0.7 % of the processor's time in the median run\nand 0.7 % at most, and interrupted at most 4 %" in text
    )
    assert "with its 98 % interval" in text
    assert "| FP32 (TRT) | 76.1 % | 4.2 | 238 | 1024 | 238 | 7,619 |" in text
    assert "no candidates: resnet50 ort-int8." in text
