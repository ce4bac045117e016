"""docs/lint.md has a paragraph for each rule, and says of it what the rule says."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_qparity.checks.linting.linting import TARGETS
from pytest_qparity.checks.linting.targets import RULES

PAGE = (Path(__file__).parents[3] / "docs" / "lint.md").read_text(encoding="utf-8")


def test_every_rule_has_its_paragraph_and_no_paragraph_is_left_over() -> None:
    headings = re.findall(r"^### ([A-Z]+-[A-Z]+-\d{3}): (.*)\n\n\*(refused|warned)\.\* ", PAGE, flags=re.MULTILINE)

    assert headings == [(rule.id, rule.title, rule.weight.value) for rule in RULES]


def test_a_paragraph_says_the_remedy_and_the_source_of_its_rule() -> None:
    paragraphs = {part.split(":")[0]: " ".join(part.split()) for part in PAGE.split("\n### ")[1:]}

    for rule in RULES:
        assert f"Try: {rule.remedy}." in paragraphs[rule.id]
        assert f"Source: {rule.source}." in paragraphs[rule.id]


def test_every_target_is_in_the_table() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE) == list(TARGETS)
