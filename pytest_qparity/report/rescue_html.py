"""A rescue as a page of HTML: one file without scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_qparity.report.pages import page_environment
from pytest_qparity.report.rescue_charts import HEIGHT, LEFT, TOP, WIDTH, front_chart
from pytest_qparity.report.rescue_text import HEAD, cells, headline

if TYPE_CHECKING:
    from pytest_qparity.rescue.evaluation import Evaluation
    from pytest_qparity.rescue.result import Rescue

__all__ = ["rescue_html"]


def rescue_html(found: Rescue, subject: str, seen: Iterable[Evaluation]) -> str:
    """The page. seen: all evaluations of the search."""
    return (
        page_environment()
        .get_template("rescue.html")
        .render(
            subject=subject,
            found=found,
            headline=headline(found),
            chart=front_chart(found, seen),
            head=HEAD,
            rows=[cells(row, found) for row in found.rows],
            width=WIDTH + LEFT + 8,
            height=HEIGHT + TOP + 44,
            plot={"left": LEFT, "right": LEFT + WIDTH, "top": TOP, "bottom": TOP + HEIGHT},
        )
    )
