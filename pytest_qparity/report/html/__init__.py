"""The report as one page of HTML that its owner reads and signs: no network, no file beside it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.waivers import today_utc
from pytest_qparity.report.html.collecting import no_collection
from pytest_qparity.verdict import counted

if TYPE_CHECKING:
    from markupsafe import Markup

    from pytest_qparity.ledger import Ledger
    from pytest_qparity.report.added import Added
    from pytest_qparity.report.comparison import ComparisonRow
    from pytest_qparity.report.html.comparison_table import Table
    from pytest_qparity.report.html.layers import DiagnosisPart
    from pytest_qparity.report.html.trends import Trend

__all__ = ["report_page"]

OBSTACLES = 20  # that the page begins with; each stands again at its run


@no_collection()
def report_page(
    ledger: Ledger,
    *,
    title: str = "Release report",
    today: datetime.date | None = None,
    diagnoses: Sequence[Mapping[str, Any]] = (),
    trends: Sequence[Trend] = (),
    sections: Sequence[Added] = (),
) -> str:
    """The page. `today`: the day from which the days of waivers are counted; `diagnoses`: what `qparity diagnose
    --json` printed; `trends`: figures over time; `sections`: those that plugins add.

    Plots need pygal (the extra `report`): without it the page says so, and has the tables.
    """
    from pytest_qparity.report.advice import advice_on
    from pytest_qparity.report.comparison import believed_runs
    from pytest_qparity.report.conformance_html import conformance_view
    from pytest_qparity.report.html.cases import case_parts
    from pytest_qparity.report.html.charts import can_draw, drawn
    from pytest_qparity.report.html.comparison_table import COLUMNS
    from pytest_qparity.report.html.headline import headline, obstacles
    from pytest_qparity.report.html.page import page
    from pytest_qparity.report.html.plots import case_plots
    from pytest_qparity.report.html.provenance import sessions
    from pytest_qparity.report.html.trends import shown_trends, trend_plot
    from pytest_qparity.report.html.waivers import waiver_parts
    from pytest_qparity.report.terminal import canaries

    day = today_utc() if today is None else today
    in_the_way = obstacles(ledger)
    believed = believed_runs(ledger)
    plots, plots_left_out = case_plots(believed)
    charted, uncharted = shown_trends(trends)
    draws = can_draw()
    return page(
        title=title,
        ledger=ledger,
        day=day,
        headline=headline(ledger, day),
        counted=counted,
        obstacles=in_the_way[:OBSTACLES],
        more_obstacles=max(len(in_the_way) - OBSTACLES, 0),
        cases=case_parts(ledger),
        columns=COLUMNS,
        tables=_tables(ledger),
        advice=advice_on(believed),
        plots=plots,
        plots_left_out=plots_left_out,
        can_draw=draws,
        conformance=conformance_view(ledger),
        waivers=waiver_parts(ledger, day),
        sessions=sessions(ledger),
        canaries=list(canaries(ledger)),
        diagnoses=_with_plots(diagnoses, ledger, can_draw=draws),
        trends=[(trend, drawn(trend_plot(trend)) if draws else None) for trend in charted],
        trends_left_out=uncharted,
        added=sections,
    )


def _tables(ledger: Ledger) -> dict[str, Table]:
    """By case."""
    from pytest_qparity.report.comparison import comparison_rows
    from pytest_qparity.report.html.comparison_table import table_of

    rows: dict[str, list[ComparisonRow]] = {}
    for row in comparison_rows(ledger):
        rows.setdefault(row.case, []).append(row)
    return {case: table_of(of) for case, of in rows.items()}


def _with_plots(
    diagnoses: Sequence[Mapping[str, Any]], ledger: Ledger, *, can_draw: bool
) -> list[tuple[DiagnosisPart, Markup | None]]:
    from pytest_qparity.report.html.charts import drawn
    from pytest_qparity.report.html.layers import diagnosis_part

    parts = [diagnosis_part(each, ledger) for each in diagnoses]
    return [(part, drawn(part.plot) if can_draw and part.plot is not None else None) for part in parts]
