"""One word for where a ledger stands, the same in every report, and as of today."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from pytest_qparity.ledger import Ledger
from pytest_qparity.report.badge import GREEN, badge_of
from pytest_qparity.report.html import report_page
from pytest_qparity.report.markdown import summary_markdown
from pytest_qparity.report.standing import Standing, Word, expired_lines, standing_of
from pytest_qparity.report.table import comparison_latex, comparison_markdown
from pytest_qparity.report.terminal import summary
from pytest_qparity.verdict import waived
from tests.report.ledgers import ALL_WAIVED, FAILING, KILLED, PASSING, event, fails, is_waived, ledger, whole_run

TODAY = datetime.date(2126, 11, 26)
THEN = datetime.date(2127, 3, 2)  # a day after the last of `is_waived`
ONE_WAIVED = ledger([*whole_run()[:3], event("latency", is_waived())])
EXPIRED = ledger([*whole_run()[:3], event("latency", waived(fails(), "no GPU (until 2020-02-29)"))])
LACKING = ledger(
    [event("parity", fails())],
    deselected=["cases/mlp.toml::ort-int8::latency", "cases/mlp.toml::ort-int8::memory"],
    uncollected=["cases/a.toml", "cases/b.toml", "cases/c.toml"],
    exit_status=3,
)


@pytest.mark.parametrize(
    ("of", "today", "word"),
    [
        (PASSING, TODAY, Word.PASSES),
        (ONE_WAIVED, TODAY, Word.WITH_WAIVERS),
        (ONE_WAIVED, THEN, Word.EXPIRED),
        (ALL_WAIVED, TODAY, Word.ALL_WAIVED),
        (ALL_WAIVED, THEN, Word.EXPIRED),
        (FAILING, TODAY, Word.DOES_NOT_PASS),
        (KILLED, TODAY, Word.DOES_NOT_PASS),
        (LACKING, TODAY, Word.DOES_NOT_PASS),
    ],
)
def test_every_face_says_the_same_word(of: Ledger, today: datetime.date, word: Word) -> None:
    page = report_page(of, today=today)
    heading = f"{word[0].upper()}{word[1:]}"

    assert standing_of(of, today).word is word
    assert summary_markdown(of, Path("nowhere"), today=today).splitlines()[0].endswith(f"qparity: {word}")
    assert f'aria-level="2">{heading}</p>' in page
    assert f"<title>{heading}: " in page
    assert (badge_of(of, today).text == word) or badge_of(of, today).text.startswith(f"{word}: ")
    assert (badge_of(of, today).colour == GREEN) == (word is Word.PASSES)
    assert (
        ('class="verdict pass"' in page)
        == ("✅" in summary_markdown(of, Path("nowhere"), today=today))
        == (word is Word.PASSES)
    )


@pytest.mark.parametrize(
    ("of", "word"),
    [
        (PASSING, "passes"),
        (ONE_WAIVED, "passes with waivers"),
        (EXPIRED, "waivers expired"),
        (LACKING, "does not pass"),
    ],
)
def test_scripts_and_tables_are_told_it_too(of: Ledger, word: str) -> None:
    from pytest_qparity.report.document import summary_json

    document = json.loads(summary_json(of, Path("nowhere")))

    assert document["standing"] == word
    assert document["passes"] == of.passes
    for table in (comparison_markdown(of), comparison_latex(of)):
        assert (f"{word[0].upper()}{word[1:]}: " in table) == (word != "passes")


def test_all_that_speaks_against_a_ledger_is_told_by_every_face() -> None:
    from pytest_qparity.report.document import summary_json

    text, page = summary_markdown(LACKING, Path("nowhere")), report_page(LACKING)
    document = json.loads(summary_json(LACKING, Path("nowhere")))

    told = [each.sentence for each in LACKING.objections]
    assert told == [
        "cases/mlp.toml::ort-int8::parity got accuracy-fail, should pass.",
        "2 checks were not asked for, should all be; first cases/mlp.toml::ort-int8::latency.",
        "3 case files were not collected, should all be; first cases/a.toml.",
        "The session ended with status 3, should end with status 0.",
    ]
    assert document["objections"] == told
    assert (document["not_asked_for"], document["not_collected"]) == (LACKING.deselected, LACKING.uncollected)
    assert document["exit_status"] == 3
    assert [problem["sentence"] for problem in document["problems"]] == ["SQNR is 12 dB, should be 20.", *told[1:]]
    for sentence in told:
        assert sentence in text
        assert page.count(sentence) == 1
    assert page.partition("</section>")[0].count("3 case files") == 1


def test_a_waiver_that_ended_since_is_told_by_every_face() -> None:
    (line,) = expired_lines(EXPIRED, TODAY)

    assert line.startswith("expired 38,986 days ago: ")
    assert line.endswith("the waiver of mlp ort-int8 (1 check): no GPU (until 2020-02-29)")
    assert standing_of(EXPIRED, TODAY) == Standing(
        Word.EXPIRED,
        "waivers expired",
        ("1 of 4 checks is waived, and 1 waiver expired since: it passed then, and would not today.",),
    )
    for text in (
        summary_markdown(EXPIRED, Path("nowhere"), today=TODAY),
        report_page(EXPIRED, today=TODAY),
        summary(EXPIRED, width=200, colour=False),
        comparison_markdown(EXPIRED),
    ):
        assert "the waiver of mlp ort-int8 (1 check): no GPU (until 2020-02-29)" in text.replace("\\", "")
    assert list(expired_lines(ONE_WAIVED, TODAY)) == []
    assert list(expired_lines(ONE_WAIVED, datetime.date(2127, 3, 1))) == []  # the last day counts


def test_a_waived_run_stands_before_those_that_pass() -> None:
    runs = [verdict for number in range(20) for verdict in whole_run(precision=f"int8-{number}")]
    text = summary_markdown(ledger([*runs, event("latency", is_waived(), precision="int4")]), Path("nowhere"))

    rows = [line for line in text.splitlines() if line.startswith("| `mlp`")]
    assert "`ort-int4`" in rows[0]
    assert "Waived: 1 check of mlp ort-int4: no GPU (until 2127-03-01)." in text
