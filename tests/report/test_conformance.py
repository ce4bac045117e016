from __future__ import annotations

import re
from typing import Any

from pytest_qparity.ledger import Ledger
from pytest_qparity.report.conformance import conformance_lines, conformance_markdown, findings
from pytest_qparity.report.conformance_html import conformance_html
from pytest_qparity.report.conformance_text import conformance_text


def event(check: str, outcome: str = "pass", answer: str | None = "conforms", **stated: Any) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "operator": stated.pop("operator", "Cast"),
        "types": "fp32 → int4",
        "examples": 10,
        "elements": 100,
        "worst_lsb": stated.pop("worst_lsb", 0.0),
    }
    if "known" in stated:
        evidence["known"] = [{"observed": observed, "script": f"{observed}.py"} for observed in stated.pop("known")]
    if answer is not None:
        evidence["answer"] = answer
    return {
        "event": "verdict",
        "node_id": f"cases/math.toml::ort::{check}",
        "case": "math",
        "run": "ort",
        "backend": "ort",
        "precision": "",
        "check": check,
        "outcome": outcome,
        "evidence": evidence,
        "failures": [{"code": "QP-CONF-001", "sentence": stated.pop("sentence", "It deviates.")}],
        "waiver": stated.pop("waiver", None),
    }


def ledger(*events: dict[str, Any]) -> Ledger:
    from dataclasses import fields

    empty: dict[str, Any] = {field.name: () for field in fields(Ledger)}
    return Ledger(**empty | {"verdicts": events})


def test_a_line_counts_each_answer_of_a_backend() -> None:
    whole = ledger(
        event("a"),
        event("b", "waived", "deviates", waiver="known"),
        event("c", "waived", "unsupported", waiver="listed"),
        event("d", "accuracy-fail", None),
    )

    (line,) = conformance_lines(whole)

    counts = "1 of 4 kernels conform, 1 deviate as is known, 1 unsupported, 1 fail"
    assert line == f"conformance: math ort: {counts} (40 examples, 400 elements)"


def test_a_cell_holds_the_counts_and_the_worst_distance() -> None:
    page = conformance_markdown(
        ledger(
            event("a"),
            event("b", "waived", "deviates", waiver="known", worst_lsb=2.5),
            event("c", "accuracy-fail", None, worst_lsb="inf"),
        )
    )

    assert "| Cast | fp32 → int4 | 1/1/0/1; ∞ LSB; 30 |" in page


def test_what_a_name_brings_is_text_and_no_markup() -> None:
    page = conformance_markdown(
        ledger(event("a", "accuracy-fail", None, operator="<script>|x", sentence="[a](b) <img src=x>\n# head"))
    )

    assert "<script>" not in page
    assert "&lt;script&gt;\\|x" in page
    assert "<img" not in page
    assert "\n# head" not in page


def test_one_fault_is_one_finding_whatever_else_a_kernel_shows() -> None:
    whole = ledger(
        event("a", "waived", "deviates", waiver="known of ort 1: ties", known=["ties"]),
        event("b", "waived", "deviates", waiver="known of ort 1: ties; wraps", known=["ties", "wraps"]),
        event("c", "accuracy-fail", None, sentence="c is off"),
    )

    found = {finding.said: (finding.script, finding.kernels) for finding in findings(whole)}

    assert found == {"ties": ("ties.py", ("a", "b")), "wraps": ("wraps.py", ("b",)), "c is off": ("", ("c",))}


def test_a_terminal_has_wrapped_lines_without_escapes() -> None:
    said = "16-bit pairs are stripped_or_so, " * 9
    whole = ledger(*(event(f"qdq_add-u{i}-opset21", "waived", "deviates", waiver="w", known=[said]) for i in range(5)))

    text = conformance_text(whole, width=80, colour=False)

    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\\" not in text
    assert "stripped_or_so" in text
    assert "    qdq_add-u0-opset21, qdq_add-u1-opset21, qdq_add-u2-opset21 and 2 more\n" in text


def test_a_terminal_obeys_nothing_that_a_name_brings() -> None:
    text = conformance_text(
        ledger(event("a\x1b[2J", "accuracy-fail", None, sentence="x\x1b[31m")), width=80, colour=False
    )

    assert "\x1b" not in text
    assert "x\\x1b[31m" in text


def test_a_page_of_html_has_a_row_for_each_type_and_a_cell_for_each_answer() -> None:
    page = conformance_html(
        ledger(
            event("a"),
            event("b", "waived", "deviates", waiver="known", worst_lsb=1.5, known=["rounds up"]),
            event("c", "waived", "unsupported", waiver="listed", operator="Conv"),
            event("d", "accuracy-fail", None, worst_lsb="inf", operator="Gemm"),
        )
    )

    rows = re.findall(r'<th scope="row">(\w+)</th><td>.*?</td>\s*<td class="(\w+)">(.*?)</td>', page, re.DOTALL)
    assert [row[:2] for row in rows] == [("Cast", "deviate"), ("Conv", "unsupported"), ("Gemm", "fail")]
    texts = [" ".join(re.sub(r"<[^>]*>", " ", row[2]).split()) for row in rows]
    assert texts == [
        "1 deviate as is known 1 conform 1.5 LSB, 20 examples",
        "1 unsupported 10 examples",
        "1 fail ∞ LSB, 10 examples",
    ]
    assert "<code>rounds up.py</code>" in page
    assert "What does not conform on ort" in page


def test_names_on_a_page_of_html_are_text() -> None:
    page = conformance_html(
        ledger(
            event("<b>x", "waived", "deviates", operator="<script>alert(1)</script>", known=["<img>"], waiver="w"),
        )
    )

    assert not re.search(r"<(script|img|b)\b", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_page_of_html_without_findings_says_so() -> None:
    assert "Every kernel conforms." in conformance_html(ledger(event("a")))
