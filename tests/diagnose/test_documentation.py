"""docs/diagnose.md has a paragraph for each cause, and none for others."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_qparity.diagnose.causes.cause import Cause

PAGE = Path(__file__).parent.parent.parent / "docs" / "diagnose.md"


def test_each_cause_has_its_paragraph_and_no_paragraph_is_left_over() -> None:
    causes = PAGE.read_text(encoding="utf-8").partition("## Causes")[2]

    assert re.findall(r"^### (\S+)\n\n\w", causes, flags=re.MULTILINE) == [cause.value for cause in Cause]
