"""A page of 200 runs with evidence such as sessions leave is small enough to mail."""

from __future__ import annotations

import pytest

from benchmarks.ledgers import many_runs
from pytest_qparity.ledger.reading import parsed
from pytest_qparity.report.html import report_page


def test_a_page_of_200_runs_is_below_3_mb() -> None:
    pytest.importorskip("pygal")
    of = parsed(many_runs(cases=10, precisions=10, fails_each=20))

    page = report_page(of)

    assert page.count('class="run"') == 200
    assert len(page.encode()) < 3_000_000
