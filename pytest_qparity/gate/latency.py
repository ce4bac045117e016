"""Measuring the latency of a run, beside other precisions on its backend and runs of other backends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_qparity.backends.hosted import CounterpartFailed
from pytest_qparity.backends.timing import Question
from pytest_qparity.case.budget_spec import TIME_KEYS
from pytest_qparity.gate.baseline_variant import beside_baseline
from pytest_qparity.gate.batches import AtBatch, times_at_batches
from pytest_qparity.gate.costs import budget_of, require_native
from pytest_qparity.gate.counterparts import counterpart_names, opened_counterparts
from pytest_qparity.gate.feed_shapes import shape_of, with_shape
from pytest_qparity.gate.same_outputs import require_as_judged
from pytest_qparity.gate.timed_feed import timed_feed
from pytest_qparity.worker.protocol import Isolation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_qparity.backends.timing import Times
    from pytest_qparity.case.budget_spec import Budget
    from pytest_qparity.case.data import Feed
    from pytest_qparity.checks.call_times import TimeLimits
    from pytest_qparity.checks.speed_up import Interval
    from pytest_qparity.gate.counterparts import Counterparts
    from pytest_qparity.gate.feed_shapes import FeedShapes
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.verdict import Verdict

__all__ = ["latency"]


@dataclass(slots=True)
class _Timed:
    """`own`: the run's calls, beside each counterpart on its backend, or alone; `shapes`: in each other shape, with its
    batch; `is_alone`: whether no other engine was at work."""

    own: list[Times] = field(default_factory=list)
    speed_ups: dict[str, Interval] = field(default_factory=dict)
    shapes: dict[str, tuple[Times, int]] = field(default_factory=dict)
    is_alone: bool | None = None


def latency(run: RunMaterial) -> Verdict:
    import numpy as np

    require_native(run, "latency")

    from pytest_qparity.checks.hardware import counts_here
    from pytest_qparity.checks.latency import LatencyMeasurement, judge_latency

    budget = budget_of(run)
    budgets = dict(budget.speedup_over or {}) if budget is not None else {}
    elsewhere = None if budget is None else counts_here(budget, TIME_KEYS, run.hardware)
    limits = _time_limits(None if elsewhere else budget)
    shapes = run.material.feed_shapes
    fed = timed_feed(run)
    feed = fed.placed.feed
    with opened_counterparts(run, counterpart_names(run, budgets), fed) as beside:
        timed = _timed(run, beside, feed, budgets, limits.calls)
    times_of_all = _with_isolation(_together(timed.own, timed.is_alone), run.material.settings.isolation)
    at_batches = times_at_batches(run, {feed.count: AtBatch(times_of_all, timed.speed_ups.get("fp32"))})
    quiet_ms = times_of_all.quiet_ms
    run.latency_samples_ms = quiet_ms
    whole_ms = times_of_all.end_to_end_ms
    measured = LatencyMeasurement(
        float(np.median(quiet_ms)),
        len(quiet_ms),
        feed.count,
        timed.speed_ups,
        times_of_all.clock,
        None if whole_ms is None else float(np.median(whole_ms)),
        times_of_all,
        {batch: each.times for batch, each in at_batches.items()},
        speed_up_at={batch: each.speed_up for batch, each in at_batches.items() if each.speed_up is not None},
        threads=run.options.threads,
        shapes={shape_of(feed): (times_of_all, feed.count), **timed.shapes} if timed.shapes else {},
        elsewhere=beside.elsewhere,
        untimed=beside.untimed,
        beside_baseline=beside_baseline(run, feed),
    )
    return with_shape(judge_latency(measured, budgets, limits, elsewhere), shapes)


def _timed(run: RunMaterial, beside: Counterparts, feed: Feed, budgets: Mapping[str, float], calls: int) -> _Timed:
    """`calls`: that a percentile of the run demands. Calls of blocks between which its process waited are no latency,
    and say nothing but how they compare."""
    from pytest_qparity.checks.speed_up import speed_up

    seconds = run.material.settings.latency_seconds / max(len(beside.sessions), 1)
    session, shapes, found = run.session, run.material.feed_shapes, _Timed()
    with run.material.settings.timed() as found.is_alone:
        for name, counterpart in beside.sessions.items():
            is_elsewhere = name in beside.elsewhere
            question = (
                _across(seconds, budgets.get(name)) if is_elsewhere else _question(seconds, budgets.get(name), calls)
            )
            try:
                times = session.time_in_turn(counterpart, feed.arrays, question)
            except CounterpartFailed as reason:
                beside.untimed[name] = reason.failure
                continue
            found.speed_ups[name] = speed_up(times)
            if is_elsewhere:
                beside.elsewhere[name] |= {
                    "clock": times.of_variant.clock.value,
                    "with_copies": times.with_copies,
                    "pairs": len(times.variant_ms),
                    "interrupted_pairs": times.interrupted,
                }
            else:
                found.own.append(times.of_variant)
        if not found.own:
            found.own = [session.time_alone(feed.arrays, Question(seconds, calls=calls))]
        for other in shapes.others:
            found.shapes[shape_of(other)] = session.time_alone(other.arrays, _brief(run, shapes)), other.count
        if shapes.count > 1:
            require_as_judged(run, shapes.costliest)
    return found


def _time_limits(budget: Budget | None) -> TimeLimits:
    from pytest_qparity.checks.call_times import TimeLimits

    if budget is None:
        return TimeLimits()
    return TimeLimits(budget.latency_ms, budget.p90_ms, budget.p99_ms, budget.samples_per_s)


def _question(seconds: float, budget: float | None, calls: int) -> Question:
    """A budget is decided for itself; without one it is told whether there is a difference, and how large it is."""
    from pytest_qparity.checks.speed_up import how_different

    if budget is not None:
        return Question(seconds, (budget,), must_decide=True, calls=calls)
    return how_different(seconds, calls)


def _across(seconds: float, budget: float | None) -> Question:
    """Beyond what processes are given by chance, or within it: more pairs decide nothing there."""
    from pytest_qparity.checks.latency import PROCESS_LUCK

    if budget is None:
        return _question(seconds, None, 0)
    return Question(seconds, (budget / PROCESS_LUCK, budget * PROCESS_LUCK), must_decide=True)


def _together(timed: Sequence[Times], is_alone: bool | None) -> Times:
    """The variant's calls beside each counterpart, where one clock told of them; the conditions of the first."""
    import numpy as np

    first, *_ = timed
    alike = [times for times in timed if times.clock is first.clock]
    whole_ms = [times.end_to_end_ms for times in timed if times.end_to_end_ms is not None]
    return replace(
        first,
        ms=np.concatenate([times.ms for times in alike]),
        is_sound=np.concatenate([times.is_sound for times in alike]),
        end_to_end_ms=np.concatenate(whole_ms) if whole_ms else None,
        conditions=first.conditions if is_alone is None else {**first.conditions, "alone": is_alone},
    )


def _with_isolation(times: Times, isolation: Isolation) -> Times:
    """Where engines share a process with pytest the conditions say so: its threads, heap and caches are other ones."""
    if isolation is Isolation.PROCESS:
        return times
    return replace(times, conditions={**times.conditions, "isolation": isolation.value})


def _brief(run: RunMaterial, shapes: FeedShapes) -> Question:
    """Of each other shape: enough to see one that takes longer than the costliest was thought to."""
    return Question(run.material.settings.latency_seconds / len(shapes.others))
