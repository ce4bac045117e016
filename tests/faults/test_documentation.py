from __future__ import annotations

from tests.faults.table import PAGE, printed


def test_the_reliability_page_prints_the_plan_as_it_is() -> None:
    """`python -m tests.faults.table` writes it."""
    page = PAGE.read_text(encoding="utf-8")

    assert printed(page) == page
