"""Accuracy against latency: which runs of a case no other one beats in both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.report.html.charts import Dot, Drawn, Plot

if TYPE_CHECKING:
    from pytest_qparity.report.runs import RunRecord

__all__ = ["Trade", "front", "pareto_plot"]

LABELLED = 16  # runs; of more only those on the front have their names beside them, of a longer front none


EQUAL_DB = 160.0  # where outputs that equal the float model's are drawn: float32 that differs is not so near


@dataclass(frozen=True, slots=True)
class Trade:
    """`loss`: what is given up, less is better: points lost, or SQNR with its sign turned."""

    run: str
    latency_ms: float
    loss: float
    may_ship: bool


def front(trades: Sequence[Trade]) -> tuple[Trade, ...]:
    """Those that may ship and that no other one of them beats: at least as fast and as accurate, and better in one.
    By latency."""
    best: list[Trade] = []
    for trade in sorted((each for each in trades if each.may_ship), key=lambda each: (each.latency_ms, each.loss)):
        is_equal = bool(best) and (best[-1].latency_ms, best[-1].loss) == (trade.latency_ms, trade.loss)
        if not best or trade.loss < best[-1].loss or is_equal:
            best.append(trade)
    return tuple(best)


def pareto_plot(case: str, runs: Sequence[RunRecord]) -> Plot | None:
    """Of runs timed at one batch size, on one machine and by one clock: the largest such group of two or more. None
    where there is none, since nothing else compares."""
    groups: dict[object, list[RunRecord]] = {}
    for run in runs:
        if run.measured("latency", "median_ms") is not None:
            evidence = run.checks["latency"]["evidence"]
            key = (run.session, evidence.get("batch"), evidence.get("clock"), evidence.get("threads"))
            groups.setdefault(key, []).append(run)
    group = max(groups.values(), key=len, default=[])
    is_scored = sum(run.drop_points is not None for run in group) >= 2
    loss: Callable[[RunRecord], float | None] = _points_lost if is_scored else _noise
    trades = [
        Trade(run.id, latency_ms, lost, run.may_ship)
        for run in group
        if (latency_ms := run.measured("latency", "median_ms")) is not None and (lost := loss(run)) is not None
    ]
    if len(trades) < 2:
        return None
    batch = group[0].measured("latency", "batch") or 1.0
    return _plot(case, trades, batch, is_scored=is_scored)


def _plot(case: str, trades: Sequence[Trade], batch: float, *, is_scored: bool) -> Plot:
    best = front(trades)
    are_best = frozenset(best)
    kinds = (
        Drawn(
            "may ship, and none is better in both",
            "front",
            [_dot(each, len(best) <= LABELLED, is_scored) for each in best],
            True,
        ),
        Drawn(
            "may ship",
            "behind",
            [
                _dot(each, len(trades) <= LABELLED, is_scored)
                for each in trades
                if each.may_ship and each not in are_best
            ],
        ),
        Drawn(
            "may not ship",
            "refused",
            [_dot(each, len(trades) <= LABELLED, is_scored) for each in trades if not each.may_ship],
        ),
    )
    named = ", ".join(each.run for each in best[:LABELLED]) or "none may ship"
    what = "points lost" if is_scored else "SQNR"
    return Plot(
        title=f"{what} against latency of {case}; on the front: {named}",
        x_title=f"latency in ms a call of {batch:g}, less is better",
        y_title="points lost, less is better" if is_scored else "SQNR in dB, more is better",
        series=[kind for kind in kinds if kind.dots],
        note=_refused([each.run for each in trades if not each.may_ship]),
    )


def _refused(runs: Sequence[str]) -> str:
    if not runs:
        return ""
    more = f" and {len(runs) - LABELLED} more" if len(runs) > LABELLED else ""
    return f"May not ship: {', '.join(runs[:LABELLED])}{more}."


def _dot(trade: Trade, is_labelled: bool, is_scored: bool) -> Dot:
    y = trade.loss if is_scored else -trade.loss
    told = "equal" if not is_scored and y == EQUAL_DB else f"{y:.3g} {'points lost' if is_scored else 'dB'}"
    said = f"{trade.run}: {trade.latency_ms:.3g} ms, {told}"
    return Dot(trade.latency_ms, y, said, trade.run if is_labelled else "")


def _points_lost(run: RunRecord) -> float | None:
    return run.drop_points


def _noise(run: RunRecord) -> float | None:
    return None if run.sqnr_db is None else -min(run.sqnr_db, EQUAL_DB)
