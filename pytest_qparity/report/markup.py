"""Names and sentences that may be anyone's, as text in Markdown, LaTeX and spreadsheets."""

from __future__ import annotations

import re
import unicodedata

from pytest_qparity.report.text import one_line

__all__ = ["cut", "isolated", "latex_text", "markdown_code", "markdown_text", "spreadsheet_text"]

_FSI, _PDI = "\u2068", "\u2069"  # first strong isolate and its end (Unicode UAX #9)
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_NOT_IN_BACKTICKS = re.compile(r"[`|\\]")  # in a table; a backslash there may be taken for one in front of a bar
_MARKDOWN = re.compile(r"([\\`*_\[\]|~#$!{}])")
# A spreadsheet runs what begins so (OWASP, CSV injection); a tab or a line break in front of it is no defence.
_FORMULA = ("=", "+", "-", "@")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{mark: f"\\{mark}" for mark in "{}$&#_%"},
    **{mark: f"{{{mark}}}" for mark in "[]*"},  # a row's end takes what stands behind it for its options
}


def cut(text: str, most: int) -> str:
    """On one line, and of at most `most` characters."""
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def isolated(text: str) -> str:
    """Text from right to left keeps its direction to itself: what stands behind it stays where it is."""
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"{_FSI}{text}{_PDI}"
    return text


def markdown_text(text: str) -> str:
    """On one line, with what Markdown or HTML would take for markup as text, and nobody mentioned by an "@"."""
    escaped = _MARKDOWN.sub(r"\\\1", "".join(_HTML.get(character, character) for character in one_line(text)))
    return isolated(escaped.replace("@", "@<!-- -->"))


def markdown_code(text: str) -> str:
    """A name, set as code. Within backticks nothing can be escaped, within <code> all can be."""
    line = one_line(text)
    if line and not _NOT_IN_BACKTICKS.search(line) and isolated(line) == line:
        return f"`{line}`"
    escaped = "".join(_HTML.get(character, character) for character in line)
    return f"<code>{isolated(_MARKDOWN.sub(lambda found: f'&#{ord(found[0])};', escaped))}</code>"


def latex_text(text: str) -> str:
    """On one line, without commands. Other scripts than Latin need XeLaTeX or LuaLaTeX, and a font that has them."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def spreadsheet_text(text: str) -> str:
    """On one line, and no formula: an apostrophe in front makes a text of what a spreadsheet would run."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA) else line
