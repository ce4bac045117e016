"""What docs/failures.md says of each failure code: it comes with the package, as `failures.md` beside this folder."""

from __future__ import annotations

import re
import textwrap
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

_HEADING = re.compile(r"^### (QP-[A-Z]+-\d{3}): (.*)$")
_OUTCOME = re.compile(r"\A\*([a-z-]+)\.\*\s*")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code: what it is called, what comes of it, what it means and where it comes from, what to do (Markdown)."""

    code: str
    title: str
    outcome: str
    family: str
    text: str
    remedy: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def explanations() -> dict[str, Explanation]:
    """Every code's paragraph, by code, in the page's order. Raises OSError where the installation lacks the page."""
    return parse_failures(files("pytest_qparity").joinpath("failures.md").read_text(encoding="utf-8"))


def parse_failures(page: str) -> dict[str, Explanation]:
    """The paragraphs of a page laid out as docs/failures.md is: `## family`, `### code: title`, `*outcome.*` text, and
    `Try:` what to do."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    family = ""
    lines: list[str] = []
    for line in page.splitlines():
        heading = _HEADING.match(line)
        if heading is not None:
            lines = []
            found[heading[1]] = (heading[2], family, lines)
        elif line.startswith("## "):
            family, lines = line.removeprefix("## "), []
        else:
            lines.append(line)
    return {code: _explanation(code, title, of, "\n".join(body).strip()) for code, (title, of, body) in found.items()}


def _explanation(code: str, title: str, family: str, text: str) -> Explanation:
    outcome = _OUTCOME.match(text)
    if outcome is None:
        raise ValueError(f"got a paragraph of {code} without an outcome, should begin with one: *cannot-judge.*")
    said, _, remedy = text[outcome.end() :].partition("\n\nTry: ")
    return Explanation(code, title, outcome[1], family, said, remedy)


def explanation_text(explanation: Explanation, *, width: int) -> str:
    """The paragraph for a terminal: links are their words alone, lines are of `width` columns."""
    head = f"{explanation.code}  {explanation.title} ({explanation.outcome})"
    said = _LINK.sub(r"\1", f"{explanation.text}\n\nTry: {explanation.remedy}")
    paragraphs = [
        textwrap.fill(" ".join(each.split()), width, break_long_words=False, break_on_hyphens=False)
        for each in said.split("\n\n")
    ]
    return "\n\n".join([head, *paragraphs])
