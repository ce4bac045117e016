"""How a run's latency is distributed: quantiles as a table, and as lines of the runs that compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.html.charts import Dot, Drawn, Plot

if TYPE_CHECKING:
    from pytest_qparity.report.runs import RunRecord

__all__ = ["Distribution", "distribution_plot", "distributions"]

QUANTILES = 21  # 0, 5, … 100 %
LINES = 6  # in one plot; more cannot be told apart
SHOWN = (0, 1, 5, 10, 15, 19, 20)  # columns of the table: 0, 5, 25, 50, 75, 95, 100 %


@dataclass(frozen=True, slots=True)
class Distribution:
    run: str
    quantiles_ms: tuple[float, ...]
    batch: float
    calls: int

    @property
    def shown_ms(self) -> tuple[float, ...]:
        return tuple(self.quantiles_ms[index] for index in SHOWN)


def distributions(runs: Sequence[RunRecord]) -> tuple[Distribution, ...]:
    """Of the runs that recorded one, the fastest first."""
    found = [each for run in runs if (each := _distribution(run)) is not None]
    return tuple(sorted(found, key=lambda each: each.quantiles_ms[QUANTILES // 2]))


def _distribution(run: RunRecord) -> Distribution | None:
    evidence = run.checks.get("latency", {}).get("evidence", {})
    values: Any = evidence.get("quantiles_ms")
    is_whole = isinstance(values, list | tuple) and len(values) == QUANTILES
    if not is_whole or not all(isinstance(value, int | float) for value in values):
        return None
    return Distribution(
        run.id,
        tuple(float(value) for value in values),
        run.measured("latency", "batch") or 1.0,
        int(run.measured("latency", "calls") or 0),
    )


def distribution_plot(case: str, found: Sequence[Distribution]) -> Plot | None:
    """The fastest few of one batch size; None where none recorded a distribution."""
    shown = [each for each in found if each.batch == found[0].batch][:LINES]
    if not shown:
        return None
    lines = [Drawn(each.run, f"line-{index}", _dots(each), True) for index, each in enumerate(shown)]
    return Plot(
        title=f"How latency is distributed, {case}, the fastest first: {', '.join(each.run for each in shown)}",
        x_title="share of the calls that took as long or less, in %",
        y_title=f"ms a call of {shown[0].batch:g}",
        series=lines,
    )


def _dots(of: Distribution) -> list[Dot]:
    step = 100 // (QUANTILES - 1)
    return [
        Dot(index * step, value, f"{of.run}: {index * step} % within {value:.3g} ms")
        for index, value in enumerate(of.quantiles_ms)
    ]
