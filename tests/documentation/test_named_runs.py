"""A run that a page or a help text names of a case in this repository is one of that case."""

from __future__ import annotations

import re

from pytest_qparity import load_case
from pytest_qparity.commands.rescue import EXAMPLES
from tests.documentation.commands import PAGES, ROOT

_NAMED = re.compile(r"qparity (?:rescue|diagnose) cases/(\w+)\.toml (?:--run )?[a-z]+-([\w-]+)")
MADE = {"stock": "textbert"}  # by the line before it, of that case


def test_a_run_of_a_case_that_is_here_is_one_of_it() -> None:
    texts = [*(page.read_text(encoding="utf-8") for page in PAGES), EXAMPLES]
    named = {found for text in texts for found in _NAMED.findall(text)}
    here = [(ROOT / "cases" / f"{MADE.get(case, case)}.toml", precision) for case, precision in named]
    known = [(file, precision) for file, precision in here if file.is_file()]

    assert any(precision == "int8-rescued" for _, precision in known)
    for file, precision in known:
        assert precision in load_case(file).spec.precisions, (file.name, precision)
