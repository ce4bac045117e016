"""Measuring the latency of a run, beside other precisions on the same backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.gate.costs import budget_of, require_native
from pytest_qparity.gate.once import made_so_far
from pytest_qparity.verdict import CannotJudge, Code, Failure, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.backends.timing import Times
    from pytest_qparity.case.data import Feed
    from pytest_qparity.gate.judged import Judged
    from pytest_qparity.gate.run_material import RunMaterial

__all__ = ["latency"]


def latency(run: RunMaterial) -> Verdict:
    import numpy as np

    require_native(run, "latency")

    from pytest_qparity.checks.latency import LatencyMeasurement, judge_latency
    from pytest_qparity.checks.speed_up import speed_up

    budget = budget_of(run)
    budgets = dict(budget.speedup_over or {}) if budget is not None else {}
    feed = _judged_feed(run)
    _require_native_counterparts(run, budgets)
    counterparts = {name: run.session_at(name) for name in _counterparts(run, budgets)}
    seconds = run.material.settings.latency_seconds
    intervals = {}
    timed: list[Times] = []
    for name, session in counterparts.items():
        times = run.session.time_in_turn(session, feed.arrays, seconds / len(counterparts))
        intervals[name] = speed_up(times)
        timed.append(times.of_variant)
    timed = timed or [run.session.time_alone(feed.arrays, seconds)]
    clock = timed[0].clock
    all_ms = np.concatenate([times.ms for times in timed if times.clock is clock])
    whole_ms = [times.end_to_end_ms for times in timed if times.end_to_end_ms is not None]
    run.latency_samples_ms = all_ms
    measured = LatencyMeasurement(
        float(np.median(all_ms)),
        len(all_ms),
        feed.count,
        intervals,
        clock,
        float(np.median(np.concatenate(whole_ms))) if whole_ms else None,
    )
    return judge_latency(measured, budgets)


def _judged_feed(run: RunMaterial) -> Feed:
    """The first feed of those whose outputs were judged, so that the timed runs are held against them."""
    seen: Judged | None = made_so_far(run).get("judged")
    return next(iter(run.material.feeds)) if seen is None else seen.first_feed


def _require_native_counterparts(run: RunMaterial, budgets: Mapping[str, float]) -> None:
    """Nothing is faster than float operators that stand for a precision."""
    emulated = [name for name in budgets if run.is_emulated_at(name)]
    if emulated:
        sentence = f"The speed-up of {run.id} over {emulated[0]}: got float operators that stand for {emulated[0]}, "
        remedy = f"compare with a precision that {run.backend_spec.name} computes in, such as fp32"
        raise CannotJudge(Failure(Code.VARIANT_EMULATED, f"{sentence}should be its own kernels.", remedy))


def _counterparts(run: RunMaterial, budgets: dict[str, float]) -> tuple[str, ...]:
    wanted = dict.fromkeys((*budgets, "fp32"))
    return tuple(name for name in wanted if name != run.precision)
