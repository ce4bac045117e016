"""The comparison table: what each run scores, how fast it is, and what it takes; a row whose figures contradict one
another is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import GOOD, NO_VERDICT, badness
from pytest_qparity.report.runs import RunRecord, runs_by_case
from pytest_qparity.report.terminal import CHECK_ORDER

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["BatchCost", "ComparisonRow", "believed_runs", "comparison_rows", "contradiction_of", "three_figures"]

# As far from the truth, on a scale of ratios, as from a mistake of two: one call taken for two, batch 1 for batch 2.
MOST_APART = math.sqrt(2.0)
_COVERS = {
    "host": "a call, by the host's clock",
    "device": "a call, by the device's clock, without copies",
}


@dataclass(frozen=True, slots=True)
class BatchCost:
    """What a run costs at one more batch size of its case; `speed_up` over fp32 at that batch."""

    batch: int
    latency_ms: float
    samples_per_s: float | None
    speed_up: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One run of a model, as its checks measured it; None: not measured.

    `score`: the variant's value of `metric`, in percent where `is_percent`; `drop_points`: what it lost of the float
    model's. `latency_ms`: median of a call of `batch` samples, of which `latency_covers` says what it holds;
    `concurrency`: calls at a time. `samples_per_s`: offline throughput. `speed_up`: over fp32 of the same backend.
    `peak_mb` of the host, `device_peak_mb` of the device, `size_mb` of the file, megabytes of 10**6 bytes. `outcome`:
    the worst of the run's checks, "no verdict" where one has none; `carried`: from an earlier ledger.
    `problems`: why the figures of latency and throughput cannot all be true; a table must not show them then.
    `sweep`: other batch sizes.
    """

    case: str
    run: str
    outcome: str
    backend: str = ""
    precision: str = ""
    metric: str = ""
    score: float | None = None
    is_percent: bool = False
    drop_points: float | None = None
    sqnr_db: float | None = None
    batch: int | None = None
    concurrency: int = 1
    latency_ms: float | None = None
    latency_covers: str = ""
    samples_per_s: float | None = None
    speed_up: float | None = None
    peak_mb: float | None = None
    device_peak_mb: float | None = None
    size_mb: float | None = None
    carried: bool = False
    problems: tuple[str, ...] = ()
    sweep: tuple[BatchCost, ...] = ()


def comparison_rows(ledger: Ledger) -> tuple[ComparisonRow, ...]:
    """A row for each run of a model, in the ledger's order; also for one that was planned and never judged."""
    unjudged = _unjudged_runs(ledger)
    rows: list[ComparisonRow] = []
    for case, runs in runs_by_case(ledger).items():
        rows += [_row(run, is_whole=(case, run.id) not in unjudged and not run.unknown) for run in runs]
    known = {(row.case, row.run) for row in rows}
    return (
        *rows,
        *(ComparisonRow(case=case, run=run, outcome=NO_VERDICT) for case, run in unjudged if (case, run) not in known),
    )


def believed_runs(ledger: Ledger) -> dict[str, list[RunRecord]]:
    """Runs of models by case, without the latency of those whose figures of speed cannot all be true: what plots and
    advice are made from."""
    return {
        case: [_without_latency(run) if _row(run, is_whole=True).problems else run for run in runs]
        for case, runs in runs_by_case(ledger).items()
    }


def _without_latency(run: RunRecord) -> RunRecord:
    return replace(run, checks={check: event for check, event in run.checks.items() if check != "latency"})


def three_figures(value: float) -> str:
    """A time or a rate as tables show it: three figures, or a whole number; never a power of ten."""
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"


def contradiction_of(
    batch: int | None, latencies_ms: Sequence[float], samples_per_s: float | None, concurrency: int = 1
) -> str:
    """Why no latency of these goes with batch and throughput; empty where one does, or there is nothing to compare.

    samples in flight = samples_per_s · latency_ms / 1000 (Little 1961: L = λW), and `concurrency` calls at a time hold
    concurrency · batch of them. Medians and means of noisy times differ, so that a factor of √2 is let pass: beyond,
    half or twice as many samples are the likelier reading.
    """
    for name, value in (*(("latency", value) for value in latencies_ms), ("throughput", samples_per_s)):
        if value is not None and not (math.isfinite(value) and value > 0):
            return f"Got a {name} of {value:g}, should be finite and above 0."
    if not latencies_ms:
        return ""
    if batch is None or batch < 1:
        return (
            f"Got a latency of {latencies_ms[0]:.3g} ms a call of nobody says how many samples, should say its batch."
        )
    if samples_per_s is None:
        return ""
    held = concurrency * batch
    in_flight = [samples_per_s * latency_ms / 1000.0 for latency_ms in latencies_ms]
    if any(held / MOST_APART <= number <= held * MOST_APART for number in in_flight):
        return ""
    expected = 1000.0 * held / latencies_ms[0]
    calls = "a call" if concurrency == 1 else f"each of {concurrency} calls at a time"
    return (
        f"Got {samples_per_s:,.4g} samples a second at {latencies_ms[0]:.3g} ms {calls} of {batch}, should be about "
        f"{expected:,.4g}: {samples_per_s:,.4g} a second for {latencies_ms[0]:.3g} ms are {in_flight[0]:.3g} in "
        f"flight, and the calls hold {held}."
    )


def _row(run: RunRecord, *, is_whole: bool) -> ComparisonRow:
    accuracy = run.checks.get("accuracy", {}).get("evidence", {})
    latency = run.checks.get("latency", {}).get("evidence", {})
    percent = run.measured("accuracy", "variant_percent")
    batch = _whole(latency.get("batch"))
    concurrency = _whole(latency.get("concurrency")) or 1
    latency_ms, end_to_end_ms = (run.measured("latency", key) for key in ("median_ms", "end_to_end_ms"))
    samples_per_s = run.measured("latency", "samples_per_s")
    sweep = tuple(_sweep(run, latency.get("batches")))
    mean_ms = _mean_of(latency.get("quantiles_ms"))
    told_ms = [value for value in (latency_ms, end_to_end_ms, mean_ms) if value is not None]
    skew = mean_ms / latency_ms if mean_ms and latency_ms else 1.0  # the same machine at another batch
    found = [contradiction_of(batch, told_ms, samples_per_s, concurrency)]
    for each in sweep:
        of_batch = [each.latency_ms, each.latency_ms * skew]
        found.append(contradiction_of(each.batch, of_batch, each.samples_per_s, concurrency))
    return ComparisonRow(
        case=run.case,
        run=run.id,
        backend=run.backend,
        precision=run.precision,
        metric=str(accuracy.get("metric", "")),
        score=run.measured("accuracy", "variant_value") if percent is None else percent,
        is_percent=percent is not None,
        drop_points=run.drop_points,
        sqnr_db=run.sqnr_db,
        batch=batch,
        concurrency=concurrency,
        latency_ms=latency_ms,
        latency_covers="" if latency_ms is None else _covers(latency.get("clock"), end_to_end_ms),
        samples_per_s=samples_per_s,
        speed_up=run.speed_up,
        peak_mb=run.measured("memory", "peak_mb"),
        device_peak_mb=run.measured("memory", "device_peak_mb"),
        size_mb=run.measured("memory", "size_mb"),
        outcome=_outcome([str(event["outcome"]) for event in run.checks.values()], is_whole=is_whole),
        carried=run.is_carried,
        problems=tuple(problem for problem in found if problem),
        sweep=sweep,
    )


def _sweep(run: RunRecord, batches: Any) -> Iterator[BatchCost]:
    for name in batches if isinstance(batches, Mapping) else ():
        batch = _whole(name)
        latency_ms = run.measured("latency", "batches", name, "median_ms")
        if batch is not None and latency_ms is not None:
            rate = run.measured("latency", "batches", name, "samples_per_s")
            yield BatchCost(batch, latency_ms, rate, run.speed_up_in("batches", name))


def _mean_of(quantiles_ms: Any) -> float | None:
    """Mean of a call by the trapezoids between equally spaced quantiles: what throughput goes with, and on a noisy
    machine more than the median."""
    told = quantiles_ms if isinstance(quantiles_ms, list) else []
    if len(told) < 2 or not all(isinstance(value, int | float) for value in told):
        return None
    return float(sum(told) - (told[0] + told[-1]) / 2) / (len(told) - 1)


def _covers(clock: Any, end_to_end_ms: float | None) -> str:
    if clock == "host" and end_to_end_ms is not None:
        return "a call on the device, by the host's clock, without copies"
    return _COVERS.get(str(clock), "a call, by a clock that is not named")


def _outcome(outcomes: Sequence[str], *, is_whole: bool) -> str:
    worst = max(outcomes, key=badness)
    return worst if is_whole or worst not in GOOD else NO_VERDICT


def _unjudged_runs(ledger: Ledger) -> dict[tuple[str, str], None]:
    """Case and run of planned checks without a verdict: a kernel's check has a name that no check of a model has."""
    found: dict[tuple[str, str], None] = {}
    for node_id in ledger.unjudged:
        case_file, _, rest = node_id.partition("::")
        run, _, check = rest.partition("::")
        if check in CHECK_ORDER:
            found[ledger.case_of(case_file), run] = None
    return found


def _whole(value: Any) -> int | None:
    """A batch size, as evidence or as a key of a table; None where it is no whole number."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
