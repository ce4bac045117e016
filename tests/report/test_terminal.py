"""The terminal summary: readable in any width, without colours, with any name, of any ledger."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from pytest_qparity.ledger import Ledger
from pytest_qparity.report.terminal import summary
from pytest_qparity.verdict import Code, Outcome

CHECKS = ("preflight", "parity", "accuracy", "latency", "memory")
FIGURES = {
    "preflight": ("pass", "24 Q/DQ"),
    "parity": ("accuracy-fail", "12.4 dB"),
    "accuracy": ("pass", "-0.37 pt"),
    "latency": ("budget-fail", "1.72x"),
    "memory": ("cannot-judge", "QP-MEM-002"),
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def verdict(case="mlp", run="ort-int8", check="parity", outcome="pass", deciding="34.2 dB", waiver=None):
    code = next((code.code for code in Code if code.outcome == outcome), "QP-PAR-002")
    return {
        "event": "verdict",
        "node_id": f"cases/{case}.toml::{run}::{check}",
        "case": case,
        "run": run,
        "check": check,
        "outcome": outcome,
        "deciding": deciding,
        "failures": [] if outcome == "pass" else [{"code": code}],
        "notes": [],
        "waiver": waiver,
    }


def row(case="mlp", run="ort-int8"):
    return [verdict(case, run, check, *FIGURES[check]) for check in CHECKS]


def ledger(verdicts=(), *, planned=None, deselected=(), flaky=None, not_judged=None, case_errors=None, exit_status=1):
    planned = [event["node_id"] for event in verdicts] if planned is None else planned
    return Ledger(
        start={},
        planned=planned,
        uncollected=(),
        deselected=deselected,
        case_files={},
        verdicts=list(verdicts),
        flaky=flaky or {},
        not_judged=not_judged or {},
        case_errors=case_errors or {},
        exit_status=exit_status,
    )


def lines(of, width=80, *, colour=False):
    text = summary(of, width=width, colour=colour)
    assert text.endswith("\n")
    return [line.rstrip() for line in text.splitlines()]


FULL = ledger(
    [
        *row(),
        *row(run="openvino-int8-mixed"),
        verdict("textbert", waiver="no GPU (until 2127-03-01)", outcome="waived"),
    ],
    planned=[*(event["node_id"] for event in (*row(), *row(run="openvino-int8-mixed"))), "cases/textbert.toml::x::y"],
)


def test_runs_are_rows_under_their_case_and_checks_are_columns():
    assert lines(ledger([*row(), *row("textbert")])) == [
        "case and run  preflight  parity     accuracy  latency  memory",
        "mlp",
        "  ort-int8    24 Q/DQ    F 12.4 dB  -0.37 pt  B 1.72x  ? QP-MEM-002",
        "textbert",
        "  ort-int8    24 Q/DQ    F 12.4 dB  -0.37 pt  B 1.72x  ? QP-MEM-002",
        "F accuracy-fail   B budget-fail   ? cannot-judge   w waived",
        "10 checks planned: 4 pass, 2 accuracy-fail, 2 budget-fail, 2 cannot-judge",
        "what it means: qparity explain QP-PAR-001 QP-LAT-001 QP-CASE-001",
    ]


def test_all_six_checks_fit_a_terminal_of_80_columns():
    figures = {
        "preflight": "0/52 Conv int8",
        "parity": "138.7 dB",
        "accuracy": "+0.00 pt",
        "invariance": "batch 137.0 dB",
        "latency": "0.0525 ms",
        "memory": "17.5 MB",
    }
    run = "ort-int8-qoperator"

    assert lines(ledger([verdict("mlp", run, check, "pass", told) for check, told in figures.items()]))[:3] == [
        "case and run         preflight parity   accuracy invariance latency   memory",
        "mlp",
        "  ort-int8-qoperator 0/52 Conv 138.7 dB +0.00 pt 137.0 dB   0.0525 ms 17.5 MB",
    ]


@pytest.mark.parametrize("told", ["10 emulated", "21 nodes", "3 refused", "backend"])
def test_what_the_row_does_not_say_stays(told):
    assert f" {told}" in lines(ledger([verdict("mlp", "ort-int8", "preflight", "pass", told)]))[2]


def test_where_the_table_does_not_fit_each_check_has_a_line_and_nothing_is_left_out():
    assert lines(ledger(row()), width=40) == [
        "mlp",
        "  ort-int8",
        "    preflight   24 Q/DQ",
        "    parity      F 12.4 dB",
        "    accuracy    -0.37 pt",
        "    latency     B 1.72x",
        "    memory      ? QP-MEM-002",
        "F accuracy-fail   B budget-fail   ?",
        "cannot-judge   w waived",
        "5 checks planned: 2 pass, 1",
        "accuracy-fail, 1 budget-fail, 1",
        "cannot-judge",
        "what it means: qparity explain",
        "QP-PAR-001 QP-LAT-001 QP-CASE-001",
    ]


def test_the_table_is_shown_as_long_as_it_fits():
    def header(width):
        return summary(ledger(row()), width=width, colour=False).splitlines()[0]

    wide = cell_len(header(200))
    close = cell_len(header(wide - 1))

    assert header(wide).startswith("case and run  preflight  parity")
    assert header(close).startswith("case and run preflight parity")
    assert header(close - 1) == "mlp"


def test_a_golden_that_is_missing_everywhere_leaves_the_names_of_the_runs_at_80_columns():
    missing = [verdict("mlp", "openvino-int8", check, "cannot-judge", "QP-GOLDEN-001") for check in CHECKS]

    text = summary(ledger(missing), width=80, colour=False)

    assert "mlp" in text
    assert "openvino-int8" in text
    assert text.count("? QP-GOLDEN-001") == 5


@pytest.mark.parametrize("width", [120, 80, 68, 67, 66, 40, 20])
@pytest.mark.parametrize(
    "name", ["mlp", "数字認識モデルの比較検証", "نموذج-التعرف", "e\u0301" * 30, "a" * 100, "👩‍🔬" * 8]
)
def test_no_line_is_wider_than_the_terminal(width, name):
    of = ledger([*row(name), *row(name, "openvino-int8-mixed")], planned=[f"cases/{name}.toml::x::y"])

    for line in summary(of, width=width, colour=False).splitlines():
        assert cell_len(line) <= width
    for line in summary(of, width=width, colour=True).splitlines():
        assert cell_len(ANSI.sub("", line)) <= width


@pytest.mark.parametrize("width", [80, 40])
@pytest.mark.parametrize(
    "name", ["[red]x[/red]", "[/]", "[bold", ":smile:", "[link=a]b", "数字認識", "نموذج", "C:\\new"]
)
def test_names_are_shown_as_they_are(name, width):
    runs = [*row(name, name), verdict(name, name, deciding=name)]  # at 40 columns that is no table

    text = summary(ledger(runs), width=width, colour=False)

    assert ("preflight  parity" in text) is (width == 80)
    assert text.count(name) == 3


def test_names_of_checks_without_a_verdict_and_reasons_are_shown_as_they_are():
    of = ledger(planned=["[red]x[/red]"], not_judged={"[red]x[/red]": "E\n[blue]it broke[/blue]"})

    assert "no verdict: [red]x[/red]: [blue]it broke[/blue]" in lines(of)


@pytest.mark.parametrize("width", [80, 40])
def test_without_colour_there_is_no_escape_code(width):
    assert "\x1b" not in summary(FULL, width=width, colour=False)


@pytest.mark.parametrize("width", [80, 40])
def test_colours_change_nothing_but_the_colours(width):
    plain, coloured = (summary(FULL, width=width, colour=colour) for colour in (False, True))

    assert "\x1b" in coloured
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == [
        line.rstrip() for line in plain.splitlines()
    ]


@pytest.mark.parametrize(
    ("outcome", "mark", "style"),
    [
        (Outcome.PASS, "34.2 dB", "32"),
        (Outcome.WAIVED, "w 34.2 dB", "33"),
        (Outcome.ACCURACY_FAIL, "F 34.2 dB", "1;31"),
        (Outcome.BUDGET_FAIL, "B 34.2 dB", "1;31"),
        (Outcome.CANNOT_JUDGE, "? 34.2 dB", "1;35"),
    ],
    ids=lambda value: value.value if isinstance(value, Outcome) else "",
)
def test_every_outcome_has_a_mark_and_a_colour(outcome, mark, style):
    of = ledger([verdict(outcome=outcome.value, waiver="known" if outcome is Outcome.WAIVED else None)])

    assert re.search(rf"\x1b\[{style}m{re.escape(mark)} *\x1b\[0m", summary(of, width=80, colour=True))


@pytest.mark.parametrize(("variable", "value"), [("TERM", "dumb"), ("COLUMNS", "200"), ("FORCE_COLOR", "1")])
@pytest.mark.parametrize("colour", [False, True])
def test_the_environment_changes_neither_width_nor_colour(monkeypatch, variable, value, colour):
    monkeypatch.delenv(variable, raising=False)
    expected = summary(FULL, width=40, colour=colour)

    monkeypatch.setenv(variable, value)

    assert summary(FULL, width=40, colour=colour) == expected


def test_a_waiver_is_named_with_the_run_and_codes_it_covers():
    waived = [verdict(check=check, outcome="waived", waiver="no GPU (until 2127-03-01)") for check in CHECKS[:3]]

    assert "waived: mlp ort-int8 (3 checks; QP-PAR-002): no GPU (until 2127-03-01)" in lines(ledger(waived))


def test_each_waiver_of_each_case_has_a_line_of_its_own():
    waived = [
        verdict(run="trt-int8", outcome="waived", waiver="no GPU"),
        verdict(run="trt-fp16", outcome="waived", waiver="no GPU"),
        verdict(outcome="waived", waiver="known"),
        verdict(case="textbert", outcome="waived", waiver="known"),
    ]

    assert [line for line in lines(ledger(waived)) if line.startswith("waived")] == [
        "waived: mlp trt-int8, trt-fp16 (2 checks; QP-PAR-002): no GPU",
        "waived: mlp ort-int8 (1 check; QP-PAR-002): known",
        "waived: textbert ort-int8 (1 check; QP-PAR-002): known",
    ]


def test_an_empty_ledger_says_that_nothing_was_planned_or_judged():
    assert lines(ledger()) == ["0 checks planned: none judged"]


def test_a_ledger_without_an_end_says_what_has_no_verdict():
    of = ledger([verdict()], planned=[verdict()["node_id"], "a", "b", "c", "d"], exit_status=None)

    assert lines(of)[-4:] == [
        "5 checks planned: 1 pass, 4 without a verdict",
        "no verdict: a: it never ended",
        "no verdict: b: it never ended",
        "no verdict: c: it never ended",
    ]


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        pytest.param(
            "E   first\nE   RuntimeError: the last line says why\n\n", "E   RuntimeError: the last line says why"
        ),
        pytest.param("", "it never ended"),
        pytest.param(" \n ", "it never ended"),
    ],
    ids=["a traceback", "empty", "blank"],
)
def test_the_last_line_of_a_reason_is_shown(reason, shown):
    assert lines(ledger(planned=["a"], not_judged={"a": reason}))[-1] == f"no verdict: a: {shown}"


def test_only_checks_that_a_case_has_are_columns():
    header = lines(ledger([verdict(check="latency"), verdict(check="parity")]))[0]

    assert header.split() == ["case", "and", "run", "parity", "latency"]


def test_of_many_runs_only_those_with_something_to_say_are_shown_and_the_others_counted():
    passing = [verdict(run=f"ort-int8-{index}") for index in range(150)]
    failing = verdict(run="ort-fp16", outcome="accuracy-fail", deciding="3.1 dB")

    shown = lines(ledger([*passing, failing]))

    assert any("ort-fp16" in line and "F 3.1 dB" in line for line in shown)
    assert not any("ort-int8-" in line for line in shown)
    assert "and 150 runs in which every check passed" in shown


def test_many_runs_that_all_passed_are_one_line():
    shown = lines(ledger([verdict(run=f"ort-int8-{index}") for index in range(150)], exit_status=0))

    assert shown[0] == "and 150 runs in which every check passed"


def test_case_files_that_could_not_be_planned_are_named():
    shown = lines(ledger([verdict()], case_errors={"cases/bad.toml": "QP-CASE-001 …"}))

    assert "not planned: cases/bad.toml" in shown


def test_checks_that_were_not_asked_for_are_counted_and_never_passed():
    said = lines(ledger(row(), deselected=["a", "b"]))

    assert "2 checks of these cases were not asked for: nothing is known of them" in said


def test_a_check_that_was_judged_again_is_named():
    said = " ".join(lines(ledger(row(), flaky={"mlp.toml::ort-int8::parity": ["cannot-judge", "pass"]})))

    assert "flaky: mlp.toml::ort-int8::parity was judged 2 times: cannot-judge, pass; the first failure stands" in said


def test_what_a_terminal_would_obey_is_shown_as_an_escape():
    hostile = verdict("mlp", "ort-int8", "parity", "accuracy-fail", "\x1b[2J 12 dB")

    said = summary(ledger([hostile], case_errors={"cases/\x1b]0;pwned\x07.toml": "no"}), width=80, colour=False)

    assert "\x1b" not in said
    assert "\x07" not in said
    assert r"\x1b[2J 12 dB" in said


def behind(backend, planned, caught):
    """A verdict with what came of the canaries on its backend."""
    record = {"planned": planned, "caught": caught, "sha256": "0" * 64}
    return verdict(run=f"{backend}-int8") | {"backend": backend, "provenance": {"canaries": record}}


def canary_lines(verdicts, start):
    of = replace(ledger(verdicts, exit_status=0), start=start)
    return [line for line in lines(of) if "canaries" in line]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([behind("ort", 5, 5)], ["canaries: 5 of 5 caught on ort"]),
        ([behind("ort", 5, 5), behind("trt", 5, 5)], ["canaries: 5 of 5 caught on ort, trt"]),
        ([behind("ort", 5, 5), behind("trt", 5, 4)], ["canaries: 5 of 5 caught on ort; 4 of 5 caught on trt"]),
        ([behind("ort", 0, 0)], ["canaries: could not be run on ort"]),
        ([verdict()], ["canaries: none was run"]),
    ],
    ids=["one backend", "two alike", "two apart", "not planned", "not run"],
)
def test_what_came_of_the_canaries_is_one_line(verdicts, said):
    assert canary_lines(verdicts, {"canaries": ["cases/canaries/x.toml"]}) == said


@pytest.mark.parametrize("caught", [[4, 5, 5], [5, 4, 5], [5, 5, 4]])
def test_of_several_processes_the_worst_is_told(caught):
    verdicts = [behind("ort", 5, each) for each in caught]

    assert canary_lines(verdicts, {"canaries": ["x.toml"]}) == ["canaries: 4 of 5 caught on ort"]


def test_a_project_without_canaries_is_told_and_a_ledger_that_does_not_say_is_not_guessed_about():
    assert canary_lines([verdict()], {"canaries": []}) == ["no canaries: turned off by an empty qparity_canaries"]
    assert canary_lines([verdict()], {}) == []


@pytest.mark.parametrize("width", [80, 20], ids=["a table", "a list"])
@pytest.mark.parametrize("field", ["case", "run", "check", "deciding", "waiver", "node_id"])
def test_no_field_of_a_verdict_sends_anything_to_the_terminal_or_forges_a_line(field, width):
    hostile = {
        **verdict(outcome="waived", waiver="known"),
        field: "\x1b[2J\x9b\u202e\rlogits\n15 checks planned: 15 pass",
    }
    of = ledger(
        [hostile, *row(run="ort-fp16")],
        planned=["\x1b[2J\n0 checks planned"],
        flaky={hostile["node_id"]: ["pass", "\x1b[2J"]},
    )

    said = summary(of, width=width, colour=False)

    assert not {character for character in said if character in "\x1b\x9b\u202e\r"}
    assert [line[:2] for line in said.splitlines() if re.match(r"\d+ checks?", line)] == ["1 "]


def of_file(backend, digest, precision="int8"):
    event = verdict(run=f"{backend}-{precision}") | {"backend": backend, "precision": precision}
    return event | {"provenance": {"variant": {"sha256": digest * 64}}}


def test_backends_that_judged_different_files_are_named():
    said = lines(
        ledger([of_file("ort", "a"), of_file("openvino", "a"), of_file("trt", "b"), of_file("ort", "c", "fp16")])
    )

    assert [line for line in said if line.startswith("different files")] == [
        "different files: mlp int8: ort, openvino: aaaaaaaaaaaa; trt: bbbbbbbbbbbb"
    ]
