from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_qparity.ledger import Ledger
from pytest_qparity.report import advice as advising
from pytest_qparity.report.advice import advice, advice_text

PROVENANCE = {"variant": {"sha256": "ab"}, "engine": {"engine": "onnxruntime"}, "golden_key": {"model": "f1"}}


def events(run: str, precision: str, outcome: str = "pass", **evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """Verdicts of a run; `outcome` is that of parity and accuracy."""
    told = {
        "preflight": {"nodes": 3},
        "parity": {"outputs": {"y": {"sqnr_db": 30.0}}},
        "accuracy": {"drop_points": 0.1, "margin_points": 0.5},
        "latency": {"median_ms": 2.0, "batch": 1},
        "memory": {"peak_mb": 20.0, "size_mb": 4.0},
    }
    return [
        {
            "node_id": f"cases/net.toml::{run}::{check}",
            "case": "net",
            "run": run,
            "precision": precision,
            "backend": "ort",
            "check": check,
            "outcome": outcome if check in ("parity", "accuracy") else "pass",
            "deciding": "",
            "failures": [],
            "provenance": PROVENANCE,
            "evidence": numbers | evidence.get(check, {}),
            "notes": ["few calibration samples"] if evidence.get("doubt") and check == "preflight" else [],
            "waiver": None,
        }
        for check, numbers in told.items()
    ]


def ledger_of(
    verdicts: Sequence[dict[str, Any]], unjudged: tuple[str, ...] = (), deselected: tuple[str, ...] = ()
) -> Ledger:
    return Ledger(
        start={"canaries": []},
        planned=[*(event["node_id"] for event in verdicts), *unjudged],
        deselected=deselected,
        uncollected=(),
        case_files={"cases/net.toml": "c0"},
        verdicts=verdicts,
        flaky={},
        not_judged={},
        case_errors={},
        exit_status=1,
    )


def said(*runs: list[dict[str, Any]], unjudged: tuple[str, ...] = (), deselected: tuple[str, ...] = ()) -> str:
    verdicts = [event for run in runs for event in run]
    return " ".join(advice(ledger_of(verdicts, unjudged, deselected)).get("net", ()))


FLOAT = events("ort-fp32", "fp32")
OVER = {"fp32": {"low": 1.9, "estimate": 2.0, "high": 2.1}}
FAST = events(
    "ort-int8",
    "int8",
    latency={"median_ms": 1.0, "batch": 8, "samples_per_s": 8000.0, "speed_up_over": OVER},
    memory={"size_mb": 1.0},
)


def test_each_aim_has_its_run_and_the_check_that_says_so():
    text = said(FLOAT, FAST)

    times = "1 ms at batch 8, 2.00 times as fast as FP32 (1.90 to 2.10)"
    assert f"For latency ship ort-int8: {times} [ort-int8::latency]." in text
    assert "For throughput ship ort-int8: 8,000 samples a second at batch 8 [ort-int8::latency]." in text
    size = "ort-int8: 1 MB, 4 MB as ort-fp32 [ort-int8::memory], [ort-fp32::memory]."
    assert f"For the size of the file ship {size}" in text
    assert "Accuracy first: ort-int8, which loses 0.10 points [ort-int8::accuracy]." in text


def test_throughput_is_that_of_the_best_batch_that_was_timed():
    swept = {"batch": 1, "samples_per_s": 500.0, "batches": {"32": {"median_ms": 1.33, "samples_per_s": 24_000.0}}}

    text = said(FLOAT, events("ort-int8", "int8", latency=swept))

    assert "For throughput ship ort-int8: 24,000 samples a second at batch 32" in text
    assert "What larger batches would give was not measured" in said(FLOAT)


def test_a_run_that_fails_is_not_shipped_and_what_it_loses_is_told():
    lost, quick = {"drop_points": 15.1}, {"median_ms": 0.1}

    text = said(FLOAT, events("ort-int8", "int8", "accuracy-fail", accuracy=lost, latency=quick))

    assert "For latency ship ort-fp32" in text
    assert "ort-int8 loses 15.10 points [ort-int8::parity, ort-int8::accuracy]: quantization-aware training" in text


def test_a_waived_run_is_not_shipped():
    assert "No run passes" in said(events("ort-int8", "int8", "waived"))


def test_a_run_that_was_killed_before_its_last_check_is_not_shipped_nor_one_of_which_a_part_was_asked_for():
    missing = ("cases/net.toml::ort-int8::invariance",)

    assert "For latency ship ort-fp32" in said(FLOAT, FAST, unjudged=missing)
    assert "For latency ship ort-fp32" in said(FLOAT, FAST, deselected=missing)
    without_a_cost = said(FAST, deselected=("cases/net.toml::ort-int8::memory",))
    assert "ship ort-int8" not in without_a_cost  # `qparity export` refuses it too
    assert "ort-int8::memory was not asked for" in without_a_cost


def test_an_emulated_run_is_on_no_engine():
    assert "nvfp4" not in said(FLOAT, events("ort-nvfp4~", "nvfp4", accuracy={"drop_points": -1.0}))


def test_a_cost_that_could_not_be_judged_is_none_to_ship_for():
    undecided = [dict(event, outcome="cannot-judge") if event["check"] == "latency" else event for event in FAST]

    assert "For latency ship ort-fp32" in said(FLOAT, undecided)


def test_a_gain_that_may_be_none_is_called_so():
    unsure = {"fp32": {"low": 0.9, "estimate": 1.1, "high": 1.3}}

    assert "which may be no gain" in said(events("ort-int8", "int8", latency={"speed_up_over": unsure}))


def test_what_is_slower_than_float_is_not_named_for_latency():
    slower = {"fp32": {"low": 0.71, "estimate": 0.78, "high": 0.84}}

    text = said(events("ort-int8", "int8", latency={"speed_up_over": slower}))

    assert "ort-int8 was measured slower than FP32, 0.78 times as fast as FP32 (0.71 to 0.84): it is none" in text
    assert "For latency ship" not in text
    assert "For latency keep the float model." in text
    assert "no gain" not in text


def test_what_float_was_measured_faster_than_is_not_named_for_latency_where_float_itself_may_not_ship():
    waived = [dict(event, outcome="waived") if event["check"] == "parity" else event for event in FLOAT]

    text = said(waived, events("ort-int8", "int8", latency={"median_ms": 3.0}))

    assert "For latency keep the float model." in text


def test_a_run_beyond_a_budget_is_named_for_nothing():
    beyond = [dict(event, outcome="budget-fail") if event["check"] == "memory" else event for event in FAST]

    assert "ship ort-int8" not in said(FLOAT, beyond)
    assert "No run passes" in said(beyond)


def test_the_reference_is_no_engine():
    here = [dict(event, backend="reference") for event in events("reference-int8", "int8", latency={"median_ms": 0.1})]

    assert "For latency ship ort-fp32" in said(FLOAT, here)


def test_a_metric_in_its_own_unit_is_told_in_it():
    own = {"drop_points": None, "drop_value": 0.0213, "margin_points": None, "margin_value": 0.03, "metric": "sc:nll"}

    text = said(FLOAT, events("ort-int8", "int8", accuracy=own))
    failing = said(FLOAT, events("ort-int8", "int8", "accuracy-fail", accuracy=own))

    assert "Accuracy first: ort-int8, which loses 0.0213 of sc:nll [ort-int8::accuracy]." in text
    assert "ort-int8 uses 71% of its margin" in text
    assert "no metric was judged" not in text
    assert "ort-int8 loses 0.0213 of sc:nll [ort-int8::parity, ort-int8::accuracy]" in failing


def test_of_a_run_whose_outputs_alone_fail_no_points_are_said_to_be_lost():
    far = [dict(event, outcome="accuracy-fail") if event["check"] == "parity" else event for event in FAST]

    text = said(FLOAT, far)

    assert "ort-int8 is too far from the float model's outputs, at 30.0 dB (its accuracy passes)" in text
    assert "points" not in text


def test_gains_and_differences_within_noise_name_no_single_winner():
    def near(run: str, sqnr_db: float, **counts: float) -> list[dict[str, Any]]:
        return events(run, run[4:], parity={"outputs": {"y": {"sqnr_db": sqnr_db}}}, accuracy=counts)

    noisy = {"samples": 1000, "lost": 9, "gained": 11}
    text = said(near("ort-int8", 12.0, drop_points=-0.2, **noisy), near("ort-fp16", 80.0, drop_points=0.0, **noisy))

    assert "Accuracy first: ort-fp16, which loses none that was measured [ort-fp16::accuracy]." in text
    assert "ort-int8 is as accurate, within what was measured [ort-int8::accuracy]." in text
    assert "nearest to the float model's, 80.0 dB [ort-fp16::parity]." in text

    text = said(near("ort-int8", 30.0, drop_points=2.0, **noisy), near("ort-fp16", 80.0, drop_points=0.0, **noisy))
    assert "as accurate" not in text


def test_times_that_are_no_difference_are_called_equal():
    text = said(
        events("ort-int8", "int8", latency={"median_ms": 1.0}),
        events("ort-int8-x", "int8-x", latency={"median_ms": 1.001}),
        events("ort-fp16", "fp16", latency={"median_ms": 1.3}),
    )

    assert "ort-int8-x is as fast, within what was measured [ort-int8-x::latency]." in text
    assert "ort-fp16 is as fast" not in text


def test_speed_of_several_machines_is_not_compared():
    other = [event | {"session": "b"} for event in FAST]

    text = said([event | {"session": "a"} for event in FLOAT], other)

    assert "For latency" not in text
    assert "several machines" in text


def test_a_margin_that_is_nearly_used_up_says_what_training_could_win():
    text = said(FLOAT, events("ort-int8", "int8", accuracy={"drop_points": 0.4}))

    assert "ort-int8 uses 80% of its margin: quantization-aware training could win 0.40 points at most" in text


def test_doubts_about_calibration_are_what_more_data_could_move():
    text = said(FLOAT, events("ort-int8", "int8", doubt={"yes": True}))

    assert "More calibration data may move ort-int8: few calibration samples [ort-int8::preflight]." in text


def test_it_is_wrapped_and_named_by_case():
    text = advice_text(ledger_of([*FLOAT, *FAST]))

    assert text.startswith("advice for net\n")
    assert max(map(len, text.splitlines())) <= 79
    assert advice_text(ledger_of([])) == ""


def test_what_a_census_lost_is_lost_and_a_gain_that_may_be_none_is_called_so():
    lost = {"drop_points": 0.56, "margin_points": 2.5, "samples": 540, "lost": 3, "gained": 0}
    slow = {"speed_up_over": {"fp32": {"low": 0.95, "estimate": 0.99, "high": 1.03}}}

    census = said(FLOAT, events("ort-int8", "int8", accuracy=lost | {"method": "census"}, latency=slow))
    population = said(FLOAT, events("ort-int8", "int8", accuracy=lost | {"method": "flips"}))

    assert "ort-int8, which loses 0.56 points [ort-int8::accuracy]" in census
    assert "ort-int8, which loses 0.56 points, which may be chance [ort-int8::accuracy]" in population
    alone = said(events("ort-int8", "int8", latency=slow))
    assert "(0.95 to 1.03, which may be no gain)" in alone
    assert "was measured slower" not in alone


def test_a_loss_below_the_last_digit_is_one_and_float_within_noise_is_no_slower() -> None:
    one_of_many = {"drop_points": 0.002, "samples": 50_000, "lost": 1, "gained": 0, "method": "census"}
    near = events("ort-int8", "int8", accuracy=one_of_many, latency={"median_ms": 2.0001})
    float_waived = [event | {"outcome": "waived"} for event in FLOAT]

    beside, alone = said(FLOAT, near), said(float_waived, near)

    assert "ort-int8, which loses 0.00 points, rounded [ort-int8::accuracy]" in beside
    assert "slower than FP32" not in beside
    assert "For latency ship ort-fp32: 2 ms at batch 1 [ort-fp32::latency]. ort-int8 is as fast, within" in beside
    assert "For latency ship ort-int8: 2 ms at batch 1, no faster than FP32 within what was measured" in alone


def test_what_passes_where_others_fail_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = advising._first
    asked: list[int] = []
    monkeypatch.setattr(advising, "_first", lambda runs: asked.append(len(runs)) or found(runs))
    failing = [each for index in range(20) for each in events(f"ort-int8-{index}", "int8", "accuracy-fail")]
    able = [each for index in range(30) for each in events(f"ort-int4-{index}", "int4")]

    said = advice(ledger_of([*failing, *able]))["net"]

    assert asked == [30]
    assert sum("; ort-int4-0 passes" in sentence for sentence in said) == 20
