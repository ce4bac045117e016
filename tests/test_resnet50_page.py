"""The page of ResNet-50 says what a ledger says, each row with its batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.resnet50_page import page
from pytest_qparity.ledger.reading import parsed
from tests.report.ledgers import costs, event, ledger, whole_run
from tests.shipping.judged import Judged, judge


def test_each_row_states_batch_threads_and_callers_and_a_failed_one_is_marked(tmp_path: Path) -> None:
    judged: Judged = judge(tmp_path)
    machine = {"processor": "a CPU", "cores": 2, "cpu_features": ["avx512_vnni"]}

    def change(events: list[dict[str, Any]]) -> None:
        events[0] |= machine
        for each in events[2:-1]:
            each["case"] = "resnet50"
            if each.get("check") == "latency":
                each["evidence"]["conditions"] = {"others_percent": 0.7, "interrupted_percent": 4.0}
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


def test_a_row_whose_latency_does_not_compare_with_that_of_fp32_is_marked() -> None:
    costs_of = {"fp32": (5.37, None), "int8": (3.94, 1.51), "int8-mixed": (4.3, 1.27)}
    events = []
    for precision, (latency_ms, speed_up) in costs_of.items():
        over = {"fp32": {"low": speed_up, "estimate": speed_up, "high": speed_up}} if speed_up else {}
        run = {each["check"]: each for each in whole_run("textbert", "openvino", precision)}
        timed = costs(latency_ms, speed_up_over=over)
        events += [run["parity"], event("latency", timed, case="textbert", backend="openvino", precision=precision)]
    machine = {"time": "2026-11-26", "processor": "a CPU", "cores": 2, "cpu_features": [], "libraries": {}}

    text = page(replace(ledger(events), start=machine))

    assert "1.51 (1.51 to 1.51) † |" in text
    assert "1.27 (1.27 to 1.27) |" in text
    assert "† Of textbert openvino-int8 the latency does not compare with that of fp32" in text
    assert "`over fp32`, measured in turn, is what stands." in text
