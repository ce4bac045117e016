"""What names may hold is text in each markup, and reads back as it was."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from pytest_qparity.report.markup import cut, isolated, latex_text, markdown_code, markdown_text, spreadsheet_text
from pytest_qparity.report.text import one_line
from tests.report.ledgers import HARD_NAMES

MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def texts_in_cells(line):
    """What a reader sees in the cells of a table's only row."""
    tokens = MARKDOWN.parse(f"| a | b |\n| --- | --- |\n{line}\n")
    cells = [token for token in tokens if token.type == "inline"][2:]
    assert not {each.type for cell in cells for each in cell.children} - {
        "text",
        "html_inline",
        "text_special",
        "code_inline",
    }
    return ["".join(each.content for each in cell.children if each.type != "html_inline") for cell in cells], [
        each.content for cell in cells for each in cell.children if each.type == "html_inline"
    ]


@pytest.mark.parametrize("name", HARD_NAMES)
def test_a_name_in_a_markdown_table_stays_in_its_cell_and_is_no_markup(name):
    (code, text), html = texts_in_cells(f"| {markdown_code(name)} | {markdown_text(name)} |")

    assert code.strip("\u2068\u2069") == one_line(name)
    assert text.strip("\u2068\u2069") == one_line(name)
    assert set(html) <= {"<code>", "</code>", "<!-- -->"}


def test_nobody_is_mentioned():
    assert markdown_text("by @octocat") == "by @<!-- -->octocat"


def test_text_from_right_to_left_keeps_its_direction_to_itself():
    assert isolated("نموذج") == "\u2068نموذج\u2069"
    assert isolated("模型 mlp") == "模型 mlp"
    assert "\u202e" not in markdown_text("\u202egnp.exe")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "\t=1", "\n=1", "\r\n=1"])
def test_a_spreadsheet_runs_nothing(name):
    assert spreadsheet_text(name).startswith("'")


def test_what_is_no_formula_stays_as_it_is():
    assert spreadsheet_text("ort-int8 = fast") == "ort-int8 = fast"


def test_latex_obeys_nothing():
    assert latex_text("a_b\\input{x}%$&#^~\nc") == (
        r"a\_b\textbackslash{}input\{x\}\%\$\&\#\textasciicircum{}\textasciitilde{} c"
    )


def test_what_stands_behind_the_end_of_a_latex_row_is_no_option_of_it():
    assert latex_text("[2cm] *") == "{[}2cm{]} {*}"


def test_long_names_are_cut():
    assert cut("a" * 50, 10) == "a" * 9 + "…"
    assert cut("a\nb", 10) == "a b"
