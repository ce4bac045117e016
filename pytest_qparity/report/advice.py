"""What to ship, and what could still be won: a paragraph for each case, from a ledger alone.

Each sentence names the checks that its numbers are from. Where a ledger does not say, nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pytest_qparity.precision.table import FLOATS, base_of
from pytest_qparity.report.comparison import believed_runs
from pytest_qparity.report.text import one_line, wrapped
from pytest_qparity.report.ties import (
    as_accurate,
    as_fast,
    has_drop,
    is_no_faster_than_float,
    is_slower_than_float,
    loses_something,
    lost,
)
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger
    from pytest_qparity.report.runs import RunRecord

__all__ = ["advice", "advice_on", "advice_text"]

FAIL = Outcome.ACCURACY_FAIL.value


def advice_text(ledger: Ledger) -> str:
    """The paragraphs, wrapped to a terminal; empty where the ledger holds no run of a model."""
    blocks = [f"advice for {one_line(case)}\n{wrapped('', ' '.join(said))}" for case, said in advice(ledger).items()]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def advice(ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """Sentences by case."""
    return advice_on(believed_runs(ledger))


def advice_on(runs: Mapping[str, Sequence[RunRecord]]) -> dict[str, tuple[str, ...]]:
    """The same of runs by case, as `believed_runs` gives them."""
    return {case: tuple(_sentences(of_case)) for case, of_case in runs.items()}


def _sentences(runs: Sequence[RunRecord]) -> Iterator[str]:
    able = [run for run in runs if run.may_ship]
    if not able:
        yield f"No run passes on an engine: there is nothing to ship.{_first_reason(runs)}"
    elif len({run.session for run in able}) > 1:
        yield "The runs are of several machines, whose speed and memory do not compare."
    else:
        yield from _fastest(able, runs)
        yield from _smallest(able)
    if able:
        yield from _most_accurate(able)
    yield from _could_win(runs)


def _first_reason(runs: Sequence[RunRecord]) -> str:
    """Why a run that nothing fails in is not to be shipped: a check that was left out may be all."""
    sound = [run for run in runs if all(event["outcome"] == Outcome.PASS for event in run.checks.values())]
    refusal = sound[0].refusal if sound else None
    return "" if refusal is None else f" {one_line(refusal.sentence)}"


def _fastest(able: Sequence[RunRecord], runs: Sequence[RunRecord]) -> Iterator[str]:
    timed = [run for run in able if run.told("latency", "median_ms")]
    slower = [run for run in timed if is_slower_than_float(run, runs)]
    for run in slower:
        than = f"slower than FP32{_against_float(run)}"
        yield f"{run.id} was measured {than}: it is none for latency {run.link('latency')}."
    timed = [run for run in timed if run not in slower]
    if not timed:
        if slower:
            yield "For latency keep the float model."
        return
    best = min(timed, key=partial(_told, "latency", "median_ms"))
    ms, batch = best.told("latency", "median_ms") or 0.0, best.told("latency", "batch") or 1.0
    than = ", no faster than FP32 within what was measured" if is_no_faster_than_float(best, runs) else ""
    told = f"{ms:.3g} ms at batch {batch:g}{_against_float(best)}{than}"
    yield f"For latency ship {best.id}: {told} {best.link('latency')}."
    yield from _equals([run for run in timed if run is not best and as_fast(best, run)], "as fast", "latency")
    yield from _throughput(timed)


def _throughput(timed: Sequence[RunRecord]) -> Iterator[str]:
    """Of all batches that were timed, the one with the most samples a second."""
    rates = [(rate, batch, run) for run in timed for batch, rate in run.samples_per_s.items()]
    if not rates or max(batch for _, batch, _ in rates) <= 1:
        link = timed[0].link("latency")
        yield f"What larger batches would give was not measured: one sample at a time was fed {link}."
        return
    rate, batch, run = max(rates, key=lambda each: each[0])
    yield f"For throughput ship {run.id}: {rate:,.0f} samples a second at batch {batch} {run.link('latency')}."


def _loss(run: RunRecord) -> str:
    if loses_something(run):
        return f"loses {_amount(run)}"
    if has_drop(run):
        return f"loses {_amount(run)}, which may be chance"
    is_less = (run.drop or 0.0) > 0.0  # than the figures show: a sample of a large census is lost all the same
    return f"loses {_amount(run)}, rounded" if is_less else "loses none that was measured"


def _against_float(run: RunRecord) -> str:
    over, low, high = (run.measured("latency", "speed_up_over", "fp32", key) for key in ("estimate", "low", "high"))
    if over is None or low is None or high is None:
        return ""
    sure = ", which may be no gain" if low <= 1.0 <= high else ""
    return f", {over:.2f} times as fast as FP32 ({low:.2f} to {high:.2f}{sure})"


def _equals(others: Sequence[RunRecord], how: str, check: str) -> Iterator[str]:
    if others:
        names, verb = " and ".join(run.id for run in others), "is" if len(others) == 1 else "are"
        links = ", ".join(run.link(check) for run in others)
        yield f"{names} {verb} {how}, within what was measured {links}."


def _smallest(able: Sequence[RunRecord]) -> Iterator[str]:
    for key, what in (("peak_mb", "memory"), ("size_mb", "the size of the file")):
        known = [run for run in able if run.told("memory", key)]
        if not known:
            continue
        best = min(known, key=partial(_told, "memory", key))
        shown = f"{best.told('memory', key):.3g}"
        equal = [run for run in known if run is not best and f"{run.told('memory', key):.3g}" == shown]
        floats = [run for run in known if run.is_float and run is not best and run not in equal]
        beside = "".join(f", {run.told('memory', key):.3g} MB as {run.id}" for run in floats[:1])
        links = ", ".join(run.link("memory") for run in (best, *floats[:1]))
        yield f"For {what} ship {best.id}: {shown} MB{beside} {links}."
        yield from _equals(equal, "as small", "memory")


def _most_accurate(able: Sequence[RunRecord]) -> Iterator[str]:
    reduced = [run for run in able if not run.is_float]
    if not reduced:
        yield "Nothing but the float model itself passes."
        return
    scored = [run for run in reduced if run.drop is not None]
    if scored:
        best = _best(scored)
        said = _loss(best)
        yield f"Accuracy first: {best.id}, which {said} {best.link('accuracy')}."
        equal = [run for run in scored if run is not best and as_accurate(best, run)]
        yield from _equals(equal, "as accurate", "accuracy")
        if equal and best.sqnr_db is not None:
            yield f"Of these its outputs are nearest to the float model's, {_near(best.sqnr_db)} {best.link('parity')}."
        return
    best = max(reduced, key=lambda run: run.sqnr_db or 0.0)
    if best.sqnr_db is not None:
        yield f"Accuracy first: {best.id}, at {_near(best.sqnr_db)} {best.link('parity')}; no metric was judged."


def _best(scored: Sequence[RunRecord]) -> RunRecord:
    """Of those that are as accurate as the one that loses least the one nearest to the float model."""
    least = min(scored, key=lost)
    return max((run for run in scored if run is least or as_accurate(least, run)), key=lambda run: run.sqnr_db or 0.0)


def _amount(run: RunRecord) -> str:
    """What it loses, in the metric's unit."""
    if run.drop_points is not None:
        return f"{run.drop_points:.2f} points"
    return f"{run.drop:.3g} of {one_line(str(run.checks['accuracy']['evidence'].get('metric', 'its metric')))}"


def _could_win(runs: Sequence[RunRecord]) -> Iterator[str]:
    """What training, or more calibration, could give back: at most what is lost."""
    able = [run for run in runs if run.may_ship and not run.is_float]
    proofs: dict[tuple[str, ...], str] = {}  # by what fails: hundreds may fail alike
    for run in runs:
        base = base_of(run.precision, None)
        if run.is_float or base in FLOATS:
            continue
        failing = [check for check in ("parity", "accuracy") if run.checks.get(check, {}).get("outcome") == FAIL]
        doubts = [note for note in run.checks.get("preflight", {}).get("notes", ()) if "calibration" in note]
        if failing:
            key = tuple(failing)
            if key not in proofs:
                proofs[key] = _proof(able, failing)
            yield (
                f"{run.id} {_failing(run, failing)} {run.link(*failing)}{proofs[key]}: quantization-aware training, or "
                f"nodes kept float (qparity rescue CASE RUN), could win that back at most."
            )
        elif loses_something(run) and _margin_used(run) > 0.5:
            yield (
                f"{run.id} uses {_margin_used(run):.0%} of its margin: quantization-aware training could win "
                f"{_amount(run)} at most {run.link('accuracy')}."
            )
        if doubts:
            yield f"More calibration data may move {run.id}: {doubts[0].rstrip('.')} {run.link('preflight')}."


def _proof(able: Sequence[RunRecord], failing: Sequence[str]) -> str:
    """That it can be done: the best of those that pass what fails."""
    better = [run for run in able if set(failing) <= run.checks.keys()]
    if not better:
        return ""
    best = _first(better)
    return f"; {best.id} passes {best.link(failing[0])}"


def _first(runs: Sequence[RunRecord]) -> RunRecord:
    scored = [run for run in runs if run.drop is not None]
    return _best(scored) if scored else max(runs, key=lambda run: run.sqnr_db or 0.0)


def _failing(run: RunRecord, failing: Sequence[str]) -> str:
    """What a run that fails loses: of its metric where that fails, else how near its outputs are."""
    if "accuracy" in failing and run.drop is not None:
        return f"loses {_amount(run)}"
    if run.sqnr_db is None or "parity" not in failing:
        return "fails"
    kept = " (its accuracy passes)" if run.checks.get("accuracy", {}).get("outcome") == Outcome.PASS.value else ""
    return f"is too far from the float model's outputs, at {_near(run.sqnr_db)}{kept}"


def _near(sqnr_db: float) -> str:
    return "no difference" if math.isinf(sqnr_db) else f"{sqnr_db:.1f} dB"


def _told(check: str, key: str, run: RunRecord) -> float:
    return run.told(check, key) or 0.0


def _margin_used(run: RunRecord) -> float:
    margin = run.told("accuracy", "margin_points") or run.told("accuracy", "margin_value")
    return run.drop / margin if run.drop is not None and margin else 0.0
