"""The comparison table holds what was measured, and refuses what cannot all be true."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest

from pytest_qparity.report.comparison import BatchCost, believed_runs, comparison_rows, contradiction_of
from pytest_qparity.report.document import summary_json
from pytest_qparity.report.html.comparison_table import table_of
from pytest_qparity.report.table import comparison_csv, table_cells
from tests.report.ledgers import EMPTY, FAILING, KILLED, PASSING, costs, event, ledger, passes, whole_run

# ResNet-50 on a T4, "batch size=32": milliseconds and images a second of the table that this project began with.
SEED = {"fp32-trt": (4.2, 238.0), "int8-trt": (1.5, 667.0), "fp32-ort": (5.8, 172.0), "int8-ort": (2.1, 476.0)}


def test_a_row_holds_what_the_checks_of_its_run_measured():
    (row,) = comparison_rows(PASSING)

    assert (row.case, row.run, row.backend, row.precision, row.outcome) == ("mlp", "ort-int8", "ort", "int8", "pass")
    assert (row.metric, row.score, row.is_percent, row.drop_points, row.sqnr_db) == ("top1", 75.8, True, 0.37, 34.2)
    assert (row.batch, row.latency_ms, row.samples_per_s, row.speed_up) == (32, 2.1, 15_200.0, 2.8)
    assert (row.peak_mb, row.device_peak_mb, row.size_mb, row.problems) == (320.0, None, 25.6, ())
    assert row.latency_covers == "a call, by the host's clock"


@pytest.mark.parametrize(
    ("told", "sqnr_db", "shown"),
    [({"a": "inf"}, math.inf, "equal"), ({"a": "inf", "b": 30.0}, 30.0, "30.0"), ({"a": "nan"}, None, "–")],
)
def test_outputs_that_equal_the_float_models_are_said_to(
    told: dict[str, float | str], sqnr_db: float | None, shown: str
) -> None:
    outputs = {name: {"sqnr_db": value} for name, value in told.items()}
    of = ledger([event("parity", passes(outputs=outputs)), event("latency", costs(2.0))])

    (row,) = comparison_rows(of)

    assert row.sqnr_db == sqnr_db
    assert next(table_cells(row))[2] == shown
    assert table_of([row]).lines[0].values[2].text == ("" if sqnr_db is None else shown)
    (written,) = json.loads(summary_json(of, Path("nowhere")))["comparison"]
    assert written["sqnr_db"] == ("inf" if shown == "equal" else sqnr_db)


@pytest.mark.parametrize("name", SEED)
def test_the_first_table_is_refused_at_batch_32(name):
    latency_ms, images_per_s = SEED[name]

    (row,) = comparison_rows(ledger([event("latency", costs(latency_ms, images_per_s, batch=32))]))

    assert len(row.problems) == 1
    assert f"Got {images_per_s:.4g} samples a second at {latency_ms:.3g} ms a call of 32" in row.problems[0]
    assert "in flight, and the calls hold 32" in row.problems[0]


@pytest.mark.parametrize("name", SEED)
def test_the_first_table_is_that_of_batch_1(name):
    latency_ms, images_per_s = SEED[name]

    (row,) = comparison_rows(ledger([event("latency", costs(latency_ms, images_per_s, batch=1))]))

    assert row.problems == ()


@pytest.mark.parametrize(
    ("batch", "latencies_ms", "samples_per_s", "concurrency", "is_true"),
    [
        (1, [10.0], 100.0, 1, True),
        (1, [10.0], 100.0 * 1.4, 1, True),
        (1, [10.0], 100.0 / 1.4, 1, True),
        (1, [10.0], 100.0 * 1.43, 1, False),
        (1, [10.0], 100.0 / 1.43, 1, False),
        (8, [10.0], 3_200.0, 4, True),
        (8, [10.0], 3_200.0, 1, False),
        (8, [2.0, 10.0], 800.0, 1, True),  # the device's own time, and that with copies
        (8, [10.0], None, 1, True),
        (8, [], 800.0, 1, True),
        (None, [10.0], None, 1, False),
        (0, [10.0], None, 1, False),
        (8, [0.0], 800.0, 1, False),
        (8, [float("nan")], 800.0, 1, False),
        (8, [10.0], float("inf"), 1, False),
    ],
)
def test_samples_in_flight_are_those_that_the_calls_hold(batch, latencies_ms, samples_per_s, concurrency, is_true):
    assert (contradiction_of(batch, latencies_ms, samples_per_s, concurrency) == "") == is_true


def test_throughput_goes_with_the_mean_of_calls_where_their_median_is_far_from_it():
    swept = {"2": {"median_ms": 20.0, "samples_per_s": 50.0}}
    skewed = costs(10.0, 50.0, batch=1, quantiles_ms=[10.0, 10.0, 10.0, 40.0, 40.0], batches=swept)

    (row,) = comparison_rows(ledger([event("latency", skewed)]))

    assert row.problems == ()


def test_other_batches_are_held_to_the_same():
    swept = {"8": {"median_ms": 4.0, "samples_per_s": 2000.0}, "16": {"median_ms": 8.0, "samples_per_s": 125.0}}

    (row,) = comparison_rows(ledger([event("latency", costs(1.0, 1000.0, batch=1, batches=swept))]))

    assert row.sweep == (BatchCost(8, 4.0, 2000.0), BatchCost(16, 8.0, 125.0))
    assert len(row.problems) == 1
    assert "a call of 16" in row.problems[0]


def test_each_batch_has_its_speed_up_over_fp32_in_every_table():
    over = {"fp32": {"low": 1.9, "estimate": 2.125, "high": 2.3, "decision": "faster"}}
    rows = {"8": {"median_ms": 4.0, "samples_per_s": 2000.0, "speed_up_over": over}}
    rows["16"] = {"median_ms": 8.0, "samples_per_s": 2000.0, "speed_up_over": {"fp32": {"decision": "cannot tell"}}}
    of_session = ledger([event("latency", costs(1.0, 1000.0, batch=1, batches=rows))])

    (row,) = comparison_rows(of_session)
    csv_rows = list(csv.DictReader(io.StringIO(comparison_csv(of_session))))

    assert [each.speed_up for each in row.sweep] == [2.125, None]
    assert [each["speed_up"] for each in csv_rows][1:] == ["2.125", ""]
    assert [cells[6] for cells in table_cells(row)][1:] == ["2.12", "–"]


def test_a_run_that_was_never_judged_has_a_row_and_one_that_was_judged_in_part_is_no_pass():
    judged, unjudged = comparison_rows(
        ledger(whole_run()[:2], more_planned=["cases/mlp.toml::ort-int8::latency", "cases/mlp.toml::ort-fp16::parity"])
    )

    assert (judged.run, judged.outcome, judged.latency_ms) == ("ort-int8", "no verdict", None)
    assert (unjudged.run, unjudged.outcome, unjudged.score) == ("ort-fp16", "no verdict", None)


def test_a_killed_run_a_failing_one_and_an_empty_one():
    assert [row.outcome for row in comparison_rows(KILLED)] == ["pass", "no verdict"]
    assert [(row.run, row.outcome) for row in comparison_rows(FAILING)] == [
        ("ort-fp16", "pass"),
        ("ort-int8", "accuracy-fail"),
    ]
    assert comparison_rows(EMPTY) == ()


def test_kernels_are_no_runs_of_a_model():
    kernel = event("quantize_linear-opset10", backend="ort", precision="")

    assert comparison_rows(ledger([kernel], more_planned=["cases/math.toml::ort::quantize_linear-opset13"])) == ()


def test_a_run_of_which_a_check_was_left_out_has_no_verdict():
    node_id = "cases/mlp.toml::ort-int8::accuracy"
    judged = [each for each in whole_run() if each["check"] != "accuracy"]

    (row,) = comparison_rows(ledger(judged, deselected=[node_id]))

    assert row.outcome == "no verdict"


def test_figures_that_cannot_be_true_are_in_no_plot_and_no_advice():
    (run,) = believed_runs(ledger([event("parity"), event("latency", costs(4.2, 238.0, batch=32))]))["mlp"]

    assert run.checks.keys() == {"parity"}


def test_a_speed_up_that_nothing_bounds_is_none():
    over = {"fp32": {"decision": "cannot tell"}}

    (row,) = comparison_rows(ledger([event("latency", costs(2.0, speed_up_over=over))]))

    assert row.speed_up is None
