"""Sections of plugins: text is text, what raises is told, and no section changes what the ledger says."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from pytest_qparity.report.added import LONGEST_TEXT, MOST_ROWS, Added, ReportSection, ReportTable, added_sections
from pytest_qparity.report.added_text import added_text
from pytest_qparity.report.html import report_page
from pytest_qparity.report.markdown import MOST_LINES, summary_markdown
from pytest_qparity.report.section import section_html
from tests.report.ledgers import FAILING, HARD_NAMES, PASSING, event, fails, ledger

ME = "tests.report.test_added"
HARD = (Added("\n".join(HARD_NAMES), (" ".join(HARD_NAMES), ReportTable(HARD_NAMES, (HARD_NAMES,)))),)


def told(ledger):
    return [f"{len(ledger.verdicts)} verdicts", ReportTable(("check", "margin"), [("parity", 1.5)])]


def nothing(ledger):
    return []


def bare(ledger):
    return "one text"


def raises(ledger):
    raise ValueError("no\nsuch <b>luck</b>")


def skips(ledger):
    pytest.skip("not today")


def leaves(ledger):
    raise SystemExit(0)


def number(ledger):
    return 7


def ragged(ledger):
    return ReportTable(("a", "b"), [("only one",)])


def forges(ledger):
    for verdict in ledger.verdicts:
        verdict["outcome"] = "pass"
        verdict["failures"] = ()
    ledger.start["commit"] = "forged"
    return "done"


def long(ledger):
    return ["x" * (LONGEST_TEXT + 5), ReportTable(("row",), [(row,) for row in range(MOST_ROWS + 3)])]


def added(name, of=PASSING):
    return added_sections(of, [ReportSection("Mine", f"{ME}:{name}")])


def test_what_a_function_gives_is_shown_and_an_empty_list_is_no_section():
    assert added("told") == (Added("Mine", ("5 verdicts", ReportTable(("check", "margin"), (("parity", "1.5"),)))),)
    assert added("bare") == (Added("Mine", ("one text",)),)
    assert added("nothing") == ()


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("raises", "got ValueError (no such <b>luck</b>) from"),
        ("skips", "got Skipped (not today) from"),
        ("leaves", "got SystemExit (0) from"),
        ("number", "got TypeError (a part that is int) from"),
        ("ragged", "got ValueError (got 1 cells, should be 2"),
        ("missing", "got AttributeError (module"),
    ],
)
def test_a_function_that_fails_is_told_in_its_place(name, got):
    (section,) = added(name)

    assert section.parts == ()
    assert got in section.problem
    assert f"from {ME}:{name}, should give text, a ReportTable, or a list of these" in section.problem
    assert got in added_text([section], width=500, colour=False)


def test_no_section_changes_what_the_ledger_says():
    of = ledger([event(verdict=fails())])
    before = repr(of)

    assert added("forges", of) == (Added("Mine", ("done",)),)
    assert repr(of) == before
    assert not of.passes


def test_what_is_too_long_is_cut_and_said():
    ((text, table, more),) = (section.parts for section in added("long"))

    assert (len(text), len(table.rows), more) == (LONGEST_TEXT + 1, MOST_ROWS, "3 more rows are left out")


@pytest.mark.parametrize("make", [report_page, lambda of, sections: section_html(of, Path(), "l.json", sections)])
def test_hard_names_become_no_markup_of_a_page(make):
    page = make(PASSING, sections=HARD)
    plain = make(PASSING, sections=(Added("t", ("p", ReportTable(("h",) * 9, (("c",) * 9,)))),))

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert page.replace("<bdi>", "").count("<") == plain.replace("<bdi>", "").count("<") + page.count(
        "</bdi>"
    ) - plain.count("</bdi>")


def test_hard_names_become_no_markup_of_a_summary_and_no_commands_of_a_terminal():
    tokens = MarkdownIt("commonmark").enable("table").parse(summary_markdown(PASSING, Path("nowhere"), HARD))
    html = {each.content for token in tokens for each in token.children or () if each.type == "html_inline"}
    assert html <= {"<code>", "</code>", "<!-- -->"}
    assert [token.tag for token in tokens if token.type == "th_open"][-9:] == ["th"] * 9

    text = added_text(HARD, width=60, colour=False)
    assert "\u202e" not in text
    assert all(len(line) <= 60 for line in text.splitlines())


def test_a_summary_keeps_to_its_lines_and_counts_the_sections_that_have_no_room():
    many = [Added(f"Section {number}", tuple(map(str, range(20)))) for number in range(5)]

    lines = summary_markdown(FAILING, Path("nowhere"), many).splitlines()

    assert len(lines) <= MOST_LINES
    assert lines[-1].endswith("sections of plugins have no room here: they stand in the page.")


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda: ReportSection(" ", "a:b"), "got title ' '"),
        (lambda: ReportSection("T", "a.b"), "got target 'a.b'"),
        (lambda: ReportTable(("a",), [(None,)]), "got a cell that is NoneType"),
        (lambda: ReportTable((), []), "got 0 cells"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_made(make, got):
    with pytest.raises(ValueError, match=got):
        make()
