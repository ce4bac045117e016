"""What to ship, and what could still be won: a paragraph for each case, from a ledger alone.

Each sentence names the checks that its numbers are from. Where a ledger does not say, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pytest_qparity.precision.table import FLOATS, base_of
from pytest_qparity.report.runs import RunRecord, runs_by_case
from pytest_qparity.report.text import one_line, wrapped
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["advice", "advice_text"]

FAIL = Outcome.ACCURACY_FAIL.value


def advice_text(ledger: Ledger) -> str:
    """The paragraphs, wrapped to a terminal; empty where the ledger holds no run of a model."""
    blocks = [f"advice for {one_line(case)}\n{wrapped('', ' '.join(said))}" for case, said in advice(ledger).items()]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def advice(ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """Sentences by case."""
    return {case: tuple(_sentences(runs)) for case, runs in runs_by_case(ledger).items()}


def _sentences(runs: Sequence[RunRecord]) -> Iterator[str]:
    able = [run for run in runs if run.may_ship]
    if not able:
        yield "No run passes: there is nothing to ship."
    elif len({run.session for run in able}) > 1:
        yield "The runs are of several machines, whose speed and memory do not compare."
    else:
        yield from _fastest(able)
        yield from _smallest(able)
    if able:
        yield from _most_accurate(able)
    yield from _could_win(runs)


def _fastest(able: Sequence[RunRecord]) -> Iterator[str]:
    timed = [run for run in able if run.told("latency", "median_ms")]
    if not timed:
        return
    best = min(timed, key=partial(_told, "latency", "median_ms"))
    ms, batch = best.told("latency", "median_ms") or 0.0, best.told("latency", "batch") or 1.0
    over = best.told("latency", "speed_up_over", "fp32", "estimate")
    low = best.told("latency", "speed_up_over", "fp32", "low")
    high = best.told("latency", "speed_up_over", "fp32", "high")
    against = ""
    if over is not None and low is not None and high is not None:
        sure = "" if low > 1.0 else ", which may be no gain"
        against = f", {over:.2f} times as fast as FP32 ({low:.2f} to {high:.2f}{sure})"
    yield f"For latency ship {best.id}: {ms:.3g} ms at batch {batch:g}{against} {best.link('latency')}."
    if batch > 1:
        yield f"For throughput too, at that batch: {1000.0 * batch / ms:,.0f} samples a second {best.link('latency')}."
    else:
        yield f"Throughput was not measured: the case feeds one sample at a time {best.link('latency')}."


def _smallest(able: Sequence[RunRecord]) -> Iterator[str]:
    for key, what in (("peak_mb", "memory"), ("size_mb", "the size of the file")):
        known = [run for run in able if run.told("memory", key)]
        if not known:
            continue
        best = min(known, key=partial(_told, "memory", key))
        floats = [run for run in known if run.is_float and run is not best]
        beside = "".join(f", {run.told('memory', key):.3g} MB as {run.id}" for run in floats[:1])
        links = ", ".join(run.link("memory") for run in (best, *floats[:1]))
        yield f"For {what} ship {best.id}: {best.told('memory', key):.3g} MB{beside} {links}."


def _most_accurate(able: Sequence[RunRecord]) -> Iterator[str]:
    reduced = [run for run in able if not run.is_float]
    if not reduced:
        yield "Nothing but the float model itself passes."
        return
    scored = [run for run in reduced if run.drop_points is not None]
    if scored:
        best = min(scored, key=lambda run: (run.drop_points, -(run.sqnr_db or 0.0)))
        lost = max(best.drop_points or 0.0, 0.0)
        said = f"loses {lost:.2f} points" if lost else "loses none"
        yield f"Accuracy first: {best.id}, which {said} {best.link('accuracy')}."
        return
    best = max(reduced, key=lambda run: run.sqnr_db or 0.0)
    if best.sqnr_db is not None:
        yield f"Accuracy first: {best.id}, at {best.sqnr_db:.1f} dB {best.link('parity')}; no metric was judged."


def _could_win(runs: Sequence[RunRecord]) -> Iterator[str]:
    """What training, or more calibration, could give back: at most what is lost."""
    able = [run for run in runs if run.may_ship and not run.is_float]
    for run in runs:
        base = base_of(run.precision, None)
        if run.is_float or base in FLOATS:
            continue
        failing = [check for check in ("parity", "accuracy") if run.checks.get(check, {}).get("outcome") == FAIL]
        drop = run.drop_points
        doubts = [note for note in run.checks.get("preflight", {}).get("notes", ()) if "calibration" in note]
        if failing:
            lost = f"{drop:.2f} points" if drop is not None else f"all but {run.sqnr_db or 0.0:.1f} dB"
            better = [each for each in able if each is not run]
            named = min(better, key=lambda each: each.drop_points or 0.0) if better else None
            proof = f"; {named.id} passes {named.link(failing[0])}" if named is not None else ""
            yield (
                f"{run.id} loses {lost} {run.link(*failing)}{proof}: quantization-aware training, or nodes kept float "
                f"(qparity rescue CASE RUN), could win that back at most."
            )
        elif drop is not None and drop > 0.0 and _margin_used(run) > 0.5:
            yield (
                f"{run.id} uses {_margin_used(run):.0%} of its margin: quantization-aware training could win "
                f"{drop:.2f} points at most {run.link('accuracy')}."
            )
        if doubts:
            yield f"More calibration data may move {run.id}: {doubts[0].rstrip('.')} {run.link('preflight')}."


def _told(check: str, key: str, run: RunRecord) -> float:
    return run.told(check, key) or 0.0


def _margin_used(run: RunRecord) -> float:
    drop, margin = run.drop_points, run.told("accuracy", "margin_points")
    return drop / margin if drop is not None and margin else 0.0
