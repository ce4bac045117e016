"""Latency: how fast a variant is, and how many times faster than another precision on the same backend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.timed_calls import Clock
from pytest_qparity.case.names import BASELINE
from pytest_qparity.case.problems import uncapitalized
from pytest_qparity.case.references import FLOAT
from pytest_qparity.checks.call_times import TimeLimits, beyond_limits, percentiles_ms, quantiles_ms, samples_per_s
from pytest_qparity.checks.figures import apart
from pytest_qparity.checks.speed_up import decision
from pytest_qparity.verdict import Code, Failure, Verdict, failed, passed

if TYPE_CHECKING:
    from pytest_qparity.backends.timing import Times
    from pytest_qparity.checks.regression.direct import BesideBaseline
    from pytest_qparity.checks.speed_up import Interval

NOTABLE_DRIFT_PERCENT = 10.0

# Between two processes a ratio of equal things lies off by as much, in one direction as long as they live (98 % of 40
# pairs of new workers), and no interval of one session shows it: a budget within that cannot be judged.
PROCESS_LUCK = 1.03
NO_LIMITS = TimeLimits()


@dataclass(frozen=True, slots=True)
class LatencyMeasurement:
    """Median milliseconds a call of `batch` samples, and the speed-up over each precision it was timed against.

    `clock`: whose milliseconds these and those of the speed-ups are. `end_to_end_ms`: median of whole runs, copies to
    and from the device included; None of a session that computes where the feeds lie. `times`: of the calls themselves;
    `batches`: the same at other batches, with `speed_up_at` over FP32 at each; `shapes`: in each shape that was timed,
    with its batch, where there are several. `threads`: those that the engine was given. `elsewhere`: what is known of
    counterparts of other backends, and of those that were not timed (`untimed`) why. `beside_baseline`: over the
    baseline's variant, for the regression check; it decides nothing here.
    """

    median_ms: float
    calls: int
    batch: int
    speed_up_over: Mapping[str, Interval]
    clock: Clock = Clock.HOST
    end_to_end_ms: float | None = None
    times: Times | None = None
    batches: Mapping[int, Times] = field(default_factory=dict)
    threads: int | None = None
    shapes: Mapping[str, tuple[Times, int]] = field(default_factory=dict)
    elsewhere: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    untimed: Mapping[str, Failure] = field(default_factory=dict)
    speed_up_at: Mapping[int, Interval] = field(default_factory=dict)
    beside_baseline: BesideBaseline | None = None


def judge_latency(
    measured: LatencyMeasurement,
    budgets: Mapping[str, float],
    limits: TimeLimits = NO_LIMITS,
    elsewhere: Failure | None = None,
) -> Verdict:
    """`budgets`: the least speed-up over each precision named. `limits`: absolute ones (`beyond_limits`).
    `elsewhere`: that absolute ones were written for other hardware, so that nothing follows from them here
    (`checks.hardware.counts_here`).

    pass: the interval's low end is at or above the budget; fail: its high end is below; else cannot-judge. A latency
    without a call, or that no clock gives, is cannot-judge without any budget too.
    """
    for name, budget in budgets.items():
        if not (math.isfinite(budget) and budget > 0):
            raise ValueError(f"got a speed-up of {budget} over {name} as budget, should be finite and above 0")
    evidence = {
        "median_ms": measured.median_ms,
        "calls": measured.calls,
        "batch": measured.batch,
        "clock": measured.clock.value,
        **({"device_ms": measured.median_ms} if measured.clock is Clock.DEVICE else {}),
        **({} if measured.end_to_end_ms is None else {"end_to_end_ms": measured.end_to_end_ms}),
        "speed_up_over": {name: _told(interval) for name, interval in _counterparts(measured).items()},
        **({"counterparts": dict(measured.elsewhere)} if measured.elsewhere else {}),
        "budgets": dict(budgets),
        **({"absolute_budgets": limits.stated} if limits.stated else {}),
        **_of_calls(measured),
        **({} if measured.beside_baseline is None else {"baseline_variant": measured.beside_baseline.as_json()}),
    }
    is_of_time = bool(limits.stated) and not budgets
    deciding = f"{measured.median_ms:.3g} ms" if is_of_time else _deciding(measured, budgets)
    failures = _unmeasured(measured) + tuple(
        failure
        for name, budget in budgets.items()
        for failure in (
            _waits(name, budget, measured) or _compare(name, budget, measured.speed_up_over.get(name), measured)
        )
    )
    failures += _beyond(measured, limits) + (() if elsewhere is None else (elsewhere,))
    notes = (*_where(measured), *_untimed(measured, budgets), *_waiting(measured, budgets), *_disturbed(measured))
    if failures:
        return failed(deciding, evidence, failures, notes)
    return passed(deciding, evidence, (*(() if budgets or limits.stated else ("recorded, no budget",)), *notes))


def _counterparts(measured: LatencyMeasurement) -> Mapping[str, Interval]:
    """The precisions, and the baseline's variant where it was timed."""
    beside = measured.beside_baseline
    if beside is None or beside.interval is None:
        return measured.speed_up_over
    return {**measured.speed_up_over, BASELINE: beside.interval}


def _told(interval: Interval) -> dict[str, float | str]:
    """Without its numbers where it bounds nothing: they are of chance, and no reader is to show them."""
    numbers = {"low": interval.low, "estimate": interval.estimate, "high": interval.high}
    why = {"why": interval.why} if interval.why else {}
    return {**(numbers if interval.is_bounded else {}), "decision": decision(interval).value, **why}


def _of_calls(measured: LatencyMeasurement) -> dict[str, Any]:
    """What the calls themselves say, where they are there and a clock gave them."""
    times = measured.times
    known: dict[str, Any] = {} if measured.threads is None else {"threads": measured.threads}
    if times is None or _unmeasured(measured):
        return known
    return {
        **known,
        "samples_per_s": samples_per_s(times, measured.batch),
        "quantiles_ms": quantiles_ms(times),
        "percentiles_ms": percentiles_ms(times),
        "batches": {str(batch): _swept(measured, batch) for batch in measured.batches},
        **({"shapes": {name: _row(*each) for name, each in measured.shapes.items()}} if measured.shapes else {}),
        "conditions": dict(times.conditions),
    }


def _swept(measured: LatencyMeasurement, batch: int) -> dict[str, Any]:
    """Each batch has an fp32 of its own, so that what one batch alone makes slow is seen."""
    times, over = measured.batches[batch], measured.speed_up_at.get(batch)
    fastest = {"fastest_ms": float(min(times.quiet_ms))}
    return _row(times, batch) | fastest | ({} if over is None else {"speed_up_over": {"fp32": _told(over)}})


def _row(times: Times, batch: int) -> dict[str, float | int]:
    return {
        "median_ms": float(median(times.quiet_ms)),
        "samples_per_s": samples_per_s(times, batch),
        "calls": len(times.quiet_ms),
    }


def _beyond(measured: LatencyMeasurement, limits: TimeLimits) -> tuple[Failure, ...]:
    if not limits.stated or _unmeasured(measured):
        return ()
    if measured.times is None:
        raise ValueError("got absolute budgets of a latency without its calls, should be with them")
    own = beyond_limits(measured.times, measured.batch, measured.batches, limits)
    return (*own, *_slower_shapes(measured, limits))


def _slower_shapes(measured: LatencyMeasurement, limits: TimeLimits) -> Iterator[Failure]:
    """Of a shape that was timed beside, in short, and took longer than a call may: no pass stands beside its median."""
    if limits.latency_ms is None:
        return
    for name, (times, batch) in measured.shapes.items():
        if times is not measured.times and median(times.quiet_ms) > limits.latency_ms:
            for failure in beyond_limits(times, batch, {}, TimeLimits(latency_ms=limits.latency_ms)):
                yield replace(failure, sentence=f"At {name}: {failure.sentence}")


def _disturbed(measured: LatencyMeasurement) -> Iterator[str]:
    """What a reader of the figures has to know of the machine, and of what was not timed."""
    if measured.beside_baseline is not None and measured.beside_baseline.note:
        yield measured.beside_baseline.note
    conditions = {} if measured.times is None else measured.times.conditions
    if "isolation" in conditions:
        yield (
            "timed in pytest's own process (--qparity-isolation=none): these figures compare with none of engines that "
            "had a process of their own"
        )
    drift = conditions.get("drift_percent", 0.0)
    if abs(drift) > NOTABLE_DRIFT_PERCENT:
        yield f"calls became {abs(drift):g} % {'slower' if drift > 0 else 'faster'} while they were timed"
    if conditions.get("throttled", 0):
        yield f"a core was throttled {conditions['throttled']} times while it was timed"
    if conditions.get("alone") is False:
        yield "timed beside other engines of this gate, which did not come to rest in time"


def _waits(name: str, budget: float, measured: LatencyMeasurement) -> tuple[Failure, ...]:
    """Of a counterpart beside which one of the two waits by itself: no longer and no quieter measurement helps."""
    interval = measured.speed_up_over.get(name)
    if interval is None or not interval.why:
        return ()
    return (
        Failure(
            Code.LATENCY_UNDECIDED,
            f"The speed-up over {name} could not be told: {interval.why}; should be at least {budget:g}.",
            "find what the session waits for (a lock, a file that is paged in, a pool of threads, a remote), or state "
            "latency_ms and p99_ms, which count waits",
        ),
    )


def _waiting(measured: LatencyMeasurement, budgets: Mapping[str, float]) -> Iterator[str]:
    """What a session that waits by itself leaves untold, of counterparts that no budget asks for."""
    for name, interval in _counterparts(measured).items():
        if interval.why and name not in budgets:
            yield f"the speed-up over {name} could not be told: {interval.why}"
    for batch, interval in measured.speed_up_at.items():
        if interval.why and batch != measured.batch:
            yield f"the speed-up over fp32 at batch {batch} could not be told: {interval.why}"
    conditions = {} if measured.times is None else measured.times.conditions
    if conditions.get("waits_unexplained") and conditions.get("waits") != "variant":
        yield (
            f"calls had no processor for {conditions['waited_percent']:g} % of their time, far more than others took "
            "of it: they wait by themselves (a sleep, I/O, a lock) or for a quota; figures leave those that waited out"
        )


def _untimed(measured: LatencyMeasurement, budgets: Mapping[str, float]) -> Iterator[str]:
    """Of counterparts that no budget asks for."""
    for name, reason in measured.untimed.items():
        if name not in budgets:
            yield f"the speed-up over {name} was not measured: {uncapitalized(reason.sentence)}"


def _where(measured: LatencyMeasurement) -> Iterator[str]:
    if measured.end_to_end_ms is not None:
        on = "by the device's clock" if measured.clock is Clock.DEVICE else "by the host's clock, on the device"
        yield f"{measured.median_ms:.3g} ms {on}; {measured.end_to_end_ms:.3g} ms with all copies"


def _deciding(measured: LatencyMeasurement, budgets: Mapping[str, float]) -> str:
    """The speed-up that a budget is of, else that over fp32; of any other counterpart with its name."""
    shown = next(iter(budgets), FLOAT)
    interval = measured.speed_up_over.get(shown)
    if interval is None or not interval.is_bounded:
        return f"{measured.median_ms:.3g} ms"
    return f"{interval.estimate:.2f}x" if shown == FLOAT else f"{interval.estimate:.2f}x {shown}"


def _unmeasured(measured: LatencyMeasurement) -> tuple[Failure, ...]:
    if measured.calls > 0 and math.isfinite(measured.median_ms) and measured.median_ms > 0:
        return ()
    return (
        Failure(
            Code.LATENCY_UNMEASURED,
            f"The median of {measured.calls} calls is {measured.median_ms:g} ms, should be above 0 of at least 1 call.",
            "look at the clock of this machine",
        ),
    )


def _compare(name: str, budget: float, interval: Interval | None, measured: LatencyMeasurement) -> tuple[Failure, ...]:
    reason = measured.untimed.get(name)
    if reason is not None or interval is None or not _bounds(interval):
        sentence = f"The speed-up over {name} was not measured, should be at least {budget:g}."
        remedy = f"list {name} under [precisions] of the case, or take the budget out"
        if reason is not None:
            sentence = f"The speed-up over {name}, which should be at least {budget:g}, was not measured: "
            sentence, remedy = sentence + uncapitalized(reason.sentence), reason.remedy
        return (Failure(Code.LATENCY_COUNTERPART, sentence, remedy),)
    if name in measured.elsewhere:
        interval = interval.widened(PROCESS_LUCK)
    if interval.low >= budget:
        return ()
    low, high = apart(interval.low, budget, 2), apart(interval.high, budget, 2)
    found = f"{interval.estimate:.2f} times ({low} to {high}, {_amount(name, measured)})"
    if interval.high < budget:
        return (
            Failure(
                Code.LATENCY_BUDGET,
                f"The speed-up over {name} is {found}, should be at least {budget:g}.",
                "look for nodes that stayed float or were not fused, or state the budget that this backend can hold",
            ),
        )
    if not interval.is_bounded:
        return (
            Failure(
                Code.LATENCY_UNDECIDED,
                f"The speed-up over {name} could not be told{_why_unbounded(name, measured)}, "
                f"should be at least {budget:g}.",
                "measure longer (--qparity-latency-seconds) or on a quieter machine",
            ),
        )
    return (
        Failure(
            Code.LATENCY_UNDECIDED,
            f"The speed-up over {name} is {found}, should be at least {budget:g} over the whole interval.",
            "measure longer (--qparity-latency-seconds) or on a quieter machine",
        ),
    )


def _amount(name: str, measured: LatencyMeasurement) -> str:
    beside = measured.elsewhere.get(name)
    if beside is None:
        return f"{measured.calls} calls"
    return f"{beside['pairs']} pairs of blocks, {100 * (PROCESS_LUCK - 1):.0f} % for what processes are given by chance"


def _why_unbounded(name: str, measured: LatencyMeasurement) -> str:
    beside = measured.elsewhere.get(name)
    if beside is not None:
        return f": other work interrupted {beside['interrupted_pairs']} pairs of blocks, and too few are left"
    interrupted = 0.0 if measured.times is None else measured.times.conditions.get("interrupted_percent", 0.0)
    if interrupted > 0.0:
        return f": other work interrupted {interrupted:g} % of the calls, and too few are left"
    return f" from {measured.calls} calls"


def _bounds(interval: Interval) -> bool:
    """Whether the interval says something; only its high end may be infinite (too few pairs)."""
    return math.isfinite(interval.low) and math.isfinite(interval.estimate) and not math.isnan(interval.high)
