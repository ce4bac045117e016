"""What the parts of the page show, of figures and of the lack of them."""

from __future__ import annotations

import datetime
import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_qparity.diagnose.diagnosing import Diagnosis
from pytest_qparity.diagnose.measures import Distance, Measured
from pytest_qparity.report.comparison import comparison_rows
from pytest_qparity.report.html import cases, report_page
from pytest_qparity.report.html.cases import case_parts
from pytest_qparity.report.html.charts import Dot, Drawn, Plot, drawn
from pytest_qparity.report.html.comparison_table import table_of
from pytest_qparity.report.html.facts import facts
from pytest_qparity.report.html.headline import obstacles
from pytest_qparity.report.html.latencies import distribution_plot, distributions
from pytest_qparity.report.html.layers import diagnosis_part
from pytest_qparity.report.html.pareto import Trade, front, pareto_plot
from pytest_qparity.report.html.trends import Trend, shown_trends, trend_of, trend_plot
from pytest_qparity.report.html.waivers import waiver_parts
from pytest_qparity.report.pages import page_environment
from pytest_qparity.report.runs import runs_by_case
from pytest_qparity.verdict import Code, waived
from tests.report.ledgers import PASSING, costs, event, fails, is_waived, ledger, passes, unjudged, whole_run


def test_a_run_is_as_good_as_its_worst_check_and_a_hole_in_it_is_no_pass() -> None:
    holes: dict[str, Any] = {
        "more_planned": ["cases/mlp.toml::ort-int8::invariance", "cases/mlp.toml::trt-int8::parity"],
        "deselected": ["cases/mlp.toml::ort-fp16::invariance"],
        "not_judged": {"cases/mlp.toml::trt-int8::parity": "worker crashed"},
    }

    (case,) = case_parts(ledger([*whole_run(), *whole_run(precision="fp16"), *whole_run(precision="fp32")], **holes))

    assert {run.id: run.state for run in case.runs} == {
        "ort-int8": "no verdict",
        "ort-fp16": "not asked for",
        "ort-fp32": "pass",
        "trt-int8": "no verdict",
    }
    assert [hole[:3] for hole in case.runs[-1].holes] == [("parity", "no verdict", "worker crashed")]
    assert case.columns[3] == "invariance"


def test_one_cause_that_fails_many_checks_is_one_thing_in_the_way_and_what_was_measured_is_worst() -> None:
    missing = [event(check, unjudged()) for check in ("parity", "accuracy", "latency")]

    found = obstacles(ledger([*missing, event(verdict=fails(), precision="fp16"), event("memory", is_waived())]))

    assert [(each.code, len(each.places)) for each in found] == [("QP-PAR-002", 1), ("QP-GOLDEN-001", 3)]
    assert found[0].layers == "qparity diagnose cases/mlp.toml ort-fp16"


def test_a_report_of_many_runs_folds_evidence_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    named = event("accuracy", passes(metric="\u202e</pre><script>\ud800"), precision="fp16")
    of = ledger(
        [*whole_run(), *whole_run(precision="fp16")[:2], named, event(verdict=fails(sentence="It is far off."))]
    )
    whole = report_page(of)
    monkeypatch.setattr(cases, "FOLDED_FROM", 2)

    folded = report_page(of)

    assert whole.count("It is far off.") == folded.count("It is far off.") == 2
    assert "sqnr_db" in folded
    assert "\\u202e&lt;/pre&gt;" in folded.encode().decode()
    assert whole.count("<dl>") > folded.count("<dl>") == 1  # that of the session


@pytest.mark.parametrize(
    ("day", "said", "urgent"),
    [
        ("2127-01-01", "59 days left", False),
        ("2127-02-20", "9 days left", True),
        ("2127-03-01", "today is its last day", True),
        ("2127-03-04", "expired 3 days ago", True),
    ],
)
def test_a_waiver_tells_the_days_that_are_left(day: str, said: str, urgent: bool) -> None:
    (part,) = waiver_parts(ledger([event(verdict=is_waived())]), datetime.date.fromisoformat(day))

    assert (part.reason, part.said, part.is_urgent, part.codes) == ("no GPU", said, urgent, ("QP-PAR-002",))


def test_a_waiver_without_a_day_is_told_first() -> None:
    dayless = event("accuracy", waived(fails(), "a reason (until the moon falls)"))

    first, _ = waiver_parts(ledger([event(verdict=is_waived()), dayless]), datetime.date(2127, 1, 1))

    assert (first.days_left, first.said) == (None, "no day on record")


def test_the_front_holds_what_may_ship_and_nothing_beats() -> None:
    trades = [
        Trade("fp32", 10.0, 0.0, True),
        Trade("slower", 11.0, 0.0, True),
        Trade("int8", 2.0, 0.4, True),
        Trade("worse", 2.0, 0.5, True),
        Trade("equal", 2.0, 0.4, True),
        Trade("refused", 1.0, 0.0, False),
    ]

    assert [trade.run for trade in front(trades)] == ["int8", "equal", "fp32"]


def test_only_runs_of_one_batch_size_clock_and_machine_stand_in_one_plot() -> None:
    events = []
    for precision, batch in (("fp32", 8), ("fp16", 8), ("int8", 1)):
        checks = {each["check"]: each for each in whole_run(precision=precision)}
        checks["latency"] = event("latency", costs(2.0, batch=batch), precision=precision)
        events += checks.values()
    records = runs_by_case(ledger(events))["mlp"]

    plot = pareto_plot("mlp", records)

    assert plot is not None
    assert sorted(dot.label for series in plot.series for dot in series.dots) == ["ort-fp16", "ort-fp32"]
    assert pareto_plot("mlp", records[1:]) is None


def test_runs_that_may_not_ship_are_named_below_the_plot_that_a_phone_cuts() -> None:
    pytest.importorskip("pygal")
    failing = [*whole_run(precision="fp16"), *whole_run(precision="fp32"), *whole_run()]
    failing[-1]["outcome"] = "budget-fail"

    page = report_page(ledger(failing))

    assert "ort-int8." in page.partition("May not ship: ")[2]


def test_figures_of_speed_that_contradict_each_other_are_not_shown() -> None:
    seed = event("latency", costs(4.2, 238.0))  # what batch 1 gives, told of batch 32

    table = table_of(comparison_rows(ledger([*whole_run()[:3], seed])))

    assert [value.text for value in table.lines[0].values[3:6]] == ["32", "", ""]
    assert "samples a second" in table.lines[0].problems[0]


def test_a_quantile_that_was_not_measured_makes_no_distribution() -> None:
    timed = [
        event("latency", costs(2.0, quantiles_ms=values), precision=precision)
        for precision, values in (("fp32", [2.0] * 21), ("fp16", [1.0] * 21), ("int8", [1.0] * 20), ("int4", "nan"))
    ]

    found = distributions(runs_by_case(ledger(timed))["mlp"])

    assert [each.run for each in found] == ["ort-fp16", "ort-fp32"]
    plot = distribution_plot("mlp", found)
    assert plot is not None
    assert [series.name for series in plot.series] == ["ort-fp16", "ort-fp32"]
    assert distribution_plot("mlp", ()) is None


def test_evidence_becomes_rows_and_no_lack_becomes_a_number() -> None:
    rows = dict(
        facts({"outputs": {"logits": {"sqnr_db": 41.28206}}, "limit": None, "bad": [], "same": False, "empty": {}})
    )

    assert rows == {
        "outputs / logits / sqnr_db": "41.2821",
        "limit": "none",
        "bad": "none",
        "same": "no",
        "empty": "none",
    }
    assert dict(facts({"nodes": ["n"] * 30}))["nodes"].endswith("6 more in the ledger")


def test_what_several_of_one_kind_have_alike_is_one_row() -> None:
    relations = {
        "repeat": {"y": {"differing": 0, "elements": 16}},
        "order": {"y": {"differing": 0, "elements": 16}},
        "batch": {"y": {"differing": 3}},
    }

    assert facts({"relations": relations, "outputs": {"y": {"cosine": 1.0}}}) == (
        ("relations / repeat, order / y / differing", "0"),
        ("relations / batch / y / differing", "3"),
        ("relations / repeat, order / y / elements", "16"),
        ("outputs / y / cosine", "1"),
    )


def test_one_of_a_list_is_one_row_and_bits_of_samples_are_cut() -> None:
    drops = [{"label": 7, "drop": 0.25}, {"label": 0, "drop": 0.5}]
    sentence = "word " * 100

    rows = dict(facts({"class_drops": drops, "score_bits": "/" * 1160, "why": sentence}))

    assert [rows[f"class_drops / {index}"] for index in (1, 2)] == ["label 7, drop 0.25", "label 0, drop 0.5"]
    assert rows["score_bits"] == "/" * 160 + "… 1,000 more characters in the ledger"
    assert rows["why"] == sentence


def test_provenance_that_all_runs_share_is_told_once_and_what_differs_at_its_run() -> None:
    events = [*whole_run(precision="fp16"), *whole_run()]
    for each in events:
        each["provenance"] = {"cpu": "one CPU", "variant": {"sha256": each["precision"]}, "engine": {"version": "1.32"}}
    events[-1]["provenance"]["engine"] = {"version": "1.31"}

    (case,) = case_parts(ledger(events))

    first, second = (run.provenance for run in case.runs)
    assert case.provenance == (("cpu", "one CPU"),)
    assert first == (("", (("variant / sha256", "fp16"), ("engine / version", "1.32"))),)
    assert [(whose, rows[-1]) for whose, rows in second] == [
        ("preflight, parity, accuracy, latency", ("engine / version", "1.32")),
        ("memory", ("engine / version", "1.31")),
    ]
    assert report_page(ledger(events)).count("one CPU") == 1
    (alone,) = case_parts(ledger(events[:5]))
    assert (alone.provenance, len(alone.runs[0].provenance[0][1])) == ((), 3)


def test_a_diagnosis_without_layers_has_no_plot_and_an_exact_layer_stands_at_the_top() -> None:
    layers = [{"node": "/a", "operator": "Conv", "own": None, "cumulative": {"sqnr_db": None}}]

    plot = diagnosis_part({"subject": "cases/mlp.toml ort-int8", "layers": layers}, PASSING).plot

    assert plot is not None
    assert plot.series[0].dots[0].y == 80.0
    assert diagnosis_part({"subject": "s"}, PASSING).plot is None


def test_a_diagnosis_leads_to_its_run_where_the_report_has_it() -> None:
    outputs = {"logits": Distance(100, 100.0, 99.0, 1.0, 99.0, 0.5)}
    told = Diagnosis(Measured((), (), (), outputs, (), (), 8, {"float": 1.0, "variant": 1.0}), ()).as_json()
    of = ledger(whole_run())

    pages = [
        report_page(of, diagnoses=[{"subject": subject, **told}])
        for subject in ("cases/mlp.toml ort-int8", "cases/mlp.toml ort-fp8", "a.onnx against b.onnx")
    ]

    assert ["The run and its verdicts" in page for page in pages] == [True, False, False]
    assert all("Nothing was found." in page for page in pages)


def test_what_got_worse_is_shown_before_what_did_not() -> None:
    points = (("2026-11-01", 1.0), ("2026-11-02", 2.0))
    trends = [
        Trend("mlp", f"run-{index}", "median_ms", "ms", points, changes, "xeon-2c")
        for index, changes in enumerate(((), ((1, False),), ((1, True),)))
    ]

    shown, left_out = shown_trends([*trends, Trend("mlp", "never", "median_ms", "ms", ())])

    assert [trend.run for trend in shown] == ["run-2", "run-1", "run-0"]
    assert trend_of(_as_a_history_holds_it(shown[0]), [SimpleNamespace(index=1, is_worse=True)]) == shown[0]
    assert trend_plot(shown[0]).title.startswith("median_ms on xeon-2c of run-2, mlp: ")
    assert (left_out, shown[0].said) == (0, "2 ms; worse since 2026-11-02")


def _as_a_history_holds_it(trend: Trend) -> Any:
    points = [SimpleNamespace(time=when, value=value) for when, value in trend.points]
    told = {name: getattr(trend, name) for name in ("case", "run", "figure", "unit", "hardware")}
    return SimpleNamespace(points=points, **told)


def test_without_the_library_the_page_says_that_it_has_no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygal", None)

    page = report_page(ledger([*whole_run(), *whole_run(precision="fp32")]))

    assert "pip install" in page
    assert "<svg" not in page


def test_plots_hold_no_script_no_style_and_no_id() -> None:
    pytest.importorskip("pygal")
    dots = [Dot(float(index), 1.0, "<script>", "</svg>") for index in range(3)]

    svg = str(drawn(Plot("t", "x", "y", [Drawn("s", "front", dots)])))

    assert all(mark not in svg for mark in ("<script", "<style", " id=", "http://pygal", "<!--"))
    assert svg.count("</svg>") == 1
    assert svg.count("&lt;script&gt;") == 3


def test_a_plot_has_no_class_that_the_page_does_not_style_and_no_place_finer_than_a_tenth_of_a_pixel() -> None:
    pytest.importorskip("pygal")
    style = page_environment().get_template("report/style.css").render()
    dots = [Dot(index / 3.0, 1.0 / (index + 1.0), f"{index}", "a") for index in range(3)]

    svg = str(drawn(Plot("t", "x", "y", [Drawn("s", "front", dots, True), Drawn("b", "behind", dots)])))

    classes = {
        name
        for each in re.findall(r'<(?:svg|g|path|text|circle|rect)[^>]* class="([^"]*)"', svg)
        for name in each.split()
    }
    assert classes
    assert classes <= set(re.findall(r"\.([a-z]+)", style))
    assert re.search(r"\d\.\d", svg)
    assert not re.search(r"\d\.\d\d", re.sub(r"<text.*?</text>|<title>.*?</title>", "", svg))


def test_the_failing_code_of_a_kernel_leads_to_the_conformance_part() -> None:
    kernel = event("cast", fails(Code.CONFORMANCE_DEVIATES, "It deviates."), case="math", precision="")
    kernel["evidence"] = {"operator": "Cast", "types": "int8", "examples": 1, "elements": 1, "worst_lsb": 2.0}

    page = report_page(ledger([kernel, event(verdict=passes())]))

    assert 'href="#conformance"' in page
    assert 'id="conformance"' in page
