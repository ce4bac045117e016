"""The plots of each case, drawn once; of very many cases those of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.report.html.charts import Plot, can_draw, drawn
from pytest_qparity.report.html.latencies import Distribution, distribution_plot, distributions
from pytest_qparity.report.html.pareto import pareto_plot

if TYPE_CHECKING:
    from markupsafe import Markup

    from pytest_qparity.report.runs import RunRecord

__all__ = ["CasePlots", "Drawing", "case_plots"]

MOST_PLOTS = 80  # of cases in a page: each takes 5 ms and 12 kB


@dataclass(slots=True)
class Drawing:
    """Draws while there is room in the page; counts what is left out."""

    is_able: bool
    room: int = MOST_PLOTS
    left_out: int = 0

    def draw(self, plot: Plot | None) -> Markup | None:
        if plot is None or not self.is_able:
            return None
        if not self.room:
            self.left_out += 1
            return None
        self.room -= 1
        return drawn(plot)


@dataclass(frozen=True, slots=True)
class CasePlots:
    pareto: Markup | None
    pareto_note: str
    distributions: tuple[Distribution, ...]
    distribution: Markup | None


def case_plots(runs: Mapping[str, Sequence[RunRecord]]) -> tuple[dict[str, CasePlots], int]:
    """By case; and how many plots were left out."""
    drawing = Drawing(can_draw())
    found = {}
    for case, records in runs.items():
        timed = distributions(records)
        plot = pareto_plot(case, records)
        note = "" if plot is None else plot.note
        found[case] = CasePlots(drawing.draw(plot), note, timed, drawing.draw(distribution_plot(case, timed)))
    return found, drawing.left_out
